"""What the watch over cameras needs: the fleet, references, incidents, what other systems claim."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "cameras",
        sa.Column("camera", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("camera_class", ID, nullable=False),
        sa.Column("description", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("origin", ID, nullable=False),
        sa.Column("file", ID, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("put_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_at_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_cameras")),
    )
    op.create_index(op.f("ix_cameras_removed_at_ns"), "cameras", ["removed_at_ns"], unique=False)
    op.create_index(op.f("ix_cameras_site"), "cameras", ["site"], unique=False)
    _sources()
    _references()


def _references() -> None:
    op.create_table(
        "camera_references",
        sa.Column("camera", ID, nullable=False),
        sa.Column("light", ID, nullable=False),
        sa.Column("preset", ID, nullable=False),
        sa.Column("picture", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("adopted_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("camera", "light", "preset", name=op.f("pk_camera_references")),
    )
    op.create_index(op.f("ix_camera_references_picture"), "camera_references", ["picture"], unique=False)


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("source", ID, nullable=False),
        sa.Column("aspect", ID, nullable=False),
        sa.Column("claim", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("said_ns", sa.BigInteger(), nullable=False),
        sa.Column("since_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_index(op.f("ix_sources_device_id"), "sources", ["device", "id"], unique=False)
    op.create_index(op.f("ix_sources_since_ns"), "sources", ["since_ns"], unique=False)
    op.create_table(
        "disagreements",
        sa.Column("cause", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("looks", ID, nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("since_ns", sa.BigInteger(), nullable=False),
        sa.Column("told_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("until_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("cause", name=op.f("pk_disagreements")),
    )
    op.create_index(
        op.f("ix_disagreements_device_told_at_ns_cause"),
        "disagreements",
        ["device", "told_at_ns", "cause"],
        unique=False,
    )
    op.create_index(op.f("ix_disagreements_until_ns"), "disagreements", ["until_ns"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", ID, nullable=False),
        sa.Column("root", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("below", sa.Integer(), nullable=False),
        sa.Column("first_bad_ns", sa.BigInteger(), nullable=False),
        sa.Column("opened_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("first_good_ns", sa.BigInteger(), nullable=True),
        sa.Column("closed_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("resolution", ID, nullable=False),
        sa.Column("absorbed_by", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_closed_at_ns"), "incidents", ["closed_at_ns"], unique=False)
    op.create_index(op.f("ix_incidents_opened_at_ns_id"), "incidents", ["opened_at_ns", "id"], unique=False)
    op.create_index(
        op.f("ix_incidents_root_opened_at_ns_id"), "incidents", ["root", "opened_at_ns", "id"], unique=False
    )
    op.create_index(
        op.f("ix_incidents_state_opened_at_ns_id"), "incidents", ["state", "opened_at_ns", "id"], unique=False
    )
    op.create_table(
        "incident_children",
        sa.Column("id", ID, nullable=False),
        sa.Column("incident", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("fault", ID, nullable=False),
        sa.Column("first_bad_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_good_ns", sa.BigInteger(), nullable=False),
        sa.Column("joined_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("left_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("how", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident"], ["incidents.id"], name=op.f("fk_incident_children_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_children")),
    )
    op.create_index(op.f("ix_incident_children_cause"), "incident_children", ["cause"], unique=False)
    op.create_index(
        op.f("ix_incident_children_device_first_bad_ns"), "incident_children", ["device", "first_bad_ns"], unique=False
    )
    op.create_index(
        op.f("ix_incident_children_incident_joined_at_ns_device"),
        "incident_children",
        ["incident", "joined_at_ns", "device"],
        unique=False,
    )
    with op.batch_alter_table("devices", recreate="always") as devices:
        devices.add_column(sa.Column("parent", ID, server_default="", nullable=False))
        devices.add_column(sa.Column("site", sa.Text(), server_default="", nullable=False))
