"""A switch goes dark with its 44 cameras, and comes back: one alert, one ticket, and nobody's figure but the switch's.

Scheduler, rules, both stages, projection and service levels are the true ones (benchmarks/_dark_city.py);
`python -m benchmarks incidents` has 6,000 cameras.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks._dark_city import START_NS, Dark, PatrolledCity, contractor, district, opened_s

from citywatch.adapters.store.sql import SqlStore
from citywatch.app.checks.city import City
from citywatch.settings import Settings

DARK_S, BACK_S, END_S = 330, 450, 640


def test_a_district_goes_dark_and_comes_back(tmp_path: Path) -> None:
    store = SqlStore.open(tmp_path / "city.sqlite")
    try:
        city = City(Settings(), None, store, START_NS)
        places, dark = district(others=6)
        patrolled = PatrolledCity(city, places, Dark(DARK_S, BACK_S, dark), seed=44)
        patrolled.live(BACK_S)
        assert set(opened_s(city)) == {"alert_opened switch-0", "ticket_filed switch-0"}
        for seconds in opened_s(city).values():
            assert len(seconds) == 1
            assert DARK_S < seconds[0] <= DARK_S + 60
        (incident,) = city.rows_of("incidents")
        assert incident["root"] == "switch-0"
        assert incident["below"] == 44
        patrolled.live(END_S)
        assert {row["state"] for row in city.rows_of("alerts")} == {"resolved"}
        assert [(row["state"], row["resolution"]) for row in city.rows_of("tickets")] == [("closed", "verified")]
        assert {row["state"] for row in city.rows_of("devices")} == {"up"}
        assert len(opened_s(city)) == 2
        assert not patrolled.course.broken
        untouched = contractor(city, tmp_path, END_S)
        assert untouched.holds, f"wanted {untouched.expected}, found {untouched.found}"
    finally:
        store.close()
