"""`citywatch scale convert`: one file of vehicle records into another format."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from citywatch.app.kernels import use_cache, warm_imported
from citywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from citywatch.flow.convert import Converted, RefusedRecord

SOME_REFUSED = 3
"""Exit code: the target is written, but not every record of the source is in it."""
MOST_TOLD = 20
"""So many refused records are told on standard error where no file is named for them."""


def convert_file(
    source: Path,
    target: Path,
    *,
    from_kind: str | None,
    to_kind: str | None,
    station: str,
    zone: str,
    to_zone: str | None,
    fold: str,
    mapping: Path | None,
    to_mapping: Path | None,
    directions: Sequence[str],
    refused: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Convert and say what became of the records; the exit code: 0, or SOME_REFUSED."""
    use_cache()
    from citywatch.adapters.scales.records import kind_of  # noqa: PLC0415
    from citywatch.app.scale_terms import load_formats, record_terms  # noqa: PLC0415
    from citywatch.flow.convert import convert  # noqa: PLC0415

    reading = kind_of(source, from_kind, "--from")
    writing = kind_of(target, to_kind, "--to")
    source_terms = record_terms(station, zone, fold, mapping)
    target_terms = record_terms(station, to_zone or zone, fold, to_mapping)
    load_formats({reading, writing}, source_terms)
    warm_imported()
    with _letters(refused) as refuse:
        result = convert(
            (source, reading, source_terms),
            (target, writing, target_terms),
            refuse=refuse,
            directions=_directions(directions),
            overwrite=overwrite,
            progress=sys.stderr.isatty(),
        )
    if as_json:
        print(result.to_json(), end="")
    else:
        _tell(result, refused)
    return SOME_REFUSED if result.refused else 0


def _directions(words: Sequence[str]) -> Mapping[int, int]:
    """`0=1` -> {0: 1}."""
    found: dict[int, int] = {}
    for word in words:
        old, _, new = word.partition("=")
        if not (old.isascii() and old.isdigit() and new.isascii() and new.isdigit()) or max(len(old), len(new)) > 2:
            raise ConfigurationError(f"--direction {word[:20]!r}: write OLD=NEW with numbers from 0 to 99, such as 0=1")
        found[int(old)] = int(new)
    return found


@contextmanager
def _letters(path: Path | None) -> Iterator[Callable[[RefusedRecord], None]]:
    """Where refused records go: into a file of JSON lines, or the first of them on standard error."""
    if path is None:
        told = 0

        def show(record: RefusedRecord) -> None:
            nonlocal told
            told += 1
            if told <= MOST_TOLD:
                print(f"refused: {record.message}", file=sys.stderr)
            elif told == MOST_TOLD + 1:
                print("refused: ... more; see them all with --refused FILE", file=sys.stderr)

        yield show
        return
    from citywatch.adapters.store.disk import WholeFile, disk_words  # noqa: PLC0415

    with WholeFile(path, "file of refused records") as file:

        def keep(record: RefusedRecord) -> None:
            with disk_words(file.target):
                file.file.write(record.to_json().encode() + b"\n")

        yield keep
        file.commit()


def _tell(result: Converted, refused: Path | None) -> None:
    print(f"{result.records} records of {result.source}: {result.written} written as {result.target}")
    for reason, count in sorted(result.refused.items()):
        print(f"  refused, {reason}: {count}")
    if result.refused and refused is not None:
        print(f"  the refused are in {refused}")
    for column, count in sorted(result.lossy.items()):
        print(f"  {column}: {count} not wholly told, because {result.target} holds it less finely or not at all")
