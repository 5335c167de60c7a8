"""A city's own law files: laws of its own, or later versions of ours, beside the package's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citywatch.errors import ConfigurationError
from citywatch.laws import parse

if TYPE_CHECKING:
    from citywatch.laws import OneLaw

LARGEST_BYTES = 1_000_000


def read_law_files(files: Sequence[Path]) -> tuple[OneLaw, ...]:
    """The laws of TOML files such as those in citywatch/laws. ConfigurationError names file, entry, field and fix."""
    return tuple(law for file in files for law in parse(_text(file), str(file)))


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
