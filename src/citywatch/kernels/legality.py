"""Whether a vehicle is within the limits of a law: every rule of it, under everything that a scale cannot see.

All in integers, kilograms and millimetres. A law comes as tables of numbers (laws/full.py makes them). Its unseen
conditions are bits, set where a condition is as good for the truck as it can be: a limit asks for bits, so that the
lower and the upper set of bits give the strictest and the most lenient outcome. What the vehicle is, and how far off
its distances may be, is tried out case by case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

LAWFUL = 0
OVER = 1
UNDECIDED = 2

NOTHING = 1 << 30
"""A margin where no rule says anything."""

FIRST = 1
MOTOR = 2
TRAILER = 4
"""Where an axle is: at the front, behind it on the motor vehicle, on a trailer."""

TRUCK = 0
TRAIN = 1
ANY = -1

SEMI = 1
FULL = 2
"""How a trailer is coupled."""

PER_VEHICLE = 0
PER_TRAILER_AXLE = 1
PER_MOTOR_GROUP_AXLE = 2
"""... that is not driven, where one axle of its group is."""

LIMIT = 0
MARGIN = 1
MEASURED = 2
RULE = 3
FIRST_AXLE = 4
AXLES = 5
OUTCOME_WIDTH = 6
"""What binds most: the limit, what is left of it (below zero: over), what was weighed, the rule, the part."""

MM_PER_FOOT_TENTHS = 3048

GROUP_UPTO_MM = 0
JUDGES_GROUPS = 1
CAPPED = 2
CAP_RULE = 3
BRIDGE_RULE = 4
EXCEPTION_RULE = 5
EXCEPTION_FROM_FT = 6
EXCEPTION_KG = 7
TANDEM_OVER_MM = 8
TANDEM_UPTO_MM = 9
SURE_PERCENT = 10
SINGLE_DRIVE_BIT = 11
PAIR_UPTO_MM = 12
JOINED_BIT = 13
TERMS = 14
"""What a law's table of terms holds; rules of the bridge formula are ANY where the law has none."""

_ROW = "Array(int32, 1, 'C', readonly=True)"
_TABLE = "Array(int32, 2, 'C', readonly=True)"


@kernel("void(int64[::1], int64, int64, int64, int64, int64)")
def bind(outcome: Any, limit: Any, measured: Any, rule: Any, first: Any, axles: Any) -> None:
    """Keep in `outcome` (OUTCOME_WIDTH,) what leaves least; of equals the first."""
    if limit - measured < outcome[MARGIN]:
        outcome[LIMIT] = limit
        outcome[MARGIN] = limit - measured
        outcome[MEASURED] = measured
        outcome[RULE] = rule
        outcome[FIRST_AXLE] = first
        outcome[AXLES] = axles


@kernel(f"UniTuple(int64, 4)({_TABLE}, {_ROW}, int64, int64, int64, int64, int64, int64)")
def group_limit(
    groups: Any, starts: Any, axles: Any, place: Any, apart_mm: Any, heaviest_kg: Any, least: Any, most: Any
) -> Any:
    """(limit, rule, limit, rule) of one axle group, with the bits `least` and with the bits `most`.

    A limit is the largest number whose conditions hold; (0, ANY) where there is none.

    groups  (r, 7) int32: places, from_mm, upto_mm, needed bits, heaviest axle (0: any), limit, rule
    starts  (m,) int32: rows starts[a] to starts[a + 1] are about groups of `a` axles
    """
    low: Any = np.int64(0)
    high: Any = np.int64(0)
    low_rule: Any = np.int64(ANY)
    high_rule: Any = np.int64(ANY)
    for r in range(starts[axles], starts[axles + 1]):
        if (
            groups[r, 0] & place
            and groups[r, 1] <= apart_mm <= groups[r, 2]
            and (groups[r, 4] == 0 or heaviest_kg <= groups[r, 4])
        ):
            needs: Any = np.int64(groups[r, 3])
            limit: Any = np.int64(groups[r, 5])
            if limit > low and (needs & least) == needs:
                low = limit
                low_rule = np.int64(groups[r, 6])
            if limit > high and (needs & most) == needs:
                high = limit
                high_rule = np.int64(groups[r, 6])
    return low, low_rule, high, high_rule


