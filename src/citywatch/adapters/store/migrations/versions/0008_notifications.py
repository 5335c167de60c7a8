"""What was to be told, to whom, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notification_positions",
        sa.Column("stream", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_notification_positions")),
    )
    op.create_table(
        "notification_groups",
        sa.Column("id", ID, nullable=False),
        sa.Column("route", ID, nullable=False),
        sa.Column("receiver", ID, nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("told_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_groups")),
    )
    op.create_index(op.f("ix_notification_groups_due_ns"), "notification_groups", ["due_ns"], unique=False)
    op.create_index(op.f("ix_notification_groups_receiver"), "notification_groups", ["receiver"], unique=False)
    op.create_table(
        "notification_members",
        sa.Column("group", ID, nullable=False),
        sa.Column("subject", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group"],
            ["notification_groups.id"],
            name=op.f("fk_notification_members_group"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group", "subject", name=op.f("pk_notification_members")),
    )
    op.create_index(op.f("ix_notification_members_subject"), "notification_members", ["subject"], unique=False)
    _deliveries()


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("group", ID, nullable=False),
        sa.Column("receiver", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("planned_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("next_ns", sa.BigInteger(), nullable=False),
        sa.Column("settled_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
        sqlite_autoincrement=True,
    )
    for columns in (
        ["receiver", "state", "next_ns"],
        ["group", "state", "seq"],
        ["planned_at_ns", "id"],
        ["receiver", "planned_at_ns", "id"],
        ["state", "planned_at_ns", "id"],
        ["settled_at_ns"],
    ):
        op.create_index(op.f(f"ix_deliveries_{'_'.join(columns)}"), "deliveries", columns, unique=False)
    op.create_table(
        "delivery_attempts",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("delivery", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("result", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name=op.f("fk_delivery_attempts_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_delivery_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delivery_attempts_delivery_seq"), "delivery_attempts", ["delivery", "seq"], unique=False)
