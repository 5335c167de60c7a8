"""camera-health and ffmpeg's filters on the same pictures that the product was shown, in the same table.

The pictures are key frames out of the same encoder, decoded once: three in order, then eight with the fault.

camera-health 0.1.0 runs in its own locked environment (`python -m benchmarks peers camera_health`). Its Monitor is
given the picture in order before the fault as its reference, which is the best it can have, and the looks in turn. A
fault counts as found when one of its kinds for it (HEALTH_KINDS) is reported for a look with the fault, at any
severity, and was not reported for the pictures in order before it; it confirms nothing by repetition.

ffmpeg's filters run in PyAV's filter graph, a picture a second. freezedetect and blackdetect decide by themselves (with
their default thresholds, durations set to two looks). blurdetect, blockdetect and signalstats only measure: a fault
counts as found when a figure for it (FILTERS) leaves the range that it had on all pictures in order of the tuning
streets; the same rule calls pictures in order of the scored streets faulty.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks._frame import PEER_ABSENT, Row, peer_absent, peer_python, row
from benchmarks.camera_faults.faults import (
    ENCODERS,
    FEW_SEEDS,
    SEEDS,
    Result,
    fast_directory,
    learn,
    suffer,
    wanted,
)
from benchmarks.camera_faults.footage import ClipFootage, Footage, StreetFootage, clip_there, quiet_libraries
from benchmarks.camera_faults.pipeline import Bench
from benchmarks.camera_faults.tables import SCENARIO, WITHIN_LOOKS, percent, table
from citywatch.domain.pictures import Fault
from citywatch.testing.coded import CameraEncoder
from citywatch.testing.planes import Image, to_bgr
from citywatch.testing.scene_faults import SEVERITIES

HEALTH = "camera-health 0.1.0"
HEALTH_KINDS: Mapping[str, frozenset[str]] = {
    Fault.BLACK.value: frozenset({"darkness"}),
    Fault.OVER_EXPOSED.value: frozenset({"overexposure"}),
    Fault.COVERED.value: frozenset({"obstruction", "tampering"}),
    Fault.PARTLY_COVERED.value: frozenset({"obstruction", "tampering"}),
    Fault.OUT_OF_FOCUS.value: frozenset({"defocus"}),
    Fault.MOVED.value: frozenset({"tampering", "drift"}),
    Fault.COLOUR_CAST.value: frozenset({"colour_cast"}),
    Fault.INFRARED_STUCK.value: frozenset({"colour_cast"}),
    Fault.SNOW.value: frozenset({"noise"}),
    Fault.FROZEN.value: frozenset({"frozen"}),
}
"""Its words for our faults; what is not here it has no word for."""

Side = Literal["low", "high", "event"]
FILTERS: Mapping[str, tuple[str, Sequence[tuple[str, Side]]]] = {
    Fault.FROZEN.value: ("freezedetect", (("freezedetect.freeze_start", "event"),)),
    Fault.BLACK.value: ("blackdetect, signalstats", (("black_start", "event"), ("signalstats.YAVG", "low"))),
    Fault.OVER_EXPOSED.value: ("signalstats", (("signalstats.YAVG", "high"),)),
    Fault.OUT_OF_FOCUS.value: ("blurdetect", (("blur", "high"),)),
    Fault.MOSAIC.value: ("blockdetect", (("block", "high"),)),
    Fault.INFRARED_STUCK.value: ("signalstats", (("signalstats.SATAVG", "low"),)),
    Fault.COLOUR_CAST.value: (
        "signalstats",
        tuple((f"signalstats.{plane}AVG", side) for plane in "UV" for side in ("low", "high")),
    ),
    Fault.SNOW.value: ("signalstats", (("signalstats.TOUT", "high"),)),
    Fault.STRIPES.value: ("signalstats", (("signalstats.VREP", "high"),)),
    Fault.LOW_CONTRAST.value: ("signalstats", (("contrast", "low"),)),
}
"""Which filter's figures could tell a fault; `contrast` is YHIGH - YLOW."""
GRAPH = (
    ("freezedetect", "d=2"),
    ("blackdetect", "d=1"),
    ("blurdetect", ""),
    ("blockdetect", ""),
    ("signalstats", "stat=tout+vrep"),
)
_BEFORE = 3
_SETTING = ENCODERS[1]

