"""Repair tickets: opened from a confirmed fault, verified and closed by the system itself."""
