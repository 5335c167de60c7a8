"""The cases that every system of service levels gets wrong somewhere, each by its name."""

from fractions import Fraction

import pytest
from slow_model import walk

from citywatch.domain.instants import parse_instant
from citywatch.domain.service import ServiceState as State
from citywatch.domain.service import Standing, fact
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.figures import Failures
from citywatch.sla.history import History
from citywatch.sla.report import Report


def test_a_fault_open_at_the_edges_of_the_window(kit):
    facts = [kit.fact("a", "up", -50, -5), kit.fact("a", "down", -5, 3), kit.fact("a", "up", 3, 20),
             kit.fact("a", "down", 20)]  # fmt: skip
    report = kit.report(facts, 0, 24)
    assert kit.hours(report) == {"up": 17, "down": 7}
    failures = report.worst_failures
    assert failures.begin.tolist() == [kit.at(-5), kit.at(20)]  # the whole failure, not its part in the window
    assert failures.begun.tolist() == [False, True]
    shown = report.as_json()
    assert shown["failures"]["worst"] == {
        "touching": 2,
        "begun": 1,
        "mean_down_seconds": 3.5 * 3600,
        "mean_seconds_between": 17 * 3600,
    }


def test_a_device_added_or_retired_inside_the_window(kit):
    facts = [
        kit.fact("new", "retired", -100, 6, standing=Standing.PRESUMED),
        kit.fact("new", "up", 6),
        kit.fact("old", "up", -100),
        kit.fact("old", "down", 10, 14),
        kit.fact("old", "retired", 14),
    ]
    report = kit.report(facts, 0, 24)
    assert kit.hours(report) == {"up": 18 + 10, "down": 4, "retired": 6 + 10}
    ended = Failures.of(report.readings.worst, kit.at(0), kit.at(24))
    assert ended.end.tolist() == [kit.at(14)]  # a failure ends with its device


def test_overlapping_maintenance_is_excluded_once(kit):
    facts = [
        kit.fact("a", "up", 0),
        kit.fact("a", "externally_disabled", 2, 6, "maintenance:cleaning"),
        kit.fact("a", "externally_disabled", 4, 9, "maintenance:power box"),
        kit.fact("a", "externally_disabled", 5, 5.5, "maintenance:cleaning"),
    ]
    report = kit.report(facts, 0, 24)
    assert kit.hours(report) == {"up": 17, "excluded": 7}


def test_overlapping_maintenance_of_which_one_is_excluded(kit):
    facts = [
        kit.fact("a", "down", 0),
        kit.fact("a", "externally_disabled", 2, 6, "maintenance"),
        kit.fact("a", "externally_disabled", 4, 9, "advertising"),
    ]
    report = kit.report(facts, 0, 10, contract=kit.contract(exclusions=[{"cause": "maintenance"}]))
    assert kit.hours(report) == {"down": 6, "excluded": 4}


def test_maintenance_declared_afterwards(kit):
    facts = [kit.fact("a", "up", 0, 4, known=0), kit.fact("a", "down", 4, 8, known=5), kit.fact("a", "up", 8, known=8),
             kit.fact("a", "externally_disabled", 4, 8, "maintenance", known=30)]  # fmt: skip
    then, now = kit.report(facts, 0, 24, known_at=29), kit.report(facts, 0, 24)
    assert kit.hours(then) == {"up": 20, "down": 4}
    assert kit.hours(now) == {"up": 20, "excluded": 4}
    in_time = kit.contract(exclusions=[{"cause": "maintenance", "declared_within": "24h"}])
    assert kit.hours(kit.report(facts, 0, 24, contract=in_time)) == {"up": 20, "down": 4}
    generous = kit.contract(exclusions=[{"cause": "maintenance", "declared_within": "26h"}])
    assert kit.hours(kit.report(facts, 0, 24, contract=generous)) == {"up": 20, "excluded": 4}


