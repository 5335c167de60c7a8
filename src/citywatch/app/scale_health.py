"""`citywatch scale health`: what files of vehicle records say of the scales that made them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citywatch.app.kernels import use_cache, warm_imported
from citywatch.errors import DataError

if TYPE_CHECKING:
    from citywatch.rules.scale_health.watch import HealthPolicy

SOMETHING_FOUND = 3


def scale_health(
    files: Sequence[Path],
    *,
    kind: str | None,
    station: str,
    time_zone: str,
    fold: str,
    mapping: Path | None,
    axles: int,
    from_gross_kg: int,
    steering_kg: float | None,
    tandem_mm: float | None,
    left_right: float | None,
    as_json: bool,
) -> int:
    """Review the files and print; exit code 3 when a step, a fault or a silence was found."""
    use_cache()
    from citywatch.adapters.scales.records import kind_of  # noqa: PLC0415
    from citywatch.app.scale_terms import load_formats, record_terms  # noqa: PLC0415
    from citywatch.flow.progress import bar  # noqa: PLC0415
    from citywatch.flow.scale_review import review_files  # noqa: PLC0415
    from citywatch.rules.scale_health.reference import Gauge, Population  # noqa: PLC0415
    from citywatch.rules.scale_health.watch import HealthPolicy  # noqa: PLC0415

    told = record_terms(station, time_zone, fold, mapping)
    # Sorted: of two records that are the same the first counts, whatever the order of the names.
    sources = [(path, kind_of(path, kind, "--from", default="mon")) for path in sorted(files)]
    load_formats({kind for _, kind in sources}, told)
    warm_imported()
    known = {Gauge.STEERING_AXLE: steering_kg, Gauge.TANDEM_SPACING: tandem_mm, Gauge.LEFT_RIGHT: left_right}
    right = {gauge: level for gauge, level in known.items() if level is not None}
    policy = HealthPolicy(Population(axles=axles, from_gross_kg=from_gross_kg), right=right)
    total = sum(path.stat().st_size for path, _ in sources if path.is_file())
    with bar("read", total, shown=sys.stderr.isatty()) as advance:
        reviewed = review_files(sources, told, policy, advance)
    if reviewed.lines and not reviewed.passes:
        why = ", ".join(f"{count} {reason}" for reason, count in reviewed.refused.items())
        formats = ", ".join(sorted({kind for _, kind in sources}))
        raise DataError(
            f"none of the {reviewed.lines} lines can be read as {formats} ({why}); say the format with --from"
        )
    shown = {"reference": _reference(policy), **reviewed.shown()}
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        _print(shown)
    found = any(lane["steps"] or lane["faults"] or lane["silences"] for lane in shown["lanes"])
    found = found or any(station["steps"] or station["silences"] for station in shown["stations"])
    return SOMETHING_FOUND if found else 0


def _reference(policy: HealthPolicy) -> dict[str, Any]:
    from citywatch.rules.scale_health.chart import DELAY, FALSE_ALARM_ONE_IN  # noqa: PLC0415

    return {
        "axles": policy.population.axles,
        "from_gross_kg": policy.population.from_gross_kg,
        "tandem_mm": [policy.population.shortest_tandem_mm, policy.population.longest_tandem_mm],
        "right": {gauge.value: level for gauge, level in policy.right.items()},
        "false_alarm_one_in": FALSE_ALARM_ONE_IN,
        "delay": DELAY,
    }


def _print(shown: dict[str, Any]) -> None:
    from rich import box  # noqa: PLC0415  (slow to import, and JSON needs none)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    reference = shown["reference"]
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140, highlight=False, markup=False)
    console.print(
        f"{shown['lines']} lines: {shown['passes']} passes, {shown['repeated']} repeated,"
        f" {sum(shown['refused'].values())} refused. Reference: {reference['axles']} axles with a drive tandem,"
        f" {reference['from_gross_kg']} kg and more; one false alarm in {reference['false_alarm_one_in']} of them."
    )
    table = Table(box=box.SIMPLE)
    for number, name in enumerate(
        ("lane", "passes", "reference", "steering axle", "CV %", "tandem", "gross peaks", "bad records", "silences")
    ):
        table.add_column(name, justify="left" if number == 0 else "right")
    for lane in shown["lanes"]:
        steering, tandem = (lane["gauges"].get(gauge) for gauge in ("steering_axle", "tandem_spacing"))
        peaks = lane["gross_peaks_kg"]
        table.add_row(
            lane["device"],
            str(lane["passes"]),
            str(lane["population"]),
            f"{steering['level']:.0f} kg" if steering else "-",
            f"{steering['cv_percent']:.1f}" if steering else "-",
            f"{tandem['level']:.0f} mm" if tandem else "-",
            f"{peaks[0] / 1000:.1f} and {peaks[1] / 1000:.1f} t" if peaks else "-",
            f"{lane['bad_records']['share_percent']:.2f} %",
            str(len(lane["silences"])),
        )
    console.print(table)
    steps = [(lane["device"], step) for lane in shown["lanes"] for step in lane["steps"]]
    steps += [(f"{station['station']} (all lanes)", step) for station in shown["stations"] for step in station["steps"]]
    for name, step in steps:
        levels = f"{step['before']:g} to {step['after']:g} {step['unit']}"
        factor = f"; a factor of {step['correction_factor']} would undo it" if "correction_factor" in step else ""
        console.print(
            f"Step: {name}, {step['gauge']} {step['size_percent']:+.1f} % ({step['size_low_percent']:+.1f} to"
            f" {step['size_high_percent']:+.1f}) at {step['at']} (between {step['from']} and {step['to']}),"
            f" found at {step['found_at']} after {step['delay_trucks']} trucks: {levels},"
            f" confidence {100 * step['confidence']:.2f} %{factor}"
        )
    if not steps:
        console.print("No step was found.")
    refuted = sum(place["refuted_alarms"] for place in (*shown["lanes"], *shown["stations"]))
    if refuted:
        console.print(f"Alarms that were none, as all trucks together say: {refuted}.")
    for lane in shown["lanes"]:
        for silence in lane["silences"]:
            console.print(
                f"Silence: {lane['device']} from {silence['from']} to {silence['to']}, while its station had"
                f" {silence['passes_of_the_station']} passes"
            )
        for fault in lane["faults"]:
            console.print(f"Fault: {lane['device']}: {fault.replace('_', ' ')}")
        steering = lane["gauges"].get("steering_axle", {})
        if "right" in steering:
            console.print(
                f"Against the reference: {lane['device']}, steering axle {steering['deviation_percent']:+.1f} %"
                f" ({steering['low_percent']:+.1f} to {steering['high_percent']:+.1f}) where {steering['right']:.0f} kg"
                f" are right in the mean; a factor of {steering['correction_factor']} would make it so"
            )
    for station in shown["stations"]:
        for silence in station["silences"]:
            console.print(f"Silence: {station['station']} (all lanes) from {silence['from']} to {silence['to']}")
