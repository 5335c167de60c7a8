"""How far a look is from partly_covered by a veil: a web or a branch, near, blurred or lit up."""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Light
from citywatch.rules.comparison import OwnThresholds, Trace
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.veils import glare, of_usual, steady_veil
from citywatch.rules.normals import Rows, usual
from citywatch.rules.own_margins.distances import down_to, up_to
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def veiled_part(
    look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, by_light: bool, placed: bool
) -> float:
    """How far a look is from a veil over a part of it.

    by_light  what looks like one is explained by light
    placed    the view must have a place behind it: no veil was there at the look before
    """
    match = usual(rows, view.light, "match_share")
    if by_light or match.looks < limits.veiled_known_looks:
        return math.inf
    by_day = view.light is Light.DAY
    sure = (_sure_by_day if by_day else _sure_by_night)(look, view, rows, limits)
    veil = min(sure, _by_day(look, view, rows, trace, limits) if by_day else _by_night(look, view, rows, trace, limits))
    if by_day:
        veil = max(veil, up_to(of_usual(look, view, rows)[0], limits.brightness_of_usual))
    again = down_to(look.match_share, limits.veiled_again_of_usual * match.mean)
    first = down_to(look.match_share, limits.veiled_of_usual * match.mean)
    steady = min(_steady(look, view, rows, limits), sure) if trace.veiled else -math.inf
    crept = -math.inf
    if trace.lost >= 0:
        crept = up_to(max(trace.seen, trace.lately) - look.match_share, limits.veiled_drop)
        crept = crept if by_day else min(crept, sure)
    unplaced = -math.inf
    if placed:
        unplaced = min(up_to(look.shift_certainty, limits.certain), sure, _lit_up(look, view, rows, limits))
    return max(
        down_to(look.coarse_correlation, limits.veiled_correlation),
        again if trace.veiled else min(first, max(again, sure)),
        veil,
        steady,
        crept,
        unplaced,
    )


def veiled_in_the_dark(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a look is from threads that the lamp makes as bright as a day. Whether the hour is dark, where the view
    lies and how much of it is lost are left out.
    """
    match = usual(rows, Light.NIGHT, "match_share")
    contrast = usual(rows, Light.NIGHT, "contrast")
    if look.light is not Light.DAY or view.light is not Light.DAY or match.looks < limits.veiled_known_looks:
        return math.inf
    night = replace(view, name=Light.NIGHT.name.lower())
    return max(
        down_to(look.match_share, limits.veiled_again_of_usual * match.mean),
        _lit_up(look, night, rows, limits),
        up_to(look.contrast, limits.plain_contrast_of_usual * contrast.mean),
        up_to(look.shift_certainty, limits.dark_certain),
        up_to(look.match_share, limits.by_chance_match_share),
        up_to(look.coarse_correlation, limits.unseen_correlation),
        down_to(look.coarse_correlation, limits.dark_correlation),
        math.inf if math.isnan(look.steady_share) else up_to(look.steady_share, limits.steady_by_night),
    )


def _by_day(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a day is from showing something near and blurred before it."""
    bright, full, sharp = of_usual(look, view, rows)
    left, found = contrast_left(look, view, rows), _found(look, view, rows)
    lit = max(
        min(up_to(bright, limits.veiled_brightness_by_day), down_to(bright, limits.veiled_in_the_dark)),
        down_to(sharp, limits.veiled_sharpness_by_day),
        up_to(full, limits.veiled_contrast_by_day),
    )
    most = max(
        down_to(found, limits.veiled_most_of_usual),
        up_to(look.shift_certainty, limits.here_certain if trace.veiled else limits.surely_here),
        down_to(sharp, limits.veiled_sharpness_of_usual),
    )
    threads = max(
        down_to(found, limits.threads_of_usual),
        down_to(sharp, limits.threads_sharpness),
        up_to(bright, limits.threads_brightness),
        up_to(full, limits.threads_contrast),
        up_to(left, limits.threads_contrast_left),
    )
    near = min(max(min(lit, most), up_to(left, limits.partly_contrast_of_usual)), threads)
    return max(near, _shines(look, view, rows, limits, again=trace.veiled))


def _sure_by_day(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a day is from one in which there is no doubt of a veil."""
    bright, full, sharp = of_usual(look, view, rows)
    left, found = contrast_left(look, view, rows), _found(look, view, rows)
    over_all = max(
        up_to(full, limits.sure_contrast),
        down_to(sharp, limits.over_all_sharpness),
        up_to(bright, limits.over_all_brightness),
        up_to(left, limits.over_all_least_left),
        down_to(left, limits.over_all_most_left),
    )
    here = max(
        up_to(bright, limits.sure_brightness),
        up_to(full, limits.sure_contrast_in_light),
        up_to(bright - 1.0, limits.sure_light_of_correlation * look.coarse_correlation),
        down_to(found, limits.sure_of_usual),
        min(up_to(look.shift_certainty, limits.here_certain), up_to(look.steady_share, limits.sure_steady_share)),
    )
    return max(_hardly_agrees(look, limits), _shines(look, view, rows, limits, again=True), min(here, over_all))


def _shines(look: Look, view: View, rows: Rows, limits: OwnThresholds, *, again: bool) -> float:
    """How far a day is from doing so much of all that a veil does, or from so little light that it is not asked."""
    dark = down_to(of_usual(look, view, rows)[0], limits.weighed_in_the_dark)
    least = limits.veiled_in_all_again if again else limits.veiled_in_all
    return min(up_to(glare(look, view, rows), least), dark)


def _by_night(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a night is from showing something that the camera's own lamp lights up."""
    bright, full, _ = of_usual(look, view, rows)
    return max(
        up_to(bright, limits.veiled_brightness_of_usual),
        up_to(full, limits.veiled_contrast_by_night),
        up_to(look.detail_ratio, limits.veiled_detail_again if trace.veiled else limits.veiled_detail_by_night),
        up_to(contrast_left(look, view, rows), limits.partly_contrast_of_usual),
    )


def _sure_by_night(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a night is from one in which there is no doubt of a veil."""
    bright, _, sharp = of_usual(look, view, rows)
    return max(
        _hardly_agrees(look, limits),
        up_to(bright, limits.sure_brightness_by_night),
        down_to(sharp, limits.sure_sharpness_by_night),
        up_to(look.detail_ratio, limits.sure_detail),
    )


def _found(look: Look, view: View, rows: Rows) -> float:
    """What is found, as a share of the usual; NaN where nothing ever is."""
    match = usual(rows, view.light, "match_share").mean
    return look.match_share / match if match > 0 else math.nan


def _hardly_agrees(look: Look, limits: OwnThresholds) -> float:
    """How far a look is from so little coarser detail that agrees; it must be known."""
    correlation = look.coarse_correlation
    return math.inf if math.isnan(correlation) else down_to(correlation, limits.sure_correlation)


def _lit_up(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a night is from being as bright and as blurred as the camera's own lamp makes it."""
    bright, _, sharp = of_usual(look, view, rows)
    if view.light is Light.DAY:
        return math.inf
    return max(
        up_to(bright, limits.lit_up_brightness_of_usual),
        up_to(sharp, limits.lit_up_least_sharpness),
        down_to(sharp, limits.lit_up_sharpness_of_usual),
    )


def _steady(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a look is from the picture of the one before. Where that was not measured, it is not taken for it."""
    share = look.steady_share
    return math.inf if math.isnan(share) else up_to(share, steady_veil(view, rows, limits))
