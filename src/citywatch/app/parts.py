"""The parts of a running city, one process each: `prepare`, `process`, `project`, `serve`, `patrol`,
`registrar`, `scales`, `notify` and `demo`.

A part reads its briefing from the first line of its standard input, says `ready` on its standard output, and ends
when its standard input is closed or SIGTERM comes. Whatever it opens is closed in reverse.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from citywatch.app.briefing import Briefing
from citywatch.app.interpreter import share_the_interpreter
from citywatch.app.kernels import compile_once, warm
from citywatch.app.preload import preload
from citywatch.domain.instants import NS_PER_MS
from citywatch.errors import CitywatchError, ConfigurationError
from citywatch.telemetry import PrometheusMeter, log_as_json

if TYPE_CHECKING:
    from citywatch.adapters.log.redis_streams import RedisLog
    from citywatch.adapters.store.compaction import Compaction
    from citywatch.adapters.store.objects import DirectoryObjects
    from citywatch.adapters.store.sql import SqlStore
    from citywatch.api.serve import ApiServer
    from citywatch.domain.commands import CommandBatch
    from citywatch.flow.runner import Turns
    from citywatch.ports import Clock
    from citywatch.settings import Settings

_log = logging.getLogger(__name__)

_BLOCK_MS = 500
_PRESENCE_S = 1.0
_PRUNE_EVERY_S = 3600.0
_REPORTS_EVERY_S = 300.0
_TICKETS_EVERY_S = 15.0
_LOOK_FOR_NEWS_S = 0.5
_LOOKS_FOR_ALL = 60
_FIGURES_EVERY_S = 5.0
_LAST_WORDS_S = 4.0
_NS_PER_DAY = 86_400_000_000_000


def run_part(name: str) -> int:
    """Run one part to its end; returns the exit code that tells the supervisor whether to start it again."""
    preload(name)
    line = sys.stdin.readline()
    if not line:
        return 1  # whoever would have told what to do is gone
    briefing = Briefing.from_line(line)
    log_as_json(name, briefing.log_level)
    stop = _stopped_by_supervisor()
    try:
        with ExitStack() as stack:
            _PARTS[name](briefing, stop, stack)
    except CitywatchError as error:
        print(f"citywatch: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except OSError as error:
        print(f"citywatch: {name}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _prepare(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """What must be done once before the others: the store brought up to date, the kernels compiled, a first token."""
    del stop
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.keys import make_own_key  # noqa: PLC0415
    from citywatch.app.tokens import DEMONSTRATION_TOKENS, first_token, keep_token  # noqa: PLC0415

    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    make_own_key(briefing, store)
    compile_once(Path(os.environ["NUMBA_CACHE_DIR"]))
    clock = SystemClock()
    # The one who serves makes the first token: there is nobody else whom it could open a door to.
    token = first_token(store, clock) if briefing.port else None
    for name, role in DEMONSTRATION_TOKENS.items():
        if role in briefing.tokens:
            keep_token(store, name, role, briefing.tokens[role], clock)
    _say_ready(token=token or "")


def _process(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Steps, incidents, the clock and the fleet: what decides."""
    from citywatch.adapters.cameras.fleet_file import parse_fleet  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.contracts import read_contracts  # noqa: PLC0415
    from citywatch.app.fleet import FleetKeeper  # noqa: PLC0415
    from citywatch.app.keys import sealer  # noqa: PLC0415
    from citywatch.app.law_files import keep_versions  # noqa: PLC0415
    from citywatch.app.register import read_register  # noqa: PLC0415
    from citywatch.app.steps import city_step, incident_step  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415
    from citywatch.flow.incident_stage import IncidentStage  # noqa: PLC0415
    from citywatch.flow.lateness import CountingStep  # noqa: PLC0415
    from citywatch.flow.processor import Processor  # noqa: PLC0415
    from citywatch.flow.pulse import Ticker  # noqa: PLC0415

    settings, directory, clock = briefing.settings(), briefing.directory(), SystemClock()
    meter = PrometheusMeter(directory.metrics, "process")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    warm()
    register = read_register(settings, briefing.place())
    contracts = read_contracts(settings, directory.root, briefing.place())
    step = city_step(settings, sealer(briefing).derived("plates"), register, contracts)
    keep_versions(directory.root, step.law)
    processor = Processor(log, CountingStep(step, meter), meter, clock)
    door = LogDoor(log, "process")
    incidents = IncidentStage(log, incident_step(settings, register, contracts), meter, tell=door.append)
    commands = registrations(settings, clock.now_ns())
    if len(commands):
        door.append(commands)
    file = None if settings.fleet_file is None else briefing.beside_configuration(settings.fleet_file)
    fleet = FleetKeeper(
        settings.cameras,
        file,
        partial(parse_fleet, classes=settings.patrol.classes, beside=None if file is None else file.parent),
        [scale.device for scale in settings.scales],
        sealer=sealer(briefing),
        store=store,
        door=door,
        clock=clock,
        meter=meter,
        stop=stop,
    )
    turns = {
        "steps": lambda: processor.turn(_BLOCK_MS),
        "incidents": lambda: incidents.turn(_BLOCK_MS),
        "clock": Ticker(door, clock).turn,
        "fleet": fleet.turn,
    }
    running = _start_turns(turns, meter, stop, stack)
    _live("process", briefing, running, stop, stack)


