"""Everything that can be wrong with a camera's picture, at three severities, for generated and for real pictures.

A Recipe says which fault it is, where it happens and what its three severities mean in physical terms:

  lens     before the sensor, on planes without noise or text: `spoil_lens`
  signal   behind the sensor, in the camera's electronics: on the finished picture, `spoil_signal`
  coded    in the coded access units: `citywatch.testing.coded_damage`
  time     the picture is one of another instant: whoever asks for pictures asks for that one

`spoil(life, recipe, severity, at_s)` does what a recipe needs on one look of a StreetLife. `look` numbers the looks:
what changes from look to look (a shaking camera, rolling bands, static) is drawn from it. Everything else about a
fault (where the sticker sits, which colour) is drawn from the seed alone and stays for as long as the fault does.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from citywatch.domain.pictures import Fault
from citywatch.testing.planes import BLACK, WHITE, Floats, Image, Planes, split
from citywatch.testing.scenes import _cv2, _smooth_noise
from citywatch.testing.street_life import TUNING_SEEDS, StreetLife

Severity = Literal["mild", "medium", "severe"]
SEVERITIES: tuple[Severity, ...] = ("mild", "medium", "severe")
Where = Literal["lens", "signal", "coded", "time"]
Hours = Literal["day", "night", "both"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way in which a fault looks. `name` is "fault/way", or the fault's own name where there is one way only.

    mild, medium, severe  the figure of each severity; `means` says of what. NaN: this way has no such severity
    hours  when it is a fault that a picture can show
    """

    name: str
    fault: Fault
    where: Where
    mild: float
    medium: float
    severe: float
    means: str
    hours: Hours = "both"

    def figure(self, severity: Severity) -> float:
        return float(getattr(self, severity))

    @property
    def severities(self) -> tuple[Severity, ...]:
        return tuple(severity for severity in SEVERITIES if not math.isnan(self.figure(severity)))


