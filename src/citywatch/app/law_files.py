"""A city's own law files: laws of its own, or later versions of ours, beside the package's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citywatch.errors import ConfigurationError, DataDirError
from citywatch.laws import contents, parse

if TYPE_CHECKING:
    from citywatch.laws import Law, OneLaw

LARGEST_BYTES = 1_000_000


def read_law_files(files: Sequence[Path]) -> tuple[OneLaw, ...]:
    """The laws of TOML files such as those in citywatch/laws. ConfigurationError names file, entry, field and fix."""
    return tuple(law for file in files for law in parse(_text(file), str(file)))


def keep_versions(root: Path, law: Law) -> None:
    """Remember in the data directory what each version that decides says, so that no number changes under it.

    ConfigurationError when one says something else than it did; DataDirError when the memory is damaged.
    """
    kept = root / "laws.json"
    try:
        known: dict[str, str] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        said = contents(law)
        changed = sorted(ref for ref, digest in said.items() if known.get(ref, digest) != digest)
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataDirError(f"{kept} is damaged; restore it from a backup") from error
    except OSError as error:
        raise ConfigurationError(f"{kept}: {error.strerror}; make it readable for this user") from error
    if changed:
        raise ConfigurationError(
            f"law {changed[0]} says something else than it did when this city decided by it: put the old numbers back, "
            "and give the new ones a version of their own with the date from which they hold"
        )
    if said.keys() <= known.keys():
        return
    try:
        unfinished = kept.with_suffix(".tmp")
        unfinished.write_text(json.dumps(known | said, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(kept)
    except OSError as error:
        raise ConfigurationError(f"{kept}: {error.strerror}; make it writable for this user") from error


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise ConfigurationError(f"law file {file}: more than {LARGEST_BYTES:,} bytes; split it")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"law file {file}: {error.strerror}; name a readable TOML file") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"law file {file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
