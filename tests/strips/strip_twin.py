"""The kernels of the strips once more, in the plainest way: whole signals, lists, and numpy's own solver."""

from __future__ import annotations

import statistics

import numpy as np


def pulses(signal, *, on_v, off_v, knob, gain, names):
    """(start, centroid, area, extent, height) of every pulse that is measured, from a whole signal at once.

    names  the module with the indices of knob and gain.
    """
    settle, block, longest = (int(knob[i]) for i in (names.SETTLE, names.BLOCK, names.LONGEST))
    shortest, base_n = int(knob[names.SHORTEST]), int(knob[names.BASE_SAMPLES])
    base = 0.0
    for value in signal[:settle]:
        base += value
    base /= settle
    found = []  # [start, end, end before, height]
    quiet = 0
    before_end = 0
    n = settle
    while n < len(signal):
        if signal[n] > base + on_v:
            start = n
            height = signal[n] - base
            n += 1
            while n < len(signal) and n < start + longest and signal[n] - base >= off_v:
                height = max(height, signal[n] - base)
                n += 1
            if n == len(signal) and n < start + longest:
                found.append((start, None, before_end, height))
                break
            if n - start >= longest:
                base = signal[n - 1]
                found.append((start, None, before_end, height))
            else:
                found.append((start, n if n - start >= shortest else None, before_end, height))
            before_end = n
            quiet = 0
            continue
        quiet += 1
        n += 1
        if quiet == block:
            mean = sum(signal[n - block : n]) / block
            base += gain[names.FOLLOW] * (mean - base)
            quiet = 0
    measured = []
    for number, (start, end, previous_end, height) in enumerate(found):
        if end is None:
            continue
        following = found[number + 1][0] if number + 1 < len(found) else len(signal) + 10**9
        measured.append(_measured(signal, start, end, previous_end, following, height, base_n, gain, names))
    return [one for one in measured if one is not None]


def _measured(signal, start, end, previous_end, following, height, base_n, gain, names):
    margin = 2 + int(gain[names.MARGIN] * (end - start))
    due = end + margin + base_n
    known = min(len(signal), following, due)
    if following >= due:
        following = 10**9
    left = min(margin, (start - previous_end) // 3)
    right = min(margin, (following - end) // 3, known - end)
    foot, heel = start - left, end + right
    before = signal[max(previous_end + left, foot - base_n) : foot]
    after = signal[heel : min(following - right, heel + base_n, known)]
    x = np.arange(foot, heel)
    if len(before) and len(after):
        at = [foot - 1 - (len(before) - 1) / 2, heel + (len(after) - 1) / 2]
        under = np.interp(x, at, [np.mean(before), np.mean(after)])
    elif len(before) or len(after):
        under = np.full(len(x), np.mean(before if len(before) else after))
    else:
        under = np.zeros(len(x))
    above = signal[foot:heel] - under
    total = above.sum()
    if not total > 0:
        return None
    area = total * gain[names.DT_S]
    return start, float((above * (x - start)).sum() / total), float(area), float(area / height), float(height)


def motion(at_s, timed, position_m):
    """Speed and acceleration at the middle of all instants, places of the axles: one system of equations."""
    axles = len(at_s)
    columns = np.flatnonzero(timed)
    middle = at_s[:, columns].mean()
    rows, right = [], []
    for i in range(axles):
        for k in columns:
            u = at_s[i, k] - middle
            rows.append([u, u * u / 2, *(float(i == j) for j in range(axles))])
            right.append(position_m[k])
    solved, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)
    left_over = np.array(rows) @ solved - np.array(right)
    return solved[0], solved[1], solved[2:], float(np.sqrt(np.mean(left_over**2)))


def robust_mean(values, least_share):
    if len(values) < 3:
        return statistics.fmean(values), [True] * len(values)
    middle = statistics.median(values)
    away = [abs(value - middle) for value in values]
    limit = max(3.5 * 1.4826 * statistics.median(away), least_share * abs(middle))
    kept = [distance <= limit for distance in away]
    return statistics.fmean(value for value, keep in zip(values, kept, strict=True) if keep), kept
