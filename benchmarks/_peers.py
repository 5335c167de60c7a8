"""Peers, each in a locked virtual environment of its own: benchmarks/peers/NAME/requirements.txt -> NAME/venv."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks._frame import HERE

_PINNED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[^=\s;\\]+")


def peers() -> dict[str, Path]:
    """Name -> requirements file of every peer that the repository describes."""
    return {path.parent.name: path for path in sorted((HERE / "peers").glob("*/requirements.txt"))}


def unpinned(requirements: Path) -> list[str]:
    """Lines of a requirements file that do not pin one exact version; an empty list for a locked file."""
    lines = (line.split(" #")[0].strip() for line in requirements.read_text().replace("\\\n", " ").splitlines())
    return [line for line in lines if line and not line.startswith("#") and not _PINNED.match(line)]


def build(names: list[str]) -> int:
    """Build the named peers (all when none is named). Returns a process exit code."""
    known = peers()
    for name in names:
        if name not in known:
            print(f"no peer is called {name!r}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
            return 2
    failed = 0
    for name in names or list(known):
        requirements = known[name]
        loose = unpinned(requirements)
        if loose:
            print(f"{requirements}: not locked, pin an exact version with ==: {loose[0]}", file=sys.stderr)
            return 2
        print(f"peer {name}: building its virtual environment", flush=True)
        directory = requirements.parent / "venv"
        venv.create(directory, with_pip=True, clear=True)
        hashes = ["--require-hashes"] if "--hash=" in requirements.read_text() else []
        install = [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", *hashes]
        if subprocess.run([*install, "-r", requirements], check=False).returncode:
            print(f"peer {name}: pip could not install {requirements}", file=sys.stderr)
            failed = 1
    return failed
