"""Who is registered, and what each has claimed: the memory of the registrar, kept in one small file.

The file is written whole, beside the old one, and then takes its place; at most once a minute and when we stop. It
holds no secret. After a restart what it says counts as if everybody had been heard that instant: nobody is claimed
missing for a time in which we did not listen. Without the file (or with one that cannot be read) nothing is known:
whoever speaks without being registered is refused, registers anew, and nothing is claimed until it has.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from citywatch.wire.gb28181 import Form, is_code

_log = logging.getLogger(__name__)

_FORMAT = 1
_MOST_FILE_BYTES = 256 << 20

Transport = Literal["udp", "tcp"]


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a message came from, and where one can be sent: for TCP by the connection alone."""

    transport: Transport
    host: str
    port: int
    connection: int = 0


@dataclass(slots=True)
class Channel:
    """A device behind a registrant. `online` is what was last claimed of it, None for nothing yet; `trouble` is the
    event (VLOST, DEFECT) that stands, '' for none; `is_faulty` whether the last keepalive named it."""

    code: str
    name: str = ""
    parent: str = ""
    online: bool | None = None
    trouble: str = ""
    is_faulty: bool = False


@dataclass(slots=True)
class Subscription:
    """A dialog of ours. `remote_to` is the To of the answer, with its tag; '' until it came."""

    call_id: str
    tag: str
    event: str
    cseq: int = 1
    remote_to: str = ""
    until_ns: int = 0
    renew_ns: int = 0


@dataclass(slots=True)
class Registrant:
    """A device or platform that has registered. `online` is what was last claimed of it."""

    code: str
    peer: Peer
    uri: str
    form: Form
    expires_ns: int
    heard_ns: int
    registered: bool = True
    online: bool = True
    reason: str = "register"
    is_faulty: bool = False
    name: str = ""
    channels: dict[str, Channel] = field(default_factory=dict)
    call_id: str = ""
    """Of its registrations; another one says that it has begun anew."""
    alarms: dict[tuple[str, str], int] = field(default_factory=dict)
    """(device id, detail) -> when it was said last; bounded by its owner."""
    catalogue_ns: int = 0
    refresh_ns: int = 0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Book:
    """The registrants by code. At most `most` of them with at most `most_channels` channels in all."""

    def __init__(self, most: int, most_channels: int) -> None:
        self._most = most
        self._most_channels = most_channels
        self._registrants: dict[str, Registrant] = {}
        self._describers: dict[str, str] = {}
        """Channel by the registrant whose word on its name and place holds; at most one entry for each channel."""
        self.channels = 0
        self.registered = 0
        self.changed = False

    def __len__(self) -> int:
        return len(self._registrants)

    def __iter__(self) -> Iterator[Registrant]:
        return iter(self._registrants.values())

    def get(self, code: str) -> Registrant | None:
        return self._registrants.get(code)

    def add(self, registrant: Registrant) -> Registrant | None:
        """Where there is no room the one that is off longest gives way and is returned. ValueError: all registered."""
        gone = None
        if registrant.code not in self._registrants and len(self._registrants) >= self._most:
            off = [one for one in self._registrants.values() if not one.registered]
            if not off:
                raise ValueError("all places are taken")
            gone = min(off, key=lambda one: one.heard_ns)
            self.forget(gone)
        self._registrants[registrant.code] = registrant
        self.registered += registrant.registered
        self.changed = True
        return gone

    def forget(self, registrant: Registrant) -> None:
        del self._registrants[registrant.code]
        for code in registrant.channels:
            self._describes_no_more(registrant, code)
        self.channels -= len(registrant.channels)
        self.registered -= registrant.registered
        self.changed = True

    def set_registered(self, registrant: Registrant, registered: bool) -> None:
        self.registered += int(registered) - int(registrant.registered)
        registrant.registered = registered
        self.changed = True

    def channel(self, registrant: Registrant, code: str) -> Channel | None:
        """The channel, made when there is room for one more; None when there is not."""
        channel = registrant.channels.get(code)
        if channel is None and self.channels < self._most_channels:
            channel = registrant.channels[code] = Channel(code)
            self.channels += 1
            self.changed = True
        return channel

    def drop_channel(self, registrant: Registrant, code: str) -> None:
        if registrant.channels.pop(code, None) is not None:
            self._describes_no_more(registrant, code)
            self.channels -= 1
            self.changed = True

    def describer(self, code: str) -> Registrant | None:
        """Whose word on a channel's name and place holds."""
        return self._registrants.get(self._describers.get(code, ""))

    def may_describe(self, registrant: Registrant, code: str, parent: str) -> bool:
        """Whether this one's word on a channel holds from now on.

        A recorder and the platform above it list the same channel, and anybody who knows a password may list any. The
        first one's word holds; a later one's when it names a parent where the first names none, or is no longer there.
        """
        other = self.describer(code)
        if other is not None and other is not registrant:
            theirs = other.channels.get(code)
            if not parent or (other.registered and theirs is not None and theirs.parent):
                return False
        self._describers[code] = registrant.code
        return True

    def _describes_no_more(self, registrant: Registrant, code: str) -> None:
        if self._describers.get(code) == registrant.code:
            del self._describers[code]

    def to_json(self) -> str:
        """The book as the text of its file."""
        return json.dumps(
            {"format": _FORMAT, "registrants": [_written(one) for one in self._registrants.values()]},
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def take(self, text: str, now_ns: int, grace_ns: int) -> None:
        """What a file says; everybody was heard now and is registered for `grace_ns` at least. ValueError."""
        try:
            raw = json.loads(text)
            if raw["format"] != _FORMAT:
                raise ValueError(f"format {raw['format']!r} is not known")
            read = [_read(one, now_ns, grace_ns) for one in raw["registrants"]]
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"it is damaged ({type(error).__name__})") from None
        for registrant, channels in read:
            if len(self._registrants) >= self._most:
                break
            self.add(registrant)
            self._take_channels(registrant, channels)
        self.changed = False

    def _take_channels(self, registrant: Registrant, channels: Iterable[Channel]) -> None:
        for channel in channels:
            if self.channels < self._most_channels and channel.code not in registrant.channels:
                registrant.channels[channel.code] = channel
                self.channels += 1
                if channel.name or channel.parent:
                    self._describers.setdefault(channel.code, registrant.code)


