"""From looks at a camera to its faults and its state.

A look is judged (rules/judgement.py), what is found is held against what raised its suspicion (rules/suspicions.py),
confirmed or cleared (rules/faults.py) by the rule of its fault (rules/confirmations.py), and what is in order is
learned from (rules/learning.py). Three rows of state a camera: `camera` (faults, and what the last look leaves),
`usual` (what is usual of it) and `reference`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, FrameBatch, Light, Outcome, VisitReason
from citywatch.domain.state import Row, State
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.domain.work import WorkKind
from citywatch.kernels import liveness
from citywatch.rules import answers, devices, faults, hours, learning, normals, references, standing, suspicions, work
from citywatch.rules.camera_case import OF_THE_NETWORK, Case
from citywatch.rules.comparison import DEFAULT as OWN
from citywatch.rules.comparison import Own, OwnThresholds, Trace
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.faults import CONFIRMED, NEVER, SUSPECT, Confirmation, Evidence, FaultRow
from citywatch.rules.judgement import judge
from citywatch.rules.last_seen import LastSeen, Seen
from citywatch.rules.likeness import likeness
from citywatch.rules.pictures import Finding, Look, LookHistory, looks
from citywatch.rules.references import Adopted, LearningPolicy

ROOM = answers.ROOM
USUAL = learning.ROOM
ROOMS = (ROOM, USUAL, references.ROOM, work.ROOM)
"""Every room with a row for each camera: they go with it."""

_BY_DAY = frozenset({Light.DAY, Light.UNKNOWN})
_MUST_STAY = {
    Fault.MOVED: frozenset({Own.VIEW_CHANGES.value, Own.LIGHT_CHANGES.value}),
    Fault.PARTLY_COVERED: frozenset({Own.VIEW_CHANGES.value}),
}
"""What a look showed that could not be checked for this reason is the suspected fault, if it stays: look 2 of a camera
that was moved while a bus passed."""
_AIMED_AGAIN_PIXELS = 24.0
"""After a repair the view may lie this far from the old one, grid pixels, and is learned anew."""
_MOST_KEYLESS = 1000


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
    yield from learning.learn(state, case, usual, policy.learning)


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


def _judged(state: State, look: Look, row: Row, usual: Row, policy: CameraPolicy) -> Case:
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
    judgement = suspicions.still_fog(look, judgement, row["faults"].get(Fault.LOW_CONTRAST.value), policy.own)
    return Case(
        look,
        dict(row["faults"]),
        dict(row["good"]),
        judgement,
        view,
        work.explained(state, look.device, look.at_ns),
        hours.is_dark(usual["hours"], look.at_ns),
        look.light in _BY_DAY or hours.is_mostly_day(usual["hours"], look.at_ns),
    )


def _keyless(case: Case, before: list[int], policy: CameraPolicy) -> list[int]:
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


def _one_fault(case: Case, fault: Fault, rule: Confirmation) -> None:
    """Count the look for or against the fault."""
    look, name = case.look, fault.value
    fault_row, finding = case.open.get(name), case.judgement.found.get(fault)
    event = None
    if finding is not None and fault_row is not None and suspicions.lies_elsewhere(case, finding, fault_row):
        case.open[name] = suspicions.changed(case, fault_row, suspicions.place(case, finding))
    elif finding is not None and not _aimed_again(case, fault, fault_row, finding):
        last_good_ns = case.good.get(name, NEVER)
        evidence = _evidence(case, finding)
        held = fault in case.held
        if suspicions.may_be_two_buses(case, fault):
            rule = replace(rule, hidden_looks=0, confirm_seconds=suspicions.TWO_BUSES * rule.confirm_seconds)
        after, event = faults.bad_look(
            fault_row, look.device, name, look.at_ns, last_good_ns, evidence, rule, held=held, dark=case.dark,
            alike=fault_row is not None and suspicions.is_as_before(case, finding, fault_row, rule),
        )  # fmt: skip
        if fault_row is None and rule.hidden_looks and suspicions.tells_alike(case, fault):
            after = {**after, "like": likeness(look)}
        if suspicions.is_broken(finding):
            after = {**after, "broken": True, "torn": suspicions.is_torn(finding)}
        if fault is Fault.MOVED:
            after = {"place": suspicions.place(case, finding), **after, "far": _far(finding)}
        case.open[name] = after
    elif fault not in case.judgement.unchecked:
        event = _one_good_look(case, fault, fault_row, rule)
    elif fault_row is not None and suspicions.is_stale(case, fault_row):
        _, event = faults.good_look(fault_row, look.device, name, look.at_ns, rule)
        del case.open[name]
    elif fault_row is not None and case.judgement.unchecked[fault] in _MUST_STAY.get(fault, ()):
        case.open[name] = suspicions.changed(case, fault_row, suspicions.surely_at(case))
    if event is not None:
        case.events.append(event)


def _one_good_look(case: Case, fault: Fault, fault_row: FaultRow | None, rule: Confirmation) -> Event | None:
    """Count the look against the fault."""
    look, name = case.look, fault.value
    case.good[name] = look.at_ns
    if fault_row is None or suspicions.says_nothing(case, fault, fault_row):
        return None
    if suspicions.comes_and_goes(case, fault_row):
        case.open[name] = suspicions.whole_once(case, fault_row)
        return None
    left, event = faults.good_look(fault_row, look.device, name, look.at_ns, rule)
    if left is None:
        del case.open[name]
    else:
        case.open[name] = left
    return event


def _far(finding: Finding) -> float:
    """How far a moved camera was displaced, grid pixels; -1 where it shows another view altogether."""
    return round(finding.value, 3) if finding.reason == "view_displaced" else -1.0


def _aimed_again(case: Case, fault: Fault, fault_row: FaultRow | None, finding: Finding) -> bool:
    """Whether a camera that was confirmed as moved has been brought back near its old view by somebody."""
    if fault is not Fault.MOVED or fault_row is None or fault_row["phase"] != CONFIRMED:
        return False
    before, now = fault_row.get("far", -1.0), _far(finding)
    # Nearer than it counts as moved only a lens lies that was drawn to a lit front: nobody aimed that.
    near = OWN.moved_pixels <= now <= _AIMED_AGAIN_PIXELS and (before < 0 or now <= 0.5 * before)
    case.aimed_again = case.aimed_again or near
    return near


def _evidence(case: Case, finding: Finding) -> Evidence:
    look = case.look
    measurements = {name: normals.figure(look, name) for name in normals.MEASURES}
    measurements |= {
        name: float(getattr(look, name))
        for name in ("dark_share", "bright_share", "blockiness", "changed_share", "shift_x", "shift_y",
                     "shift_certainty", "steady_share", "step_x", "step_y", "coarse_correlation", "coarse_transfer",
                     "transfer_ratio", "detail_ratio", "stripe_rows", "stripe_columns", "torn_share", "speckle_share",
                     "u_mean", "v_mean")
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


def _write(state: State, case: Case, row: Row, policy: CameraPolicy) -> Iterator[Event]:
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
        if fault["phase"] == SUSPECT and Fault(name) not in OF_THE_NETWORK:
            _, event = faults.good_look(fault, look.device, name, look.at_ns, Confirmation())
            del left[name]
            if event is not None:
                yield event
    state.put(ROOM, look.device, {**row, "history": None, "faults": left, "trace": None})
