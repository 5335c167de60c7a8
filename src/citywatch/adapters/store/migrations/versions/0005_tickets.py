"""The whole ticket machine: teams, clocks, holds, what was done; the other ids of a ticket that was reopened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("team", sa.Text(), server_default="", nullable=False),
        sa.Column("contractor", sa.Text(), server_default="", nullable=False),
        sa.Column("labels", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("exercise", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("verifiable", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("outcome", ID, server_default="", nullable=False),
        sa.Column("handled_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("hold_reason", ID, server_default="", nullable=False),
        sa.Column("held_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("hold_until_ns", sa.BigInteger(), nullable=True),
        sa.Column("contract", sa.Text(), server_default="", nullable=False),
        sa.Column("response_within_ns", sa.BigInteger(), nullable=True),
        sa.Column("response_due_ns", sa.BigInteger(), nullable=True),
        sa.Column("response_state", ID, server_default="none", nullable=False),
        sa.Column("repair_within_ns", sa.BigInteger(), nullable=True),
        sa.Column("repair_due_ns", sa.BigInteger(), nullable=True),
        sa.Column("repair_left_ns", sa.BigInteger(), nullable=True),
        sa.Column("repair_state", ID, server_default="none", nullable=False),
        sa.Column("merged_into", ID, server_default="", nullable=False),
        sa.Column("reopened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("parts", sa.JSON(), server_default="[]", nullable=False),
    ):
        op.add_column("tickets", column)
    op.create_index(op.f("ix_tickets_team_filed_at_ns_id"), "tickets", ["team", "filed_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_tickets_response_due_ns"), "tickets", ["response_due_ns"], unique=False)
    op.create_index(op.f("ix_tickets_repair_due_ns"), "tickets", ["repair_due_ns"], unique=False)
    op.add_column("ticket_steps", sa.Column("detail", sa.JSON(), server_default="{}", nullable=False))
    op.create_table(
        "ticket_names",
        sa.Column("name", ID, nullable=False),
        sa.Column("ticket", ID, nullable=False),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name=op.f("fk_ticket_names_ticket"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ticket_names")),
    )
    op.create_index(op.f("ix_ticket_names_ticket"), "ticket_names", ["ticket"], unique=False)
