"""What people and other systems have found, and apart from it who the people are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", ID, nullable=False),
        sa.Column("key", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("severity", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("raised_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("first_bad_ns", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("first_good_ns", sa.BigInteger(), nullable=True),
        sa.Column("resolution", ID, nullable=False),
        sa.Column("cleared_by", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("verified_by", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    for columns in (
        ["raised_at_ns", "id"],
        ["state", "raised_at_ns", "id"],
        ["source", "key"],
        ["device", "raised_at_ns", "id"],
        ["cleared_at_ns"],
    ):
        op.create_index(op.f(f"ix_findings_{'_'.join(columns)}"), "findings", columns, unique=False)
    op.create_table(
        "finding_reporters",
        sa.Column("key", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_finding_reporters")),
    )
    op.create_index(op.f("ix_finding_reporters_at_ns"), "finding_reporters", ["at_ns"], unique=False)
