"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("severity", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("opened_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("resolved_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("cause", name=op.f("uq_alerts_cause")),
    )
    op.create_index(op.f("ix_alerts_device_opened_at_ns_id"), "alerts", ["device", "opened_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_alerts_kind_opened_at_ns_id"), "alerts", ["kind", "opened_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_alerts_opened_at_ns_id"), "alerts", ["opened_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_alerts_resolved_at_ns"), "alerts", ["resolved_at_ns"], unique=False)
    op.create_index(
        op.f("ix_alerts_severity_opened_at_ns_id"), "alerts", ["severity", "opened_at_ns", "id"], unique=False
    )
    op.create_index(op.f("ix_alerts_state_opened_at_ns_id"), "alerts", ["state", "opened_at_ns", "id"], unique=False)
    op.create_table(
        "archive_positions",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ms", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_archive_positions")),
    )
    op.create_table(
        "audit",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_at_ns"), "audit", ["at_ns"], unique=False)
    op.create_table(
        "commands",
        sa.Column("command", ID, nullable=False),
        sa.Column("verdict", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.PrimaryKeyConstraint("command", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_at_ns"), "commands", ["at_ns"], unique=False)
    op.create_table(
        "dead_letter_counts",
        sa.Column("source", ID, nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("gave_way", sa.BigInteger(), nullable=False),
        sa.Column("forgotten", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_dead_letter_counts")),
    )
    op.create_table(
        "device_states",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("worst_from_ns", sa.BigInteger(), nullable=False),
        sa.Column("best_from_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_device_states")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_device_states_device_seq"), "device_states", ["device", "seq"], unique=False)
    op.create_table(
        "devices",
        sa.Column("device", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("heartbeat_s", sa.Integer(), nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("state_since_ns", sa.BigInteger(), nullable=True),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("changed_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_kind_device"), "devices", ["kind", "device"], unique=False)
    op.create_index(op.f("ix_devices_state"), "devices", ["state"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_at_ns_id"), "events", ["at_ns", "id"], unique=False)
    op.create_index(op.f("ix_events_cause"), "events", ["cause"], unique=False)
    op.create_index(op.f("ix_events_device_at_ns_id"), "events", ["device", "at_ns", "id"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", ID, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "positions",
        sa.Column("stream", ID, nullable=False),
        sa.Column("ms", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_positions")),
    )
    op.create_table(
        "segments",
        sa.Column("path", ID, nullable=False),
        sa.Column("kind", ID, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("day", ID, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("from_ns", sa.BigInteger(), nullable=False),
        sa.Column("to_ns", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_kind_from_ns"), "segments", ["kind", "from_ns"], unique=False)
    op.create_index(
        op.f("ix_segments_seal_kind_day_partition"), "segments", ["seal", "kind", "day", "partition"], unique=False
    )
    op.create_table(
        "tickets",
        sa.Column("id", ID, nullable=False),
        sa.Column("cause", ID, nullable=False),
        sa.Column("alert", ID, nullable=False),
        sa.Column("device", ID, nullable=False),
        sa.Column("fault", ID, nullable=False),
        sa.Column("state", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_bad_ns", sa.BigInteger(), nullable=False),
        sa.Column("filed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("first_good_ns", sa.BigInteger(), nullable=True),
        sa.Column("verified_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("closed_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("cause", name=op.f("uq_tickets_cause")),
    )
    op.create_index(op.f("ix_tickets_alert"), "tickets", ["alert"], unique=False)
    op.create_index(op.f("ix_tickets_closed_at_ns"), "tickets", ["closed_at_ns"], unique=False)
    op.create_index(op.f("ix_tickets_device_filed_at_ns_id"), "tickets", ["device", "filed_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_tickets_filed_at_ns_id"), "tickets", ["filed_at_ns", "id"], unique=False)
    op.create_index(op.f("ix_tickets_state_filed_at_ns_id"), "tickets", ["state", "filed_at_ns", "id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("name", ID, nullable=False),
        sa.Column("role", ID, nullable=False),
        sa.Column("digest", ID, nullable=False),
        sa.Column("created_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_table(
        "alert_changes",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("alert", ID, nullable=False),
        sa.Column("change", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_alert_changes_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_alert_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_alert_changes_alert_seq"), "alert_changes", ["alert", "seq"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("number", SEQ, autoincrement=True, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("source", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["dead_letter_counts.source"], name=op.f("fk_dead_letters_source")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dead_letters")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_dead_letters_source_number"), "dead_letters", ["source", "number"], unique=False)
    op.create_table(
        "ticket_steps",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("ticket", ID, nullable=False),
        sa.Column("step", ID, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name=op.f("fk_ticket_steps_ticket"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ticket_steps")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ticket_steps_ticket_seq"), "ticket_steps", ["ticket", "seq"], unique=False)
