"""What people and other systems have found."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Filled by the tables that this room needs."""
