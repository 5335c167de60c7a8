"""Axle pulses of one strip: baseline, threshold with hysteresis, area and centroid from foot to foot.

Sample by sample and with all state in arrays, so that any cutting of the signal gives the same pulses to the bit.
A pulse is measured once both of its sides are known: the baseline under it is the straight line between the mean just
before and the mean just after, because a drifting zero would otherwise be weighed too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

# Columns of `level`, (strips, LEVELS) float64: what a strip's tracker holds in volts.
BASE, SUM, PEAK = range(3)
LEVELS = 3
# Columns of `mark`, (strips, MARKS) int64: counts and sample indices.
SETTLED, QUIET, INSIDE, START, PENDING, P_START, P_END, PREVIOUS_END, STUCK_AT, BEFORE_END = range(10)
MARKS = 10
# Columns of `pulse`, (strips, queue, PULSE_FIELDS) float64; the integer part of a pulse's instant lies in `pulse_at`.
CENTROID, AREA, EXTENT_S, HEIGHT = range(4)
PULSE_FIELDS = 4
# `knob`, (KNOBS,) int64: all in samples.
SETTLE, BLOCK, LONGEST, SHORTEST, BASE_SAMPLES, MASK, HOP = range(7)
KNOBS = 7
# `gain`, (GAINS,) float64.
FOLLOW, MARGIN, DT_S = range(3)
GAINS = 3
# `tally`, (TALLIES,) int64: what happened to signals and pulses.
BAD_SAMPLES, TOO_SHORT, STUCK, NO_AREA, QUEUE_FULL, CUT_OFF, PULSES = range(7)
TALLIES = 7


@kernel("float64(float64[::1], int64, int64, int64)")
def window_mean(ring: Any, mask: int, first: int, stop: int) -> float:
    """Mean of samples first to stop (exclusive) of a ring of mask + 1 samples; stop > first."""
    total = 0.0
    for index in range(first, stop):
        total += ring[index & mask]
    return total / (stop - first)


@kernel(
    "void(float64[::1], float64, int64[::1], int64, int64, int64[::1], float64[::1], int64[::1], float64[:, ::1],"
    " int64[::1], int64, int64[::1])"
)
def measure_pulse(
    ring: Any,
    height: float,
    mark: Any,
    next_start: int,
    known: int,
    knob: Any,
    gain: Any,
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    strip: int,
    tally: Any,
) -> None:
    """Measure the pending pulse of a strip and queue it.

    ring        (mask + 1,) float64, V     the latest samples
    height      V                          above the baseline that was followed
    mark        (MARKS,) int64             of this strip
    next_start  first sample of the next excursion; any later index where there is none yet
    known       samples up to this index (exclusive) are in the ring
    pulse_at    (queue,) int64, out        sample index of the crossing of the upper threshold
    pulse       (queue, PULSE_FIELDS) out  centroid (samples after pulse_at), area V s, extent s, height V
    queued      (strips,) int64, in and out

    From the two crossings the integration goes on to the feet by MARGIN times the width between them, at most a third
    of the free room to a neighbour; the baseline is taken beyond the feet.
    """
    mask = knob[MASK]
    start = mark[P_START]
    end = mark[P_END]
    margin: Any = np.int64(2) + np.int64(gain[MARGIN] * (end - start))
    left = min(margin, (start - mark[BEFORE_END]) // 3)
    right = min(margin, (next_start - end) // 3, known - end)
    foot = start - left
    heel = end + right
    first = max(mark[BEFORE_END] + left, foot - knob[BASE_SAMPLES])
    last = min(next_start - right, heel + knob[BASE_SAMPLES], known)
    before_there = foot > first
    after_there = last > heel
    before = window_mean(ring, mask, first, foot) if before_there else 0.0
    after = window_mean(ring, mask, heel, last) if after_there else 0.0
    slope = 0.0
    middle = 0.5 * (first + foot - 1)
    if before_there and after_there:
        slope = (after - before) / (0.5 * (heel + last - 1) - middle)
    elif after_there:
        before = after
    total = 0.0
    moment = 0.0
    for index in range(foot, heel):
        above = ring[index & mask] - (before + slope * (index - middle))
        total += above
        moment += above * (index - start)
    if not total > 0.0:
        tally[NO_AREA] += 1
        return
    place = queued[strip]
    if place == pulse_at.shape[0]:
        for i in range(1, place):
            pulse_at[i - 1] = pulse_at[i]
            for f in range(PULSE_FIELDS):
                pulse[i - 1, f] = pulse[i, f]
        tally[QUEUE_FULL] += 1
        place -= 1
    pulse_at[place] = start
    pulse[place, CENTROID] = moment / total
    pulse[place, AREA] = total * gain[DT_S]
    pulse[place, EXTENT_S] = total * gain[DT_S] / height
    pulse[place, HEIGHT] = height
    queued[strip] = place + 1
    tally[PULSES] += 1


@kernel("void(Array(float64, 1, 'C', readonly=True), int64, float64[::1], int64)")
def keep(samples: Any, first: int, ring: Any, mask: int) -> None:
    """Copy samples into the ring, in at most two pieces: plain loops over plain slices are fast."""
    place: Any = first & mask
    before: Any = min(samples.shape[0], mask + 1 - place)
    target = ring[place : place + before]
    for i in range(target.shape[0]):
        target[i] = samples[i]
    rest = samples[before:]
    target = ring[: rest.shape[0]]
    for i in range(target.shape[0]):
        target[i] = rest[i]


@kernel("int64(Array(float64, 1, 'C', readonly=True), float64)")
def first_above(samples: Any, limit: float) -> Any:
    """Index of the first sample above a limit, or how many there are. Counting first needs no branch a sample."""
    above: Any = np.int64(0)
    for i in range(samples.shape[0]):
        above += np.int64(samples[i] > limit)
    if above > 0:
        for i in range(samples.shape[0]):
            if samples[i] > limit:
                return np.int64(i)
    return np.int64(samples.shape[0])


@kernel("void(float64[:, ::1], int64, float64[:, ::1], int64[::1], int64[::1])")
def repair(samples: Any, first: int, ring: Any, knob: Any, tally: Any) -> None:
    """Put the last good value in the place of what is not finite, and count it; samples (strips, n), in and out."""
    for strip in range(samples.shape[0]):
        good = ring[strip, (first - 1) & knob[MASK]]
        for j in range(samples.shape[1]):
            if np.isfinite(samples[strip, j]):
                good = samples[strip, j]
            else:
                samples[strip, j] = good
                tally[BAD_SAMPLES] += 1


@kernel("int64(int64[::1], int64[::1], float64[::1])")
def settled_after(mark: Any, knob: Any, gain: Any) -> Any:
    """How many samples after its end a pulse can be measured, when nothing follows: its margin and the baseline."""
    return np.int64(2) + np.int64(gain[MARGIN] * (mark[P_END] - mark[P_START])) + knob[BASE_SAMPLES]


@kernel(
    "void(Array(float64, 1, 'C', readonly=True), int64, float64[::1], float64[::1], int64[::1], float64, float64,"
    " int64[::1], float64[::1], int64[::1], float64[:, ::1], int64[::1], int64, int64[::1])"
)
def track(  # noqa: PLR0912, PLR0915  (one pass over the samples)
    samples: Any,
    first: int,
    ring: Any,
    level: Any,
    mark: Any,
    on_v: float,
    off_v: float,
    knob: Any,
    gain: Any,
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    strip: int,
    tally: Any,
) -> None:
    """Follow one strip over some samples.

    samples     (n,) float64, V, all finite; no more than the ring holds beyond the longest pulse
    first       absolute index of samples[0]
    on_v, off_v thresholds above the baseline, on_v > off_v > 0
    level, mark (LEVELS,) and (MARKS,) in and out: the tracker; the others as in measure_pulse

    The baseline that the thresholds stand on follows the mean of each BLOCK quiet samples in a row by the share FOLLOW,
    after it began as the mean of the first SETTLE samples. A signal
    that stays above for LONGEST samples is no pulse (a wheel that stands, a zero that jumped): counted, and the
    baseline begins anew there.
    """
    keep(samples, first, ring, knob[MASK])
    block = knob[BLOCK]
    total: Any = samples.shape[0]
    base = level[BASE]
    inside = mark[INSIDE] != 0
    pending = mark[PENDING] != 0
    j: Any = np.int64(0)
    while j < total and mark[SETTLED] < knob[SETTLE]:
        level[SUM] += samples[j]
        mark[SETTLED] += 1
        j += 1
        base = level[SUM] / mark[SETTLED]
    while j < total:
        if inside:
            # Up to the sample that falls below the lower threshold, or for as long as a pulse may last.
            start = mark[START]
            stop = min(total, start + knob[LONGEST] - first)
            peak = level[PEAK]
            while j < stop and samples[j] - base >= off_v:
                peak = max(peak, samples[j] - base)
                j += 1
            level[PEAK] = peak
            now = first + j
            if j < stop:
                inside = False
                if now - start >= knob[SHORTEST]:
                    pending = True
                    mark[P_START] = start
                    mark[P_END] = now
                    mark[BEFORE_END] = mark[PREVIOUS_END]
                else:
                    tally[TOO_SHORT] += 1
                mark[PREVIOUS_END] = now
            elif now - start >= knob[LONGEST]:
                inside = False
                tally[STUCK] += 1
                mark[STUCK_AT] = now
                mark[PREVIOUS_END] = now
                base = ring[(now - 1) & knob[MASK]]
            continue
        # Quiet samples in one run: to the end of the block, and no further than where the pending pulse is due.
        stop = min(total, j + block - mark[QUIET])
        due: Any = np.int64(0)
        if pending:
            due = mark[P_END] + settled_after(mark, knob, gain)
            stop = min(stop, max(j, due - first))
        over = first_above(samples[j:stop], base + on_v) + j
        mark[QUIET] += over - j
        j = over
        if mark[QUIET] == block:
            base += gain[FOLLOW] * (window_mean(ring, knob[MASK], first + j - block, first + j) - base)
            mark[QUIET] = 0
        now = first + j
        if over < stop:
            if pending:
                measure_pulse(ring, level[PEAK], mark, now, now, knob, gain, pulse_at, pulse, queued, strip, tally)
                pending = False
            inside = True
            mark[START] = now
            mark[QUIET] = 0
            level[PEAK] = samples[j] - base
            j += 1
        elif pending and now >= due:
            far = now + 4 * (due - mark[P_END])
            measure_pulse(ring, level[PEAK], mark, far, now, knob, gain, pulse_at, pulse, queued, strip, tally)
            pending = False
    level[BASE] = base
    mark[INSIDE] = 1 if inside else 0
    mark[PENDING] = 1 if pending else 0


@kernel(
    "void(int64, float64[:, ::1], float64[:, ::1], int64[:, ::1], int64[::1], float64[::1], int64[:, ::1],"
    " float64[:, :, ::1], int64[::1], int64[::1])"
)
def end_pulses(
    now: int,
    ring: Any,
    level: Any,
    mark: Any,
    knob: Any,
    gain: Any,
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    tally: Any,
) -> None:
    """The signal ends before sample `now`: measure what is pending with what is there; a pulse that is cut is lost."""
    for strip in range(ring.shape[0]):
        if mark[strip, INSIDE]:
            tally[CUT_OFF] += 1
            mark[strip, INSIDE] = 0
            mark[strip, PREVIOUS_END] = now
        if mark[strip, PENDING]:
            measure_pulse(
                ring[strip], level[strip, PEAK], mark[strip], now + 4 * (knob[MASK] + 1), now, knob, gain,
                pulse_at[strip], pulse[strip], queued, strip, tally,
            )  # fmt: skip
            mark[strip, PENDING] = 0
