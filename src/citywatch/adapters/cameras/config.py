"""What can be set of a camera, beside its adapter. Light: the supervisor reads it, too."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from citywatch.adapters.cameras.addresses import Address, MediaKind, parse_address, redact
from citywatch.domain.devices import DeviceKind, check_device_id
from citywatch.domain.faults import UNKNOWN_PRESET

Transport = Literal["tcp", "udp"]
"""How RTSP media travels."""

LookKind = Literal["visit", "key_frames", "all_frames"]
"""Whether a camera is visited, or its stream is held open and its key frames, or all its pictures, are decoded."""

STANDARD_CLASS = "standard"
"""The class of cameras that name none; it always exists."""

_PRESET = re.compile(r"(?P<name>[^\s@;,?][^@;,]{0,63}?)(?:@(?P<hour>\d\d):(?P<minute>\d\d)(?P<zone>Z|[+-]\d\d:\d\d)?)?")
_DAY_S = 86_400
_SWITCH_S = 60
"""So long before and after a planned change of preset the position is unknown: clocks differ, motors need time."""


class CameraClass(BaseModel):
    """What cameras of one class have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    freshness_seconds: Annotated[
        float, Field(ge=1, le=86_400, description="The last look at a camera of this class is at most this old")
    ]


STANDARD = CameraClass(freshness_seconds=300)
GATE = CameraClass(freshness_seconds=60)


