"""Kernels of the strips, compiled and sealed before the first test: the state that production runs in."""

import pytest

from citywatch.kernels import _jit, strip_vehicles

WARMED = (strip_vehicles,)


@pytest.fixture(scope="session", autouse=True)
def _warm_kernels():
    _jit.warm()
