"""What one look at a camera says: its faults, each with evidence; what is fine; and what could not be checked.

For every camera fault there are three answers. A fault that is in neither tuple that `conclude` returns is fine.

Order. The first answer that holds ends the matter for those below it:

1. no picture            unreachable or no_media, straight from the outcome; the other faults could not be checked.
2. black, over_exposed   a picture that is all dark or all white shows nothing else.
3. too dark, too small   frozen, covered and out_of_focus could not be checked; black and over_exposed are fine.
4. covered               no structure anywhere in the scene; then neither focus nor frozen can be judged. With next to
                         none it could not be checked: the noise of a cloth comes and goes.
5. out_of_focus          structure, but nothing sharp in it; frozen is not judged: blurred live pictures hardly change.
6. frozen                key frame against key frame.

Frozen wants a chain: each picture compared with the one before it, at least two pairs in a row that hardly differ, over
at least two seconds (a file's own time, else the time of the visits). Between "hardly" and "clearly" changed lies a
band that a quiet live picture and a frozen one can both reach, the frozen one because its encoder still settles or
spends its bits anew for each second of the burnt-in clock: there the answer is "could not be checked". Compression
takes the noise out of live pictures too; so where blocks show or little structure is left, only pictures that are
equal in all but a clock's digits hardly differ, and where the picture is torn into blocks the answer is "could not
be checked".

A camera never seen before is accused of covered or out_of_focus only when nothing speaks against it: night, fog, low
contrast and smooth asphalt all keep some structure, and what is left of it is sharp. One picture alone cannot tell
fog in which nothing at all is left to be seen, or an asphalt without a mark that is out of focus, from a cloth; nor,
in full-range video, a night without any lamp from a black picture.

Pure: no clock, no files; the history goes in and comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import NO_OFFSET, Fault, FrameBatch, Light, Outcome


class Why(StrEnum):
    """Why a fault could not be checked; bounded. An unchecked visit gives its VisitReason (`end_of_file`) instead."""

    NO_PICTURE = "no_picture"
    NOT_REACHED = "not_reached"
    TOO_FEW_KEY_FRAMES = "too_few_key_frames"
    KEY_FRAMES_TOO_CLOSE = "key_frames_too_close"
    CHANGE_TOO_SMALL = "change_too_small"
    TOO_COMPRESSED = "too_compressed"
    TOO_DARK = "too_dark_to_judge"
    TOO_BRIGHT = "too_bright_to_judge"
    TOO_LITTLE_STRUCTURE = "too_little_structure"
    NOTHING_SHARP = "nothing_sharp"
    TOO_SMALL = "picture_too_small"


@dataclass(frozen=True, slots=True)
class PictureThresholds:
    """The limits, each with what it parts: measured on generated streets and on real clips (tests/rules)."""

    black_dark_share: float = 0.97
    """Black when at least this share of pixels is dark: the rest is room for burnt-in text."""
    over_exposed_bright_share: float = 0.75
    """Over-exposed when at least this share of pixels is white; a white sky alone does not reach it."""
    dark_mean: float = 32.0
    """A picture with a lower mean is too dark to be judged further: below it night and a cover look the same."""
    dark_share: float = 0.6
    """So is one with more than this share of dark pixels."""
    covered_texture_share: float = 0.004
    """Covered when at most this share of blocks holds structure: two blocks of noise in a cloth, seen up to 0.0017.
    Smooth asphalt has 0.02 and more.
    """
    open_texture_share: float = 0.01
    """Surely not covered from this share on. What lies between neither confirms nor clears a cover."""
    out_of_focus_sharpness: float = 0.6
    """Out of focus at or below it. Sharp pictures, fog and night: 0.85 and more; blurred ones: 0.47 and less."""
    frozen_changed_share: float = 0.06
    """A pair of key frames hardly differs when at most this share of pixels changed."""
    live_changed_share: float = 0.30
    """A pair clearly differs from this share on: a clock over a frozen rest made x265 change 0.29, again and again."""
    strict_frozen_changed_share: float = 0.01
    """`frozen_changed_share` where live pictures change little: the digits of a running clock still fit in."""
    strict_blockiness: float = 2.0
    """From this blockiness on the strict share holds: compression takes the noise out of live pictures too."""
    strict_texture_share: float = 0.15
    """Below this texture the strict share holds: encoders smooth empty surfaces, in fog to 0.025 of live change."""
    most_blockiness: float = 6.0
    """From this blockiness on frozen is not judged: quiet live pictures change as little as frozen ones."""
    frozen_pairs: int = 2
    """Pairs in a row that must hardly differ."""
    frozen_span_ns: int = 2 * NS_PER_S
    """Time that they must span."""
    min_width: int = 96
    """A narrower picture is too small for anything but black and over_exposed."""
    min_height: int = 64
    """So is a lower one."""


DEFAULT = PictureThresholds()


@dataclass(frozen=True, slots=True)
class Look:
    """One row of a FrameBatch; the fields mean what the columns mean."""

    device: str
    at_ns: int
    visit: int
    outcome: Outcome
    reason: str
    media_ns: int
    width: int
    height: int
    mean: float
    sd: float
    dark_share: float
    bright_share: float
    laplacian_var: float
    sharpness: float
    texture_share: float
    blockiness: float
    changed_share: float
    picture: str
    previous: str
    previous_at_ns: int
    contrast: float = math.nan
    u_mean: float = math.nan
    v_mean: float = math.nan
    chroma_sd: float = math.nan
    noise_sd: float = math.nan
    speckle_share: float = math.nan
    stripe_rows: float = math.nan
    stripe_columns: float = math.nan
    stripe_change: float = math.nan
    torn_share: float = math.nan
    tear: float = math.nan
    raster_share: float = math.nan
    layout: float = math.nan
    cast: float = math.nan
    scene_changed: float = math.nan
    caption_changed: float = math.nan
    stir: float = math.nan
    drift: float = math.nan
    light: Light = Light.UNKNOWN
    reference: str = ""
    shift_x: float = math.nan
    shift_y: float = math.nan
    shift_certainty: float = math.nan
    match_share: float = math.nan
    lost_share: float = math.nan
    sharpness_ratio: float = math.nan
    lost_cells: int = 0
    steady_share: float = math.nan
    sketch: str = ""
    coded_bytes: int = 0
    decode_errors: int = 0
    fps: float = math.nan
    fps_declared: float = math.nan
    stream_offset_ns: int = NO_OFFSET
    device_offset_ns: int = NO_OFFSET
    preset: str = ""

    @property
    def shown_ns(self) -> int:
        """When the picture was shown: the file's own time where there is one, else the visit."""
        return self.media_ns if self.media_ns >= 0 else self.at_ns


