"""What every test shares: a kernel cache that outlives the run, hypothesis without stopwatch, the real data."""

from __future__ import annotations

import os
from pathlib import Path

from citywatch.app.kernels import cache_in

# Before anything imports numba: compiled kernels are kept between runs, and one thread is enough for anybody.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "citywatch-tests"
os.environ["NUMBA_CACHE_DIR"] = str(cache_in(Path(os.environ.get("NUMBA_CACHE_DIR") or _CACHE / "numba")))
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite runs side by side, a file to a process; tests that are named run here, as a debugger wants it.

    One process more than cores: much of the suite waits for servers and processes that it started.
    """
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        config.option.dist = "no"
        return 0
    return min(len(os.sched_getaffinity(0)) + 1, 8)


REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records and footage; a test that needs it is skipped where it is missing."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not here: {folder}")
    return folder
