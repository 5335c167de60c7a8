"""Frozen against live: does every live camera differ from every frozen one, whatever its encoder does to quiet scenes?

Six encoders at three qualities each, six scenes, 108 combinations. Each is visited live (LIVE_LOOKS looks, EVERY_S
apart: far closer than five minutes, so that neither light nor shadows help), then its picture stops, wholly in one
run, all but the clock in another, and is visited FROZEN_LOOKS times as the patrol does. Between two visits the
encoder gets pictures that follow at once on the visited one, and camera-side noise reduction filters all of them.

An answer to a frozen picture is: found, could not be checked, or fine (a miss). To a live one: fine, could not be
checked, or accused (a false alarm). Separation is complete when nothing is missed and nothing is falsely accused.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.camera_faults.faults import fast_directory
from benchmarks.camera_faults.footage import Set, quiet_libraries
from benchmarks.camera_faults.pipeline import Bench, Patrolled, faults_in
from benchmarks.camera_faults.work import in_processes
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Fault
from citywatch.testing.coded import CameraEncoder, EncoderSetting
from citywatch.testing.planes import Image
from citywatch.testing.street_life import NoiseFilter, StreetLife, scoring_seed, tuning_seed

EVERY_S = 60.0
LIVE_LOOKS, FROZEN_LOOKS = 10, 10
SETTLING, SETTLED = 12, 4
"""Groups of pictures (a key frame, two seconds) that the encoder gets before the first look at a picture that stands,
and before each one after it. A real one gets five at the least, and after a few minutes a hundred and more."""

ENCODERS = (
    *(EncoderSetting(f"x264 {rate} kbit/s", "h264", rate) for rate in (80, 250, 800)),
    *(EncoderSetting(f"x264 pixel-freezing {rate} kbit/s", "h264", rate, quiet=True) for rate in (80, 250, 800)),
    *(EncoderSetting(f"x264 constant rate {rate} kbit/s", "h264", rate, cbr=True) for rate in (80, 250, 800)),
    *(EncoderSetting(f"x265 {rate} kbit/s", "hevc", rate) for rate in (40, 120, 400)),
    *(EncoderSetting(f"MPEG-4 q{quantiser}", "mpeg4", quantiser=quantiser) for quantiser in (3, 8, 16)),
    *(EncoderSetting(f"MJPEG q{quantiser}", "mjpeg", quantiser=quantiser) for quantiser in (3, 8, 16)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the camera looks at. `hour`: when it stops. `reduction`: strength of the camera's noise filter over time.
    `between`: pictures after each key frame, 0.2 s apart: 9 for a key frame every two seconds, 49 for ten."""

    name: str
    seed: int
    hour: float
    options: tuple[tuple[str, Any], ...]
    reduction: float = 0.0
    between: int = 9

    def life(self, which: Set = "scoring") -> StreetLife:
        options = {"weather": False, "buses": False, "noise_reduction": 0.0, **dict(self.options)}
        seed = scoring_seed(self.seed) if which == "scoring" else tuning_seed(self.seed - 30_000 + 500)
        return StreetLife(seed, **options)


SCENES = (
    Scene("busy noon", 30_001, 12.0, (("traffic", 1.0), ("clock", True), ("noise_sd", 1.5))),
    Scene("empty noon, little noise", 30_002, 12.5, (("traffic", 0.0), ("clock", False), ("noise_sd", 0.7))),
    Scene("empty night in colour", 30_003, 1.0,
          (("traffic", 0.0), ("clock", False), ("noise_sd", 1.0), ("night", "colour"))),
    Scene("empty infrared night, noise reduction", 30_004, 1.5,
          (("traffic", 0.0), ("clock", True), ("noise_sd", 1.2), ("night", "infrared")), 0.85),
    Scene("quiet day, noise reduction, clock", 30_005, 14.0,
          (("traffic", 0.15), ("clock", True), ("noise_sd", 1.0)), 0.85),
    Scene("quiet day, key frames far apart", 30_006, 10.0,
          (("traffic", 0.15), ("clock", True), ("noise_sd", 1.0)), 0.5, 49),
)  # fmt: skip


@dataclass(slots=True)
class Answer:
    """What one combination came to. `live`, `whole`, `clock`: fine, found (accused), or unchecked; "-" without one.

    live_least, frozen_most  the least changed share of a live pair, the most of a frozen one (from its third on)
    """

    scene: str
    encoder: str
    live: str = "-"
    whole: str = "-"
    clock: str = "-"
    whole_looks: int = 0
    clock_looks: int = 0
    live_least: float = math.nan
    whole_most: float = math.nan
    clock_most: float = math.nan
    live_scene_least: float = math.nan
    clock_scene_most: float = math.nan
    live_suspicions: int = 0
    others: list[str] = field(default_factory=list)

    @property
    def separated(self) -> bool:
        return self.live != "found" and self.whole != "fine" and self.clock != "fine"


def run_one(task: tuple[Scene, EncoderSetting, Set]) -> Answer:
    scene, setting, which = task
    quiet_libraries()
    setting = replace(setting, between=scene.between)
    answer = Answer(scene.name, setting.name)
    life = scene.life(which)
    begin_s = 86_400.0 + scene.hour * 3600.0
    for way in ("whole", "clock") if life.clock else ("whole",):
        with (
            tempfile.TemporaryDirectory(prefix="citywatch-frozen-", dir=fast_directory()) as directory,
            CameraEncoder(setting, life.width, life.height) as encoder,
        ):
            _stop(answer, way, life, scene, encoder, Patrolled(Bench(Path(directory)), "frozen", begin_s, EVERY_S))
    return answer


