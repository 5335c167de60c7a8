"""How far a look is from partly_covered: a part of the view that is lost, or veiled."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Light
from citywatch.rules.comparison import OwnThresholds, Trace
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.light import brightness
from citywatch.rules.comparison.parts import found_of_rest, least_left
from citywatch.rules.comparison.veils import steady_veil
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


def veiled_part(
    look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, by_light: bool, placed: bool
) -> float:
    """How far a look is from a veil over a part of it.

    by_light  what looks like one is explained by light
    placed    by day the view must have a place behind it: no veil was there at the look before
    """
    match, sharpness = usual(rows, view.light, "match_share"), usual(rows, view.light, "sharpness")
    brightness = usual(rows, view.light, "mean")
    if by_light or match.looks < limits.veiled_known_looks:
        return math.inf
    contrast, left = usual(rows, view.light, "contrast"), contrast_left(look, view, rows)
    again = limits.veiled_again_of_usual
    known = math.inf if math.isnan(look.coarse_correlation) else -math.inf
    pale = up_to(left, limits.partly_contrast_of_usual)
    if view.light is Light.DAY:
        full = max(
            min(
                up_to(look.mean, limits.veiled_brightness_by_day * brightness.mean),
                down_to(look.mean, limits.veiled_in_the_dark * brightness.mean),
            ),
            down_to(look.sharpness, limits.veiled_sharpness_by_day * sharpness.mean),
            up_to(look.contrast, limits.veiled_contrast_by_day * contrast.mean),
        )
        most = max(
            down_to(look.match_share, limits.veiled_most_of_usual * match.mean),
            up_to(look.shift_certainty, limits.here_certain if trace.veiled else limits.surely_here),
            down_to(look.sharpness, limits.veiled_sharpness_of_usual * sharpness.mean),
        )
        threads = max(
            down_to(look.match_share, limits.threads_of_usual * match.mean),
            down_to(look.sharpness, limits.threads_sharpness * sharpness.mean),
            up_to(look.mean, limits.threads_brightness * brightness.mean),
            up_to(look.contrast, limits.threads_contrast * contrast.mean),
            up_to(left, limits.threads_contrast_left),
        )
        over_all = max(
            down_to(look.sharpness, limits.over_all_sharpness * sharpness.mean),
            up_to(look.mean, limits.over_all_brightness * brightness.mean),
            up_to(left, limits.over_all_least_left),
            down_to(left, limits.over_all_most_left),
        )
        here = max(
            up_to(look.mean, limits.sure_brightness * brightness.mean),
            down_to(look.match_share, limits.sure_of_usual * match.mean),
            min(
                up_to(look.shift_certainty, limits.here_certain),
                up_to(look.steady_share, limits.sure_steady_share),
            ),
        )
        sure = max(
            known,
            down_to(look.coarse_correlation, limits.sure_correlation),
            up_to(look.contrast, limits.sure_contrast * contrast.mean),
            min(here, over_all),
        )
        veil = min(max(min(full, most), pale), threads, sure)
        veil = max(veil, up_to(look.mean, limits.brightness_of_usual * brightness.mean))
    else:
        bright = up_to(look.mean, limits.veiled_brightness_of_usual * brightness.mean)
        veil = max(bright, up_to(look.contrast, limits.veiled_contrast_by_night * contrast.mean), pale)
        sure = max(
            known,
            down_to(look.coarse_correlation, limits.sure_correlation),
            up_to(look.mean, limits.sure_brightness_by_night * brightness.mean),
            down_to(look.sharpness, limits.sure_sharpness_by_night * sharpness.mean),
            up_to(look.detail_ratio, limits.sure_detail),
        )
        veil = min(veil, sure)
    crept = -math.inf
    if trace.lost >= 0:
        crept = up_to(max(trace.seen, trace.lately) - look.match_share, limits.veiled_drop)
        crept = crept if view.light is Light.DAY else min(crept, sure)
    unplaced = -math.inf
    if placed and view.light is Light.DAY:
        unplaced = min(up_to(look.shift_certainty, limits.certain), sure)
    return max(
        down_to(look.coarse_correlation, limits.veiled_correlation),
        min(
            down_to(look.match_share, (again if trace.veiled else limits.veiled_of_usual) * match.mean),
            max(down_to(look.match_share, again * match.mean), sure),
        ),
        veil,
        min(up_to(look.steady_share, steady_veil(view, rows, limits)), sure) if trace.veiled else -math.inf,
        crept,
        unplaced,
    )


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
