"""A table of states in, files on disk, a report out: by the same doors as users."""

import csv
import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.adapters.store.service_history import ServiceHistory
from citywatch.app.sla_sources import imported
from citywatch.cli import app
from citywatch.domain.instants import format_instant, parse_instant
from citywatch.domain.service import NEVER_NS, STATES, Standing
from citywatch.errors import CitywatchError
from citywatch.wire.service_csv import ServiceRefused, ServiceRow, read_history

HEAD = "device,state,from,to,cause,known_at\n"
TABLE = HEAD + (
    "cam-1,up,2026-01-01T00:00:00Z,2026-01-10T00:00:00Z,,\n"
    "cam-1,down,2026-01-10T00:00:00Z,2026-01-12T00:00:00Z,unreachable,\n"
    "cam-1,up,2026-01-12T00:00:00Z,2026-02-01T00:00:00Z,,\n"
    "cam-2,up,2026-01-01T00:00:00Z,,,\n"
)
LATER = HEAD + (
    "cam-1,externally_disabled,2026-01-10T12:00:00Z,2026-01-11T00:00:00Z,maintenance <b>,2026-02-03T00:00:00Z\n"
)
WINDOW = ("--contract", "reference", "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z")


@pytest.fixture
def run(tmp_path):
    def call(*words):
        done = CliRunner().invoke(app, ["sla", words[0], "--data-dir", str(tmp_path / "data"), *map(str, words[1:])])
        if isinstance(done.exception, CitywatchError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


def test_a_month_as_known_then_and_as_known_now(run, tmp_path):
    for name, text in (("a.csv", TABLE), ("b.csv", LATER)):
        (tmp_path / name).write_text(text)
        run("import", tmp_path / name)
    assert json.loads(run("import", tmp_path / "a.csv", "--json"))["repeated"] == 4
    now = json.loads(run("report", *WINDOW, "--json"))
    day = 86_400
    assert now["up_seconds"] == (31 + 29) * day
    assert now["down_seconds"] == 1.5 * day
    assert now["excluded_seconds"] == day / 2
    assert now["unknown_seconds"] == 0
    assert now["verdict"] == "met"
    assert now["worst"] == now["best"] == pytest.approx(60 / 61.5)
    assert now["repair"]["cases"]["worst"] == {"kept": 1, "broken": 0, "running": 0}
    then = json.loads(run("report", *WINDOW, "--as-known-at", "2026-02-02", "--json"))
    assert (then["down_seconds"], then["excluded_seconds"]) == (2 * day, 0)
    assert [row["state"] for row in then["intervals"]] == ["up", "down", "up", "up"]
    assert now["intervals"][2] == {
        "device": "cam-1",
        "state": "externally_disabled",
        "from": "2026-01-10T12:00:00.000Z",
        "to": "2026-01-11T00:00:00.000Z",
        "seconds": 43200,
        "required_seconds": 43200,
        "counts_as": "excluded",
        "cause": "maintenance <b>",
        "evidence": "",
        "known_at": "2026-02-03T00:00:00.000Z",
        "told_as": "seen",
    }


def test_reports_as_files(run, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE + LATER.partition("\n")[2])
    run("import", tmp_path / "a.csv")
    places = {kind: tmp_path / f"r.{kind}" for kind in ("json", "html", "csv")}
    run("report", *WINDOW, *(word for kind, path in places.items() for word in (f"--{kind}", path)))
    page = places["html"].read_text()
    assert "<svg" in page
    assert "maintenance &lt;b&gt;" in page
    assert "maintenance <b>" not in page
    assert "://" not in page  # nothing is loaded from anywhere
    rows = list(csv.DictReader(places["csv"].read_text().splitlines()))
    assert sum(float(row["required_seconds"]) for row in rows if row["counts_as"] == "down") == 1.5 * 86_400
    assert json.loads(places["json"].read_text())["intervals"][0]["device"] == "cam-1"
    assert "97.5609 % to 97.5609 %, target 95 %: met" in run("report", *WINDOW)


@pytest.mark.parametrize(
    ("row", "place", "words"),
    [
        ("cam 1,up,2026-01-01T00:00:00Z,,,", "line 2, column 1: device", "device id"),
        ("cam-1,asleep,2026-01-01T00:00:00Z,,,", "line 2, column 2: state", "'asleep' is none of unknown, up"),
        ("cam-1,up,yesterday,,,", "line 2, column 3: from", "not an instant"),
        ("cam-1,up,,2026-01-01T00:00:00Z,,", "line 2, column 3: from", "not an instant"),
        ("cam-1,up,2026-01-02T00:00:00Z,2026-01-01T00:00:00Z,,", "line 2, column 4: to", "must be behind"),
        ("cam-1,up,2026-01-02T00:00:00Z,,,soon", "line 2, column 6: known_at", "not an instant"),
        ("cam-1,up,2026-01-02T00:00:00Z", "line 2, column 4", "3 cells where the header has 6"),
    ],
)
def test_a_mistake_is_told_with_its_place(row, place, words):
    with pytest.raises(ServiceRefused) as caught:
        read_history((HEAD + row + "\n").splitlines(keepends=True), "UTC")
    assert str(caught.value).startswith(place)
    assert words in str(caught.value)


def test_mistakes_of_the_header():
    with pytest.raises(ServiceRefused) as caught:
        read_history(["device,state,from,cause,cause,colour\n"], "UTC")
    assert [(m.field, m.column) for m in caught.value.mistakes] == [("to", 0), ("cause", 5), ("colour", 6)]
    with pytest.raises(ServiceRefused):
        read_history([], "UTC")


def test_a_table_with_a_mistake_is_refused_as_a_whole(run, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE + "cam-1,asleep,2026-01-01T00:00:00Z,,,\n")
    with pytest.raises(CitywatchError, match="line 6, column 2: state"):
        run("import", tmp_path / "a.csv")
    with pytest.raises(CitywatchError, match="holds no history"):
        run("report", *WINDOW)


def test_local_times_and_other_words():
    lines = ["device,state,from,to,cause\n", "a,Externally Disabled,2026-01-01 08:00,2026-01-01T09:00:00+08:00,x\n"]
    (row,) = read_history(lines, "Asia/Shanghai")
    assert row.from_ns == parse_instant("2026-01-01T00:00:00Z")
    assert row.to_ns - row.from_ns == 3600 * 10**9
    assert row.state.value == "externally_disabled"


NAMES = st.sampled_from(["a", "b-1", "c/d1/l2"])
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
ROWS = st.builds(
    lambda device, state, begin, length, cause, known, evidence: ServiceRow(
        device, state, begin * 10**6, NEVER_NS if length is None else (begin + length) * 10**6, cause, known, evidence
    ),
    NAMES,
    st.sampled_from(STATES),
    st.integers(0, 2**40),
    st.none() | st.integers(1, 2**30),
    WORDS,
    st.integers(0, 2**40).map(lambda ms: ms * 10**6),
    WORDS,
)


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=8, unique=True), st.integers(1, 7))
def test_what_is_written_is_read(tmp_path_factory, rows, cut):
    """Rows, as text and back; on disk in two files and back; what is told twice is there once."""
    columns = ["device", "state", "from", "to", "cause", "known_at", "evidence"]
    lines = [",".join(columns)]
    for row in rows:
        to = "" if row.to_ns == NEVER_NS else format_instant(row.to_ns)
        cells = [row.device, row.state, format_instant(row.from_ns), to, row.cause, format_instant(row.known_ns)]
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in (*cells, row.evidence)))
    assert read_history((line + "\n" for line in lines), "UTC") == rows
    root = tmp_path_factory.mktemp("history")
    store = ServiceHistory(root)
    store.add(rows[:cut])
    assert store.add([*rows, *rows]).added == len(rows[cut:])
    history = imported(root, Standing.STATED)
    back = sorted((f.device, f.state, f.worst_from_ns, f.worst_to_ns, f.cause, f.known_ns, f.evidence)
                  for f in history.rows())  # fmt: skip
    assert back == sorted((r.device, r.state, r.from_ns, r.to_ns, r.cause, r.known_ns, r.evidence) for r in rows)
    assert {f.number for f in history.rows()} == ({1, 2} if rows[cut:] else {1})


