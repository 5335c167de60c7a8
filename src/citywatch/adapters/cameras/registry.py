"""From what people write about a camera to what travels through the log, and back to what the patrol visits.

What travels is safe to be seen: an address that holds anything secret is redacted, and what was taken out of the
description is sealed as one text, bound to the camera (adapters/secrets.py). Only the patrol opens it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr, ValidationError

from citywatch.adapters.cameras.addresses import HIDDEN, MediaKind, parse_address, redact
from citywatch.adapters.cameras.config import STANDARD_CLASS, CameraSettings
from citywatch.adapters.cameras.fleet_file import ADDRESSES, IS_HIDDEN, parse_fleet
from citywatch.adapters.secrets import CannotOpen, Sealer
from citywatch.domain.cameras import Described, Origin
from citywatch.errors import DescriptionRefused, Mistake
from citywatch.ports import Row

_SECRET = ("url", "onvif_url", "username")
_NO_TEXT = "plain text without control characters is wanted"


def describe(camera: CameraSettings, sealer: Sealer) -> Described:
    """The description that travels: settings that differ from their defaults, secrets sealed."""
    fields = camera.model_dump(mode="json", exclude_defaults=True, exclude={"camera", *_SECRET})
    secret: dict[str, str] = {}
    for name in ("url", "onvif_url"):
        address: SecretStr | None = getattr(camera, name)
        if address is None:
            continue
        plain = address.get_secret_value()
        fields[name] = redact(plain)
        if fields[name] != plain:
            secret[name] = plain
    if camera.username:
        secret["username"] = camera.username
    text = json.dumps(secret, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return Described(camera.camera, fields, sealer.seal(text, camera.camera) if secret else "")


def read(described: Described, sealer: Sealer) -> CameraSettings:
    """The camera that was described. CannotOpen when its secrets cannot be opened, or it is none that we know."""
    fields = {**described.fields, "camera": described.camera}
    if described.sealed:
        fields |= json.loads(sealer.open(described.sealed, described.camera))
    try:
        return CameraSettings.model_validate(fields)
    except ValidationError as error:
        why = "; ".join(str(mistake) for mistake in _mistakes(error))
        raise CannotOpen(f"{described.camera}: its description is not one that this version knows: {why}") from None


def described_by(row: Row) -> Described:
    """The description that a row of the store holds."""
    return Described(row["camera"], row["description"], row["sealed"])


def with_credentials(url: str, username: str, password: str) -> str:
    """The address with user and password in it. ValueError for a file, which takes none."""
    if parse_address(url).kind is MediaKind.FILE:
        raise ValueError("a file takes no user and password")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(username, safe='')}:{quote(password, safe='')}@{host}"))


class CameraRegistry:
    """ports.CameraForms. `classes` are the keys of `patrol.classes`; only in `password_directories` the API may name a
    `password_file`, and only in `file_directories` a file as a camera.
    """

    def __init__(
        self,
        sealer: Sealer,
        classes: Iterable[str] = (STANDARD_CLASS,),
        password_directories: Iterable[Path] = (),
        file_directories: Iterable[Path] = (),
    ) -> None:
        self._sealer = sealer
        self._classes = frozenset(classes)
        self._directories = tuple(directory.resolve() for directory in password_directories)
        self._file_directories = tuple(directory.resolve() for directory in file_directories)

    def described(self, camera: str, fields: Mapping[str, Any], known: Row | None) -> Described:
        """`fields` are those of CameraSettings without `camera`, and `password`, which goes into the address."""
        wanted = {name: value for name, value in fields.items() if value is not None}
        password = wanted.pop("password", None)
        kept = _kept(wanted, known) if password is None and "username" not in wanted else False
        mistakes = [] if kept else [
            Mistake(name, f"{HIDDEN} stands for something secret: write the address with it, or `password`")
            for name in ("url", "onvif_url")
            if HIDDEN in str(wanted.get(name, ""))
        ]  # fmt: skip
        if mistakes:
            raise DescriptionRefused(mistakes)
        if password is not None:
            try:
                wanted["url"] = with_credentials(str(wanted.get("url", "")), wanted.pop("username", ""), password)
            except ValueError as error:
                raise DescriptionRefused([Mistake("url", str(error))]) from None
        try:
            settings = CameraSettings.model_validate({**wanted, "camera": camera})
        except ValidationError as error:
            raise DescriptionRefused(_mistakes(error)) from None
        mistakes = self._mistakes_of(settings, known)
        if mistakes:
            raise DescriptionRefused(mistakes)
        described = describe(settings, self._sealer)
        if kept and known is not None:
            described = Described(camera, described.fields, known["sealed"])
        return described

    def table(self, content: bytes, known: Mapping[str, Row]) -> Sequence[Described]:
        """Cameras of a table (adapters/cameras/fleet_file.py), as the API takes them."""
        cameras = parse_fleet(content, self._classes, may_be_hidden=True)
        mistakes, told = list[Mistake](), list[Described]()
        for camera in cameras:
            row = known.get(camera.camera)
            described = describe(camera, self._sealer)
            found = self._mistakes_of(camera, row)
            if any(HIDDEN in _plain(camera, name) for name in ADDRESSES):
                if row is not None and not camera.username and _kept(described.fields, row):
                    described = Described(camera.camera, described.fields, row["sealed"])
                else:
                    found.append(Mistake("url", IS_HIDDEN))
            mistakes += [Mistake(f"{camera.camera}.{mistake.field}", mistake.message) for mistake in found]
            told.append(described)
        if mistakes:
            raise DescriptionRefused(mistakes)
        return told

    def _mistakes_of(self, camera: CameraSettings, known: Row | None = None) -> list[Mistake]:
        """What the configuration may say and the API may not: to hand any file of this machine to a camera, or to look
        at any file of it. One that the configuration has named may be given back as it is.
        """
        mistakes = [Mistake(name, _NO_TEXT) for name in ("name", "place") if not getattr(camera, name).isprintable()]
        if camera.camera_class not in self._classes:
            mistakes.append(
                Mistake("camera_class", f"no class of the patrol; known: {', '.join(sorted(self._classes))}")
            )
        address = camera.address()
        is_known = known is not None and known["description"].get("url") == camera.url.get_secret_value()
        if address.kind is MediaKind.FILE and not is_known and not _is_in(Path(address.path), self._file_directories):
            mistakes.append(
                Mistake(
                    "url",
                    "an address begins with rtsp://, http://, https://, onvif:// or tcp://; a file must lie in a "
                    "directory of `patrol.file_directories`",
                )
            )
        file = camera.password_file
        if file is not None and not _is_in(file, self._directories):
            mistakes.append(
                Mistake(
                    "password_file", "name one in a directory of `secrets.password_directories`, or give `password`"
                )
            )
        return mistakes


def _is_in(file: Path, directories: Iterable[Path]) -> bool:
    return any(file.resolve().is_relative_to(directory) for directory in directories)


def _plain(camera: CameraSettings, name: str) -> str:
    """An address as it was written."""
    address: SecretStr | None = getattr(camera, name)
    return "" if address is None else address.get_secret_value()


def _kept(wanted: Mapping[str, Any], known: Row | None) -> bool:
    """Whether every address is given back as it was shown: then the secrets stay as they are, unopened."""
    if known is None or not known["sealed"]:
        return False
    return all(wanted.get(name) == known["description"].get(name) for name in ("url", "onvif_url"))


def _mistakes(error: ValidationError) -> list[Mistake]:
    """In words that repeat no value."""
    found = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        field = ".".join(str(part) for part in item["loc"])
        unknown = item["type"] == "extra_forbidden"
        words = item["msg"].removeprefix("Value error, ")
        message = "there is no such field" if unknown else "is missing" if item["type"] == "missing" else words
        found.append(Mistake(field, message))
    return found


def differences(
    told: Mapping[str, Described], said: Mapping[str, str], *, removals: bool
) -> dict[str, Described | None]:
    """What the configuration has to say: cameras to be put, and None for those that it names no longer.

    `said` holds the digest of what it said last, by camera; what it says again is left out.
    """
    changes: dict[str, Described | None] = {
        camera: described for camera, described in told.items() if said.get(camera) != described.digest()
    }
    if removals:
        changes |= {camera: None for camera in said if camera not in told}
    return changes


def args_of(change: Described | None) -> str:
    """The args of the configuration's command."""
    return json.dumps({"origin": Origin.CONFIGURATION.value}) if change is None else change.args(Origin.CONFIGURATION)
