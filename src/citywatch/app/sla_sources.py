"""What reports on service levels are made of beside the city's own facts: contracts, registers, imported histories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from citywatch.adapters.store.service_history import ServiceHistory
from citywatch.app.register import read_rows
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.service import ALWAYS_NS, NEVER_NS, STANDINGS, STATES, ServiceFact, ServiceState, Standing, fact
from citywatch.errors import ConfigurationError
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.history import History
from citywatch.yaml_files import parse_model, read_text


class NoSuchContract(ConfigurationError):
    """A name that no contract has."""


CONTRACTS = Path("sla") / "contracts"
REFERENCE = "reference"


def find_contract(root: Path, name: str) -> tuple[Contract, Path | None]:
    """A contract by its name (`sla/contracts/NAME.yaml` of the data directory) or by its file, and where it lies.

    NoSuchContract for a name that none has.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        folder = root / CONTRACTS
        path = folder / f"{name}.yaml"
        if not path.is_file() and name == REFERENCE:
            text = (resources.files("citywatch.sla") / "reference.yaml").read_text(encoding="utf-8")
            return parse_model(text, "reference.yaml", Contract), None
        if not path.is_file():
            known = sorted({REFERENCE, *(file.stem for file in folder.glob("*.yaml"))})
            raise NoSuchContract(
                f"there is no contract {name!r} in {folder}; there are: {', '.join(known)}; or name its file"
            )
    contract = parse_model(read_text(path), str(path), Contract)
    if path.parent == root / CONTRACTS and contract.name != path.stem:
        raise ConfigurationError(f"{path}: it says name: {contract.name}; file and contract must have one name")
    return contract, path


def contracts(root: Path, files: Sequence[Path] = ()) -> list[tuple[Contract, Path | None]]:
    """Those that can be named, by name: of these files, of the data directory, and the reference contract.

    ConfigurationError for the first file that is wrong.
    """
    names = sorted({REFERENCE, *(file.stem for file in (root / CONTRACTS).glob("*.yaml"))})
    found = [find_contract(root, str(file)) for file in files]
    known = {contract.name for contract, _ in found}
    found += [find_contract(root, name) for name in names if name not in known]
    return sorted(found, key=lambda one: one[0].name)


def named(root: Path, name: str, files: Sequence[Path]) -> tuple[Contract, Path | None]:
    """The contract of that name: one of these files, or of the data directory. NoSuchContract."""
    for file in files:
        contract, place = find_contract(root, str(file))
        if contract.name == name:
            return contract, place
    return find_contract(root, name)


def read_register(contract: Contract, file: Path | None) -> dict[str, Listed]:
    """The register that a contract names, beside its file. ConfigurationError lists its mistakes with their lines."""
    if not contract.register_file:
        return {}
    path = (file.parent if file is not None else Path()) / contract.register_file
    found: dict[str, Listed] = {}
    wrong: list[str] = []
    for line, row in read_rows(path):
        try:
            listed = _listed(row, ZoneInfo(contract.time_zone))
            if listed.device in found:
                raise ValueError(f"device {listed.device!r} stands twice")
        except ValueError as error:
            wrong.append(f"{path}, line {line}: {error}")
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
    numbers = np.array([STATES.index(ServiceState(name)) for name in raw["states"]], np.int8)
    columns: dict[str, Any] = {
        "device": raw["device"],
        "state": numbers[raw["state"]],
        "standing": np.full(rows, STANDINGS.index(standing), np.int8),
        "worst_from": raw["from_worst"],
        "best_from": raw["from_best"],
        "worst_to": raw["to_worst"],
        "best_to": raw["to_best"],
        "known": raw["known"],
        "number": raw["number"],
        "cause": raw["cause"],
        "evidence": raw["evidence"],
    }
    return History.of_columns(devices, words, columns, words_stand_once=True)


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
