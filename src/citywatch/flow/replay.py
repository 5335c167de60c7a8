"""Replay files of vehicle records: every line counted once, every pass decided, kept, and decided again on rerun.

The road of a line: decoded or refused (kept as a dead letter, with its reason); then a pass, unless an identical line
was there lately (repeated); then judged by the law, written to the recording, and, when it is not lawful or is suspect,
told as events. Each row is looked at alone, so nothing waits and nothing is late: any order gives the same events.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from citywatch.adapters.scales.files import RecordFile
from citywatch.adapters.scales.records import Terms, chunks, kind_of
from citywatch.adapters.store.disk import WholeFile, disk_words, is_special
from citywatch.adapters.store.letters import Letter, keep
from citywatch.adapters.store.segments import SegmentWriter, read_seals
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.passes import Decision, PassBatch, Suspect
from citywatch.domain.statistics import COLUMNS, Counts
from citywatch.errors import ConfigurationError, DataError
from citywatch.flow import recordings
from citywatch.flow.event_file import EventFile
from citywatch.flow.progress import bar
from citywatch.flow.recordings import Intake, Recording
from citywatch.kernels.digests import Seen
from citywatch.laws import contents
from citywatch.ports import Position
from citywatch.rules import overload, statistics
from citywatch.rules.statistics import StatisticsPolicy
from citywatch.wire.lines import BadLine, Chunk
from citywatch.wire.local_time import Fold, parse_zone

if TYPE_CHECKING:
    from citywatch.laws import Law
    from citywatch.rules.enforcement import Instrument
    from citywatch.wire.pass_csv import CsvMapping

SEAL_ROWS = 300_000
MOST_LETTERS = 10_000
"""So many refused lines of one recording are kept; all are counted."""
LETTER_SOURCE = "replay"
USUAL_KIND = "mon"
"""The format of a file whose name says nothing."""
_BATCHES_AHEAD = 4
_NOTHING = Counts()


@dataclass(frozen=True)
class Summary:
    """Counts of one replay: passes + refused + repeated = lines, lawful + over + undecided = passes.

    `outside_validity` counts passes at instants when the law was not in force; they are decided by it all the same.
    `letters` says how many of the refused lines are kept. `recording` is where the rows are; it is not in the JSON,
    which holds nothing that differs between two replays of the same files.
    """

    law: str
    station: str
    time_zone: str
    fold: str
    files: tuple[tuple[str, int], ...]
    lines: int
    passes: int
    lawful: int
    over: int
    undecided: int
    refused: int
    repeated: int
    suspect: int
    refused_by_reason: Mapping[str, int]
    suspect_by_reason: Mapping[str, int]
    outside_validity: int
    letters: int
    recording: str
    statistics: Mapping[tuple[str, str, str], Counts] = field(default_factory=dict)
    """By (road, local day, kind of vehicle); in a replay a road is a station."""

    def to_json(self) -> str:
        """Indented JSON with a newline at its end; fixed order of keys."""
        shown: dict[str, Any] = {
            "law": self.law,
            "station": self.station,
            "time_zone": self.time_zone,
            "fold": self.fold,
            "files": [{"path": path, "lines": lines} for path, lines in self.files],
            "lines": self.lines,
            "passes": self.passes,
            "lawful": self.lawful,
            "over": self.over,
            "undecided": self.undecided,
            "refused": self.refused,
            "repeated": self.repeated,
            "suspect": self.suspect,
            "refused_by_reason": dict(self.refused_by_reason),
            "suspect_by_reason": dict(self.suspect_by_reason),
            "outside_validity": self.outside_validity,
            "refused_kept": self.letters,
            "statistics": [
                {"road": road, "day": day, "kind": kind, **dict(zip(COLUMNS, counts.figures(), strict=True))}
                for (road, day, kind), counts in sorted(self.statistics.items())
            ],
        }
        return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


@dataclass
class _Judge:
    """Decides batches, counts, and hands the events on."""

    law: Law
    events: EventFile | None
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    decided: np.ndarray[Any, np.dtype[np.int64]] = field(default_factory=lambda: np.zeros(len(Decision), np.int64))
    reasons: Counter[Suspect] = field(default_factory=Counter)
    days: StatisticsPolicy = field(default_factory=StatisticsPolicy)
    counts: dict[tuple[str, str, str], Counts] = field(default_factory=dict)
    passes: int = 0
    suspect: int = 0
    outside: int = 0

    def take(self, batch: PassBatch) -> None:
        verdicts = overload.judge(self.law, batch, self.instruments)
        self.passes += len(batch)
        self.decided += np.bincount(verdicts.decision, minlength=len(Decision))
        self.suspect += int(np.count_nonzero(verdicts.suspect))
        self.outside += int(np.count_nonzero(~self.law.in_force(batch.at_ns)))
        for reason in Suspect:
            self.reasons[reason] += int(np.count_nonzero(verdicts.suspect & reason))
        for key, counts in statistics.totals(self.law, batch, verdicts, self.days).items():
            self.counts[key] = self.counts.get(key, _NOTHING) + counts
        if self.events is not None:
            for event in overload.events(self.law, batch, verdicts, self.instruments):
                self.events.add(event)

    def summary(self, intake: Intake, recording: str) -> Summary:
        reasons = {str(reason.name).lower(): count for reason, count in sorted(self.reasons.items()) if count}
        return Summary(
            law=self.law.ref,
            station=intake.station,
            time_zone=intake.time_zone,
            fold=intake.fold,
            files=intake.files,
            lines=intake.lines,
            passes=self.passes,
            lawful=int(self.decided[Decision.LAWFUL]),
            over=int(self.decided[Decision.OVER]),
            undecided=int(self.decided[Decision.UNDECIDED]),
            refused=sum(intake.refused.values()),
            repeated=intake.repeated,
            suspect=self.suspect,
            refused_by_reason=dict(sorted(intake.refused.items())),
            suspect_by_reason=reasons,
            outside_validity=self.outside,
            letters=intake.letters,
            recording=recording,
            statistics=self.counts,
        )


@dataclass
class _Reader:
    """Takes chunks of lines into a recording, and counts them."""

    recording: Recording
    judge: _Judge
    now_ns: int
    seen: Seen = field(default_factory=Seen)
    refused: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    lines: int = 0
    repeated: int = 0
    letters: int = 0

    def __post_init__(self) -> None:
        self._segments = SegmentWriter(self.recording.root, self.recording.store, max_rows=SEAL_ROWS)
        # Packing and writing happen beside decoding, in one thread, at most _BATCHES_AHEAD batches behind.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="segments")
        self._ahead: deque[Future[None]] = deque()

    def take(self, chunk: Chunk, path: Path) -> None:
        self.chunks += 1
        self.lines += chunk.lines
        if chunk.bad:
            self._refuse(chunk.bad, path)
        batch = chunk.passes
        repeated = self.seen.mark(batch.digest)
        if repeated.any():
            self.repeated += int(np.count_nonzero(repeated))
            batch = batch.take(np.flatnonzero(~repeated))
        if len(batch):
            while len(self._ahead) >= _BATCHES_AHEAD:
                self._ahead.popleft().result()
            self._ahead.append(self._writer.submit(self._segments.add, 0, Position(self.chunks, 0), batch))
            self.judge.take(batch)

    def seal(self) -> None:
        """Everything taken is on disk and in the index when this returns."""
        while self._ahead:
            self._ahead.popleft().result()
        self._segments.seal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.shutdown(cancel_futures=True)

    def _refuse(self, bad: Sequence[BadLine], path: Path) -> None:
        self.refused.update(line.reason.value for line in bad)
        kept = bad[: MOST_LETTERS - self.letters]
        if not kept:
            return
        store = self.recording.store
        with store.writing() as connection:
            for line in kept:
                message = f"{path}: {line.message()}"
                letter = Letter(self.now_ns, LETTER_SOURCE, line.reason.value, message, line.content)
                keep(connection, letter, store.dead_letter_quota_bytes)
        self.letters += len(kept)


def replay(
    files: Sequence[Path],
    law: Law,
    *,
    data_dir: Path,
    now_ns: int,
    events: Path | None = None,
    summary: Path | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    station: str = "station",
    time_zone: str = "UTC",
    fold: Fold = Fold.EARLIER,
    kind: str | None = None,
    mapping: CsvMapping | None = None,
    progress: bool = False,
) -> Summary:
    """Read the files (in the order of their names), record and decide every pass, write events and summary.

    `instruments`: by device, what is known of the scales; by it a full law says how sure it is and what is enforceable.
    `now_ns` is when it is done: dead letters carry it, nothing else. `progress` shows a bar on stderr. `kind` is the
    format of all files; None: by the end of each name, and MON where that says nothing. `mapping` is for tables.
    ConfigurationError for files, station, zone or places to write to; OutsideError when a disk fails. Whatever ends
    it early leaves neither a recording nor a half file.
    """
    terms = Terms(station, time_zone, fold, mapping)
    days = StatisticsPolicy(terms.clock.tz)
    _check_station(station)
    sources = [RecordFile(path) for path in sorted(files)]
    if not sources:
        raise ConfigurationError("replay: no file is named")
    _refuse_overwriting(files, (events, summary))
    with ExitStack() as stack:
        event_file = stack.enter_context(EventFile(events)) if events else None
        summary_file = stack.enter_context(WholeFile(summary, "summary file")) if summary else None
        recording = recordings.create(data_dir, sources[0].path.name)
        try:
            with _Reader(recording, _Judge(law, event_file, instruments or {}, days=days), now_ns) as reader:
                counts = _read_all(sources, reader, terms, kind, progress=progress)
            intake = Intake(
                law=law.ref,
                station=station,
                time_zone=time_zone,
                fold=fold.value,
                files=tuple(counts),
                lines=reader.lines,
                passes=reader.judge.passes,
                repeated=reader.repeated,
                refused=dict(sorted(reader.refused.items())),
                letters=reader.letters,
                versions=contents(law),
            )
            result = reader.judge.summary(intake, recording.name)
            _publish(result, event_file, summary_file)
            recording.finish(intake)
        except BaseException:
            recording.discard()
            raise
    return result


def rerun(
    data_dir: Path,
    law: Law,
    *,
    recording: str = recordings.LATEST,
    events: Path | None = None,
    summary: Path | None = None,
    instruments: Mapping[str, Instrument] | None = None,
) -> Summary:
    """Decide a finished recording once more: under the same law, and with the same `instruments`, the same events,
    byte for byte, and the same summary.

    ConfigurationError when there is no such recording or a place cannot be written; DataError or DataDirError when
    the recording is damaged.
    """
    root, intake = recordings.find(data_dir, recording)
    with ExitStack() as stack:
        event_file = stack.enter_context(EventFile(events)) if events else None
        summary_file = stack.enter_context(WholeFile(summary, "summary file")) if summary else None
        index = recordings.open_index(root)
        stack.callback(index.close)
        judge = _Judge(law, event_file, instruments or {}, days=StatisticsPolicy(parse_zone(intake.time_zone)))
        for _, _, batch in read_seals(root, index):
            if isinstance(batch, PassBatch):
                judge.take(batch)
        if judge.passes != intake.passes:
            raise DataError(
                f"recording {root.name}: {judge.passes} passes where {intake.passes} were recorded;"
                " restore it from a backup, or replay the file again"
            )
        result = judge.summary(intake, root.name)
        _publish(result, event_file, summary_file)
    return result


def _read_all(
    sources: Sequence[RecordFile], reader: _Reader, terms: Terms, kind: str | None, *, progress: bool
) -> list[tuple[str, int]]:
    """Take every line of every file, and seal; (path, lines) of each."""
    counts = []
    with bar("replay", _total(sources), shown=progress) as advance:
        for source in sources:
            before = reader.lines
            for chunk in chunks(source, kind_of(source.path, kind, "--from", default=USUAL_KIND), terms, advance):
                reader.take(chunk, source.path)
            counts.append((str(source.path), reader.lines - before))
    reader.seal()
    return counts


def _publish(result: Summary, event_file: EventFile | None, summary_file: WholeFile | None) -> None:
    if event_file is not None:
        event_file.finish()
    if summary_file is not None:
        with disk_words(summary_file.target):
            summary_file.file.write(result.to_json().encode())
        summary_file.commit()


def _check_station(station: str) -> None:
    try:
        check_device_id(scale_device(station, 0, 0))
    except ValueError as error:
        raise ConfigurationError(
            f"station {station[:40]!r}: use letters, digits and . _ : / - and begin with a letter or digit"
        ) from error


def _refuse_overwriting(files: Sequence[Path], targets: Sequence[Path | None]) -> None:
    wanted = [target.resolve() for target in targets if target is not None]
    for file in files:
        if file.resolve() in wanted:
            raise ConfigurationError(f"{file}: this file is read; name another one to write to")
    if len(set(wanted)) < len(wanted) and not is_special(wanted[0]):
        raise ConfigurationError(f"{wanted[0]}: events and summary need a file each")


def _total(sources: Sequence[RecordFile]) -> int:
    sizes = [source.size_bytes for source in sources]
    return sum(sizes) if all(sizes) else 0
