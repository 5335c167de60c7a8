"""What reports on service levels are made of: contracts, registers, imported histories and the city's own states."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from citywatch.adapters.store.service_history import ServiceHistory
from citywatch.app.data_dir import DataDir
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.service import ALWAYS_NS, NEVER_NS, STANDINGS, STATES, ServiceFact, ServiceState, Standing, fact
from citywatch.errors import ConfigurationError
from citywatch.settings import Settings, parse_model, read_text
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.history import History
from citywatch.sla.responses import Answered

if TYPE_CHECKING:
    from citywatch.adapters.store.sql import SqlStore

CONTRACTS = Path("sla") / "contracts"
REFERENCE = "reference"
_PAGE = 500
_YEAR_NS = 366 * 86_400 * NS_PER_S
_REGISTER = ("device", "area", "class", "department", "contractor", "kind", "site", "parent", "from", "to")


def find_contract(root: Path, name: str) -> tuple[Contract, Path | None]:
    """A contract by its name (`sla/contracts/NAME.yaml` of the data directory) or by its file, and where it lies."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        folder = root / CONTRACTS
        path = folder / f"{name}.yaml"
        if not path.is_file() and name == REFERENCE:
            text = (resources.files("citywatch.sla") / "reference.yaml").read_text(encoding="utf-8")
            return parse_model(text, "reference.yaml", Contract), None
        if not path.is_file():
            known = sorted({REFERENCE, *(file.stem for file in folder.glob("*.yaml"))})
            raise ConfigurationError(
                f"there is no contract {name!r} in {folder}; there are: {', '.join(known)}; or name its file"
            )
    contract = parse_model(read_text(path), str(path), Contract)
    if path.parent == root / CONTRACTS and contract.name != path.stem:
        raise ConfigurationError(f"{path}: it says name: {contract.name}; file and contract must have one name")
    return contract, path


def read_register(contract: Contract, file: Path | None) -> dict[str, Listed]:
    """The register that a contract names, beside its file. ConfigurationError lists its mistakes with their lines."""
    if not contract.register_file:
        return {}
    path = (file.parent if file is not None else Path()) / contract.register_file
    lines = read_text(path).lstrip("\ufeff").splitlines()
    table = csv.reader(lines)
    header = [name.strip().lower() for name in next(table, [])]
    unknown = [name for name in header if name not in _REGISTER]
    if unknown or "device" not in header or len(set(header)) != len(header):
        raise ConfigurationError(
            f"{path}, line 1: columns are {', '.join(_REGISTER)}, each at most once, and device is wanted"
        )
    found: dict[str, Listed] = {}
    wrong: list[str] = []
    for cells in table:
        if not any(cells):
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        try:
            listed = _listed(row, ZoneInfo(contract.time_zone))
            if listed.device in found:
                raise ValueError(f"device {listed.device!r} stands twice")
        except ValueError as error:
            wrong.append(f"{path}, line {table.line_num}: {error}")
            continue
        found[listed.device] = listed
    if wrong:
        raise ConfigurationError("\n".join(wrong[:100]))
    return found


def in_service(register: Mapping[str, Listed]) -> Iterator[ServiceFact]:
    """What the register says of when devices were there."""
    for listed in register.values():
        if listed.from_ns is not None:
            yield fact(
                listed.device, ServiceState.RETIRED, ALWAYS_NS, listed.from_ns, "register", standing=Standing.STATED
            )
        if listed.to_ns is not None:
            yield fact(
                listed.device, ServiceState.RETIRED, listed.to_ns, NEVER_NS, "register", standing=Standing.STATED
            )


def imported(root: Path, standing: Standing) -> History | None:
    """Everything that was imported; None for nothing. `standing` is STATED where it corrects a city's own states."""
    found = ServiceHistory(root).read()
    if found is None:
        return None
    devices, words, raw = found
    rows = len(raw["device"])
    numbers = {state.value: number for number, state in enumerate(STATES)}
    columns: dict[str, Any] = {
        "device": raw["device"],
        "state": np.array([numbers[name] for name in raw["state"]], np.int8),
        "standing": np.full(rows, STANDINGS.index(standing), np.int8),
        "worst_from": raw["from"],
        "best_from": raw["from"],
        "worst_to": raw["to"],
        "best_to": raw["to"],
        "known": raw["known"],
        "number": raw["number"],
        "cause": raw["cause"],
        "evidence": raw["evidence"],
    }
    return History.of_columns(devices, words, columns)


