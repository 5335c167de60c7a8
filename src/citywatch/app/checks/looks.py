"""What a scripted look measures: a street in order by day, and by what each fault differs from it.

The figures are those that real cameras give (benchmarks/camera_faults), well beyond the limits of rules/pictures; the
rules judge them as they judge any other look. Faults that only a camera's own reference tells need looks in order
before: the reference is learned from them as from a patrol's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from citywatch.domain.columns import TEXT
from citywatch.domain.events import Event, EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, FrameBatch, Light, Outcome, VisitReason

_BY_DAY: Mapping[str, Any] = {
    "width": 1280, "height": 720, "mean": 115.0, "sd": 45.0, "dark_share": 0.02, "bright_share": 0.02,
    "laplacian_var": 900.0, "sharpness": 1.5, "texture_share": 0.8, "blockiness": 1.1, "changed_share": 0.7,
    "contrast": 85.0, "u_mean": 1.0, "v_mean": 1.0, "chroma_sd": 11.0, "noise_sd": 1.2, "speckle_share": 0.0,
    "stripe_rows": 0.1, "stripe_columns": 0.1, "stripe_change": 0.1, "torn_share": 0.0, "tear": 0.0, "void_share": 0.0,
    "raster_share": 0.26, "layout": 90.0, "cast": 0.5, "scene_changed": 0.7, "caption_changed": 0.7, "stir": 40.0,
    "drift": 1.0, "fps": 25.0, "fps_declared": 25.0, "coded_bytes": 90_000, "stream_offset_ns": 0,
}  # fmt: skip
_BY_LIGHT: Mapping[str, Mapping[str, Any]] = {
    "day": {},
    "night": {"mean": 55.0, "contrast": 75.0, "noise_sd": 2.5, "dark_share": 0.2},
    "infrared": {
        "mean": 60.0, "contrast": 80.0, "chroma_sd": 0.0, "u_mean": 0.0, "v_mean": 0.0, "noise_sd": 1.6, "cast": 0.0,
    },
}  # fmt: skip
_FOUND_AGAIN: Mapping[str, Any] = {
    "shift_x": 0.0, "shift_y": 0.0, "shift_certainty": 0.6, "match_share": 0.85, "lost_share": 0.02,
    "sharpness_ratio": 1.0, "contrast_ratio": 1.0,
}  # fmt: skip
"""The camera's reference is found again in the picture."""
_STILL = {"changed_share": 0.0, "scene_changed": 0.0, "caption_changed": 0.0, "stir": 0.0, "drift": 0.0}

_FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.BLACK: {
        "mean": 2.0, "sd": 0.5, "dark_share": 1.0, "layout": 0.3, "contrast": 1.0, "texture_share": 0.0,
        "sharpness": math.nan, "laplacian_var": 0.5, "bright_share": 0.0,
    },
    Fault.OVER_EXPOSED: {"mean": 248.0, "sd": 4.0, "bright_share": 0.97, "dark_share": 0.0, "contrast": 8.0},
    Fault.STRIPES: {"stripe_rows": 0.9},
    Fault.SNOW: {"speckle_share": 0.02, "noise_sd": 18.0},
    Fault.MOSAIC: {"torn_share": 0.15},
    Fault.COVERED: {
        "texture_share": 0.0, "contrast": 9.0, "sharpness": 0.1, "layout": 6.0, "match_share": 0.0, "lost_share": 1.0,
        "lost_cells": 2**48 - 1, "shift_certainty": 0.0, "steady_share": 0.98, **_STILL,
    },
    Fault.OUT_OF_FOCUS: {"sharpness": 0.2, "laplacian_var": 20.0, "sharpness_ratio": 0.15},
    Fault.LOW_CONTRAST: {"contrast": 9.0, "texture_share": 0.1, "sd": 6.0, "contrast_ratio": 0.15},
    Fault.COLOUR_CAST: {"cast": 30.0, "u_mean": -24.0, "v_mean": 12.0},
    Fault.FROZEN: _STILL,
    Fault.MOVED: {"match_share": 0.12, "lost_share": 0.12, "shift_certainty": 0.0, "steady_share": 0.9},
    Fault.PARTLY_COVERED: {
        "match_share": 0.5, "lost_share": 0.4, "shift_certainty": 0.4, "steady_share": 0.95, "lost_cells": 0x0F0F0F,
        "texture_share": 0.5, "contrast_ratio": 0.92,
    },
    Fault.LOW_FRAME_RATE: {"fps": 2.0},
    Fault.CLOCK_WRONG: {"stream_offset_ns": 3600 * NS_PER_S},
}  # fmt: skip
_NO_PICTURE: Mapping[str, tuple[Outcome, VisitReason]] = {
    Fault.UNREACHABLE.value: (Outcome.UNREACHABLE, VisitReason.TIMED_OUT),
    Fault.NO_MEDIA.value: (Outcome.NO_MEDIA, VisitReason.NO_FRAMES),
    Fault.STALLED.value: (Outcome.NO_MEDIA, VisitReason.STALLED),
    "unchecked": (Outcome.UNCHECKED, VisitReason.DECODER_DIED),
    "reached": (Outcome.REACHED, VisitReason.OK),
}
IN_ORDER = "in_order"
SEES = (IN_ORDER, *_NO_PICTURE, *(fault.value for fault in _FAULTS))
"""What a look can be scripted to see. Other faults: by `measurements`."""

