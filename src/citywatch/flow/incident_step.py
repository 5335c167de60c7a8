"""The step of the incident stage: rows handed on by the partitions in, incidents and their desks out.

A pure function of what each partition hands on, in whatever order it comes in: an instant is decided when every
partition has passed it, its rows then go by (device, number within their partition). Instants that nothing is handed
on at, and at which nothing has waited long enough, decide nothing; so it does not matter which ticks were shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from citywatch.alerts import desk as alerts
from citywatch.alerts import windows
from citywatch.domain.commands import CommandBatch, Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.incidents import COMMAND, MARK, SIGHTING, Onward, OnwardBatch
from citywatch.domain.state import Row, State
from citywatch.flow.desks import Desks, next_due
from citywatch.rules import detours, incidents
from citywatch.rules.detours import DetourPolicy
from citywatch.rules.incidents import IncidentPolicy, Moment
from citywatch.tickets import desk as tickets

MARKS = "mark"
ROWS = "row"
_CLOCK = "clock"
_TOLD_BY_PARTITION = frozenset(
    {
        EventKind.FAULT_CONFIRMED,
        EventKind.FAULT_CLEARED,
        EventKind.FAULT_SEEN,
        EventKind.CAMERA_REMOVED,
        EventKind.DEVICE_RETIRED,
    }
)


@dataclass(frozen=True, slots=True)
class IncidentStep:
    """The rule of incidents, bound to its policies, with desks of its own."""

    policy: IncidentPolicy = field(default_factory=IncidentPolicy)
    desks: Desks = field(default_factory=Desks)
    detours: DetourPolicy = field(default_factory=DetourPolicy)

    def take(self, state: State, partition: int, batch: OnwardBatch) -> None:
        """Keep what a partition has handed on until its instant can be decided."""
        mark = state.get(MARKS, str(partition)) or {"tick_ns": 0, "rows": 0}
        tick_ns, number = mark["tick_ns"], mark["rows"]
        for row in batch.rows():
            if row.kind == MARK:
                tick_ns = max(tick_ns, row.tick_ns)
            else:
                number += 1
                state.put(ROWS, f"{partition}.{number}", {"number": number, **row._asdict()})
        state.put(MARKS, str(partition), {"tick_ns": tick_ns, "rows": number})

    def advance(self, state: State, partitions: int) -> list[Event]:
        """Decide every instant that all partitions have passed and that is not decided yet."""
        passed_ns = watermark(state, partitions)
        clock = state.get(_CLOCK, _CLOCK) or {"decided_ns": -1, "passed_ns": 0}
        if passed_ns <= clock["passed_ns"]:
            return []
        events: list[Event] = []
        rows = _by_instant(state, passed_ns)
        decided_ns = clock["decided_ns"]
        while (at_ns := _next(state, rows, decided_ns)) is not None and at_ns < passed_ns:
            events += self._decide(state, at_ns, rows.pop(at_ns, []))
            decided_ns = max(at_ns, decided_ns)
        state.put(_CLOCK, _CLOCK, {"decided_ns": decided_ns, "passed_ns": passed_ns})
        return events

    def verdicts(self, state: State) -> CommandBatch | None:
        """What partitions are to be told of their devices, in the order of its instants; None for nothing. It is told
        again until `heard` says that it was: who is told twice makes nothing of it.
        """
        rows = sorted((row["at_ns"], cause, row) for cause, row in state.room(incidents.BACK))
        if not rows:
            return None
        args = [json.dumps(self._verdict(state, row), separators=(",", ":"), ensure_ascii=False) for _, _, row in rows]
        return CommandBatch(
            device=tuple(row["device"] for _, _, row in rows),
            at_ns=np.array([at_ns for at_ns, _, _ in rows], np.int64),
            command=tuple(
                event_id("command", Verb.PARENT_AWAY, cause, row["incident"], row["root"], at_ns)
                for at_ns, cause, row in rows
            ),
            verb=(Verb.PARENT_AWAY.value,) * len(rows),
            target=tuple(cause for _, cause, _ in rows),
            actor=("",) * len(rows),
            args=tuple(args),
        )

    def heard(self, state: State, told: CommandBatch) -> None:
        """This has been told, and is in the log."""
        for cause, at_ns in zip(told.target, told.at_ns.tolist(), strict=True):
            row = state.get(incidents.BACK, cause)
            if row is not None and row["at_ns"] == at_ns:
                state.drop(incidents.BACK, cause)

    def _verdict(self, state: State, row: Row) -> Row:
        root = row["root"]
        node = state.get(incidents.NODE, root) or {}
        who = self.desks.register.of(root, node.get("kind", ""), node.get("site", "")).contractor if root else ""
        return {"incident": row["incident"], "root": root, "contractor": who, "late_ns": row["late_ns"]}

    def _decide(self, state: State, at_ns: int, rows: list[tuple[str, Row]]) -> Iterator[Event]:
        moment = Moment(at_ns)
        for name, kept in rows:
            row = Onward(**{column: kept[column] for column in Onward._fields})
            state.drop(ROWS, name)
            data = json.loads(row.data)
            if row.kind == COMMAND:
                yield from _obeyed(state, row, data, self.desks, at_ns)
                continue
            if row.kind == SIGHTING:
                for event in detours.on_sighting(state, row, data, self.detours):
                    yield event
                    yield from self._desks(state, event, at_ns)
                continue
            for event in incidents.on_row(state, row, data, moment, self.policy):
                yield event
                yield from self._desks(state, event, at_ns)
            if row.kind == EventKind.WORK_DECLARED:
                yield from self.desks.work_declared(state, _event(row, data))
            if row.kind in _TOLD_BY_PARTITION:
                yield from self._desks(state, _event(row, data), at_ns)
        yield from self.desks.on_tick(state, at_ns)
        if all(kept["kind"] == SIGHTING for _, kept in rows) and incidents.next_due(state, at_ns - 1) != at_ns:
            # What is no instant of theirs decides nothing for incidents: they are as if there were no routes.
            return
        for event in incidents.decide(state, moment, self.policy):
            yield event
            yield from self._desks(state, event, at_ns)

    def _desks(self, state: State, event: Event, now_ns: int) -> Iterator[Event]:
        if event.kind is EventKind.FAULT_CONFIRMED:
            return
        yield from self.desks.hear(state, event, now_ns)


def watermark(state: State, partitions: int) -> int:
    """The tick that every partition has seen; 0 as long as one has seen none."""
    marks = [state.get(MARKS, str(partition)) for partition in range(partitions)]
    return min(0 if mark is None else int(mark["tick_ns"]) for mark in marks)


def _by_instant(state: State, before_ns: int) -> dict[int, list[tuple[str, Row]]]:
    """The rows of instants before `before_ns`, each instant's by (device, number)."""
    found: dict[int, list[tuple[str, Row]]] = {}
    for name, row in state.room(ROWS):
        if row["tick_ns"] < before_ns:
            found.setdefault(row["tick_ns"], []).append((name, row))
    for rows in found.values():
        rows.sort(key=lambda item: (item[1]["device"], item[1]["number"]))
    return found


