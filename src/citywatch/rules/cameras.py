"""From looks at a camera to its faults and its state.

A look is judged (rules/judgement.py), what is found is confirmed or cleared (rules/faults.py) by the rule of its fault
(rules/confirmations.py), and what is in order is learned from (rules/references.py, normals.py, hours.py). Three rows
of state a camera: `camera` (faults, and what the last look leaves), `usual` (what is usual of it) and `reference`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, FrameBatch, Light, Outcome, VisitReason
from citywatch.domain.state import Row, State
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.domain.work import WorkKind
from citywatch.kernels import liveness
from citywatch.rules import answers, devices, faults, hours, normals, references, standing, work
from citywatch.rules.comparison import Own, OwnThresholds, Trace
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.faults import CONFIRMED, NEVER, SUSPECT, Confirmation, Evidence, FaultRow
from citywatch.rules.judgement import Judgement, judge
from citywatch.rules.last_seen import LastSeen, Seen
from citywatch.rules.likeness import is_like, likeness
from citywatch.rules.pictures import Finding, Look, LookHistory, Why, looks
from citywatch.rules.references import Adopted, LearningPolicy, View

ROOM = answers.ROOM
USUAL = "usual"
ROOMS = (ROOM, USUAL, references.ROOM, work.ROOM)
"""Every room with a row for each camera: they go with it."""

_OF_THE_NETWORK = frozenset({Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED, Fault.CLOCK_WRONG})
"""Faults that no light shows or hides, and that say nothing about the picture."""
_SHOWS_TOO_LITTLE = frozenset({Why.TOO_DARK, Why.TOO_SMALL, Why.TOO_LITTLE_STRUCTURE})
"""A picture in which a cover could not be seen is no reference."""
STALE_SUSPICION_NS = 2 * 3600 * NS_PER_S
"""A suspicion is dropped when it is older, and the looks since could not tell: what comes again after hours is another
matter, and nothing is learned from a camera that is suspected. One from the night is dropped by day: it may come again
the next night."""
_MUST_STAY = frozenset({Fault.MOVED, Fault.PARTLY_COVERED})
"""Faults of which a look that shows something else than the one before says nothing, until another shows the same."""
_STEADY_SHARE = 0.6
"""A look shows what the one just before did, too, when this share of that is found again in it, whatever its light."""
_MOST_APART = 2.5
"""Two looks that are alike confirm a fault up to so many times `confirm_seconds` apart: with one hidden in between."""
BESIDE_A_BUS = 0.4
"""No more of a view than this share is found again where a bus stands before the camera."""
TWO_BUSES = 2.0
"""What may be two buses must stand for so many times the seconds."""
_AWAY_PIXELS = 4.0
"""A view lies elsewhere from so many grid pixels on, as far as shaking is concerned."""
_SAME_PLACE_PIXELS, _SAME_PLACE_SHARE = 2.5, 0.05
"""A displaced view lies where it did within so many grid pixels and this share of the displacement."""
_AIMED_AGAIN_PIXELS = 24.0
"""After a repair the view may lie this far from the old one, grid pixels, and is learned anew."""
_MOST_KEYLESS = 1000
_TYPICAL_CONTRAST = 0.2
"""A look is typical for its light when its contrast for its brightness is not below the usual by more than this."""
_TYPICAL_BRIGHTNESS = 0.2
"""A look is typical for its light when its mean differs from the usual by no more than this share of it."""


@dataclass(frozen=True, slots=True)
class CameraPolicy:
    """`confirmations`: the rule of each fault. `unknown_after_seconds`: a camera that nobody has looked at for longer
    is unknown, never silently up. `no_key_frame_looks`: a stream of which so many looks in a row, over at least
    `no_key_frame_seconds`, saw pictures and no key frame gives no media; 0 for never.
    """

    confirmations: Mapping[Fault, Confirmation] = field(default_factory=lambda: CONFIRMATIONS)
    unknown_after_seconds: int = 1800
    learning: LearningPolicy = field(default_factory=LearningPolicy)
    own: OwnThresholds = field(default_factory=OwnThresholds)
    no_key_frame_looks: int = 5
    no_key_frame_seconds: float = 600.0
    degraded_faults: frozenset[Fault] = frozenset()
    """Faults that leave a usable picture."""


@dataclass(slots=True)
class _Case:
    """What one look has to do with: the camera's rows, its judgement, and what comes of it."""

    look: Look
    open: dict[str, FaultRow]
    good: dict[str, int]
    judgement: Judgement
    view: View | None
    held: frozenset[Fault]
    dark: bool
    events: list[Event] = field(default_factory=list)
    aimed_again: bool = False


