"""`citywatch scale accept`: reference runs in, the class of the scale out, as a report for people or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from citywatch.acceptance import cost323, tolerances
from citywatch.acceptance.runs import Sample, errors_of, read_runs, sample_of
from citywatch.acceptance.standards import COST323_CRITERIA, Criterion, Standard, standards
from citywatch.errors import ConfigurationError

NOT_ACCEPTED = 3
REPEATABILITY = {
    "r1": "full_repeatability",
    "r2": "extended_repeatability",
    "R1": "limited_reproducibility",
    "R2": "full_reproducibility",
}
"""The conditions of the runs by the standard's own short names."""


def accept(
    standard: str,
    file: Path | None,
    *,
    summary: Mapping[str, Sequence[str]],
    repeatability: str | None,
    environment: str | None,
    initial: bool,
    wanted: str | None,
    as_json: bool,
) -> int:
    """Assess, print, and return 0, or 3 when no class (or not the wanted one, nor a stricter) is reached.

    summary  `criterion`, `n`, `mean`, `sd` as given on the command line, instead of a file (COST 323 alone)
    repeatability, environment  of COST 323 alone; without them full reproducibility, environment I
    ConfigurationError for options that do not fit together, DataError for a table that cannot be read.
    """
    given = any(summary.values())
    if (file is None) == (not given):
        raise ConfigurationError(
            "scale accept: give a FILE of reference runs, or --n, --mean and --sd of each criterion"
        )
    known = standards()[standard]
    _check_class(known, wanted)
    if standard != "cost323":
        _refuse_options(known, repeatability=repeatability, environment=environment)
    if standard == "e1318":
        _refuse_options(known, initial=initial or None)
    repeatability, environment = repeatability or "R2", environment or "I"
    if given:
        if standard != "cost323":
            raise ConfigurationError(f"scale accept: {known.title} judges each run; give a FILE, not --n --mean --sd")
        return _cost323(known, _samples(summary), repeatability, environment, initial, wanted, as_json)
    assert file is not None  # noqa: S101  (told above)
    errors = errors_of(read_runs(_text(file), str(file)))
    if standard == "cost323":
        samples = {c: _sample(c, errors[c]) for c in COST323_CRITERIA if c in errors}
        return _cost323(known, samples, repeatability, environment, initial, wanted, as_json)
    found = tolerances.e1318(errors) if standard == "e1318" else tolerances.r134(errors, initial=initial)
    shown = _counted(known, found, initial if standard == "r134" else None)
    _print(shown, known, as_json, _count_rows(found))
    return _exit_code(known, found.class_name, wanted)


def _cost323(
    known: Standard,
    samples: Mapping[Criterion, Sample],
    repeatability: str,
    environment: str,
    initial: bool,
    wanted: str | None,
    as_json: bool,
) -> int:
    conditions = REPEATABILITY.get(repeatability, repeatability)
    try:
        found = cost323.assess(samples, repeatability=conditions, environment=environment, initial=initial)
    except ValueError as error:
        raise ConfigurationError(f"scale accept: {error}") from error
    criteria = [
        {
            "criterion": result.criterion.value,
            "n": result.sample.n,
            "mean_percent": _rounded(result.sample.mean),
            "sd_percent": _rounded(result.sample.sd),
            "min_confidence_percent": _rounded(result.min_confidence),
            "min_tolerance_percent": _rounded(result.min_tolerance),
            "class_value": _rounded(result.class_value),
            "class": result.class_name,
            "tolerance_percent": _rounded(result.tolerance),
            "achieved_percent": _rounded(result.achieved),
        }
        for result in found.criteria
    ]
    shown = {
        "standard": known.title,
        "citation": known.citation,
        "class": found.class_name,
        "verification": _stage(initial),
        "repeatability": conditions,
        "environment": environment,
        "not_measured": [criterion.value for criterion in COST323_CRITERIA if criterion not in samples],
        "criteria": criteria,
    }
    header = ("criterion", "n", "mean %", "sd %", "needed %", "min tol. %", "K", "class", "tol. %", "achieved %")
    rows = [[_cell(value) for value in row.values()] for row in criteria]
    _print(shown, known, as_json, [header, *rows])
    return _exit_code(known, found.class_name, wanted)


def _counted(known: Standard, found: tolerances.Acceptance, initial: bool | None) -> dict[str, Any]:
    return {
        "standard": known.title,
        "citation": known.citation,
        "class": found.class_name,
        **({} if initial is None else {"verification": _stage(initial)}),
        "not_judged": [criterion.value for criterion in found.not_judged],
        "not_measured": [criterion.value for criterion in found.not_measured],
        "classes": [
            {
                "class": result.name,
                "passed": result.passed,
                "unconfirmed_figures": list(next(named.check for named in known.classes if named.name == result.name)),
                "criteria": [
                    {
                        "criterion": count.criterion.value,
                        "n": count.n,
                        "tolerance": count.tolerance,
                        "unit": count.unit,
                        "within": count.within,
                        "within_percent": _rounded(count.within_percent),
                        "largest": _rounded(count.largest),
                        "passed": count.passed,
                    }
                    for count in result.counts
                ],
            }
            for result in found.classes
        ],
    }


