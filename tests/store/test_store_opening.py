"""Opening: tables as schema.py says, quickly, and never over somebody else's data."""

import sqlite3
import subprocess
import sys
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from citywatch.adapters.store import migrate
from citywatch.adapters.store.schema import METADATA, REVISION
from citywatch.adapters.store.sql import SqlStore
from citywatch.errors import ConfigurationError, DataDirError, OutsideError

OPEN = "import sys; from citywatch.adapters.store.sql import SqlStore; SqlStore.open(sys.argv[1]{}).close()"


def statements(path):
    """What SQLite says it was told, table by table, in comparable form."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name != 'alembic_version'").fetchall()
    connection.close()
    return {name: " ".join(sql.split()).replace('"', "") for name, sql in rows if sql and "alembic" not in name}


def test_migrations_lead_to_the_tables_of_the_schema(migrated_file, tmp_path):
    engine = create_engine(f"sqlite:///{migrated_file}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []
    engine.dispose()
    direct = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    METADATA.create_all(direct)
    direct.dispose()
    assert statements(migrated_file) == statements(tmp_path / "direct.db")


def test_the_newest_migration_is_the_revision_of_the_schema():
    config = Config()
    config.set_main_option("script_location", migrate.__file__.replace("migrate.py", "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_writes_survive_a_power_cut(store):
    with store.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_reader_cannot_write(store):
    with store.reading() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM audit")


def test_opening_again_is_quick_and_leaves_alembic_alone(migrated_file):
    code = (
        "import sys, time; from citywatch.adapters.store.sql import SqlStore; best = 9\n"
        "for _ in range(5):\n"
        "    start = time.perf_counter(); store = SqlStore.open(sys.argv[1], log_epoch='epoch-1', log_server=None)\n"
        "    best = min(best, time.perf_counter() - start); store.close()\n"
        "print(best, 'alembic' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(migrated_file)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, alembic = run.stdout.split()
    assert alembic == "False"
    assert float(seconds) < 0.150


def test_many_processes_may_open_a_new_store_at_once(tmp_path):
    path = tmp_path / "city.db"
    code = OPEN.format(", log_epoch='e', log_server='s'")
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [(run.communicate(timeout=60)[1], run.returncode) for run in runs] == [("", 0)] * 4


def test_a_newer_schema_is_refused(store):
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    with pytest.raises(DataDirError, match=r"newer Citywatch.*revision 0999.*knows " + REVISION):
        SqlStore.open(store.path)


def test_a_foreign_log_is_refused(store):
    with pytest.raises(DataDirError, match=r"another log \(epoch epoch-1; the log at hand is epoch-2\)"):
        SqlStore.open(store.path, log_epoch="epoch-2", log_server="valkey 9.1")
    with pytest.raises(DataDirError, match=r"log server valkey 9\.1; the one at hand is redis 7\.0"):
        SqlStore.open(store.path, log_epoch="epoch-1", log_server="redis 7.0")
    SqlStore.open(store.path, log_epoch="epoch-1", log_server=None).close()


def test_the_log_is_remembered_by_the_first_who_names_it(tmp_path):
    path = tmp_path / "city.db"
    SqlStore.open(path).close()
    SqlStore.open(path, log_epoch="a", log_server=None).close()
    with pytest.raises(DataDirError, match="another log"):
        SqlStore.open(path, log_epoch="b", log_server=None)


def test_the_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(DataDirError, match="'recipes'"):
        SqlStore.open(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "notes.db"
    path.write_bytes(b"these are notes, not a database. " * 100)
    with pytest.raises(DataDirError, match="no SQLite database"):
        SqlStore.open(path)


def test_a_damaged_file_is_told_apart(store):
    for number in range(200):
        store.dead_letter(at_ns=number, source="s", reason="r", message="m", content=bytes(1000))
    store.close()
    content = bytearray(store.path.read_bytes())
    content[20 * 4096 : -4096] = bytes(len(content) - 21 * 4096)
    store.path.write_bytes(content)
    with pytest.raises(DataDirError, match="damaged"):  # noqa: PT012  (whichever meets the damage first)
        damaged = SqlStore.open(store.path)
        try:
            damaged.dead_letters(source=None, after=0, limit=1000)
        finally:
            damaged.close()


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(DataDirError, match=r"nowhere/city\.db cannot be opened"):
        SqlStore.open(tmp_path / "nowhere" / "city.db")


@pytest.mark.parametrize("url", ["sqlite://", "mysql://root:secret@localhost/city", "oracle://x", "not a url://"])
def test_a_wrong_url_is_refused_in_a_sentence(url):
    with pytest.raises(ConfigurationError, match="store: ") as refusal:
        SqlStore.open(url)
    assert "secret" not in str(refusal.value)


def test_a_locked_store_says_so_in_time(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = SqlStore.open(store.path, busy_timeout_s=0.1)
    start = time.monotonic()
    with pytest.raises(OutsideError, match="locked") as refusal:
        impatient.audit(at_ns=1, actor="a", action="b", target="c")
    assert refusal.value.retry
    assert time.monotonic() - start < 5
    other.execute("ROLLBACK")
    other.close()
    impatient.audit(at_ns=1, actor="a", action="b", target="c")
    impatient.close()