def on_looks(state: State, batch: FrameBatch, policy: CameraPolicy) -> Iterator[Event]:
    """Every look in turn."""
    for look in looks(batch):
        yield from _on_look(state, look, policy)


def on_tick(state: State, now_ns: int, policy: CameraPolicy) -> Iterator[Event]:
    """Cameras that nobody has looked at for too long become unknown, from their last look on."""
    timeout_ns = policy.unknown_after_seconds * NS_PER_S

    def read(camera: str) -> Seen | None:
        row = state.get(ROOM, camera)
        return None if row is None else Seen(row["last_look_ns"], timeout_ns)

    looked = LastSeen.of(state, (ROOM, timeout_ns), (ROOM, devices.ROOM), read)
    for camera, verdict in looked.changed(now_ns, lambda _: NEVER):
        if verdict != liveness.HEARD:
            since_ns = _known(state, camera)["last_look_ns"]
            yield from devices.change(
                state,
                camera,
                DeviceState.UNKNOWN,
                worst_from_ns=since_ns,
                best_from_ns=since_ns,
                reason="not_looked_at",
                at_ns=now_ns,
            )


def _known(state: State, camera: str) -> Row:
    row = state.get(ROOM, camera)
    if row is None:
        raise KeyError(camera)
    return row


def _on_look(state: State, look: Look, policy: CameraPolicy) -> Iterator[Event]:
    yield from devices.seen(state, look.device, DeviceKind.CAMERA, look.at_ns)
    yield from _after_work(state, look)
    row = state.get(ROOM, look.device) or _new_row(look)
    usual = state.get(USUAL, look.device) or {"usual": {}, "hours": hours.nothing()}
    case = _judged(state, look, row, usual, policy)
    row = {**row, "keyless": _keyless(case, row.get("keyless") or [0, NEVER], policy)}
    for fault in CAMERA_FAULTS:
        _one_fault(case, fault, policy.confirmations[fault])
    yield from _write(state, case, row, policy)
    yield from _learn(state, case, usual, policy)


def _new_row(look: Look) -> Row:
    return {
        "history": None,
        "last_look_ns": look.at_ns,
        "looking_since_ns": look.at_ns,
        "confirmed_bad_ns": NEVER,
        "faults": {},
        "good": {},
        "trace": None,
        "keyless": [0, NEVER],
    }


def _judged(state: State, look: Look, row: Row, usual: Row, policy: CameraPolicy) -> _Case:
    view = references.view(state, look)
    history = None if row["history"] is None else LookHistory(**row["history"])
    trace = row.get("trace")
    judgement = judge(
        look,
        history,
        view,
        usual["usual"],
        usual["hours"],
        Trace() if trace is None else Trace(**trace),
        policy.own,
    )
    judgement = _still_fog(look, judgement, row["faults"].get(Fault.LOW_CONTRAST.value))
    return _Case(
        look,
        dict(row["faults"]),
        dict(row["good"]),
        judgement,
        view,
        work.explained(state, look.device, look.at_ns),
        hours.is_dark(usual["hours"], look.at_ns),
    )


def _still_fog(look: Look, judged: Judgement, fog: FaultRow | None) -> Judgement:
    """Nothing is seen through a plate. So a picture that looks covered, and is the one in which a look before saw the
    view lie pale behind fog or dirt, is fog or dirt.
    """
    cover = judged.found.get(Fault.COVERED)
    if cover is None or fog is None or not _shows_a_mark(look, fog):
        return judged
    found, unchecked = dict(judged.found), dict(judged.unchecked)
    del found[Fault.COVERED]
    found.setdefault(Fault.LOW_CONTRAST, replace(cover, fault=Fault.LOW_CONTRAST))
    unchecked.pop(Fault.LOW_CONTRAST, None)
    unchecked[Fault.COVERED] = Own.HIDDEN.value
    return replace(judged, found=found, unchecked=unchecked)


def _keyless(case: _Case, before: list[int], policy: CameraPolicy) -> list[int]:
    """[looks in a row that saw pictures and no key frame, since when]; when they are enough, the look is judged anew.

    A stream without key frames cannot be looked at by anybody who comes after its beginning. But key frames may be far
    apart, too; so the patrol waits longer each time, and a few looks say nothing.
    """
    look = case.look
    if look.outcome is not Outcome.UNCHECKED:
        return [0, NEVER]
    if look.reason != VisitReason.NO_KEY_FRAME:
        return before
    count, since_ns = min(before[0] + 1, _MOST_KEYLESS), look.at_ns if before[1] == NEVER else before[1]
    wanted = policy.no_key_frame_looks
    if wanted and count >= wanted and look.at_ns - since_ns >= policy.no_key_frame_seconds * NS_PER_S:
        finding = Finding(
            Fault.NO_MEDIA, look.reason, "looks_without_key_frame", float(count), float(wanted), float(count - wanted)
        )
        judged = case.judgement
        unsure = dict(judged.unchecked)
        unsure.pop(Fault.NO_MEDIA, None)
        case.judgement = replace(judged, found={**judged.found, Fault.NO_MEDIA: finding}, unchecked=unsure)
    return [count, since_ns]


