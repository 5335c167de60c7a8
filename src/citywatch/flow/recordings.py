"""Recordings: each replay keeps what it read, so that it can be decided again.

`<data dir>/recordings/<number>-<name>/` holds the segments, `index.sqlite` (their index, and the dead letters) and,
when the replay came to its end, `recording.json`. One without that file is unfinished: swept when the next one is made,
unless somebody is still writing it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from citywatch.adapters.store.disk import WholeFile, disk_words
from citywatch.adapters.store.sql import SqlStore
from citywatch.errors import ConfigurationError, DataDirError

FOLDER = "recordings"
FORMAT = 1
LATEST = "latest"
_LABEL = "recording.json"
_LOCK = "lock"
_INDEX = "index.sqlite"
_NAME = re.compile(r"(\d{6,})-.*")


@dataclass(frozen=True)
class Intake:
    """What came in, beside the passes: what a rerun cannot see any more.

    `refused` counts by reason; `letters` says how many refused lines were kept; `files` has (path, lines) in order.
    """

    law: str
    station: str
    time_zone: str
    fold: str
    files: tuple[tuple[str, int], ...]
    lines: int
    passes: int
    repeated: int
    refused: Mapping[str, int]
    letters: int
    versions: Mapping[str, str] = field(default_factory=dict)
    """What each version of the law said, see laws.contents; older recordings have none."""


class Recording:
    """A recording that is being written. `finish` makes it one; `discard` takes it away."""

    def __init__(self, root: Path, lock: int) -> None:
        self.root = root
        self.name = root.name
        self.store = SqlStore.open(root / _INDEX)
        self._lock = lock

    def finish(self, intake: Intake) -> None:
        """Everything is on disk: write the label."""
        self.store.close()
        label = {
            "format": FORMAT,
            "law": intake.law,
            "versions": dict(intake.versions),
            "station": intake.station,
            "time_zone": intake.time_zone,
            "fold": intake.fold,
            "files": [{"path": path, "lines": lines} for path, lines in intake.files],
            "lines": intake.lines,
            "passes": intake.passes,
            "repeated": intake.repeated,
            "refused": dict(intake.refused),
            "letters": intake.letters,
        }
        with WholeFile(self.root / _LABEL, "recording") as file:
            with disk_words(self.root):
                file.file.write((json.dumps(label, indent=1, ensure_ascii=False) + "\n").encode())
            file.commit()
        os.close(self._lock)

    def discard(self) -> None:
        """The replay failed: nothing of it stays."""
        self.store.close()
        shutil.rmtree(self.root, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def create(data_dir: Path, name: str) -> Recording:
    """A new recording, numbered above all others. ConfigurationError when the data directory cannot be written."""
    folder = data_dir / FOLDER
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip("-.") or "records"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        while True:
            root = folder / f"{_highest(folder) + 1:06d}-{plain}"
            try:
                root.mkdir()
            except FileExistsError:
                continue
            lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            break
    except OSError as error:
        raise ConfigurationError(
            f"data directory {data_dir}: cannot be written ({error.strerror}); name another one with --data-dir"
        ) from error
    try:
        return Recording(root, lock)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        os.close(lock)
        raise


def finished(data_dir: Path) -> list[str]:
    """The names of the recordings that came to their end, oldest first."""
    labels = (data_dir / FOLDER).glob(f"*/{_LABEL}")
    return sorted((label.parent.name for label in labels if _NAME.fullmatch(label.parent.name)), key=_number)


def find(data_dir: Path, name: str = LATEST) -> tuple[Path, Intake]:
    """A finished recording by its name, its number, or `latest`; ConfigurationError names those there are."""
    folder = data_dir / FOLDER
    names = sorted((path.name for path in folder.glob("*-*") if _NAME.fullmatch(path.name)), key=_number)
    fitting = names[-1:] if name == LATEST else [x for x in names if x == name or str(_number(x)) == name.lstrip("0")]
    if not fitting:
        there = (
            f"there are: {', '.join(names[-10:])}" if names else "there is none yet; make one with `citywatch replay`"
        )
        raise ConfigurationError(f"recording {name!r} in {data_dir}: not found; {there}")
    root = folder / fitting[0]
    return root, _read_label(root)


def _read_label(root: Path) -> Intake:
    try:
        raw: dict[str, Any] = json.loads((root / _LABEL).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"recording {root.name}: it is not finished; wait for its replay, or replay the file again"
        ) from error
    except (OSError, ValueError) as error:
        raise DataDirError(
            f"recording {root.name}: {_LABEL} cannot be read ({error}); restore it from a backup"
        ) from error
    if raw.get("format", 0) > FORMAT:
        raise DataDirError(f"recording {root.name}: it was made by a newer version; use that version to read it")
    try:
        return Intake(
            law=raw["law"],
            station=raw["station"],
            time_zone=raw["time_zone"],
            fold=raw["fold"],
            files=tuple((entry["path"], entry["lines"]) for entry in raw["files"]),
            lines=raw["lines"],
            passes=raw["passes"],
            repeated=raw["repeated"],
            refused=raw["refused"],
            letters=raw["letters"],
            versions=raw.get("versions", {}),
        )
    except (KeyError, TypeError) as error:
        raise DataDirError(f"recording {root.name}: {_LABEL} lacks {error}; restore it from a backup") from error


def open_index(root: Path) -> SqlStore:
    """The index of a finished recording."""
    if not (root / _INDEX).is_file():
        raise DataDirError(f"recording {root.name}: {_INDEX} is missing; restore it from a backup")
    return SqlStore.open(root / _INDEX)


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found.group(1)) if found else 0


def _highest(folder: Path) -> int:
    return max((_number(path.name) for path in folder.iterdir()), default=0)


def _sweep(folder: Path) -> None:
    """Take away what crashed replays left: no label, and nobody holds the lock."""
    for root in folder.iterdir():
        if not _NAME.fullmatch(root.name) or not root.is_dir() or (root / _LABEL).exists():
            continue
        try:
            lock = os.open(root / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # just being made, or of a crash in that very moment: it holds nothing
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
