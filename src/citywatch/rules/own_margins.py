"""How far a look is from the faults that only a reference tells, moved, partly_covered and shaking; from being out of
focus, of which the reference has the last word; and from a loss of contrast or a cover against the camera's own.

As rules.pictures.margins: in units of a fault's threshold, positive is fine, 0 or less may be found. An alternative is
as far as its farthest check, those that weather and traffic must pass among them: haze, shadows, what creeps, a veil
that stays, another view that is the one of the look before, the cells of a cover. What hedges a finding beyond these is
left out, so that a look is never farther from a fault than is said here: false alarms that are extrapolated from these
figures are too many rather than too few.

A look that follows another one that was bad must show more than a first one: the same place, the same cells, the same
picture (`Reach.again`). That is asked of a look whatever the one before it was, so that the margin of looks in a row
can be told of looks in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.rules import normals
from citywatch.rules.comparison import DEFAULT, OwnThresholds, Trace
from citywatch.rules.comparison.contrast import contrast_left, dirt_left
from citywatch.rules.comparison.focus import least_slope, most_sharpness
from citywatch.rules.comparison.light import brightness as share_of_light
from citywatch.rules.comparison.light import contrast_light
from citywatch.rules.comparison.parts import found_of_rest, least_left
from citywatch.rules.comparison.trace import found_share, least_steady, lies_still, of_this, off_the_step
from citywatch.rules.comparison.veils import steady_veil
from citywatch.rules.hours import Hours
from citywatch.rules.likeness import likeness, nearness
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a look is from being found in one way.

    alone  after a look that was in order
    again  after one that was found in the same way, by what the rules ask of it besides
    """

    alone: float
    again: float


Ways = dict[Fault, tuple[Reach, ...]]
"""Each alternative of each fault."""


def margins(
    look: Look,
    view: View | None,
    rows: Rows,
    trace: Trace,
    limits: OwnThresholds = DEFAULT,
    *,
    by_light: bool = False,
) -> dict[Fault, float]:
    """Nothing where nothing can be compared; see rules.comparison.against for what goes in.

    by_light  whether lamps, or the day itself, explain what looks like a veil: rules/comparison/light.py
    """
    if look.outcome is not Outcome.PICTURE or view is None or math.isnan(look.match_share):
        return {}
    if trace.name != view.name:
        trace = Trace(view.name)
    told = {
        Fault.MOVED: min(_displaced(look, view, rows, trace, limits), _another(look, view, rows, trace, limits)),
        Fault.PARTLY_COVERED: min(
            _lost(look, view, rows, trace, limits), _veiled(look, view, rows, trace, limits, by_light)
        ),
        Fault.SHAKING: _shaking(look, view, rows, trace, limits),
    }
    return {fault: margin for fault, margin in told.items() if math.isfinite(margin)}


def ways(
    look: Look,
    before: Look | None,
    view: View | None,
    rows: Rows,
    traces: Sequence[Trace],
    limits: OwnThresholds = DEFAULT,
    *,
    by_light: bool = False,
) -> Ways:
    """Moved and partly_covered, way by way; nothing where nothing can be compared.

    before  the look before, where it was compared with the same view
    traces  before each of the last looks, this one's last. Had they been bad, what was found at them would be no
            measure for what has gone since: the most and the least of all of them are asked for
    """
    if look.outcome is not Outcome.PICTURE or view is None or math.isnan(look.match_share):
        return {}
    known = [trace if trace.name == view.name else Trace(view.name) for trace in traces]
    first = replace(known[-1], strange=False, cells=0, veiled=False)
    then = replace(first, placed=False)
    if before is not None:
        x, y = view.shift(before)
        placed = not math.isnan(x)
        then = replace(
            first,
            x=x if placed else 0.0,
            y=y if placed else 0.0,
            placed=placed,
            cells=before.lost_cells,
            strange=True,
            veiled=True,
            passed=False,
            lost=min(trace.lost for trace in known),
            seen=max(trace.seen for trace in known),
            lately=max(trace.lately for trace in known),
            ratio=min((trace.ratio for trace in known if trace.ratio > 0), default=-1.0),
            like=likeness(before),
        )
    unlike = -math.inf
    if then.placed:
        x, y = view.shift(look)
        place = _most(math.hypot(x - then.x, y - then.y), limits.same_pixels + 0.05 * math.hypot(x, y))
        unlike = min(_steady(look, view, limits), place)
    return {
        Fault.MOVED: (
            Reach(_displaced(look, view, rows, first, limits), max(_displaced(look, view, rows, then, limits), unlike)),
            Reach(_another(look, view, rows, first, limits), _another(look, view, rows, then, limits)),
        ),
        Fault.PARTLY_COVERED: (
            Reach(_lost(look, view, rows, first, limits), _lost(look, view, rows, then, limits)),
            Reach(
                _veiled(look, view, rows, first, limits, by_light), _veiled(look, view, rows, then, limits, by_light)
            ),
        ),
    }


