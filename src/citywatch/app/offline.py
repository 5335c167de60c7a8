"""Commands beside the running city: dead letters and tokens of a data directory, replays, visits."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from citywatch.app.clock import SystemClock
from citywatch.app.data_dir import DataDir
from citywatch.app.kernels import use_cache, warm_imported
from citywatch.app.register import read_register
from citywatch.domain.instants import format_instant
from citywatch.errors import ConfigurationError, DataDirError, DataError, LogUnavailable, OutsideError, RecordRefused
from citywatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from citywatch.adapters.store.sql import SqlStore
    from citywatch.domain.columns import Batch
    from citywatch.domain.responsibility import Register
    from citywatch.flow.recordings import Intake
    from citywatch.flow.replay import Summary as ReplaySummary
    from citywatch.laws import Law
    from citywatch.ports import Row
    from citywatch.rules.enforcement import Instrument
    from citywatch.tickets.clocks import Contracts

_PAGE = 500
LIVE = "live"


# ---- recorded rows


def replay_files(
    files: Sequence[Path],
    *,
    law: str | None,
    config: Path | None = None,
    summary: Path | None,
    events: Path | None,
    data_dir: Path,
    station: str,
    time_zone: str,
    fold: str,
    kind: str | None = None,
    mapping: Path | None = None,
    law_files: Sequence[Path] = (),
) -> None:
    """Replay vendor files into a recording of the data directory and say what became of their lines.

    `config` says what is known of the scales, and what the city presumes; `law_files` hold laws beside ours.
    """
    use_cache()
    from citywatch.adapters.scales.records import kind_of  # noqa: PLC0415
    from citywatch.app.scale_terms import load_formats, record_terms  # noqa: PLC0415
    from citywatch.flow.replay import USUAL_KIND, replay  # noqa: PLC0415
    from citywatch.wire.local_time import Fold  # noqa: PLC0415

    chosen, instruments = _law_and_scales(law, config, law_files)
    terms = record_terms(station, time_zone, fold, mapping)
    load_formats({kind_of(file, kind, "--from", default=USUAL_KIND) for file in files}, terms)
    warm_imported()
    result = replay(
        files,
        chosen,
        data_dir=DataDir.open(data_dir).root,
        now_ns=SystemClock().now_ns(),
        events=events,
        summary=summary,
        instruments=instruments,
        station=station,
        time_zone=time_zone,
        fold=Fold(fold),
        kind=kind,
        mapping=terms.mapping,
        progress=sys.stderr.isatty(),
    )
    _tell(result)


def rerun_recording(
    data_dir: Path,
    *,
    config: Path | None,
    recording: str,
    law: str | None,
    summary: Path | None,
    events: Path | None,
    law_files: Sequence[Path] = (),
) -> None:
    """Decide a recording, or the city's own log (`live`), once more."""
    use_cache()
    from citywatch.flow import recordings, replay  # noqa: PLC0415

    directory = DataDir(data_dir).existing()
    if recording != LIVE:
        label = recordings.find(directory.root, recording)[1]
        chosen, instruments = _law_and_scales(law or label.law, config, law_files)
        if law is None:
            _the_same_law(label, chosen)
        warm_imported()
        again = replay.rerun(
            directory.root, chosen, recording=recording, events=events, summary=summary, instruments=instruments
        )
        _tell(again)
        return
    warm_imported()
    if summary is not None:
        raise ConfigurationError("--summary counts the lines of files; a city's own log has none: leave it out")
    if events is None:
        raise ConfigurationError("say where the events of the city's log shall go: --events FILE")
    settings = _decided_by(directory, config)
    settings = _with_laws(settings, law, law_files)
    from citywatch.app.contracts import read_contracts  # noqa: PLC0415

    beside = None if config is None else config.absolute().parent
    answers = read_register(settings, beside), read_contracts(settings, directory.root, beside)
    print(f"{_rerun_live(directory, settings, events, *answers)} events in {events}")


def _law_and_scales(
    law: str | None, config: Path | None, law_files: Sequence[Path]
) -> tuple[Law, dict[str, Instrument]]:
    """The law of that name, or the configuration's, as the city presumes it, and what is known of the scales."""
    if config is None:
        from citywatch.app.law_files import read_law_files  # noqa: PLC0415
        from citywatch.laws import load  # noqa: PLC0415

        return load(law or "cn-gross", read_law_files(law_files)), {}
    from citywatch.app.steps import instruments, law_of  # noqa: PLC0415

    settings = _with_laws(load_settings(config), law, law_files)
    return law_of(settings), instruments(settings)


def _the_same_law(label: Intake, law: Law) -> None:
    """ConfigurationError when the law that has decided a recording is no longer the one of its name."""
    from citywatch.laws import contents  # noqa: PLC0415

    now = contents(law)
    if label.versions and dict(label.versions) != now:
        changed = sorted(
            ref for ref, digest in {**label.versions, **now}.items() if now.get(ref) != label.versions.get(ref)
        )
        raise ConfigurationError(
            f"this recording was decided by {', '.join(sorted(label.versions))}, and {changed[0]} is another now: name "
            "the law files it was decided by (--law-file), or decide it otherwise with --law"
        )


