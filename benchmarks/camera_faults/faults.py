"""Every fault x severity x encoder x bit rate x scene, through the product's own road.

Each camera is visited in order for a day and a half first (LEARN_EVERY_S apart), so that its references and usual
figures are its own. Then it is forked: at noon and by night of its second day each fault begins on a copy of
what is known of it, and the patrol goes on visiting, suspects sooner, until the fault is confirmed or MOST_LOOKS looks
are over. A result is a line of JSON; results that are in the file already are not made again.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.camera_faults.footage import (
    ClipFootage,
    Footage,
    Set,
    StreetFootage,
    clip_there,
    damaged,
    encoder_for,
    quiet_libraries,
)
from benchmarks.camera_faults.pipeline import Bench, Patrolled, columns_of, faults_in
from benchmarks.camera_faults.work import in_processes
from citywatch.domain.events import EventKind
from citywatch.testing.coded import CameraEncoder, EncoderSetting
from citywatch.testing.scene_faults import RECIPES, Recipe, Severity

LEARN_EVERY_S = 600.0
MOST_LOOKS = 8
MOST_LOOKS_FROZEN = 14
"""A standing picture by night is told by a quiet that is longer than any which the camera lived through: an hour of
looks. A severe one must be found within eight all the same; one of the medium kind within these."""
SETTLING, SETTLED = 12, 4
"""Groups of pictures that the encoder gets of a frozen picture before its first look, and before each after it."""

ENCODERS = (
    EncoderSetting("x264 100 kbit/s", "h264", 100),
    EncoderSetting("x264 300 kbit/s", "h264", 300),
    EncoderSetting("x264 900 kbit/s", "h264", 900),
    EncoderSetting("x265 50 kbit/s", "hevc", 50, between=1),
    EncoderSetting("x265 150 kbit/s", "hevc", 150, between=1),
    EncoderSetting("x265 450 kbit/s", "hevc", 450, between=1),
    EncoderSetting("MPEG-4 q5", "mpeg4", quantiser=5),
    EncoderSetting("MJPEG q6", "mjpeg", quantiser=6),
)
"""Bit rates at 640x360, as coded.CameraEncoder understands them."""
SEEDS: Mapping[Set, tuple[int, ...]] = {"scoring": (10_125, 10_126, 10_127, 10_128), "tuning": (1, 2, 3, 4)}
"""Of the streets from 10,001 to 10,004, and from 10,101 to 10,124, results were read before rules were changed; those
of 10,125 to 10,128 nobody had read when the rules of decision 0071 ran on them: rules that change after it take others.
"""
FEW_ENCODERS = (ENCODERS[1], ENCODERS[4])
FEW_SEEDS = 2


@dataclass(slots=True)
class Result:
    """What became of one fault at one camera.

    found        looks from the first one with the fault to its confirmation, that one counted; 0: not found
    confirmed    (fault, look) of all that was confirmed, in order; look 0 is before the fault began
    suspected    faults that were suspected on the way
    unchecked    it was not found, and no look said that it was absent, either: it could not be checked
    looks        how many looks were made
    figures      columns of the last look
    """

    footage: str
    encoder: str
    recipe: str
    fault: str
    severity: str
    hours: str
    found: int = 0
    confirmed: list[tuple[str, int]] = field(default_factory=list)
    suspected: list[str] = field(default_factory=list)
    unchecked: bool = False
    looks: int = 0
    outcome: str = ""
    figures: dict[str, float | None] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        return (self.footage, self.encoder, self.recipe, self.severity, self.hours)

    @property
    def named_as(self) -> str:
        """The other fault that was confirmed before the right one was, or instead of it."""
        for fault, look in self.confirmed:
            if look > 0 and fault != self.fault:
                return fault if not self.found or look < self.found else ""
        return ""


def learn(
    bench: Bench, footage: Footage, setting: EncoderSetting, begin_s: float = 0.0, nights: bool = True
) -> tuple[Patrolled, Patrolled | None, list[str]]:
    """The camera at noon and (where it has one) at night of its second day, and what was confirmed on the way."""
    device = f"{footage.name}/{setting.name}".replace(" ", "_")
    camera = Patrolled(bench, device, begin_s, LEARN_EVERY_S)
    nights = nights and footage.has_night
    wrong: list[str] = []
    noon: Patrolled | None = None
    with CameraEncoder(setting, footage.width, footage.height) as encoder:
        for at_s in camera.turns(footage.night_s if nights else footage.noon_s):
            if noon is None and at_s >= footage.noon_s:
                noon = camera.fork(footage.noon_s)
            unit = encoder.visit(footage.look(at_s), footage.after(at_s, setting.between))
            wrong += faults_in(camera.visit(at_s, setting.codec, unit))
    if noon is None:
        return camera.fork(footage.noon_s), None, wrong
    return noon, camera.fork(footage.night_s) if nights else None, wrong


def suffer(
    known: Patrolled,
    footage: Footage,
    setting: EncoderSetting,
    recipe: Recipe,
    severity: Severity,
    begin_s: float,
    hours: str,
    keep: list[tuple[str, bytes]] | None = None,
) -> Result:
    """One fault from its first look on. `keep`: gets (codec, coded bytes) of MOST_LOOKS looks, for others."""
    result = Result(footage.name, setting.name, recipe.name, recipe.fault.value, severity, hours)
    most_looks = MOST_LOOKS_FROZEN if recipe.where == "time" and keep is None else MOST_LOOKS
    coded = encoder_for(recipe, setting)
    if coded is None:
        raise ValueError(f"{recipe.name} cannot happen to {setting.name}")
    camera = known.fork(begin_s)
    with CameraEncoder(coded, footage.width, footage.height) as encoder:
        encoder.visit(footage.look(begin_s - 60.0), footage.after(begin_s - 60.0, coded.between))
        for at_s in camera.turns(begin_s + 6 * 3600.0):
            result.looks += 1
            if recipe.where == "time":
                _settle(encoder, footage, recipe, severity, at_s, result.looks, begin_s)
            picture = footage.spoiled(recipe, severity, at_s, result.looks, begin_s)
            unit = encoder.visit(picture, [picture] * coded.between)
            if recipe.where == "coded":
                unit = damaged(recipe, severity, coded, unit, result.looks)
            if keep is not None:
                keep.append((coded.codec, unit))
            events = camera.visit(at_s, coded.codec, unit)
            result.suspected += [str(e.data["fault"]) for e in events if e.kind is EventKind.SUSPICION_RAISED]
            for fault in faults_in(events):
                result.confirmed.append((fault, result.looks))
                if fault == recipe.fault.value and not result.found:
                    result.found = result.looks
            if (result.found and keep is None) or result.looks >= most_looks:
                break
    # The first picture that stands is compared with the last that lived: that pair says nothing of the fault.
    since_s = begin_s + (1.0 if recipe.where == "time" else 0.0)
    result.unchecked = not result.found and camera.last_good_s(recipe.fault) < since_s
    if camera.row is not None:
        result.outcome = str(camera.row.reason[0])
        figures = columns_of(camera.row)
        result.figures = {name: round(value, 4) if math.isfinite(value) else None for name, value in figures.items()}
    return result


def _settle(
    encoder: CameraEncoder,
    footage: Footage,
    recipe: Recipe,
    severity: Severity,
    at_s: float,
    look: int,
    begin_s: float,
) -> None:
    """What a real encoder has had of a picture that stands: before its first look, and between two looks."""
    for group in range(SETTLING if look == 1 else SETTLED, 0, -1):
        pictures = [
            footage.spoiled(recipe, severity, at_s - 2.0 * group + 0.2 * n, 100 * look + group, begin_s)
            for n in range(2)
        ]
        encoder.visit(pictures[0], [pictures[1]] * encoder.setting.between)


def wanted(
    footage: Footage, setting: EncoderSetting, only: Collection[str] = ()
) -> Iterator[tuple[Recipe, Severity, str]]:
    """(recipe, severity, hours) that a camera can suffer. `only`: faults to be left with; all when empty."""
    for recipe in RECIPES.values():
        if encoder_for(recipe, setting) is None or (only and recipe.fault.value not in only):
            continue
        for severity in recipe.severities:
            if recipe.hours in ("day", "both"):
                yield recipe, severity, "day"
            if recipe.hours in ("night", "both") and footage.has_night and _can_at_night(footage, recipe):
                yield recipe, severity, "night"


def _can_at_night(footage: Footage, recipe: Recipe) -> bool:
    """A filter can only be stuck where there is infrared by night."""
    return recipe.hours != "night" or (isinstance(footage, StreetFootage) and footage.life.infrared_nights)


def camera_results(
    footage: Footage, setting: EncoderSetting, done: set[tuple[str, ...]], only: Collection[str] = ()
) -> Iterator[Result]:
    """All results of one camera that are not there yet."""
    left = [
        item
        for item in wanted(footage, setting, only)
        if (footage.name, setting.name, item[0].name, item[1], item[2]) not in done
    ]
    if not left:
        return
    with tempfile.TemporaryDirectory(prefix="citywatch-faults-", dir=fast_directory()) as directory:
        bench = Bench(Path(directory))
        noon, night, wrong = learn(bench, footage, setting)
        if (footage.name, setting.name, "in order", "-", "-") not in done:
            result = Result(footage.name, setting.name, "in order", "", "-", "-")
            result.confirmed = [(fault, 0) for fault in wrong]
            yield result
        for recipe, severity, hours in left:
            known, begin_s = (noon, footage.noon_s) if hours == "day" else (night, footage.night_s)
            if known is not None:
                yield suffer(known, footage, setting, recipe, severity, begin_s, hours)


def fast_directory() -> str | None:
    """Memory, where the system has a directory of it: what is kept here is thrown away."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def cameras(few: bool, which: Set = "scoring", streets: Sequence[int] = ()) -> list[tuple[str, int, EncoderSetting]]:
    """(kind of footage, seed or 0, encoder) of every camera of a set. `streets`: these seeds, and nothing else."""
    if streets:
        return [("street", seed, setting) for seed in streets for setting in (FEW_ENCODERS if few else ENCODERS)]
    seeds = SEEDS[which][:FEW_SEEDS] if few else SEEDS[which]
    encoders = FEW_ENCODERS if few else ENCODERS
    found = [("street", seed, setting) for seed in seeds for setting in encoders]
    if clip_there(which):
        found += [("clip", 0, setting) for setting in (encoders[0], encoders[-1])]
    if not few:
        found.append(("street 720p", seeds[0], ENCODERS[1]))
    return found


