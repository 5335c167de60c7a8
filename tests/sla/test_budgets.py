"""Budgets, burn rates, Little's law, penalties."""

from fractions import Fraction

import pytest

from citywatch.sla.availability import SlaVerdict
from citywatch.sla.budgets import DAY_NS, budget, burn, deducted, outlook
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.figures import Figure, Tally

TARGET = Fraction(95, 100)


def test_the_figure_of_the_domain_sheet():
    """At 6,000 points and 72 h mean repair 95 % holds up to 100 new faults a day."""
    points, days, faults = 6_000, 30, 3_000
    down = faults * 3 * DAY_NS
    tally = Tally(points * days * DAY_NS - down, down, 0, 0, 0)
    seen = outlook(tally, devices=points, begun=faults, touched=faults, target=TARGET, from_ns=0, to_ns=days * DAY_NS,
                   unknown_is_up=False)  # fmt: skip
    assert seen.most_arrivals_per_day == 100
    assert seen.arrivals_per_day == 100
    assert seen.expected_down == 300
    assert seen.breaks_at_ns is None  # it holds, exactly


def test_the_day_on_which_the_figure_breaks():
    """Ten devices, ten good days, then one after another fails for ever longer: 1.5 down at a time."""
    tally = Tally(97 * DAY_NS, 3 * DAY_NS, 0, 0, 0)
    seen = outlook(tally, devices=10, begun=5, touched=1, target=TARGET, from_ns=0, to_ns=10 * DAY_NS,
                   unknown_is_up=False)  # fmt: skip
    assert seen.expected_down == Fraction(3, 2)
    # 97 + 8.5 t = 0.95 (100 + 10 t): t = 2 days
    assert seen.breaks_at_ns == 12 * DAY_NS
    assert not seen.broken


def test_broken_already_has_no_day():
    tally = Tally(90 * DAY_NS, 10 * DAY_NS, 0, 0, 0)
    seen = outlook(tally, devices=10, begun=1, touched=1, target=TARGET, from_ns=0, to_ns=10 * DAY_NS,
                   unknown_is_up=False)  # fmt: skip
    assert seen.broken
    assert seen.breaks_at_ns is None


def test_a_burn_rate_is_a_multiple_of_the_budget():
    figure = Figure(44, Tally(28, 72, 0, 0, 0), Tally(28, 72, 0, 0, 0))
    assert burn(figure, TARGET).worst == Fraction(144, 10)
    assert burn(figure, TARGET).above(Fraction(144, 10)) is SlaVerdict.MISSED
    unknown = Figure(44, Tally(28, 0, 72, 0, 0), Tally(28, 0, 72, 0, 0))
    assert burn(unknown, TARGET).above(Fraction(6)) is SlaVerdict.UNDECIDED
    assert burn(unknown, Fraction(1)).above(Fraction(6)) is None


def test_what_is_left_of_a_budget():
    figure = Figure(1, Tally(90, 3, 7, 0, 0), Tally(90, 3, 7, 0, 0))
    found = budget(figure, TARGET)
    assert (found.allowed_ns, found.left_best_ns, found.left_worst_ns) == (5, 2, -5)


@pytest.mark.parametrize(("share", "percent"), [("0.95", 0), ("0.9499", 2), ("0.9", 2), ("0.8999", 10)])
def test_penalties_in_steps(share, percent):
    steps = [{"below_percent": 95, "deduct_percent": 2}, {"below_percent": 90, "deduct_percent": 10}]
    contract = Contract.model_validate({"name": "c", "intact": {"target_percent": 95, "penalties": steps}})
    assert deducted(Fraction(share), contract.intact.penalties) == percent


def test_a_lost_district_shows_in_its_group(kit):
    """44 of 880 cameras dark for an hour: 5 % of the fleet burns nothing to speak of, their switch burns 20."""
    names = [f"cam-{n}" for n in range(880)]
    register = {name: Listed(name, parent="sw-7" if n < 44 else f"sw-{10 + n % 19}") for n, name in enumerate(names)}
    facts = [kit.fact(name, "up", -100) for name in names]
    facts += [kit.fact(name, "down", 23) for name in names[:44]]
    burns = kit.report(facts, 0, 24, register=register).burn_rates()
    hour = {(row["by"], row["group"]): row for row in burns if row["hours"] == 1}
    assert hour["all", ""]["worst"] == pytest.approx(1)
    assert hour["all", ""]["verdict"] == "met"
    assert hour["parent", "sw-7"]["worst"] == pytest.approx(20)
    assert hour["parent", "sw-7"]["verdict"] == "missed"
    assert (hour["parent", "sw-7"]["devices"], hour["parent", "sw-7"]["down_at_the_end"]) == (44, 44)