def _with_laws(settings: Settings, law: str | None, law_files: Sequence[Path]) -> Settings:
    return settings.model_copy(update={"law": law or settings.law, "law_files": (*settings.law_files, *law_files)})


def _decided_by(directory: DataDir, config: Path | None) -> Settings:
    """The settings that `run` decided by: those of the demonstration, where it has played without a configuration or
    the configuration asks for it.
    """
    settings = _settings(config)
    if directory.has_demonstrated and (config is None or settings.demonstration is not None):
        from citywatch.demo.city import demonstration  # noqa: PLC0415

        return demonstration(settings, port=0)
    return settings


def _rerun_live(directory: DataDir, settings: Settings, events: Path, register: Register, contracts: Contracts) -> int:
    from citywatch.adapters.log.redis_streams import RedisLog  # noqa: PLC0415
    from citywatch.adapters.store.segments import read_seals  # noqa: PLC0415
    from citywatch.app.steps import city_step, incident_step  # noqa: PLC0415
    from citywatch.flow.event_file import EventFile  # noqa: PLC0415
    from citywatch.flow.rerun import rerun_log  # noqa: PLC0415

    with _store(directory.root, settings) as store, log_url(directory, settings) as url, EventFile(events) as target:
        log = RedisLog(url, settings.log.partitions)
        try:
            # Read before the segments: what is sealed meanwhile is then known already, and not read twice.
            sealed = store.archived()
            steps = (
                city_step(settings, register=register, contracts=contracts),
                incident_step(settings, register, contracts),
            )
            for event in rerun_log(read_seals(directory.root, store), sealed, log, *steps):
                target.add(event)
            if store.archived() != sealed:
                raise OutsideError(
                    "sealed", "the running city sealed a part of its log meanwhile; ask again", retry=True
                )
            return target.finish()
        finally:
            log.close()


def _tell(result: ReplaySummary) -> None:
    print(
        f"{result.lines} lines: {result.passes} passes, {result.repeated} repeated, {result.refused} refused\n"
        f"{result.law}: {result.lawful} lawful, {result.over} over, {result.undecided} undecided;"
        f" {result.suspect} suspect\nrecorded as {result.recording}"
    )


# ---- cameras


def patrol_cameras(
    urls: Sequence[str],
    *,
    visits: int,
    every: float | None,
    transport: str,
    as_json: bool,
    username: str,
    password_file: Path | None,
) -> int:
    """Visit cameras; exit code 3 when any has a fault."""
    use_cache()
    from citywatch.app.patrol import patrol_urls  # noqa: PLC0415

    return asyncio.run(
        patrol_urls(
            urls,
            visits=visits,
            every_seconds=every,
            transport="udp" if transport == "udp" else "tcp",
            as_json=as_json,
            out=sys.stdout,
            username=username,
            password_file=password_file,
        )
    )


def patrol_fleet_file(
    file: Path, *, for_s: float, as_json: bool, config: Path | None, decoders: int | None, target_s: float | None
) -> int:
    """Visit the cameras of a fleet file for a while; exit code 3 when any look found a fault."""
    settings = (Settings() if config is None else load_settings(config)).patrol
    if decoders is not None:
        settings = settings.model_copy(update={"decoders": decoders})
    use_cache()
    from citywatch.app.patrol_fleet import patrol_fleet  # noqa: PLC0415

    return asyncio.run(
        patrol_fleet(file, for_s=for_s, as_json=as_json, out=sys.stdout, settings=settings, target_s=target_s)
    )


# ---- dead letters


def list_dead_letters(data_dir: Path, *, config: Path | None, source: str | None, limit: int, as_json: bool) -> None:
    """Print what was refused, oldest first: its reason, never its content, which may hold plates.

    First what the city keeps, then what each replay refused: those have `recording` and cannot be handed in again
    here, the file is replayed when it is mended.
    """
    with ExitStack() as stack:
        shown = 0
        for recording, store in _kept_by(DataDir(data_dir).existing(), _settings(config), stack):
            for letter in _letters(store, source):
                if shown >= limit:
                    print(f"... more; ask with --limit above {limit}", file=sys.stderr)
                    return
                shown += 1
                line = {
                    "number": letter["number"],
                    "recording": recording,
                    "at": format_instant(letter["at_ns"]),
                    "source": letter["source"],
                    "reason": letter["reason"],
                    "message": letter["message"],
                    "size_bytes": letter["size"],
                }
                if as_json:
                    print(json.dumps(line, ensure_ascii=False))
                else:
                    print("{recording}{number:>8}  {at}  {source}  {reason}  {message}".format(**line))