NAN = math.nan
_ALL = (
    Recipe("black", Fault.BLACK, "lens", 0.06, 0.02, 0.0, "share of the light that still comes through", "day"),
    Recipe("over_exposed", Fault.OVER_EXPOSED, "lens", 2.0, 4.0, 8.0, "exposure, times the right one", "day"),
    Recipe("covered/plate", Fault.COVERED, "lens", 0.85, 0.95, 1.0, "share behind a plate close to the lens", "day"),
    Recipe("covered/film", Fault.COVERED, "lens", 0.16, 0.08, 0.03, "contrast left behind a bag or paint", "day"),
    Recipe("partly_covered/cloth", Fault.PARTLY_COVERED, "lens", 0.2, 0.4, 0.6, "share of the picture hidden", "day"),
    Recipe("partly_covered/sticker", Fault.PARTLY_COVERED, "lens", 0.2, 0.4, 0.6, "share of the picture hidden", "day"),
    Recipe("partly_covered/leaf", Fault.PARTLY_COVERED, "lens", 0.2, 0.4, 0.6, "share of the picture hidden", "day"),
    Recipe("partly_covered/web", Fault.PARTLY_COVERED, "lens", 0.2, 0.4, 0.6, "share behind bright blurred threads"),
    Recipe("out_of_focus", Fault.OUT_OF_FOCUS, "lens", 0.008, 0.018, 0.035, "radius of the blur disc over the height"),
    Recipe("moved/pan", Fault.MOVED, "lens", 0.06, 0.20, 0.45, "shift over the width"),
    Recipe("moved/tilt", Fault.MOVED, "lens", 0.06, 0.18, 0.40, "shift over the height"),
    Recipe("moved/roll", Fault.MOVED, "lens", 4.0, 10.0, 25.0, "degrees about the axis"),
    Recipe("moved/zoom", Fault.MOVED, "lens", 1.12, 1.35, 2.0, "magnification"),
    Recipe("moved/elsewhere", Fault.MOVED, "lens", NAN, NAN, 1.0, "another street altogether"),
    Recipe("shaking", Fault.SHAKING, "lens", 0.012, 0.03, 0.08, "reach over the height, anew at every look, blurred"),
    Recipe("colour_cast/blue", Fault.COLOUR_CAST, "signal", 1.12, 1.35, 2.0, "gain of blue over gain of red", "day"),
    Recipe("colour_cast/green", Fault.COLOUR_CAST, "signal", 1.12, 1.35, 2.0, "gain of green over the others", "day"),
    Recipe("colour_cast/magenta", Fault.COLOUR_CAST, "signal", 1.12, 1.35, 2.0, "gain of red and blue", "day"),
    Recipe("snow/impulses", Fault.SNOW, "signal", 0.01, 0.06, 0.40, "share of pixels that are impulses"),
    Recipe("snow/gain", Fault.SNOW, "signal", 12.0, 25.0, 50.0, "noise sd, grey levels"),
    Recipe("stripes/rows", Fault.STRIPES, "signal", 6.0, 15.0, 40.0, "height of fixed lines along rows, grey levels"),
    Recipe("stripes/columns", Fault.STRIPES, "signal", 6.0, 15.0, 40.0, "height of fixed lines along columns"),
    Recipe("stripes/hum", Fault.STRIPES, "signal", 8.0, 20.0, 50.0, "height of bands that roll, grey levels"),
    Recipe("mosaic/blocks", Fault.MOSAIC, "signal", 0.08, 0.25, 0.6, "share of 16x16 blocks flat or out of place"),
    Recipe("mosaic/bands", Fault.MOSAIC, "signal", 0.10, 0.30, 0.6, "share of rows torn sideways in bands of blocks"),
    Recipe("mosaic/slices", Fault.MOSAIC, "coded", 0.125, 0.375, 0.75, "share of coded slices lost"),
    Recipe("mosaic/bytes", Fault.MOSAIC, "coded", 0.125, 0.375, 0.75, "share of coded slices with altered bytes"),
    Recipe("low_contrast/fog", Fault.LOW_CONTRAST, "lens", 90.0, 35.0, 12.0, "visibility, metres", "day"),
    Recipe("low_contrast/dirt", Fault.LOW_CONTRAST, "lens", 0.5, 0.28, 0.14, "contrast left behind a film", "day"),
    Recipe("infrared_stuck/day", Fault.INFRARED_STUCK, "lens", 0.0, 0.25, 0.5,
           "grey by day, with this share of near infrared in what the sensor sees", "day"),
    Recipe("infrared_stuck/night", Fault.INFRARED_STUCK, "lens", 0.5, 0.3, 0.15,
           "light left where infrared should be on, with colour noise of the gain", "night"),
    Recipe("frozen/whole", Fault.FROZEN, "time", NAN, 0.5, 1.0, "1 the same bits, 0.5 noise of 0.5 levels on them"),
    Recipe("frozen/clock", Fault.FROZEN, "time", NAN, 0.5, 1.0, "the same; the clock runs over it"),
)  # fmt: skip
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def spoil(
    life: StreetLife,
    recipe: Recipe | None,
    severity: Severity,
    at_s: float,
    *,
    look: int = 0,
    since_s: float | None = None,
) -> Image:
    """One look at a camera with a fault: (h * 3 / 2, w) uint8. Recipes of `coded` give the picture in order.

    recipe   None for a look in order
    since_s  when a frozen picture stopped; `at_s` by default
    """
    if recipe is None or recipe.where == "coded":
        return life.look(at_s)
    figure = recipe.figure(severity)
    if math.isnan(figure):
        raise ValueError(f"{recipe.name} has no severity {severity}")
    if recipe.where == "time":
        return _frozen(life, recipe, figure, at_s, at_s if since_s is None else since_s)
    if recipe.where == "signal":
        return spoil_signal(life.look(at_s), recipe, severity, life.seed, look, burn=(life, at_s))
    if recipe.name == "moved/elsewhere":
        other = _another_street(life.seed, life.width, life.height)
        return life.sense(other.scene(at_s), at_s)
    planes = spoil_lens(
        life.scene(at_s), recipe, severity, life.seed, look, light=life.light(at_s), depth_m=life.depth_m
    )
    noise = None
    if recipe.fault is Fault.BLACK:
        noise = 0.6 * life.noise_sd
    if recipe.name == "infrared_stuck/night":
        noise = life.noise_sd * life.night_gain * 2.0
        _colour_noise(planes, np.random.default_rng([life.seed, 41, look]), 5.0 + 2.0 * noise)
    return life.sense(planes, at_s, noise=noise)