def pale(
    look: Look,
    view: View | None,
    rows: Rows,
    dark_hours: Hours,
    trace: Trace | None = None,
    limits: OwnThresholds = DEFAULT,
) -> dict[Fault, float]:
    """How far a look is from low_contrast and covered against the camera's own."""
    if look.outcome is not Outcome.PICTURE:
        return {}
    told = {}
    light = contrast_light(look, view, rows, dark_hours, limits)
    normal = usual(rows, light, "relative_contrast")
    if normal.known:
        left = math.nan if view is None else contrast_left(look, view, rows)
        worn = -math.inf
        if not math.isnan(left):
            worn = min(
                _most(left, dirt_left(look, view, trace or Trace(), limits)),
                max(_most(left, limits.fog_contrast_of_usual), _least(look.lost_share, limits.fog_lost_share)),
                _bare(look, view, rows, limits),
            )
        flat = max(_most(normals.figure(look, "relative_contrast"), limits.contrast_of_usual * normal.mean), worn)
        told[Fault.LOW_CONTRAST] = min(flat, _fog(look, view, rows, left, limits))
    if view is not None:
        texture = usual(rows, view.light, "texture_share")
        empty = _most(look.texture_share, limits.empty_of_usual * texture.mean) if texture.known else math.inf
        film = max(
            _most(look.contrast_ratio, limits.film_contrast_ratio),
            min(_most(look.sharpness_ratio, limits.film_slope_ratio), empty),
        )
        if math.isnan(look.contrast_ratio):
            film = math.inf
        if not math.isnan(look.transfer_ratio):
            film = max(
                _most(look.coarse_transfer, limits.film_coarse_transfer),
                min(
                    _most(look.transfer_ratio, limits.film_transfer_ratio),
                    max(
                        _most(look.transfer_ratio, limits.bare_transfer_ratio),
                        _least(look.sharpness, limits.thick_sharpness),
                    ),
                ),
                _most(look.contrast, limits.covered_contrast),
            )
        gone = max(
            _least(look.lost_share, limits.covered_lost_share), _most(look.match_share, limits.covered_match_share)
        )
        told[Fault.COVERED] = min(film, gone)
    return {fault: margin for fault, margin in told.items() if math.isfinite(margin)}


def _bare(look: Look, view: View | None, rows: Rows, limits: OwnThresholds) -> float:
    """How far a day is from being lighter, with so little contrast as beside no cover."""
    if view is None or view.light is not Light.DAY:
        return math.inf
    lit = share_of_light(look, view, rows)
    if math.isnan(lit):
        return math.inf
    return max(_least(lit, limits.hazy_brightness_of_usual), _most(look.contrast, limits.hardly_seen_contrast))


