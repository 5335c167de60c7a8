"""A city's fleet: as many alerts and tickets as incidents, whatever the number of cameras behind them."""

from __future__ import annotations

import pytest
from benchmarks.incidents import CAMERAS, SWITCHES, fleet, lived, outage

from citywatch.domain.events import EventKind

MIB = 1 << 20


@pytest.mark.parametrize("at_once", [False, True])
def test_half_of_a_fleet_of_thousands_vanishes(at_once):
    seconds = outage(fleet(), at_once=at_once)
    outcome, dead = lived(seconds), SWITCHES // 2
    for kind in ("incident_opened", "alert_opened", "ticket_filed", "incident_closed", "ticket_verified"):
        assert outcome.kinds[kind] == dead, kind
    assert outcome.kinds["fault_released"] == 0
    named = {
        child["device"]
        for event in outcome.events
        if event.kind in (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED)
        for child in event.data.get("children", event.data.get("joined"))
    }
    fallen = {row.device for rows in seconds.values() for row in rows if row.kind == EventKind.FAULT_CONFIRMED}
    assert named == fallen, "every child is named"
    assert abs(len(fallen) - CAMERAS / 2) < 5
    assert outcome.commit_bytes < 4 * MIB, "rows and state of one tick fit a commit, with everything in it"
    assert outcome.state_bytes / (CAMERAS + SWITCHES) < 1_000
