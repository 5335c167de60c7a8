"""The same store over a real PostgreSQL server, started for the tests on a socket of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from test_store_alerts import check_labels, check_quiet, labelled_events, quiet_events, tell
from test_store_outbox import check_outbox

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.schema import METADATA
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import Event, EventKind
from citywatch.errors import ConfigurationError, DataDirError, OutsideError
from citywatch.ports import Position, Segment
from citywatch.testing.histories import placed, sample_events, tables


def missing(words):
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


def binary(name):
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        missing(f"no {name}: apt-get install postgresql")
    return os.path.realpath(found)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if not _driver():
        missing("no psycopg: pip install 'citywatch[postgres]'")
    initdb, postgres = binary("initdb"), binary("postgres")
    room = Path("/tmp") / f"cw-pg-{os.getpid()}"  # a socket's path must be short
    room.mkdir(mode=0o755)
    owner = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(room, nobody.pw_uid, nobody.pw_gid)
        owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data = room / "data"
    start = [initdb, "-D", data, "-U", "city", "--auth=trust", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync"]
    subprocess.run(start, check=True, capture_output=True, timeout=120, cwd=room, **owner)
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={room}", "-c", "fsync=off"]
    process = subprocess.Popen(
        [postgres, "-D", data, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=room, **owner
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                administer(room, "SELECT 1")
                break
            except _driver().OperationalError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
        yield room
    finally:
        process.send_signal(signal.SIGINT)  # the quick way down, clients or not
        process.wait(timeout=30)
        shutil.rmtree(room)


def _driver():
    try:
        import psycopg
    except ImportError:
        return None
    return psycopg


def administer(room, statement):
    with _driver().connect(host=str(room), user="city", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)


def url(room, name):
    return f"postgresql://city@/{name}?host={room}"


@pytest.fixture
def database(server, request):
    name = f"t{abs(hash(request.node.name))}"
    administer(server, f"CREATE DATABASE {name}")
    return url(server, name)


@pytest.fixture
def store(database):
    store = SqlStore.open(database, log_epoch="epoch-1", log_server="valkey 9.1")
    yield store
    store.close()


def test_migrations_lead_to_the_tables_of_the_schema(store):
    with store.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []


def test_opening_at_once_from_many_threads(database):
    with ThreadPoolExecutor(4) as pool:
        opened = [pool.submit(SqlStore.open, database, log_epoch="e", log_server="s") for _ in range(4)]
        for one in opened:
            one.result().close()


def test_labels_silences_and_windows(store):
    tell(Projector(store), *quiet_events(), *labelled_events())
    check_quiet(store)
    check_labels(store)


def test_counts_of_passes_are_added_up(store):
    """Sums of whole numbers come back as whole numbers, and of nothing there is one row of zeros."""
    counts = [{"day": f"2026-05-0{day}", "kind": "truck_2", "checked": day, "over": 1} for day in (4, 5)]
    told = Event("c" * 32, EventKind.PASSES_COUNTED, "K12/d1/l1", 1, "", {"road": "G319", "counts": counts})
    Projector(store).apply(0, [(Position(1, 1), told)])
    days = ("2026-05-01", "2026-05-31")
    (row,) = store.pass_counts(*days, None, ("road", "kind"), 10)
    assert (row["road"], row["kind"], row["checked"], row["over"]) == ("G319", "truck_2", 9, 2)
    assert type(row["checked"]) is int
    assert [row["day"] for row in store.pass_counts(*days, "G319", ("day",), 1)] == ["2026-05-04"]
    (total,) = store.pass_counts(*days, "elsewhere", (), 10)
    assert total["checked"] == 0


def test_from_events_to_deliveries(store):
    check_outbox(store)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_tables_as_with_sqlite(store, new_store, seed):
    events = placed(sample_events(seed, 200))
    other = new_store()
    projector = Projector(store)
    for start in range(0, len(events), 40):
        projector.apply(0, events[max(0, start - 15) : start + 40])
    Projector(other).apply(0, events)
    assert tables(store) == tables(other)
    assert store.counts() == other.counts()
    assert store.events(limit=9999) == other.events(limit=9999)
    devices = [row["device"] for row in store.devices(kind=None, after="", limit=99)]
    for asked in ({}, {"removed": True}, {"fault": "black"}, {"state": "unknown"}, {"text": "NORTH"}, {"text": "%"}):
        assert store.cameras(**asked) == other.cameras(**asked), asked
    assert store.cameras(text="NORTH")
    window = (events[20][1].at_ns, events[-20][1].at_ns)
    assert store.device_states(devices, *window) == other.device_states(devices, *window)
    filters = {"state": "resolved", "device": None, "kind": None, "severity": None}
    before = (events[-20][1].at_ns, "f")
    found = store.alerts(**filters, before=before, limit=5)
    assert found == other.alerts(**filters, before=before, limit=5)
    assert found
    assert store.prune(events[-30][1].at_ns, rows=7) == other.prune(events[-30][1].at_ns)
    assert tables(store) == tables(other)


def test_two_projectors_take_turns(database, store, new_store):
    events = placed(sample_events(9, 200))
    stores = [SqlStore.open(database) for _ in range(2)]

    def work(mine):
        projector = Projector(mine)
        for start in range(0, len(events), 10):
            projector.apply(0, events[start : start + 10])

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, stores)) == [None, None]
    for mine in stores:
        mine.close()
    other = new_store()
    Projector(other).apply(0, events)
    assert tables(store) == tables(other)


def test_what_is_no_projection(store):
    store.add_token(name="desk", role="operator", digest="d", at_ns=1)
    with pytest.raises(ConfigurationError, match="given before"):
        store.add_token(name="desk", role="operator", digest="e", at_ns=1)
    assert store.token("d")["revoked"] is False
    assert store.revoke_token("desk")
    assert store.token("d") is None
    store.audit(at_ns=1, actor="a", action="b\0", target="c")
    assert len(store.audit_lines(after=0, limit=9)) == 1
    for number in range(40):
        store.dead_letter(at_ns=number, source="s", reason="r", message="m\0", content=bytes([0, 255]) * 50_000)
    (row,) = store.dead_letter_counts()
    assert row["received"] == 40 == row["kept"] + row["gave_way"]
    store.forget_dead_letter(store.dead_letters(source="s", after=0, limit=1)[0]["number"])
    segment = Segment("p", "passes", 0, "1970-01-01", 5, 999, Position(1, 0), Position(2, 3), 0, 10)
    assert store.record_segments([segment], {0: Position(2, 3)}) == 1
    assert store.record_segments([], {0: Position(2, 4)}) == 2
    assert store.archived() == {0: Position(2, 4)}
    with pytest.raises(ValueError, match="recorded already"):
        store.record_segments([segment], {})
    with pytest.raises(ValueError, match="go back"):
        store.record_segments([], {0: Position(1, 0)})
    assert [one.seal for one in store.segments(kind="passes")] == [1]


def test_many_write_at_once(database):
    """New sources, numbers of seals, one source's counts: whoever is second waits."""
    stores = [SqlStore.open(database) for _ in range(4)]

    def work(mine):
        for number in range(20):
            letter = {"reason": "r", "message": "m", "content": b"x"}
            mine.dead_letter(at_ns=number, source=f"s{number}", **letter)
            mine.record_segments([], {})
            mine.audit(at_ns=number, actor="a", action="b", target="c")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, stores)) == [None] * 4
    assert {row["kept"] for row in stores[0].dead_letter_counts()} == {4}
    assert stores[0].record_segments([], {}) == 81
    for mine in stores:
        mine.close()


