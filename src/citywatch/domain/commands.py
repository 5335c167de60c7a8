"""What people ask for, as rows of the log: the step decides whether a command is lawful."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column


class Verb(StrEnum):
    """The commands there are."""

    REGISTER_DEVICE = "register_device"
    """args: the fields of devices.Device as a JSON object."""
    ACKNOWLEDGE_ALERT = "acknowledge_alert"
    """target: the alert's id."""
    ACCEPT_TICKET = "accept_ticket"
    """target: the ticket's id."""
    NOTE_TICKET = "note_ticket"
    """target: the ticket's id; args: {"note": text}."""
    DECLARE_WORK = "declare_work"
    """args: {"kind": WorkKind, "from_ns": int, "to_ns": int, "note": text}, see domain/work.py."""
    PUT_CAMERA = "put_camera"
    """args: {"origin": Origin, "camera": {...}, "sealed": text}, see domain/cameras.py. Secrets are sealed in it."""
    REMOVE_CAMERA = "remove_camera"
    """args: {"origin": Origin}."""
    ACCEPT_CORRECTION = "accept_correction"
    """target: the proposal's id; args: {"note": text}. The factor is in force from the instant of the command on."""
    DECLINE_CORRECTION = "decline_correction"
    """target: the proposal's id; args: {"note": text}. The level as it is now counts as right."""


@dataclass(frozen=True, eq=False)
class CommandBatch(Batch):
    """Commands, one row each.

    device     str           the device that the target belongs to (it gives the partition)
    at_ns      (n,) int64    when the command was given
    command    str           id of the command, made by the giver; a repeat changes nothing
    verb       str           Verb
    target     str           id of the alert or ticket
    actor      str           name of the person or programme
    args       str           JSON object
    """

    KIND: ClassVar[str] = "commands"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("command", TEXT),
        Column("verb", TEXT),
        Column("target", TEXT),
        Column("actor", TEXT),
        Column("args", TEXT),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    command: tuple[str, ...]
    verb: tuple[str, ...]
    target: tuple[str, ...]
    actor: tuple[str, ...]
    args: tuple[str, ...]