def _fog(look: Look, view: View | None, rows: Rows, left: float, limits: OwnThresholds) -> float:
    """How far a picture is from one over which light lies."""
    if view is None or view.light is not Light.DAY:
        return math.inf
    bright, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if not bright.known:
        return math.inf
    threshold = min(limits.lit_contrast_of_usual * contrast.mean, limits.covered_contrast)
    return max(
        _least(look.mean, limits.fog_brightness_of_usual * bright.mean),
        _least(look.lost_share, limits.lit_lost_share),
        -math.inf if math.isnan(look.detail_ratio) else _most(look.detail_ratio, limits.fog_detail_ratio),
        min(
            _most(look.contrast, threshold) if math.isnan(left) else _most(left, limits.lit_contrast_of_usual),
            max(_most(look.coarse_transfer, limits.fog_coarse_transfer), _most(left, limits.fog_lit_contrast_of_usual))
            if look.coarse_transfer >= 0.0
            else math.inf,
        ),
    )


def focus(
    look: Look,
    view: View | None,
    rows: Rows,
    alone: float,
    limits: OwnThresholds = DEFAULT,
    *,
    trace: Trace | None = None,
    twilight: bool = False,
    new_hour: bool = False,
) -> float:
    """How far a look is from out_of_focus; infinite where that could not be told.

    alone     how far by the picture alone
    trace     before the look; None where nothing is known
    twilight  whether it is dawn or dusk: rules/hours.py
    new_hour  whether the camera has never seen this hour before
    """
    if view is None or math.isnan(look.match_share):
        return alone
    gone = _transferred(look, view, rows, Trace() if trace is None else of_this(trace, view), limits)
    by_any_light = max(gone, _most(look.transfer_ratio, limits.blur_by_any_light)) if math.isfinite(gone) else math.inf
    if twilight and view.light is not Light.INFRARED:
        return by_any_light
    sharp = _most(look.transfer_ratio, limits.sharp_transfer_ratio)
    found = max(limits.displaced_match_share * (1.0 - look.lost_share), limits.found_by_chance)
    slope, normal = least_slope(view, rows, limits), usual(rows, view.light, "sharpness")
    stands = min(_most(look.match_share, found), _most(look.sharpness_ratio, slope))
    bright, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if view.light is Light.DAY:
        lit = max(
            _least(look.mean, limits.brightness_of_usual * bright.mean) if bright.known else -math.inf,
            _most(look.contrast, limits.lamps_contrast_of_usual * contrast.mean),
        )
    else:
        lit = max(
            _most(look.mean, limits.bright_night_of_usual * bright.mean) if bright.known else -math.inf,
            _most(look.contrast, limits.bright_night_contrast_of_usual * contrast.mean),
            _most(look.mean * look.contrast, limits.bright_night_in_all * bright.mean * contrast.mean),
        )
    if not contrast.known:
        lit = -math.inf
    if not normal.known or math.isnan(look.sharpness_ratio):
        return min(max(min(max(alone, stands, sharp), gone), lit), by_any_light)
    flatter, flat = (
        slope * share / limits.slope_ratio for share in (limits.blurred_slope_ratio, limits.blurred_found_slope_ratio)
    )
    hardly = _most(look.match_share, limits.displaced_match_share * (1.0 - look.lost_share))
    own = min(
        max(_most(look.sharpness, limits.sharpness_of_usual * normal.mean), _most(look.sharpness_ratio, slope)),
        max(
            _most(look.sharpness, limits.blurred_sharpness_of_usual * normal.mean),
            min(_most(look.sharpness_ratio, flat), max(_most(look.sharpness_ratio, flatter), hardly)),
        ),
    )
    other = min(
        _least(look.coarse_correlation, limits.another_correlation),
        _least(look.match_share, limits.another_match_share),
        _most(look.sharpness, limits.another_sharpness_of_usual * normal.mean),
    )
    own = min(max(own, sharp, other), gone)
    if new_hour and view.light is Light.DAY and bright.known:
        own = max(own, _least(look.mean, limits.first_dusk_of_usual * bright.mean))
    return min(max(min(max(alone, stands, sharp), own), lit), by_any_light)