@kernel(f"boolean({_ROW}, int64, int64, int64, int64, int64, int64)")
def is_pair(gaps: Any, axles: Any, i: Any, shift: Any, motor: Any, group_upto_mm: Any, pair_upto_mm: Any) -> Any:
    """Whether the axles `i` and `i + 1` of a trailer, too far apart for a group, are as near as a pair may be, and
    apart from all others of it."""
    if i + 1 >= axles or not group_upto_mm < gaps[i] + shift <= pair_upto_mm:
        return False
    return (i == motor or gaps[i - 1] + shift > pair_upto_mm) and (i + 2 >= axles or gaps[i + 1] + shift > pair_upto_mm)


@kernel(
    f"UniTuple(int64, 2)({_ROW}, {_ROW}, int64, int64, int64, int64, int64, boolean, {_TABLE}, {_ROW}, int64,"
    " int64, int64[::1], int64[::1])"
)
def sum_of_groups(
    loads: Any,
    gaps: Any,
    axles: Any,
    shift: Any,
    motor: Any,
    least: Any,
    most: Any,
    judged: Any,
    groups: Any,
    starts: Any,
    group_upto_mm: Any,
    pair_upto_mm: Any,
    low: Any,
    high: Any,
) -> Any:
    """The limits of all axle groups together at the strictest and the most lenient, 0 when one group has none.

    Axles as near as the law says are one group, and so may be two of a trailer that stand farther apart (is_pair); one
    that the law names no number for counts axle by axle. `motor` is how many axles the motor vehicle has, `shift` is
    added to every distance. Where groups are `judged`, each goes into the outcomes `low` and `high`.
    """
    low_sum: Any = np.int64(0)
    high_sum: Any = np.int64(0)
    low_named = True
    high_named = True
    i = 0
    while i < axles:
        end = i + 1
        apart: Any = np.int64(0)
        load: Any = np.int64(loads[i])
        heaviest: Any = np.int64(loads[i])
        while end < axles and gaps[end - 1] + shift <= group_upto_mm:
            apart = max(apart, gaps[end - 1] + shift)
            load += loads[end]
            heaviest = max(heaviest, np.int64(loads[end]))
            end += 1
        if end == i + 1 and i >= motor and is_pair(gaps, axles, i, shift, motor, group_upto_mm, pair_upto_mm):
            apart = np.int64(gaps[i] + shift)
            load += loads[end]
            heaviest = max(heaviest, np.int64(loads[end]))
            end += 1
        place = FIRST if i == 0 else MOTOR if i < motor else TRAILER
        strict, strict_rule, lenient, lenient_rule = group_limit(
            groups, starts, end - i, place, apart, heaviest, least, most
        )
        low_sum += strict
        high_sum += lenient
        if judged and strict > 0:
            bind(low, strict, load, strict_rule, i, end - i)
        if judged and lenient > 0:
            bind(high, lenient, load, lenient_rule, i, end - i)
        if strict == 0 or lenient == 0:
            for axle in range(i, end):
                where = FIRST if axle == 0 else MOTOR if i < motor else TRAILER
                one, one_rule, other, other_rule = group_limit(
                    groups, starts, 1, where, 0, np.int64(loads[axle]), least, most
                )
                if strict == 0:
                    low_sum += one
                    low_named = low_named and one > 0
                    if judged and one > 0:
                        bind(low, one, np.int64(loads[axle]), one_rule, axle, 1)
                if lenient == 0:
                    high_sum += other
                    high_named = high_named and other > 0
                    if judged and other > 0:
                        bind(high, other, np.int64(loads[axle]), other_rule, axle, 1)
        i = end
    return low_sum if low_named else np.int64(0), high_sum if high_named else np.int64(0)


