"""Events: what was decided. Everything that people see is a projection of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from citywatch.domain.instants import format_instant
from citywatch.domain.texts import exact, quoted, without_fractions


class EventKind(StrEnum):
    """Every kind of event there is. A kind gains fields, it never changes meaning."""

    # scales
    OVERLOADED = "overloaded"
    """A pass above the most lenient limit that could apply to it."""
    WEIGHT_UNDECIDED = "weight_undecided"
    """A pass between the strictest and the most lenient limit: the scale alone cannot tell."""
    PASS_SUSPECT = "pass_suspect"  # noqa: S105  (a vehicle pass, no password)
    """A record that contradicts itself; it is decided all the same."""
    EVASION_SUSPECTED = "evasion_suspected"
    """A driver may have seen to it that scale or camera do not tell the truth; with the measurements that say so."""
    SCALE_STEP_FOUND = "scale_step_found"
    """The level of a gauge of a scale has changed, as its reference population says."""
    SCALE_HEALTH = "scale_health"
    """What a scale's gauges and records were like up to the end of a day."""
    CORRECTION_PROPOSED = "correction_proposed"
    """A factor that would make a scale's weights right again. It waits for a person."""
    CORRECTION_ACCEPTED = "correction_accepted"
    """A person has accepted it: it is in force from this instant on, and for nothing that was weighed before."""
    CORRECTION_DECLINED = "correction_declined"
    """A person has said that the scale is right as it weighs now."""
    PASSES_COUNTED = "passes_counted"
    """How many vehicles were checked, and found over, since it was last told; for the statistics."""
    # cameras and silent devices
    FAULT_CONFIRMED = "fault_confirmed"
    FAULT_CLEARED = "fault_cleared"
    FAULT_SEEN = "fault_seen"
    """A repair was reported, and looks since then still show the fault. For the desk, and not in the store."""
    SUSPICION_RAISED = "suspicion_raised"
    """A first bad look. For the patrol, which looks again sooner; neither alert nor ticket, and not in the store."""
    SUSPICION_DROPPED = "suspicion_dropped"
    """The suspicion came to nothing."""
    REFERENCE_ADOPTED = "reference_adopted"
    """From now on a camera's pictures are compared with this one, by this light and at this preset."""
    REFERENCE_DROPPED = "reference_dropped"
    """A reference holds no longer; the view is learned anew."""
    WORK_DECLARED = "work_declared"
    """People have said what is done to a device, and when: the faults that it explains are held meanwhile."""
    DEVICE_STATE = "device_state"
    """A device is up, down or unknown from an instant on."""
    DEVICE_REGISTERED = "device_registered"
    DEVICE_RETIRED = "device_retired"
    """A device is no more; what was open about it ends with it, its history stays."""
    CAMERA_PUT = "camera_put"
    """A camera was added, or described anew. What is secret of it is sealed."""
    CAMERA_REMOVED = "camera_removed"
    """A camera is watched no longer; what was open about it ends with it, its history stays."""
    CAMERA_RELEASED = "camera_released"
    """The configuration names a camera no longer that the API has changed or removed since: the API's word stands."""
    # incidents
    TOPOLOGY_CHANGED = "topology_changed"
    """A device hangs on another one from an instant on, or on none."""
    INCIDENT_OPENED = "incident_opened"
    """A parent is gone, or most of its children fell away together: one cause, one alert, one ticket."""
    INCIDENT_CHANGED = "incident_changed"
    """Children joined it, or came back."""
    INCIDENT_CLOSED = "incident_closed"
    FAULT_RELEASED = "fault_released"
    """A fault of reachability that had waited for an incident is the device's own: it has its alert and ticket now."""
    # other systems
    CLAIM_HEARD = "claim_heard"
    """Another system says something new about a device, or has ceased to."""
    SOURCES_DISAGREE = "sources_disagree"
    """What other systems claim does not fit what our looks say, or each other."""
    SOURCES_AGREE = "sources_agree"
    LOOK_ASKED = "look_asked"
    """A claim is a reason to look sooner than planned."""
    # findings of people and of other systems
    FINDING_RAISED = "finding_raised"
    """A person or another system has found something."""
    FINDING_CLEARED = "finding_cleared"
    """Its source says that it is over, has not said again in time that it is not, or a person has seen it."""
    FINDINGS_REFUSED = "findings_refused"
    """A source has more open findings than it may: told at first, then once a minute with how many there were."""
    # alerts
    ALERT_OPENED = "alert_opened"
    ALERT_ACKNOWLEDGED = "alert_acknowledged"
    ALERT_RESOLVED = "alert_resolved"
    ALERT_FLAPPING = "alert_flapping"
    """What opens again and again is one alert from now on, which ends when it has been quiet for a while."""
    ALERT_ESCALATED = "alert_escalated"
    """Nobody has acknowledged it in time: the next in line is called."""
    SILENCE_SET = "silence_set"
    """A person keeps notifications about these alerts quiet for a while."""
    SILENCE_ENDED = "silence_ended"
    WINDOW_SET = "window_set"
    """A person has declared maintenance: alerts and tickets of these devices wait for its end."""
    WINDOW_ENDED = "window_ended"
    # tickets
    TICKET_FILED = "ticket_filed"
    TICKET_DISPATCHED = "ticket_dispatched"
    """It is a team's now."""
    TICKET_ACCEPTED = "ticket_accepted"
    TICKET_HELD = "ticket_held"
    """Nobody can go on for now; whether the repair clock runs is the contract's word."""
    TICKET_RESUMED = "ticket_resumed"
    TICKET_CLOCKS_STOPPED = "ticket_clocks_stopped"
    """Declared maintenance of its device, which its contract leaves out: its clocks stand."""
    TICKET_CLOCKS_RESUMED = "ticket_clocks_resumed"
    TICKET_HANDLED = "ticket_handled"
    """A crew says that it is done. The system looks for itself."""
    TICKET_NOTED = "ticket_noted"
    TICKET_WARNED = "ticket_warned"
    """Of a clock of the contract, most has passed."""
    TICKET_BREACHED = "ticket_breached"
    """A clock of the contract has run out, or has been out for so long that others must hear of it."""
    TICKET_VERIFIED = "ticket_verified"
    TICKET_REOPENED = "ticket_reopened"
    """The fault is still there, or has come back."""
    TICKET_CLOSED = "ticket_closed"
    # the people side
    PHOTO_ADDED = "photo_added"
    """A crew has taken a picture of a repair; it is kept as evidence of the ticket."""
    DEVICE_NOTED = "device_noted"
    """A person has said how to get to a device, who opens, and where the key is."""
    SHIFT_LOGGED = "shift_logged"
    """A person has written into the log of shifts, with what was open at that moment."""
    EXERCISE_STARTED = "exercise_started"
    """A fault that is played: its alert and ticket are marked, and leave no trace in any figure."""
    EXERCISE_ENDED = "exercise_ended"
    # commands and rows
    COMMAND_REFUSED = "command_refused"
    ROW_DEAD = "row_dead"
    """A row that the step could not digest; it is kept in the dead letters."""