# ---- one fault of one look


class _Mark(NamedTuple):
    """A look of a suspicion that a later one is held against: when, its likeness, and where a displaced view lay."""

    at_ns: int
    like: Sequence[float]
    place: Sequence[float]


def _one_fault(case: _Case, fault: Fault, rule: Confirmation) -> None:
    """Count the look for or against the fault."""
    look, name = case.look, fault.value
    fault_row, finding = case.open.get(name), case.judgement.found.get(fault)
    event = None
    if finding is not None and fault_row is not None and _lies_elsewhere(case, finding, fault_row):
        case.open[name] = _changed(case, fault_row, _place(case, finding))
    elif finding is not None and not _aimed_again(case, fault, fault_row, finding):
        last_good_ns = case.good.get(name, NEVER)
        evidence = _evidence(case, finding)
        held = fault in case.held
        if _may_be_two_buses(case, fault):
            rule = replace(rule, hidden_looks=0, confirm_seconds=TWO_BUSES * rule.confirm_seconds)
        after, event = faults.bad_look(
            fault_row, look.device, name, look.at_ns, last_good_ns, evidence, rule, held=held, dark=case.dark,
            alike=fault_row is not None and _is_as_before(case, finding, fault_row, rule),
        )  # fmt: skip
        if fault_row is None and rule.hidden_looks and _tells_alike(case, fault):
            after = {**after, "like": likeness(look)}
        if fault is Fault.MOVED:
            after = {"place": _place(case, finding), **after, "far": _far(finding)}
        case.open[name] = after
    elif fault not in case.judgement.unchecked:
        case.good[name] = look.at_ns
        if fault_row is not None and not _says_nothing(case, fault, fault_row):
            left, event = faults.good_look(fault_row, look.device, name, look.at_ns, rule)
            if left is None:
                del case.open[name]
            else:
                case.open[name] = left
    elif fault_row is not None and _is_stale(case, fault_row):
        _, event = faults.good_look(fault_row, look.device, name, look.at_ns, rule)
        del case.open[name]
    elif fault_row is not None and fault in _MUST_STAY and case.judgement.unchecked[fault] == Own.VIEW_CHANGES:
        case.open[name] = _changed(case, fault_row, [])
    if event is not None:
        case.events.append(event)


def _marks(fault_row: FaultRow) -> list[_Mark]:
    """The first bad look of a suspicion, and the last that showed something else and is the fault if it stays."""
    first = _Mark(fault_row["first_bad_ns"], fault_row.get("like", ()), fault_row.get("place", ()))
    other = fault_row.get("other")
    return [first] if other is None else [first, _Mark(*other)]


def _is_as_before(case: _Case, finding: Finding, fault_row: FaultRow, rule: Confirmation) -> bool:
    """Whether a bad look shows what one of the marks did, as long ago as the rule asks, and not much longer: what comes
    again when nothing could be checked for a while may be the light.
    """
    look, apart_ns = case.look, rule.confirm_seconds * NS_PER_S
    return _tells_alike(case, finding.fault) and any(
        apart_ns <= look.at_ns - mark.at_ns <= _MOST_APART * apart_ns
        and not _is_apart(mark.place, _place(case, finding))
        and (rule.any_picture or _shows(look, mark))
        for mark in _marks(fault_row)
    )


def _shows(look: Look, mark: _Mark) -> bool:
    """Whether a look shows the picture of a mark."""
    return is_like(look, mark.like) or (mark.at_ns == look.previous_at_ns and look.steady_share >= _STEADY_SHARE)


def _shows_a_mark(look: Look, fault_row: FaultRow) -> bool:
    return any(_shows(look, mark) for mark in _marks(fault_row))


def _tells_alike(case: _Case, fault: Fault) -> bool:
    """Whether the same picture twice says that a fault is still there. Not of one that shakes: a jolt, and the way
    back, are two steps, and the second shows the old view. Nor of what may be two buses.
    """
    if _may_be_two_buses(case, fault):
        return False
    if fault is not Fault.SHAKING or case.view is None:
        return True
    return math.hypot(*case.view.shift(case.look)) >= _AWAY_PIXELS


