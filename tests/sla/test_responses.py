"""The response clock, as known at several instants and on a calendar."""

import pytest

from citywatch.sla.document import document
from citywatch.sla.figures import Cases
from citywatch.sla.history import History
from citywatch.sla.report import Report
from citywatch.sla.responses import Answered, response_times
from citywatch.wire.page_html import page


@pytest.mark.parametrize(
    ("filed", "accepted", "closed", "known", "cases"),
    [
        (0, 24, 30, None, Cases(1, 0, 0)),  # reaching the limit exactly is keeping it
        (0, 24.001, 30, None, Cases(0, 1, 0)),
        (0, None, 20, None, Cases(1, 0, 0)),  # good again before anybody came
        (0, None, None, None, Cases(0, 1, 0)),
        (80, None, None, None, Cases(0, 0, 1)),
        (80, 100, None, None, Cases(0, 0, 1)),  # accepted behind the window
        (-30, -2, None, None, Cases(0, 0, 0)),  # answered before it
        (-30, 2, None, None, Cases(0, 1, 0)),
        (97, None, None, None, Cases(0, 0, 0)),
        (0, 10, None, 8, Cases(0, 0, 1)),
        (10, 12, None, 8, Cases(0, 0, 0)),
    ],
)
def test_cases(kit, filed, accepted, closed, known, cases):
    contract = kit.contract(response={"within": "24h"})
    ticket = Answered("a", kit.at(filed), *(None if at is None else kit.at(at) for at in (accepted, closed)))
    known_until = 2**62 if known is None else kit.at(known)
    found, _ = response_times(
        [ticket], contract.response, contract.calendar("24x7"), kit.at(0), kit.at(96), known_until_ns=known_until
    )
    assert found == cases


def test_on_working_hours(kit):
    """Filed on Friday at five, accepted on Monday at nine: an hour and a half of office hours."""
    office = {"hours": ["08:30-17:30"]}
    contract = kit.contract(calendars={"office": office}, response={"within": "2h", "calendar": "office"})
    ticket = Answered("a", kit.at(4 * 24 + 17), kit.at(7 * 24 + 9.5), None)
    calendar = contract.calendar("office")
    assert response_times([ticket], contract.response, calendar, kit.at(0), kit.at(300))[0] == Cases(1, 0, 0)
    late = Answered("a", kit.at(4 * 24 + 17), kit.at(7 * 24 + 10.1), None)
    assert response_times([late], contract.response, calendar, kit.at(0), kit.at(300))[0] == Cases(0, 1, 0)


def test_only_tickets_of_devices_under_the_contract(kit):
    contract = kit.contract(response={"within": "24h"}, devices={"devices": ["a"]})
    history = History.of_facts([kit.fact("a", "up", 0), kit.fact("b", "up", 0)])
    tickets = [Answered("a", kit.at(1), kit.at(2), None), Answered("b", kit.at(1), None, None)]
    report = Report.of(history, contract, {}, kit.at(0), kit.at(96), tickets=tickets)
    assert report.as_json()["response"]["cases"] == {"kept": 1, "broken": 0, "running": 0}
    assert report.as_json()["response"]["verdict"] == "met"
    assert "Response within 24.00 h" in page(document(report))
