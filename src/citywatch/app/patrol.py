"""`citywatch patrol URL...`: visit cameras once or a few times and say what was measured and concluded."""

from __future__ import annotations

import asyncio
import json
import math
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from citywatch.adapters.cameras.addresses import parse_address
from citywatch.adapters.cameras.config import Transport
from citywatch.adapters.cameras.patrol import Patrol
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.visit import CameraConfig
from citywatch.adapters.onvif.eyes import OnvifEyes
from citywatch.app.clock import SystemClock
from citywatch.domain.instants import format_instant
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.errors import ConfigurationError
from citywatch.rules.pictures import Finding, Look, LookHistory, Unchecked, conclude, looks
from citywatch.telemetry import NullMeter

EXIT_FINE = 0
EXIT_FAULT = 3

_LIVE_PAUSE_S = 1.0
_DECODERS = 2
_UNPINNED_BYTES = 512 << 20
_PINNED_BYTES = 1 << 20
_ADDRESS = re.compile(r"^[a-z+]+://\S+: ")
"""With which most notes begin, and so does the line."""
_MEASURES = tuple(
    column.name
    for column in FrameBatch.COLUMNS
    if column.dtype == "float64" or column.name in ("width", "height", "coded_bytes", "decode_errors")
)


async def patrol_urls(
    urls: Sequence[str],
    *,
    visits: int,
    every_seconds: float | None = None,
    transport: Transport = "tcp",
    as_json: bool,
    out: TextIO,
    username: str = "",
    password_file: Path | None = None,
    data_dir: Path | None = None,
) -> int:
    """Visit each camera `visits` times and write one JSON object, or one line, a visit; returns the exit code.

    every_seconds  from the beginning of a visit to the next one of the same camera; by default the pause between
                   visits is 0 for files and 1 s for live cameras, so that a frozen picture can be told
    username, password_file   for all the cameras: what stands in an address can be seen by who lists processes
    data_dir       pictures go to its `objects`; by default to a temporary directory that is removed
    0 when every camera is fine or could not be checked, 3 when any has a fault. Raises ConfigurationError for an
    address that cannot be one, OutsideError when no decoder can be started.
    """
    if not urls or visits < 1:
        raise ConfigurationError("patrol: give at least one camera and at least one visit")
    shared = {"transport": transport, "username": username, "password_file": password_file}
    cameras = [_camera(number, url, shared) for number, url in enumerate(urls, 1)]
    say = say_as_json(out) if as_json else say_for_people(out)
    async with AsyncExitStack() as open_parts:
        if data_dir is None:
            folder = Path(open_parts.enter_context(tempfile.TemporaryDirectory(prefix="citywatch-patrol-")))
        else:
            folder = data_dir
        pool = await open_parts.enter_async_context(
            DecoderPool(
                min(_DECODERS, len(cameras)),
                folder / "objects",
                meter=NullMeter(),
                unpinned_quota_bytes=_UNPINNED_BYTES,
                pinned_quota_bytes=_PINNED_BYTES,
            )
        )
        clock = SystemClock()
        eyes = OnvifEyes(clock, NullMeter())
        patrol = await open_parts.enter_async_context(Patrol(cameras, pool, clock, _nowhere, NullMeter(), eyes=eyes))

        async def visit(camera: CameraConfig) -> bool:
            faulty = False
            history: LookHistory | None = None
            async for look in _looks(patrol, camera, visits, every_seconds):
                history, found, unchecked = conclude(history, look)
                faulty = faulty or bool(found)
                say(camera.shown_url, look, found, unchecked, patrol.note_of(camera.camera))
            return faulty

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(visit(camera)) for camera in cameras]
    return EXIT_FAULT if any(task.result() for task in tasks) else EXIT_FINE


def _camera(number: int, url: str, shared: Mapping[str, object]) -> CameraConfig:
    try:
        parse_address(url)
    except ValueError as error:
        raise ConfigurationError(f"patrol: {error}") from None
    return CameraConfig.model_validate({"camera": f"camera-{number}", "url": url, **shared})


