"""A camera as a datum: what is told of it, who told it, and what of it is secret.

A description is a JSON object of the settings of a camera that differ from their defaults (adapters/cameras/config.py
names them), with `kind`, `name` and `place` for people. It is safe to be seen: an address that holds anything secret
stands in it redacted, and what was taken out is `sealed`, a text that only the holder of the city's key can open
(adapters/secrets.py), bound to the camera's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_DESCRIPTION_BYTES = 16_384
"""A description and its sealed part together; far above every real one, far below a blob's limit."""

DEVICE_REMOVED = "device_removed"
"""Why an alert, a ticket or a state ends when its device is watched no longer."""


class Origin(StrEnum):
    """Who said that a camera is to be watched: whoever said it last may take it back."""

    API = "api"
    """A person or programme, through the API."""
    CONFIGURATION = "configuration"
    """The city's configuration, or its fleet file."""


@dataclass(frozen=True, slots=True)
class Described:
    """One camera as it travels through the log. `fields` are JSON values, `sealed` is empty without any secret."""

    camera: str
    fields: Mapping[str, Any]
    sealed: str = ""

    def args(self, origin: Origin) -> str:
        """The args of its PUT_CAMERA. ValueError when it is too large."""
        text = _dump({"origin": origin.value, "camera": dict(self.fields), "sealed": self.sealed})
        if len(text.encode()) > MAX_DESCRIPTION_BYTES:
            raise ValueError(f"camera {self.camera}: its description is longer than {MAX_DESCRIPTION_BYTES} bytes")
        return text

    def digest(self) -> str:
        """16 hexadecimal digits: the same description gives the same, whatever the order of its keys.

        Sealing is keyed, so nobody can guess a password by it.
        """
        text = json.dumps({"camera": self.fields, "sealed": self.sealed}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
