"""When an alert or a finding was over is indexed only of those that are: a new one pays nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_OVER = (("alerts", "resolved"), ("findings", "cleared"))


def upgrade() -> None:
    for table, word in _OVER:
        op.drop_index(op.f(f"ix_{table}_{word}_at_ns"), table_name=table)
        is_over = sa.text(f"{word}_at_ns IS NOT NULL")
        op.create_index(
            f"ix_{table}_{word}",
            table,
            [f"{word}_at_ns"],
            unique=False,
            sqlite_where=is_over,
            postgresql_where=is_over,
        )
