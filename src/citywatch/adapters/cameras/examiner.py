"""What a decoder process does with a task: decode, compare, measure, keep the small picture."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from citywatch.adapters.cameras import decode, glance, hevc_ends, sketches
from citywatch.adapters.cameras.compare import Comparison, make_sketch
from citywatch.adapters.cameras.measure import Measurement, make_grid, measure
from citywatch.adapters.cameras.pipe import Report, Settings, Task
from citywatch.adapters.store.objects import DirectoryObjects
from citywatch.domain.pictures import Light, Outcome, VisitReason
from citywatch.errors import CitywatchError, DataError
from citywatch.kernels import _jit
from citywatch.kernels import grids as packing
from citywatch.wire import grids

LIKE_KNOWN = 0.7
"""An H.265 picture of which less is found again gets a second opinion about missing bytes; without a reference each."""
RASTER_EDGES = 0.03
"""So does one whose `tear` is no less. Of clean pictures a fifth do (docs/decisions/0038)."""


def _may_be_torn(measurement: Measurement, compared: dict[str, Any]) -> bool:
    edges = measurement.tear >= RASTER_EDGES or measurement.void_share > 0
    return edges or not compared["match_share"] >= LIKE_KNOWN


def _columns(figures: Measurement | Comparison) -> dict[str, Any]:
    """By name; dataclasses.asdict would copy every value."""
    return {name: getattr(figures, name) for name in figures.__slots__}


def _of_the_code(decoded: decode.Decoded) -> dict[str, float]:
    """The columns that tell of the coded picture, not of its pixels."""
    return {
        "width": decoded.width,
        "height": decoded.height,
        "coded_bytes": decoded.coded_bytes,
        "decode_errors": decoded.decode_errors,
        "fps_declared": decoded.fps_declared,
    }


class _Tally:
    """ports.Meter for one process: what was counted here travels to the pool with the next report."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counts["/".join((name, *labels.values()))] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        raise NotImplementedError(name)

    def observe(self, name: str, value: float, **labels: str) -> None:
        raise NotImplementedError(name)