def _may_be_two_buses(case: _Case, fault: Fault) -> bool:
    """Whether something hides most of the view by night: there all buses are alike, and a second one may stand where
    the first did.
    """
    return fault is Fault.PARTLY_COVERED and case.dark and case.look.match_share < BESIDE_A_BUS


def _changed(case: _Case, fault_row: FaultRow, place: list[float]) -> FaultRow:
    """A suspicion after a look at something else than before: that is a fault if it stays."""
    return {**fault_row, "other": [case.look.at_ns, likeness(case.look), place]}


def _lies_elsewhere(case: _Case, finding: Finding, fault_row: FaultRow) -> bool:
    """Whether a camera that is suspected of having been moved shows something else than it did at its marks: it may
    shake, or what was taken for another view has passed.
    """
    if finding.fault is not Fault.MOVED or fault_row["phase"] != SUSPECT or "place" not in fault_row:
        return False
    now = _place(case, finding)
    return all(
        _is_apart(mark.place, now) or (bool(mark.place) != bool(now) and not is_like(case.look, mark.like))
        for mark in _marks(fault_row)
    )


def _is_apart(before: Sequence[float], now: Sequence[float]) -> bool:
    """Whether a view is displaced at both looks, and lies elsewhere."""
    if not before or not now:
        return False
    return math.dist(before, now) > _SAME_PLACE_PIXELS + _SAME_PLACE_SHARE * math.hypot(*now)


def _place(case: _Case, finding: Finding) -> list[float]:
    """Where a displaced view lies, [x, y] in grid pixels; empty for other findings."""
    if finding.reason != "view_displaced" or case.view is None:
        return []
    return [round(pixels, 3) for pixels in case.view.shift(case.look)]


def _says_nothing(case: _Case, fault: Fault, fault_row: FaultRow) -> bool:
    """Whether a good look by day says nothing about a fault that was seen only in the dark."""
    if not fault_row.get("dark", False) or case.dark or fault in _OF_THE_NETWORK:
        return False
    confirmed: bool = fault_row["phase"] == CONFIRMED
    return confirmed or not _is_stale(case, fault_row)


def _is_stale(case: _Case, fault_row: FaultRow) -> bool:
    """Whether a suspicion is too old to be held against a camera that could not be checked since."""
    since_ns: int = case.look.at_ns - fault_row["last_bad_ns"]
    return fault_row["phase"] == SUSPECT and since_ns >= STALE_SUSPICION_NS


def _far(finding: Finding) -> float:
    """How far a moved camera was displaced, grid pixels; -1 where it shows another view altogether."""
    return round(finding.value, 3) if finding.reason == "view_displaced" else -1.0


def _aimed_again(case: _Case, fault: Fault, fault_row: FaultRow | None, finding: Finding) -> bool:
    """Whether a camera that was confirmed as moved has been brought back near its old view by somebody."""
    if fault is not Fault.MOVED or fault_row is None or fault_row["phase"] != CONFIRMED:
        return False
    before, now = fault_row.get("far", -1.0), _far(finding)
    near = 0 <= now <= _AIMED_AGAIN_PIXELS and (before < 0 or now <= 0.5 * before)
    case.aimed_again = case.aimed_again or near
    return near


def _evidence(case: _Case, finding: Finding) -> Evidence:
    look = case.look
    measurements = {name: normals.figure(look, name) for name in normals.MEASURES}
    measurements |= {
        name: float(getattr(look, name))
        for name in ("dark_share", "bright_share", "blockiness", "changed_share", "shift_x", "shift_y",
                     "shift_certainty", "steady_share", "step_x", "step_y", "stripe_rows", "stripe_columns",
                     "torn_share", "speckle_share", "u_mean", "v_mean")
    }  # fmt: skip
    return Evidence(
        finding.reason,
        finding.measure,
        finding.value,
        finding.threshold,
        finding.margin,
        look.picture,
        look.previous,
        look.reference,
        "" if look.light is Light.UNKNOWN else look.light.name.lower(),
        measurements if look.outcome is Outcome.PICTURE else {},
    )


# ---- what is kept of the look


def _plain(words: LookHistory | Trace) -> dict[str, Any]:
    """A flat dataclass by name; `dataclasses.asdict` goes into depths that are not there, at each look."""
    return {name: getattr(words, name) for name in words.__dataclass_fields__}


