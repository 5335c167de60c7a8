"""Maintenance of a ticket's device that its contract leaves out: meanwhile the ticket's clocks stand.

Asked of an instant, the answer is what was known at that instant: a window that is declared afterwards, ended or
withdrawn stops or starts clocks from then on, and what a clock has counted before stays as it was counted. (The figures
of a report, as known now, leave the whole time out.) So the answer is the same whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from citywatch.alerts.windows import WINDOW, take_in
from citywatch.domain.labels import Matcher
from citywatch.domain.state import Row, State
from citywatch.domain.windows import DEVICE_LABELS, MAINTENANCE
from citywatch.sla.windows import in_force, occurrences
from citywatch.tickets.policy import TicketPolicy

_MOST_REMEMBERED = 20_000
_MOST_STEPS = 60
"""So many windows one behind the other are looked through for the end of them all; there are hardly ever two."""
_NEVER_SET_NS = -1


class Excuse(NamedTuple):
    """`until_ns`: when it is over, as things are known, 0 when there is none now. `again_ns`: ask again then at the
    latest, None for never. `window`: the id of the one that lasts longest.
    """

    until_ns: int
    again_ns: int | None
    window: str


NONE = Excuse(0, None, "")


def labels_of(labels: Mapping[str, str]) -> dict[str, str]:
    """Of all labels of an opening, those that windows may match; what is not known is left out."""
    return {name: labels[name] for name in sorted(DEVICE_LABELS & labels.keys()) if labels[name]}


def excuse(state: State, row: Mapping[str, Any], at_ns: int, policy: TicketPolicy) -> Excuse:
    """What excuses a ticket at an instant."""
    if not row["contract"]:
        return NONE
    windows = _Windows.of(state).about(row["device"], row["labels"])
    if not windows:
        return NONE
    until_ns, which, again = at_ns, "", []
    for name, window in windows:
        end_ns, again_ns = in_force(window, at_ns, known_ns=at_ns)
        if again_ns is not None:
            again.append(again_ns)
        if end_ns > until_ns and _is_left_out(window, row["contract"], at_ns, policy):
            until_ns, which = end_ns, name
    if not which:
        return Excuse(0, min(again, default=None), "")
    for _ in range(_MOST_STEPS):
        ends = [in_force(window, until_ns, known_ns=at_ns)[0] for _, window in windows]
        if not any(ends):
            break
        until_ns = max(ends)
    return Excuse(until_ns, min(again, default=None), which)


def _is_left_out(window: Row, contract: str, at_ns: int, policy: TicketPolicy) -> bool:
    # Windows that were set by the release before this one do not say when.
    set_ns = window.get("set_at_ns", _NEVER_SET_NS)
    times = occurrences(window, window["from_ns"], at_ns + 1, known_ns=at_ns) if window["from_ns"] < set_ns else []
    late_ns = set_ns - times[-1][0] if times else 0
    return policy.contracts.leaves_out(contract, MAINTENANCE, late_ns)


class _Windows:
    """The windows that are kept, and which of them are about a device."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._moved = state.follow(WINDOW)
        self._windows: dict[str, tuple[Matcher, Row]] = {}
        self._about: dict[tuple[object, ...], Sequence[tuple[str, Row]]] = {}

    @classmethod
    def of(cls, state: State) -> _Windows:
        return state.derived("windows of tickets", lambda: cls(state))

    def about(self, device: str, labels: Mapping[str, str]) -> Sequence[tuple[str, Row]]:
        """By id."""
        if self._moved:
            self._take_in()
        if not self._windows:
            return ()
        key: tuple[object, ...] = (device, *labels.items())
        found = self._about.get(key)
        if found is None:
            told = {**dict.fromkeys(DEVICE_LABELS, ""), **labels, "device": device}
            found = [(name, row) for name, (matcher, row) in sorted(self._windows.items()) if matcher.matches(told)]
            if len(self._about) >= _MOST_REMEMBERED:
                self._about.clear()
            self._about[key] = found
        return found

    def _take_in(self) -> None:
        take_in(self._state, self._moved, self._windows)
        self._about.clear()