class PatrolTerms(BaseModel):
    """Who is visited when: see schedule.Scheduler."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    classes: Annotated[
        Mapping[str, CameraClass],
        Field(max_length=16, description="Freshness targets by class of camera; `standard` is that of those without"),
    ] = {STANDARD_CLASS: STANDARD, "gate": GATE}
    visits_in_flight: Annotated[
        int, Field(ge=1, le=4096, description="Visits side by side to cameras that answered when last asked")
    ] = 128
    failing_in_flight: Annotated[
        int, Field(ge=1, le=4096, description="Visits side by side to cameras that did not: those cost no decoder")
    ] = 256
    site_in_flight: Annotated[int, Field(ge=1, le=4096, description="Visits side by side at one site")] = 8
    site_visits_per_second: Annotated[float, Field(gt=0, le=1000, description="Visits begun at one site")] = 10.0
    subnet_in_flight: Annotated[
        int, Field(ge=1, le=4096, description="Visits side by side in one /24 (IPv4) or /64 (IPv6)")
    ] = 32
    subnet_visits_per_second: Annotated[float, Field(gt=0, le=1000, description="Visits begun in one subnet")] = 20.0
    host_in_flight: Annotated[
        int,
        Field(ge=1, le=4096, description="Visits side by side at one address, such as a recorder with its channels"),
    ] = 4
    first_visits_per_second: Annotated[
        float, Field(gt=0, le=1000, description="First visits to cameras, at the start and when many are added at once")
    ] = 10.0
    suspect_seconds: Annotated[
        float,
        Field(ge=0.05, le=3600, description="A suspect is visited again after so long, then at growing distances"),
    ] = 10.0
    suspect_visits: Annotated[int, Field(ge=0, le=64, description="... at most so many times for one suspicion")] = 8
    verify_seconds: Annotated[
        float, Field(ge=0.05, le=3600, description="Where a repair is awaited or just seen, a visit every so often")
    ] = 60.0
    verify_visits: Annotated[int, Field(ge=0, le=1000, description="... so many times")] = 30
    failing_seconds_max: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="The longest pause between visits to a camera that does not answer, or its class's target "
            "where that is longer",
        ),
    ] = 300.0
    family_asked: Annotated[
        int, Field(ge=0, le=256, description="Parent and siblings that are asked when a camera falls away or returns")
    ] = 48
    device_clock_visits: Annotated[
        int,
        Field(ge=1, le=100_000, description="A camera with an ONVIF address is asked its clock every so many visits"),
    ] = 12
    stream_clock_visits: Annotated[
        int,
        Field(ge=1, le=100_000, description="Every so many visits stay until the stream has told its clock by RTCP"),
    ] = 288
    stream_clock_seconds: Annotated[
        float, Field(ge=0, le=60, description="... for so long at most; 0 stays for no clock")
    ] = 12.0
    key_frame_seconds_max: Annotated[
        float,
        Field(
            ge=1,
            le=120,
            description="The longest wait for a key frame: it doubles with every visit to which pictures came and none",
        ),
    ] = 60.0
    snapshot_full_visits: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Of a camera in order that gives snapshots, one visit in so many measures the picture "
            "even where a glance finds nothing new; 1: every visit does",
        ),
    ] = 12

    @field_validator("classes")
    @classmethod
    def _classes(cls, classes: Mapping[str, CameraClass]) -> Mapping[str, CameraClass]:
        for name in classes:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
                raise ValueError(f"class {name[:40]!r}: use 1 to 32 small letters, digits and _, a letter first")
        return {STANDARD_CLASS: STANDARD, **classes}

    def freshness_seconds(self, camera_class: str) -> float:
        """The target of a class; that of `standard` for one that is not (or no longer) configured."""
        return self.classes.get(camera_class, self.classes[STANDARD_CLASS]).freshness_seconds


class CameraConfig(BaseModel):
    """One camera to be visited."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    camera: str
    """The device's id: letters, digits and . _ : / -"""
    url: SecretStr
    """rtsp://, http:// or https:// (a snapshot), onvif:// (the device is asked for it), tcp:// (only whether it
    answers), file:// or a path. User and password may stand in it."""
    transport: Transport = "tcp"
    """How RTSP media travels."""
    camera_class: Annotated[str, Field(min_length=1, max_length=32)] = STANDARD_CLASS
    """Which freshness target holds for it: a key of `patrol.classes`."""
    visit_seconds: Annotated[float | None, Field(gt=0, le=86_400)] = None
    """A visit begins this long after the one before; without it the class's freshness target decides."""
    site: Annotated[str, Field(max_length=100)] = ""
    """What shares a line or a place: visits to one site are limited."""
    parent: str = ""
    """Device id of the switch, power box or recorder that it hangs on."""
    look: LookKind = "visit"
    """`visit` connects, looks and closes; `key_frames` and `all_frames` hold the stream open."""
    onvif_url: SecretStr | None = None
    """http:// or https:// address of its ONVIF device service. User and password may stand in it."""
    presets: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    """Where a PTZ camera stands by plan: names of presets, each with the time of day from which it holds when it is
    kept to the clock (`north@06:00+08:00`, UTC without a zone). Names without times are a tour that only the camera
    itself can tell the position of; one single name without a time is where it always stands."""
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """For name lookup and connecting, each."""
    media_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """From the connection to the picture; for RTSP longer than the camera's key frame interval."""
    stalled_seconds: Annotated[float, Field(gt=0, le=120)] = 4.0
    """A stream that gave pictures and then none for so long has stalled; longer than the camera's pause between two."""
    username: str = ""
    """Overrides the user in the URL."""
    password_file: Path | None = None
    """A file that holds the password alone (a line end behind it is left out). Overrides the one in the URL."""
    tls_verify: bool = True
    """Whether the certificate of an https:// camera must be valid."""
    most_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 8 << 20
    """The largest snapshot or key frame that is taken."""

    @field_validator("camera")
    @classmethod
    def _camera(cls, camera: str) -> str:
        return check_device_id(camera)

    @field_validator("url")
    @classmethod
    def _url(cls, url: SecretStr) -> SecretStr:
        parse_address(url.get_secret_value())
        return url

    @field_validator("site")
    @classmethod
    def _site(cls, site: str) -> str:
        if not site.isprintable() or site != site.strip():
            raise ValueError("printable text without blanks around it is wanted")
        return site

    @field_validator("parent")
    @classmethod
    def _parent(cls, parent: str) -> str:
        return check_device_id(parent) if parent else ""

    @field_validator("onvif_url")
    @classmethod
    def _onvif_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and parse_address(url.get_secret_value()).kind is not MediaKind.SNAPSHOT:
            raise ValueError("an http:// or https:// address is wanted")
        return url

    @field_validator("presets")
    @classmethod
    def _presets(cls, presets: tuple[str, ...]) -> tuple[str, ...]:
        timed = [_stop(preset)[1] for preset in presets]
        if any(at is None for at in timed) and any(at is not None for at in timed):
            raise ValueError("either every preset has its time of day, or none has")
        if len(set(timed)) < len(timed) and timed[0] is not None:
            raise ValueError("two presets hold from the same time of day")
        return presets

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.parent == self.camera:
            raise ValueError(f"camera {self.camera}: it cannot be its own parent")
        if self.look != "visit" and self.address().kind not in (MediaKind.RTSP, MediaKind.ONVIF):
            raise ValueError(
                f"camera {self.camera}: look {self.look}: only an rtsp:// or onvif:// stream can be held open"
            )
        return self

    def preset_at(self, at_ns: int) -> str:
        """The preset that the plan names for an instant; empty without a plan, UNKNOWN_PRESET when it cannot tell."""
        if not self.presets:
            return ""
        stops = [_stop(preset) for preset in self.presets]
        if stops[0][1] is None:
            return stops[0][0] if len(stops) == 1 else UNKNOWN_PRESET
        second = at_ns // 1_000_000_000 % _DAY_S
        since_s, name = min(((second - at_s) % _DAY_S, name) for name, at_s in stops if at_s is not None)
        until_s = min((at_s - second) % _DAY_S for _, at_s in stops if at_s is not None)
        return name if len(stops) == 1 or min(since_s, until_s) > _SWITCH_S else UNKNOWN_PRESET

    def address(self) -> Address:
        """The address taken apart; its `url` is free of user and password."""
        return self._address

    def onvif_address(self) -> Address | None:
        """Of its ONVIF device service; None without one."""
        return self._onvif_address

    # Asked several times a visit, and taken apart at the first of them.
    @functools.cached_property
    def _address(self) -> Address:
        return parse_address(self.url.get_secret_value())

    @functools.cached_property
    def _onvif_address(self) -> Address | None:
        if self.onvif_url is not None:
            return parse_address(self.onvif_url.get_secret_value())
        return self._address if self._address.kind is MediaKind.ONVIF else None

    @property
    def shown_url(self) -> str:
        """The address as it may be logged and printed."""
        return redact(self.url.get_secret_value())

    @property
    def is_live(self) -> bool:
        """False for a file: it can be visited without a pause."""
        return self.address().kind is not MediaKind.FILE


