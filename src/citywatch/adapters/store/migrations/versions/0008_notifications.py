"""What was to be told, to whom, and what became of it."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Filled by the tables that this room needs."""
