"""When a monthly report is due, and the schedule that makes it."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from citywatch.adapters.store.kept_reports import KeptReports
from citywatch.app.monthly_reports import MonthlyReports
from citywatch.domain.instants import format_instant, parse_instant
from citywatch.errors import OutsideError
from citywatch.ports import ReportFile
from citywatch.settings import ReportSettings
from citywatch.sla.months import due, month
from citywatch.telemetry import NullMeter

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text):
    return parse_instant(text)


def test_a_month_is_one_of_the_local_clock():
    found = month(ZoneInfo("Europe/Berlin"), 2026, 3, 2)
    assert (format_instant(found.from_ns), format_instant(found.to_ns)) == (
        "2026-02-28T23:00:00.000Z",
        "2026-03-31T22:00:00.000Z",  # the clock was put forward meanwhile
    )
    assert format_instant(found.due_ns) == "2026-04-01T22:00:00.000Z"
    assert [month(SHANGHAI, 2026, number, 1).period for number in (-11, 0, 12, 13)] == [
        "2025-01",
        "2025-12",
        "2026-12",
        "2027-01",
    ]


@pytest.mark.parametrize(
    ("now", "day", "have", "most", "wanted"),
    [
        ("2026-03-31T15:59:59Z", 1, (), 2, ["2026-01", "2026-02"]),  # still March in Shanghai
        ("2026-03-31T16:00:00Z", 1, (), 2, ["2026-02", "2026-03"]),
        ("2026-04-02T15:59:59Z", 3, (), 2, ["2026-01", "2026-02"]),
        ("2026-04-02T16:00:00Z", 3, (), 2, ["2026-02", "2026-03"]),
        ("2026-04-05T00:00:00Z", 1, ("2026-02",), 3, ["2026-01", "2026-03"]),
        ("2026-04-05T00:00:00Z", 1, ("2026-03",), 1, []),
    ],
)
def test_due(now, day, have, most, wanted):
    assert [one.period for one in due(SHANGHAI, day, at(now), have, most)] == wanted


class Reports:
    """ports.ServiceReports for a city that began in February."""

    def __init__(self):
        self.asked, self.fails = [], False

    def contracts(self):
        return [{"name": "north", "time_zone": "Asia/Shanghai"}]

    def report(self, question, form):
        self.asked.append((question.begin[:10], question.as_known_at, form))
        if self.fails:
            raise OutsideError("report_failed", "no", retry=True)
        head = {"worst": 0.9, "best": 1.0, "verdict": "undecided", "has_history": question.begin >= "2026-01-31T16"}
        return head, ReportFile("x", "x", f"{form} {question.begin}".encode())


@pytest.fixture
def town(tmp_path):
    found = SimpleNamespace(reports=Reports(), kept=KeptReports(tmp_path), now_ns=at("2026-04-02T08:00:00Z"))
    wanted = [ReportSettings(contract="north", keep_months=3)]
    found.schedule = MonthlyReports(wanted, found.reports, found.kept, lambda: found.now_ns, NullMeter())
    return found


def test_what_was_missed_is_made_up_for(town):
    """The city was down over two ends of month. What lies before its beginning has no report, and is asked once."""
    town.schedule.turn()
    assert town.kept.periods("north") == {"2026-02", "2026-03"}
    assert [row["period"] for row in town.kept.rows()] == ["2026-03", "2026-02"]
    about = town.kept.rows()[1]
    assert about["from"] == "2026-01-31T16:00:00.000Z"
    assert about["as_known_at"] == "2026-04-02T08:00:00.000Z"
    assert about["bytes"].keys() == {"pdf", "json"}
    assert town.kept.content("north", "2026-02", "pdf") == b"pdf 2026-01-31T16:00:00.000Z"
    asked = len(town.reports.asked)
    town.schedule.turn()
    assert len(town.reports.asked) == asked


def test_the_oldest_give_way(town):
    for now in ("2026-04-02", "2026-05-02", "2026-06-02"):
        town.now_ns = at(f"{now}T00:00:00Z")
        town.schedule.turn()
    assert town.kept.periods("north") == {"2026-03", "2026-04", "2026-05"}


def test_what_fails_is_tried_again_and_leaves_nothing(town):
    town.reports.fails = True
    town.schedule.turn()
    town.schedule.turn()
    assert town.kept.rows() == []
    town.reports.fails = False
    town.schedule.turn()
    assert len(town.kept.rows()) == 2


def test_no_way_out_of_the_folder(town):
    town.schedule.turn()
    (town.kept._root.parent / "secret.pdf").write_bytes(b"x")
    for place in (
        ("..", "2026-02", "pdf"),
        ("north", "..", "pdf"),
        ("north", "2026-02", "../x"),
        ("north", "x", "pdf"),
    ):
        assert town.kept.content(*place) is None
