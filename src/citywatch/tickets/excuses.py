"""Time of a ticket's device that its contract leaves out: meanwhile the ticket's clocks stand.

That is declared maintenance (windows), declared work, and the outage of a parent that somebody else answers for.
Asked of an instant, the answer is what was known at that instant: what is declared afterwards, ended or withdrawn
stops or starts clocks from then on, and what a clock has counted before stays as it was counted. (The figures of a
report, as known now, leave the whole time out.) So the answer is the same whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from citywatch.alerts.windows import WINDOW, take_in
from citywatch.domain.labels import Matcher
from citywatch.domain.service import NEVER_NS
from citywatch.domain.state import Row, State
from citywatch.domain.windows import DEVICE_LABELS, MAINTENANCE
from citywatch.sla.windows import in_force, occurrences
from citywatch.tickets import disabled
from citywatch.tickets.policy import TicketPolicy

_MOST_REMEMBERED = 20_000
_MOST_STEPS = 60
"""So many windows one behind the other are looked through for the end of them all; there are hardly ever two."""
_NEVER_SET_NS = -1


class Excuse(NamedTuple):
    """`until_ns`: when it is over, as things are known, 0 when there is none now, NEVER_NS when nobody knows.
    `again_ns`: ask again then at the latest, None for never. `by`: the id of what lasts longest (a window, work, or an
    incident), `word`: what contracts call that; `window`: the id once more, where it is a window.
    """

    until_ns: int
    again_ns: int | None
    by: str
    word: str
    window: str


NONE = Excuse(0, None, "", "", "")


def labels_of(labels: Mapping[str, str]) -> dict[str, str]:
    """Of all labels of an opening, those that windows may match; what is not known is left out."""
    return {name: labels[name] for name in sorted(DEVICE_LABELS & labels.keys()) if labels[name]}


def excuse(state: State, row: Mapping[str, Any], at_ns: int, policy: TicketPolicy) -> Excuse:
    """What excuses a ticket at an instant."""
    if not row["contract"]:
        return NONE
    windows, items = _Windows.of(state).about(row["device"], row["labels"]), disabled.of(state, row["device"])
    if not windows and not items:
        return NONE
    until_ns, by, word, window_by, again = at_ns, "", "", "", []
    for name, window in windows:
        end_ns, again_ns = in_force(window, at_ns, known_ns=at_ns)
        again.append(again_ns)
        if end_ns > until_ns and _is_left_out(window, row["contract"], at_ns, policy):
            until_ns, by, word, window_by = end_ns, name, MAINTENANCE, name
    left_out = [item for item in items if _item_is_left_out(item, row, policy)]
    for item in left_out:
        end_ns, again_ns = _lasts(item, at_ns)
        again.append(again_ns)
        if end_ns > until_ns:
            until_ns, by, word, window_by = end_ns, item["by"], item["word"], ""
    ask_ns = min((one for one in again if one is not None), default=None)
    if not by:
        return Excuse(0, ask_ns, "", "", "")
    for _ in range(_MOST_STEPS):
        ends = [in_force(window, until_ns, known_ns=at_ns)[0] for _, window in windows] if until_ns < NEVER_NS else []
        ends += [_lasts(item, until_ns)[0] for item in left_out]
        if not any(ends):
            break
        until_ns = max(ends)
    return Excuse(until_ns, ask_ns, by, word, window_by)


def _lasts(item: disabled.Item, at_ns: int) -> tuple[int, int | None]:
    """As of sla.windows.in_force."""
    begin_ns, end_ns = item["from_ns"], item["to_ns"]
    if at_ns < begin_ns:
        return 0, begin_ns
    if end_ns is None:
        return (NEVER_NS, None) if at_ns < NEVER_NS else (0, None)
    return (end_ns, end_ns) if at_ns < end_ns else (0, None)


def _item_is_left_out(item: disabled.Item, row: Mapping[str, Any], policy: TicketPolicy) -> bool:
    contracts, contract = policy.contracts, row["contract"]
    others = None
    if item["about"]:
        others = contracts.others_answer(contract, row["device"], row["labels"], item["about"], item["contractor"])
    return contracts.leaves_out(contract, item["word"], item["late_ns"], others)


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
