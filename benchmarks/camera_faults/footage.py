"""Where the pictures come from: generated streets and the real clips, in order and with every fault.

The split. Thresholds are tuned on streets of the seeds 0 to 9,999 and on car-detection.mp4; what is scored are streets
of the seeds from 10,000 on, which live by habits of their own (street_life.SCORING: other geometry, noise, hours,
weather; the tuning seeds from 800 on are drawn by the same bounds), and the highway clip. `street` and `clip` refuse
what does not belong to the set that they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from benchmarks._frame import SHARED_DATA
from citywatch.domain.pictures import Fault
from citywatch.testing.coded import EncoderSetting, altered_bytes, lost_slices
from citywatch.testing.planes import Image, Planes, split
from citywatch.testing.scene_faults import Recipe, Severity, spoil, spoil_lens, spoil_signal
from citywatch.testing.street_life import DAY_S, StreetLife, scoring_seed, tuning_seed

Set = Literal["tuning", "scoring"]
VIDEO = SHARED_DATA / "video"
CLIPS: Mapping[Set, str] = {"tuning": "car-detection.mp4", "scoring": "bgslibrary_video02_highway_osd.avi"}
SPLIT = (
    "tuned on streets of seeds 0..9999 and car-detection.mp4; scored on the highway clip and streets of seeds "
    ">= 10000, of other geometry, noise, hours and weather than the tuning streets below 800"
)
NOON_S, NIGHT_S = 36.35 * 3600.0, 47.4 * 3600.0
"""When faults begin, of a camera's second day..."""
FROM_SUNSET_S = 2 * 3600.0
"""... but so long after its sunset by night, and before it by day: there are streets on which the sun sets at one, and
such on which it sets at midnight.
"""

_HIGHWAY_CLOCK = (slice(24, 42), slice(18, 112))
"""Where the highway clip has its clock: rows and columns."""


class Footage(Protocol):
    """Pictures of one camera: (h * 3 / 2, w) uint8, planar 4:2:0."""

    name: str
    width: int
    height: int
    has_night: bool
    noon_s: float
    night_s: float
    """When faults by day and by night begin."""

    def look(self, at_s: float) -> Image:
        """The picture in order."""

    def after(self, at_s: float, count: int) -> list[Image]:
        """The `count` pictures that follow at once, for the encoder: what is there, with noise of its own."""

    def spoiled(self, recipe: Recipe, severity: Severity, at_s: float, look: int, since_s: float) -> Image:
        """The picture with a fault that began at `since_s`."""


class StreetFootage:
    """A generated street."""

    has_night = True

    def __init__(self, which: Set, seed: int, width: int = 640, height: int = 360, **options: Any) -> None:
        (scoring_seed if which == "scoring" else tuning_seed)(seed)
        self.life = StreetLife(seed, width, height, **options)
        self.name, self.width, self.height = f"street {seed}", width, height
        sunset_s = DAY_S + 3600.0 * self.life.sunset_h
        self.noon_s, self.night_s = min(NOON_S, sunset_s - FROM_SUNSET_S), max(NIGHT_S, sunset_s + FROM_SUNSET_S)
        self._scene: tuple[float, Planes] | None = None

    def look(self, at_s: float) -> Image:
        scene = self.life.scene(at_s)
        self._scene = (at_s, scene.copy())
        return self.life.sense(scene, at_s)

    def after(self, at_s: float, count: int) -> list[Image]:
        if self._scene is None or self._scene[0] != at_s:
            self._scene = (at_s, self.life.scene(at_s))
        scene = self._scene[1]
        return [self.life.sense(scene.copy(), at_s, noise_at_s=at_s + 0.04 * number) for number in range(1, count + 1)]

    def spoiled(self, recipe: Recipe, severity: Severity, at_s: float, look: int, since_s: float) -> Image:
        return spoil(self.life, recipe, severity, at_s, look=look, since_s=since_s)


class ClipFootage:
    """A real clip, its pictures taken round and round: one light, no weather. Text in it is spoiled with the rest."""

    has_night = False
    noon_s, night_s = NOON_S, NIGHT_S

    def __init__(self, which: Set) -> None:
        self._pictures = clip_pictures(which)
        self.name = Path(CLIPS[which]).stem
        self.height, self.width = self._pictures[0].shape[0] * 2 // 3, self._pictures[0].shape[1]
        self._clock = _HIGHWAY_CLOCK if which == "scoring" else None

    def look(self, at_s: float) -> Image:
        return self._pictures[round(at_s * 7.3) % len(self._pictures)]

    def after(self, at_s: float, count: int) -> list[Image]:
        first = round(at_s * 7.3)
        return [self._pictures[(first + number) % len(self._pictures)] for number in range(1, count + 1)]

    def spoiled(self, recipe: Recipe, severity: Severity, at_s: float, look: int, since_s: float) -> Image:
        seed = sum(self.name.encode())
        if recipe.where == "coded":
            return self.look(at_s)
        if recipe.where == "time":
            picture = self.look(since_s).copy()
            if recipe.name == "frozen/clock" and self._clock is not None:
                split(picture)[0][self._clock] = split(self.look(at_s))[0][self._clock]
            if recipe.figure(severity) < 1.0:
                self._noise(picture, look, recipe.figure(severity))
            return picture
        if recipe.where == "signal":
            return spoil_signal(self.look(at_s), recipe, severity, seed, look)
        planes = spoil_lens(Planes.from_i420(self.look(at_s)), recipe, severity, seed, look)
        picture = planes.i420()
        # The sensor is behind the lens: what was blurred or dimmed has its noise all the same.
        self._noise(picture, look, 0.7 if recipe.fault is Fault.BLACK else 1.2)
        return picture

    @staticmethod
    def _noise(picture: Image, look: int, sd: float) -> None:
        y = split(picture)[0]
        noise = np.random.default_rng([9, look]).standard_normal(y.shape, dtype=np.float32)
        y[:] = np.clip(y + noise * np.float32(sd) + 0.5, 0, 255)


def clip_there(which: Set) -> bool:
    return (VIDEO / CLIPS[which]).exists()


@cache
def clip_pictures(which: Set) -> list[Image]:
    """Every third picture of the clip of a set, its sides cut to even numbers of pixels."""
    import av

    with av.open(str(VIDEO / CLIPS[which])) as container:
        found = [frame.reformat(format="yuv420p").to_ndarray() for frame in container.decode(video=0)]
    return found[::3]


def damaged(recipe: Recipe, severity: Severity, setting: EncoderSetting, content: bytes, look: int) -> bytes:
    """The access unit with a fault of the coded kind."""
    dice = np.random.default_rng([47, look, len(content)])
    act = lost_slices if recipe.name == "mosaic/slices" else altered_bytes
    return act(content, setting.codec, recipe.figure(severity), dice)


def encoder_for(recipe: Recipe | None, setting: EncoderSetting) -> EncoderSetting | None:
    """The encoder's setting for a recipe; None where the codec cannot have it."""
    if recipe is None or recipe.where not in ("coded", "time"):
        return setting
    if recipe.where == "time":
        return replace(setting, between=9)  # what rate control makes of a picture that stands is the whole matter
    if recipe.name == "mosaic/slices" and setting.codec in ("mjpeg", "mpeg4"):
        return None  # no slices of their own
    return with_slices(setting) if setting.codec == "h264" else setting


def with_slices(setting: EncoderSetting) -> EncoderSetting:
    """The same encoder with eight slices a picture, as cameras do that send over lossy lines."""
    return replace(setting, slices=8)


def quiet_libraries() -> None:
    """One thread each; nothing of theirs on our streams."""
    cv2.setNumThreads(1)
