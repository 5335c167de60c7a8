"""How far a look is from partly_covered by something that hides: a part of the view is lost."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Light
from citywatch.rules.comparison import OwnThresholds, Trace
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.light import brightness
from citywatch.rules.comparison.parts import found_of_rest, least_left
from citywatch.rules.normals import Rows, usual
from citywatch.rules.own_margins.distances import down_to, up_to
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def lost_part(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, surely_day: bool) -> float:
    """How far a look is from a part that is lost beside what is there. `surely_day`: no dusk is ever at this hour."""
    lost = usual(rows, view.light, "lost_share")
    threshold = limits.partly_lost_share + (lost.high(0.0, 2.0) if lost.known else 0.0)
    rest = limits.partly_lost_of_rest * (1.0 - look.match_share)
    part = max(up_to(look.lost_share, threshold), up_to(look.lost_share, rest))
    there = max(
        up_to(look.match_share, found_of_rest(look, view, limits) * (1.0 - look.lost_share)),
        min(
            up_to(contrast_left(look, view, rows), least_left(look, view, rows, limits)), _at_once(look, trace, limits)
        ),
    )
    lost_margin = min(max(part, there), up_to(look.lost_share, limits.mostly_lost_share))
    same = up_to(_common(look, trace), limits.same_cells) if trace.cells else -math.inf
    hides = _hides(look, view, rows, trace, limits)
    weather = _weather(look, view, rows, min(_at_once(look, trace, limits), hides), limits, surely_day)
    return max(min(lost_margin, hides), weather, _crept(look, view, rows, trace, limits), same)


def _hides(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a day is from one of which much is hidden by what can be neither fog nor dirt."""
    light = brightness(look, view, rows)
    if view.light is not Light.DAY or math.isnan(light) or math.isnan(look.detail_ratio):
        return math.inf
    return max(
        up_to(look.lost_share, limits.mostly_lost_share),
        up_to(look.shift_certainty, limits.here_certain),
        down_to(math.hypot(*view.shift(look)), limits.same_pixels),
        up_to(look.coarse_correlation, limits.seen_correlation),
        down_to(light, limits.hardly_seen_brightness),
        min(
            down_to(light, limits.fog_brightness_of_usual),
            down_to(look.match_share, limits.near_found_of_rest * (1.0 - look.lost_share)),
        ),
        up_to(look.detail_ratio, limits.hidden_detail_ratio if trace.cells else limits.fog_detail_ratio),
    )


def _common(look: Look, trace: Trace) -> float:
    """The share of the cells that a cover hides now and hid at the look before, of the fewer of both."""
    fewer = max(min(look.lost_cells.bit_count(), trace.cells.bit_count()), 1)
    return (look.lost_cells & trace.cells).bit_count() / fewer


def _at_once(look: Look, trace: Trace, limits: OwnThresholds) -> float:
    """How far what is lost is from having come at once, from a rest that is no paler for it."""
    if trace.lost < 0 or trace.ratio <= 0 or math.isnan(look.contrast_ratio):
        return math.inf
    rise = up_to(look.lost_share - trace.lost, limits.at_once_lost_share)
    return max(rise, up_to(look.contrast_ratio, limits.at_once_ratio * trace.ratio))


def _weather(look: Look, view: View, rows: Rows, hidden: float, limits: OwnThresholds, surely_day: bool) -> float:
    """How far what is lost is from being more than haze and the shadows of a day explain."""
    brightness, left = usual(rows, view.light, "mean"), contrast_left(look, view, rows)
    haze = -math.inf
    if brightness.known:
        clear = up_to(left, limits.hazy_contrast_of_usual)
        mostly = max(up_to(look.lost_share, limits.mostly_lost_share), up_to(left, limits.mostly_contrast_of_usual))
        haze = min(down_to(look.mean, limits.hazy_brightness_of_usual * brightness.mean), clear, mostly, hidden)
    if view.light is not Light.DAY:
        if look.light is not Light.DAY:
            return haze
        dusk = up_to(look.lost_share, limits.dusk_lost_share)
        cloth = max(
            up_to(look.lost_share, limits.shadows_lost_share),
            down_to(look.coarse_correlation, limits.noon_correlation),
        )
        return max(haze, min(dusk, cloth) if surely_day else dusk)
    much, texture = up_to(look.lost_share, limits.shadows_lost_share), usual(rows, view.light, "texture_share")
    whole = up_to(look.lost_cells.bit_count(), limits.shadows_cells)
    bare = max(down_to(look.texture_share, limits.shadows_texture_of_usual * texture.mean), whole)
    morning = -math.inf
    if usual(rows, view.light, "match_share").looks < limits.veiled_known_looks:
        morning = much
    return max(haze, morning, min(much, up_to(left, limits.shadows_contrast_of_usual), bare))


def _crept(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far what is lost is from having come since the last look in order, or out of the weather."""
    if trace.lost < 0:
        return -math.inf
    rise, match = up_to(look.lost_share - trace.lost, limits.partly_rise), usual(rows, view.light, "match_share")
    if view.light is not Light.DAY or not match.known:
        return rise
    much = up_to(look.lost_share, limits.shadows_lost_share)
    return max(rise, min(much, up_to(trace.seen, limits.weathered_of_usual * match.mean)))
