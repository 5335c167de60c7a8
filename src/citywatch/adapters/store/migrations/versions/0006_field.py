"""What crews need: access notes, photos, spare parts, the shift log, exercises."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Filled by the tables that this room needs."""
