"""A seeded street: footage for the demonstration city, the tests and the benchmarks.

`Street(seed, width, height).picture(at_s)` draws one picture of a street as a roadside camera would see it: sky,
buildings, trees, a road in perspective with traffic on it, street lamps by night, sensor noise, a burnt-in clock.
The same seed, size and instant give the same bytes on the same libraries; nothing is drawn from a global generator.
`write_clip` encodes pictures with a real codec. OpenCV and PyAV are imported when they are first needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

SceneFault = Literal["black", "over_exposed", "covered", "out_of_focus", "frozen", "frozen_clock"]
"""`frozen` stops the whole picture, `frozen_clock` everything but the burnt-in clock."""

SCENE_FAULTS: tuple[SceneFault, ...] = ("black", "over_exposed", "covered", "out_of_focus", "frozen", "frozen_clock")

_MARGIN = 64
"""Pixels by which the stored noise is larger than the picture, so that it can be laid down at a new place each time."""
_VEHICLE_COLOURS = ((235, 235, 232), (40, 38, 36), (150, 148, 145), (52, 48, 170), (150, 85, 40), (90, 92, 96))
_WALLS = ((150, 165, 185), (120, 135, 160), (170, 172, 176), (105, 118, 140), (140, 150, 152), (160, 175, 205))


@dataclass(frozen=True, slots=True)
class Geometry:
    """Between which bounds a street's view is drawn: shares of the picture's height (horizon) and width (the rest)."""

    horizon: tuple[float, float] = (0.34, 0.42)
    vanish: tuple[float, float] = (0.40, 0.60)
    near_left: tuple[float, float] = (-0.30, -0.05)
    near_right: tuple[float, float] = (1.05, 1.30)


@dataclass(frozen=True, slots=True)
class _Lane:
    """One lane: where it lies across the road (-1 left kerb to 1 right kerb), its direction, its traffic."""

    across: float
    towards: bool
    speed_mps: float
    headway_m: float
    phase_m: float


@dataclass(frozen=True, slots=True)
class _Vehicle:
    distance_m: float
    lane: _Lane
    width_m: float
    height_m: float
    colour: tuple[int, int, int]
    lorry: bool


class Street:
    """One camera's street.

    seed         everything that is drawn follows from it
    width, height  pixels, even, at least 32
    start_hour   the hour of the day (0 to 24) at `at_s` 0; it sets the light
    traffic      1 for a busy street, 0 for an empty one
    noise_sd     sensor noise by day, grey levels; by night the gain raises it to about three times
    caption      a text burnt in beside the clock; empty for none
    clock        whether a running clock is burnt in
    started      what the burnt-in clock shows at `at_s` 0; None for 4 May 2026 at `start_hour`
    geometry     between which bounds the view is drawn; None for the usual ones
    """

    def __init__(
        self,
        seed: int,
        width: int = 1280,
        height: int = 720,
        *,
        start_hour: float = 11.0,
        traffic: float = 1.0,
        noise_sd: float = 1.5,
        caption: str = "",
        clock: bool = True,
        started: datetime | None = None,
        geometry: Geometry | None = None,
    ) -> None:
        if width < 32 or height < 32 or width % 2 or height % 2:
            raise ValueError(f"a street of {width}x{height} pixels: both must be even and at least 32")
        self.seed, self.width, self.height = seed, width, height
        self.start_hour, self.traffic, self.noise_sd = start_hour, traffic, noise_sd
        self.caption, self.clock = caption, clock
        self.started = started or datetime(2026, 5, 4, tzinfo=UTC) + timedelta(hours=start_hour)
        rng = np.random.default_rng([seed, 1])
        geometry = geometry or Geometry()
        self._horizon = int(height * rng.uniform(*geometry.horizon))
        self._vanish_x = width * rng.uniform(*geometry.vanish)
        self._near_left = width * rng.uniform(*geometry.near_left)
        self._near_right = width * rng.uniform(*geometry.near_right)
        self._lanes = self._make_lanes(rng)
        self._lamps_x = [float(side * rng.uniform(1.12, 1.22)) for side in (-1, 1)]
        self._background = self._draw_background(rng)
        self._lamplight = self._draw_lamplight()
        self._noise: Floats = np.random.default_rng([seed, 2]).standard_normal(
            (height + _MARGIN, width + _MARGIN), dtype=np.float32
        )
        self._cover = self._draw_cover(np.random.default_rng([seed, 3]))

    # ---- what callers use

    def picture(
        self, at_s: float, fault: SceneFault | None = None, severity: float = 1.0, *, frozen_at_s: float = 0.0
    ) -> Image:
        """The picture at `at_s` seconds: (height, width, 3) uint8, blue, green, red.

        severity (0 to 1): for `black` and `over_exposed` how far the light is gone or burns out, for `covered` the
        share of the picture behind the cover, for `out_of_focus` the blur (1: sigma of height / 60). A frozen picture
        is the one of `frozen_at_s`, to the bit; what differs between two of them in a clip is the encoder's work.
        """
        cv2 = _cv2()

        if not 0.0 <= severity <= 1.0:
            raise ValueError(f"severity is {severity}; it lies between 0 and 1")
        seen_s = frozen_at_s if fault in ("frozen", "frozen_clock") else at_s
        scene = self._lit(seen_s)
        if fault == "black":
            scene *= 1.0 - severity
            scene += 3.0 * severity
        elif fault == "over_exposed":
            scene = scene * (1.0 + 5.0 * severity) + 200.0 * severity
        elif fault == "covered":
            self._lay_cover(scene, severity, self.light(seen_s))
        elif fault == "out_of_focus" and severity > 0:
            scene = cv2.GaussianBlur(scene, (0, 0), severity * self.height / 60.0, borderType=cv2.BORDER_REPLICATE)
        noise = self._noise_at(seen_s)
        scene += (noise * (0.5 * self.noise_sd if fault == "black" else self._noise_level(seen_s)))[:, :, None]
        picture: Image = np.clip(scene + 0.5, 0, 255).astype(np.uint8)
        if self.clock or self.caption:
            self._burn_in(picture, seen_s if fault == "frozen" else at_s)
        return picture

    def yuv420(
        self, at_s: float, fault: SceneFault | None = None, severity: float = 1.0, *, frozen_at_s: float = 0.0
    ) -> Image:
        """The same picture as planar YUV 4:2:0 in limited range: (height * 3 / 2, width) uint8."""
        cv2 = _cv2()

        planes: Image = cv2.cvtColor(
            self.picture(at_s, fault, severity, frozen_at_s=frozen_at_s), cv2.COLOR_BGR2YUV_I420
        )
        return planes

    def pictures(
        self, seconds: float, fps: float, fault: SceneFault | None = None, severity: float = 1.0, *, from_s: float = 0.0
    ) -> Iterator[Image]:
        """`seconds * fps` pictures from `from_s` on; a frozen run is frozen at `from_s`."""
        for number in range(round(seconds * fps)):
            yield self.picture(from_s + number / fps, fault, severity, frozen_at_s=from_s)

    def light(self, at_s: float) -> float:
        """Daylight between 0 (deep night) and 1 (noon)."""
        hour = (self.start_hour + at_s / 3600.0) % 24.0
        return float(np.clip(0.5 + 1.6 * math.sin((hour - 6.5) / 12.0 * math.pi), 0.0, 1.0))

    # ---- the road in perspective

    def _make_lanes(self, rng: np.random.Generator) -> tuple[_Lane, ...]:
        lanes = []
        for number, across in enumerate((-0.66, -0.24, 0.24, 0.66)):
            lanes.append(
                _Lane(
                    across=across,
                    towards=number < 2,
                    speed_mps=float(rng.uniform(8.0, 16.0)),
                    headway_m=float(rng.uniform(24.0, 46.0)),
                    phase_m=float(rng.uniform(0.0, 1000.0)),
                )
            )
        return tuple(lanes)

    def _row(self, distance_m: float) -> float:
        """Image row of the road surface at a distance; 6 m is the lower edge."""
        return self._horizon + (self.height - self._horizon) * 6.0 / distance_m

    def _column(self, across: float, distance_m: float) -> float:
        """Image column of a point `across` the road (-1 left kerb, 1 right kerb) at a distance."""
        share = 6.0 / distance_m
        left = self._vanish_x + (self._near_left - self._vanish_x) * share
        right = self._vanish_x + (self._near_right - self._vanish_x) * share
        return left + (right - left) * (across + 1.0) / 2.0

    def _points(self, *corners: tuple[float, float]) -> np.ndarray[Any, np.dtype[np.int32]]:
        return np.array([[round(self._column(a, d)), round(self._row(d))] for a, d in corners], np.int32)

    # ---- what stands still

    def _draw_background(self, rng: np.random.Generator) -> Floats:
        """The street without traffic by full daylight: (height, width, 3) float32."""
        cv2 = _cv2()

        w, h = self.width, self.height
        canvas = np.empty((h, w, 3), np.uint8)
        rows = np.linspace(0, 1, h, dtype=np.float32)[:, None]
        canvas[:] = (np.array([228, 206, 184]) * (1 - rows) + np.array([214, 214, 212]) * rows)[:, None, :]
        clouds = _smooth_noise(rng, w, h, max(h // 6, 8)) * 9.0
        canvas[:] = np.clip(canvas + clouds[:, :, None], 0, 255).astype(np.uint8)
        canvas[self._horizon :] = (128, 138, 140)
        self._draw_buildings(canvas, rng)
        self._draw_ground(canvas, rng)
        self._draw_trees(canvas, rng)
        self._draw_lamps(canvas)
        scene = cv2.GaussianBlur(canvas, (3, 3), 0.6).astype(np.float32)
        grain = _smooth_noise(rng, w, h, 2) * 5.0 + rng.standard_normal((h, w), dtype=np.float32) * 2.5
        grain[: self._horizon] *= 0.35
        scene += grain[:, :, None]
        return np.asarray(scene, np.float32)

    def _draw_buildings(self, canvas: Image, rng: np.random.Generator) -> None:
        cv2 = _cv2()

        w, h = self.width, self.height
        x = -rng.uniform(0, 0.05) * w
        while x < w:
            wide = w * rng.uniform(0.08, 0.19)
            middle = abs((x + wide / 2 - self._vanish_x) / w)
            top = int(self._horizon - h * (0.10 + 0.45 * middle) * rng.uniform(0.55, 1.0))
            foot = int(self._horizon + h * 0.05 + middle * h * 0.10)
            wall = np.array(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.7, 1.05)
            left, right = round(x), round(x + wide)
            cv2.rectangle(canvas, (left, top), (right, foot), wall.tolist(), -1)
            cv2.rectangle(canvas, (left, top), (right, top + max(h // 120, 1)), (wall * 0.7).tolist(), -1)
            across = max(int(wide / (w * rng.uniform(0.014, 0.024))), 2)
            storey = max(h * rng.uniform(0.028, 0.04), 3.0)
            for n in range(max(int((foot - top) / storey) - 1, 1)):
                for m in range(across):
                    glass = np.array([92, 78, 62]) * rng.uniform(0.6, 1.7)
                    x0 = left + (m + 0.25) * wide / across
                    y0 = top + (n + 0.45) * storey
                    x1, y1 = x0 + 0.55 * wide / across, y0 + 0.55 * storey
                    cv2.rectangle(canvas, (round(x0), round(y0)), (round(x1), round(y1)), glass.tolist(), -1)
            x += wide + w * rng.uniform(-0.004, 0.012)

    def _draw_ground(self, canvas: Image, rng: np.random.Generator) -> None:
        cv2 = _cv2()

        far = 400.0
        pavement = self._points((-1.9, 6), (-1.9, far), (1.9, far), (1.9, 6))
        cv2.fillPoly(canvas, [pavement], (150, 158, 160))
        for across in (-1.75, -1.6, -1.45, -1.3, 1.3, 1.45, 1.6, 1.75):
            cv2.line(
                canvas, *map(tuple, self._points((across, 6), (across, far)).tolist()), (136, 144, 146), 1, cv2.LINE_AA
            )
        for step in range(48):
            distance = 6.0 * 1.07**step
            for side in (-1, 1):
                ends = self._points((side * 1.08, distance), (side * 1.9, distance)).tolist()
                cv2.line(canvas, *map(tuple, ends), (136, 144, 146), 1, cv2.LINE_AA)
        cv2.fillPoly(canvas, [self._points((-1.08, 6), (-1.08, far), (1.08, far), (1.08, 6))], (176, 180, 182))
        cv2.fillPoly(canvas, [self._points((-1, 6), (-1, far), (1, far), (1, 6))], (92, 92, 90))
        for _ in range(14):
            across, distance = rng.uniform(-0.9, 0.9), 6.0 / rng.uniform(0.12, 1.0)
            length, half, shade = rng.uniform(0.4, 2.5), rng.uniform(0.03, 0.12), int(rng.integers(74, 108))
            patch = self._points(
                (across - half, distance),
                (across - half, distance + length),
                (across + half, distance + length),
                (across + half, distance),
            )
            cv2.fillPoly(canvas, [patch], (shade, shade, shade - 1), cv2.LINE_AA)
        paint = (222, 224, 224)
        for edge in (-0.95, 0.95):
            cv2.fillPoly(
                canvas,
                [self._points((edge - 0.012, 6), (edge, far), (edge, far), (edge + 0.012, 6))],
                paint,
                cv2.LINE_AA,
            )
        for edge in (-0.02, 0.02):
            yellow = self._points((edge - 0.010, 6), (edge, far), (edge, far), (edge + 0.010, 6))
            cv2.fillPoly(canvas, [yellow], (92, 188, 214), cv2.LINE_AA)
        for lane in (-0.46, 0.46):
            for number in range(30):
                near, end = 6.0 + number * 6.0, 8.4 + number * 6.0
                dash = self._points(
                    (lane - 0.011, near), (lane - 0.011, end), (lane + 0.011, end), (lane + 0.011, near)
                )
                cv2.fillPoly(canvas, [dash], paint, cv2.LINE_AA)

    def _draw_trees(self, canvas: Image, rng: np.random.Generator) -> None:
        cv2 = _cv2()

        for side in (-1, 1):
            for number in range(7, 0, -1):
                distance = 11.0 + number * 9.0 + rng.uniform(-2, 2)
                x, foot = self._column(side * rng.uniform(1.35, 1.6), distance), self._row(distance)
                size = (self.height - self._horizon) * 6.0 / distance * rng.uniform(0.75, 1.1)
                trunk = max(round(size * 0.07), 1)
                cv2.line(
                    canvas, (round(x), round(foot)), (round(x), round(foot - size)), (52, 66, 80), trunk, cv2.LINE_AA
                )
                for _ in range(70):
                    angle, reach = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0, 1)) * size * 0.55
                    centre = (
                        round(x + reach * math.cos(angle)),
                        round(foot - size * 1.35 + 0.85 * reach * math.sin(angle)),
                    )
                    green = np.array([48, 96, 72]) * rng.uniform(0.45, 1.25)
                    cv2.circle(
                        canvas, centre, max(round(size * rng.uniform(0.05, 0.15)), 1), green.tolist(), -1, cv2.LINE_AA
                    )

    def _lamp_places(self) -> Iterator[tuple[float, float, float, float]]:
        """Column, row of the foot, row of the light, pixels per metre; near ones first."""
        for distance in (16.0, 30.0, 48.0, 75.0):
            metre = (self._column(1, distance) - self._column(-1, distance)) / 15.0
            for across in self._lamps_x:
                x, foot = self._column(across, distance), self._row(distance)
                yield x, foot, foot - 7.5 * metre, metre

    def _draw_lamps(self, canvas: Image) -> None:
        cv2 = _cv2()

        for x, foot, light, metre in self._lamp_places():
            thick = max(round(0.16 * metre), 1)
            reach = (1.8 if x < self._vanish_x else -1.8) * metre
            cv2.line(canvas, (round(x), round(foot)), (round(x), round(light)), (98, 100, 100), thick, cv2.LINE_AA)
            cv2.line(
                canvas, (round(x), round(light)), (round(x + reach), round(light)), (98, 100, 100), thick, cv2.LINE_AA
            )

    def _draw_lamplight(self) -> Floats:
        """What the street lamps throw on the scene by night, as a factor per pixel: (height, width) float32."""
        pool = np.full((self.height, self.width), 0.10, np.float32)
        ys, xs = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        for x, foot, light, metre in self._lamp_places():
            middle = x + (3.0 if x < self._vanish_x else -3.0) * metre
            pool += 0.62 * np.exp(-(((xs - middle) / (6.5 * metre)) ** 2) - ((ys - foot) / (2.2 * metre)) ** 2)
            lit_x = x + (1.8 if x < self._vanish_x else -1.8) * metre
            pool += 2.6 * np.exp(-((xs - lit_x) ** 2 + (ys - light) ** 2) / (2 * max(0.35 * metre, 1.0) ** 2))
        return pool

    def _draw_cover(self, rng: np.random.Generator) -> Floats:
        """A plate or a cloth close before the lens, out of focus: (height, width, 3) float32."""
        w, h = self.width, self.height
        colour = np.array([rng.uniform(60, 150), rng.uniform(60, 150), rng.uniform(60, 150)], np.float32)
        slope_x, slope_y = rng.uniform(-22, 22, 2)
        shade = np.linspace(-slope_x, slope_x, w, dtype=np.float32)[None, :]
        shade = shade + np.linspace(-slope_y, slope_y, h, dtype=np.float32)[:, None]
        folds = _smooth_noise(rng, w, h, max(h // 3, 8)) * 6.0
        return np.asarray(colour[None, None, :] + (shade + folds)[:, :, None], np.float32)

    def _lay_cover(self, scene: Floats, share: float, light: float) -> None:
        edge = round(self.height * share)
        scene[:edge] = self._cover[:edge] * np.float32(0.45 + 0.55 * light)

    # ---- what moves

    def _vehicles(self, at_s: float) -> list[_Vehicle]:
        """Everybody on the road, the farthest first."""
        found = []
        for number, lane in enumerate(self._lanes):
            travelled = at_s * lane.speed_mps + lane.phase_m
            first = (
                math.floor((travelled - 150.0) / lane.headway_m)
                if lane.towards
                else math.ceil((-travelled) / lane.headway_m)
            )
            for offset in range(math.ceil(160.0 / lane.headway_m) + 2):
                serial = first + offset
                dice = np.random.default_rng([self.seed, 7, number, serial & 0xFFFFFFFF])
                if dice.uniform() > self.traffic * 0.8:
                    continue
                place = serial * lane.headway_m + dice.uniform(0.0, 0.45) * lane.headway_m
                distance = travelled - place if lane.towards else travelled + place
                distance = 150.0 - distance if lane.towards else distance
                if not 4.5 < distance < 140.0:
                    continue
                lorry = bool(dice.uniform() < 0.2)
                colour = _VEHICLE_COLOURS[dice.integers(len(_VEHICLE_COLOURS))]
                found.append(_Vehicle(distance, lane, 2.5 if lorry else 1.85, 3.4 if lorry else 1.5, colour, lorry))
        return sorted(found, key=lambda vehicle: -vehicle.distance_m)

    def _draw_vehicle(self, canvas: Image, vehicle: _Vehicle) -> None:
        cv2 = _cv2()

        lane, distance = vehicle.lane, vehicle.distance_m
        metre = (self._column(1, distance) - self._column(-1, distance)) / 15.0
        x, foot = self._column(lane.across, distance), self._row(distance)
        wide, high = vehicle.width_m * metre, vehicle.height_m * metre
        if wide < 2.0:
            return

        def box(x0: float, y0: float, x1: float, y1: float, colour: tuple[float, float, float]) -> None:
            """Corners as shares of the vehicle's width (-0.5 to 0.5) and height (0 foot to 1 top)."""
            corners = (round(x + x0 * wide), round(foot - y0 * high)), (round(x + x1 * wide), round(foot - y1 * high))
            cv2.rectangle(canvas, *corners, colour, -1)

        body = vehicle.colour
        shade = tuple(0.62 * c for c in body)
        cv2.ellipse(
            canvas,
            (round(x), round(foot)),
            (round(0.62 * wide), max(round(0.10 * high), 1)),
            0,
            0,
            360,
            (44, 44, 44),
            -1,
            cv2.LINE_AA,
        )
        for wheel in (-0.44, 0.28):
            box(wheel, -0.04, wheel + 0.16, 0.22, (26, 26, 26))
        if vehicle.lorry:
            box(-0.5, 0.10, 0.5, 1.0, body)
            box(-0.5, 0.10, 0.5, 0.16, (60, 60, 60))
            if lane.towards:
                box(-0.44, 0.46, 0.44, 0.68, (78, 66, 54))
            else:
                box(-0.01, 0.16, 0.01, 1.0, shade)  # type: ignore[arg-type]
        else:
            box(-0.5, 0.12, 0.5, 0.62, body)
            roof = np.array([[-0.46, 0.60], [-0.34, 1.0], [0.34, 1.0], [0.46, 0.60]])
            glass = np.array([[-0.39, 0.63], [-0.29, 0.93], [0.29, 0.93], [0.39, 0.63]])
            for shape, colour in ((roof, shade), (glass, (88, 74, 58))):
                points = np.stack([x + shape[:, 0] * wide, foot - shape[:, 1] * high], axis=1).round().astype(np.int32)
                cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA)
            box(-0.5, 0.12, 0.5, 0.22, shade)  # type: ignore[arg-type]
        box(-0.15, 0.16, 0.15, 0.16 + 0.30 / vehicle.height_m, (150, 90, 40))
        lamps = (225, 240, 245) if lane.towards else (50, 50, 190)
        for lamp in (-0.46, 0.30):
            box(lamp, 0.36, lamp + 0.16, 0.36 + 0.24 / vehicle.height_m, lamps)

    def _lit(self, at_s: float) -> Floats:
        """The scene in the light of its hour, without noise: (height, width, 3) float32, its own copy."""
        cv2 = _cv2()

        scene = self._background.copy()
        vehicles = self._vehicles(at_s)
        if vehicles:
            canvas = np.clip(scene, 0, 255).astype(np.uint8)
            before = canvas.copy()
            for vehicle in vehicles:
                self._draw_vehicle(canvas, vehicle)
            touched = (canvas != before).any(axis=2)
            scene[touched] = canvas[touched]
        light = self.light(at_s)
        if light < 1.0:
            scene *= (light + (1.0 - light) * self._lamplight)[:, :, None]
            if light < 0.6:
                glow = np.zeros((self.height // 2, self.width // 2), np.float32)
                for vehicle in vehicles:
                    self._draw_beam(glow, vehicle)
                glow = cv2.GaussianBlur(glow, (0, 0), max(self.height / 240.0, 0.8))
                wide = cv2.resize(glow, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
                scene += wide[:, :, None] * np.array([0.82, 0.95, 1.0], np.float32) * np.float32(1.0 - light)
        return scene

    def _draw_beam(self, glow: Floats, vehicle: _Vehicle) -> None:
        """Headlamps or tail lamps at half size."""
        cv2 = _cv2()

        metre = (self._column(1, vehicle.distance_m) - self._column(-1, vehicle.distance_m)) / 15.0
        x, foot = self._column(vehicle.lane.across, vehicle.distance_m), self._row(vehicle.distance_m)
        bright = 235.0 if vehicle.lane.towards else 70.0
        for side in (-0.38, 0.38):
            centre = (round((x + side * vehicle.width_m * metre) / 2), round((foot - 0.65 * metre) / 2))
            cv2.circle(glow, centre, max(round(0.12 * metre), 1), bright, -1)
        if vehicle.lane.towards:
            axes = (max(round(0.8 * metre), 1), max(round(0.25 * metre), 1))
            cv2.ellipse(glow, (round(x / 2), round((foot + 0.6 * metre) / 2)), axes, 0, 0, 360, 90.0, -1)

    # ---- the sensor and the recorder

    def _noise_level(self, at_s: float) -> float:
        return self.noise_sd * (1.0 + 2.0 * (1.0 - self.light(at_s)))

    def _noise_at(self, at_s: float) -> Floats:
        """Sensor noise of one instant, sd 1: the stored field at a new place, mirrored or not; (height, width)."""
        dice = np.random.default_rng([self.seed, 11, round(at_s * 1000.0) & 0xFFFFFFFF])
        top, left = dice.integers(0, _MARGIN + 1, 2)
        field = self._noise[top : top + self.height, left : left + self.width]
        if dice.integers(2):
            field = field[::-1]
        if dice.integers(2):
            field = field[:, ::-1]
        return np.asarray(field, np.float32)

    def _burn_in(self, picture: Image, at_s: float) -> None:
        cv2 = _cv2()

        scale = max(self.height / 720.0 * 0.9, 0.3)
        thick = max(round(scale * 1.6), 1)
        lines = []
        if self.clock:
            shown = self.started + timedelta(seconds=math.floor(at_s))
            lines.append((shown.strftime("%Y-%m-%d %H:%M:%S"), (round(self.width * 0.025), round(self.height * 0.065))))
        if self.caption:
            (wide, _), _ = cv2.getTextSize(self.caption, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
            lines.append((self.caption, (round(self.width * 0.975) - wide, round(self.height * 0.955))))
        for text, place in lines:
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                beside = (place[0] + dx, place[1] + dy)
                cv2.putText(picture, text, beside, cv2.FONT_HERSHEY_SIMPLEX, scale, (24, 24, 24), thick, cv2.LINE_AA)
            cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (245, 245, 245), thick, cv2.LINE_AA)


def _cv2() -> Any:
    """OpenCV, imported when the first picture is drawn."""
    import cv2  # noqa: PLC0415  (heavy: not before it is needed)

    return cv2


def _smooth_noise(rng: np.random.Generator, width: int, height: int, cell: int) -> Floats:
    """Smooth random field of sd about 1 with structure of about `cell` pixels: (height, width) float32."""
    cv2 = _cv2()

    coarse = rng.standard_normal((height // cell + 2, width // cell + 2), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


Codec = Literal["libx264", "libx265", "mpeg4", "mjpeg"]


def write_clip(
    path: Path,
    pictures: Iterable[Image],
    codec: Codec = "libx264",
    *,
    fps: int = 25,
    gop: int = 25,
    crf: int | None = None,
    bit_rate: int | None = None,
    preset: str = "veryfast",
) -> int:
    """Encode pictures ((h, w, 3) uint8 blue-green-red, or (h, w) uint8 luma) into a file; returns how many.

    gop       pictures from one key frame to the next; no other key frames are made
    crf       constant quality (libx264, libx265); for mpeg4 and mjpeg the quantiser scale 1 (best) to 31
    bit_rate  bits per second instead of constant quality
    The container follows from the suffix of `path`. ValueError without any picture.
    """
    import av  # noqa: PLC0415  (heavy: not before it is needed)

    count = 0
    with av.open(str(path), "w") as container:
        stream: Any = None
        for picture in pictures:
            if stream is None:
                height, width = picture.shape[:2]
                stream = container.add_stream(codec, rate=fps, options=_options(codec, crf, preset))
                stream.width, stream.height = width, height
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                stream.codec_context.gop_size = gop
                stream.codec_context.thread_count = 1
                stream.codec_context.time_base = Fraction(1, fps)
                if bit_rate is not None:
                    stream.bit_rate = bit_rate
                elif codec in ("mpeg4", "mjpeg"):
                    scale = 4 if crf is None else crf
                    stream.codec_context.qmin = stream.codec_context.qmax = scale
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "bgr24" if picture.ndim == 3 else "gray")
            frame.pts, frame.time_base = count, Fraction(1, fps)
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            count += 1
        if stream is None:
            raise ValueError(f"{path}: a clip needs at least one picture")
        container.mux(stream.encode(None))
    return count


def _options(codec: Codec, crf: int | None, preset: str) -> Mapping[str, str]:
    options: dict[str, str] = {}
    if codec in ("libx264", "libx265"):
        options["preset"] = preset
        if crf is not None:
            options["crf"] = str(crf)
    if codec == "libx264":
        options["x264-params"] = "scenecut=0:threads=1"
    if codec == "libx265":
        options["x265-params"] = "scenecut=0:pools=1:frame-threads=1:log-level=none"
    return options
