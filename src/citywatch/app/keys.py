"""Where the keys are that seal the cameras' secrets."""

from __future__ import annotations

import os
from pathlib import Path

from citywatch.adapters.secrets import Sealer, load_sealer, make_key_file
from citywatch.app.briefing import Briefing
from citywatch.errors import ConfigurationError
from citywatch.ports import Store

VARIABLE = "CITYWATCH_KEY_FILE"


def key_file(briefing: Briefing) -> Path:
    """The file that the configuration names, or the environment, or the one in the data directory."""
    configured = briefing.settings().secrets.key_file
    if configured is not None:
        return briefing.beside_configuration(configured)
    named = os.environ.get(VARIABLE, "")
    return Path(named) if named else briefing.directory().secrets_key


def sealer(briefing: Briefing) -> Sealer:
    """The keys of this city. ConfigurationError when they cannot be read."""
    return load_sealer(key_file(briefing))


def make_own_key(briefing: Briefing, store: Store) -> None:
    """The key of a new city, in its data directory. ConfigurationError where an old one has lost its own."""
    path = key_file(briefing)
    if path != briefing.directory().secrets_key or path.exists():
        return
    sealed = next((row["camera"] for row in store.cameras() if row["sealed"]), None)
    if sealed is not None:
        raise ConfigurationError(
            f"{path} is missing, and the secrets of cameras ({sealed} ...) are sealed with it: restore it from a "
            "backup, or make a new one and describe those cameras anew (docs/operations.md, Secrets of cameras)"
        )
    make_key_file(path)