def _write(state: State, case: _Case, row: Row, policy: CameraPolicy) -> Iterator[Event]:
    look, found = case.look, case.judgement.found
    looked = look.outcome is not Outcome.UNCHECKED or Fault.NO_MEDIA in found
    after: dict[str, Any] = {
        **row,
        "history": _plain(case.judgement.history),
        "trace": _plain(case.judgement.trace),
        "faults": case.open,
        "good": case.good,
    }
    if look.outcome is not Outcome.GLANCE:
        # What rules/answers.py tells: a glance answers nothing, and takes back nothing.
        after["judged_ns"] = look.at_ns
        after["unchecked"] = {fault.value: why for fault, why in case.judgement.unchecked.items()}
    if looked:
        gap = look.at_ns - row["last_look_ns"] > policy.unknown_after_seconds * NS_PER_S
        after["looking_since_ns"] = look.at_ns if gap else row["looking_since_ns"]
        after["last_look_ns"] = max(look.at_ns, row["last_look_ns"])
    bad = {fault for fault in found if fault.value in case.open and case.open[fault.value]["last_bad_ns"] == look.at_ns}
    if any(case.open[fault.value]["phase"] == CONFIRMED for fault in bad):
        after["confirmed_bad_ns"] = max(look.at_ns, row["confirmed_bad_ns"])
    state.put(ROOM, look.device, after)
    yield from case.events
    if looked:
        yield from standing.after_look(state, ROOM, look, bad, after, case.events, policy.degraded_faults)


def _learn(state: State, case: _Case, usual: Row, policy: CameraPolicy) -> Iterator[Event]:
    """What is in order is learned from."""
    look = case.look
    if look.outcome is not Outcome.PICTURE:
        return
    if case.aimed_again and Fault.MOVED.value not in case.open:
        yield from references.adopt_again(state, look, Adopted.REPAIRED)
        return
    pictured = [fault for fault in case.open if Fault(fault) not in _OF_THE_NETWORK]
    if case.judgement.found.keys() - _OF_THE_NETWORK or pictured or case.held or look.light is Light.UNKNOWN:
        references.interrupt(state, look.device)
        return
    unchecked = case.judgement.unchecked
    if Own.VIEW_CHANGES in unchecked.values() or Fault.BLACK in unchecked:
        references.interrupt(state, look.device)
        return
    if _may_be_stuck(case, usual["hours"]):
        # An hour that was day till now becomes no night by looks that may be a fault.
        references.interrupt(state, look.device)
        return
    typical = _is_typical(look, usual["usual"])
    after = {
        "usual": normals.learned(usual["usual"], look),
        "hours": hours.with_look(usual["hours"], look.at_ns, look.light),
    }
    state.put(USUAL, look.device, after)
    if unchecked.get(Fault.COVERED) in _SHOWS_TOO_LITTLE:
        references.interrupt(state, look.device)
        return
    yield from references.learn(state, look, policy.learning, typical=typical)


def _may_be_stuck(case: _Case, known: hours.Hours) -> bool:
    """Whether a picture without colour, of a camera whose nights are not known, was taken at an hour known as day."""
    unsure = Fault.INFRARED_STUCK in case.judgement.unchecked and case.look.light is Light.INFRARED
    return unsure and hours.is_mostly_day(known, case.look.at_ns)


def _is_typical(look: Look, rows: Row) -> bool:
    """Whether a look is as bright and as full of contrast as those by its light usually are: twilight stands for no
    day, nor does a day in snow.
    """
    mean, contrast = (normals.usual(rows, look.light, name) for name in ("mean", "relative_contrast"))
    bright = mean.known and abs(look.mean - mean.mean) <= _TYPICAL_BRIGHTNESS * mean.mean
    return bright and normals.figure(look, "relative_contrast") >= (1.0 - _TYPICAL_CONTRAST) * contrast.mean


def _after_work(state: State, look: Look) -> Iterator[Event]:
    """What is to be done once when declared work is over: a camera that was aimed anew is learned anew."""
    if WorkKind.RE_AIMING not in work.finish(state, look.device, look.at_ns):
        return
    yield from references.forget(state, look.device, Adopted.PLANNED, look.at_ns)
    if state.get(USUAL, look.device) is not None:
        state.drop(USUAL, look.device)
    row = state.get(ROOM, look.device)
    if row is None:
        return
    left = dict(row["faults"])
    for name, fault in row["faults"].items():
        if fault["phase"] == SUSPECT and Fault(name) not in _OF_THE_NETWORK:
            _, event = faults.good_look(fault, look.device, name, look.at_ns, Confirmation())
            del left[name]
            if event is not None:
                yield event
    state.put(ROOM, look.device, {**row, "history": None, "faults": left, "trace": None})