def footage_of(kind: str, seed: int, which: Set = "scoring") -> Footage:
    if kind == "clip":
        return ClipFootage(which)
    if kind == "street 720p":
        footage = StreetFootage(which, seed, 1280, 720)
        footage.name += " 720p"
        return footage
    return StreetFootage(which, seed)


def run_camera(task: tuple[str, int, EncoderSetting, str, Set, tuple[str, ...]]) -> int:
    """One camera's part, in a process of its own: appends to its file; how many results are new."""
    kind, seed, setting, path, which, only = task
    quiet_libraries()
    file = Path(path)
    kept = read(file)
    file.write_text("".join(_line(result) for result in kept))  # without a line that a crash has cut
    done = {result.key for result in kept}
    count = 0
    with file.open("a") as sink:
        for result in camera_results(footage_of(kind, seed, which), setting, done, only):
            sink.write(_line(result))
            sink.flush()
            count += 1
    return count


def _line(result: Result) -> str:
    return json.dumps(asdict(result), separators=(",", ":")) + "\n"


def read(file: Path) -> list[Result]:
    """The results in a file; a last line that a crash has cut is left out."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            values: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        values["confirmed"] = [(str(fault), int(look)) for fault, look in values["confirmed"]]
        found.append(Result(**values))
    return found


def run(
    out: Path,
    *,
    few: bool,
    processes: int = 2,
    which: Set = "scoring",
    only: Collection[str] = (),
    streets: Sequence[int] = (),
) -> list[Result]:
    """All results of a set, or of a few faults or streets of it; resumes from what is in `out`."""
    unknown = set(only) - {recipe.fault.value for recipe in RECIPES.values()}
    if unknown:
        raise ValueError(f"no recipe makes these faults: {', '.join(sorted(unknown))}")
    out.mkdir(parents=True, exist_ok=True)
    tasks = []
    for kind, seed, setting in cameras(few, which, streets):
        name = f"faults-{which}-{kind}-{seed}-{setting.name}".replace(" ", "_").replace("/", "")
        tasks.append((kind, seed, setting, str(out / f"{name}.jsonl"), which, tuple(only)))
    in_processes(run_camera, tasks, processes, lambda task: f"{task[0]} {task[1] or ''} {task[2].name}")
    return [result for task in tasks for result in read(Path(task[3]))]