class CameraSettings(CameraConfig):
    """One camera, or what cameras hang on: how it is visited, and what people call it."""

    kind: Annotated[
        Literal[DeviceKind.CAMERA, DeviceKind.SWITCH, DeviceKind.POWER, DeviceKind.RECORDER],
        Field(description="camera; or switch, power or recorder for what cameras hang on"),
    ] = DeviceKind.CAMERA
    name: Annotated[str, Field(max_length=200, description="Name for people")] = ""
    place: Annotated[str, Field(max_length=200, description="Where it is")] = ""


def _stop(preset: str) -> tuple[str, int | None]:
    """The name of a preset and the second of the UTC day from which it holds, None without a time. ValueError."""
    match = _PRESET.fullmatch(preset)
    if match is None:
        raise ValueError(f"preset {preset[:80]!r}: a name is wanted, or name@HH:MM, or name@HH:MM+08:00")
    if match["hour"] is None:
        return match["name"], None
    hour, minute, zone = int(match["hour"]), int(match["minute"]), match["zone"] or "Z"
    zone_hour, zone_minute = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[4:6]))
    if hour > 23 or minute > 59 or zone_hour > 14 or zone_minute > 59:
        raise ValueError(f"preset {preset[:80]!r}: there is no such time of day")
    offset_s = (zone_hour * 3600 + zone_minute * 60) * (-1 if zone[0] == "-" else 1)
    return match["name"], (hour * 3600 + minute * 60 - offset_s) % _DAY_S