def _next(state: State, rows: Iterable[int], decided_ns: int) -> int | None:
    # What is due at the desks is taken at the first instant that is decided from then on, so none of it lies behind.
    dues = (incidents.next_due(state, decided_ns), next_due(state))
    return min((*rows, *(due_ns for due_ns in dues if due_ns is not None)), default=None)


def _event(row: Onward, data: Mapping[str, Any]) -> Event:
    """The event as the partition has told it; its id is not needed."""
    return Event("", EventKind(row.kind), row.device, row.at_ns, row.cause, data)


def _obeyed(state: State, row: Onward, told: Mapping[str, Any], desks: Desks, now_ns: int) -> Iterator[Event]:
    target, given = told["target"], {"at_ns": row.at_ns, "actor": told["actor"], "command": row.cause}
    if told["verb"] in windows.OF_ALL_PARTITIONS:
        done = desks.obey_for_the_city(state, told["verb"], target, told["args"], now_ns, **given)
        if isinstance(done, list):
            yield from done[1:]  # the window itself every partition has told
        return
    answer: Event | list[Event] | str
    match told["verb"]:
        case Verb.ACKNOWLEDGE_ALERT:
            answer = alerts.acknowledge(state, target, **given)
        case verb if verb in tickets.VERBS:
            answer = desks.obey(state, verb, target, told["args"], **given)
            if verb == Verb.HANDLE_TICKET and isinstance(answer, list):
                incident, asked = tickets.cause_of(state, target), told["args"].get("children", ())
                incidents.repair_reported(state, row.device, incident, asked, row.at_ns)
        case _:
            answer = "unknown_verb"
    if isinstance(answer, Event):
        yield answer
    elif isinstance(answer, list):
        yield from answer
    elif answer != "repeated":
        data = {"command": row.cause, "verb": told["verb"], "target": target, "actor": told["actor"], "reason": answer}
        kind = EventKind.COMMAND_REFUSED
        yield Event(event_id(kind, row.cause), kind, row.device, row.at_ns, "", data)
