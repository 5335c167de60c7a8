"""ONVIF's notification messages (ONVIF Core Specification, Event Service): topic, data, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from citywatch.domain.instants import NS_PER_S
from citywatch.errors import DataError

_MOST_ITEMS = 32
_MOST_LETTERS = 200
_TRUE = frozenset(["true", "1", "active", "on"])
_FALSE = frozenset(["false", "0", "inactive", "off"])


@dataclass(frozen=True, slots=True)
class OnvifEvent:
    """One notification.

    topic      without prefixes: `VideoSource/ImageTooDark/ImagingService`
    operation  `Initialized`, `Deleted`, `Changed`, or ""
    active     what its data says of the condition: True, False, or None where it says neither
    said_ns    the device's own instant; -1 where it tells none
    """

    topic: str
    operation: str
    active: bool | None
    said_ns: int


def read_event(topic: str, operation: str, data: Iterable[tuple[str, str]], said: datetime | None) -> OnvifEvent:
    """A notification from its parts; `data` are the name and value of each simple item. DataError without a topic."""
    plain = "/".join(part.rpartition(":")[2] for part in topic.strip().split("/"))[:_MOST_LETTERS]
    if not plain.isprintable() or not plain.strip("/"):
        raise DataError("ONVIF event: without a topic")
    words = (value.strip().lower() for _, value in islice(data, _MOST_ITEMS))
    told = [word in _TRUE for word in words if word in _TRUE or word in _FALSE]
    return OnvifEvent(plain, operation[:_MOST_LETTERS], told[-1] if told else None, _instant_ns(said))


def _instant_ns(said: datetime | None) -> int:
    if said is None:
        return -1
    if said.tzinfo is None:
        said = said.replace(tzinfo=UTC)
    try:
        seconds = int(said.timestamp())
    except (OverflowError, ValueError):
        return -1
    return seconds * NS_PER_S if seconds > 0 else -1
