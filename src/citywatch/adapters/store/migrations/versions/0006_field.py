"""What crews need: access notes, photos, the shift log, exercises, and whose token is which team's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "exercises",
        sa.Column("id", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("fault", ID, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("until_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("how", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exercises")),
    )
    op.create_index(op.f("ix_exercises_started_at_ns_id"), "exercises", ["started_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_exercises_ended_at_ns"), "exercises", ["ended_at_ns"], unique=False)
    op.create_table(
        "device_access",
        sa.Column("device", ID, nullable=False),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_device_access")),
    )
    op.create_table(
        "ticket_photos",
        sa.Column("id", ID, nullable=False),
        sa.Column("ticket", ID, nullable=False),
        sa.Column("photo", ID, nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_photos")),
    )
    op.create_index(op.f("ix_ticket_photos_ticket_at_ns_id"), "ticket_photos", ["ticket", "at_ns", "id"], unique=False)
    op.create_index(op.f("ix_ticket_photos_photo"), "ticket_photos", ["photo"], unique=False)
    op.create_table(
        "shift_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_log")),
    )
    op.create_index(op.f("ix_shift_log_at_ns_id"), "shift_log", ["at_ns", "id"], unique=False)
    op.add_column("tokens", sa.Column("team", sa.Text(), server_default="", nullable=False))
