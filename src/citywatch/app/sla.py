"""`citywatch sla`: a history in, the figures of a contract out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from citywatch.app.clock import SystemClock
from citywatch.app.data_dir import DataDir
from citywatch.app.kernels import use_cache, warm_imported
from citywatch.domain.instants import NS_PER_S, check_zone, local_instant, parse_instant
from citywatch.errors import ConfigurationError, DescriptionRefused, RecordRefused

if TYPE_CHECKING:
    from citywatch.sla.report import Report

STDOUT = "-"


def import_history(data_dir: Path, file: Path, *, time_zone: str, as_json: bool) -> None:
    """Take a table of states into the data directory. With any mistake nothing is taken, and every mistake is told."""
    from citywatch.adapters.store.service_history import ServiceHistory  # noqa: PLC0415
    from citywatch.wire.service_csv import ServiceRefused, read_history  # noqa: PLC0415

    zone = _zone(time_zone)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = read_history(lines, zone)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; name a readable CSV file") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except ServiceRefused as error:
        raise DescriptionRefused(error.mistakes) from error
    done = ServiceHistory(DataDir.open(data_dir).root).add(rows)
    if as_json:
        print(json.dumps({"added": done.added, "repeated": done.repeated, "file": done.file and str(done.file)}))
        return
    where = f" in {done.file}" if done.file else ""
    print(f"{done.added} intervals added{where}, {done.repeated} were there already")


def report(
    data_dir: Path,
    *,
    config: Path | None,
    contract: str,
    begin: str,
    end: str,
    as_known_at: str | None,
    source: str,
    outputs: Mapping[str, str | None],
) -> None:
    """Work a report out and write it: `outputs` are the places by format; without one a short text is printed."""
    from citywatch.app.sla_files import written  # noqa: PLC0415

    use_cache()
    found = _work_out(data_dir, config, contract, begin, end, as_known_at, source)
    chosen = {kind: place for kind, place in outputs.items() if place is not None}
    for kind, place in chosen.items():
        _write(place, written(found, kind))
    if not chosen:
        print(_text(found))


def explain(
    data_dir: Path,
    *,
    config: Path | None,
    contract: str,
    begin: str,
    end: str,
    as_known_at: str | None,
    source: str,
    selection: Mapping[str, str],
    most: int,
    as_json: bool,
) -> None:
    """Say which stretches of time make a figure, and what they add up to."""
    use_cache()
    from citywatch.sla.explain import Selection, explained  # noqa: PLC0415
    from citywatch.sla.verdicts import percent  # noqa: PLC0415

    found = _work_out(data_dir, config, contract, begin, end, as_known_at, source)
    told = explained(found, Selection(**selection), most=most)
    zone = ZoneInfo(found.contract.time_zone)
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return
    for row in told["intervals"]:
        because = " ".join(word for word in (row["cause"], row["evidence"][:12]) if word)
        times = f"{_local(row['from'], zone)}  {_local(row['to'], zone)}"
        print(
            f"{times}  {row['required_seconds']:>12,} s  {row['counts_as']:8}  {row['state']:19}  "
            f"{row['device']}  {because}"
        )
    left_out = told["intervals_in_all"] - len(told["intervals"])
    if left_out:
        print(f"... and {left_out:,} more")
    print(
        ", ".join(f"{name} {told[name + '_seconds']:,} s" for name in ("up", "down", "unknown", "excluded", "retired"))
    )
    if told["worst"] is not None:
        print(f"{percent(told['worst_exact'], 4)} % to {percent(told['best_exact'], 4)} %: {told['verdict']}")


def _work_out(
    data_dir: Path, config: Path | None, contract: str, begin: str, end: str, as_known_at: str | None, source: str
) -> Report:
    from citywatch.app.sla_work import Place, work_out  # noqa: PLC0415
    from citywatch.ports import ReportQuestion  # noqa: PLC0415
    from citywatch.settings import Settings, load_settings  # noqa: PLC0415

    warm_imported()
    settings = Settings() if config is None else load_settings(config)
    place = Place(DataDir(data_dir), settings, None if config is None else config.absolute().parent)
    try:
        return work_out(place, ReportQuestion(contract, begin, end, as_known_at or "", source), SystemClock().now_ns())
    except RecordRefused as error:
        # What is wrong stands on the command line: --from, --to, --contract.
        option = f"--{error.field.replace('_', '-')} " if error.field else ""
        raise ConfigurationError(f"{option}{str(error).removeprefix(error.field + ': ')}") from error


def _text(found: Report) -> str:
    from citywatch.sla.verdicts import percent  # noqa: PLC0415

    shown = found.figures_json()
    zone = ZoneInfo(found.contract.time_zone)
    begin, end = local_instant(found.from_ns, zone), local_instant(found.to_ns, zone)
    lines = [f"{shown['title'] or shown['contract']}: {begin} to {end}, {shown['devices']} devices"]
    if shown["worst"] is None:
        return "\n".join([*lines, "No time was required."])
    lines.append(
        f"Intact {percent(shown['worst_exact'], 4)} % to {percent(shown['best_exact'], 4)} %,"
        f" target {shown['target_percent']:g} %: {shown['verdict']}"
    )
    if (so_far := shown["so_far"]) is not None and so_far["worst"] is not None:
        lines.append(
            f"So far, to {local_instant(found.now_ns, zone)}: {percent(so_far['worst_exact'], 4)} % to"
            f" {percent(so_far['best_exact'], 4)} %: {so_far['verdict']}"
        )
    if (penalty := shown["penalty"]) is not None:
        lines.append(_deducted("the intact rate", penalty))
    lines.append(
        ", ".join(f"{name} {shown[name + '_seconds']:,} s" for name in ("up", "down", "unknown", "excluded", "retired"))
    )
    if (repair := shown["repair"]) is not None:
        cases = repair["cases"]["worst"]
        lines.append(
            f"Repair within {repair['within_seconds'] // 3600} h: {cases['kept']} kept, {cases['broken']} broken,"
            f" {cases['running']} running: {repair['verdict']}"
        )
    if (response := shown["response"]) is not None:
        cases = response["cases"]
        lines.append(
            f"Response within {response['within_seconds'] // 3600} h: {cases['kept']} kept, {cases['broken']} broken,"
            f" {cases['running']} running: {response['verdict']}"
        )
    for name in ("repair", "response"):
        if shown[name] is not None and (penalty := shown[name]["penalty"]) is not None:
            lines.append(_deducted(name, penalty))
    for device in shown["worst_devices"][:5]:
        lines.append(f"  {device['device']}: {percent(device['worst_exact'])} %, down {device['down_seconds']:,} s")
    return "\n".join([*lines, *shown["notes"]])


def _deducted(what: str, penalty: Mapping[str, float]) -> str:
    best, worst = (f"{penalty[f'deduct_percent_{side}']:g}" for side in ("best", "worst"))
    return f"Deducted for {what}: {best if best == worst else f'{best} to {worst}'} %"


def _local(instant: str, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(parse_instant(instant) // NS_PER_S, zone).isoformat()


def _write(place: str, content: bytes) -> None:
    if place == STDOUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    from citywatch.adapters.store.disk import WholeFile  # noqa: PLC0415

    with WholeFile(Path(place), "report") as file:
        file.file.write(content)
        file.commit()


def _zone(name: str) -> str:
    try:
        return check_zone(name)
    except ValueError as error:
        raise ConfigurationError(f"--time-zone: {error}") from error