def _transferred(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from one that has lost its finer detail; infinite where that could not be told."""
    contrast, sharpness = usual(rows, view.light, "contrast"), usual(rows, view.light, "sharpness")
    if math.isnan(look.transfer_ratio) or not contrast.known:
        return math.inf
    soft = _most(look.sharpness, limits.sharpness_of_usual * sharpness.mean) if sharpness.known else math.inf
    kept = contrast.mean if trace.contrast < 0 else min(contrast.mean, trace.contrast)
    return max(
        _most(look.sharpness, most_sharpness(look, limits) * sharpness.mean) if sharpness.known else -math.inf,
        min(
            _most(look.transfer_ratio, limits.blur_transfer_ratio),
            max(_most(look.transfer_ratio, limits.blurred_transfer_ratio), soft),
        ),
        min(
            max(
                _least(look.coarse_correlation, limits.blur_correlation),
                _least(look.coarse_transfer, limits.blur_coarse_transfer),
            ),
            max(
                _least(look.coarse_correlation, limits.blur_hardly_correlates),
                _least(look.coarse_transfer, limits.blur_hardly_transfers),
                _most(look.detail_ratio, limits.blur_bare_detail_ratio),
            ),
        ),
        _most(look.detail_ratio, limits.blur_detail_ratio),
        _least(look.contrast, limits.blur_contrast_of_usual * kept),
    )


def _least(value: float, threshold: float) -> float:
    """How far a value is from reaching a threshold."""
    return (threshold - value) / threshold if threshold > 0 and not math.isnan(value) else -math.inf


def _most(value: float, threshold: float) -> float:
    """How far a value is from falling to a threshold."""
    return (value - threshold) / threshold if threshold > 0 and not math.isnan(value) else -math.inf


def _found(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a look is from finding enough of a view where it is said to lie."""
    share = found_share(view, rows, limits)
    surely = max(
        _least(look.match_share, limits.surely_found_share * share),
        _least(look.shift_certainty, limits.surely_here),
        _least(math.hypot(*view.shift(look)), limits.moved_pixels),
    )
    return min(_least(look.match_share, share), surely)


def _displaced(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    x, y = view.shift(look)
    far = math.hypot(x, y)
    if math.isnan(far):
        return math.inf
    steady = limits.steady_share if view.light is Light.DAY else limits.steady_by_night
    stays = math.inf if math.isnan(look.steady_share) else _least(look.steady_share, steady)
    known = min(_found(look, view, rows, limits), stays, _least(far, limits.far_pixels))
    known = min(known, _followed(look, view, trace, limits))
    if trace.strange:
        same = limits.same_pixels + 0.05 * far
        known = min(known, _most(math.hypot(x - trace.x, y - trace.y), same))
    placed = _placed(look, far, math.hypot(x - trace.x, y - trace.y), trace, limits)
    displaced, brightness = max(_least(far, limits.moved_pixels), placed, known), usual(rows, view.light, "mean")
    if view.light is Light.DAY or not brightness.known:
        return displaced
    return min(displaced, _drawn(look, brightness.mean, limits))


def _another(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    match, texture = usual(rows, view.light, "match_share"), usual(rows, view.light, "texture_share")
    least = min(limits.another_match_share, limits.another_of_usual * match.mean if match.known else math.inf)
    share = limits.another_texture_of_usual if view.light is Light.DAY else limits.another_texture_by_night
    rest = 1.0 - look.match_share
    structure, bare = (texture.mean * least_of_it if texture.known else 0.0
                       for least_of_it in (share, min(share, limits.another_texture_elsewhere)))  # fmt: skip
    stands = max(_least(look.texture_share, bare), _most(look.lost_share, limits.another_lost_elsewhere * rest))
    nothing = max(
        _least(look.texture_share, texture.mean * min(share, limits.another_texture_of_nothing)),
        _most(look.coarse_correlation, limits.unseen_correlation),
        _most(look.match_share, limits.nowhere_match_share),
    )
    empty = min(_least(look.texture_share, structure), stands, nothing)
    if view.light is not Light.DAY:
        empty = min(empty, max(_sky(look, view, rows, limits), _least(look.texture_share, limits.sky_texture)))
    uncovered = _most(look.lost_share, limits.another_lost_of_rest * rest)
    if view.light is not Light.DAY:
        found = limits.nearly_found_of_rest * (1.0 - look.lost_share)
        unseen = _most(look.coarse_correlation, limits.unseen_correlation)
        uncovered = min(uncovered, unseen, _most(look.match_share, found))
    alone = max(_most(look.match_share, least), empty, uncovered)
    far, contrast = math.hypot(*view.shift(look)), usual(rows, view.light, "contrast")
    lit = math.inf
    if view.light is not Light.DAY and contrast.known:
        lit = _most(look.contrast, limits.dull_contrast_of_usual * contrast.mean)
    by_chance = max(
        _most(look.match_share, limits.by_chance_match_share), _least(look.steady_share, limits.still_share)
    )
    drawn, brightness = math.inf, usual(rows, view.light, "mean")
    if view.light is not Light.DAY and brightness.known:
        drawn = _drawn(look, brightness.mean, limits)
    elsewhere = max(
        min(_most(look.shift_certainty, limits.certain), _least(far, limits.same_pixels), lit, by_chance),
        min(_most(look.shift_certainty, limits.surely_here), _least(far, limits.shaking_pixels), drawn),
    )
    return max(alone, elsewhere, _stays(look, view, rows, trace, limits))


def _sky(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a night is from one in which nothing of the view is seen; or hardly anything, as dark as ever."""
    unseen = _most(look.coarse_correlation, limits.unseen_correlation)
    usually = usual(rows, view.light, "mean")
    if not usually.known:
        return unseen
    dark = max(
        _least(look.mean, limits.dark_of_usual * usually.mean),
        _most(look.mean, limits.sky_brightness_of_usual * usually.mean),
    )
    return min(unseen, max(dark, _most(look.coarse_correlation, limits.seen_correlation)))


def _drawn(look: Look, brightness: float, limits: OwnThresholds) -> float:
    """How far a night is from one of a lens that was drawn to a lit road."""
    far = math.hypot(look.shift_x, look.shift_y)
    return max(
        _least(look.mean, limits.plain_brightness_of_usual * brightness),
        min(
            max(_least(far, limits.drawn_pixels), _least(look.shift_certainty, limits.drawn_certain)),
            max(_least(far, limits.drawn_far_pixels), _least(look.shift_certainty, limits.certain)),
        ),
    )


def _stays(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far another view is from being that of the look before; the first one need not be, nor one behind a bus."""
    if not trace.strange or trace.passed:
        return -math.inf
    x, y = view.shift(look)
    place = _most(math.hypot(x - trace.x, y - trace.y), limits.strange_pixels)
    partly = _least(look.steady_share, least_steady(view, rows, limits))
    if view.light is not Light.DAY:
        unseen = _most(look.coarse_correlation, limits.unseen_correlation)
        found = _most(look.match_share, limits.by_chance_match_share)
        partly = min(partly, max(unseen, found, _most(look.drift, limits.same_light_drift)))
    like = max(partly, -nearness(likeness(look), trace.like))
    if trace.nowhere:
        unseen = _most(look.coarse_correlation, limits.unseen_correlation)
        like = min(like, max(unseen, _most(look.match_share, limits.by_chance_match_share)))
    return min(_steady(look, view, limits), max(place, _least(look.shift_certainty, limits.certain)), like)


def _steady(look: Look, view: View, limits: OwnThresholds) -> float:
    """How far a look is from showing the picture of the look before."""
    return _least(look.steady_share, limits.steady_share if view.light is Light.DAY else limits.steady_by_night)


def _lost(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    lost = usual(rows, view.light, "lost_share")
    threshold = limits.partly_lost_share + (lost.high(0.0, 2.0) if lost.known else 0.0)
    rest = limits.partly_lost_of_rest * (1.0 - look.match_share)
    part = max(_least(look.lost_share, threshold), _least(look.lost_share, rest))
    there = max(
        _least(look.match_share, found_of_rest(look, view, limits) * (1.0 - look.lost_share)),
        min(
            _least(contrast_left(look, view, rows), least_left(look, view, rows, limits)), _at_once(look, trace, limits)
        ),
    )
    lost_margin = min(max(part, there), _least(look.lost_share, limits.mostly_lost_share))
    same = _least(_common(look, trace), limits.same_cells) if trace.cells else -math.inf
    weather = _weather(look, view, rows, _at_once(look, trace, limits), limits)
    return max(lost_margin, weather, _crept(look, view, rows, trace, limits), same)


def _common(look: Look, trace: Trace) -> float:
    """The share of the cells that a cover hides now and hid at the look before, of the fewer of both."""
    fewer = max(min(look.lost_cells.bit_count(), trace.cells.bit_count()), 1)
    return (look.lost_cells & trace.cells).bit_count() / fewer


def _at_once(look: Look, trace: Trace, limits: OwnThresholds) -> float:
    """How far what is lost is from having come at once, from a rest that is no paler for it."""
    if trace.lost < 0 or trace.ratio <= 0 or math.isnan(look.contrast_ratio):
        return math.inf
    rise = _least(look.lost_share - trace.lost, limits.at_once_lost_share)
    return max(rise, _least(look.contrast_ratio, limits.at_once_ratio * trace.ratio))


def _weather(look: Look, view: View, rows: Rows, at_once: float, limits: OwnThresholds) -> float:
    """How far what is lost is from being more than haze and the shadows of a day explain."""
    brightness, left = usual(rows, view.light, "mean"), contrast_left(look, view, rows)
    haze = -math.inf
    if brightness.known:
        clear = _least(left, limits.hazy_contrast_of_usual)
        mostly = max(_least(look.lost_share, limits.mostly_lost_share), _least(left, limits.mostly_contrast_of_usual))
        haze = min(_most(look.mean, limits.hazy_brightness_of_usual * brightness.mean), clear, mostly, at_once)
    if view.light is not Light.DAY:
        dusk = _least(look.lost_share, limits.dusk_lost_share) if look.light is Light.DAY else -math.inf
        return max(haze, dusk)
    much, texture = _least(look.lost_share, limits.shadows_lost_share), usual(rows, view.light, "texture_share")
    whole = _least(look.lost_cells.bit_count(), limits.shadows_cells)
    bare = max(_most(look.texture_share, limits.shadows_texture_of_usual * texture.mean), whole)
    morning = -math.inf
    if usual(rows, view.light, "match_share").looks < limits.veiled_known_looks:
        morning = much
    return max(haze, morning, min(much, _least(left, limits.shadows_contrast_of_usual), bare))


def _crept(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far what is lost is from having come since the last look in order, or out of the weather."""
    if trace.lost < 0:
        return -math.inf
    rise, match = _least(look.lost_share - trace.lost, limits.partly_rise), usual(rows, view.light, "match_share")
    if view.light is not Light.DAY or not match.known:
        return rise
    much = _least(look.lost_share, limits.shadows_lost_share)
    return max(rise, min(much, _least(trace.seen, limits.weathered_of_usual * match.mean)))


def _veiled(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, by_light: bool) -> float:
    match, sharpness = usual(rows, view.light, "match_share"), usual(rows, view.light, "sharpness")
    brightness = usual(rows, view.light, "mean")
    if by_light or match.looks < limits.veiled_known_looks:
        return math.inf
    contrast, left = usual(rows, view.light, "contrast"), contrast_left(look, view, rows)
    again = limits.veiled_again_of_usual
    known = math.inf if math.isnan(look.coarse_correlation) else -math.inf
    pale = _least(left, limits.partly_contrast_of_usual)
    if view.light is Light.DAY:
        full = max(
            min(
                _least(look.mean, limits.veiled_brightness_by_day * brightness.mean),
                _most(look.mean, limits.veiled_in_the_dark * brightness.mean),
            ),
            _most(look.sharpness, limits.veiled_sharpness_by_day * sharpness.mean),
            _least(look.contrast, limits.veiled_contrast_by_day * contrast.mean),
        )
        most = max(
            _most(look.match_share, limits.veiled_most_of_usual * match.mean),
            _least(look.shift_certainty, limits.here_certain if trace.veiled else limits.surely_here),
            _most(look.sharpness, limits.veiled_sharpness_of_usual * sharpness.mean),
        )
        threads = max(
            _most(look.match_share, limits.threads_of_usual * match.mean),
            _most(look.sharpness, limits.threads_sharpness * sharpness.mean),
            _least(look.mean, limits.threads_brightness * brightness.mean),
            _least(look.contrast, limits.threads_contrast * contrast.mean),
            _least(left, limits.threads_contrast_left),
        )
        over_all = max(
            _most(look.sharpness, limits.over_all_sharpness * sharpness.mean),
            _least(look.mean, limits.over_all_brightness * brightness.mean),
            _least(left, limits.over_all_least_left),
            _most(left, limits.over_all_most_left),
        )
        here = max(
            _least(look.mean, limits.sure_brightness * brightness.mean),
            _most(look.match_share, limits.sure_of_usual * match.mean),
            min(
                _least(look.shift_certainty, limits.here_certain),
                _least(look.steady_share, limits.sure_steady_share),
            ),
        )
        sure = max(
            known,
            _most(look.coarse_correlation, limits.sure_correlation),
            _least(look.contrast, limits.sure_contrast * contrast.mean),
            min(here, over_all),
        )
        veil = min(max(min(full, most), pale), threads, sure)
        veil = max(veil, _least(look.mean, limits.brightness_of_usual * brightness.mean))
    else:
        bright = _least(look.mean, limits.veiled_brightness_of_usual * brightness.mean)
        veil = max(bright, _least(look.contrast, limits.veiled_contrast_by_night * contrast.mean), pale)
        sure = max(
            known,
            _most(look.coarse_correlation, limits.sure_correlation),
            _least(look.mean, limits.sure_brightness_by_night * brightness.mean),
            _most(look.sharpness, limits.sure_sharpness_by_night * sharpness.mean),
            _least(look.detail_ratio, limits.sure_detail),
        )
        veil = min(veil, sure)
    crept = -math.inf
    if trace.lost >= 0:
        crept = _least(max(trace.seen, trace.lately) - look.match_share, limits.veiled_drop)
        crept = crept if view.light is Light.DAY else min(crept, sure)
    return max(
        _most(look.coarse_correlation, limits.veiled_correlation),
        min(
            _most(look.match_share, (again if trace.veiled else limits.veiled_of_usual) * match.mean),
            max(_most(look.match_share, again * match.mean), sure),
        ),
        veil,
        min(_least(look.steady_share, steady_veil(view, rows, limits)), sure) if trace.veiled else -math.inf,
        crept,
    )


def _shaking(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    x, y = view.shift(look)
    if math.isnan(x) or math.isnan(y):
        return math.inf
    far = math.hypot(x, y)
    step = math.hypot(x - trace.x, y - trace.y) if trace.placed else far
    told = math.hypot(look.step_x, look.step_y) if lies_still(look, limits) else step
    margin = _least(told, limits.shaking_pixels)
    if trace.placed and trace.shaken:
        margin = min(margin, max(_least(far, limits.shaking_pixels), _least(told, limits.resting_pixels)))
    if trace.placed and not trace.sure:
        return math.inf
    known = min(_found(look, view, rows, limits), _followed(look, view, trace, limits))
    return max(margin, known, _placed(look, far, step, trace, limits))


def _followed(look: Look, view: View, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from lying where the look before leads to."""
    if not trace.placed or math.isnan(off_the_step(look, view, trace)):
        return math.inf
    steady = _least(look.steady_share, limits.steady_by_night)
    return max(_most(off_the_step(look, view, trace), limits.same_pixels), steady)


def _placed(look: Look, far: float, step: float, trace: Trace, limits: OwnThresholds) -> float:
    """How far it is from being sure of its place, or from lying as far away as the look before."""
    sure = _least(look.shift_certainty, limits.certain)
    if not trace.placed:
        return sure
    same = _most(step, limits.same_pixels + 0.05 * far)
    return min(sure, max(_least(far, limits.far_pixels), same, _least(look.steady_share, limits.still_share)))