def test_work_declared_ahead_counts_as_known_then_too(kit):
    facts = [kit.fact("a", "up", 0, 4, known=0), kit.fact("a", "externally_disabled", 10, 12, "maintenance", known=1)]
    assert kit.hours(kit.report(facts, 0, 24, known_at=3)) == {"up": 3, "unknown": 19, "excluded": 2}


def test_a_clock_that_jumps(kit):
    """What was decided later stands from its own instant on, though that lies before what was decided earlier."""
    facts = [kit.fact("a", "up", 0, known=0), kit.fact("a", "down", 10, known=10), kit.fact("a", "up", 8, known=11)]
    assert kit.hours(kit.report(facts, 0, 24)) == {"up": 24}
    assert kit.hours(kit.report(facts, 0, 24, known_at=10)) == {"up": 10, "unknown": 14}


@pytest.mark.parametrize(("day", "open_hours"), [("2026-03-29", 5), ("2026-10-25", 7), ("2026-06-01", 6)])
def test_daylight_saving(day, open_hours):
    """Open from midnight to six: five hours where the clock leaves one out, seven where it shows one twice."""
    contract = Contract.model_validate(
        {
            "name": "night",
            "time_zone": "Europe/Berlin",
            "calendars": {"night": {"days": ["mon", "sun"], "hours": ["00:00-06:00"]}},
            "intact": {"target_percent": 95, "calendar": "night"},
        }
    )
    begin = parse_instant(f"{day}T00:00:00Z") - 12 * 3600 * 10**9
    end = begin + 30 * 3600 * 10**9
    facts = [fact("a", State.UP, begin, end)]
    found = Report.of(History.of_facts(facts), contract, {}, begin, end).window.figure()
    assert found.worst.up_ns == open_hours * 3600 * 10**9
    coarse = walk(facts, contract, begin, end, worst=True)
    assert coarse["up"] == open_hours * 3600


def test_holidays_and_make_up_days():
    """The week of the Spring Festival 2026: off from 15 to 23 February, worked on Saturday the 14th and 28th."""
    terms = {"hours": ["08:30-12:00", "14:00-17:30"], "holidays": "CN"}
    contract = Contract.model_validate(
        {
            "name": "office",
            "time_zone": "Asia/Shanghai",
            "calendars": {"office": terms, "no make-up": {**terms, "make_up_days": False}},
            "intact": {"target_percent": 95, "calendar": "office"},
        }
    )
    first = parse_instant("2026-02-01T00:00:00+08:00")
    calendar = contract.calendar("office")
    day = 86_400 * 10**9
    worked = [n + 1 for n in range(28) if calendar.within(first + n * day, first + (n + 1) * day).between(first, 2**62)]
    assert worked == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28]
    plain = contract.calendar("no make-up")
    assert not plain.within(first + 13 * day, first + 14 * day).between(first, 2**62)
    assert calendar.within(first, first + 28 * day).between(first, first + 28 * day) == 16 * 7 * 3600 * 10**9


def test_late_and_repeated_readings(kit):
    """The order in which facts arrive, and how often, decides nothing; a late one fills its own time."""
    facts = [
        kit.fact("a", "up", 0, 10, known=0),
        kit.fact("a", "unknown", 10, 14, known=11),
        kit.fact("a", "up", 14, 24, known=14),
        kit.fact("a", "down", 12, 13, known=20),
    ]
    once = kit.hours(kit.report(facts, 0, 24))
    assert once == {"up": 20, "unknown": 3, "down": 1}
    assert kit.hours(kit.report([*reversed(facts), *facts], 0, 24)) == once


def test_flapping(kit):
    facts = [kit.fact("a", "up", 0)]
    facts += [kit.fact("a", "down", n / 60, (n + 0.5) / 60) for n in range(0, 600, 2)]
    report = kit.report(facts, 0, 20)
    assert len(report.worst_failures.begin) == 300
    assert kit.hours(report) == {"up": 17.5, "down": 2.5}
    assert len(report.as_json()["intervals"]) == 600


