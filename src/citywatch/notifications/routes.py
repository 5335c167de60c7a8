"""Routes: which receivers are told of a change, grouped how, and how often. A tree; the first branch that fits is
taken, and the next ones too where it says `continue`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.notifications.news import TICKET, Change

EACH = "each"
"""In `group_by`: every alert by itself."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`wait` until a new group is told of, `interval` between what is told of a group, `repeat` while something of it
    is open and nobody has acknowledged it (0: never). Nanoseconds.
    """

    wait_ns: int = 30 * NS_PER_S
    interval_ns: int = 300 * NS_PER_S
    repeat_ns: int = 14_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Route:
    """One branch. `level` is the step of escalation from which it is taken; `mute` names calendars in which it waits.

    `receivers`, `group_by`, `changes`, `mute` and `timing` are whole: what a branch did not say itself it has from the
    one above it.
    """

    match: Matcher
    receivers: tuple[str, ...]
    changes: frozenset[str]
    group_by: tuple[str, ...] = ("alert",)
    timing: Timing = Timing()
    level: int = 0
    mute: tuple[str, ...] = ()
    goes_on: bool = False
    branches: tuple[Route, ...] = ()
    key: str = field(init=False)
    """The same for the same route after a restart, wherever it stands in the configuration."""

    def __post_init__(self) -> None:
        said = [self.match.to_json(), sorted(self.receivers), self.group_by, self.level, sorted(self.changes)]
        digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()
        object.__setattr__(self, "key", digest)

    def fits(self, change: Change) -> bool:
        """Whether the change takes this branch."""
        return change.level >= self.level and self.match.matches(change.labels)

    def tells(self, change: Change) -> bool:
        return change.what in self.changes

    def of(self, change: Change) -> Iterator[Route]:
        """The routes that a change takes from here on, this one where none of its branches fits."""
        found = False
        for branch in self.branches:
            if branch.fits(change):
                found = True
                yield from branch.of(change)
                if not branch.goes_on:
                    return
        if not found:
            yield self

    def all(self) -> Iterator[Route]:
        yield self
        for branch in self.branches:
            yield from branch.all()


def group_id(route: Route, receiver: str, change: Change) -> str:
    """The group of a change: never real and exercise together, nor alerts and tickets."""
    kind = TICKET if change.what.startswith(TICKET) else "alert"
    own = change.subject if EACH in route.group_by else ""
    said = [route.key, receiver, kind, own, sorted(group_labels(route, change).items())]
    return hashlib.blake2b(json.dumps(said, ensure_ascii=False).encode(), digest_size=16).hexdigest()


def group_labels(route: Route, change: Change) -> dict[str, str]:
    """What all of a group have in common."""
    names: Sequence[str] = [*(name for name in route.group_by if name != EACH), "exercise"]
    return {name: change.labels.get(name, "") for name in names}


def takers(root: Route, change: Change) -> list[tuple[Route, str]]:
    """Each receiver of a change once, with the first route that leads to it."""
    found: dict[str, Route] = {}
    for route in root.of(change):
        for receiver in route.receivers:
            found.setdefault(receiver, route)
    return [(route, receiver) for receiver, route in found.items()]
