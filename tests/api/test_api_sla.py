"""Service levels through the API: what is asked of the port, what comes back, and what is said when it cannot be."""

import pytest

from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import ReportFile, ReportQuestion

WINDOW = {"contract": "north", "from": "2026-01-01", "to": "2026-02-01T00:00:00+08:00"}
QUESTION = ReportQuestion("north", "2026-01-01", "2026-02-01T00:00:00+08:00")


@pytest.fixture
def city(served):
    served.city.reports.__init__()
    return served.city


@pytest.fixture
def viewer(served):
    with served.client("viewer") as client:
        yield client


def test_a_report(city, viewer):
    city.reports.answers["report"] = {}, ReportFile("north.pdf", "application/pdf", b"%PDF-1.4")
    answer = viewer.get("/api/v1/sla/report", params={**WINDOW, "format": "pdf"})
    assert (answer.status_code, answer.content) == (200, b"%PDF-1.4")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'inline; filename="north.pdf"'
    assert city.reports.asked == [("report", QUESTION, "pdf")]
    plus = "/api/v1/sla/report?contract=north&from=2026-01-01&to=2026-02-01T00:00:00+08:00&format=pdf"
    assert viewer.get(plus).status_code == 200
    assert city.reports.asked[1] == city.reports.asked[0]


def test_explain(city, viewer):
    city.reports.answers["explain"] = {"intervals": []}
    asked = {**WINDOW, "class": "gate", "cause": "-", "counts_as": "down", "reading": "best", "limit": 5}
    assert viewer.get("/api/v1/sla/explain", params=asked).json() == {"intervals": []}
    ((_, question, selection, most),) = city.reports.asked
    assert (question, most) == (QUESTION, 5)
    assert {name: value for name, value in selection.items() if value} == {
        "klass": "gate", "cause": "-", "counts_as": "down", "reading": "best"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (RecordRefused("no_contract", "there is no contract", field="contract"), 404, "no_contract", "no contract"),
        (RecordRefused("no_devices", "no device is under it"), 404, "no_devices", "no device"),
        (RecordRefused("invalid", "to: must be behind", field="to"), 422, "invalid", "query.to: must be behind"),
        (RecordRefused("configuration", "north.yaml, line 3: wrong"), 500, "contract_is_wrong", "line 3"),
        (OutsideError("busy", "ask again later", retry=True), 503, "busy", "ask again"),
        (OutsideError("report_failed", "too long", retry=True), 503, "report_failed", "too long"),
    ],
)
def test_what_cannot_be_answered(city, viewer, error, status, code, words):
    city.reports.answers["report"] = error
    answer = viewer.get("/api/v1/sla/report", params=WINDOW)
    assert answer.status_code == status
    assert answer.json()["type"].endswith(code)
    assert words in answer.json()["detail"]
    assert ("retry-after" in answer.headers) == (status == 503)


def test_contracts(city, viewer):
    row = {"name": "north", "title": "North", "contractor": "x", "time_zone": "UTC", "comes_with_citywatch": False}
    city.reports.answers["contracts"] = [{**row, "intact": {"target_percent": "95"}}]
    assert viewer.get("/api/v1/sla/contracts").json()["items"][0]["intact"] == {"target_percent": "95"}


def test_monthly_reports(city, viewer):
    about = {
        "contract": "north", "period": "2026-01", "from": "2026-01-01T00:00:00.000Z", "to": "2026-02-01T00:00:00.000Z",
        "as_known_at": "2026-02-01T00:05:00.000Z", "worst": 0.9, "best": None, "verdict": None, "bytes": {"pdf": 5},
    }  # fmt: skip
    city.reports.rows = [about]
    city.reports.files["north", "2026-01", "pdf"] = ReportFile("north-2026-01.pdf", "application/pdf", b"%PDF-")
    assert viewer.get("/api/v1/sla/reports").json() == {"items": [about]}
    assert viewer.get("/api/v1/sla/reports/north/2026-01").content == b"%PDF-"
    assert viewer.get("/api/v1/sla/reports/north/2026-02").status_code == 404
    assert viewer.get("/api/v1/sla/reports/north/2026-01?format=csv").status_code == 404
    assert viewer.get("/api/v1/sla/reports/north/x").status_code == 422


def test_who_may_not(served):
    with served.client("ingest") as client:
        assert client.get("/api/v1/sla/report", params=WINDOW).status_code == 403
