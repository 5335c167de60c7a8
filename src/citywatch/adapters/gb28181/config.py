"""What can be set of the registrar, beside its adapter. Light: the supervisor reads it, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from citywatch.domain.devices import check_device_id
from citywatch.domain.instants import check_zone
from citywatch.errors import ConfigurationError

_CODE = r"^[0-9]{20}$"
_REALM = re.compile(r"[A-Za-z0-9.:_-]{1,64}")

Code = Annotated[str, Field(pattern=_CODE, description="20 digits")]


class GbDevice(BaseModel):
    """One device or platform that may register, with a password of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Code
    password_file: Annotated[Path, Field(description="A file that holds its password alone")]
    username: Annotated[str, Field(max_length=128, description="User of its digest; its code when empty")] = ""
    keepalive_seconds: Annotated[
        int | None, Field(ge=5, le=3600, description="How often it says that it lives, when otherwise than the others")
    ] = None


class RegistrarConfig(BaseModel):
    """The registrar for GB/T 28181."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, Field(pattern=_CODE, description="Our own code, 20 digits; devices send to it")]
    realm: Annotated[str, Field(max_length=64, description="Realm of the digest; the code's first ten digits")] = ""
    host: Annotated[str, Field(min_length=1, description="Address to listen on; 0.0.0.0 for every one")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="UDP and TCP port; 0 for any free one")] = 5060
    advertised_host: Annotated[
        str, Field(max_length=255, description="Our address as devices reach it; found by itself when empty")
    ] = ""
    password_file: Annotated[
        Path | None,
        Field(description="Password of devices that are not listed; without it nobody else may register"),
    ] = None
    devices: Annotated[
        tuple[GbDevice, ...], Field(max_length=100_000, description="Those with passwords of their own")
    ] = ()
    cameras: Annotated[
        dict[Code, str],
        Field(
            description="Code of a channel or device: id of its camera here; a code that is missing is the id itself"
        ),
    ] = {}
    digest: Annotated[
        Literal["auto", "md5", "sha-256"],
        Field(description="Hash asked for; auto: MD5, and SHA-256 besides of those who speak the form of 2022"),
    ] = "auto"
    time_zone: Annotated[str, Field(description="Zone of the devices' times, as an IANA name")] = "Asia/Shanghai"
    keepalive_seconds: Annotated[int, Field(ge=1, le=3600, description="How often devices say that they live")] = 60
    keepalives_missed: Annotated[
        int, Field(ge=1, le=100, description="So many may fail to come before that is claimed")
    ] = 3
    expires_min_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="The shortest registration that is taken")
    ] = 60
    expires_max_seconds: Annotated[
        int, Field(ge=60, le=604_800, description="The longest one; who asks for more gets this")
    ] = 86_400
    catalogue_seconds: Annotated[
        int, Field(ge=30, le=86_400, description="How often catalogues and states are asked for")
    ] = 3600
    subscription_seconds: Annotated[
        int, Field(ge=0, le=86_400, description="Length of subscriptions to catalogues and alarms; 0 for none")
    ] = 3600
    refresh_seconds: Annotated[
        int, Field(ge=10, le=86_400, description="How often a claim that has not changed is said again")
    ] = 600
    check_source: Annotated[bool, Field(description="Whether messages must come from the address that registered")] = (
        True
    )
    devices_max: Annotated[int, Field(ge=1, le=1_000_000, description="Most registered devices and platforms")] = 20_000
    channels_max: Annotated[int, Field(ge=1, le=1_000_000, description="Most channels of all of them")] = 100_000
    connections_max: Annotated[int, Field(ge=1, le=100_000, description="Most TCP connections")] = 8192
    connections_per_source: Annotated[
        int, Field(ge=1, le=100_000, description="Most TCP connections of one address")
    ] = 256
    requests_per_second: Annotated[
        float, Field(gt=0, le=1_000_000, description="Messages a second of one address in the long run ...")
    ] = 200.0
    requests_burst: Annotated[int, Field(ge=1, le=1_000_000, description="... and at once")] = 2000
    wrong_passwords_per_minute: Annotated[
        int, Field(ge=1, le=6000, description="Wrong answers for one code from one address before none is looked at")
    ] = 30
    questions_max: Annotated[
        int, Field(ge=1, le=10_000, description="Our own requests and unfinished catalogues at a time")
    ] = 256
    answers_max: Annotated[int, Field(ge=100, le=1_000_000, description="Answers kept for retransmissions")] = 50_000

    @field_validator("realm")
    @classmethod
    def _realm(cls, realm: str) -> str:
        if realm and not _REALM.fullmatch(realm):
            raise ValueError("letters, digits and . : _ - are wanted")
        return realm

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return check_zone(name)

    @field_validator("cameras")
    @classmethod
    def _cameras(cls, cameras: dict[str, str]) -> dict[str, str]:
        for camera in cameras.values():
            check_device_id(camera)
        return cameras

    @model_validator(mode="after")
    def _each_once(self) -> RegistrarConfig:
        codes = [device.code for device in self.devices]
        if len(set(codes)) < len(codes):
            raise ValueError("a device is listed twice; give each code once")
        if not codes and self.password_file is None:
            raise ValueError("nobody could register: give password_file, or list devices")
        if self.expires_min_seconds > self.expires_max_seconds:
            raise ValueError("expires_min_seconds is above expires_max_seconds")
        return self

    @property
    def used_realm(self) -> str:
        return self.realm or self.code[:10]

    def passwords(self) -> Passwords:
        """The secret files, read. ConfigurationError for one that cannot be."""
        own = {device.code: (device.username or device.code, _secret(device.password_file)) for device in self.devices}
        return Passwords(own, None if self.password_file is None else _secret(self.password_file))


class Passwords:
    """Who may register, and with which user and password. Prints nothing of itself."""

    def __init__(self, own: dict[str, tuple[str, SecretStr]], for_others: SecretStr | None) -> None:
        self._own = own
        self._for_others = for_others

    def __repr__(self) -> str:
        return "Passwords(***)"

    def known(self, code: str) -> bool:
        return code in self._own or self._for_others is not None

    def password(self, code: str, username: str) -> str | None:
        """The password of a device under that user name; None when it may not come in."""
        own = self._own.get(code)
        if own is not None:
            return own[1].get_secret_value() if username == own[0] else None
        if self._for_others is None or username != code:
            return None
        return self._for_others.get_secret_value()


def _secret(path: Path) -> SecretStr:
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"registrar: password file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"registrar: password file {path}: not UTF-8 text") from error
    if not text or "\n" in text:
        raise ConfigurationError(f"registrar: password file {path}: one line with the password is wanted")
    return SecretStr(text)