def load(book: Book, file: Path, now_ns: int, grace_ns: int) -> None:
    """Fill the book from its file; without a sound one it stays empty, and that is said."""
    try:
        if file.stat().st_size > _MOST_FILE_BYTES:
            raise ValueError(f"it is larger than {_MOST_FILE_BYTES} bytes")
        book.take(file.read_text(encoding="utf-8"), now_ns, grace_ns)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        _log.warning("registrations cannot be read and are learned anew: %s: %s", file, error)


def save(text: str, file: Path) -> None:
    """Write beside, flush to disk, take the place. OSError."""
    beside = file.with_name(f".{file.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)


def _written(one: Registrant) -> Mapping[str, Any]:
    return {
        "code": one.code,
        "peer": [one.peer.transport, one.peer.host, one.peer.port],
        "uri": one.uri,
        "form": one.form.version,
        "expires_ns": one.expires_ns,
        "heard_ns": one.heard_ns,
        "registered": one.registered,
        "online": one.online,
        "reason": one.reason,
        "faulty": one.is_faulty,
        "name": one.name,
        "channels": [[c.code, c.name, c.parent, c.online, c.trouble, c.is_faulty] for c in one.channels.values()],
    }


def _read(raw: Mapping[str, Any], now_ns: int, grace_ns: int) -> tuple[Registrant, list[Channel]]:
    transport, host, port = raw["peer"]
    registered = bool(raw["registered"])
    if not is_code(raw["code"]) or transport not in ("udp", "tcp"):
        raise ValueError("it is damaged (code or transport)")
    registrant = Registrant(
        code=raw["code"],
        # A connection did not outlive us: the device comes back on another one.
        peer=Peer(transport, str(host), int(port), -1 if transport == "tcp" else 0),
        uri=str(raw["uri"]),
        form=Form.of_header(raw["form"]),
        expires_ns=max(int(raw["expires_ns"]), now_ns + grace_ns),
        heard_ns=now_ns if registered else int(raw["heard_ns"]),
        registered=registered,
        online=bool(raw["online"]),
        reason=str(raw["reason"]),
        is_faulty=bool(raw["faulty"]),
        name=str(raw["name"]),
    )
    channels = [
        Channel(str(code), str(name), str(parent), online, str(trouble), bool(faulty))
        for code, name, parent, online, trouble, faulty in raw["channels"]
    ]
    return registrant, channels