class Examiner:
    """Holds no truth of any camera: only its settings and the door to the object store."""

    def __init__(self, settings: Settings) -> None:
        decode.quiet()
        _jit.warm()
        self._settings = settings
        self._tally = _Tally()
        self._objects = DirectoryObjects(
            Path(settings.objects_dir), settings.unpinned_quota_bytes, settings.pinned_quota_bytes, self._tally
        )

    def visit(self, task: Task, content: bytes) -> Report:
        """The report of one task. What nobody foresaw is raised, and ends the process; the pool sees to it."""
        started_ns = time.process_time_ns()
        fields = self._examine(task, content)
        cpu_us = (time.process_time_ns() - started_ns) // 1000
        dropped, self._tally.counts = dict(self._tally.counts), Counter()
        return Report(**fields, cpu_us=cpu_us, dropped=dropped)

    def _examine(self, task: Task, content: bytes) -> dict[str, Any]:
        mark = ""
        try:
            if task.known_marks and task.media == "still" and content.startswith(decode.JPEG):
                mark, enough = self._glance(task, content)
                if enough:
                    return enough
            decoded = self._decode(task, content)
            if task.marks and not mark and (taken := glance.take_of(decoded)) is not None:
                mark = taken.text()
            grid = make_grid(decoded.luma)
            previous = self._load(task.previous)
            comparable = previous is not None and previous.shape == grid.shape
            measurement = measure(decoded, grid, previous if comparable else None)
            picture = self._keep(grid)
            compared = self._compare(task, measurement, grid, previous if comparable else None, picture)
            if task.media == "hevc" and not decoded.decode_errors and _may_be_torn(measurement, compared):
                damaged = hevc_ends.is_damaged(content, decoded, self._settings.most_pixels)
                decoded = replace(decoded, decode_errors=int(damaged))
        except decode.Undecodable as failure:
            return {
                "outcome": int(failure.outcome),
                "reason": failure.reason.value,
                "note": str(failure),
                "after_ns": failure.after_ns,
                "after_keys": failure.after_keys,
            }
        except MemoryError:
            return {
                "outcome": int(Outcome.UNCHECKED),
                "reason": VisitReason.DECODER_MEMORY.value,
                "note": f"the picture needs more than {self._settings.data_limit_bytes} bytes of memory",
            }
        return {
            "outcome": int(Outcome.PICTURE),
            "reason": VisitReason.OK.value,
            "media_ns": decoded.media_ns,
            "measurement": _columns(measurement) | _of_the_code(decoded) | compared,
            "picture": picture,
            "previous": task.previous if comparable else "",
            "after_ns": decoded.after_ns,
            "after_keys": decoded.after_keys,
            "mark": mark,
        }

    def _glance(self, task: Task, content: bytes) -> tuple[str, dict[str, Any]]:
        """(the mark of a snapshot, the whole answer where a glance is enough). Raises Undecodable."""
        decode.check_still(content, self._settings.most_pixels)
        known = [one for text in task.known_marks if (one := glance.read(text)) is not None]
        last = glance.read(task.last_mark)
        if last is None or glance.has_another_size(len(content), [*known, last]):
            return "", {}
        now = glance.take(content)
        if now is None:
            return "", {}
        mark = now.text()
        if glance.is_new(now, known, last) or glance.is_still(now, last):
            return mark, {}
        width, height = decode.claimed_size(content)
        return mark, {
            "outcome": int(Outcome.GLANCE),
            "reason": VisitReason.OK.value,
            "measurement": {"width": width, "height": height, "coded_bytes": len(content)},
            "mark": mark,
        }

    def _decode(self, task: Task, content: bytes) -> decode.Decoded:
        most_pixels = self._settings.most_pixels
        if task.media == "file":
            return decode.decode_file(
                task.path,
                after_ns=task.after_ns,
                after_keys=task.after_keys,
                most_pixels=most_pixels,
                search_seconds=self._settings.search_seconds,
            )
        if task.media == "still":
            return decode.decode_still(content, most_pixels)
        return decode.decode_key_frame(task.media, content, most_pixels)

    def _compare(
        self, task: Task, measured: Measurement, grid: decode.Luma, previous: decode.Luma | None, picture: str
    ) -> dict[str, Any]:
        """The picture against the camera's reference, and a sketch of it where it may become one."""
        sketch = make_sketch(grid)
        groups = sketches.candidates(task.references, Light(measured.light), measured.mean)
        better = sketches.least_better(measured.mean)
        comparison = sketches.best(grid, sketch, previous, groups, self._load, better)
        kept = ""
        if sketches.due(picture, comparison, sketches.SKETCH_EVERY_FULL if task.marks else sketches.SKETCH_EVERY):
            kept = self._put(sketches.coded(sketch))
        bands = [value for value in (measured.stripe_change, comparison.stripe_change) if not math.isnan(value)]
        return _columns(comparison) | {"sketch": kept, "stripe_change": max(bands, default=math.nan)}

    def _load(self, name: str) -> decode.Luma | None:
        """A grid or a sketch from the object store, or None when it is gone: then there is nothing to compare with."""
        if not name:
            return None
        try:
            content = self._objects.get(name)
        except CitywatchError:
            content = None
        if content is None:
            return None
        if content.startswith(grids.MAGIC):
            try:
                width, height, widths, payload = grids.parts(content)
            except DataError:
                return None
            plane = np.empty((height, width), np.uint8)
            packing.unpack(widths, payload, plane)
            return plane
        return cast(decode.Luma | None, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))

    def _keep(self, grid: decode.Luma) -> str:
        """The grid, packed, in the object store; "" when the store cannot take it (the measurement still counts)."""
        height, width = grid.shape
        groups = height * -(-width // packing.GROUP)
        widths, payload = np.empty(groups, np.uint8), np.empty(packing.GROUP * groups, np.uint8)
        size = packing.pack(grid, widths, payload)
        return self._put(grids.frame(width, height, widths, payload[:size]))

    def _put(self, content: bytes) -> str:
        try:
            return self._objects.put(content)
        except CitywatchError:
            self._tally.count("objects_dropped_total", area="refused")
            return ""