def _count_rows(found: tolerances.Acceptance) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("class", "criterion", "n", "tolerance", "within %", "largest", "passed")]
    for result in found.classes:
        for count in result.counts:
            tolerance, largest = f"{count.tolerance:g} {count.unit}", f"{count.largest:.3f} {count.unit}"
            answer = "yes" if count.passed else "no"
            share = f"{count.within_percent:.2f}"
            rows.append((result.name, count.criterion.value, str(count.n), tolerance, share, largest, answer))
    return rows


def _print(shown: Mapping[str, Any], known: Standard, as_json: bool, rows: Sequence[Sequence[str]]) -> None:
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    from rich import box  # noqa: PLC0415  (slow to import, and JSON needs none)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"{known.title}: class {shown['class']}", box=box.SIMPLE, title_justify="left")
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*row)
    # A report that goes to a file must not be cut to the width of a terminal that is not there.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120, highlight=False, markup=False)
    console.print(table)
    conditions = [str(shown[key]).replace("_", " ") for key in ("verification", "repeatability") if key in shown]
    if "environment" in shown:
        conditions.append(f"environment {shown['environment']}")
    if conditions:
        console.print(f"Conditions: {', '.join(conditions)}.")
    if shown.get("not_judged"):
        console.print(f"Measured, but without a tolerance here: {', '.join(shown['not_judged'])}.")
    if shown.get("not_measured"):
        console.print(f"Not measured, so nothing is said of: {', '.join(shown['not_measured'])}.")
    if any(row.get("unconfirmed_figures") for row in shown.get("classes", ())):
        console.print("Some tolerances have not been compared with the printed standard (--json names them).")
    console.print(f"Source: {known.citation}.")


def _samples(summary: Mapping[str, Sequence[str]]) -> Mapping[Criterion, Sample]:
    """The criteria of --n, --mean and --sd: `name=value`, or values in the order of --criterion or of the standard."""
    order = [_criterion(name) for name in _split(summary["criterion"])] or list(COST323_CRITERIA)
    columns = {option: _by_criterion(option, _split(summary[option]), order) for option in ("n", "mean", "sd")}
    named = set().union(*columns.values())
    samples = {}
    for criterion in COST323_CRITERIA:
        if criterion in named:
            lacking = [f"--{option}" for option, values in columns.items() if criterion not in values]
            if lacking:
                raise ConfigurationError(f"scale accept: {' and '.join(lacking)} of {criterion.value} is missing")
            count = columns["n"][criterion]
            if not count.is_integer():
                raise ConfigurationError(f"scale accept: --n {count:g} of {criterion.value}: a whole number is wanted")
            try:
                samples[criterion] = Sample(int(count), columns["mean"][criterion], columns["sd"][criterion])
            except ValueError as error:
                raise ConfigurationError(f"scale accept: {criterion.value}: {error}") from error
    return samples


def _by_criterion(option: str, values: Sequence[str], order: Sequence[Criterion]) -> dict[Criterion, float]:
    found: dict[Criterion, float] = {}
    for place, value in enumerate(values):
        name, equals, number = value.rpartition("=")
        if not equals and place >= len(order):
            raise ConfigurationError(f"scale accept: --{option} is given {len(values)} times for {len(order)} criteria")
        criterion = _criterion(name) if equals else order[place]
        if criterion in found:
            raise ConfigurationError(f"scale accept: --{option} is given twice for {criterion.value}; leave one")
        try:
            found[criterion] = float(number)
        except ValueError as error:
            raise ConfigurationError(f"scale accept: --{option} {value!r} is not a number") from error
    return found


def _split(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _criterion(name: str) -> Criterion:
    if name not in COST323_CRITERIA:
        raise ConfigurationError(f"scale accept: criterion {name!r} is none of {', '.join(COST323_CRITERIA)}")
    return Criterion(name)


def _sample(criterion: Criterion, errors: Sequence[float]) -> Sample:
    try:
        return sample_of(errors)
    except ValueError as error:
        raise ConfigurationError(f"scale accept: {criterion.value}: {error}") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; name a readable CSV file") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _refuse_options(known: Standard, **given: object) -> None:
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise ConfigurationError(f"scale accept: {known.title} knows no --{named[0]}; leave it out")


def _check_class(known: Standard, wanted: str | None) -> None:
    names = [named.name for named in known.classes]
    if wanted is not None and wanted not in names:
        raise ConfigurationError(f"scale accept: class {wanted!r} is none of {known.title}: {', '.join(names)}")


def _exit_code(known: Standard, reached: str, wanted: str | None) -> int:
    names = [named.name for named in known.classes]
    if reached not in names:
        return NOT_ACCEPTED
    return NOT_ACCEPTED if wanted is not None and names.index(reached) > names.index(wanted) else 0


def _stage(initial: bool) -> str:
    return "initial verification" if initial else "in service"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
