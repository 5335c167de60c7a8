"""The MQTT topics of scales, sans-I/O.

    PREFIX/STATION/passes      station JSON, one record or an array; publish with QoS 1
    PREFIX/STATION/status      `online`, said again as a heartbeat for all lanes of the station; last will `offline`
    PREFIX/STATION/dD/lL/status    the same for one lane

A state may be JSON, too: {"state": "online"}. States may be retained: a retained one says what stood last, so it is
heard as a claim and never as a sign of life.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from citywatch.domain.devices import check_device_id, scale_device

_STATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_DIRECTION, _LANE = re.compile(r"d([0-9]{1,2})"), re.compile(r"l([0-9]{1,2})")
_LONGEST_STATE = 1024

PASSES, STATUS = "passes", "status"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic is about. `device` is empty for a whole station."""

    what: str
    station: str
    device: str = ""


def filters(prefix: str) -> tuple[str, ...]:
    """What to subscribe to."""
    return f"{prefix}/+/{PASSES}", f"{prefix}/+/{STATUS}", f"{prefix}/+/+/+/{STATUS}"


def read_topic(prefix: str, topic: str) -> Topic | None:
    """What a topic under the prefix is about; None when it is none of ours."""
    parts = topic.removeprefix(f"{prefix}/").split("/") if topic.startswith(f"{prefix}/") else []
    if len(parts) not in (2, 4) or not _STATION.fullmatch(parts[0]):
        return None
    station, what = parts[0], parts[-1]
    try:
        check_device_id(scale_device(station, 0, 0))
    except ValueError:
        return None
    if len(parts) == 2:
        return Topic(what, station) if what in (PASSES, STATUS) else None
    direction, lane = _DIRECTION.fullmatch(parts[1]), _LANE.fullmatch(parts[2])
    if direction is None or lane is None or what != STATUS:
        return None
    return Topic(what, station, scale_device(station, int(direction[1]), int(lane[1])))


def read_state(payload: bytes) -> bool | None:
    """True for online, False for offline, None for what is neither."""
    if len(payload) > _LONGEST_STATE:
        return None
    try:
        text = payload.decode("utf-8").strip()
        if text.startswith("{"):
            text = str(json.loads(text).get("state", ""))
    except (ValueError, RecursionError):
        return None
    return {"online": True, "offline": False}.get(text.lower())
