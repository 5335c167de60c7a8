"""Ids are made of causes; those of findings begin with their moment, and so does what is made of them."""

from __future__ import annotations

import uuid
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from citywatch.alerts.desk import alert_id
from citywatch.domain.events import EventKind, dated_id, event_id
from citywatch.tickets.rows import ticket_id

AT_NS = 1_795_362_928_621_624_929
MS = 1_000_000


def test_an_id_with_a_moment_is_a_uuid_of_version_8_and_sorts_by_it() -> None:
    ids = [dated_id(AT_NS + step * MS, "finding", "b", 7) for step in range(50)]
    assert all(first < second for first, second in pairwise(ids))
    found = uuid.UUID(ids[0])
    assert found.hex == ids[0]
    assert (found.version, found.variant) == (8, uuid.RFC_4122)
    assert int(ids[0][:12], 16) == AT_NS // MS


def test_what_is_made_of_such_an_id_has_its_moment() -> None:
    finding = dated_id(AT_NS, "finding", "b", 7)
    alert, ticket = alert_id(finding), ticket_id(finding)
    opened = event_id(EventKind.ALERT_OPENED, alert)
    escalated = event_id(EventKind.ALERT_ESCALATED, alert, 2)
    made = {finding, alert, ticket, opened, escalated, event_id(EventKind.ALERT_RESOLVED, alert)}
    assert len(made) == 6
    assert {name[:18] for name in made} == {finding[:18]}
    assert all(len(name) == 32 and uuid.UUID(name).version == 8 for name in made)


def test_ids_of_before_lead_to_the_same_alerts_and_tickets_as_before() -> None:
    # Written out: what is open at an upgrade is found again by these.
    assert event_id("finding", "found/b", "b", "key", 0) == "9975d28b628d65fe1ab06520389f25e9"
    assert alert_id("f48302454f3d9af85d21dd9b63eb1796") == "7b9c5cea2e3f725af9c5b5a0c8d9468a"
    assert ticket_id("f48302454f3d9af85d21dd9b63eb1796") == "2738689c7c5f288c6b4a3ace8180ea1f"


def test_only_what_an_id_is_of_gives_it_the_moment() -> None:
    finding = dated_id(AT_NS, "finding", "b", 7)
    assert finding[12:18] not in event_id("command", "somebody", finding)
    assert finding[12:18] not in event_id(finding)
    assert finding[12:18] not in event_id("under", f"{finding}0")


@given(st.integers(-(2**63), 2**63 - 1), st.text(), st.integers())
def test_any_moment_gives_an_id_of_32_digits(at_ns: int, word: str, number: int) -> None:
    name = dated_id(at_ns, word, number)
    assert len(bytes.fromhex(name)) == 16
    assert name == dated_id(at_ns, word, number)
    assert event_id("alert", name)[:18] == name[:18]