def _stop(answer: Answer, way: str, life: StreetLife, scene: Scene, encoder: CameraEncoder, camera: Patrolled) -> None:
    """Live looks, then frozen ones, of one camera."""
    filtered = NoiseFilter(scene.reduction)
    pairs: dict[str, list[float]] = {"live": [], "frozen": [], "live scene": [], "frozen scene": []}
    stopped: Image | None = None
    stopped_s = 0.0
    found = 0
    accused = was_fine = False
    for looks, at_s in enumerate(camera.turns(math.inf), 1):
        if looks > LIVE_LOOKS + FROZEN_LOOKS:
            break
        live = looks <= LIVE_LOOKS
        if live:
            picture = filtered(life.look(at_s))
            after = [filtered(life.look(at_s + 0.2 * n)) for n in range(1, scene.between + 1)]
            if looks == LIVE_LOOKS:
                was_fine = camera.last_good_s(Fault.FROZEN) > -math.inf
                stopped_s = at_s
                # What stops is the picture without its text where the clock goes on.
                stopped = picture if way == "whole" else filtered(life.sense(life.scene(at_s), at_s, text=False))
        else:
            # Seconds to minutes have passed: rate control has come to terms with a picture that stands.
            for group in range(SETTLING if looks == LIVE_LOOKS + 1 else SETTLED, 0, -1):
                begin_s = at_s - 0.2 * (scene.between + 1) * group
                earlier = [_as_shown(life, way, stopped, begin_s + 0.2 * n) for n in range(scene.between + 1)]
                encoder.visit(earlier[0], earlier[1:])
            picture = _as_shown(life, way, stopped, at_s)
            after = [_as_shown(life, way, stopped, at_s + 0.2 * n) for n in range(1, scene.between + 1)]
        events = camera.visit(at_s, encoder.setting.codec, encoder.visit(picture, after))
        row = camera.row
        if row is None:
            raise AssertionError("a visit without a row")
        if looks >= 2 and live:
            pairs["live"].append(float(row.changed_share[0]))
            pairs["live scene"].append(float(row.scene_changed[0]))
        if looks >= LIVE_LOOKS + 3:
            pairs["frozen"].append(float(row.changed_share[0]))
            pairs["frozen scene"].append(float(row.scene_changed[0]))
        suspicions = [e for e in events if e.kind is EventKind.SUSPICION_RAISED]
        answer.live_suspicions += live and any(e.data["fault"] == Fault.FROZEN.value for e in suspicions)
        confirmed = faults_in(events)
        answer.others += [f"{'live' if live else way}:{fault}" for fault in confirmed if fault != Fault.FROZEN.value]
        if Fault.FROZEN.value in confirmed:
            accused = accused or live
            found = found or looks - LIVE_LOOKS
            if not live:
                break
    last_fine_s = camera.last_good_s(Fault.FROZEN)
    if accused:
        answer.live = "found"
    elif answer.live != "found":
        answer.live = "fine" if was_fine else "unchecked"
    state = "found" if found > 0 else "fine" if last_fine_s > stopped_s else "unchecked"
    least, most = min(pairs["live"]), max(pairs["frozen"], default=math.nan)
    answer.live_least = min(answer.live_least, least) if not math.isnan(answer.live_least) else least
    if way == "whole":
        answer.whole, answer.whole_looks, answer.whole_most = state, max(found, 0), most
    else:
        answer.clock, answer.clock_looks, answer.clock_most = state, max(found, 0), most
        answer.live_scene_least = min(pairs["live scene"])
        answer.clock_scene_most = max(pairs["frozen scene"], default=math.nan)


def _as_shown(life: StreetLife, way: str, stopped: Image | None, at_s: float) -> Image:
    if stopped is None:
        raise AssertionError("nothing has stopped")
    picture = stopped.copy()
    if way == "clock":
        life.burn_in(picture, at_s)
    return picture


def run(
    out: Path,
    processes: int = 2,
    which: Set = "scoring",
    only: Callable[[Scene, EncoderSetting], bool] | None = None,
) -> list[Answer]:
    """All combinations; what is in `out` already is not done again."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"frozen-{which}.jsonl"
    done = {(answer.scene, answer.encoder): answer for answer in read(file)}
    wanted = [(scene, setting) for scene in SCENES for setting in ENCODERS if only is None or only(scene, setting)]
    tasks = [(*task, which) for task in wanted if (task[0].name, task[1].name) not in done]
    for number in range(0, len(tasks), 16):
        part = tasks[number : number + 16]
        answers = in_processes(run_one, part, processes, lambda task: f"{task[0].name}, {task[1].name}")
        with file.open("a") as sink:
            for answer in answers:
                sink.write(json.dumps(asdict(answer)) + "\n")
                done[answer.scene, answer.encoder] = answer
    return [done[scene.name, setting.name] for scene, setting in wanted]


def read(file: Path) -> list[Answer]:
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(Answer(**json.loads(line)))
        except ValueError:
            continue
    return found