def test_a_figure_explains_itself(run, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE + LATER.partition("\n")[2])
    run("import", tmp_path / "a.csv")
    told = json.loads(run("explain", *WINDOW, "--device", "cam-1", "--json"))
    assert (told["devices"], told["down_seconds"], told["excluded_seconds"]) == (1, 1.5 * 86_400, 86_400 / 2)
    assert sum(row["required_seconds"] for row in told["intervals"] if row["counts_as"] == "down") == 1.5 * 86_400
    assert told["worst_exact"] == "58/61"
    (failure,) = told["failures"]
    assert (failure["from"], failure["repair_seconds"]) == ("2026-01-10T00:00:00.000Z", 1.5 * 86_400)
    down = run("explain", *WINDOW, "--counts-as", "down", "--cause", "unreachable").splitlines()
    assert len(down) == 3
    assert down[0].split()[:3] == ["2026-01-10T00:00:00+00:00", "2026-01-10T12:00:00+00:00", "43,200"]
    assert down[-1].startswith("up 0 s, down 129,600 s")
    few = json.loads(run("explain", *WINDOW, "--limit", "1", "--json"))
    assert (len(few["intervals"]), few["intervals_in_all"], few["up_seconds"]) == (1, 6, 60 * 86_400)
    nobody = json.loads(run("explain", *WINDOW, "--contractor", "nobody", "--json"))
    assert (nobody["devices"], nobody["worst"], nobody["intervals"]) == (0, None, [])