_DATA = ',"data":'
_shown = lru_cache(maxsize=64)(format_instant)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """One decision.

    `id` is made of its cause (see event_id), so that a second delivery changes nothing. `cause` is the id of
    what it belongs to: the same for a fault's confirmation, its alert and its ticket. `data` holds numbers,
    texts and lists in a fixed order per kind, and never the time of arrival. `body` is `data` as its line has it, where
    the event was read from one, or whoever made it had the text: who writes it on need not make it anew.
    """

    id: str
    kind: EventKind
    device: str
    at_ns: int
    cause: str
    data: Mapping[str, Any]
    body: str = field(default="", compare=False, repr=False)

    def to_json(self) -> str:
        """One line: fixed field order, shortest round-trip numbers, no spaces."""
        # `{"at":...,"data":{...}}` of one dictionary, put together of what is a text already and the few that are not.
        at_ns = int.__repr__(self.at_ns)
        return (
            f'{{"at":"{_shown(self.at_ns)}","at_ns":{at_ns},"device":{quoted(self.device)},"kind":"{self.kind.value}",'
            f'"id":{quoted(self.id)},"cause":{quoted(self.cause)}{_DATA}{self.body or exact(dict(self.data))}}}'
        )

    def text(self) -> str:
        """`data` as its line has it, made once: for whoever puts it into another event."""
        if not self.body:
            object.__setattr__(self, "body", exact(dict(self.data)))
        return self.body

    @classmethod
    def from_json(cls, line: str | bytes) -> Event:
        text = line if isinstance(line, str) else line.decode()
        return cls.parsed(text, json.loads(text))

    @classmethod
    def parsed(cls, text: str, raw: Mapping[str, Any]) -> Event:
        """From a line and what a JSON parser has found in it. KeyError, ValueError."""
        # Inside of texts quotes are escaped, so this is the key; `data` is the last one.
        begin = text.find(_DATA)
        body = text[begin + len(_DATA) : -1] if begin >= 0 and text[-2:] == "}}" else ""
        word = raw["kind"]
        kind = _KINDS[word] if isinstance(word, str) and word in _KINDS else EventKind(word)
        # What a frozen dataclass does to make itself, without looking up by name seven times what is set.
        made = object.__new__(cls)
        _set_id(made, raw["id"])
        _set_kind(made, kind)
        _set_device(made, raw["device"])
        _set_at_ns(made, raw["at_ns"])
        _set_cause(made, raw["cause"])
        _set_data(made, raw["data"])
        _set_body(made, body)
        return made

    def sort_key(self) -> tuple[int, str, str, str]:
        """The order of event files: (at_ns, device, kind, id)."""
        return (self.at_ns, self.device, self.kind.value, self.id)