def _project(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Projections, archive, pruning and reports: what becomes of that which is decided.

    A process apart from the steps: rows go into the database one by one, and a thread that writes them would wait for
    its turn of the interpreter at each.
    """
    from citywatch.adapters.log.redis_streams import RedisHint  # noqa: PLC0415
    from citywatch.adapters.log.terms import LogLimits  # noqa: PLC0415
    from citywatch.adapters.store.compaction import Compaction  # noqa: PLC0415
    from citywatch.adapters.store.objects import DirectoryObjects  # noqa: PLC0415
    from citywatch.adapters.store.project import Projector  # noqa: PLC0415
    from citywatch.adapters.store.segments import SegmentWriter  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.flow.archive import Archive, SealPolicy  # noqa: PLC0415
    from citywatch.flow.projection import Projection  # noqa: PLC0415

    settings, directory, clock = briefing.settings(), briefing.directory(), SystemClock()
    meter = PrometheusMeter(directory.metrics, "project")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    objects = DirectoryObjects(
        directory.objects,
        unpinned_quota_bytes=settings.patrol.pictures_mb << 20,
        pinned_quota_bytes=settings.patrol.evidence_mb << 20,
        meter=meter,
    )
    hint = RedisHint(briefing.log_url)
    stack.callback(hint.close)
    projector = Projector(store, pin=objects.pin, release=objects.release)
    segments = SegmentWriter(directory.root, store, max_rows=settings.archive.seal_rows)
    segments.sweep()
    limits = LogLimits()
    projection = Projection(log, projector, hint, meter)
    archive = Archive(
        log,
        segments,
        store.archived(),
        projector.positions,
        clock,
        meter,
        SealPolicy(
            settings.archive.seal_rows,
            settings.archive.seal_seconds,
            entries=limits.readings_entries // 2,
            entry_bytes=limits.readings_bytes // 2,
        ),
        gives_way=lambda: projection.is_behind,
    )
    compaction = Compaction(
        briefing.directory().root,
        store,
        max_rows=settings.archive.seal_rows,
        keep_days=settings.archive.keep_days,
    )
    turns = {
        "projection": lambda: projection.turn(_BLOCK_MS),
        "archive": lambda: archive.turn(_BLOCK_MS),
        "tickets": _ticket_figures(store, meter, clock, stop),
        "pruning": _every(_PRUNE_EVERY_S, stop, lambda: _prune(store, objects, settings, clock.now_ns())),
        "compaction": _every(_PRUNE_EVERY_S, stop, lambda: _compact(compaction, clock.now_ns())),
    }
    if settings.reports:
        turns["reports"] = _monthly_reports(briefing, settings, log, meter, stop, stack)
    running = _start_turns(turns, meter, stop, stack)
    _live("project", briefing, running, stop, stack)


def _serve(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """The API and the console."""
    import uvicorn  # noqa: PLC0415
    import uvloop  # noqa: PLC0415

    from citywatch.adapters.cameras.registry import CameraRegistry  # noqa: PLC0415
    from citywatch.adapters.log.board import PatrolBoard  # noqa: PLC0415
    from citywatch.adapters.log.presence import Presence  # noqa: PLC0415
    from citywatch.adapters.log.redis_streams import RedisWakeup  # noqa: PLC0415
    from citywatch.adapters.photos import PhotoRoom  # noqa: PLC0415
    from citywatch.adapters.store.kept_reports import KeptReports  # noqa: PLC0415
    from citywatch.adapters.store.objects import DirectoryObjects  # noqa: PLC0415
    from citywatch.api.app import create_api  # noqa: PLC0415
    from citywatch.api.connection import BoundedConnection  # noqa: PLC0415
    from citywatch.api.serve import ApiServer  # noqa: PLC0415
    from citywatch.app.answers import StatedAnswers  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.contracts import read_contracts  # noqa: PLC0415
    from citywatch.app.keys import sealer  # noqa: PLC0415
    from citywatch.app.passes import JudgedPasses  # noqa: PLC0415
    from citywatch.app.register import read_register  # noqa: PLC0415
    from citywatch.app.report_room import ReportRoom  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415
    from citywatch.flow.pulse import Observer  # noqa: PLC0415

    settings, directory, clock = briefing.settings(), briefing.directory(), SystemClock()
    meter = PrometheusMeter(directory.metrics, "serve")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    presence = Presence(briefing.log_url)
    stack.callback(presence.close)
    door = LogDoor(log, "serve")
    board = PatrolBoard(briefing.log_url)
    stack.callback(board.close)
    expected = ["process", "project"]
    if settings.registrar is not None:
        expected.append("registrar")
    if settings.has_scales_part:
        expected.append("scales")
    if settings.has_notify_part:
        expected.append("notify")

    def health() -> Mapping[str, str]:
        # A patrol is missed only where there is something to be visited.
        return presence.heard([*expected, "patrol"] if settings.cameras or store.cameras(limit=1) else expected)

    passes = JudgedPasses(directory.root, store, log, settings.law, settings)
    reports = ReportRoom(briefing, KeptReports(directory.root), meter, now_ns=clock.now_ns, stopped=stop.is_set)
    stack.callback(reports.close)
    turns = {
        "observer": Observer(settings.server.observer, door, clock).turn,
        # Kernels are heavy to load and only lists of passes need them here: not before everybody is up.
        "kernels": _every(float("inf"), stop, partial(_when_up, health, stop, passes.warm)),
    }
    running = _start_turns(turns, meter, stop, stack)
    api = create_api(
        store=store,
        passes=passes,
        door=door,
        objects=DirectoryObjects(
            directory.objects,
            unpinned_quota_bytes=settings.patrol.pictures_mb << 20,
            pinned_quota_bytes=settings.patrol.evidence_mb << 20,
            meter=meter,
        ),
        clock=clock,
        meter=meter,
        wakeup=RedisWakeup(briefing.log_url),
        health=health,
        known_until=lambda: min(position.ms for position in log.committed().values()) * NS_PER_MS,
        config=settings.server,
        forms=CameraRegistry(
            sealer(briefing),
            settings.patrol.classes,
            [briefing.beside_configuration(directory) for directory in settings.secrets.password_directories],
            [briefing.beside_configuration(directory) for directory in settings.patrol.file_directories],
        ),
        patrol=board,
        answers=StatedAnswers(log),
        photos=PhotoRoom(meter),
        reports=reports,
        findings_config=settings.findings,
        open311=settings.open311,
        contracts=read_contracts(settings, directory.root, briefing.place()),
        register=read_register(settings, briefing.place()),
    )
    _start_presence("serve", briefing, running, stop, stack)
    config = uvicorn.Config(
        api,
        host=settings.server.host,
        port=briefing.port,
        log_config=None,
        access_log=False,
        http=BoundedConnection,
        ws="none",
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    uvloop.run(_serve_until(ApiServer(config), stop))


def _patrol(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Visits to what is watched."""
    from citywatch.adapters.store.project import Projector  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.keys import sealer  # noqa: PLC0415
    from citywatch.app.watch import watch_until  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415

    directory = briefing.directory()
    meter = PrometheusMeter(directory.metrics, "patrol")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)

    def begun() -> None:
        _start_presence("patrol", briefing, {}, stop, stack)
        _say_ready()

    asyncio.run(
        watch_until(
            stop,
            briefing.settings(),
            directory,
            log,
            briefing.log_url,
            store,
            Projector(store).positions,
            LogDoor(log, "patrol"),
            sealer(briefing),
            SystemClock(),
            meter,
            begun,
        )
    )


