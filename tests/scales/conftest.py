"""Kernels of the scales, compiled and sealed before the first test: the state that production runs in."""

import pytest

from citywatch.kernels import _jit, digests, mon, passes

WARMED = (digests, mon, passes)


@pytest.fixture(scope="session", autouse=True)
def _warm_kernels():
    _jit.warm()