def text_with(data: Mapping[str, Any], name: str, text: str) -> str:
    """The text of `data` where that of one of its values, `name`, is known already; the others hold no fractions, and
    no such name stands in front of it.
    """
    return without_fractions({**data, name: None}).replace(f'"{name}":null', f'"{name}":{text}', 1)


_KINDS: Mapping[str, EventKind] = {kind.value: kind for kind in EventKind}
_set_id, _set_kind, _set_device, _set_at_ns, _set_cause, _set_data, _set_body = (
    Event.__dict__[name].__set__ for name in ("id", "kind", "device", "at_ns", "cause", "data", "body")
)
_KIND = b'","kind":"'


def kind_in(line: bytes) -> bytes:
    """The kind of an event's line, without reading the rest of it; empty for what is no such line."""
    # Inside of texts quotes are escaped: the first place is the one behind the device.
    begin = line.find(_KIND) + len(_KIND)
    return line[begin : line.find(b'"', begin)] if begin >= len(_KIND) else b""


_DATED = "8c1784"
"""What stands behind the moment of an id that begins with one: version 8 of a UUID, its variant, and a mark of ours."""
_MOMENT, _HEAD, _WHOLE = 12, 18, 32


def event_id(*cause: str | int) -> str:
    """32 hexadecimal digits from the parts of a cause; the same parts give the same id everywhere.

    What belongs to something is named behind its kind (`event_id(kind, alert)`): when that something's id begins with
    its moment (see dated_id), so does this one, with the same.
    """
    try:
        text = "\x1f".join(cause)  # type: ignore[arg-type]  # of texts alone, as most are
    except TypeError:
        text = "\x1f".join(map(str, cause))
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    if _DATED in text and len(cause) > 1:
        of = str(cause[1])
        if len(of) == _WHOLE and of[_MOMENT:_HEAD] == _DATED and of[0] == "0":
            return of[:_HEAD] + digest[_HEAD:]
    return digest


def dated_id(at_ns: int, *cause: str | int) -> str:
    """An event_id that begins with its moment in milliseconds, laid out as a UUID of version 8 (RFC 9562).

    What comes one after the other is then stored side by side. The moment belongs to the cause: it is for what a step
    makes once and then finds in its state, not for what is recognised by its id when it is said again. Of a moment
    before 1970 the id begins with that of 1970.
    """
    digest = hashlib.blake2b("\x1f".join(map(str, (at_ns, *cause))).encode(), digest_size=7).hexdigest()
    return f"{max(at_ns, 0) // 1_000_000:012x}{_DATED}{digest}"
