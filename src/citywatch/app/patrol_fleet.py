"""`citywatch patrol --fleet FILE.csv --for 10m`: visit a whole fleet by the schedule for a while, and report."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TextIO

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.fleet_file import parse_fleet
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.schedule import ClassAges
from citywatch.adapters.cameras.tally import PatrolReport
from citywatch.adapters.onvif.eyes import OnvifEyes
from citywatch.app.clock import SystemClock
from citywatch.app.patrol import EXIT_FAULT, EXIT_FINE, say_as_json, say_for_people
from citywatch.domain.pictures import FrameBatch
from citywatch.errors import ConfigurationError, DescriptionRefused
from citywatch.rules.pictures import LookHistory, conclude, looks
from citywatch.settings import PatrolSettings
from citywatch.telemetry import NullMeter

_UNPINNED_BYTES = 2 << 30
_PINNED_BYTES = 1 << 20


async def patrol_fleet(
    file: Path,
    *,
    for_s: float,
    as_json: bool,
    out: TextIO,
    settings: PatrolSettings,
    target_s: float | None = None,
    data_dir: Path | None = None,
) -> int:
    """Visit the cameras of a fleet file for a while, writing every look and, at the end, the report; the exit code.

    target_s  the report also says what this target for every camera would need, instead of those of the classes
    data_dir  pictures go to its `objects`; by default to a temporary directory that is removed

    0 when no look found a fault, 3 when any did. SIGINT and SIGTERM end the patrol early, with its report. Raises
    ConfigurationError for a file that is wrong anywhere, with every mistake; OutsideError when no decoder starts.
    """
    cameras = _cameras(file, settings)
    say = say_as_json(out) if as_json else say_for_people(out)
    histories: dict[str, LookHistory | None] = dict.fromkeys(camera.camera for camera in cameras)
    faults: dict[str, tuple[str, ...]] = {}
    faulty = False

    async def on_frames(rows: FrameBatch) -> None:
        nonlocal faulty
        for look in looks(rows):
            histories[look.device], found, unchecked = conclude(histories[look.device], look)
            faults[look.device] = tuple(finding.fault.value for finding in found)
            faulty = faulty or bool(found)
            say(look.device, look, found, unchecked, patrol.note_of(look.device))

    async with AsyncExitStack() as open_parts:
        if data_dir is None:
            folder = Path(open_parts.enter_context(tempfile.TemporaryDirectory(prefix="citywatch-patrol-")))
        else:
            folder = data_dir
        pool = await open_parts.enter_async_context(
            DecoderPool(
                settings.decoders,
                folder / "objects",
                meter=NullMeter(),
                unpinned_quota_bytes=_UNPINNED_BYTES,
                pinned_quota_bytes=_PINNED_BYTES,
            )
        )
        clock = SystemClock()
        patrol = await open_parts.enter_async_context(
            Patrol(cameras, pool, clock, on_frames, NullMeter(), terms=settings, eyes=OnvifEyes(clock, NullMeter()))
        )
        report = await _run(patrol, for_s)
    counts = dict(sorted(Counter(fault for found in faults.values() for fault in found).items()))
    _say_report(report, counts, target_s, as_json=as_json, out=out)
    return EXIT_FAULT if faulty else EXIT_FINE


def _cameras(file: Path, settings: PatrolSettings) -> Sequence[CameraSettings]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"fleet {file}: {error.strerror}; name a readable CSV file") from error
    try:
        cameras = parse_fleet(content, settings.classes, beside=file.absolute().parent)
    except DescriptionRefused as refused:
        raise ConfigurationError("\n".join(f"fleet {file}, {mistake}" for mistake in refused.mistakes)) from None
    if not cameras:
        raise ConfigurationError(f"fleet {file}: no camera stands in it")
    return cameras


async def _run(patrol: Patrol, for_s: float) -> PatrolReport:
    """Let it run, and ask it for its report while it still does."""
    loop = asyncio.get_running_loop()
    stop, over = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, RuntimeError):  # not in the main thread: nobody sends us signals there
            loop.add_signal_handler(number, over.set)
    loop.call_later(for_s, over.set)
    running = asyncio.create_task(patrol.run(stop))
    waiting = asyncio.create_task(over.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return patrol.report()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError):
                loop.remove_signal_handler(number)
        waiting.cancel()
        stop.set()
        await running


def _say_report(
    report: PatrolReport, faults: Mapping[str, int], target_s: float | None, *, as_json: bool, out: TextIO
) -> None:
    """`faults`: cameras by what their last look found; a look is no confirmation."""
    if as_json:
        fields = report.to_json() | {"faults": dict(faults)}
        if target_s is not None:
            fields["needs_of_target"] = report.needed(target_s).to_json()
        out.write(json.dumps({"report": fields}, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        out.write("\n".join(_in_words(report, faults, target_s)) + "\n")
    out.flush()


def _in_words(report: PatrolReport, faults: Mapping[str, int], target_s: float | None) -> list[str]:
    lines = [
        f"{report.cameras} cameras, {report.failing} do not answer, {report.held_open} held open; "
        f"found at their last look: {', '.join(f'{fault} {count}' for fault, count in faults.items()) or 'nothing'}",
        f"{report.visits} visits; in the last {report.over_s:.0f} s {report.visits_per_s:.2f} a second, "
        f"{report.failing_share:.1%} of them failing",
        f"a visit took {report.visit_s:.2f} s; processor: {report.decoder_cpu_s * 1e3:.1f} ms in the decoder, "
        f"{report.patrol_cpu_s * 1e3:.1f} ms in the patrol",
        *(_ages_in_words(ages) for ages in (*report.ages, report.failing_ages) if ages.cameras),
    ]
    for needs in (report.needs, *([report.needed(target_s)] if target_s is not None else [])):
        if needs.decoders < 0:
            continue
        target = f"a look every {needs.target_s:g} s" if needs.target_s else "the targets of the classes"
        lines.append(
            f"{target}: {needs.visits_per_s:.2f} visits a second need {needs.processors:.2f} processors, "
            f"{needs.decoders} decoders, {needs.in_flight} visits side by side; "
            f"with {report.decoders} decoders here a look every {needs.possible_s:.1f} s is possible"
        )
    if report.stretch > 1.01:
        lines.append(f"overloaded: every pause was {report.stretch:.2f} times as long as the targets ask for")
    return lines


def _ages_in_words(ages: ClassAges) -> str:
    return (
        f"{ages.camera_class}: {ages.cameras} cameras, age of the last look: half at most {ages.p50_s:.1f} s, "
        f"90 % {ages.p90_s:.1f} s, 99 % {ages.p99_s:.1f} s, all {ages.max_s:.1f} s; "
        f"{ages.over_target} over the target of {ages.target_s:g} s"
    )
