"""What alerts need: labels, flapping, escalation, silences, maintenance windows."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Filled by the tables that this room needs."""
