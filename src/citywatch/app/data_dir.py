"""The data directory: where everything of one city lies, who holds it, and which version wrote it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from citywatch import __version__
from citywatch.errors import ConfigurationError, DataDirError

FORMAT = 1
_DEMONSTRATION_ROLES = ("ingest", "crew")
DEFAULT = Path("citywatch-data")


class DataDir:
    """Paths inside one data directory. `open` makes it; `hold` keeps a second city out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.log = self.root / "log"
        self.database = self.root / "citywatch.sqlite"
        self.objects = self.root / "objects"
        self.cache = self.root / "cache"
        self.metrics = self.root / "metrics"
        self.secrets_key = self.root / "secrets.key"
        self._demonstration = self.root / "demonstration.json"
        self._locks: list[int] = []

    @classmethod
    def open(cls, root: Path) -> DataDir:
        """The directory, made if need be. DataDirError for one that a newer version wrote."""
        found = cls(root)
        try:
            found.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            found._check_format()
        except OSError as error:
            raise found._not_ours(error) from error
        return found

    def existing(self) -> DataDir:
        """Itself, when a city lives there already; else a ConfigurationError."""
        try:
            if not (self.root / "citywatch.json").is_file():
                raise ConfigurationError(
                    f"{self.root} is not a data directory of Citywatch; "
                    "name the one that `citywatch run` uses: --data-dir"
                )
            self._check_format()
        except OSError as error:
            raise self._not_ours(error) from error
        return self

    def hold(self, roles: Sequence[str]) -> None:
        """Take these roles (`log`, `process`, `serve`, `patrol`) in this directory until this process ends.

        Several supervisors may share a directory, each with parts of its own; no part runs twice.
        """
        for role in roles:
            try:
                lock = os.open(self.root / f"lock-{role}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._locks.append(lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataDirError(
                    f"data directory {self.root} is in use by another `citywatch run` (its part {role}); "
                    "stop it, or name another --data-dir"
                ) from error
            except OSError as error:
                raise self._not_ours(error) from error

    @property
    def has_demonstrated(self) -> bool:
        """Whether the demonstration city has played here."""
        return self._demonstration.exists()

    def demonstration_tokens(self) -> dict[str, str]:
        """The tokens of the demonstration's scales and crew, by role: made once, readable by us alone."""
        kept = self._demonstration
        try:
            if not kept.exists():
                unfinished = kept.with_suffix(".tmp")
                unfinished.touch(mode=0o600)
                made = {role: f"cw_{secrets.token_urlsafe(32)}" for role in _DEMONSTRATION_ROLES}
                unfinished.write_text(json.dumps(made) + "\n")
                unfinished.replace(kept)
            tokens = json.loads(kept.read_text())
            return {role: str(tokens[role]) for role in _DEMONSTRATION_ROLES}
        except OSError as error:
            raise self._not_ours(error) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataDirError(f"{kept} is damaged; restore it from a backup") from error

    def _not_ours(self, error: OSError) -> ConfigurationError:
        why = f"{error.filename}: {error.strerror}" if error.filename not in (None, str(self.root)) else error.strerror
        return ConfigurationError(
            f"data directory {self.root}: {why}; make it writable for this user, or name another one with --data-dir"
        )

    def database_url(self, configured: str | None) -> str:
        return configured or str(self.database)

    def _check_format(self) -> None:
        label = self.root / "citywatch.json"
        if not label.exists():
            unfinished = label.with_suffix(".tmp")
            unfinished.write_text(json.dumps({"format": FORMAT, "made_by": __version__}) + "\n")
            unfinished.replace(label)
            return
        try:
            written = json.loads(label.read_text())["format"]
            if type(written) is not int or written < 1:
                raise ValueError(f"format {written!r}")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataDirError(f"{label} is damaged; restore it from a backup or name another --data-dir") from error
        if written > FORMAT:
            raise DataDirError(
                f"data directory {self.root} has format {written}; this version ({__version__}) reads up to {FORMAT}: "
                "install the version that wrote it, or a newer one"
            )