def test_unknown_time_does_not_divide_a_failure(kit):
    facts = [kit.fact("a", "down", 0, 2), kit.fact("a", "unknown", 2, 3), kit.fact("a", "down", 3, 4),
             kit.fact("a", "up", 4)]  # fmt: skip
    assert len(kit.report(facts, 0, 24).worst_failures.begin) == 1


def test_a_parent_outage_over_an_own_fault(kit):
    """The own fault counts before and behind the outage; the repair clock stands still during it."""
    facts = [
        kit.fact("cam", "up", -10, 2, known=-10),
        kit.fact("cam", "down", 2, 12, "covered", known=2),
        kit.fact("cam", "up", 12, known=12),
        kit.fact("cam", "externally_disabled", 4, 10, "parent:sw-1", known=4, standing=Standing.INHIBITED),
    ]
    terms = {
        "contractor": "cameras ltd",
        "devices": {"devices": ["cam"]},
        "exclusions": [{"cause": "parent", "only_if_others_answer": True}],
        "repair": {"within": "4h"},
    }
    contract = kit.contract(**terms)
    others = {"sw-1": Listed("sw-1", contractor="network ltd")}
    report = kit.report(facts, 0, 24, contract=contract, register=others)
    assert kit.hours(report) == {"up": 14, "down": 4, "excluded": 6}
    assert len(report.worst_failures.begin) == 1
    assert report.as_json()["repair"]["cases"]["worst"] == {"kept": 1, "broken": 0, "running": 0}

    own = {"sw-1": Listed("sw-1", contractor="cameras ltd")}
    report = kit.report(facts, 0, 24, contract=contract, register=own)
    assert kit.hours(report) == {"up": 14, "down": 10}
    assert report.as_json()["repair"]["cases"]["worst"] == {"kept": 0, "broken": 1, "running": 0}

    report = kit.report(facts, 0, 24, contract=contract)  # nobody says who answers for the switch
    assert kit.hours(report) == {"up": 14, "down": 10}
    assert kit.hours(report, worst=False) == {"up": 14, "down": 4, "excluded": 6}


def test_a_correction_over_declared_time(kit):
    """Work that was declared and did not happen: the row that was known later stands over it."""
    facts = [
        kit.fact("a", "up", 0),
        kit.fact("a", "externally_disabled", 2, 6, "maintenance", known=1),
        kit.fact("a", "down", 2, 6, "unreachable", known=30),
    ]
    assert kit.hours(kit.report(facts, 0, 8, known_at=20)) == {"up": 4, "excluded": 4}
    assert kit.hours(kit.report(facts, 0, 8)) == {"up": 4, "down": 4}


def test_disabled_time_that_is_not_excluded_and_nothing_underneath_is_down(kit):
    facts = [kit.fact("a", "up", 0, 4), kit.fact("a", "externally_disabled", 4, 8, "power")]
    report = kit.report(facts, 0, 8, contract=kit.contract(exclusions=[]))
    assert kit.hours(report) == {"up": 4, "down": 4}


def test_figures_are_exact(kit):
    """95 % to the nanosecond: one more nanosecond down misses it."""
    day = 24 * kit.HOUR
    for more, verdict in ((0, "met"), (1, "missed")):
        facts = [fact("a", State.UP, kit.at(0), kit.at(24)), fact("a", State.DOWN, kit.at(0), kit.at(1.2) + more)]
        found = kit.report(facts, 0, 24)
        assert found.window.figure().share.worst == Fraction(95, 100) - Fraction(more, day)
        assert found.as_json()["verdict"] == verdict


def test_several_contracts_over_one_device(kit):
    facts = [kit.fact("a", "degraded", 0, 24)]
    lenient, strict = kit.contract(), kit.contract(intact={"degraded": "down"})
    assert kit.report(facts, 0, 24, contract=lenient).as_json()["verdict"] == "met"
    assert kit.report(facts, 0, 24, contract=strict).as_json()["verdict"] == "missed"
    shown = kit.report(facts, 0, 24, contract=kit.contract(intact={"degraded": "between"})).as_json()
    assert (shown["worst"], shown["best"], shown["verdict"]) == (0, 1, "undecided")
