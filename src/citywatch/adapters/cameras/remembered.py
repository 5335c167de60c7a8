"""What the patrol remembers of a camera from one visit to the next, and how a visit becomes a row."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from citywatch.adapters.cameras.answers import FileRef, Media
from citywatch.adapters.cameras.clocks import ClockWatch
from citywatch.adapters.cameras.pipe import Report, Task
from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.domain.columns import TEXT
from citywatch.domain.pictures import NO_OFFSET, UNKNOWN_PRESET, FrameBatch, Outcome, VisitReason

MOST_REFERENCES = 64
"""Of one camera; the rules keep fewer."""

MOST_MARKS = 4
"""Of one camera: light comes and goes with the clouds, and returns to what it was."""

_MOST_KEYLESS = 8
_MOST_NOTE = 300
"""Characters. A decoder may have said it, which took apart what a stranger sent."""

_DTYPES: Mapping[str, str] = {column.name: column.dtype for column in FrameBatch.COLUMNS}
_NOTHING: Mapping[str, Any] = {TEXT: "", "float64": math.nan}
_NOT_MEASURED: Mapping[str, Any] = {
    column.name: column.missing if column.since > 1 else _NOTHING.get(column.dtype, 0) for column in FrameBatch.COLUMNS
}
"""What a row holds in a column that a visit says nothing about."""
_NOT_MEASURED_COLUMNS: Mapping[str, Any] = {
    column.name: (str(_NOT_MEASURED[column.name]),)
    if column.dtype == TEXT
    else np.array([_NOT_MEASURED[column.name]], column.dtype)
    for column in FrameBatch.COLUMNS
}
"""The same as columns of one row; batches never change theirs, so they may share them."""


class Memory:
    """Of one camera; some hundred bytes, and as many again for its references. Lost at a restart, which costs one
    comparison: references are told again.
    """

    __slots__ = (
        "after_keys",
        "after_ns",
        "ahead",
        "clocks",
        "generation",
        "glances",
        "keyless",
        "killer",
        "last_mark",
        "marks",
        "note",
        "phase",
        "picture",
        "picture_ns",
        "preset",
        "reason",
        "references",
        "suspicions",
        "visits",
    )

    def __init__(self, camera: str = "") -> None:
        self.visits = 0
        self.phase = zlib.crc32(camera.encode())
        """Which of its visits do more than others: not those of all cameras at once."""
        self.ahead = self.phase
        """By so much earlier its first turn for a full look comes, where glances are enough in between."""
        self.suspicions: frozenset[str] = frozenset()
        """Faults that are suspected or confirmed: while there are any, every look is a full one."""
        self.generation = 0
        """Goes up when the camera is described anew: what an older visit finds is of another camera, as it were."""
        self.references: dict[tuple[str, str], str] | None = None
        """Picture by light and preset."""
        self.forget()

    def forget(self) -> None:
        """The camera looks elsewhere now."""
        self.generation += 1
        self.picture = ""
        self.picture_ns = -1
        self.preset = ""
        self.after_ns: int | None = None
        self.after_keys = 0
        self.killer = False
        self.clocks = ClockWatch()
        self.keyless = 0
        """Visits in a row to which pictures came and no key frame."""
        self.reason = ""
        self.note = ""
        """Why the last visit gave no picture, for people; free of secrets."""
        self.marks: tuple[str, ...] = ()
        """glance.Mark of the last full looks at one view that could be compared with a reference; the latest first."""
        self.last_mark = ""
        """Of the last visit."""
        self.glances = 0
        """Since the last full look."""

    def adopt(self, light: str, preset: str, picture: str) -> None:
        """Compare with this picture from now on; an empty one drops the reference."""
        known = dict(self.references or {})
        known.pop((light, preset), None)
        if picture:
            known[light, preset] = picture
        while len(known) > MOST_REFERENCES:
            del known[next(iter(known))]
        self.references = known or None

    def references_at(self, preset: str) -> dict[str, str]:
        """As pipe.Task wants them: by light; at an unknown preset by light and preset."""
        known = self.references or {}
        if preset == UNKNOWN_PRESET:
            return {f"{light}/{place}": picture for (light, place), picture in known.items()}
        return {light: picture for (light, place), picture in known.items() if place == preset}

    def patience_s(self, usual_s: float, most_s: float) -> float:
        """How long to wait for a key frame: twice as long with each visit that saw none."""
        return min(usual_s * 2.0**self.keyless, max(most_s, usual_s))

    def suspect(self, fault: str, *, holds: bool) -> None:
        """A fault is suspected or confirmed; or it no longer is."""
        self.suspicions = self.suspicions | {fault} if holds else self.suspicions - {fault}
        if holds:
            self.marks = ()  # what looked so must not be taken for what is usual here

    def task(self, media: Media, preset: str, full_every: int = 1) -> tuple[Task, bytes]:
        """What the decoder is asked. A picture is compared with the one before when the view is the same.

        full_every  of the visits to a camera in order that gives snapshots one in so many is a full look at least
        """
        previous = self.picture if self.preset == preset else ""
        references = self.references_at(preset)
        if isinstance(media, FileRef):
            return Task("file", str(media.path), self.after_ns, self.after_keys, previous, references), b""
        if isinstance(media, KeyFrame):
            return Task(media.codec, previous=previous, references=references), media.content
        if full_every == 1 or self.suspicions or not references:
            return Task("still", previous=previous, references=references), media.content
        due = self.glances + self.ahead % full_every >= full_every - 1 or not previous
        task = Task("still", previous=previous, references=references, marks=True)
        if not due:
            task = replace(task, known_marks=self.marks, last_mark=self.last_mark)
        return task, media.content

    def remember(self, report: Report, preset: str) -> None:
        """After the row was made."""
        gave_none = report.outcome not in (Outcome.PICTURE, Outcome.GLANCE, Outcome.REACHED)
        self.note = "".join(filter(str.isprintable, report.note[:_MOST_NOTE])) if gave_none else ""
        self.killer = report.outcome == Outcome.NO_MEDIA and report.reason.startswith("decoder_")
        if report.reason == VisitReason.NO_KEY_FRAME:
            self.keyless = min(self.keyless + 1, _MOST_KEYLESS)
        elif report.outcome != Outcome.UNCHECKED:
            self.keyless = 0
        if report.after_ns is not None or report.after_keys:
            self.after_ns, self.after_keys = report.after_ns, report.after_keys
        if report.outcome == Outcome.PICTURE:
            self.glances, self.ahead = 0, 0 if self.marks else self.ahead
            same_view = preset == self.preset and preset != UNKNOWN_PRESET
            older = self.marks[: MOST_MARKS - 1] if same_view else ()
            # What could be compared with nothing may have to be learned: looks in full follow.
            compared = bool((report.measurement or {}).get("reference"))
            self.marks = (report.mark, *older) if report.mark and compared else ()
            self.preset = preset
        elif report.outcome == Outcome.GLANCE:
            self.glances += 1
        if report.outcome != Outcome.UNCHECKED:
            self.last_mark = report.mark
        if report.outcome not in (Outcome.PICTURE, Outcome.GLANCE, Outcome.UNCHECKED):
            self.marks = ()  # another camera may hang there now

    def row(
        self,
        camera: str,
        report: Report,
        *,
        at_ns: int,
        received_ns: int,
        preset: str,
        device_offset_ns: int = NO_OFFSET,
    ) -> FrameBatch:
        """The visit as a batch of one row; every column of FrameBatch that the measurement names is copied by name."""
        values: dict[str, Any] = {
            **(report.measurement or {}),
            "device": camera,
            "at_ns": at_ns,
            "received_ns": received_ns,
            "visit": self.visits,
            "outcome": report.outcome,
            "reason": report.reason,
            "media_ns": report.media_ns,
            "picture": self.picture if report.outcome == Outcome.GLANCE else report.picture,
            "previous": report.previous,
            "previous_at_ns": self.picture_ns if report.previous else -1,
            "cpu_us": report.cpu_us,
            "device_offset_ns": device_offset_ns,
            "preset": preset,
        }
        if report.outcome == Outcome.PICTURE:
            self.picture = report.picture
            self.picture_ns = report.media_ns if report.media_ns >= 0 else at_ns
        columns = dict(_NOT_MEASURED_COLUMNS)
        for name, value in values.items():
            if (dtype := _DTYPES.get(name)) is not None:
                columns[name] = (str(value),) if dtype == TEXT else np.array([value], dtype)
        return FrameBatch(**columns)


def makes_sense(report: Report) -> bool:
    """Whether a decoder's answer can become a row. It took apart what a stranger sent, so it is not trusted."""
    measurement = report.measurement or {}
    try:
        Outcome(report.outcome), VisitReason(report.reason)
        np.array([report.media_ns, report.cpu_us], np.int64)
        for name, value in measurement.items():
            if (dtype := _DTYPES.get(name, TEXT)) != TEXT:
                np.array([value], dtype)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def failed(outcome: Outcome, reason: VisitReason, note: str) -> Report:
    """The report of a visit that ended before any decoding."""
    return Report(int(outcome), reason.value, note=note)
