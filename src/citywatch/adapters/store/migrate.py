"""Bring the tables of a database up to this version. Alembic is imported only when there is something to do."""

from __future__ import annotations

import threading
from importlib.resources import as_file, files

from sqlalchemy import Connection, inspect, text

from citywatch.adapters.store.database import Database
from citywatch.adapters.store.schema import REVISION
from citywatch.errors import DataDirError

_VERSION_TABLE = "alembic_version"
_POSTGRESQL_LOCK = 0x43495459  # "CITY"
_TURN = threading.Lock()
"""Alembic keeps what it is doing in module globals: one migration at a time in a process."""


def migrate(database: Database) -> bool:
    """Create or upgrade the tables, in one transaction. False when nothing was to be done.

    DataDirError for the database of a newer version and for one that is not ours.
    """
    with database.reading() as connection:
        if _stored_revision(database, connection) == REVISION:
            return False
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK})
        if _stored_revision(database, connection) == REVISION:  # another process was faster
            return False
        _upgrade(connection)
    return True


def _stored_revision(database: Database, connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if _VERSION_TABLE not in tables:
        if tables:
            raise DataDirError(
                f"store {database.name} is the database of another program (it has a table {sorted(tables)[0]!r}); "
                "give Citywatch one of its own"
            )
        return None
    stored: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608
    if stored is not None and not (stored.isdigit() and stored <= REVISION):
        raise DataDirError(
            f"store {database.name} was written by a newer Citywatch: its tables are at revision {stored}, this "
            f"version knows {REVISION}; install that version again, or restore a backup made before the upgrade"
        )
    return stored


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  (0.3 s, needed once in the life of a data directory)
    from alembic.config import Config  # noqa: PLC0415

    with _TURN, as_file(files("citywatch.adapters.store") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
