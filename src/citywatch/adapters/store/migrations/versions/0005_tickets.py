"""The whole ticket machine: teams, clocks, holds, what was done."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Filled by the tables that this room needs."""