class City:
    """The states that a city has concluded itself, out of its store."""

    def __init__(self, store: SqlStore, known_until_ns: int) -> None:
        self._store = store
        self.known_until_ns = known_until_ns

    @classmethod
    @contextmanager
    def open(cls, directory: DataDir, settings: Settings, now_ns: int) -> Iterator[City | None]:
        """None where no city has run in this data directory. Its log says up to when states are decided."""
        if not (settings.store.url or directory.database.exists()):
            yield None
            return
        from citywatch.adapters.log.redis_streams import RedisLog  # noqa: PLC0415
        from citywatch.adapters.store.sql import SqlStore  # noqa: PLC0415
        from citywatch.app.offline import log_url  # noqa: PLC0415

        store = SqlStore.open(directory.existing().database_url(settings.store.url))
        try:
            with log_url(directory, settings) as url:
                log = RedisLog(url, settings.log.partitions)
                try:
                    decided = min((position.ms for position in log.committed().values()), default=0) * NS_PER_MS
                finally:
                    log.close()
            yield cls(store, min(decided, now_ns))
        finally:
            store.close()

    def register(self) -> dict[str, Listed]:
        """What the city knows of its devices."""
        found = {
            row["device"]: Listed(row["device"], kind=row["kind"], site=row["site"], parent=row["parent"])
            for row in self._devices()
        }
        for row in self._cameras():
            if (listed := found.get(row["camera"])) is not None:
                found[row["camera"]] = replace(listed, klass=row["camera_class"])
        return found

    def history(self, from_ns: int, to_ns: int) -> History:
        """The facts of a window: states, times inhibited by a parent as externally disabled, cameras not there yet."""
        devices = [row["device"] for row in self._devices()]
        facts = [
            fact(row["camera"], ServiceState.RETIRED, ALWAYS_NS, row["put_at_ns"], "not added yet",
                 standing=Standing.PRESUMED)
            for row in self._cameras()
        ]  # fmt: skip
        facts += self._states(devices, from_ns, to_ns)
        for row in self._store.inhibited(devices, from_ns, to_ns):
            worst_from, end = row["first_bad_ns"], NEVER_NS if row["left_at_ns"] is None else row["left_at_ns"]
            facts.append(
                ServiceFact(
                    row["device"],
                    ServiceState.DISABLED,
                    worst_from,
                    min(row["last_good_ns"], worst_from),
                    max(end, worst_from),
                    max(end, worst_from),
                    f"parent:{row['root']}",
                    row["incident"],
                    row["joined_at_ns"],
                    Standing.INHIBITED,
                )
            )
        return History.of_facts(facts, devices=devices)

    def tickets(self, from_ns: int) -> Iterator[Answered]:
        """Tickets that may have waited for an answer since an instant: none that was filed a year before it."""
        before: tuple[int, str] | None = None
        while rows := self._store.tickets(state=None, device=None, before=before, limit=_PAGE):
            for row in rows:
                if row["filed_at_ns"] < from_ns - _YEAR_NS:
                    return
                yield Answered(row["device"], row["filed_at_ns"], row["accepted_at_ns"], row["closed_at_ns"])
            before = rows[-1]["filed_at_ns"], rows[-1]["id"]

    def _states(self, devices: list[str], from_ns: int, to_ns: int) -> Iterator[ServiceFact]:
        words = {"removed": ServiceState.RETIRED}
        device, known = "", ALWAYS_NS
        for row in self._store.device_states(devices, from_ns, to_ns):
            # What was decided later stands over what was decided before, whatever a clock said meanwhile.
            known = max(known, row["at_ns"]) if row["device"] == device else row["at_ns"]
            device = row["device"]
            yield ServiceFact(
                device,
                words.get(row["state"]) or ServiceState(row["state"]),
                row["worst_from_ns"],
                row["best_from_ns"],
                cause=row["reason"],
                evidence=row["event"],
                known_ns=known,
                number=row["seq"],
            )

    def _devices(self) -> Iterator[Mapping[str, Any]]:
        after = ""
        while rows := self._store.devices(kind=None, after=after, limit=_PAGE):
            yield from rows
            after = rows[-1]["device"]

    def _cameras(self) -> Iterator[Mapping[str, Any]]:
        after = ""
        while rows := self._store.cameras(removed=True, after=after, limit=_PAGE):
            yield from rows
            after = rows[-1]["camera"]


def _listed(row: Mapping[str, str], zone: ZoneInfo) -> Listed:
    if not row["device"]:
        raise ValueError("device: it is empty")
    texts = {name: row.get(name, "") for name in ("area", "department", "contractor", "kind", "site", "parent")}
    begin, end = (_local(row.get(name, ""), name, zone) for name in ("from", "to"))
    return Listed(row["device"], klass=row.get("class", ""), **texts, from_ns=begin, to_ns=end)


def _local(text: str, field: str, zone: ZoneInfo) -> int | None:
    """The first instant of a local day, or an instant."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"{field}: {text!r} is no day such as 2026-01-31") from error
    return int(moment.replace(tzinfo=moment.tzinfo or zone).timestamp()) * NS_PER_S
