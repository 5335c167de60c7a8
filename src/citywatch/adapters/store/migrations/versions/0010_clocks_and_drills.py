"""Clocks of tickets that stand for maintenance, exercises of several devices, and declared work found by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IS_WORK = sa.text("kind = 'work_declared'")


def upgrade() -> None:
    op.add_column("tickets", sa.Column("response_left_ns", sa.BigInteger(), nullable=True))
    op.add_column("tickets", sa.Column("excused_until_ns", sa.BigInteger(), nullable=True))
    op.add_column("tickets", sa.Column("excused_by", ID, server_default="", nullable=False))
    op.add_column("exercises", sa.Column("drill", ID, server_default="", nullable=False))
    op.add_column("exercises", sa.Column("children", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("exercises", sa.Column("below", sa.Integer(), server_default="0", nullable=False))
    op.create_index(op.f("ix_exercises_drill"), "exercises", ["drill"], unique=False)
    op.create_index(
        "ix_events_work_declared",
        "events",
        ["at_ns", "id"],
        unique=False,
        sqlite_where=IS_WORK,
        postgresql_where=IS_WORK,
    )
