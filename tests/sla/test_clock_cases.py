"""The cases behind the clocks of a contract, windows that are not over, and terms as they are written."""

from fractions import Fraction

import pytest

from citywatch.app.sla_files import written
from citywatch.sla.cases import late_first, spread
from citywatch.sla.contracts import Contract
from citywatch.sla.document import document
from citywatch.sla.responses import Answered

HOUR = 3600 * 1_000_000_000
REPAIR = {"within": "3h", "share_percent": 90, "penalties": [
    {"below_percent": 90, "deduct_percent": 1}, {"below_percent": 50, "deduct_percent": 5}]}  # fmt: skip


def test_the_spread_of_cases_is_by_nearest_rank():
    assert spread([]) is None
    assert spread([7 * HOUR]) == dict.fromkeys(
        ("median_seconds", "p90_seconds", "p95_seconds", "longest_seconds"), 25200
    )
    found = spread([n * 1_000_000_000 for n in range(20, 0, -1)])
    assert found == {"median_seconds": 10, "p90_seconds": 18, "p95_seconds": 19, "longest_seconds": 20}


@pytest.fixture(scope="module")
def found(kit):
    """Failures of 1, 2, 4 and 6 hours, of the last of which three are excluded, and one that lasts."""
    facts = [kit.fact(f"cam-{n}", "up", 0) for n in range(5)]
    facts += [kit.fact(f"cam-{n}", "down", 10, 10 + hours, "black") for n, hours in enumerate((1, 2, 4, 6))]
    facts += [kit.fact("cam-3", "externally_disabled", 11, 14, "power"), kit.fact("cam-4", "down", 20, None, "frozen")]
    tickets = [
        Answered("cam-0", kit.at(10), kit.at(11), kit.at(11), ticket="a" * 32),
        Answered("cam-3", kit.at(10), kit.at(15), kit.at(16), ticket="b" * 32),
        Answered("cam-4", kit.at(20), None, None, ticket="c" * 32),
    ]
    contract = kit.contract(repair=REPAIR, response={"within": "1h"})
    return kit.report(facts, 0, 24, contract=contract).__class__.of(
        kit.report(facts, 0, 24).history, contract, {}, kit.at(0), kit.at(24), tickets=tickets
    )


def test_every_case_says_what_its_clock_has_counted(found, kit):
    rows = {(row["device"], row["repair_seconds"], row["repair"]) for row in found.repairs_json()}
    assert rows == {("cam-0", 3600, "kept"), ("cam-1", 7200, "kept"), ("cam-2", 14400, "broken"),
                    ("cam-3", 10800, "kept"), ("cam-4", 14400, "broken")}  # fmt: skip
    shown = found.figures_json()
    assert shown["repair"]["cases"]["worst"] == {"kept": 3, "broken": 2, "running": 0}
    assert shown["repair"]["spread"]["median_seconds"] == 10800
    tickets = {row["device"]: (row["response"], row["response_seconds"]) for row in found.tickets_json()}
    assert tickets == {"cam-0": ("kept", 3600), "cam-3": ("broken", 7200), "cam-4": ("broken", 14400)}
    assert shown["response"]["spread"] == {
        "median_seconds": 7200, "p90_seconds": 14400, "p95_seconds": 14400, "longest_seconds": 14400
    }  # fmt: skip
    late, count = late_first(found, most=1)
    assert (len(late), count, late[0]["repair_seconds"]) == (1, 2, 14400)


def test_steps_of_a_clock_go_by_the_share_of_cases(found):
    repair = found.figures_json()["repair"]
    assert repair["worst_exact"] == "3/5"
    assert repair["penalty"] == {"deduct_percent_worst": 1.0, "deduct_percent_best": 1.0}
    assert found.figures_json()["response"]["penalty"] is None


def test_paper_has_the_late_ones_and_how_long_answers_took(found):
    page = written(found, "html").decode()
    assert "Repairs that took too long" in page
    assert "too late 2.00" in page
    assert "Half of them within 3.00 h" in page
    assert page.count("Deducted by the contract: 1 to 1 %.") == 1


def test_a_window_that_is_not_over_is_told_as_one_and_looks_ahead_from_now(kit):
    """A month with a third of it gone: what lies ahead has used no budget, and is no quiet time of the forecast."""
    facts = [kit.fact(f"cam-{n}", "up", 0) for n in range(4)]
    facts += [kit.fact("cam-0", "down", 4, 6, "black"), kit.fact("cam-1", "down", 9, None, "black")]
    contract = kit.contract(intact={"target_percent": 90})
    month, past = (
        kit.report(facts, 0, end, contract=contract, known_until=10).figures_json() for end in (30, 10)
    )  # fmt: skip
    assert month["so_far"]["to"] == "2026-03-02T10:00:00.000Z"
    assert (month["so_far"]["worst_exact"], past["worst_exact"]) == (str(Fraction(37, 40)),) * 2
    assert past["so_far"] is None
    assert month["forecast"] == past["forecast"]
    assert month["forecast"][0]["worst"]["arrivals_per_day"] == pytest.approx(4.8)
    assert month["burn_rates"] == past["burn_rates"]
    assert month["budget"]["allowed_seconds"] == 12 * 3600
    assert month["budget"]["used_seconds_worst"] == past["budget"]["used_seconds_worst"] == 3 * 3600
    assert (month["verdict"], month["so_far"]["verdict"]) == ("undecided", "met")
    assert "This time is not over" in month["notes"][0]
    assert past["notes"] == []


def test_a_report_so_far_on_paper(kit):
    report = kit.report([kit.fact("cam-0", "up", 0)], 0, 30, known_until=10, contract=kit.contract(language="zh"))
    texts = [block.text for block in document(report).blocks if hasattr(block, "text")]
    assert any(text.startswith("截至 2026-03-02 10:00:00Z：100.0000 %") for text in texts)


def test_the_terms_of_a_contract_are_told_as_they_are_written():
    terms = {
        "name": "c",
        "calendars": {"night": {"hours": ["22:00-06:00", "08:30-12:00", "00:00-24:00"]}},
        "intact": {"target_percent": 95},
        "response": {"within": "90s"},
        "repair": {"within": "72h"},
        "exclusions": [{"cause": "power", "declared_within": "36h"}],
    }
    told = Contract.model_validate(terms).model_dump(mode="json")
    assert told["calendars"]["night"]["hours"] == ["22:00-06:00", "08:30-12:00", "00:00-24:00"]
    assert (told["response"]["within"], told["repair"]["within"]) == ("90s", "3d")
    assert told["exclusions"][0]["declared_within"] == "36h"
    assert Contract.model_validate({**terms, **{name: told[name] for name in ("calendars", "repair")}})
