"""Numba kernels: arrays in, arrays out; no I/O, no clock, nothing of the rest of the house."""

from __future__ import annotations


def all_kernels() -> None:
    """Import every kernel module, so that `_jit.warm()` knows them all."""
    from citywatch.kernels import (  # noqa: F401, PLC0415
        digests,
        drift,
        grids,
        legality,
        liveness,
        mon,
        passes,
        pictures,
        vehicles,
    )