def _registrar(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Registrations of GB/T 28181."""
    from citywatch.app.registrar import register_until  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415

    settings, directory = briefing.settings(), briefing.directory()
    if settings.registrar is None:
        raise ConfigurationError("the part registrar needs a section `registrar:` in the configuration")
    meter = PrometheusMeter(directory.metrics, "registrar")
    log = _open_log(briefing, stack)

    def listening() -> None:
        _start_presence("registrar", briefing, {}, stop, stack)
        _say_ready()

    door = LogDoor(log, "registrar")
    asyncio.run(register_until(settings.registrar, directory, door, meter, stop, listening))


def _scales(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Live ways in for scales, and roadside signs."""
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.intake import ScalesPart  # noqa: PLC0415
    from citywatch.app.kernels import warm_imported  # noqa: PLC0415
    from citywatch.flow.door import LogDoor  # noqa: PLC0415
    from citywatch.flow.pulse import Observer  # noqa: PLC0415

    settings, directory, clock = briefing.settings(), briefing.directory(), SystemClock()
    if not settings.has_scales_part:
        raise ConfigurationError("the part scales needs `intake:` or `signs:` in the configuration")
    meter = PrometheusMeter(directory.metrics, "scales")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    door = LogDoor(log, "scales")
    part = ScalesPart(settings, door, store, log, clock, meter)
    warm_imported()
    observers = {
        ear.observer: Observer(ear.observer, door, clock, is_listening=ear.is_listening).turn for ear in part.ears
    }
    running = _start_turns({**observers, **part.turns()}, meter, stop, stack)
    _start_presence("scales", briefing, running, stop, stack)
    _say_ready()
    part.run(stop)


def _notify(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """Deliveries of what happens to alerts and tickets."""
    from citywatch.adapters.store.outbox import Outbox  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.notify import NotifyPart  # noqa: PLC0415
    from citywatch.domain.labels import Matcher  # noqa: PLC0415

    settings, directory = briefing.settings(), briefing.directory()
    if not settings.has_notify_part:
        raise ConfigurationError("the part notify needs `notifications:` with receivers in the configuration")
    meter = PrometheusMeter(directory.metrics, "notify")
    log = _open_log(briefing, stack)
    store = _open_store(briefing, stack, log)
    part = NotifyPart(
        settings.notifications,
        briefing.beside_configuration,
        Outbox(store),
        lambda now_ns: [Matcher.of(silence["matcher"]) for silence in store.silences(active_at_ns=now_ns)],
        SystemClock(),
        meter,
    )
    stack.callback(part.close)
    part.begin()
    turns = {
        "planner": lambda: part.plan() or stop.wait(_LOOK_FOR_NEWS_S),
        "figures": _every(_FIGURES_EVERY_S, stop, part.tell_figures),
        **{f"receiver-{name}": worker.turn for name, worker in part.workers.items()},
    }
    # Who hangs may not hold up the end: what was not written down is sent again under the same id.
    running = _start_turns(turns, meter, stop, ExitStack())
    stack.callback(_stop_together, running, _LAST_WORDS_S)
    _live("notify", briefing, running, stop, stack)


def _demo(briefing: Briefing, stop: threading.Event, stack: ExitStack) -> None:
    """The demonstration city, a client of the public API like any other."""
    del stack
    from citywatch.demo.play import play  # noqa: PLC0415

    settings = briefing.settings()
    seed = settings.demonstration.seed if settings.demonstration is not None else 1

    async def until_stopped() -> None:
        ending = asyncio.Event()
        waiting = asyncio.create_task(asyncio.to_thread(stop.wait))
        waiting.add_done_callback(lambda _: ending.set())
        await play(
            f"http://127.0.0.1:{briefing.port}",
            ingest_token=briefing.tokens["ingest"],
            crew_token=briefing.tokens["crew"],
            stop=ending,
            seed=seed,
            port=briefing.demonstration_port,
            form=settings.server.station.form(),
            on_listening=_say_ready,
        )
        await waiting

    asyncio.run(until_stopped())


_PARTS: Mapping[str, Callable[[Briefing, threading.Event, ExitStack], None]] = {
    "prepare": _prepare,
    "process": _process,
    "project": _project,
    "serve": _serve,
    "patrol": _patrol,
    "registrar": _registrar,
    "scales": _scales,
    "notify": _notify,
    "demo": _demo,
}


def _open_log(briefing: Briefing, stack: ExitStack) -> RedisLog:
    from citywatch.adapters.log.redis_streams import RedisLog  # noqa: PLC0415

    log = RedisLog(briefing.log_url, briefing.settings().log.partitions)
    stack.callback(log.close)
    gap = log.durability_gap()
    if gap:
        _log.warning("%s", gap)
    return log


def _open_store(briefing: Briefing, stack: ExitStack, log: RedisLog) -> SqlStore:
    from citywatch.adapters.store.sql import SqlStore  # noqa: PLC0415

    url = briefing.directory().database_url(briefing.settings().store.url)
    store = SqlStore.open(url, log_epoch=log.epoch(), log_server=log.server()[0])
    stack.callback(store.close)
    return store


def registrations(settings: Settings, at_ns: int) -> CommandBatch:
    """The configured scales, told to the log; what already stands there just so changes nothing."""
    import numpy as np  # noqa: PLC0415

    from citywatch.domain.commands import CommandBatch, Verb  # noqa: PLC0415
    from citywatch.domain.devices import DeviceKind  # noqa: PLC0415

    rows = [
        (
            scale.device,
            {
                "kind": DeviceKind.SCALE.value,
                "name": scale.name,
                "place": scale.place,
                "heartbeat_s": scale.heartbeat_seconds,
            },
        )
        for scale in settings.scales
    ]
    count = len(rows)
    return CommandBatch(
        device=tuple(device for device, _ in rows),
        at_ns=np.full(count, at_ns, np.int64),
        command=("",) * count,
        verb=(Verb.REGISTER_DEVICE.value,) * count,
        target=tuple(device for device, _ in rows),
        actor=("configuration",) * count,
        args=tuple(json.dumps(fields, ensure_ascii=False) for _, fields in rows),
    )


def _prune(store: SqlStore, objects: DirectoryObjects, settings: Settings, now_ns: int) -> None:
    before_ns = now_ns - settings.store.retention_days * _NS_PER_DAY
    forgotten = store.prune(before_ns)
    photos = store.end_photos(before_ns, objects.release)
    kept_days = 90 if settings.open311 is None else settings.open311.reporters_days
    reporters = store.forget_reporters(now_ns - kept_days * _NS_PER_DAY)
    if photos or reporters or any(forgotten.values()):
        forgotten = {**forgotten, "ticket_photos": photos, "finding_reporters": reporters}
        _log.info("forgot what is older than %d days: %s", settings.store.retention_days, dict(forgotten))


def _compact(compaction: Compaction, now_ns: int) -> None:
    try:
        merged, old = compaction.turn(now_ns)
    except CitywatchError as error:
        # Nothing is lost by it; the next round tries again.
        _log.warning("the archive was not made smaller: %s", error)
        return
    if merged or old:
        _log.info("the archive has %d files less by merging closed months, and %d that were too old", merged, old)


def _monthly_reports(
    briefing: Briefing,
    settings: Settings,
    log: RedisLog,
    meter: PrometheusMeter,
    stop: threading.Event,
    stack: ExitStack,
) -> Callable[[], None]:
    """The schedule of reports. They are worked out by a process of its own, behind everything that decides."""
    from citywatch.adapters.store.kept_reports import KeptReports  # noqa: PLC0415
    from citywatch.app.clock import SystemClock  # noqa: PLC0415
    from citywatch.app.monthly_reports import MonthlyReports  # noqa: PLC0415
    from citywatch.app.report_room import ReportRoom  # noqa: PLC0415

    kept = KeptReports(briefing.directory().root)
    room = ReportRoom(briefing, kept, meter, now_ns=SystemClock().now_ns, stopped=stop.is_set)
    stack.callback(room.close)

    def decided_ns() -> int:
        return min(position.ms for position in log.committed().values()) * NS_PER_MS

    schedule = MonthlyReports(settings.reports, room, kept, decided_ns, meter, stop.is_set)

    def turn() -> None:
        # First some calm: a start has other things to do, and a city that was down catches up.
        if not stop.wait(_REPORTS_EVERY_S):
            schedule.turn()

    return turn


def _when_up(health: Callable[[], Mapping[str, str]], stop: threading.Event, work: Callable[[], None]) -> None:
    """Do it when every part has said that it is well, or half a minute later."""
    for _ in range(_LOOKS_FOR_ALL):
        if all(word == "ok" for word in health().values()):
            break
        if stop.wait(_LOOK_FOR_NEWS_S):
            return
    work()


def _ticket_figures(store: SqlStore, meter: PrometheusMeter, clock: Clock, stop: threading.Event) -> Callable[[], None]:
    """What the machine's metrics say of tickets."""
    from citywatch.app.ticket_figures import tell  # noqa: PLC0415

    return _every(_TICKETS_EVERY_S, stop, lambda: tell(store, meter, clock))


def _every(seconds: float, stop: threading.Event, work: Callable[[], None]) -> Callable[[], None]:
    def turn() -> None:
        work()
        stop.wait(None if math.isinf(seconds) else seconds)

    return turn


def _start_turns(
    turns: Mapping[str, Callable[[], object]], meter: PrometheusMeter, stop: threading.Event, stack: ExitStack
) -> dict[str, Turns]:
    from citywatch.flow.runner import Turns  # noqa: PLC0415

    def failed(error: BaseException) -> None:
        # A thread that cannot go on takes its process with it; the supervisor starts it afresh from what is on disk.
        _log.critical("a part of this process failed", exc_info=error)
        logging.shutdown()
        os._exit(1)

    running = {name: Turns(name, turn, meter, failed) for name, turn in turns.items()}
    for turn in running.values():
        turn.start()
        stack.callback(turn.stop)
    return running


def _stop_together(running: Mapping[str, Turns], within_s: float) -> None:
    """End all at once, and wait so long for all of them together."""
    for turn in running.values():
        turn.end()
    deadline = time.monotonic() + within_s
    for turn in running.values():
        turn.stop(max(0.0, deadline - time.monotonic()))


def _start_presence(
    part: str, briefing: Briefing, running: Mapping[str, Turns], stop: threading.Event, stack: ExitStack
) -> None:
    """Tell the log server once a second that this part lives, and what troubles it."""
    from citywatch.adapters.log.presence import Presence  # noqa: PLC0415

    presence = Presence(briefing.log_url)

    def speak() -> None:
        while True:
            trouble = "; ".join(f"{name}: {turn.trouble}" for name, turn in running.items() if turn.trouble)
            with contextlib.suppress(CitywatchError):
                presence.say(part, trouble)
            if stop.wait(_PRESENCE_S):
                return

    thread = threading.Thread(target=speak, name="presence", daemon=True)
    thread.start()
    stack.callback(presence.close)
    stack.callback(thread.join, 5.0)
    stack.callback(stop.set)


def _live(part: str, briefing: Briefing, running: Mapping[str, Turns], stop: threading.Event, stack: ExitStack) -> None:
    _start_presence(part, briefing, running, stop, stack)
    _say_ready()
    share_the_interpreter()
    stop.wait()


async def _serve_until(server: ApiServer, stop: threading.Event) -> None:
    async def end() -> None:
        await asyncio.to_thread(stop.wait)
        server.should_exit = True

    async def tell() -> None:
        while not server.started and not server.should_exit:
            await asyncio.sleep(0.01)
        _say_ready()

    # The supervisor's word ends the server, not the signals that uvicorn would listen for.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    ending, telling = asyncio.create_task(end()), asyncio.create_task(tell())
    await server.serve()
    stop.set()
    await asyncio.gather(ending, telling)


def _say_ready(**words: str) -> None:
    print(json.dumps({"ready": True, **words}), flush=True)


def _stopped_by_supervisor() -> threading.Event:
    """Set when standard input is closed or SIGTERM comes."""
    stop = threading.Event()

    def listen() -> None:
        while sys.stdin.readline():
            pass
        stop.set()

    threading.Thread(target=listen, name="supervisor", daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop
