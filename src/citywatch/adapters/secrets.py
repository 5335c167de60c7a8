"""Sealing: what is secret of a camera, as a text that may lie in logs, tables and backups.

AES-SIV (RFC 5297) with 512-bit keys, out of the `cryptography` package. Sealing is deterministic: the same secret of
the same camera under the same key gives the same text, so that a configuration read again changes nothing, and there
is no nonce that could ever be used twice. What a text is about (the camera's id) is bound to it: the text of one
camera does not open as that of another.

A key file holds one key a line, 64 bytes in base64; lines that begin with # and empty lines are skipped. The first
key seals, all of them open: a new key goes to the top, and the old one may go when nothing is sealed with it any more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from citywatch.errors import CitywatchError, ConfigurationError

_log = logging.getLogger(__name__)

KEY_BYTES = 64
_MOST_KEYS = 16
_MOST_FILE_BYTES = 16_384
_PREFIX = "cw1"
_SEALED = re.compile(rf"{_PREFIX}:(?P<key>[0-9a-f]{{8}}):(?P<text>[A-Za-z0-9_-]+)")


class CannotOpen(CitywatchError):
    """A sealed text that none of our keys opens, or not for this camera."""


class Sealer:
    """Seals with the first key, opens with all. Its repr shows none of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key has {KEY_BYTES} bytes, and there is at least one")
        self._ciphers = {_name(key): AESSIV(key) for key in keys}
        self._first = _name(keys[0])
        self._root = keys[0]

    def __repr__(self) -> str:
        return f"Sealer({len(self._ciphers)} keys, first {self._first})"

    def derived(self, purpose: str) -> bytes:
        """32 bytes for another purpose, made of the first key and telling nothing of it."""
        return hashlib.blake2b(purpose.encode(), digest_size=32, key=self._root).digest()

    def seal(self, secret: str, about: str) -> str:
        """`secret` as a text that opens only with our key, and only as a text about `about`."""
        sealed = self._ciphers[self._first].encrypt(secret.encode(), [_PREFIX.encode(), about.encode()])
        return f"{_PREFIX}:{self._first}:{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, sealed: str, about: str) -> str:
        """What was sealed. CannotOpen for an unknown key, another `about`, or a text that was changed."""
        match = _SEALED.fullmatch(sealed)
        if match is None:
            raise CannotOpen(f"{about}: this is no sealed text of ours")
        cipher = self._ciphers.get(match["key"])
        if cipher is None:
            raise CannotOpen(
                f"{about}: its secrets are sealed with the key {match['key']}, which is not in the key file; "
                "put that key back behind the first one, or describe the camera anew"
            )
        try:
            text = base64.urlsafe_b64decode(match["text"] + "=" * (-len(match["text"]) % 4))
            return cipher.decrypt(text, [_PREFIX.encode(), about.encode()]).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise CannotOpen(f"{about}: its sealed secrets were changed, or belong to another camera") from error

    def is_current(self, sealed: str) -> bool:
        """Whether a text was sealed with the first key; also for an empty one, which hides nothing."""
        match = _SEALED.fullmatch(sealed)
        return not sealed or (match is not None and match["key"] == self._first)


def load_sealer(path: Path) -> Sealer:
    """The keys of a key file. ConfigurationError, in words without any key, for a file that cannot be one."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_FILE_BYTES + 1)
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ConfigurationError(
            f"key file {path}: {error.strerror}; cameras' secrets are sealed with it: restore it from a backup"
        ) from error
    if mode & stat.S_IRWXO:
        _log.warning("key file %s can be read by every user of this machine: chmod 600", path)
    try:
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        keys = [base64.b64decode(line, validate=True) for line in lines if line and not line.startswith("#")]
        if len(content) > _MOST_FILE_BYTES or len(keys) > _MOST_KEYS:
            raise ValueError
        return Sealer(keys)
    except ValueError as error:
        raise ConfigurationError(
            f"key file {path}: one key a line is wanted, {KEY_BYTES} bytes in base64 each, at most {_MOST_KEYS}; "
            f"make one with: head -c {KEY_BYTES} /dev/urandom | base64 -w0"
        ) from error


def make_key_file(path: Path) -> None:
    """A key file with one new key, readable by its owner alone; one that is there already is left alone.

    Whole or not there, whoever else makes one at the same time.
    """
    if path.exists():
        return
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.unfinished")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"# Keys of the cameras' secrets. Keep a copy apart from the backup of the data directory.\n")
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        unfinished.unlink()


def _name(key: bytes) -> str:
    """What a key is called: enough to tell keys apart, nothing of the key."""
    return hashlib.blake2b(key, digest_size=4, person=b"citywatch key").hexdigest()
