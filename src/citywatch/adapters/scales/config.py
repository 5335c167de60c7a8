"""What can be set of the live ways in for scales, and of roadside signs. Light: the supervisor reads it, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.instants import check_zone
from citywatch.errors import ConfigurationError

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64}){0,7}")
_NAME = r"^[A-Za-z0-9._-]{1,48}$"

LineKind = Literal["station_json", "mon", "castor", "bedit", "ditis", "tmg"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BrokerConfig(_Part):
    """An MQTT broker (version 5)."""

    url: Annotated[str, Field(description="mqtt://HOST[:PORT], or mqtts:// for TLS; without user and password")]
    username: Annotated[str, Field(max_length=256, description="User at the broker")] = ""
    password_file: Annotated[Path | None, Field(description="A file that holds its password alone")] = None
    ca_file: Annotated[
        Path | None, Field(description="Certificates (PEM) that mqtts:// is trusted by, instead of the system's")
    ] = None
    client_id: Annotated[
        str, Field(min_length=1, max_length=128, description="Our name at the broker, which keeps messages for it")
    ] = "citywatch"
    prefix: Annotated[str, Field(description="Beginning of all topics")] = "citywatch/v1"
    keep_seconds: Annotated[
        int, Field(ge=0, le=4_294_967_294, description="So long the broker keeps messages while we are away")
    ] = 604_800

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError("an address such as mqtt://broker:1883 is wanted") from error
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/") or port == 0:
            raise ValueError("an address such as mqtt://broker:1883 is wanted")
        if parts.username is not None or parts.password is not None:
            raise ValueError("user and password do not belong into the address; use username and password_file")
        return url

    @field_validator("prefix")
    @classmethod
    def _lawful_prefix(cls, prefix: str) -> str:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError("words of letters, digits and . _ - with / between them are wanted")
        return prefix

    @property
    def host(self) -> str:
        return str(urlsplit(self.url).hostname)

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("mqtts://")

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or (8883 if self.is_secure else 1883)

    def password(self) -> SecretStr | None:
        """The secret file, read. ConfigurationError when it cannot be."""
        return None if self.password_file is None else read_secret("broker", self.password_file)


class LineConfig(_Part):
    """A scale's controller that gives its records as lines over TCP; we connect to it."""

    name: Annotated[str, Field(pattern=_NAME, description="Name of this line")]
    host: Annotated[str, Field(min_length=1, max_length=255, description="Its address")]
    port: Annotated[int, Field(ge=1, le=65_535, description="Its port")]
    format: Annotated[LineKind, Field(description="What a line is")] = "station_json"
    station: Annotated[str, Field(max_length=64, description="Station of records that hold none")] = ""
    time_zone: Annotated[str, Field(description="Zone of local times (not for station_json)")] = "UTC"
    acknowledge: Annotated[
        str, Field(max_length=64, description="Sent back for every line that is on disk or refused; empty for nothing")
    ] = ""
    heartbeat: Annotated[
        str, Field(max_length=64, description="A line that is just this says that the station lives; empty for none")
    ] = ""
    idle_seconds: Annotated[float, Field(ge=1, le=86_400, description="Connect anew when nothing came for so long")] = (
        300.0
    )
    connect_seconds: Annotated[float, Field(gt=0, le=120, description="Patience for a connection")] = 5.0
    retry_seconds: Annotated[
        float, Field(gt=0, le=3600, description="Longest pause between tries; the first ones are shorter")
    ] = 30.0

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return check_zone(name)

    @model_validator(mode="after")
    def _has_station(self) -> LineConfig:
        if self.station:
            check_device_id(scale_device(self.station, 0, 0))
        elif self.format not in ("station_json", "tmg"):
            raise ValueError(f"records of format {self.format} hold no station: name it with `station`")
        elif self.heartbeat:
            raise ValueError("a heartbeat speaks for a station: name it with `station`")
        return self


