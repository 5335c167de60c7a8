"""What alerts need: labels, flapping, escalation, silences, maintenance windows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("alerts", sa.Column("labels", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("alerts", sa.Column("exercise", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("alerts", sa.Column("escalation", sa.Integer(), server_default="0", nullable=False))
    op.add_column("alerts", sa.Column("escalated_to", sa.Text(), server_default="", nullable=False))
    op.add_column("alerts", sa.Column("flapping", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("alerts", sa.Column("openings", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "silences",
        sa.Column("id", ID, nullable=False),
        sa.Column("matcher", sa.JSON(), nullable=False),
        sa.Column("from_ns", sa.BigInteger(), nullable=False),
        sa.Column("to_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("set_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_to_ns"), "silences", ["to_ns"], unique=False)
    op.create_index(op.f("ix_silences_set_at_ns_id"), "silences", ["set_at_ns", "id"], unique=False)
    op.create_table(
        "windows",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("matcher", sa.JSON(), nullable=False),
        sa.Column("from_ns", sa.BigInteger(), nullable=False),
        sa.Column("to_ns", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("set_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_windows")),
    )
    op.create_index(op.f("ix_windows_to_ns"), "windows", ["to_ns"], unique=False)
    op.create_index(op.f("ix_windows_set_at_ns_id"), "windows", ["set_at_ns", "id"], unique=False)
