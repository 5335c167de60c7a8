"""Faults of the connection, and some of the picture, through a real RTSP server and real decoder processes.

gst-rtsp-server on loopback serves clips of a scoring street. Each case is a camera of its own: LEARN visits in order,
then up to eight with the fault, each a whole RTSP visit (`Visitor`: connect, join at a random place, key frame) and a
decoder process (`DecoderPool`). The instants in the rows are five minutes apart, or as far as a suspicion asks, while
the visits follow each other at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from benchmarks._frame import Goal, Row, row
from benchmarks.camera_faults.faults import MOST_LOOKS, fast_directory
from benchmarks.camera_faults.footage import StreetFootage, quiet_libraries
from benchmarks.camera_faults.pipeline import Bench, Patrolled, faults_in
from benchmarks.camera_faults.tables import SCENARIO, table
from citywatch.adapters.cameras.answers import Reached, Still, VisitFailure
from citywatch.adapters.cameras.config import CameraConfig, PatrolTerms
from citywatch.adapters.cameras.pipe import Report
from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.adapters.cameras.visit import Visitor
from citywatch.domain.pictures import Fault
from citywatch.testing.planes import to_bgr
from citywatch.testing.rtsp import RtspServer
from citywatch.testing.scene_faults import RECIPES, Severity
from citywatch.testing.scenes import write_clip

LEARN, LEARN_QUIET = 14, 64
"""Visits in order before the fault; how quiet a camera ever is alive is known after fifty pairs."""
_MOST_VISITS = 24
FPS, GOP, SECONDS = 10, 10, 4
LONG_SECONDS, LONG_STEP_S = 120, 1.0
"""In order, and frozen: so many key frames that hardly two visits of a camera in order get the same one, pictures so
far apart that between key frames something moves, as between real visits; and of a frozen source long enough that the
encoder has settled.
"""
_SEED = 10_011
_NOON_S = 12.0 * 3600


@dataclass(frozen=True, slots=True)
class Case:
    """One fault. `address`: what the camera's URL becomes when it begins, given the server's URL of a path."""

    fault: Fault
    severity: Severity
    what: str
    clip: str = "in order"
    path: str = "live"
    frame_rate: float | None = None
    clock_offset_s: float = 0.0
    address: Callable[[str], str] | None = None
    password: str = ""
    learn: int = LEARN


@dataclass(slots=True)
class LiveResult:
    """`found`: looks until the fault was confirmed; visits without a sender report are no look at the clock."""

    fault: str
    severity: str
    what: str
    found: int = 0
    visits: int = 0
    confirmed: list[tuple[str, int]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


_CASES = (
    Case(Fault.UNREACHABLE, "severe", "name lookup", address=lambda url: "rtsp://no-such-camera.invalid/live"),
    Case(Fault.UNREACHABLE, "severe", "refused", address=lambda url: f"rtsp://127.0.0.1:{_unused_port()}/live"),
    Case(Fault.UNREACHABLE, "severe", "timed out", address=lambda url: "rtsp://127.0.0.1:{full}/live"),
    Case(Fault.UNREACHABLE, "severe", "path unknown", path="nobody"),
    Case(Fault.UNREACHABLE, "severe", "authentication", password="other"),
    Case(Fault.NO_MEDIA, "severe", "connects, never answers", address=lambda url: "rtsp://127.0.0.1:{held}/live"),
    Case(Fault.NO_MEDIA, "severe", "plays and sends no picture", path="silent"),
    Case(Fault.NO_MEDIA, "medium", "pictures, never a key frame", path="deltas"),
    Case(Fault.STALLED, "severe", "a second of pictures, then nothing", path="stalls"),
    Case(Fault.LOW_FRAME_RATE, "mild", "7 of 10 pictures a second", frame_rate=7.0),
    Case(Fault.LOW_FRAME_RATE, "medium", "4 of 10 pictures a second", frame_rate=4.0),
    Case(Fault.LOW_FRAME_RATE, "severe", "2 of 10 pictures a second", frame_rate=2.0),
    Case(Fault.CLOCK_WRONG, "mild", "20 s ahead", clock_offset_s=20.0),
    Case(Fault.CLOCK_WRONG, "medium", "5 min behind", clock_offset_s=-300.0),
    Case(Fault.CLOCK_WRONG, "severe", "a day ahead", clock_offset_s=86_400.0),
    Case(Fault.FROZEN, "severe", "a standing picture", clip="frozen", learn=LEARN_QUIET),
    *(
        Case(RECIPES[name].fault, "severe", name, clip=name)
        for name in ("black", "covered/plate", "moved/pan", "out_of_focus", "stripes/rows", "snow/gain")
    ),
)


class _Meter:
    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...
    def gauge(self, name: str, value: float, **labels: str) -> None: ...
    def observe(self, name: str, value: float, **labels: str) -> None: ...


def _clips(folder: Path, cases: Sequence[Case]) -> dict[str, Path]:
    """The clip of every case; x264, a key frame a second."""
    footage = StreetFootage("scoring", _SEED, weather=False, buses=False, clock=True)
    found = {}
    for name in {"in order", *(case.clip for case in cases)}:
        pictures = []
        standing = footage.look(_NOON_S)
        for number in range(FPS * (LONG_SECONDS if name in ("in order", "frozen") else SECONDS)):
            at_s = _NOON_S + number / FPS
            if name == "in order":
                picture = footage.look(_NOON_S + number * LONG_STEP_S)
            elif name == "frozen":
                picture = standing
            else:
                picture = footage.spoiled(RECIPES[name], "severe", at_s, number, _NOON_S)
            pictures.append(to_bgr(picture))
        found[name] = folder / f"{name.replace('/', '-').replace(' ', '-')}.mp4"
        write_clip(found[name], pictures, "libx264", fps=FPS, gop=GOP, bit_rate=500_000, preset="superfast")
    return found


@contextmanager
def _ports() -> Iterator[dict[str, int]]:
    """`held`: a port that takes connections and never says anything. `full`: one that takes no more of them, so that
    connecting to it takes until the time is out.
    """
    with ExitStack() as stack:
        held, full = stack.enter_context(socket.socket()), stack.enter_context(socket.socket())
        for listener, backlog in ((held, 16), (full, 0)):
            listener.bind(("127.0.0.1", 0))
            listener.listen(backlog)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield {"held": held.getsockname()[1], "full": full.getsockname()[1]}


class _Live:
    """Visits of one camera through sockets and decoder processes."""

    def __init__(self, visitor: Visitor, pool: DecoderPool, camera: Patrolled) -> None:
        self._visitor, self._pool, self._camera = visitor, pool, camera

    async def visit(self, at_s: float, url: str, *, clock: bool = False) -> tuple[list[str], str]:
        """(faults confirmed, reason of the visit).

        clock  whether this is one of the visits that stay for the stream's clock (once a day, and for suspects)
        """
        config = CameraConfig(
            camera=self._camera.device,
            url=SecretStr(url),
            connect_timeout_seconds=2,
            media_timeout_seconds=4,
            stalled_seconds=2,
        )
        try:
            wait_s = PatrolTerms().stream_clock_seconds if clock else 0.0
            answer = await self._visitor.ask(config, report_wait_s=wait_s)
        except VisitFailure as failure:
            report, stream = Report(int(failure.outcome), failure.reason.value), failure.stream
        else:
            stream = answer.stream
            if isinstance(answer.media, Reached | Path) or not isinstance(answer.media, KeyFrame | Still):
                raise AssertionError("an RTSP camera gives key frames")
            media = answer.media.codec if isinstance(answer.media, KeyFrame) else "still"
            report = await self._pool.examine(self._camera.task(media), answer.media.content)
        report = replace(report, measurement={**(report.measurement or {}), **stream.columns()})
        return faults_in(self._camera.tell(at_s, report, 0, {})), report.reason


async def _run(
    case: Case, clips: dict[str, Path], pool: DecoderPool, bench: Bench, ports: dict[str, int]
) -> LiveResult:
    result = LiveResult(case.fault.value, case.severity, case.what)
    camera = Patrolled(bench, f"live-{case.what}".replace(" ", "_").replace("/", "-").replace(",", ""), _NOON_S)
    guarded = {"username": "viewer", "password": "right", "authentication": "digest"} if case.password else {}
    async with Visitor() as visitor:
        live = _Live(visitor, pool, camera)
        turns = camera.turns(_NOON_S + 86_400.0)
        with RtspServer(clips["in order"], **guarded) as server:  # type: ignore[arg-type]
            url = server.url(username="viewer", password="right") if case.password else server.url()
            for _ in range(case.learn):
                confirmed, _reason = await live.visit(next(turns), url)
                result.confirmed += [(fault, 0) for fault in confirmed]
        with ExitStack() as stack:
            begun: AbstractContextManager[RtspServer] = RtspServer(
                clips[case.clip],
                frame_rate=case.frame_rate,
                clock_offset_s=case.clock_offset_s,
                **guarded,  # type: ignore[arg-type]
            )
            server = stack.enter_context(begun)
            url = server.url(case.path, username="viewer" if case.password else "", password=case.password)
            if case.address is not None:
                url = case.address(url).format(**ports)
            look = 0
            for _ in range(_MOST_VISITS):
                confirmed, reason = await live.visit(next(turns), url, clock=case.fault is Fault.CLOCK_WRONG)
                result.visits += 1
                if case.fault is Fault.CLOCK_WRONG and not camera.knows_clock:
                    continue  # no sender report came even so: it looked at everything but the clock
                look += 1
                result.reasons.append(reason)
                result.confirmed += [(fault, look) for fault in confirmed]
                if case.fault.value in confirmed:
                    result.found = look
                if result.found or look >= MOST_LOOKS:
                    break
    return result


def run(out: Path, only: Callable[[Case], bool] | None = None) -> list[LiveResult]:
    """All cases, one after another; also written to `out`. Raises SystemPackageMissing without an RTSP server."""
    quiet_libraries()
    cases = [case for case in _CASES if only is None or only(case)]

    async def every() -> list[LiveResult]:
        with tempfile.TemporaryDirectory(prefix="citywatch-live-", dir=fast_directory()) as directory:
            folder = Path(directory)
            clips = _clips(folder, cases)
            objects = folder / "objects"
            objects.mkdir()
            bench = Bench(objects)
            found = []
            with _ports() as ports:
                async with DecoderPool(1, objects, meter=_Meter()) as pool:
                    for case in cases:
                        found.append(await _run(case, clips, pool, bench, ports))
                        print(f"  {case.fault.value}: {case.what}: {found[-1].found or found[-1].reasons}", flush=True)
            return found

    found = asyncio.run(every())
    out.mkdir(parents=True, exist_ok=True)
    (out / "live.json").write_text(json.dumps([asdict(result) for result in found]) + "\n")
    return found


def read(out: Path) -> list[LiveResult]:
    file = out / "live.json"
    return [LiveResult(**values) for values in json.loads(file.read_text())] if file.exists() else []


def of_live(results: Sequence[LiveResult]) -> str:
    lines = [
        (result.fault, result.severity, result.what, str(result.found) if result.found else "NOT FOUND",
         str(result.visits),
         ", ".join(sorted({fault for fault, _ in result.confirmed} - {result.fault})) or "-",
         " ".join(dict.fromkeys(result.reasons)))
        for result in results
    ]  # fmt: skip
    return "\n".join(
        (
            "## Through a real RTSP server\n",
            table(
                ("fault", "severity", "what", "found at look", "visits", "also accused of", "visits ended with"), lines
            ),
        )
    )


def rows_of_live(results: Sequence[LiveResult]) -> list[Row]:
    rows = []
    for severity, goal in (("severe", Goal(at_least=100.0)), ("medium", Goal(at_least=95.0))):
        group = [result for result in results if result.severity == severity]
        if group:
            limit = 3 if severity == "severe" else MOST_LOOKS
            found = sum(0 < r.found <= (8 if r.fault == Fault.FROZEN.value else limit) for r in group)
            share = 100.0 * found / len(group)
            rows.append(
                row(SCENARIO, f"{severity} faults over RTSP found", share, "%", goal=goal, note=f"n {len(group)}")
            )
    return rows