def _frozen(life: StreetLife, recipe: Recipe, figure: float, at_s: float, stopped_s: float) -> Image:
    clock_runs = recipe.name == "frozen/clock"
    picture = life.sense(life.scene(stopped_s), stopped_s, text=not clock_runs)
    if figure < 1.0:
        y = split(picture)[0]
        y[:] = np.clip(y + life.noise_field(at_s) * np.float32(figure) + 0.5, 0, 255)
    if clock_runs:
        life.burn_in(picture, at_s)
    return picture


@functools.lru_cache(maxsize=8)
def _another_street(seed: int, width: int, height: int) -> StreetLife:
    """The street of another seed of the same set, under the same sky."""
    life = StreetLife((seed + 500) % len(TUNING_SEEDS) if seed in TUNING_SEEDS else seed + 500_000, width, height)
    own = StreetLife(seed, width, height)
    life.sunrise_h, life.sunset_h, life.infrared_nights = own.sunrise_h, own.sunset_h, own.infrared_nights
    return life


# ---- before the sensor


def spoil_lens(  # noqa: PLR0912  (one case a fault)
    planes: Planes,
    recipe: Recipe,
    severity: Severity,
    seed: int,
    look: int = 0,
    *,
    light: float = 1.0,
    depth_m: Floats | None = None,
) -> Planes:
    """The scene behind the fault; `planes` may be used up.

    light    daylight, 0 to 1, that falls on what covers the lens
    depth_m  distance of what is seen, metres, for fog: (h, 1) or (h, w); a middling street's without it
    """
    figure = recipe.figure(severity)
    dice = np.random.default_rng([seed, 40, sum(recipe.name.encode())])
    way = recipe.name.partition("/")[2]
    match recipe.fault:
        case Fault.BLACK:
            _scale(planes, figure)
        case Fault.OVER_EXPOSED:
            _scale(planes, figure)
            planes.y += 12.0 * (figure - 1.0)
            _burn_out(planes)
        case Fault.COVERED:
            if way == "plate":
                _lay(planes, _cloth(dice, planes, light), _from_above(dice, planes, figure, soft=0.05))
            else:
                _veil(planes, figure, _grey(dice) * (0.35 + 0.65 * light), blur=0.03)
        case Fault.PARTLY_COVERED:
            _cover_part(planes, way, figure, dice, light)
        case Fault.OUT_OF_FOCUS:
            _defocus(planes, figure)
        case Fault.MOVED:
            return _moved(planes, way, figure, dice)
        case Fault.SHAKING:
            _shake(planes, figure, np.random.default_rng([seed, 42, look]))
        case Fault.LOW_CONTRAST:
            if way == "fog":
                _fog(planes, figure, light, depth_m)
            else:
                _veil(planes, figure, 120.0 * (0.3 + 0.7 * light), blur=0.004)
        case Fault.INFRARED_STUCK:
            _stuck_infrared(planes, way, figure, light)
        case _:
            raise ValueError(f"{recipe.name} does not happen at the lens")
    return planes


def _scale(planes: Planes, factor: float) -> None:
    planes.y *= np.float32(factor)
    planes.u *= np.float32(factor)
    planes.v *= np.float32(factor)