def test_bounds_of_an_import_make_two_readings(run, tmp_path):
    up = "cam-1,up,2026-01-01T00:00:00Z,,,,\n"
    down = "cam-1,down,2026-01-10T01:00:00Z,2026-01-11T00:00:00Z,x,2026-01-10T00:00:00Z,2026-01-11T02:00:00Z\n"
    (tmp_path / "a.csv").write_text("device,state,from,to,cause,from_worst,to_worst\n" + up + down)
    run("import", tmp_path / "a.csv")
    assert json.loads(run("import", tmp_path / "a.csv", "--json"))["added"] == 0
    told = json.loads(run("report", *WINDOW, "--json"))
    assert told["readings"]["worst"]["down_seconds"] == 26 * 3600
    assert told["readings"]["best"]["down_seconds"] == 23 * 3600
    wrong = "cam-1,down,2026-01-10T01:00:00Z,2026-01-11T00:00:00Z,x,2026-01-12T00:00:00Z,\n"
    with pytest.raises(ServiceRefused, match="line 2, column 6: from_worst: this reading would end"):
        read_history(["device,state,from,to,cause,from_worst,to_worst\n", wrong], "UTC")


def test_imports_of_before_bounds_are_read(tmp_path):
    """A file as the last release wrote it, without the columns of bounds."""
    rows = read_history((TABLE).splitlines(keepends=True), "UTC")
    store = ServiceHistory(tmp_path)
    file = store.add(rows).file
    table = pq.read_table(file)
    pq.write_table(table.select(table.column_names[:8]), file)
    history = imported(tmp_path, Standing.SEEN)
    assert sorted(fact.worst_from_ns for fact in history.rows()) == sorted(row.from_ns for row in rows)
    assert store.add(rows).added == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("2026-03-29T02:30", "comes never in Europe/Berlin"), ("2026-10-25T02:30", "comes twice in Europe/Berlin")],
)
def test_a_local_time_that_is_none_or_two_is_not_guessed(text, words):
    lines = ["device,state,from,to,cause", f"cam-1,up,{text},2026-12-01T00:00,"]
    with pytest.raises(ServiceRefused) as refused:
        read_history(lines, "Europe/Berlin")
    assert words in str(refused.value)
    (row,) = read_history([lines[0], f"cam-1,up,{text}:00+02:00,2026-12-01T00:00,"], "Europe/Berlin")
    assert row.from_ns == parse_instant(f"{text}:00+02:00")