def _kept_by(directory: DataDir, settings: Settings, stack: ExitStack) -> Iterator[tuple[str, SqlStore]]:
    """The stores that hold dead letters: the city's (named ``), where there is one, and each finished recording's."""
    from citywatch.flow import recordings  # noqa: PLC0415

    if settings.store.url or directory.database.exists():
        yield "", stack.enter_context(_store(directory.root, settings))
    for name in recordings.finished(directory.root):
        index = recordings.open_index(directory.root / recordings.FOLDER / name)
        try:
            yield name, index
        finally:
            index.close()


def retry_dead_letters(data_dir: Path, *, config: Path | None, source: str | None, numbers: Sequence[int]) -> int:
    """Hand letters in again. A letter goes when all of it was accepted; exit code 1 when some stay."""
    from citywatch.adapters.log.redis_streams import RedisLog  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415

    settings = _settings(config)
    taken = stayed = 0
    unknown = set(numbers)
    with _store(data_dir, settings) as store, log_url(DataDir(data_dir).existing(), settings) as url:
        log = RedisLog(url, settings.log.partitions)
        try:
            door = LogDoor(log, "deadletter-retry")
            for letter in _letters(store, source):
                if numbers and letter["number"] not in numbers:
                    continue
                unknown.discard(letter["number"])
                try:
                    door.append(_read_again(letter, settings))
                except DataError as error:
                    stayed += 1
                    print(f"{letter['number']}: stays: {error}")
                    continue
                store.forget_dead_letter(letter["number"])
                taken += 1
        finally:
            log.close()
    print(f"{taken} handed in again, {stayed} stay")
    if unknown:
        print(f"there is no letter {', '.join(map(str, sorted(unknown)))}; see `citywatch deadletter list`")
    return 1 if stayed or unknown else 0


def _read_again(letter: Row, settings: Settings) -> Batch:
    """The rows of a letter. DataError when it still cannot be read, or is of a kind that cannot be handed in."""
    from citywatch.wire import blobs, station_json  # noqa: PLC0415

    if letter["truncated"]:
        raise DataError("only the first part of it was kept; send it again from its source")
    if letter["source"] == "http:passes":
        now_ns = SystemClock().now_ns()
        decoded = station_json.decode(letter["content"], settings.server.station.form(), received_ns=now_ns)
        if decoded.refused:
            raise RecordRefused(decoded.refused[0].reason.value, decoded.refused[0].message)
        return decoded.batch
    if letter["source"].startswith("step:"):
        return blobs.decode(letter["content"])
    raise DataError(f"what comes from {letter['source']} cannot be handed in again here; send it again from its source")


def _letters(store: SqlStore, source: str | None) -> Iterator[Row]:
    after = 0
    while page := store.dead_letters(source=source, after=after, limit=_PAGE):
        yield from page
        after = page[-1]["number"]


# ---- tokens


def create_token(data_dir: Path, config: Path | None, name: str, role: str, team: str = "") -> None:
    """Make a token and print it, once."""
    from citywatch.app.tokens import make_token  # noqa: PLC0415

    with _store(data_dir, _settings(config)) as store:
        print(make_token(store, name, role, SystemClock(), team))


def list_tokens(data_dir: Path, config: Path | None) -> None:
    """Print who may ask; the tokens themselves are not stored."""
    with _store(data_dir, _settings(config)) as store:
        for row in store.tokens():
            state = "revoked" if row["revoked"] else "valid"
            created = format_instant(row["created_at_ns"])
            print(f"{row['name']:<32} {row['role']:<10} {state:<8} {created} {row['team']}".rstrip())


def revoke_token(data_dir: Path, config: Path | None, name: str) -> None:
    """Make a token worthless; ConfigurationError when there is none of this name."""
    with _store(data_dir, _settings(config)) as store:
        if not store.revoke_token(name):
            raise ConfigurationError(f"there is no valid token named {name!r}; see `citywatch token list`")


# ---- where things are


def _settings(config: Path | None) -> Settings:
    return Settings() if config is None else load_settings(config)


@contextmanager
def _store(data_dir: Path, settings: Settings) -> Iterator[SqlStore]:
    from citywatch.adapters.store.sql import SqlStore  # noqa: PLC0415

    store = SqlStore.open(DataDir(data_dir).existing().database_url(settings.store.url))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def log_url(directory: DataDir, settings: Settings) -> Iterator[str]:
    """The log of a city: its own server's, that of the running city, or one started for the moment."""
    from citywatch.adapters.log.embedded import EmbeddedServer  # noqa: PLC0415

    if settings.log.url:
        yield settings.log.url
        return
    try:
        directory.hold(["log"])
    except DataDirError:
        try:
            running = json.loads((directory.log / "running.json").read_text(encoding="utf-8"))
            url = f"unix://{quote(running['socket'])}?db=0"
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LogUnavailable(
                f"the city in {directory.root} is starting or stopping: its log server cannot be found; ask again"
            ) from error
        yield url
        return
    with EmbeddedServer(directory.log) as server:
        yield server.url
