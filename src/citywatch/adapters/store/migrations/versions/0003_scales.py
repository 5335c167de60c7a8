"""What the watch over scales needs: corrections of their weights, and counts of the passes of roads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("step", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("factor", sa.Float(), nullable=False),
        sa.Column("factor_low", sa.Float(), nullable=False),
        sa.Column("factor_high", sa.Float(), nullable=False),
        sa.Column("proposed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("settled_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_device"), "corrections", ["device"], unique=False)
    op.create_index(op.f("ix_corrections_proposed_at_ns_id"), "corrections", ["proposed_at_ns", "id"], unique=False)
    op.create_index(
        op.f("ix_corrections_state_proposed_at_ns_id"), "corrections", ["state", "proposed_at_ns", "id"], unique=False
    )
    op.create_table(
        "pass_counts",
        sa.Column("id", ID, nullable=False),
        sa.Column("road", ID, nullable=False),
        sa.Column("day", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.BigInteger(), nullable=False),
        sa.Column("over_below_10", sa.BigInteger(), nullable=False),
        sa.Column("over_10_to_30", sa.BigInteger(), nullable=False),
        sa.Column("over_30_to_50", sa.BigInteger(), nullable=False),
        sa.Column("over_above_50", sa.BigInteger(), nullable=False),
        sa.Column("undecided", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.BigInteger(), nullable=False),
        sa.Column("not_judged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pass_counts")),
    )
    op.create_index(op.f("ix_pass_counts_day_road"), "pass_counts", ["day", "road"], unique=False)
