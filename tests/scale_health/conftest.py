"""The kernel of drift is compiled once, as in production."""

import pytest

from citywatch.kernels import _jit, digests, drift, legality, mon, passes, vehicles

WARMED = (digests, drift, legality, mon, passes, vehicles)


@pytest.fixture(scope="session", autouse=True)
def _warm_kernels():
    _jit.warm()