_CHILD = """
import json, struct, sys
import numpy as np
from camera_health import Monitor
monitor, source = None, sys.stdin.buffer
while True:
    head = source.read(9)
    if len(head) < 9:
        break
    fresh, height, width = struct.unpack(">BII", head)
    picture = np.frombuffer(source.read(height * width * 3), np.uint8).reshape(height, width, 3)
    if fresh:
        monitor = Monitor(reference=picture)
    else:
        print(json.dumps([fault.kind for fault in monitor.update(picture).faults]), flush=True)
"""


@dataclass(slots=True)
class Compared:
    """One fault at one camera, by each of the three. `ours`, `health`, `ffmpeg`: looks until found, 0 for not found.
    `health_others`: what camera-health called it besides. Of pictures in order (`fault` empty): whether each accuses.
    """

    footage: str
    recipe: str
    fault: str
    severity: str
    hours: str
    ours: int = 0
    health: int | None = None
    ffmpeg: int | None = None
    health_others: list[str] = field(default_factory=list)
    accused: dict[str, bool] = field(default_factory=dict)


class HealthPeer:
    """camera-health in its own interpreter; None from `of_looks` when it is not there."""

    def __init__(self) -> None:
        python = peer_python("camera_health")
        self._process = (
            None
            if python is None
            else subprocess.Popen([str(python), "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )

    @property
    def there(self) -> bool:
        return self._process is not None

    def of_looks(self, reference: Image, looks: Sequence[Image]) -> list[list[str]]:
        """Kinds of fault that its Monitor reports for each picture; (h * 3 / 2, w) planar in."""
        self._send(reference, fresh=True)
        return [self._ask(look) for look in looks]

    def _ask(self, picture: Image) -> list[str]:
        self._send(picture, fresh=False)
        if self._process is None or self._process.stdout is None:
            raise AssertionError("camera-health is not there")
        kinds: list[str] = json.loads(self._process.stdout.readline())
        return kinds

    def _send(self, picture: Image, *, fresh: bool) -> None:
        if self._process is None or self._process.stdin is None:
            raise AssertionError("camera-health is not there")
        rgb = np.ascontiguousarray(to_bgr(picture)[:, :, ::-1])
        head = bytes([fresh]) + rgb.shape[0].to_bytes(4, "big") + rgb.shape[1].to_bytes(4, "big")
        self._process.stdin.write(head + rgb.tobytes())
        self._process.stdin.flush()

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()


def filter_figures(looks: Sequence[Image]) -> list[dict[str, float]]:
    """What the five filters say of each picture, in turn, one a second; names without the prefix lavfi."""
    import av
    import av.filter

    height, width = looks[0].shape[0] * 2 // 3, looks[0].shape[1]
    graph = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format="yuv420p", time_base=Fraction(1, 1))
    for name, options in GRAPH:
        step = graph.add(name, options) if options else graph.add(name)
        last.link_to(step)
        last = step
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    found = []
    for number, look in enumerate(looks):
        frame = av.VideoFrame.from_ndarray(look, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 1)
        graph.push(frame)
        values: dict[str, float] = {}
        for key, text in graph.pull().metadata.items():
            values[key.removeprefix("lavfi.")] = float(text)
        values["contrast"] = values["signalstats.YHIGH"] - values["signalstats.YLOW"]
        found.append(values)
    return found


def filters_there() -> bool:
    from av.filter.filter import filters_available

    return all(name in filters_available for name, _ in GRAPH)


def decoded(codec: str, unit: bytes) -> Image | None:
    """The picture of an access unit as planar 4:2:0, limited range; None when it cannot be decoded."""
    import av

    context: Any = av.CodecContext.create(codec, "r")
    try:
        frames = context.decode(av.Packet(unit)) or context.decode(None)
    except av.error.FFmpegError:
        return None
    if not frames:
        return None
    picture: Image = frames[0].reformat(format="yuv420p", dst_color_range="MPEG").to_ndarray()
    return picture


def in_order(footage: Footage, hours: Sequence[float]) -> list[Image]:
    """Pictures in order through the encoder, at these hours of the second day."""
    found = []
    with CameraEncoder(_SETTING, footage.width, footage.height) as encoder:
        for hour in hours:
            at_s = 86_400.0 + hour * 3600.0
            picture = decoded(_SETTING.codec, encoder.visit(footage.look(at_s), footage.after(at_s, _SETTING.between)))
            if picture is not None:
                found.append(picture)
    return found


def ranges() -> dict[str, tuple[float, float]]:
    """The range of every filter figure over pictures in order of tuning streets, day and night."""
    lows: dict[str, float] = defaultdict(lambda: math.inf)
    highs: dict[str, float] = defaultdict(lambda: -math.inf)
    for seed in SEEDS["tuning"]:
        for values in filter_figures(in_order(StreetFootage("tuning", seed), np.arange(0.0, 24.0, 0.75).tolist())):
            for name, value in values.items():
                lows[name], highs[name] = min(lows[name], value), max(highs[name], value)
    return {name: (lows[name], highs[name]) for name in lows}


def accuses(fault: str, values: Mapping[str, float], usual: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the filters for a fault find it in one picture's figures."""
    for name, side in FILTERS.get(fault, ("", ()))[1]:
        value = values.get(name)
        if value is None:
            continue
        low, high = usual.get(name, (-math.inf, math.inf))
        if side == "event" or (side == "low" and value < low) or (side == "high" and value > high):
            return True
    return False


def _footages(few: bool) -> Iterator[Footage]:
    for seed in SEEDS["scoring"][: 1 if few else FEW_SEEDS]:
        yield StreetFootage("scoring", seed)
    if clip_there("scoring"):
        yield ClipFootage("scoring")


def run(out: Path, *, few: bool = False) -> list[Compared]:
    """All comparisons; also written to `out`. The product's own answers are of the same looks."""
    quiet_libraries()
    usual = ranges() if filters_there() else {}
    health = HealthPeer()
    found: list[Compared] = []
    try:
        for footage in _footages(few):
            found += _clean(footage, health, usual)
            with tempfile.TemporaryDirectory(prefix="citywatch-peers-", dir=fast_directory()) as directory:
                noon, night, _ = learn(Bench(Path(directory)), footage, _SETTING)
                for recipe, severity, hours in wanted(footage, _SETTING):
                    if severity == "mild" or (few and hours == "night"):
                        continue
                    known, begin_s = (noon, footage.noon_s) if hours == "day" else (night, footage.night_s)
                    if known is None:
                        continue
                    units: list[tuple[str, bytes]] = []
                    result = suffer(known, footage, _SETTING, recipe, severity, begin_s, hours, keep=units)
                    before = in_order(footage, [(begin_s - 86_400.0) / 3600.0 - n / 12 for n in range(_BEFORE, 0, -1)])
                    looks = [picture for unit in units if (picture := decoded(*unit)) is not None]
                    found.append(_compare(result, before, looks, health, usual))
            print(f"  peers: {footage.name}", flush=True)
    finally:
        health.close()
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.json").write_text(json.dumps([asdict(item) for item in found]) + "\n")
    return found


def read(out: Path) -> list[Compared]:
    file = out / "peers.json"
    return [Compared(**values) for values in json.loads(file.read_text())] if file.exists() else []


def _clean(footage: Footage, health: HealthPeer, usual: Mapping[str, tuple[float, float]]) -> list[Compared]:
    """Pictures in order over a day: what each accuses."""
    pictures = in_order(footage, np.arange(0.1, 24.0, 0.5).tolist())
    figures = filter_figures(pictures) if usual else [{} for _ in pictures]
    kinds = health.of_looks(pictures[24], pictures) if health.there else [[] for _ in pictures]
    return [
        Compared(
            footage.name,
            "in order",
            "",
            "-",
            "-",
            health_others=kind,
            accused={
                "health": bool(kind),
                "ffmpeg": any(accuses(fault, values, usual) for fault in FILTERS),
            },
        )
        for kind, values in zip(kinds, figures, strict=True)
    ]


def _compare(
    result: Result,
    before: Sequence[Image],
    looks: Sequence[Image],
    health: HealthPeer,
    usual: Mapping[str, tuple[float, float]],
) -> Compared:
    compared = Compared(result.footage, result.recipe, result.fault, result.severity, result.hours, ours=result.found)
    if health.there and looks:
        kinds = health.of_looks(before[-1], [*before, *looks])
        mine = HEALTH_KINDS.get(result.fault, frozenset())
        quiet = not any(mine & set(kind) for kind in kinds[:_BEFORE])
        hits = [number for number, kind in enumerate(kinds[_BEFORE:], 1) if mine & set(kind)]
        compared.health = hits[0] if hits and quiet else 0
        compared.health_others = sorted({kind for told in kinds[_BEFORE:] for kind in told} - mine)
    if usual and looks:
        hits = [
            number
            for number, values in enumerate(filter_figures([*before, *looks])[_BEFORE:], 1)
            if accuses(result.fault, values, usual)
        ]
        compared.ffmpeg = hits[0] if hits else 0
    return compared


def of_peers(found: Sequence[Compared]) -> str:
    """The table of all three."""
    groups: dict[tuple[str, str], list[Compared]] = defaultdict(list)
    for item in found:
        if item.fault:
            groups[item.fault, item.severity].append(item)
    lines = []
    for fault in Fault:
        for severity in SEVERITIES:
            group = groups.get((fault.value, severity), [])
            if group:
                filters = FILTERS.get(fault.value, ("", ()))[0]
                lines.append(
                    (fault.value, severity, str(len(group)), _share([item.ours for item in group], fault.value),
                     _share([item.health for item in group], fault.value) if fault.value in HEALTH_KINDS else "no word",
                     _share([item.ffmpeg for item in group], fault.value) + f" ({filters})" if filters else "no filter")
                )  # fmt: skip
    clean = [item for item in found if not item.fault]
    absent = "" if any(item.health is not None for item in found) else f"\n{HEALTH}: {PEER_ABSENT}.\n"
    return "\n".join(
        (
            "## Peers on the same pictures\n",
            f"Found within 3 looks (frozen 8), x264 300 kbit/s.{absent}",
            table(("fault", "severity", "cases", "citywatch", HEALTH, "ffmpeg's filters"), lines),
            f"\nOf {len(clean)} pictures in order: {HEALTH} calls "
            f"{percent(sum(item.accused.get('health', False) for item in clean), len(clean))} faulty, the filters "
            f"{percent(sum(item.accused.get('ffmpeg', False) for item in clean), len(clean))}.",
        )
    )  # fmt: skip


def _share(looks: Sequence[int | None], fault: str) -> str:
    known = [look for look in looks if look is not None]
    return percent(sum(0 < look <= WITHIN_LOOKS[fault] for look in known), len(known))


def rows_of_peers(found: Sequence[Compared]) -> list[Row]:
    """Shares over all severe and medium faults, and of pictures in order that are called faulty."""
    faults = [item for item in found if item.fault]
    if not faults:
        return []
    rows = []
    ours = [item.ours for item in faults]
    share = (
        100.0 * sum(0 < look <= WITHIN_LOOKS[item.fault] for look, item in zip(ours, faults, strict=True)) / len(ours)
    )
    for peer, name in ((HEALTH, "health"), ("ffmpeg's five filters", "ffmpeg")):
        looks = [getattr(item, name) for item in faults]
        if any(look is None for look in looks):
            rows.append(peer_absent(SCENARIO, f"severe and medium faults found, {name}", "%", peer))
            continue
        theirs = sum(0 < look <= WITHIN_LOOKS[item.fault] for look, item in zip(looks, faults, strict=True))
        rows.append(
            row(SCENARIO, "severe and medium faults found, same pictures", share, "%", peer=peer,
                ratio=share / (100.0 * theirs / len(looks)) if theirs else None,
                note=f"peer {100.0 * theirs / len(looks):.0f} %, n {len(looks)}")
        )  # fmt: skip
        clean = [item for item in found if not item.fault]
        accused = 100.0 * sum(item.accused.get(name, False) for item in clean) / len(clean)
        rows.append(row(SCENARIO, f"clean pictures called faulty by {peer}", accused, "%", note=f"n {len(clean)}"))
    return rows
