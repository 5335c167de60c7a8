"""Reference runs: what a scale measured of vehicles whose weights, speeds or spacings are known from elsewhere.

A table (CSV, UTF-8, comma, header line) of one row a comparison:

| column      | meaning |
|---|---|
| `run`       | free text that names the run; rows of one vehicle pass have the same |
| `criterion` | `gross`, `group`, `single_axle`, `axle_of_group`, `wheel` (kg), `speed` (km/h), `spacing` (mm) |
| `reference` | the static reference weight, or the reference speed or spacing; above zero |
| `measured`  | what the scale said |

Other columns are let be.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from citywatch.acceptance.standards import WEIGHTS, Criterion
from citywatch.errors import DataError

_COLUMNS = ("run", "criterion", "reference", "measured")
_MOST_MISTAKES = 20
MOST_RUNS = 1_000_000
LARGEST_PERCENT = 1000.0
"""Beyond it no error of a scale is one."""


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison. `error` is per cent of the reference for weights, km/h for speed, mm for spacing."""

    run: str
    criterion: Criterion
    reference: float
    measured: float

    @property
    def error(self) -> float:
        difference = self.measured - self.reference
        return 100.0 * difference / self.reference if self.criterion in WEIGHTS else difference


@dataclass(frozen=True, slots=True)
class Sample:
    """Errors in summary: how many, their mean and their standard deviation (of the sample, n - 1)."""

    n: int
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"n is {self.n}; at least 2 runs make a standard deviation")
        if self.n > MOST_RUNS:
            raise ValueError(f"n is {self.n:,}; at most {MOST_RUNS:,} are wanted")
        if not abs(self.mean) <= LARGEST_PERCENT:
            raise ValueError(f"the mean is {self.mean:g}; a number of per cent is wanted, -1000 to 1000")
        if not 0.0 < self.sd <= LARGEST_PERCENT:
            raise ValueError(
                f"the standard deviation is {self.sd:g}; a number of per cent above 0 is wanted, up to 1000"
            )


def read_runs(text: str, name: str) -> list[Run]:
    """The runs of a table; `name` is what messages call it. DataError lists every mistake with its line and column."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        twice = [column for column in _COLUMNS if header.count(column) > 1]
        if twice:
            raise DataError(f"{name}, line 1: column {twice[0]!r} stands twice; leave one")
        missing = [column for column in _COLUMNS if column not in header]
        if missing:
            raise DataError(f"{name}, line 1: column {missing[0]!r} is missing; wanted: {','.join(_COLUMNS)}")
        runs: list[Run] = []
        mistakes: list[str] = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                found = list(_mistakes(row))
                mistakes += [f"{name}, line {reader.line_num}: {words}" for words in found]
                if not found:
                    numbers = float(row["reference"]), float(row["measured"])
                    runs.append(Run(row["run"], Criterion(row["criterion"]), *numbers))
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}; write it as CSV with commas") from error
    if mistakes:
        more = len(mistakes) - _MOST_MISTAKES
        shown = mistakes[:_MOST_MISTAKES] + ([f"... and {more} more"] if more > 0 else [])
        raise DataError("\n".join(shown))
    if not runs:
        raise DataError(f"{name}: no run stands behind the header; give at least one row")
    return runs


def errors_of(runs: Sequence[Run]) -> Mapping[Criterion, list[float]]:
    """Errors by criterion, in the order of Criterion."""
    return {
        criterion: errors
        for criterion in Criterion
        if (errors := [run.error for run in runs if run.criterion is criterion])
    }


def sample_of(errors: Sequence[float]) -> Sample:
    """Their summary. ValueError for fewer than two, or for errors that are all the same."""
    n = len(errors)
    mean = math.fsum(errors) / n
    return Sample(n, mean, math.sqrt(math.fsum((x - mean) ** 2 for x in errors) / (n - 1)) if n > 1 else 0.0)


def _mistakes(row: Mapping[str, str]) -> Iterator[str]:
    words = ", ".join(criterion.value for criterion in Criterion)
    if row.get("criterion") not in set(Criterion):
        yield f"column criterion: {row.get('criterion', '')!r} is none of {words}"
    for column in ("reference", "measured"):
        try:
            value = float(row.get(column, ""))
        except ValueError:
            yield f"column {column}: {row.get(column, '')!r} is not a number; write it with a point and no unit"
            continue
        if not math.isfinite(value):
            yield f"column {column}: {value} is not a measurement"
        elif column == "reference" and value <= 0.0:
            yield f"column reference: {value:g}; a reference is above 0"
        elif value < 0.0:
            yield f"column measured: {value:g} is below 0"
