"""What people ask for, as rows of the log: the step decides whether a command is lawful."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column

CITY = "city"
"""The device of commands that are about no single device."""


class Verb(StrEnum):
    """The commands there are."""

    REGISTER_DEVICE = "register_device"
    """args: the fields of devices.Device as a JSON object."""
    ACKNOWLEDGE_ALERT = "acknowledge_alert"
    """target: the alert's id."""
    ACCEPT_TICKET = "accept_ticket"
    """target: the ticket's id."""
    NOTE_TICKET = "note_ticket"
    """target: the ticket's id; args: {"note": text}, and photos and parts as HANDLE_TICKET has them."""
    DISPATCH_TICKET = "dispatch_ticket"
    """target: the ticket's id; args: {"team": text}."""
    HOLD_TICKET = "hold_ticket"
    """target: the ticket's id; args: {"reason": HoldReason, "note": text, "until_ns": int or null}."""
    RESUME_TICKET = "resume_ticket"
    """target: the ticket's id; args: {"note": text}."""
    HANDLE_TICKET = "handle_ticket"
    """target: the ticket's id; args: {"outcome": Outcome, "note": text, "photos": [hash], "parts": [{part, count}]}."""
    EXPECT_REPAIR = "expect_repair"
    """target: the ticket of an incident that this device is part of and whose repair was reported: looks at it say
    whether that has helped. Given beside HANDLE_TICKET, whose args name those devices: {"children": [device]}."""
    PARENT_AWAY = "parent_away"
    """target: the cause of a fault that has joined an incident; args: {"incident": id, "root": device, "contractor":
    who answers for that or '', "late_ns": int}. The incident stage itself tells it, for tickets that have clocks;
    `root` is '' when the device has left the incident."""
    VERIFY_TICKET = "verify_ticket"
    """target: the ticket's id; args: {"note": text}. Only where the system cannot see for itself."""
    REOPEN_TICKET = "reopen_ticket"
    """target: the ticket's id; args: {"note": text}."""
    CANCEL_TICKET = "cancel_ticket"
    """target: the ticket's id; args: {"note": text}. It does not come again for the same cause."""
    MERGE_TICKET = "merge_ticket"
    """target: the ticket's id; args: {"into": another ticket's id, "note": text}."""
    RETIRE_DEVICE = "retire_device"
    """args: {"note": text}. A device is no more: what is open about it ends, and nothing is required of it."""
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
    SET_SILENCE = "set_silence"
    """device: CITY; args: those of a silence, see domain/windows.py. Its id is the command's."""
    END_SILENCE = "end_silence"
    """device: CITY; target: the silence's id."""
    SET_WINDOW = "set_window"
    """device: CITY, to every partition; args: those of a window, see domain/windows.py. Its id is the command's."""
    END_WINDOW = "end_window"
    """device: CITY, to every partition; target: the window's id; args: {"withdraw": bool}, true: it never held."""
    ADD_PHOTO = "add_photo"
    """target: the ticket's id; args: {"photo": hash, "width": int, "height": int, "size_bytes": int}."""
    NOTE_DEVICE = "note_device"
    """args: {"access": text, "contact": text, "key": text}; what is left out is emptied."""
    LOG_SHIFT = "log_shift"
    """device: CITY; args: {"kind": ShiftEntry, "note": text, "to": text, "counts": {...}}."""
    START_EXERCISE = "start_exercise"
    """args: {"fault": Fault, "note": text, "until_ns": int}. The exercise's id is made of device and command.

    Of several that are started together, {"drill": id}, too; of a parent's outage {"children": [device], "below": int}.
    """
    END_EXERCISE = "end_exercise"
    """target: the exercise's id."""


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
