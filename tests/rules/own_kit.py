"""One camera in the rules: looks with chosen measurements in, events out, and as much of a patrol as that takes."""

from __future__ import annotations

import json
import math

import numpy as np

from citywatch.domain.columns import TEXT
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, FrameBatch, Light, Outcome
from citywatch.domain.state import State
from citywatch.domain.work import WorkKind
from citywatch.rules import cameras, work
from citywatch.rules.cameras import CameraPolicy
from citywatch.testing.rows import START_NS

CAMERA = "cam-1"
NOON_NS = START_NS + 4 * 3600 * NS_PER_S
_NOTHING = {TEXT: "", "float64": math.nan}
_MISSING = {c.name: c.missing if c.since > 1 else _NOTHING.get(c.dtype, 0) for c in FrameBatch.COLUMNS}

BY_DAY = {
    "width": 640, "height": 360, "mean": 115.0, "sd": 45.0, "dark_share": 0.02, "bright_share": 0.02,
    "laplacian_var": 900.0, "sharpness": 1.5, "texture_share": 0.8, "blockiness": 1.1, "changed_share": 0.7,
    "contrast": 85.0, "u_mean": 1.0, "v_mean": 1.0, "chroma_sd": 11.0, "noise_sd": 1.2, "speckle_share": 0.0,
    "stripe_rows": 0.1, "stripe_columns": 0.1, "stripe_change": 0.1, "torn_share": 0.0, "tear": 0.0,
    "raster_share": 0.26, "layout": 90.0, "cast": 0.5, "scene_changed": 0.7, "caption_changed": 0.7, "stir": 40.0,
    "drift": 1.0, "light": Light.DAY, "fps": 25.0, "fps_declared": 25.0, "coded_bytes": 90_000,
}  # fmt: skip
BY_INFRARED = BY_DAY | {
    "mean": 60.0, "contrast": 80.0, "chroma_sd": 0.0, "u_mean": 0.0, "v_mean": 0.0, "noise_sd": 1.6, "cast": 0.0,
    "light": Light.INFRARED,
}  # fmt: skip
FOUND_AGAIN = {
    "shift_x": 0.0, "shift_y": 0.0, "shift_certainty": 0.6, "match_share": 0.85, "lost_share": 0.02,
    "sharpness_ratio": 1.0, "contrast_ratio": 1.0,
}  # fmt: skip
BUS = {"match_share": 0.15, "lost_share": 0.05, "shift_certainty": 0.01, "steady_share": 0.1}
ANOTHER_VIEW = {"match_share": 0.12, "lost_share": 0.12, "shift_certainty": 0.0, "steady_share": 0.9}
COVER = {
    "match_share": 0.5, "lost_share": 0.4, "shift_certainty": 0.4, "steady_share": 0.95, "lost_cells": 0x0F0F0F,
    "texture_share": 0.5, "contrast_ratio": 0.92,
}  # fmt: skip


def visit(**values) -> FrameBatch:
    """A row of one visit."""
    values = _MISSING | {"device": CAMERA, "reason": "ok", "media_ns": -1} | values
    names = {name for name in values if name in _MISSING}
    columns = {}
    for column in FrameBatch.COLUMNS:
        value = values[column.name] if column.name in names else _MISSING[column.name]
        columns[column.name] = (
            (str(value),)
            if column.dtype == TEXT
            else np.array([value], np.float64).astype(column.dtype)
            if column.dtype == "float64"
            else np.array([int(value)], column.dtype)
        )
    return FrameBatch.of(**columns)