class IntakeConfig(_Part):
    """Live ways in for records of scales, beside the HTTP push. They run in the part `scales`."""

    mqtt: Annotated[BrokerConfig | None, Field(description="Records and states out of an MQTT broker")] = None
    tcp: Annotated[tuple[LineConfig, ...], Field(max_length=1000, description="Lines over TCP")] = ()

    @model_validator(mode="after")
    def _each_once(self) -> IntakeConfig:
        names = [line.name for line in self.tcp]
        if len(set(names)) < len(names):
            raise ValueError("two TCP lines have the same name; give each its own")
        return self


class UnloadingPlace(_Part):
    """Where a lorry can put off what is too much."""

    name: Annotated[str, Field(min_length=1, max_length=80, description="As the sign names it")]
    direction: Annotated[
        int, Field(ge=0, le=99, description="Direction of travel from which it is reached without turning")
    ]
    distance_m: Annotated[int, Field(ge=0, le=1_000_000, description="From the sign along the road, metres")]
    side: Annotated[Literal["right", "left"], Field(description="Side of the road, seen in that direction")] = "right"


class SignConfig(_Part):
    """A roadside sign that names overloaded vehicles behind a scale."""

    name: Annotated[str, Field(pattern=_NAME, description="Name of the sign")]
    station: Annotated[str, Field(min_length=1, max_length=64, description="Station whose passes it tells of")]
    direction: Annotated[int, Field(ge=0, le=99, description="Direction of travel that sees it")]
    url: Annotated[str | None, Field(description="http:// or https:// address that takes its messages as JSON")] = None
    topic: Annotated[
        str | None, Field(max_length=200, description="MQTT topic at intake.mqtt's broker instead of an address")
    ] = None
    token_file: Annotated[Path | None, Field(description="A file with a bearer token for the address")] = None
    hold_seconds: Annotated[float, Field(ge=1, le=600, description="So long a message stays")] = 20.0
    late_seconds: Annotated[
        float, Field(ge=1, le=600, description="A pass older than this is not shown: its vehicle is gone")
    ] = 30.0
    least_seconds: Annotated[
        float, Field(ge=0, le=60, description="So long it stays even when the next one waits; 0: the newest at once")
    ] = 3.0
    places: Annotated[tuple[UnloadingPlace, ...], Field(max_length=100, description="Unloading places behind it")] = ()
    enforceable_only: Annotated[
        bool,
        Field(description="Leave out what a full law says may not be enforced: within the allowance, no certificate"),
    ] = True
    drive_side: Annotated[Literal["right", "left"], Field(description="Side that traffic keeps to")] = "right"
    language: Annotated[Literal["zh", "en"], Field(description="Language of the lines")] = "zh"
    hide_plate: Annotated[bool, Field(description="Show only the last characters of the plate")] = False

    @model_validator(mode="after")
    def _one_way(self) -> SignConfig:
        if (self.url is None) == (self.topic is None):
            raise ValueError(f"sign {self.name!r}: give either url or topic")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
                raise ValueError(
                    f"sign {self.name!r}: an http:// or https:// address without user and password is wanted"
                )
        if self.topic is not None and any(sign in self.topic for sign in "+#\0"):
            raise ValueError(f"sign {self.name!r}: a topic that is published to holds no + and #")
        check_device_id(scale_device(self.station, self.direction, 0))
        return self

    def token(self) -> SecretStr | None:
        """The secret file, read. ConfigurationError when it cannot be."""
        return None if self.token_file is None else read_secret(f"sign {self.name}", self.token_file)


def read_secret(of: str, path: Path) -> SecretStr:
    """The one line of a secret file. ConfigurationError, which does not repeat it, for anything else."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{of}: secret file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{of}: secret file {path}: not UTF-8 text") from error
    if not text or "\n" in text:
        raise ConfigurationError(f"{of}: secret file {path}: one line with the secret is wanted")
    return SecretStr(text)