def test_an_event_that_fits_no_table_stops_nothing(store):
    events = [event for _, event in placed(sample_events(2, 40))]
    bad = [
        Event("x1", EventKind.OVERLOADED, "lane", 2**63, "c", {}),
        Event("x2", EventKind.DEVICE_REGISTERED, "lane", 1, "", {"kind": "scale", "name": "", "place": ""}),
        Event(
            "x3",
            EventKind.DEVICE_REGISTERED,
            "lane",
            1,
            "",
            {"kind": "scale", "name": "", "place": "", "heartbeat_s": 2**40},
        ),
    ]
    Projector(store).apply(0, placed([*events[:9], *bad, *events[9:]]))
    assert len(store.events(limit=9999)) == len(events)
    assert len(store.dead_letters(source="events", after=0, limit=9)) == 3


def test_a_foreign_log_is_refused(database, store):
    with pytest.raises(DataDirError, match="another log"):
        SqlStore.open(database, log_epoch="epoch-2", log_server=None)


def test_a_server_that_is_away_is_named(server):
    with pytest.raises(OutsideError, match="no connection") as failure:
        SqlStore.open("postgresql://city:secret@/x?host=/nowhere")
    assert failure.value.retry
    assert "secret" not in str(failure.value)
    with pytest.raises(OutsideError, match='"no_such_database" does not exist'):
        SqlStore.open(url(server, "no_such_database"))
