"""Silences and maintenance windows as the step keeps them: whether a command is lawful, and what is in force.

A row `window/<id>` is kept for a month behind the window's end, so that a mistaken one can still be withdrawn; a row
`silence/<id>` until its end. A silence is here for its own commands alone: what is quiet is asked of the table.
Every partition, and the incident stage, keeps the same windows: each is given the same commands, and an answer depends
on nothing but them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from citywatch.domain import dues
from citywatch.domain.commands import CITY, Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Labels, Matcher
from citywatch.domain.state import Row, State
from citywatch.domain.windows import MAINTENANCE, MOST_BACK_NS, Refused, Silence, Window
from citywatch.sla.windows import in_force

WINDOW = "window"
SILENCE = "silence"
DUE = "window-due"
MOST = 1_000
"""The most windows, and the most silences, that are kept at a time."""
WITHDRAWN_WITHIN_NS = 31 * 86_400 * NS_PER_S

VERBS = frozenset({Verb.SET_SILENCE, Verb.END_SILENCE, Verb.SET_WINDOW, Verb.END_WINDOW})
OF_ALL_PARTITIONS = frozenset({Verb.SET_WINDOW, Verb.END_WINDOW})


def obey(
    state: State, verb: str, target: str, args: Mapping[str, Any], *, at_ns: int, actor: str, command: str
) -> Event | str:
    """The event of a command, or why it is refused: `not_open`, `already_ended`, `over_already`, `too_many`; `repeated`
    for the same command. KeyError, TypeError or ValueError for args that no door of ours has written.
    """
    match verb:
        case Verb.SET_SILENCE:
            return _set_silence(state, Silence.of(args), at_ns, actor, command)
        case Verb.END_SILENCE:
            return _end_silence(state, target, at_ns, actor, command)
        case Verb.SET_WINDOW:
            return _set_window(state, Window.of(args), at_ns, actor, command)
        case _:
            return _end_window(state, target, bool(args.get("withdraw", False)), at_ns, actor, command)


def on_tick(state: State, now_ns: int) -> None:
    """Forget what can no longer be ended."""
    for _, what in dues.taken(state, DUE, now_ns):
        room, _, name = what.partition(".")
        state.drop(room, name)


def matcher_of(state: State, window: str) -> Matcher:
    """Whom a window is about. KeyError for one that is not kept."""
    row = state.get(WINDOW, window)
    if row is None:
        raise KeyError(window)
    return Matcher.of(row["matcher"])


def until_ns(state: State, labels: Labels, now_ns: int) -> int:
    """Until when a window in force at this instant is about what has these labels; 0 for none."""
    return state.derived("windows in force", lambda: _InForce(state)).until_ns(labels, now_ns)


def _set_silence(state: State, silence: Silence, at_ns: int, actor: str, command: str) -> Event | str:
    if state.get(SILENCE, command) is not None:
        return "repeated"
    if silence.to_ns <= at_ns:
        return Refused.OVER_ALREADY.value
    if state.size(SILENCE) >= MOST:
        return Refused.TOO_MANY.value
    state.put(SILENCE, command, {"to_ns": silence.to_ns, "ended": ""})
    dues.put(state, DUE, silence.to_ns, f"{SILENCE}.{command}")
    data = {"silence": command, **silence.to_json(), "actor": actor, "command": command}
    return _event(EventKind.SILENCE_SET, command, at_ns, data)


def _end_silence(state: State, silence: str, at_ns: int, actor: str, command: str) -> Event | str:
    row = state.get(SILENCE, silence)
    if row is None:
        return "not_open"
    if row["ended"]:
        return "repeated" if row["ended"] == command else "already_ended"
    state.put(SILENCE, silence, {**row, "ended": command})
    data = {"silence": silence, "actor": actor, "command": command}
    return _event(EventKind.SILENCE_ENDED, silence, at_ns, data)


def _set_window(state: State, window: Window, at_ns: int, actor: str, command: str) -> Event | str:
    if state.get(WINDOW, command) is not None:
        return "repeated"
    if window.from_ns < at_ns - MOST_BACK_NS:
        return Refused.OVER_ALREADY.value
    if state.size(WINDOW) >= MOST:
        return Refused.TOO_MANY.value
    told = window.to_json()
    kept = {name: told[name] for name in ("matcher", "from_ns", "to_ns", "rule")}
    open_row = {"set_at_ns": at_ns, "ended_at_ns": None, "withdrawn": False, "ended": ""}
    state.put(WINDOW, command, {**kept, **open_row})
    # A window that was declared afterwards can be withdrawn for as long as any other.
    forget_ns = max(window.to_ns, at_ns) + WITHDRAWN_WITHIN_NS
    dues.put(state, DUE, forget_ns, f"{WINDOW}.{command}")
    reason = told.pop("reason")
    data = {
        "window": command,
        "kind": MAINTENANCE,
        **told,
        "reason": reason,
        "actor": actor,
        "command": command,
    }
    return _event(EventKind.WINDOW_SET, command, at_ns, data)


def _end_window(state: State, window: str, withdraw: bool, at_ns: int, actor: str, command: str) -> Event | str:
    row = state.get(WINDOW, window)
    if row is None or (not withdraw and not row["ended"] and row["to_ns"] <= at_ns):
        return "not_open"
    if row["ended"]:
        return "repeated" if row["ended"] == command else "already_ended"
    state.put(WINDOW, window, {**row, "ended_at_ns": at_ns, "withdrawn": withdraw, "ended": command})
    data = {"window": window, "withdraw": withdraw, "actor": actor, "command": command}
    return _event(EventKind.WINDOW_ENDED, window, at_ns, data)


def _event(kind: EventKind, identity: str, at_ns: int, data: Mapping[str, Any]) -> Event:
    return Event(event_id(kind, identity), kind, CITY, at_ns, identity, data)


def take_in(state: State, moved: set[str], windows: dict[str, tuple[Matcher, Row]]) -> None:
    """Follow the rows of windows that were put or dropped; `moved` is empty then."""
    for name in moved:
        row = state.get(WINDOW, name)
        if row is None:
            windows.pop(name, None)
        else:
            windows[name] = (Matcher.of(row["matcher"]), row)
    moved.clear()


class _InForce:
    """The windows that are in force, asked anew when one is set or ended, begins or ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._moved = state.follow(WINDOW)
        self._windows: dict[str, tuple[Matcher, Row]] = {}
        self._active: list[tuple[Matcher, int]] = []
        self._from_ns, self._to_ns = 0, 0

    def until_ns(self, labels: Labels, now_ns: int) -> int:
        if self._moved or not self._from_ns <= now_ns < self._to_ns:
            self._ask(now_ns)
        return max((until for matcher, until in self._active if matcher.matches(labels)), default=0)

    def _ask(self, now_ns: int) -> None:
        take_in(self._state, self._moved, self._windows)
        self._active, self._from_ns, self._to_ns = [], now_ns, 2**63 - 1
        for matcher, row in self._windows.values():
            until, again = in_force(row, now_ns)
            if until:
                self._active.append((matcher, until))
            if again is not None:
                self._to_ns = min(self._to_ns, again)