@dataclass(frozen=True, slots=True)
class LookHistory:
    """What one camera's earlier looks leave behind: the chain of pairs that hardly differ.

    unchanged   pairs in a row that hardly differ, at most a small number (it stops counting at `MOST_PAIRS`)
    since_ns    when the first picture of the chain was shown
    last_ns     when its last picture was shown; a picture compared with any other one begins a new chain
    """

    unchanged: int = 0
    since_ns: int = -1
    last_ns: int = -1


MOST_PAIRS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault. `value` of `measure` is beyond `threshold` by `margin` (0 or more)."""

    fault: Fault
    reason: str
    measure: str
    value: float
    threshold: float
    margin: float


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A fault that this look could neither find nor rule out. `why` is a Why or a VisitReason."""

    fault: Fault
    why: str


_PICTURE_FAULTS = (Fault.BLACK, Fault.OVER_EXPOSED, Fault.FROZEN, Fault.COVERED, Fault.OUT_OF_FOCUS)
Conclusion = tuple[tuple[Finding, ...], tuple[Unchecked, ...]]


_FIELDS = tuple(column.name for column in FrameBatch.COLUMNS if column.name in Look.__slots__)


def looks(batch: FrameBatch) -> Iterator[Look]:
    """The rows of a batch, in order."""
    columns = [getattr(batch, name) for name in _FIELDS]
    values = [column if isinstance(column, tuple) else column.tolist() for column in columns]
    for row in zip(*values, strict=True):
        fields = dict(zip(_FIELDS, row, strict=True))
        fields["outcome"], fields["light"] = Outcome(fields["outcome"]), Light(fields["light"])
        yield Look(**fields)


def conclude(
    history: LookHistory | None, row: Look, thresholds: PictureThresholds = DEFAULT
) -> tuple[LookHistory, tuple[Finding, ...], tuple[Unchecked, ...]]:
    """(history of the camera, a look at it) -> (new history, faults found, faults that could not be checked)."""
    before = history or LookHistory()
    if row.outcome is not Outcome.PICTURE:
        return before, *_without_picture(row)
    found, unchecked = _of_light(row, thresholds)
    if not found and not unchecked:
        found, unchecked = _of_structure(row, thresholds)
    if any(item.fault is Fault.FROZEN for item in unchecked):
        return LookHistory(last_ns=row.shown_ns), found, unchecked
    after = _chain(before, row, thresholds)
    frozen = _of_motion(after, row, thresholds)
    return after, found + frozen[0], unchecked + frozen[1]


