"""Events are found by their cause only where they are changes of incidents: nobody asks for the others by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

IS_CHANGE = sa.text("kind = 'incident_changed'")


def upgrade() -> None:
    op.drop_index(op.f("ix_events_cause"), table_name="events")
    op.create_index(
        "ix_events_incident_changed",
        "events",
        ["cause"],
        unique=False,
        sqlite_where=IS_CHANGE,
        postgresql_where=IS_CHANGE,
    )
