"""From queues of pulses to vehicles, look by look: the kernel against its plain twin."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.kernels import strip_match, strip_vehicles
from strips import vehicle_twin as twin
from strips.match_scene import Arrays, scene

MOST, ROWS = 8, 40


class _Rows:
    def __init__(self, strips):
        self.whole = np.zeros((ROWS, strip_match.WHOLES), np.int64)
        self.real = np.zeros((ROWS, strip_match.REALS))
        self.axle = np.zeros((ROWS, MOST, strip_match.AXLE_FIELDS))
        self.cell = np.zeros((ROWS, MOST, strips, strip_match.CELLS))


def _looked(its, rows, now, dt_s, ended):
    return strip_vehicles.assemble(
        now, its.pulse_at, its.pulse, its.queued, its.mark, dt_s, its.limit, its.position_m, its.slant, its.factor,
        its.timed, its.side, its.weighs, its.loop, its.loop_mark, ended, rows.whole, rows.real, rows.axle, rows.cell, 0,
    )  # fmt: skip


def _same(rows, n, told):
    whole, real = rows.whole[n], rows.real[n]
    axles = told["axles"]
    assert whole[[strip_match.AT, strip_match.AXLES]].tolist() == [told["at"], axles]
    assert real[strip_match.AT_PART] == told["part"]
    assert whole[[strip_match.REASON, strip_match.STATUS]].tolist() == [told["reason"], told["status"]]
    if "at_s" in told:
        assert whole[strip_match.STRIPS_USED] == told["strips_used"]
        assert np.array_equal(rows.cell[n, :axles, :, strip_match.CELL_AT], told["at_s"], equal_nan=True)
        assert real[strip_match.LOOP_S] == pytest.approx(told["loop_s"], nan_ok=True)
    if "speed" not in told:
        return
    assert whole[[strip_match.TRAVEL, strip_match.OUTLIERS]].tolist() == [told["travel"], told["outliers"]]
    assert real[strip_match.SPEED] == pytest.approx(told["speed"], rel=1e-6)
    assert rows.cell[n, :axles, :, strip_match.CELL_LOAD] == pytest.approx(told["loads"], rel=1e-4, nan_ok=True)
    assert rows.axle[n, :axles, strip_match.LOAD] == pytest.approx(told["axle"], rel=1e-4)
    if axles > 1 or told["strips_used"] > 2:
        assert real[strip_match.ACCELERATION] == pytest.approx(told["acceleration"], rel=1e-3, abs=1e-3)
        assert real[strip_match.RESIDUAL] == pytest.approx(told["residual"], rel=1e-3, abs=1e-5)
        assert rows.axle[n, : axles - 1, strip_match.SPACING_M] == pytest.approx(told["spacing"], abs=1e-4)
        assert real[strip_match.TRANSVERSE_M] == pytest.approx(told["transverse"], abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("seed", range(100))
def test_vehicles_are_those_of_the_twin_at_every_look(seed):
    """Pulses and intervals of the loop come with time; what is complete, and what waits, is the same at each look."""
    of = scene(seed, clean=seed % 3 == 0)
    strips = of.strips
    coming = sorted((felt.at + 40, k, felt) for k, strip in enumerate(strips) for felt in strip.queue)
    timed = any(strip.timed and strip.queue for strip in strips)
    for strip in strips:
        strip.queue = []
    its, rows = Arrays(of), _Rows(len(strips))
    last = max((at for at, *_ in coming), default=0)
    found = 0
    for now in range(2_000, last + 30_000, 150):
        over = [one for one in of.loop if one[1] < now]
        since = next((a for a, b in of.loop if a < now <= b), None)
        its.loop_mark[:] = (since is not None, since or 0, len(over))
        while coming and coming[0][0] < now:
            _, k, felt = coming.pop(0)
            strips[k].queue.append(felt)
            its.put(k, felt)
        ended = now >= last + 40 and seed % 5 == 0
        told = twin.assembled(strips, now, of.dt_s, of.bounds, over, since, MOST, ended)
        assert _looked(its, rows, now, of.dt_s, ended) == len(told)
        for n, one in enumerate(told):
            _same(rows, n, one)
        assert its.queues() == [strip.queue for strip in strips]
        found += len(told)
        if not coming and not any(strip.queue for strip in strips):
            break
    assert found > 0 or not timed


@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=60), st.integers(1, 4))
def test_intervals_of_the_loop_are_runs_and_the_oldest_give_way(occupied, room):
    loop, mark = np.zeros((room, 2), np.int64), np.zeros(3, np.int64)
    wanted = []
    at = 0
    for there, run in itertools.groupby(occupied):
        length = len(list(run))
        if there:
            wanted.append([at, at + length])
            mark[strip_match.SINCE] = at
            strip_vehicles.end_loop(loop, mark, at + length)
        at += length
    assert loop[: mark[strip_match.KEPT]].tolist() == wanted[-room:]
