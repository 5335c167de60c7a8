"""Roles, and how a token is kept. Light: the command line makes tokens, too."""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Role(StrEnum):
    """What a token is for."""

    VIEWER = "viewer"
    """Reads; plates masked, no pictures."""
    OPERATOR = "operator"
    """Reads all, plates and pictures too (each look is audited); acknowledges, and does everything with tickets."""
    CREW = "crew"
    """Reads as a viewer; works on the tickets of its team, with their photos and with a coarse look at their evidence
    (each look is audited)."""
    INGEST = "ingest"
    """Pushes records and heartbeats, nothing else."""
    METRICS = "metrics"
    """Reads /metrics, nothing else."""
    ADMIN = "admin"
    """Everything, registration of devices too."""


def digest_of(token: str) -> str:
    """SHA-256 in hexadecimal. Enough for a random token of 256 bits: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