async def _nowhere(rows: FrameBatch) -> None:
    """Looks are printed, not recorded."""


async def _looks(patrol: Patrol, camera: CameraConfig, visits: int, every_seconds: float | None) -> AsyncIterator[Look]:
    loop = asyncio.get_running_loop()
    for number in range(visits):
        began = loop.time()
        for look in looks(await patrol.visit_once(camera.camera)):
            yield look
        if number + 1 < visits:
            pause_s = _LIVE_PAUSE_S if camera.is_live else 0.0
            if every_seconds is not None:
                pause_s = began + every_seconds - loop.time()
            await asyncio.sleep(max(pause_s, 0.0))


Say = Callable[[str, Look, tuple[Finding, ...], tuple[Unchecked, ...], str], None]
"""Camera, look, what was found, what could not be checked, and why there is no picture, in words."""


def say_as_json(out: TextIO) -> Say:
    """One JSON object a visit, on a line of its own."""

    def say(camera: str, look: Look, found: tuple[Finding, ...], unchecked: tuple[Unchecked, ...], note: str) -> None:
        line = {
            "camera": camera,
            "visit": look.visit,
            "at": format_instant(look.at_ns),
            "outcome": look.outcome.name.lower(),
            "reason": look.reason,
            "note": note,
            "measurements": _measurements(look),
            "faults": [{"kind": finding.fault.value, "evidence": _evidence(finding, look)} for finding in found],
            "unchecked": [{"kind": item.fault.value, "why": str(item.why)} for item in unchecked],
        }
        out.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        out.flush()

    return say


def say_for_people(out: TextIO) -> Say:
    """One line a visit: camera, verdict, what was measured."""
    console = Console(file=out, highlight=False, soft_wrap=True)

    def say(camera: str, look: Look, found: tuple[Finding, ...], unchecked: tuple[Unchecked, ...], note: str) -> None:
        line = Text(f"{camera}  #{look.visit}  ")
        if found:
            line.append(", ".join(_in_words(finding) for finding in found), "bold red")
        elif look.outcome is Outcome.PICTURE:
            line.append("fine", "green")
        elif look.outcome is Outcome.GLANCE:
            line.append("as before, at a glance", "green")
        else:
            line.append(f"could not be checked: {look.reason}", "yellow")
        if note:
            line.append(f": {_ADDRESS.sub('', note)}")
        if look.outcome is Outcome.PICTURE:
            line.append(f"  {look.width}x{look.height}, mean {look.mean:.1f}, sharpness {look.sharpness:.4f}")
            if not math.isnan(look.changed_share):
                line.append(f", changed {look.changed_share:.1%}")
            if unchecked:
                open_ends = ", ".join(f"{item.fault.value} ({item.why})" for item in unchecked)
                line.append(f"; could not be checked: {open_ends}", "yellow")
        console.print(line)

    return say


def _in_words(finding: Finding) -> str:
    if finding.measure == "outcome":
        return f"{finding.fault.value} ({finding.reason})"
    return f"{finding.fault.value} ({finding.measure} {finding.value:.4g}, threshold {finding.threshold:.4g})"


def _measurements(look: Look) -> dict[str, Any]:
    """The figures of a picture, None where one does not exist; empty without a picture."""
    if look.outcome is not Outcome.PICTURE:
        return {}
    figures = {name: getattr(look, name) for name in _MEASURES}
    return {
        name: None if isinstance(figure, float) and not math.isfinite(figure) else figure
        for name, figure in figures.items()
    } | {"light": look.light.name.lower()}


def _evidence(finding: Finding, look: Look) -> dict[str, Any]:
    evidence = asdict(finding)
    del evidence["fault"]
    for name in ("value", "threshold", "margin"):
        if not math.isfinite(evidence[name]):
            evidence[name] = None
    return evidence | {"picture": look.picture, "previous": look.previous}
