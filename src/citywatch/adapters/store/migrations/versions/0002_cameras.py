"""What the watch over cameras needs: the fleet, references, incidents, what other systems claim."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    pass
