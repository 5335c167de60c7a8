"""What a healthy street camera sees over days: dawn to night, weather, traffic, gain noise, a burnt-in clock.

`StreetLife(seed)` is one camera. `look(at_s)` gives the picture of an instant as the encoder gets it; `scene` and
`sense` are its two halves, what reaches the lens and what the sensor makes of it, with room between them for a fault
of the lens (see scene_faults). Everything follows from the seed and the instant, in any order of asking.

What varies, per camera (its Habits) and by the hour:
  daylight           sunrise to sunset by season; clouds that dim it within minutes; shadows of leaves, moving
  night              street lamps and colour with gain noise, or infrared: grey, lit by the camera, hot in the middle
  headlights         by night and at dusk; on a wet road they smear
  rain               streaks, a wet road that mirrors, less contrast, drops on the glass
  snowfall           flakes, and a ground that turns white over hours
  haze               never below 300 m: denser is fog, a fault
  parked cars        come and leave, minutes to hours
  a bus              fills 60 to 95 percent of the picture for 20 seconds to 6 minutes, some five times a day
  wind               shifts the picture by at most 0.4 percent of its height
  noise              of the sensor, by gain; temporal noise reduction takes a part of it away
  clock, caption     burnt in or not

Seeds below 1,000 are for tuning, from 10,000 on for scoring; they live by different habits (`habits_of`), so that
what is scored differs from what thresholds were tuned on in more than its random numbers. Others are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from citywatch.testing.planes import WHITE, Floats, Image, Planes, split, to_bgr
from citywatch.testing.scenes import Geometry, Street, _cv2, _smooth_noise, _Vehicle

FIRST_SCORING_SEED = 10_000
TUNING_SEEDS = range(FIRST_SCORING_SEED)
AS_SCORED = range(800, FIRST_SCORING_SEED)
"""Tuning seeds of which the cameras are drawn by the bounds of those that are scored: what their noise and hours do to
a limit is seen here, and not there.
"""
DAY_S = 86_400.0

_BUS_SLOT_S = 4 * 3600.0
_PARKING_SLOT_S = 1800.0
_CLOUD_SLOT_S = 600.0
_MARGIN = 64
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Habits:
    """Between which bounds the cameras of one set are drawn."""

    geometry: Geometry
    noise_sd: Range
    """Sensor noise by day, grey levels."""
    night_gain: Range
    """By night the noise is larger by this factor."""
    sunrise_h: Range
    day_length_h: Range
    infrared_share: float
    """Share of cameras that switch to infrared by night; the others keep colour."""
    traffic: Range
    wind_share: float
    """Share of cameras on a mast that moves in the wind."""
    haze_m: Range
    """Visibility on a hazy day, metres."""
    rain_share: float
    """Share of days with rain; half as many have snowfall."""


TUNING = Habits(
    geometry=Geometry(),
    noise_sd=(0.8, 2.2),
    night_gain=(2.0, 4.0),
    sunrise_h=(5.5, 7.0),
    day_length_h=(11.5, 14.0),
    infrared_share=0.5,
    traffic=(0.2, 1.0),
    wind_share=0.3,
    haze_m=(500.0, 2000.0),
    rain_share=0.25,
)
SCORING = Habits(
    geometry=Geometry((0.26, 0.50), (0.28, 0.72), (-0.45, 0.06), (0.94, 1.45)),
    noise_sd=(0.5, 3.0),
    night_gain=(1.5, 5.0),
    sunrise_h=(4.5, 8.3),
    day_length_h=(8.0, 16.0),
    infrared_share=0.6,
    traffic=(0.05, 1.0),
    wind_share=0.4,
    haze_m=(300.0, 3000.0),
    rain_share=0.35,
)


def habits_of(seed: int) -> Habits:
    """ValueError for a seed that belongs to neither set."""
    if seed in AS_SCORED or seed >= FIRST_SCORING_SEED:
        return SCORING
    if seed in TUNING_SEEDS:
        return TUNING
    raise ValueError(f"seed {seed}: those below {FIRST_SCORING_SEED} are for tuning, it and more for scoring")


def scoring_seed(seed: int) -> int:
    """The seed itself; ValueError when it is not one that may be scored."""
    if seed < FIRST_SCORING_SEED:
        raise ValueError(f"seed {seed} is not scored: thresholds may have been tuned on it")
    return seed


def tuning_seed(seed: int) -> int:
    """The seed itself; ValueError when it is not one that thresholds may be tuned on."""
    if seed not in TUNING_SEEDS:
        raise ValueError(f"seed {seed} is kept for scoring: nothing may be tuned on it")
    return seed


@dataclass(frozen=True, slots=True)
class Conditions:
    """What it is like at one instant; shares lie between 0 and 1.

    light  daylight, 1 at noon      sun   direct sun that throws shadows     infrared  the camera's own light is on
    rain, snowfall, wet             ground_white  how far snow lies          haze_m    visibility, metres
    shift  (x, y) by which wind moves the picture, pixels
    """

    light: float
    sun: float
    infrared: bool
    rain: float
    snowfall: float
    wet: float
    ground_white: float
    haze_m: float
    shift: tuple[float, float]


class StreetLife(Street):
    """One camera's street over days; `at_s` counts from midnight of its first day.

    seed           0 to 999 for tuning, from 10,000 on for scoring
    width, height  pixels, even
    clock          whether a clock is burnt in; None: as the seed says
    night          "infrared", "colour"; None: as the seed says
    noise_sd       None: as the seed says
    noise_reduction  share of the noise that the camera filters away over time, 0 to 1; None: as the seed says
    weather        False for dry, clear days
    """

    def __init__(
        self,
        seed: int,
        width: int = 640,
        height: int = 360,
        *,
        clock: bool | None = None,
        night: str | None = None,
        noise_sd: float | None = None,
        noise_reduction: float | None = None,
        weather: bool = True,
        traffic: float | None = None,
        buses: bool = True,
    ) -> None:
        habits = habits_of(seed)
        rng = np.random.default_rng([seed, 21])
        drawn_noise, drawn_traffic = rng.uniform(*habits.noise_sd), rng.uniform(*habits.traffic)
        has_clock, has_caption = bool(rng.uniform() < 0.8), bool(rng.uniform() < 0.5)
        super().__init__(
            seed,
            width,
            height,
            start_hour=0.0,
            traffic=float(drawn_traffic if traffic is None else traffic),
            noise_sd=float(drawn_noise if noise_sd is None else noise_sd),
            caption=f"K{seed % 997:03d}+{seed % 9}00 N{seed}" if has_caption else "",
            clock=has_clock if clock is None else clock,
            started=datetime(2026, 5, 4, tzinfo=UTC),
            geometry=habits.geometry,
        )
        self.habits = habits
        self.weather, self.buses = weather, buses
        self.infrared_nights = bool(rng.uniform() < habits.infrared_share) if night is None else night == "infrared"
        self.sunrise_h = float(rng.uniform(*habits.sunrise_h))
        self.sunset_h = self.sunrise_h + float(rng.uniform(*habits.day_length_h))
        self.night_gain = float(rng.uniform(*habits.night_gain))
        reduction = 0.0 if rng.uniform() < 0.4 else rng.uniform(0.3, 0.85)
        self.noise_reduction = float(reduction if noise_reduction is None else noise_reduction)
        self._windy_mast = bool(rng.uniform() < habits.wind_share)
        self._canvas = np.clip(self._background + 0.5, 0, 255).astype(np.uint8)
        self.depth_m = self._draw_depth()
        self._ground = self._draw_ground_mask()
        self._leaves = _smooth_noise(rng, width + _MARGIN, height + _MARGIN, max(height // 24, 4))
        self._infrared_light = self._draw_infrared(rng)
        self._streaks, self._flakes = self._draw_fall(rng)
        self._drops = self._draw_drops(rng)

    # ---- what callers use

    def look(self, at_s: float, *, noise_at_s: float | None = None) -> Image:
        """The picture of an instant as the encoder gets it: (height * 3 / 2, width) uint8, planar 4:2:0."""
        return self.sense(self.scene(at_s), at_s, noise_at_s=noise_at_s)

    def look_bgr(self, at_s: float) -> Image:
        """The same as (height, width, 3) uint8, blue-green-red."""
        return to_bgr(self.look(at_s))

    def scene(self, at_s: float) -> Planes:
        """What reaches the lens: without noise and text."""
        cv2 = _cv2()

        now = self.conditions(at_s)
        canvas = self._canvas.copy()
        vehicles = [*self._vehicles(at_s), *self._parked(at_s)]
        vehicles.sort(key=lambda vehicle: -vehicle.distance_m)
        for vehicle in vehicles:
            self._draw_vehicle(canvas, vehicle)
        self._draw_bus(canvas, at_s)
        planes = Planes.from_bgr(canvas)
        self._lay_weather(planes, now)
        self._lay_light(planes, now, at_s)
        if now.light < 0.6:
            self._lay_headlights(planes, now, vehicles)
        self._lay_fall(planes, now, at_s)
        if now.shift != (0.0, 0.0):
            for plane, scale in ((planes.y, 1.0), (planes.u, 0.5), (planes.v, 0.5)):
                matrix = np.array([[1.0, 0.0, now.shift[0] * scale], [0.0, 1.0, now.shift[1] * scale]])
                plane[:] = cv2.warpAffine(plane, matrix, plane.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        return planes

    def sense(
        self,
        planes: Planes,
        at_s: float,
        *,
        noise_at_s: float | None = None,
        noise: float | None = None,
        text: bool = True,
    ) -> Image:
        """The sensor's noise and the burnt-in text on a scene, which is used up; (height * 3 / 2, width) uint8.

        `noise_at_s`: the instant whose noise it is, `at_s` by default. `noise`: sd in grey levels instead of the
        camera's own at that hour.
        """
        level = self.noise_level(at_s) if noise is None else noise
        if level > 0:
            field = self._noise_at(at_s if noise_at_s is None else noise_at_s)
            planes.y += field * np.float32(level)
            now_light = self.light(at_s)
            if now_light < 0.5 and not self._infrared_on(at_s):
                # Colour noise comes with the gain; a camera in infrared sends none.
                planes.u += field[::2, ::2] * np.float32(0.4 * level)
                planes.v -= field[1::2, 1::2] * np.float32(0.4 * level)
        picture = planes.i420()
        if text:
            self.burn_in(picture, at_s)
        return picture

    def noise_field(self, at_s: float) -> Floats:
        """Noise of one instant, sd 1: (height, width) float32."""
        return self._noise_at(at_s)

    def burn_in(self, picture: Image, at_s: float) -> None:
        """Clock and caption of an instant, as this camera has them, on a planar picture."""
        if self.clock or self.caption:
            self._burn_in(split(picture)[0], at_s)

    def noise_level(self, at_s: float) -> float:
        """Noise of the sensor after the camera's own reduction, grey levels."""
        gain = 1.0 + (self.night_gain - 1.0) * (1.0 - self.light(at_s))
        return self.noise_sd * gain * (1.0 - self.noise_reduction)

    def light(self, at_s: float) -> float:
        """Daylight between 0 and 1, an hour of twilight about sunrise and sunset."""
        hour = (at_s / 3600.0) % 24.0
        return float(np.clip(min(hour - self.sunrise_h, self.sunset_h - hour) / 1.0 + 0.5, 0.0, 1.0))

    def conditions(self, at_s: float) -> Conditions:
        day, light = int(at_s // DAY_S), self.light(at_s)
        dice = np.random.default_rng([self.seed, 22, day])
        kind, begin_h, hours = dice.uniform(), dice.uniform(0.0, 20.0), dice.uniform(1.0, 8.0)
        hazy, haze_m, strength = dice.uniform() < 0.3, float(dice.uniform(*self.habits.haze_m)), dice.uniform(0.3, 1.0)
        hour = (at_s / 3600.0) % 24.0
        swell = float(np.clip(min(hour - begin_h, begin_h + hours - hour) * 4.0, 0.0, 1.0)) * float(strength)
        dries = float(np.clip(1.0 - (hour - begin_h - hours) / 1.5, 0.0, 1.0)) if hour > begin_h else 0.0
        rain = swell if kind < self.habits.rain_share else 0.0
        snowing = self.habits.rain_share <= kind < 1.5 * self.habits.rain_share
        lies = float(np.clip((hour - begin_h) / 3.0, 0.0, 1.0)) * min(dries * 1.5, 1.0) if snowing else 0.0
        if not self.weather:
            rain, snowing, lies, hazy = 0.0, False, 0.0, False
        cloud = self._cloud(at_s) if self.weather else 0.0
        shift = (0.0, 0.0)
        if self._windy_mast and self.weather:
            gust = np.random.default_rng([self.seed, 23, round(at_s * 1000.0) & 0xFFFFFFFF])
            reach = 0.004 * self.height * (0.3 + 0.7 * cloud)
            shift = (float(gust.uniform(-reach, reach)), float(gust.uniform(-reach, reach)))
        return Conditions(
            light=light,
            sun=light * max(1.0 - 1.6 * cloud, 0.0) * (1.0 - min(rain + float(snowing), 1.0)),
            infrared=self._infrared_on(at_s),
            rain=rain,
            snowfall=swell if snowing else 0.0,
            wet=dries * float(strength) if kind < self.habits.rain_share and self.weather else 0.0,
            ground_white=0.8 * lies * float(strength),
            haze_m=haze_m if hazy else 20_000.0,
            shift=shift,
        )

    # ---- what stands still

    def _draw_depth(self) -> Floats:
        """Distance of what is seen in each row, metres: the road's below the horizon, 150 m above: (height, 1)."""
        rows = np.arange(self.height, dtype=np.float32)
        share = np.clip((rows - self._horizon) / (self.height - self._horizon), 0.04, 1.0)
        return np.asarray(6.0 / share, np.float32)[:, None]

    def _draw_ground_mask(self) -> Floats:
        """1 on the road and the pavements, 0.6 on what else lies below the horizon, softly: (height, width)."""
        cv2 = _cv2()

        mask = np.zeros((self.height, self.width), np.float32)
        mask[self._horizon :] = 0.35
        cv2.fillPoly(mask, [self._points((-1.9, 6), (-1.9, 400), (1.9, 400), (1.9, 6))], 1.0)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.5), np.float32)

    def _draw_infrared(self, rng: np.random.Generator) -> Floats:
        """The camera's own infrared lamp: a hot spot that falls off, on surfaces that answer otherwise than by day."""
        ys, xs = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        x, y = rng.uniform(0.4, 0.6) * self.width, rng.uniform(0.6, 0.8) * self.height
        spot = np.exp(-(((xs - x) / (0.42 * self.width)) ** 2) - ((ys - y) / (0.40 * self.height)) ** 2)
        answer = 1.0 + 0.15 * _smooth_noise(rng, self.width, self.height, max(self.height // 8, 8))
        return np.asarray((0.10 + 0.95 * spot) * np.clip(answer, 0.5, 1.5), np.float32)

    def _draw_fall(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Streaks of rain and flakes of snow, larger than the picture by the margin, to be laid down anywhere."""
        cv2 = _cv2()

        h, w = self.height + _MARGIN, self.width + _MARGIN
        streaks, flakes = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
        unit = self.height / 360.0
        for _ in range(420):
            x, y, long = rng.integers(w), rng.integers(h), rng.uniform(6, 22) * unit
            end = (round(x + 0.18 * long), round(y + long))
            cv2.line(streaks, (int(x), int(y)), end, float(rng.uniform(8, 34)), 1, cv2.LINE_AA)
        for _ in range(520):
            centre, radius = (int(rng.integers(w)), int(rng.integers(h))), max(round(rng.uniform(0.6, 2.6) * unit), 1)
            cv2.circle(flakes, centre, radius, float(rng.uniform(30, 120)), -1, cv2.LINE_AA)
        return cv2.blur(streaks, (2, 2)), cv2.blur(flakes, (2, 2))

    def _draw_drops(self, rng: np.random.Generator) -> Floats:
        """Where drops stand on the glass: a soft mask (height, width)."""
        cv2 = _cv2()

        mask = np.zeros((self.height, self.width), np.float32)
        for _ in range(int(rng.integers(3, 12))):
            centre = (int(rng.integers(self.width)), int(rng.integers(self.height)))
            cv2.circle(mask, centre, max(round(self.height * rng.uniform(0.01, 0.03)), 1), 0.8, -1)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), self.height / 180.0), np.float32)

    # ---- what comes and goes

    def _infrared_on(self, at_s: float) -> bool:
        return self.infrared_nights and self.light(at_s) < 0.2

    def _cloud(self, at_s: float) -> float:
        """Cloud cover, 0 to 1, flowing from one drawn figure to the next within ten minutes."""
        slot, share = divmod(at_s / _CLOUD_SLOT_S, 1.0)
        ends = [float(np.random.default_rng([self.seed, 24, int(slot) + step]).uniform()) for step in (0, 1)]
        return ends[0] + (ends[1] - ends[0]) * share

    def _parked(self, at_s: float) -> list[_Vehicle]:
        """Cars at the kerbs; each place is taken anew or left at instants of its own."""
        found = []
        for place in range(8):
            phase = np.random.default_rng([self.seed, 25, place])
            lane = self._lanes[0 if place % 2 else 3]
            distance = 9.0 + 7.0 * (place // 2) + float(phase.uniform(0.0, 3.0))
            slot = math.floor(at_s / _PARKING_SLOT_S + float(phase.uniform()))
            stays = int(phase.integers(1, 9))
            dice = np.random.default_rng([self.seed, 26, place, slot // stays])
            if dice.uniform() < 0.55:
                colour = ((235, 235, 232), (40, 38, 36), (150, 148, 145), (52, 48, 170), (150, 85, 40))[
                    dice.integers(5)
                ]
                kerb = type(lane)(1.18 if place % 2 else -1.18, lane.towards, 0.0, 0.0, 0.0)
                found.append(_Vehicle(distance, kerb, 1.85, 1.5, colour, False))
        return found

    def bus(self, at_s: float) -> float:
        """Share of the picture's width that a bus before the camera takes now, 0 without one."""
        if not self.buses:
            return 0.0
        slot = math.floor(at_s / _BUS_SLOT_S)
        dice = np.random.default_rng([self.seed, 27, slot])
        begin, lasts, share = dice.uniform(0.0, _BUS_SLOT_S - 400.0), dice.uniform(20.0, 360.0), dice.uniform(0.6, 0.95)
        return float(share) if begin <= at_s - slot * _BUS_SLOT_S < begin + lasts else 0.0

    def _draw_bus(self, canvas: Image, at_s: float) -> None:
        share = self.bus(at_s)
        if share <= 0:
            return
        cv2 = _cv2()

        dice = np.random.default_rng([self.seed, 28, math.floor(at_s / _BUS_SLOT_S)])
        w, h = self.width, self.height
        left = round(w * (1.0 - share) * dice.uniform())
        right, top, foot = left + round(w * share), round(h * 0.02), round(h * 0.97)
        body = dice.uniform(50, 220, 3)
        cv2.rectangle(canvas, (left, top), (right, foot), body.tolist(), -1)
        cv2.rectangle(canvas, (left, round(h * 0.60)), (right, round(h * 0.66)), (body * 0.55).tolist(), -1)
        panes = 5
        for pane in range(panes):
            x0 = left + round((pane + 0.12) * (right - left) / panes)
            x1 = left + round((pane + 0.88) * (right - left) / panes)
            y0, y1 = round(h * 0.12), round(h * 0.52)
            cv2.rectangle(canvas, (x0, y0), (x1, y1), (78, 66, 54), -1)
            cv2.line(canvas, (x0, y1), (x1, y0), (120, 110, 96), max(h // 90, 1), cv2.LINE_AA)
            for _ in range(3):
                head = (int(dice.integers(x0, max(x1, x0 + 1))), int(y1 - dice.uniform(0.0, 0.12) * h))
                cv2.circle(canvas, head, max(round(h * 0.035), 1), (96, 110, 140), -1, cv2.LINE_AA)
        cv2.putText(
            canvas,
            f"LINE {self.seed % 89}",
            (left + round(0.1 * (right - left)), round(h * 0.80)),
            cv2.FONT_HERSHEY_SIMPLEX,
            h / 220.0,
            (body * 0.3).tolist(),
            max(h // 120, 1),
            cv2.LINE_AA,
        )
        for wheel in (0.18, 0.80):
            centre = (left + round(wheel * (right - left)), round(h * 0.95))
            cv2.circle(canvas, centre, round(h * 0.13), (24, 24, 24), -1, cv2.LINE_AA)
            cv2.circle(canvas, centre, round(h * 0.06), (130, 130, 132), -1, cv2.LINE_AA)

    # ---- light and weather on the planes

    def _lay_light(self, planes: Planes, now: Conditions, at_s: float) -> None:
        cv2 = _cv2()

        if now.infrared:
            planes.y *= self._infrared_light
            planes.u.fill(0.0)
            planes.v.fill(0.0)
            return
        cloud = self._cloud(at_s) if self.weather else 0.0
        day = now.light * (1.0 - 0.25 * cloud)
        if now.sun > 0.05:
            # The field of leaves' shadows wanders with the sun and sways.
            drift = at_s / 60.0 % (_MARGIN - 4)
            top, left = int(drift), int(drift / 2 + 2 + 2 * math.sin(at_s))
            shade = self._leaves[top : top + self.height, left : left + self.width]
            planes.y *= 1.0 - np.float32(0.45 * now.sun) * self._ground * (shade > 0.6)
        if now.light < 1.0:
            lit = np.float32(day) + np.float32(1.0 - now.light) * self._lamplight
            planes.y *= lit
            small = cv2.resize(lit, planes.u.shape[::-1], interpolation=cv2.INTER_AREA)
            planes.u *= small
            planes.v *= small
        elif day < 1.0:
            planes.y *= np.float32(day)

    def _lay_headlights(self, planes: Planes, now: Conditions, vehicles: list[_Vehicle]) -> None:
        cv2 = _cv2()

        glow = np.zeros((self.height // 2, self.width // 2), np.float32)
        for vehicle in vehicles:
            if vehicle.lane.speed_mps > 0:
                self._draw_beam(glow, vehicle)
        wide = self.height / 240.0 * (2.0 if now.infrared else 1.0)
        glow = cv2.GaussianBlur(glow, (0, 0), max(wide, 0.8))
        if now.wet > 0:
            smear = cv2.blur(glow, (1, max(self.height // 10, 3) | 1))
            glow += np.float32(0.8 * now.wet) * smear
        glow *= np.float32(1.0 - now.light)
        planes.y += cv2.resize(glow, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        if not now.infrared:
            planes.u -= np.float32(0.06) * glow

    def _lay_weather(self, planes: Planes, now: Conditions) -> None:
        """Before the light: what lies on the ground, and what hangs in the air."""
        if now.wet > 0:
            mirrored = planes.y[: self._horizon][::-1]
            rows = min(len(mirrored), self.height - self._horizon)
            road = planes.y[self._horizon : self._horizon + rows]
            road *= np.float32(1.0 - 0.25 * now.wet)
            road += np.float32(0.18 * now.wet) * mirrored[:rows]
        if now.ground_white > 0:
            cover = self._ground * np.float32(now.ground_white)
            planes.y += cover * (np.float32(178.0) - planes.y)
        if now.haze_m < 10_000.0:
            seen = np.exp(-3.0 * self.depth_m / np.float32(now.haze_m))
            planes.y *= seen
            planes.y += np.float32(160.0) * (1.0 - seen)

    def _lay_fall(self, planes: Planes, now: Conditions, at_s: float) -> None:
        cv2 = _cv2()

        if now.rain <= 0 and now.snowfall <= 0:
            return
        dice = np.random.default_rng([self.seed, 29, round(at_s * 1000.0) & 0xFFFFFFFF])
        top, left = (int(offset) for offset in dice.integers(0, _MARGIN, 2))
        field, amount = (self._streaks, now.rain) if now.rain > 0 else (self._flakes, now.snowfall)
        lit = max(now.light, 0.5 if now.infrared else 0.25)
        veil = np.float32(0.18 * amount)
        planes.y *= 1.0 - veil
        planes.y += veil * np.float32(130.0 * lit)
        planes.y += np.float32(amount * lit) * field[top : top + self.height, left : left + self.width]
        if now.rain > 0.4:
            blurred = cv2.blur(planes.y, (9, 9))
            planes.y += self._drops * (blurred * np.float32(1.1) - planes.y)
        np.minimum(planes.y, np.float32(WHITE), out=planes.y)


class NoiseFilter:
    """Temporal noise reduction of a camera over successive pictures, motion-adaptive, on luma.

    strength 0 to 1: the weight of what was before, where nothing moves. A pixel that differs from it by more than
    `motion_levels` is taken as it comes.
    """

    def __init__(self, strength: float, motion_levels: float = 12.0) -> None:
        self._strength, self._motion_levels = np.float32(strength), np.float32(motion_levels)
        self._before: Floats | None = None

    def __call__(self, picture: Image) -> Image:
        """(height * 3 / 2, width) uint8 -> the same, filtered, its own memory."""
        y = split(picture)[0].astype(np.float32)
        if self._before is None:
            self._before = y
        still = np.abs(y - self._before) <= self._motion_levels
        self._before = np.where(still, self._strength * self._before + (1.0 - self._strength) * y, y)
        out = picture.copy()
        split(out)[0][:] = (self._before + 0.5).astype(np.uint8)
        return out
