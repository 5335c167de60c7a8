"""Findings are found by their key alone, as well as by key and source."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_index(op.f("ix_findings_source_key"), table_name="findings")
    op.create_index(op.f("ix_findings_key_source"), "findings", ["key", "source"], unique=False)