def _without_picture(row: Look) -> Conclusion:
    if row.outcome is Outcome.UNCHECKED:
        faults = (Fault.UNREACHABLE, Fault.NO_MEDIA, *_PICTURE_FAULTS)
        return (), tuple(Unchecked(fault, row.reason) for fault in faults)
    unreachable = row.outcome is Outcome.UNREACHABLE
    fault = Fault.UNREACHABLE if unreachable else Fault.NO_MEDIA
    finding = Finding(fault, row.reason, "outcome", float(row.outcome), float(row.outcome), 0.0)
    unchecked = tuple(Unchecked(other, Why.NO_PICTURE) for other in _PICTURE_FAULTS)
    if unreachable:
        unchecked = (Unchecked(Fault.NO_MEDIA, Why.NOT_REACHED), *unchecked)
    return (finding,), unchecked


def _all(why: Why, *faults: Fault) -> tuple[Unchecked, ...]:
    return tuple(Unchecked(fault, why) for fault in faults)


def _of_light(row: Look, limits: PictureThresholds) -> Conclusion:
    """Black and over_exposed, and what they and the dark hide."""
    rest = (Fault.FROZEN, Fault.COVERED, Fault.OUT_OF_FOCUS)
    if row.dark_share >= limits.black_dark_share:
        finding = _at_least(Fault.BLACK, "dark_share", row.dark_share, limits.black_dark_share)
        return (finding,), _all(Why.TOO_DARK, *rest)
    if row.bright_share >= limits.over_exposed_bright_share:
        finding = _at_least(Fault.OVER_EXPOSED, "bright_share", row.bright_share, limits.over_exposed_bright_share)
        return (finding,), _all(Why.TOO_BRIGHT, *rest)
    if row.mean < limits.dark_mean or row.dark_share > limits.dark_share:
        return (), _all(Why.TOO_DARK, *rest)
    if row.width < limits.min_width or row.height < limits.min_height or math.isnan(row.texture_share):
        return (), _all(Why.TOO_SMALL, *rest)
    return (), ()


def _of_structure(row: Look, limits: PictureThresholds) -> Conclusion:
    """Covered and out_of_focus, and what they hide."""
    if row.texture_share <= limits.covered_texture_share:
        finding = _at_most(Fault.COVERED, "texture_share", row.texture_share, limits.covered_texture_share)
        return (finding,), _all(Why.TOO_LITTLE_STRUCTURE, Fault.FROZEN, Fault.OUT_OF_FOCUS)
    unsure = _all(Why.TOO_LITTLE_STRUCTURE, Fault.COVERED) if row.texture_share < limits.open_texture_share else ()
    if row.sharpness <= limits.out_of_focus_sharpness:
        finding = _at_most(Fault.OUT_OF_FOCUS, "sharpness", row.sharpness, limits.out_of_focus_sharpness)
        return (finding,), unsure + _all(Why.NOTHING_SHARP, Fault.FROZEN)
    return (), unsure


def _unchanged_limit(row: Look, limits: PictureThresholds) -> float:
    strict = row.blockiness >= limits.strict_blockiness or row.texture_share < limits.strict_texture_share
    return limits.strict_frozen_changed_share if strict else limits.frozen_changed_share


def _chain(before: LookHistory, row: Look, limits: PictureThresholds) -> LookHistory:
    """The chain with this look at its end."""
    at_ns = row.shown_ns
    unchanged = row.changed_share <= _unchanged_limit(row, limits) and row.blockiness < limits.most_blockiness
    if not unchanged or not 0 <= row.previous_at_ns <= at_ns:
        return LookHistory(last_ns=at_ns)
    if before.unchanged and before.last_ns == row.previous_at_ns:
        return LookHistory(min(before.unchanged + 1, MOST_PAIRS), before.since_ns, at_ns)
    return LookHistory(1, row.previous_at_ns, at_ns)


def _of_motion(chain: LookHistory, row: Look, limits: PictureThresholds) -> Conclusion:
    """Frozen, from the chain that ends with this look. The first reason not to judge counts."""
    if row.changed_share >= limits.live_changed_share:
        return (), ()
    limit = _unchanged_limit(row, limits)
    reasons = (
        (math.isnan(row.changed_share), Why.TOO_FEW_KEY_FRAMES),
        (row.blockiness >= limits.most_blockiness, Why.TOO_COMPRESSED),
        (row.changed_share > limit, Why.CHANGE_TOO_SMALL),
        (chain.unchanged < limits.frozen_pairs, Why.TOO_FEW_KEY_FRAMES),
        (chain.last_ns - chain.since_ns < limits.frozen_span_ns, Why.KEY_FRAMES_TOO_CLOSE),
    )
    for holds, why in reasons:
        if holds:
            return (), _all(why, Fault.FROZEN)
    return (_at_most(Fault.FROZEN, "changed_share", row.changed_share, limit),), ()


def _at_least(fault: Fault, measure: str, value: float, threshold: float) -> Finding:
    return Finding(fault, f"{measure}_too_high", measure, value, threshold, value - threshold)


def _at_most(fault: Fault, measure: str, value: float, threshold: float) -> Finding:
    return Finding(fault, f"{measure}_too_low", measure, value, threshold, threshold - value)
