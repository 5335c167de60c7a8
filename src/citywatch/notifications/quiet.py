"""Why somebody is not told of something: silences, and incidents that stand for their children."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from citywatch.domain.labels import Matcher
from citywatch.notifications.groups import INHIBITED, SILENCED, Member
from citywatch.notifications.news import Change
from citywatch.notifications.routes import Route, takers


def quiet_for(
    receiver: str, silences: Sequence[Matcher], above: Mapping[str, Change], root: Route
) -> Callable[[Member], str]:
    """What groups.flush asks, for one receiver.

    `silences` are those in force; `above` holds, by the cause of a fault that is part of an open incident, that
    incident's alert. A child is not told beside its incident: only a receiver that hears of the incident itself is
    spared the child.
    """

    def quiet(member: Member) -> str:
        incident = above.get(member.cause)
        if incident is not None and any(name == receiver for _, name in takers(root, incident)):
            return INHIBITED
        if any(silence.matches(member.labels) for silence in silences):
            return SILENCED
        return ""

    return quiet
