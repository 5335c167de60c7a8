"""Kernels, compiled once by one process and loaded from the cache by the others."""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from functools import cache
from importlib import metadata, resources
from pathlib import Path

FIRST_START = "citywatch: the first start of this version compiles its kernels, which takes up to a minute"
_DONE = "compiled"
_KEPT = 3
"""Versions whose kernels stay: an older one may still run beside a newer."""


def cache_in(parent: Path) -> Path:
    """Where the kernels of this very version lie on this very processor; `parent` itself when it is that place.

    Numba looks at the file of a kernel, not at those of the kernels that it calls: after an upgrade it would go on with
    old code. So no two versions share a cache.
    """
    name = _fingerprint()
    return parent if parent.name == name else parent / name


def compile_once(place: Path) -> None:
    """Compile every kernel into the place of `cache_in`, unless that was done before. Old versions' caches go."""
    done = place / _DONE
    if done.exists():
        return
    print(FIRST_START, file=sys.stderr, flush=True)
    warm()
    place.mkdir(parents=True, exist_ok=True)
    done.touch()
    others = [found.parent for found in place.parent.glob(f"*/{_DONE}") if found.parent != place]
    for old in sorted(others, key=lambda found: found.stat().st_mtime)[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)


def warm() -> None:
    """Load every kernel and let nothing compile from then on."""
    from citywatch.kernels import all_kernels  # noqa: PLC0415

    all_kernels()
    warm_imported()


def warm_imported() -> None:
    """Load the kernels of the modules that are imported so far: a command needs no more than its own."""
    from citywatch.kernels._jit import warm  # noqa: PLC0415

    warm()


def use_cache(default: Path | None = None) -> None:
    """For commands without a data directory: keep compiled kernels in the user's cache. A person who waits for the
    first compilation is told why.
    """
    if "NUMBA_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        os.environ["NUMBA_CACHE_DIR"] = str(cache_in(_writable(default or home / "citywatch" / "kernels")))
    if sys.stderr.isatty() and next(Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbi"), None) is None:
        print(FIRST_START, file=sys.stderr, flush=True)


def _writable(cache: Path) -> Path:
    """`cache`, or for a user without a home of their own a place that goes with this process."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            return cache
    except OSError:
        passing = tempfile.mkdtemp(prefix="citywatch-kernels-")
        atexit.register(shutil.rmtree, passing, ignore_errors=True)
        return Path(passing)


@cache
def _fingerprint() -> str:
    """Everything that makes compiled code another: sources, compiler, interpreter, processor."""
    parts = [sys.version, metadata.version("numba"), metadata.version("llvmlite"), platform.machine(), _processor()]
    for source in sorted(resources.files("citywatch.kernels").iterdir(), key=lambda item: item.name):
        if source.name.endswith(".py"):
            parts.append(source.read_text(encoding="utf-8"))
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