def _burn_out(planes: Planes) -> None:
    """What is white has no colour."""
    cv2 = _cv2()

    white = WHITE - BLACK
    np.minimum(planes.y, np.float32(white + 4.0), out=planes.y)
    small = cv2.resize(planes.y, planes.u.shape[::-1], interpolation=cv2.INTER_AREA)
    left = np.clip((white - small) / 40.0, 0.0, 1.0).astype(np.float32)
    planes.u *= left
    planes.v *= left


def _grey(dice: np.random.Generator) -> float:
    return float(dice.uniform(45.0, 150.0))


def _cloth(dice: np.random.Generator, planes: Planes, light: float) -> Planes:
    """What lies close before the lens: a blurred surface with a slope of light and folds."""
    height, width = planes.y.shape
    slope = dice.uniform(-20.0, 20.0, 2)
    y = np.full((height, width), _grey(dice), np.float32)
    y += np.linspace(-slope[0], slope[0], width, dtype=np.float32)[None, :]
    y += np.linspace(-slope[1], slope[1], height, dtype=np.float32)[:, None]
    y += _smooth_noise(dice, width, height, max(height // 3, 8)) * 6.0
    y *= np.float32(0.3 + 0.7 * light)
    colours = dice.uniform(-14.0, 14.0, 2) * (0.3 + 0.7 * light)
    half = (height // 2, width // 2)
    return Planes(y, np.full(half, colours[0], np.float32), np.full(half, colours[1], np.float32))


def _lay(planes: Planes, cover: Planes, mask: Floats) -> None:
    """mask: (h, w) float32, 1 where the cover hides the scene."""
    cv2 = _cv2()

    planes.y += mask * (cover.y - planes.y)
    small = cv2.resize(mask, planes.u.shape[::-1], interpolation=cv2.INTER_AREA)
    planes.u += small * (cover.u - planes.u)
    planes.v += small * (cover.v - planes.v)


def _from_above(dice: np.random.Generator, planes: Planes, share: float, soft: float) -> Floats:
    """A mask from one side of the picture on, with a wavy, soft edge."""
    cv2 = _cv2()

    height, width = planes.y.shape
    side = int(dice.integers(4)) if share < 1.0 else 0
    along, across = (width, height) if side % 2 == 0 else (height, width)
    wave = _smooth_noise(dice, along, 8, max(along // 4, 8))[0] * 0.04 * across if share < 1.0 else np.zeros(along)
    depth = np.arange(across, dtype=np.float32)[:, None]
    mask: Floats = (depth < (share * across + wave)[None, :]).astype(np.float32)
    if side >= 2:
        mask = mask[::-1]
    if side % 2:
        mask = mask.T
    mask = np.ascontiguousarray(mask)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(soft * height, 0.5)), np.float32) if share < 1.0 else mask


def _cover_part(planes: Planes, way: str, share: float, dice: np.random.Generator, light: float) -> None:
    cv2 = _cv2()

    height, width = planes.y.shape
    if way == "cloth":
        _lay(planes, _cloth(dice, planes, light), _from_above(dice, planes, share, soft=0.02))
        return
    if way == "web":
        _lay_web(planes, share, dice, light)
        return
    mask = np.zeros((height, width), np.float32)
    if way == "sticker":
        wide = math.sqrt(share * 1.1) * width
        high = share * height * width / wide
        x, y = dice.uniform(0.0, width - wide), dice.uniform(0.0, max(height - high, 1.0))
        cv2.rectangle(mask, (round(x), round(y)), (round(x + wide), round(y + high)), 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), max(height * 0.006, 0.5))
    else:
        # A leaf or a glove: the highest part of a smooth random field, as large as asked for.
        field = _smooth_noise(dice, width, height, max(height // 3, 8))
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = dice.uniform(0.2, 0.8) * width, dice.uniform(0.2, 0.8) * height
        field = 0.35 * field - np.hypot((xs - x) / width, (ys - y) / height) * 2.0
        limit = np.quantile(field[::4, ::4], 1.0 - share)
        mask = cv2.GaussianBlur((field > limit).astype(np.float32), (0, 0), max(height * 0.02, 0.5))
    _lay(planes, _cloth(dice, planes, light), np.asarray(mask, np.float32))


def _lay_web(planes: Planes, share: float, dice: np.random.Generator, light: float) -> None:
    """Threads of a spider's web close to the lens: bright, blurred, and a haze between them."""
    cv2 = _cv2()

    height, width = planes.y.shape
    threads = np.zeros((height, width), np.float32)
    radius = math.sqrt(share * width * height / math.pi)
    x = float(dice.choice([0.15, 0.85])) * width
    y = float(dice.uniform(0.2, 0.8)) * height
    radius *= 1.0 + 0.5 * share
    spokes = 16
    angles = np.linspace(0.0, 2.0 * math.pi, spokes, endpoint=False) + dice.uniform(-0.1, 0.1, spokes)
    thick = max(round(height / 110.0), 1)
    ends = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    for end in ends:
        cv2.line(threads, (round(x), round(y)), (round(end[0]), round(end[1])), 1.0, thick, cv2.LINE_AA)
    for ring in range(1, 9):
        reach = ring / 8.5 + dice.uniform(-0.02, 0.02, spokes)
        points = np.stack([x + reach * (ends[:, 0] - x), y + reach * (ends[:, 1] - y)], axis=1)
        cv2.polylines(threads, [points.round().astype(np.int32)], True, 1.0, thick, cv2.LINE_AA)
    area = np.zeros((height, width), np.float32)
    cv2.circle(area, (round(x), round(y)), round(radius), 1.0, -1)
    area = cv2.GaussianBlur(area, (0, 0), height * 0.03)
    threads = np.minimum(cv2.GaussianBlur(threads, (0, 0), height * 0.006) * 1.8, 1.0)
    mask = np.asarray(np.maximum(0.45 * area, threads), np.float32)
    blurred = cv2.blur(planes.y, (height // 24 | 1, height // 24 | 1))
    planes.y += area * (blurred - planes.y)
    planes.y += mask * (np.float32(max(190.0 * light, 150.0)) - planes.y)


def _veil(planes: Planes, contrast: float, grey: float, blur: float) -> None:
    """A film before the lens: the scene blurred, `contrast` of it left over an even grey."""
    cv2 = _cv2()

    size = max(round(blur * planes.y.shape[0]), 1) | 1
    for plane, level, side in ((planes.y, grey, size), (planes.u, 0.0, size // 2 | 1), (planes.v, 0.0, size // 2 | 1)):
        plane[:] = cv2.blur(plane, (side, side)) * np.float32(contrast) + np.float32(level * (1.0 - contrast))


def _defocus(planes: Planes, radius: float) -> None:
    """The disc of a point out of focus; `radius` over the picture's height."""
    cv2 = _cv2()

    for plane, pixels in ((planes.y, radius * planes.y.shape[0]), (planes.u, 0.0), (planes.v, 0.0)):
        reach = pixels or radius * planes.y.shape[0] / 2.0
        side = max(math.ceil(reach), 1)
        ys, xs = np.mgrid[-side : side + 1, -side : side + 1]
        disc = np.clip(reach + 0.5 - np.hypot(ys, xs), 0.0, 1.0).astype(np.float32)
        plane[:] = cv2.filter2D(plane, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)


def _moved(planes: Planes, way: str, figure: float, dice: np.random.Generator) -> Planes:
    """Turned away: what comes into the picture is what was in it, mirrored at its edge."""
    height, width = planes.y.shape
    sign = 1.0 if dice.integers(2) else -1.0
    if way == "elsewhere":
        # Without another street at hand: this one in a mirror, and smaller.
        flipped = Planes(planes.y[:, ::-1].copy(), planes.u[:, ::-1].copy(), planes.v[:, ::-1].copy())
        return _warped(flipped, np.array([[0.6, 0.0, 0.35 * width], [0.0, 0.6, 0.3 * height]]))
    if way == "pan":
        return _warped(planes, np.array([[1.0, 0.0, sign * figure * width], [0.0, 1.0, 0.0]]))
    if way == "tilt":
        return _warped(planes, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, sign * figure * height]]))
    cv2 = _cv2()
    degrees, magnified = (sign * figure, 1.0) if way == "roll" else (0.0, figure)
    return _warped(planes, cv2.getRotationMatrix2D((width / 2.0, height / 2.0), degrees, magnified))


def _warped(planes: Planes, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> Planes:
    cv2 = _cv2()

    half = matrix.copy()
    half[:, 2] /= 2.0
    out = []
    for plane, how in ((planes.y, matrix), (planes.u, half), (planes.v, half)):
        out.append(
            cv2.warpAffine(plane, how, plane.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        )
    return Planes(*out)


def _shake(planes: Planes, reach: float, dice: np.random.Generator) -> None:
    """One look at a shaking camera: displaced, and blurred along its way by a fifth of the reach."""
    cv2 = _cv2()

    height = planes.y.shape[0]
    angle, way = dice.uniform(0.0, 2.0 * math.pi), math.sqrt(dice.uniform(0.2, 1.0)) * reach * height
    shift = way * math.cos(angle), way * math.sin(angle)
    moved = _warped(planes, np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]]))
    length = max(round(reach * height / 5.0), 1)
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    turn = dice.uniform(0.0, math.pi)
    ends = [
        (round(length + s * length / 2 * math.cos(turn)), round(length + s * length / 2 * math.sin(turn)))
        for s in (-1, 1)
    ]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    planes.y = cv2.filter2D(moved.y, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    planes.u, planes.v = moved.u, moved.v


def _fog(planes: Planes, metres: float, light: float, depth_m: Floats | None) -> None:
    height = planes.y.shape[0]
    if depth_m is None:
        share = np.clip((np.arange(height, dtype=np.float32) / height - 0.38) / 0.62, 0.04, 1.0)
        depth_m = (6.0 / share)[:, None]
    seen = np.exp(-3.0 * depth_m / np.float32(metres)).astype(np.float32)
    planes.y *= seen
    planes.y += (1.0 - seen) * np.float32(165.0 * (0.25 + 0.75 * light))
    planes.u *= seen[::2]
    planes.v *= seen[::2]


def _stuck_infrared(planes: Planes, way: str, figure: float, light: float) -> None:
    if way == "day":
        # Without its filter the sensor sees near infrared, too, in which leaves, cloth and asphalt are all bright.
        planes.y *= np.float32(1.0 - figure)
        planes.y += np.float32(figure * 150.0 * light)
        planes.u.fill(0.0)
        planes.v.fill(0.0)
    else:
        planes.y *= np.float32(figure)


def _colour_noise(planes: Planes, dice: np.random.Generator, sd: float) -> None:
    shape = planes.u.shape
    planes.u += dice.standard_normal(shape, dtype=np.float32) * np.float32(sd)
    planes.v += dice.standard_normal(shape, dtype=np.float32) * np.float32(sd)


# ---- behind the sensor


def spoil_signal(
    picture: Image,
    recipe: Recipe,
    severity: Severity,
    seed: int,
    look: int = 0,
    *,
    burn: tuple[StreetLife, float] | None = None,
) -> Image:
    """The finished picture (h * 3 / 2, w) with the fault; its own memory.

    burn  the camera and the instant, for cameras that burn their text in behind the fault's place
    """
    figure = recipe.figure(severity)
    way = recipe.name.partition("/")[2]
    fixed = np.random.default_rng([seed, 43, sum(recipe.name.encode())])
    now = np.random.default_rng([seed, 44, look])
    out = picture.copy()
    y, u, v = split(out)
    match recipe.fault:
        case Fault.COLOUR_CAST:
            _cast(out, way, figure)
        case Fault.SNOW:
            if way == "impulses":
                hit = np.less(now.random(y.shape, dtype=np.float32), figure)
                y[hit] = now.integers(16, 236, int(hit.sum()))
            else:
                y[:] = np.clip(y + now.standard_normal(y.shape, dtype=np.float32) * figure, 0, 255)
        case Fault.STRIPES:
            _stripe(y, way, figure, fixed, now)
        case Fault.MOSAIC:
            (_blocks if way == "blocks" else _bands)((y, u, v), figure, now)
        case _:
            raise ValueError(f"{recipe.name} does not happen behind the sensor")
    if burn is not None and recipe.fault is not Fault.MOSAIC:
        burn[0].burn_in(out, burn[1])
    return out


def _cast(picture: Image, way: str, gain: float) -> None:
    """White balance gone wrong, worked where it goes wrong: on the three colours."""
    cv2 = _cv2()

    bgr = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.float32)
    root = math.sqrt(gain)
    gains = {
        "blue": (root, 1.0, 1.0 / root),
        "green": (1.0 / root, root, 1.0 / root),
        "magenta": (root, 1.0 / root, root),
    }
    bgr *= np.array(gains[way], np.float32)
    picture[:] = cv2.cvtColor(np.clip(bgr + 0.5, 0, 255).astype(np.uint8), cv2.COLOR_BGR2YUV_I420)


def _stripe(y: Image, way: str, height: float, fixed: np.random.Generator, now: np.random.Generator) -> None:
    rows, columns = y.shape
    if way == "hum":
        bands, phase = fixed.uniform(2.0, 5.0), now.uniform(0.0, 2.0 * math.pi)
        wave = np.sin(2.0 * math.pi * bands * np.arange(rows) / rows + phase) * height
        pattern = wave.astype(np.float32)[:, None]
    else:
        lines = rows if way == "rows" else columns
        field = np.zeros(lines, np.float32)
        hit = fixed.random(lines) < 0.3
        field[hit] = fixed.choice([-1.0, 1.0], int(hit.sum())) * fixed.uniform(0.6, 1.0, int(hit.sum())) * height
        pattern = field[:, None] if way == "rows" else field[None, :]
    y[:] = np.clip(y + pattern + 0.5, 0, 255)


def _blocks(planes: tuple[Image, Image, Image], share: float, now: np.random.Generator) -> None:
    """Macroblocks that lost their residual (flat), or that hold another place's content."""
    y = planes[0]
    rows, columns = y.shape[0] // 16, y.shape[1] // 16
    before = [plane.copy() for plane in planes]
    for number in np.flatnonzero(now.random(rows * columns) < share):
        row, column = divmod(int(number), columns)
        from_row, from_column = int(now.integers(rows)), int(now.integers(columns))
        flat = now.uniform() < 0.5
        for plane, old, size in zip(planes, before, (16, 8, 8), strict=True):
            here = plane[row * size : (row + 1) * size, column * size : (column + 1) * size]
            there = old[from_row * size : (from_row + 1) * size, from_column * size : (from_column + 1) * size]
            here[:] = int(there.mean()) if flat else there


def _bands(planes: tuple[Image, Image, Image], share: float, now: np.random.Generator) -> None:
    """Rows of macroblocks torn sideways, or smeared from their first block on."""
    y = planes[0]
    rows = y.shape[0] // 16
    for row in np.flatnonzero(now.random(rows) < share):
        shift, smeared = int(now.integers(2, y.shape[1] // 16 - 1)), now.uniform() < 0.4
        for plane, size in zip(planes, (16, 8, 8), strict=True):
            band = plane[row * size : (row + 1) * size]
            if smeared:
                band[:, shift * size :] = band[:, shift * size - 1 : shift * size]
            else:
                band[:] = np.roll(band, shift * size, axis=1)
