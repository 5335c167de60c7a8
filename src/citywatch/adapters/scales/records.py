"""The formats of vehicle records, by name: the explicit table, and files read chunk by chunk.

A format's own module is imported when it is asked for, so that a command loads what it needs and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from citywatch.adapters.scales.files import RecordFile
from citywatch.domain.passes import PassBatch
from citywatch.errors import ConfigurationError
from citywatch.wire.lines import Chunk
from citywatch.wire.local_time import Fold, LocalTime
from citywatch.wire.pass_csv import EXCHANGE, CsvMapping
from citywatch.wire.raster import Encoded

if TYPE_CHECKING:
    from citywatch.wire.fixed import Layout

SUFFIXES: Final = {
    "mon": (".mon", ".mon.txt"),
    "castor": (".castor", ".cas"),
    "bedit": (".bedit", ".bed"),
    "ditis": (".ditis", ".dit"),
    "tmg": (".wgt", ".tmg"),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet", ".pq"),
}
"""Kind -> what its files end with."""

KINDS: Final = tuple(SUFFIXES)


class Decoder(Protocol):
    """Bytes in any pieces -> chunks."""

    def receive(self, data: bytes | bytearray | memoryview) -> None: ...

    def receive_end(self) -> None: ...

    def next_chunk(self) -> Chunk | None: ...


class Encoder(Protocol):
    """Passes -> the bytes of a file: `begin`, then batches, then `end`. `rounded` is what reading it will give."""

    @property
    def kind(self) -> str: ...

    def begin(self) -> bytes: ...

    def encode(self, batch: PassBatch) -> Encoded: ...

    def end(self) -> bytes: ...

    def rounded(self, batch: PassBatch) -> PassBatch: ...


@dataclass(frozen=True)
class Terms:
    """What a file does not say itself: station, zone of its local times, and how a table is written."""

    station: str = "station"
    zone: str = "UTC"
    fold: Fold = Fold.EARLIER
    mapping: CsvMapping | None = None
    clock: LocalTime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", LocalTime(self.zone, self.fold))

    @property
    def table(self) -> CsvMapping:
        """The mapping of a table: the declared one, or that of our own exchange tables."""
        return self.mapping or EXCHANGE


def kind_of(path: Path, told: str | None, option: str, *, default: str | None = None) -> str:
    """The format of a file: as told, or by what its name ends with. ConfigurationError when neither says it."""
    if told is not None:
        if told not in SUFFIXES:
            raise ConfigurationError(f"{option} {told[:40]!r}: no such format; known: {', '.join(KINDS)}")
        return told
    name = path.name.lower()
    for kind, suffixes in SUFFIXES.items():
        if name.endswith(suffixes):
            return kind
    if default is None:
        raise ConfigurationError(f"{path}: its name does not say its format; add {option} with {', '.join(KINDS)}")
    return default


def decoder(kind: str, terms: Terms) -> Decoder:
    """A reader of one file of any kind but parquet."""
    if kind == "mon":
        from citywatch.wire.mon import MonDecoder  # noqa: PLC0415

        return MonDecoder(terms.station, terms.clock)
    if kind in ("json", "jsonl"):
        from citywatch.wire.station_files import StationFileDecoder, StationLineDecoder  # noqa: PLC0415
        from citywatch.wire.station_json import StationFormat  # noqa: PLC0415

        form = StationFormat(zone=terms.clock.tz)
        return StationLineDecoder(form) if kind == "jsonl" else StationFileDecoder(form)
    if kind == "csv":
        from citywatch.wire.pass_csv import CsvDecoder  # noqa: PLC0415

        return CsvDecoder(terms.table, terms.station)
    from citywatch.wire.fixed import FixedDecoder  # noqa: PLC0415

    return FixedDecoder(_layout(kind), terms.station, terms.clock)


def encoder(kind: str, terms: Terms) -> Encoder:
    """A writer of one file of a kind."""
    if kind == "mon":
        from citywatch.wire.mon import MonEncoder  # noqa: PLC0415

        return MonEncoder(terms.clock)
    if kind in ("json", "jsonl"):
        from citywatch.wire.station_files import StationEncoder  # noqa: PLC0415
        from citywatch.wire.station_json import StationFormat  # noqa: PLC0415

        return StationEncoder(StationFormat(zone=terms.clock.tz), lines=kind == "jsonl")
    if kind == "csv":
        from citywatch.wire.pass_csv import CsvEncoder  # noqa: PLC0415

        return CsvEncoder(terms.table)
    if kind == "parquet":
        from citywatch.adapters.scales.parquet import ParquetEncoder  # noqa: PLC0415

        return ParquetEncoder()
    from citywatch.wire.fixed import FixedEncoder  # noqa: PLC0415

    return FixedEncoder(_layout(kind), terms.clock)


def chunks(source: RecordFile, kind: str, terms: Terms, advance: Callable[[int], None]) -> Iterator[Chunk]:
    """Every line or row of a file, in order; `advance` is told the bytes that are done.

    ConfigurationError for a file that is not of the kind at all, OutsideError when the disk fails.
    """
    if kind == "parquet":
        from citywatch.adapters.scales.parquet import parquet_chunks  # noqa: PLC0415

        yield from parquet_chunks(source.path, advance)
        return
    reader = decoder(kind, terms)
    for block in source.blocks():
        reader.receive(block)
        while (chunk := reader.next_chunk()) is not None:
            yield chunk
        advance(len(block))
    reader.receive_end()
    while (chunk := reader.next_chunk()) is not None:
        yield chunk


def _layout(kind: str) -> Layout:
    from citywatch.wire import bedit, castor, ditis, tmg  # noqa: PLC0415

    layouts = (castor.LAYOUT, bedit.LAYOUT, ditis.LAYOUT, tmg.LAYOUT)
    return next(layout for layout in layouts if layout.kind == kind)
