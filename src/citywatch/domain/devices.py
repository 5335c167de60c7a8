"""Devices: what is watched, and who watches."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

OBSERVER_PREFIX = "observer:"
_LANE = re.compile(r"/d\d+/l\d+$")
_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}")


class DeviceKind(StrEnum):
    CAMERA = "camera"
    SCALE = "scale"
    SWITCH = "switch"
    POWER = "power"
    """A power box: what hangs on it dies with it."""
    RECORDER = "recorder"


PARENT_KINDS = frozenset({DeviceKind.SWITCH, DeviceKind.POWER, DeviceKind.RECORDER})
"""Kinds that others hang on. Any device may be named as a parent; these are taken for one from the beginning."""


class DeviceState(StrEnum):
    """What is known of a device at an instant (IEC 60050-192). Unknown is never silently up."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    """It has faults, and only such as leave a usable picture (setting `rules.degraded_faults`)."""
    DOWN = "down"
    REMOVED = "removed"
    """Watched no longer: no time of it is required time, until it is added again."""


@dataclass(frozen=True, slots=True)
class Device:
    """One watched device. `place` is a free text for people; `heartbeat_s` is 0 for a device that sends none.

    `parent` is the id of the switch, power box or recorder that it hangs on, '' for none; the parent may be registered
    later or never. `site` is what shares a line or a place.
    """

    device: str
    kind: DeviceKind
    name: str = ""
    place: str = ""
    heartbeat_s: int = 0
    parent: str = ""
    site: str = ""

    def __post_init__(self) -> None:
        check_device_id(self.device)
        if self.parent:
            check_device_id(self.parent)
        if self.heartbeat_s < 0:
            raise ValueError(f"device {self.device}: heartbeat_s is {self.heartbeat_s}; it cannot be negative")


def check_device_id(device: str) -> str:
    """`device` itself when it is a lawful id, else ValueError.

    1 to 127 letters, digits and `. _ : / -`, beginning with a letter or digit: safe in logs, metrics and URLs.
    Names that begin with `observer:` are those of our own doors: who could speak under one could say that a door
    was listening, or was not, and so make silence disappear.
    """
    if device.startswith(OBSERVER_PREFIX):
        raise ValueError(f"device id {device[:40]!r}: names that begin with {OBSERVER_PREFIX} are our own doors'")
    if not _DEVICE_ID.fullmatch(device):
        # An address in the wrong place may hold a password: it is not repeated.
        shown = "(an address?)" if "@" in device or "://" in device else repr(device[:40])
        raise ValueError(
            f"device id {shown}: use 1 to 127 letters, digits and . _ : / - and begin with a letter or digit"
        )
    return device


def scale_device(station: str, direction: int, lane: int) -> str:
    """The id of a scale lane: station + direction + lane."""
    return f"{station}/d{direction}/l{lane}"


def station_of(device: str) -> str:
    """The station of a lane; any other device is its own."""
    lane = _LANE.search(device)
    return device if lane is None else device[: lane.start()]


def partition_of(device: str, partitions: int) -> int:
    """The log partition that owns a device; the same on every machine.

    All lanes of a station have one owner: there are rules that look at lanes side by side.
    """
    return zlib.crc32(station_of(device).encode()) % partitions