_EMPTY = {TEXT: "", "float64": math.nan}
_MISSING = {
    column.name: column.missing if column.since > 1 else _EMPTY.get(column.dtype, 0) for column in FrameBatch.COLUMNS
}
MEASUREMENTS = frozenset(_BY_DAY) | frozenset(_FOUND_AGAIN) | {
    "stir", "lost_cells", "steady_share", "decode_errors", "device_offset_ns",
}  # fmt: skip
"""Figures that a script may give."""


class Patrol:
    """As much of a patrol as a script needs: it numbers its visits, and compares with the references it is told of."""

    def __init__(self) -> None:
        self._visits: dict[str, int] = {}
        self._last_ns: dict[str, int] = {}
        self._references: dict[tuple[str, str, str], str] = {}

    def on_event(self, event: Event) -> None:
        """Follow what the rules say of references."""
        if event.kind not in (EventKind.REFERENCE_ADOPTED, EventKind.REFERENCE_DROPPED):
            return
        key = event.device, event.data["light"], event.data["preset"]
        self._references.pop(key, None)
        if event.kind is EventKind.REFERENCE_ADOPTED:
            self._references[key] = event.data["picture"]

    def looks(
        self, devices: Sequence[str], at_ns: int, sees: str, light: str, preset: str, measurements: Mapping[str, float]
    ) -> FrameBatch:
        """One look at each of these devices, all at one instant."""
        return _batch([{**self._look(device, at_ns, sees, light, preset), **measurements} for device in devices])

    def visits(self, rows: Sequence[tuple[str, int, str]]) -> FrameBatch:
        """(device, instant in ns, what is seen) by day, in the order of their instants."""
        return _batch([self._look(device, at_ns, sees, "day", "") for device, at_ns, sees in rows])

    def _look(self, device: str, at_ns: int, sees: str, light: str, preset: str) -> dict[str, Any]:
        visit = self._visits[device] = self._visits.get(device, 0) + 1
        before_ns, self._last_ns[device] = self._last_ns.get(device, -1), at_ns
        row = {**_MISSING, "device": device, "at_ns": at_ns, "received_ns": at_ns, "visit": visit, "media_ns": -1}
        row |= {"previous_at_ns": before_ns}
        if sees in _NO_PICTURE:
            outcome, reason = _NO_PICTURE[sees]
            return {**row, "outcome": outcome, "reason": reason.value}
        reference = self._references.get((device, light, preset), "")
        row |= {"outcome": Outcome.PICTURE, "reason": VisitReason.OK.value, **_BY_DAY, **_BY_LIGHT[light]}
        row |= {"light": Light[light.upper()], "preset": preset, "picture": f"{visit:064x}"}
        row |= {"previous": f"{visit - 1:064x}" if visit > 1 else "", "sketch": f"{visit:064x}".replace("0", "a", 1)}
        row |= {**_FOUND_AGAIN, "reference": reference} if reference else {"steady_share": 0.9}
        return row if sees == IN_ORDER else {**row, **_FAULTS[Fault(sees)]}


def _batch(rows: Sequence[Mapping[str, Any]]) -> FrameBatch:
    columns: dict[str, Any] = {}
    for column in FrameBatch.COLUMNS:
        values = [row[column.name] for row in rows]
        columns[column.name] = tuple(values) if column.dtype == TEXT else np.array(values, column.dtype)
    return FrameBatch.of(**columns)