@kernel(f"void({_ROW}, {_ROW}, int64, int64, {_TABLE}, {_TABLE}, {_ROW}, int64[::1], int64[::1])")
def judge_runs(
    loads: Any, gaps: Any, axles: Any, shift: Any, runs: Any, bridge: Any, terms: Any, low: Any, high: Any
) -> None:
    """Every run of consecutive axles against the limits by its length and the bridge formula.

    runs    (r, 6) int32: fewest axles, most, over_mm, upto_mm, limit, rule
    bridge  (a, f) int32: limit by axles and whole feet; no columns where the law has no formula
    """
    for first in range(axles):
        load: Any = np.int64(0)
        span: Any = np.int64(0)
        for last in range(first, axles):
            load += loads[last]
            if last > first:
                span += gaps[last - 1]
            count = last - first + 1
            length = max(span + shift, np.int64(0)) if count > 1 else np.int64(0)
            for r in range(runs.shape[0]):
                if runs[r, 0] <= count <= runs[r, 1] and runs[r, 2] < length <= runs[r, 3]:
                    bind(low, np.int64(runs[r, 4]), load, np.int64(runs[r, 5]), first, count)
                    bind(high, np.int64(runs[r, 4]), load, np.int64(runs[r, 5]), first, count)
            if count > 1 and bridge.shape[1] > 0:
                feet = min((length * 10 + MM_PER_FOOT_TENTHS // 2) // MM_PER_FOOT_TENTHS, bridge.shape[1] - 1)
                limit: Any = np.int64(bridge[count, feet])
                rule: Any = np.int64(terms[BRIDGE_RULE])
                if (
                    count == 4
                    and feet >= terms[EXCEPTION_FROM_FT]
                    and limit < terms[EXCEPTION_KG]
                    and terms[TANDEM_OVER_MM] < gaps[first] + shift <= terms[TANDEM_UPTO_MM]
                    and terms[TANDEM_OVER_MM] < gaps[first + 2] + shift <= terms[TANDEM_UPTO_MM]
                ):
                    limit = np.int64(terms[EXCEPTION_KG])
                    rule = np.int64(terms[EXCEPTION_RULE])
                bind(low, limit, load, rule, first, count)
                bind(high, limit, load, rule, first, count)


@kernel(f"int64(int64, int64, int64, int64, int64, boolean, int64, {_ROW}, {_TABLE}, int64)")
def adjusted(
    limit: Any,
    axles: Any,
    train: Any,
    motor: Any,
    shift: Any,
    spaced: Any,
    good: Any,
    gaps: Any,
    adjust: Any,
    group_upto_mm: Any,
) -> Any:
    """A gross limit with what the law adds or takes off.

    adjust  (r, 7) int32: fewest axles, most, TRUCK, TRAIN or ANY, PER_..., needed bits, bits of which any one spares
            it, kilograms
    """
    for r in range(adjust.shape[0]):
        if (
            adjust[r, 0] <= axles <= adjust[r, 1]
            and (adjust[r, 2] == ANY or adjust[r, 2] == train)
            and (adjust[r, 4] & good) == adjust[r, 4]
            and (adjust[r, 5] & good) == 0
        ):
            times: Any = np.int64(1)
            if adjust[r, 3] == PER_TRAILER_AXLE:
                times = max(axles - motor, np.int64(0)) if train == TRAIN else np.int64(0)
            elif adjust[r, 3] == PER_MOTOR_GROUP_AXLE:
                times = np.int64(0)
                for i in range(1, min(motor, axles) - 1):
                    if spaced and gaps[i] + shift <= group_upto_mm:
                        times += 1
            limit += times * adjust[r, 6]
    return max(limit, np.int64(0))


@kernel("void(int64[::1], int64, int64, int64, int64)")
def bind_gross(outcome: Any, limit: Any, gross: Any, rule: Any, axles: Any) -> None:
    """The same for a gross limit, if there is one: of equals it is the one that binds."""
    if limit > 0 and limit - gross <= outcome[MARGIN]:
        outcome[MARGIN] = NOTHING
        bind(outcome, limit, gross, rule, 0, axles)


@kernel(
    f"void({_ROW}, {_ROW}, int64, int64, int64, boolean, int64, int64, int64, int64, int64, {_TABLE}, {_ROW}, {_TABLE},"
    f" {_TABLE}, {_ROW}, {_TABLE}, {_TABLE}, {_ROW}, int64[::1], int64[::1])"
)
def judge_one(
    loads: Any,
    gaps: Any,
    axles: Any,
    gross: Any,
    shift: Any,
    spaced: Any,
    train: Any,
    motor: Any,
    coupling: Any,
    least: Any,
    most: Any,
    gross_rules: Any,
    gross_starts: Any,
    adjust: Any,
    groups: Any,
    starts: Any,
    runs: Any,
    bridge: Any,
    terms: Any,
    low: Any,
    high: Any,
) -> None:
    """One vehicle as if it were this: what leaves least goes into `low` with the bits `least`, into `high` with `most`.

    gross_rules   (r, 6) int32: TRUCK, TRAIN or ANY, bits of motor axles (0: any), coupling or ANY, needed bits, limit,
                  rule
    gross_starts  (m,) int32: rows gross_starts[a] to gross_starts[a + 1] are for vehicles of `a` axles
    """
    low[MARGIN] = NOTHING
    low[RULE] = ANY
    high[MARGIN] = NOTHING
    high[RULE] = ANY
    strict: Any = np.int64(0)
    lenient: Any = np.int64(0)
    strict_rule: Any = np.int64(ANY)
    lenient_rule: Any = np.int64(ANY)
    for r in range(gross_starts[axles], gross_starts[axles + 1]):
        if (
            (gross_rules[r, 0] == ANY or gross_rules[r, 0] == train)
            and (gross_rules[r, 1] == 0 or gross_rules[r, 1] >> motor & 1)
            and (gross_rules[r, 2] == ANY or gross_rules[r, 2] == coupling)
        ):
            needs: Any = np.int64(gross_rules[r, 3])
            if gross_rules[r, 4] > strict and (needs & least) == needs:
                strict = np.int64(gross_rules[r, 4])
                strict_rule = np.int64(gross_rules[r, 5])
            if gross_rules[r, 4] > lenient and (needs & most) == needs:
                lenient = np.int64(gross_rules[r, 4])
                lenient_rule = np.int64(gross_rules[r, 5])
    upto: Any = np.int64(terms[GROUP_UPTO_MM])
    if strict > 0:
        strict = adjusted(strict, axles, train, motor, shift, spaced, least, gaps, adjust, upto)
    if lenient > 0:
        lenient = adjusted(lenient, axles, train, motor, shift, spaced, most, gaps, adjust, upto)
    judged = terms[JUDGES_GROUPS] != 0
    if spaced and (judged or terms[CAPPED]):
        low_sum, high_sum = sum_of_groups(
            loads,
            gaps,
            axles,
            shift,
            motor,
            least,
            most,
            judged,
            groups,
            starts,
            upto,
            np.int64(terms[PAIR_UPTO_MM]),
            low,
            high,
        )
        if terms[CAPPED] and 0 < low_sum < strict:
            strict = low_sum
            strict_rule = np.int64(terms[CAP_RULE])
        if terms[CAPPED] and 0 < high_sum < lenient:
            lenient = high_sum
            lenient_rule = np.int64(terms[CAP_RULE])
    bind_gross(low, strict, gross, strict_rule, axles)
    bind_gross(high, lenient, gross, lenient_rule, axles)
    if runs.shape[0] > 0 and (spaced or axles == 1):
        judge_runs(loads, gaps, axles, shift, runs, bridge, terms, low, high)


@kernel(f"boolean({_ROW}, {_TABLE})")
def _judges_parts(terms: Any, runs: Any) -> Any:
    """Whether the law judges parts of a vehicle: nobody is surely lawful then whose axles are not known."""
    return terms[JUDGES_GROUPS] != 0 or runs.shape[0] > 0


@kernel(
    "void(Array(int16, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    f"{_TABLE}, {_TABLE}, Array(int16, 1, 'C', readonly=True), Array(int16, 1, 'C', readonly=True),"
    " Array(uint8, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), Array(uint32, 1, 'C', readonly=True),"
    f" Array(uint32, 1, 'C', readonly=True), {_TABLE}, {_TABLE}, {_ROW}, {_TABLE}, {_TABLE}, {_ROW}, {_TABLE},"
    f" {_TABLE}, {_ROW}, uint8[::1], int32[:, ::1], int32[:, ::1])"
)
def judge(  # noqa: PLR0912, PLR0915
    axle_count: Any,
    gross_kg: Any,
    axle_kg: Any,
    spacing_mm: Any,
    best: Any,
    second: Any,
    confidence: Any,
    tolerance_mm: Any,
    least_good: Any,
    most_good: Any,
    kinds: Any,
    gross_rules: Any,
    gross_starts: Any,
    adjust: Any,
    groups: Any,
    starts: Any,
    runs: Any,
    bridge: Any,
    terms: Any,
    decision: Any,
    strict: Any,
    lenient: Any,
) -> None:
    """Every vehicle of a batch against a law.

    A vehicle is tried as its kind, as the runner-up too when the kind is not sure, and as a truck and as a train of
    either coupling when it fits no kind; each with its distances as measured, all shorter, and all longer by their
    tolerance; with the unseen conditions all against it, and all for it. OVER is what is over however it is, LAWFUL
    what is so however it is, the rest UNDECIDED. A vehicle that the law is not made for (a car) is LAWFUL without a
    limit.

    A distance of 0 is one that was not given, and a load of 0 likewise. Where one distance is missing, none counts:
    only the gross is judged, for every number of axles, from two on, that the motor vehicle may have.

    axle_count, gross_kg, axle_kg, spacing_mm   as in kernels.passes
    best, second, confidence    (n,) from kernels.vehicles.classify
    tolerance_mm                (n,) int32
    least_good, most_good       (n,) uint32: bits of the conditions at their worst and at their best for the truck
    kinds                       (r, 5) int32: goods vehicle, TRUCK or TRAIN, motor axles (0: to the longest distance),
                                coupling, a single drive axle is seen
    gross_rules ... bridge      see judge_one, adjusted, group_limit, judge_runs; of starts one entry for each number of
                                axles up to MAX_AXLES, and one more
    terms                       (TERMS,) int32
    decision                    (n,) uint8, out
    strict, lenient             (n, OUTCOME_WIDTH) int32, out: of what binds in the strictest and the most lenient
                                outcome; RULE is ANY and LIMIT 0 where nothing does
    """
    low = np.zeros(OUTCOME_WIDTH, np.int64)
    high = np.zeros(OUTCOME_WIDTH, np.int64)
    for v in range(axle_count.shape[0]):
        for k in range(OUTCOME_WIDTH):
            strict[v, k] = 0
            lenient[v, k] = 0
        strict[v, MARGIN] = NOTHING
        lenient[v, MARGIN] = -NOTHING
        strict[v, RULE] = ANY
        lenient[v, RULE] = ANY
        axles: Any = np.int64(axle_count[v])
        if axles < 1 or axles > axle_kg.shape[1] or axles - 1 > spacing_mm.shape[1]:
            decision[v] = UNDECIDED
            lenient[v, MARGIN] = NOTHING
            continue
        loads = axle_kg[v]
        gaps = spacing_mm[v]
        spaced = axles > 1
        weighed = True
        longest = 0
        for i in range(axles):
            weighed = weighed and loads[i] > 0
        for i in range(axles - 1):
            spaced = spaced and gaps[i] > 0
            if gaps[i] > gaps[longest]:
                longest = i
        ways: Any = np.int64(3)
        if best[v] >= 0:
            ways = np.int64(1 if second[v] < 0 or confidence[v] >= terms[SURE_PERCENT] else 2)
        elif not spaced:
            ways = 1 + 2 * max(axles - 2, np.int64(0))
        tries = 3 if spaced and tolerance_mm[v] > 0 else 1
        tried = False
        spared = False
        # A wide pair of axles that are joined, or not: neither is the better for every load, so both are tried.
        joined: Any = np.int64(terms[JOINED_BIT])
        worlds = 1
        if spaced and joined & np.int64(most_good[v]) & ~np.int64(least_good[v]):
            for i in range(axles - 1):
                if terms[GROUP_UPTO_MM] - tolerance_mm[v] < gaps[i] <= terms[PAIR_UPTO_MM] + tolerance_mm[v]:
                    worlds = 2
        for way in range(ways):
            train: Any = np.int64(TRUCK if way == 0 else TRAIN)
            motor: Any = axles if way == 0 else np.int64(max(longest + 1, 2))
            coupling: Any = np.int64(ANY if way == 0 else 1 + (way - 1) % 2)
            if way > 0 and not spaced:
                motor = np.int64(2 + (way - 1) // 2)
            least: Any = np.int64(least_good[v])
            most: Any = np.int64(most_good[v])
            if best[v] >= 0:
                row = best[v] if way == 0 else second[v]
                if kinds[row, 0] == 0:
                    spared = True
                    continue
                train = np.int64(kinds[row, 1])
                coupling = np.int64(kinds[row, 3])
                motor = axles if train == TRUCK else np.int64(kinds[row, 2])
                if motor == 0:
                    motor = np.int64(max(longest + 1, 2))
                if kinds[row, 4]:
                    least &= ~np.int64(terms[SINGLE_DRIVE_BIT])
                    most &= ~np.int64(terms[SINGLE_DRIVE_BIT])
            for attempt in range(tries * worlds):
                shift: Any = np.int64(0)
                if attempt % tries == 1:
                    shift = -np.int64(tolerance_mm[v])
                elif attempt % tries == 2:
                    shift = np.int64(tolerance_mm[v])
                worst: Any = least | joined if worlds > 1 and attempt >= tries else least
                kindest: Any = most & ~joined if worlds > 1 and attempt < tries else most
                judge_one(
                    loads, gaps, axles, np.int64(gross_kg[v]), shift, spaced, train, motor, coupling, worst, kindest,
                    gross_rules, gross_starts, adjust, groups, starts, runs, bridge, terms, low, high,
                )  # fmt: skip
                if low[MARGIN] == NOTHING:
                    continue
                tried = True
                if low[MARGIN] < strict[v, MARGIN]:
                    for k in range(OUTCOME_WIDTH):
                        strict[v, k] = low[k]
                if high[MARGIN] > lenient[v, MARGIN]:
                    for k in range(OUTCOME_WIDTH):
                        lenient[v, k] = high[k]
        if not tried:
            lenient[v, MARGIN] = NOTHING
            decision[v] = LAWFUL if spared else UNDECIDED
        elif lenient[v, MARGIN] < 0 and not spared:
            decision[v] = OVER
        elif strict[v, MARGIN] >= 0 and ((weighed and (spaced or axles == 1)) or not _judges_parts(terms, runs)):
            decision[v] = LAWFUL
        else:
            decision[v] = UNDECIDED