class Watch:
    """The camera, the rules and as much of a patrol as hands the references on."""

    def __init__(self, policy: CameraPolicy | None = None) -> None:
        self.policy = policy or CameraPolicy()
        self.state = State()
        self.now_ns = NOON_NS
        self.events = []
        self.rows = []
        self.references = {}
        self.number = 0

    def look(self, after_s: float = 300.0, *, of=BY_DAY, preset="", sketch=True, **changes) -> list:
        """One look `after_s` later; against the reference where there is one. Returns its events."""
        self.now_ns += round(after_s * NS_PER_S)
        self.number += 1
        values = {**of, "preset": preset, "picture": f"{self.number:064x}", "previous": f"{self.number - 1:064x}",
                  "previous_at_ns": self.now_ns - round(after_s * NS_PER_S), "at_ns": self.now_ns,
                  "visit": self.number, "outcome": Outcome.PICTURE}  # fmt: skip
        light = Light(changes.get("light", of["light"])).name.lower()
        reference = self.references.get((light, preset), "")
        values["steady_share"] = math.nan if reference else 0.9
        values["sketch"] = f"{self.number:064x}".replace("0", "a", 1) if sketch else ""
        if reference:
            values |= FOUND_AGAIN | {"reference": reference}
        return self.take(visit(**{**values, **changes}))

    def miss(self, outcome: Outcome, reason: str, after_s: float = 300.0) -> list:
        """A visit without a picture."""
        self.now_ns += round(after_s * NS_PER_S)
        self.number += 1
        return self.take(visit(at_ns=self.now_ns, visit=self.number, outcome=outcome, reason=reason))

    def take(self, batch: FrameBatch) -> list:
        self.rows.append(batch)
        events = list(cameras.on_looks(self.state, batch, self.policy))
        for event in events:
            if event.kind in (EventKind.REFERENCE_ADOPTED, EventKind.REFERENCE_DROPPED):
                key = event.data["light"], event.data["preset"]
                self.references.pop(key, None)
                if event.kind is EventKind.REFERENCE_ADOPTED:
                    self.references[key] = event.data["picture"]
        self.events += events
        return events

    def settle(self, looks: int = 10, **how) -> None:
        """Looks in order, until the camera is known."""
        for _ in range(looks):
            self.look(**how)

    def declare(self, kind: WorkKind, from_s: float, to_s: float, command: str = "w1"):
        """Work from now on, seconds."""
        times = {"from_ns": self.now_ns + round(from_s * NS_PER_S), "to_ns": self.now_ns + round(to_s * NS_PER_S)}
        args = json.dumps({"kind": kind.value, "note": "", **times})
        return work.declare(self.state, CAMERA, args, at_ns=self.now_ns, actor="operator", command=command)

    def of(self, kind: EventKind) -> list:
        return [event for event in self.events if event.kind is kind]

    def confirmed(self) -> list[Fault]:
        return [Fault(event.data["fault"]) for event in self.of(EventKind.FAULT_CONFIRMED)]

    def suspected(self) -> list[Fault]:
        return [Fault(event.data["fault"]) for event in self.of(EventKind.SUSPICION_RAISED)]

    def open(self) -> dict:
        """Faults that are suspected or confirmed: name -> phase."""
        row = self.state.get(cameras.ROOM, CAMERA)
        return {name: fault["phase"] for name, fault in row["faults"].items()}


def coloured_nights(days: int = 5) -> Watch:
    """A camera whose nights are in colour, in the evening of its last day."""
    watch = Watch()
    by_night = BY_DAY | {"mean": 45.0, "light": Light.NIGHT, "sharpness": 1.4}
    for _ in range(days):
        for of in (BY_DAY, by_night):
            for _ in range(12):
                watch.look(3600.0, of=of)
    watch.now_ns += 14 * 3600 * NS_PER_S
    return watch


def known(looks_before: int = 40, **usual) -> Watch:
    watch = Watch()
    watch.settle(looks_before, **usual)
    return watch


def in_the_dark(**figures) -> Watch:
    """A camera whose nights are in colour, at night, which looks at something as bright as a day."""
    watch = coloured_nights()
    watch.now_ns += 3600 * NS_PER_S
    for steady in (0.4, 0.99):
        watch.look(420.0, reference=watch.references["day", ""], **figures, steady_share=steady)
    return watch
