"""Reports worked out by a process of its own, over a data directory with an imported history."""

import json

import pytest

from citywatch.adapters.store.kept_reports import KeptReports
from citywatch.app.briefing import Briefing
from citywatch.app.report_room import ReportRoom
from citywatch.app.sla import import_history
from citywatch.domain.instants import parse_instant
from citywatch.errors import OutsideError, RecordRefused
from citywatch.ports import ReportQuestion
from citywatch.telemetry import NullMeter

TABLE = """device,state,from,to,cause
cam-1,up,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,
cam-1,down,2026-01-10T00:00:00Z,2026-01-12T00:00:00Z,unreachable
"""
JANUARY = ("reference", "2026-01-01", "2026-02-01")


def room_of(root, **more):
    briefing = Briefing(str(root), "", "INFO", 0)
    return ReportRoom(
        briefing, KeptReports(root), NullMeter(), now_ns=lambda: parse_instant("2026-03-01T00:00:00Z"), **more
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("city")
    (found / "a.csv").write_text(TABLE)
    import_history(found, found / "a.csv", time_zone="UTC", as_json=True)
    return found


@pytest.fixture(scope="module")
def room(root):
    found = room_of(root)
    yield found
    found.close()


def test_a_report_in_several_formats(room):
    head, file = room.report(ReportQuestion(*JANUARY), "json")
    told = json.loads(file.content)
    assert (told["down_seconds"], told["verdict"], head["verdict"]) == (2 * 86_400, "missed", "missed")
    assert (file.name, file.media_type, head["has_history"]) == ("reference.json", "application/json", True)
    assert room.report(ReportQuestion(*JANUARY), "pdf")[1].content.startswith(b"%PDF")
    assert not room.report(ReportQuestion("reference", "2025-01-01", "2025-02-01"), "csv")[0]["has_history"]


def test_a_figure_explains_itself(room):
    told = room.explain(ReportQuestion(*JANUARY), {"device": "cam-1", "counts_as": "down"}, 10)
    assert [(row["from"][:10], row["required_seconds"]) for row in told["intervals"]] == [("2026-01-10", 2 * 86_400)]
    assert told["down_seconds"] == told["failures"][0]["repair_seconds"] == 2 * 86_400


@pytest.mark.parametrize(
    ("question", "reason", "field"),
    [
        (("nobody", *JANUARY[1:]), "no_contract", "contract"),
        (("../x.yaml", *JANUARY[1:]), "no_contract", "contract"),
        (("x.yaml", *JANUARY[1:]), "no_contract", "contract"),
        (("reference", "soon", "2026-02-01"), "invalid", "from"),
        (("reference", "2026-02-01", "2026-01-01"), "invalid", "to"),
        (("reference", "2006-02-01", "2026-01-01"), "invalid", "to"),
        ((*JANUARY, "then"), "invalid", "as_known_at"),
    ],
)
def test_what_is_wrong_about_a_question(room, question, reason, field):
    with pytest.raises(RecordRefused) as caught:
        room.report(ReportQuestion(*question), "json")
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_process_that_died_is_told_and_started_again(room):
    assert [row["name"] for row in room.contracts()] == ["reference"]
    room._child.kill()
    room._child.wait()
    assert room.contracts()
    room._child.stdin.write(b"no question\n")
    with pytest.raises(OutsideError, match="could not be worked out"):
        room.contracts()
    assert room.contracts()


def test_nobody_waits_for_ever(root):
    room = room_of(root, answer_seconds=0)
    with pytest.raises(OutsideError, match="too long"):
        room.contracts()
    room.close()


def test_only_a_few_wait(root):
    room = room_of(root)
    for _ in range(5):
        assert room._places.acquire(blocking=False)
    with pytest.raises(OutsideError, match="ask again later"):
        room.contracts()
