"""The tables that people read, as Markdown, and the same figures as benchmark rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks._frame import Goal, Row, row
from benchmarks.camera_faults import clean, faults, frozen, live, peers
from benchmarks.camera_faults.clean import CleanResult, Extrapolation, clock_of
from benchmarks.camera_faults.faults import Result
from benchmarks.camera_faults.footage import SPLIT
from benchmarks.camera_faults.frozen import Answer
from benchmarks.camera_faults.tables import SCENARIO, WITHIN_LOOKS, percent, table
from citywatch.domain.pictures import Fault
from citywatch.testing.scene_faults import SEVERITIES

# ---- faults


def scored(results: Iterable[Result]) -> list[Result]:
    return [result for result in results if result.fault]


def in_time(result: Result) -> bool:
    """Found within the looks that are allowed: for severe faults few, for others all that were made."""
    limit = WITHIN_LOOKS[result.fault] if result.severity == "severe" else math.inf
    return 0 < result.found <= limit


def of_faults(results: Sequence[Result]) -> str:
    """One line a fault and severity, then what failed, one by one."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in scored(results):
        groups[result.fault, result.severity].append(result)
    lines = []
    for fault in Fault:
        for severity in SEVERITIES:
            group = groups.get((fault.value, severity))
            if not group:
                continue
            looks = sorted(result.found for result in group if result.found)
            middle = str(looks[len(looks) // 2]) if looks else "-"
            others = Counter(result.named_as for result in group if result.named_as)
            named = ", ".join(f"{name} {count}" for name, count in others.most_common(3))
            lines.append(
                (fault.value, severity, str(len(group)), percent(sum(map(in_time, group)), len(group)),
                 percent(sum(result.found > 0 for result in group), len(group)),
                 percent(sum(result.unchecked for result in group), len(group)), middle,
                 str(looks[-1]) if looks else "-",
                 percent(sum(others.values()), len(group)) + (f" ({named})" if named else ""))
            )  # fmt: skip
    wrong = [result for result in results if not result.fault and result.confirmed]
    clean = sum(not result.fault for result in results)
    parts = [
        "## Faults\n",
        table(("fault", "severity", "cases", "found in time", "found at all", "could not be checked", "looks (median)",
               "looks (most)",
               "named as another"), lines),
        f"\nBefore the faults {clean} cameras were learned in order; {len(wrong)} of them were accused: "
        + (", ".join(f"{result.footage} {result.encoder}: {_names(result)}" for result in wrong) or "none")
        + ".",
        "\n### Severe and medium faults that were missed, late, or named as another\n",
        "\n".join(_failure(result) for result in failures(results)) or "none",
    ]  # fmt: skip
    return "\n".join(parts)


def _names(result: Result) -> str:
    return " ".join(sorted({fault for fault, _ in result.confirmed}))


def failures(results: Sequence[Result]) -> list[Result]:
    """Severe and medium ones that were not found in time, or were named as another first."""
    wanted = [result for result in scored(results) if result.severity != "mild"]
    return [result for result in wanted if not in_time(result) or result.named_as]


_SHOWN = ("mean", "contrast", "sharpness", "texture_share", "noise_sd", "match_share", "lost_share", "shift_x",
          "shift_y", "sharpness_ratio", "torn_share", "stripe_rows", "stripe_columns", "speckle_share", "cast",
          "chroma_sd", "changed_share", "stir")  # fmt: skip


def _failure(result: Result) -> str:
    what = (
        f"found at look {result.found}"
        if result.found
        else "could not be checked"
        if result.unchecked
        else "called fine"
    )
    named = f", named {result.named_as}" if result.named_as else ""
    suspected = ", suspected " + " ".join(sorted(set(result.suspected))) if result.suspected else ""
    figures = " ".join(
        f"{name} {result.figures[name]:g}" for name in _SHOWN if result.figures.get(name) not in (None, 0.0)
    )
    return (
        f"- {result.recipe} {result.severity} ({result.hours}), {result.footage}, {result.encoder}: {what}{named}"
        f"{suspected} [{result.outcome}] {figures}"
    )


def rows_of_faults(results: Sequence[Result]) -> list[Row]:
    rows = []
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in scored(results):
        groups[result.severity].append(result)
    for severity, goal in (("severe", Goal(at_least=100.0)), ("medium", Goal(at_least=95.0)), ("mild", None)):
        group = groups.get(severity, [])
        share = 100.0 * sum(map(in_time, group)) / len(group) if group else None
        note = "within 3 looks, frozen 8" if severity == "severe" else "within 8 looks, frozen 14"
        rows.append(row(SCENARIO, f"{severity} faults found", share, "%", goal=goal, note=f"{note}; n {len(group)}"))
    by_fault: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in scored(results):
        by_fault[result.fault, result.severity].append(result)
    for (fault, severity), group in sorted(by_fault.items()):
        share = 100.0 * sum(map(in_time, group)) / len(group)
        goal = {"severe": Goal(at_least=100.0), "medium": Goal(at_least=95.0)}.get(severity)
        rows.append(row(SCENARIO, f"{fault}, {severity}: found", share, "%", goal=goal, note=f"n {len(group)}"))
    named: dict[str, list[Result]] = defaultdict(list)
    for result in scored(results):
        if result.severity != "mild":
            named[result.fault].append(result)
    worst = {fault: 100.0 * sum(bool(r.named_as) for r in group) / len(group) for fault, group in named.items()}
    if worst:
        fault = max(worst, key=lambda name: worst[name])
        rows.append(
            row(SCENARIO, "named as another fault, worst kind", worst[fault], "%", goal=Goal(at_most=5.0), note=fault)
        )
    return rows


# ---- clean


def of_clean(results: Sequence[CleanResult], tails: Sequence[Extrapolation]) -> str:
    days = sum(result.days for result in results)
    visits = sum(result.visits for result in results)
    false = [(result, item) for result in results for item in result.confirmed]
    suspected: Counter[str] = Counter()
    for result in results:
        suspected.update(result.suspected)
    lines = [
        (
            result.encoder,
            str(result.seed),
            item[0],
            clock_of(item[1]),
            item[2],
            f"{item[3]} {item[4]} against {item[5]}",
        )
        for result, item in false
    ]
    return "\n".join(
        (
            "## Clean cameras\n",
            f"{len(results)} cameras, {days} camera-days, {visits} visits; {len(false)} faults confirmed falsely: "
            f"{len(false) / days if days else math.nan:.4f} per camera-day. Visits without a picture: "
            f"{sum(result.unchecked for result in results)}.\n",
            table(("encoder", "seed", "accused of", "at", "reason", "measured"), lines) if lines else "none",
            "\nSuspicions, each dropped by a later look: "
            + (", ".join(f"{fault} {count}" for fault, count in suspected.most_common()) or "none")
            + ".",
            "\n### Extrapolation (not a count)\n",
            "How near each run of looks came to being confirmed (the worst of its looks, with all that the rules ask of"
            " them together); clusters of such runs above a threshold, exponential and generalised Pareto tails over "
            "several thresholds, the largest rate of those that their own data do not refute; upper: 95th percentile "
            "over cameras drawn anew.\n",
            table(
                ("fault", "runs of looks", "nearest (0: confirmed)", "false per camera-day", "upper"),
                [(t.fault, str(t.runs), f"{t.nearest:.3g}", f"{t.per_day:.2g}", f"{t.upper:.2g}") for t in tails],
            )
            if tails
            else "too few looks with margins",
        )
    )


def rows_of_clean(results: Sequence[CleanResult], tails: Sequence[Extrapolation]) -> list[Row]:
    days = sum(result.days for result in results)
    if not days:
        return []
    false = sum(len(result.confirmed) for result in results)
    note = f"{len(results)} cameras, {days} camera-days, {sum(result.visits for result in results)} visits"
    rows = [
        row(SCENARIO, "clean: faults confirmed", float(false), "", goal=Goal(at_most=0.0), note=note),
        row(SCENARIO, "clean: false alarms per camera-day", false / days, "/day", goal=Goal(at_most=0.001), note=note),
    ]
    if tails:
        total = tails[-1]
        rows.append(
            row(SCENARIO, "clean: false alarms per camera-day, extrapolated", total.per_day, "/day",
                goal=Goal(at_most=0.001), note=f"extrapolation from margins, all faults; upper {total.upper:.2g}")
        )  # fmt: skip
    return rows


# ---- frozen


def of_frozen(answers: Sequence[Answer]) -> str:
    lines = [
        (a.scene, a.encoder, a.live, a.whole + (f" ({a.whole_looks})" if a.whole_looks else ""),
         a.clock + (f" ({a.clock_looks})" if a.clock_looks else ""), _figure(a.live_least), _figure(a.whole_most),
         _figure(a.clock_most), "yes" if a.separated else "NO")
        for a in answers
    ]  # fmt: skip
    open_ = sum(a.whole == "unchecked" or a.clock == "unchecked" for a in answers)
    return "\n".join(
        (
            "## Frozen against live\n",
            f"{sum(a.separated for a in answers)} of {len(answers)} separated, {open_} of them with an answer "
            '"could not be checked" to a frozen picture; '
            f"{sum(a.live == 'found' for a in answers)} live cameras accused.\n",
            table(("scene", "encoder", "live", "frozen (looks)", "clock runs (looks)", "least change live",
                   "most frozen", "most, clock runs", "separated"), lines),
        )
    )  # fmt: skip


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def rows_of_frozen(answers: Sequence[Answer]) -> list[Row]:
    if not answers:
        return []
    share = 100.0 * sum(a.separated for a in answers) / len(answers)
    found = sum((a.whole == "found") + (a.clock == "found") for a in answers)
    cases = sum(1 + (a.clock != "-") for a in answers)
    return [
        row(SCENARIO, "frozen against live: separated", share, "%", goal=Goal(at_least=100.0),
            note=f"{len(answers)} combinations of scene, encoder and quality"),
        row(SCENARIO, "frozen against live: found, not only unchecked", 100.0 * found / cases, "%"),
    ]  # fmt: skip


def everything(out: Path) -> str:
    """All tables of what is in a directory."""
    results = [r for file in sorted(out.glob("faults-scoring-*.jsonl")) for r in faults.read(file)]
    answers = frozen.read(out / "frozen-scoring.jsonl")
    healthy = clean.stored(out)
    compared, over_rtsp = peers.read(out), live.read(out)
    parts = ["# Camera faults\n", f"Split: {SPLIT}.\n"]
    if results:
        parts.append(of_faults(results))
    if healthy:
        parts.append(of_clean(healthy, clean.extrapolate(out)))
    if answers:
        parts.append(of_frozen(answers))
    if compared:
        parts.append(peers.of_peers(compared))
    if over_rtsp:
        parts.append(live.of_live(over_rtsp))
    return "\n\n".join(parts)
