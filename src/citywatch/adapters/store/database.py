"""Connections to the database, and its failures in our words.

SQLite is opened with a write-ahead log and `synchronous = FULL`: a commit that has returned is on disk. There is one
connection that writes (its transactions begin at once with the write lock, so nothing is found out too late) and a
small pool that only reads; other processes may do the same to the same file. PostgreSQL is reached by URL.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from citywatch.errors import CitywatchError, ConfigurationError, DataDirError, OutsideError

READERS = 8
_WAL_KEPT_BYTES = 64 * 1024 * 1024
_CACHE_KIB = 64 * 1024
"""What one transaction of a storm changes has room in it: what has not is written twice."""
_CHECKPOINT_BYTES = 64 * 1024 * 1024
"""What a write-ahead log gathers before it goes into the file: a storm changes the same pages again and again."""
_PAGE_BYTES = 8192
"""Of a new file; one that is there keeps its own. Most rows come in at the ends of their trees, whose pages are written
whole: larger ones are fewer to log, to sum up and to carry over.
"""


class Database:
    """One database, usable from many threads. `name` is what messages call it; it holds no password."""

    def __init__(self, name: str, writer: Engine, reader: Engine) -> None:
        self.name = name
        self._writer = writer
        self._reader = reader
        self._turn = threading.Lock()

    @classmethod
    def connect(cls, url_or_path: str | Path, *, busy_timeout_s: float) -> Database:
        """Prepare the engines; the first connection is made by the first use.

        A path, or an SQLAlchemy URL of SQLite or PostgreSQL (`postgresql://user@host/name`).
        """
        url = _url(url_or_path)
        if url.get_backend_name() == "sqlite":
            return cls._sqlite(url, busy_timeout_s)
        return cls._postgresql(url, busy_timeout_s)

    @classmethod
    def _sqlite(cls, url: URL, busy_timeout_s: float) -> Database:
        name = url.database or ":memory:"
        if name == ":memory:":
            raise ConfigurationError("store: SQLite needs a file; a database in memory would forget everything")
        arguments = {"timeout": busy_timeout_s, "check_same_thread": False}
        writer = _engine(url, connect_args=arguments, pool_size=1, max_overflow=0)
        reader = _engine(url, connect_args=arguments, pool_size=READERS, max_overflow=0)
        event.listen(writer, "connect", _prepare_writer(busy_timeout_s))
        event.listen(reader, "connect", _prepare_reader)
        event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return cls(name, writer, reader)

    @classmethod
    def _postgresql(cls, url: URL, busy_timeout_s: float) -> Database:
        name = url.render_as_string(hide_password=True)
        wait = f"-c lock_timeout={int(busy_timeout_s * 1000)} -c timezone=UTC"
        arguments = {"options": wait, "connect_timeout": 10, "application_name": "citywatch"}
        try:
            engine = _engine(
                url, connect_args=arguments, pool_size=READERS, max_overflow=0, pool_pre_ping=True, pool_recycle=1800
            )
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"store: {name} needs the driver {error.name}; install it with: pip install 'citywatch[postgres]'"
            ) from error
        return cls(name, engine, engine)

    @property
    def is_sqlite(self) -> bool:
        return self._writer.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write; on disk when the block has ended, undone when it raised."""
        with self._turn, self._our_words(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads one state of everything."""
        with self._our_words(), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _our_words(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise OutsideError("locked", f"store {self.name}: no connection became free in time", retry=True) from error
        except DBAPIError as error:
            ours = self._translate(error)
            if ours is None:
                raise
            raise ours from error

    def _translate(self, error: DBAPIError) -> CitywatchError | None:
        """The error in our words, or None when the statement itself is at fault."""
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None:
            return _sqlite_words(self.name, code & 0xFF, str(error.orig))
        if self.is_sqlite:
            return None
        return _postgresql_words(self.name, getattr(error.orig, "sqlstate", None), error)


def alone(connection: Connection, table: Table) -> None:
    """Other writers of the table wait from here to the end of the transaction. SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def _url(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite", database=str(url_or_path))
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("store: this is not a database URL; write postgresql://user@host/name") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError(f"store: {url.get_backend_name()} is not supported; use a file path or postgresql://")
    return url


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(url, json_serializer=_dump, json_deserializer=json.loads, **options)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _prepare_writer(busy_timeout_s: float) -> Callable[[sqlite3.Connection, object], None]:
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Our own BEGIN IMMEDIATE; sqlite3 would otherwise begin by itself, too late and without the lock.
        connection.isolation_level = None
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        _use_write_ahead_log(connection, time.monotonic() + busy_timeout_s)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // page_bytes}")

    return prepare


def _prepare_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")


def _use_write_ahead_log(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch the file to WAL once. SQLite does not wait when another process is switching: we ask again."""
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise DataDirError(
                "store: SQLite cannot keep a write-ahead log here (a network file system?); "
                "put the data directory on a local disk"
            )
        return


def _sqlite_words(name: str, code: int, text: str) -> CitywatchError | None:
    match code:
        case sqlite3.SQLITE_FULL:
            return OutsideError(
                "disk_full", f"store {name}: the disk is full; free some space, the write is tried again", retry=True
            )
        case sqlite3.SQLITE_IOERR:
            return OutsideError(
                "disk_error",
                f"store {name}: the disk refused ({text}); look for a full disk, a file size limit or a failing disk",
                retry=True,
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return OutsideError("locked", f"store {name}: another process holds it locked; try again", retry=True)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DataDirError(f"store {name} is damaged or no SQLite database ({text}); restore it from a backup")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return DataDirError(
                f"store {name} cannot be opened for writing ({text}); "
                "check that its directory exists, its owner and its mode"
            )
    return None


def _postgresql_words(name: str, sqlstate: str | None, error: DBAPIError) -> CitywatchError | None:
    if sqlstate is None or error.connection_invalidated:
        why = str(error.orig).strip().splitlines()[-1:]
        return OutsideError(
            "unavailable", f"store {name}: no connection to the database server ({' '.join(why)[:200]})", retry=True
        )
    for states, words in _POSTGRESQL_WORDS:
        if sqlstate.startswith(states):
            return words(f"store {name}")
    return None


_POSTGRESQL_WORDS: tuple[tuple[tuple[str, ...], Callable[[str], CitywatchError]], ...] = (
    (
        ("08", "57P"),
        lambda store: OutsideError("unavailable", f"{store}: the database server has gone away", retry=True),
    ),
    (
        ("53100",),
        lambda store: OutsideError("disk_full", f"{store}: the disk of the database server is full", retry=True),
    ),
    (
        ("53",),
        lambda store: OutsideError("overloaded", f"{store}: the database server has no room for us now", retry=True),
    ),
    (
        ("40001", "40P01", "55P03"),
        lambda store: OutsideError("locked", f"{store}: another process holds it locked; try again", retry=True),
    ),
    (
        ("28", "3D"),
        lambda store: ConfigurationError(f"{store}: the server refuses us; check user, password and database name"),
    ),
    (("XX",), lambda store: DataDirError(f"{store} is damaged; restore it from a backup")),
)
"""The beginnings of SQLSTATE codes, the first that fits, and what they mean to us."""
