"""Bodies of GB/T 28181 (MANSCDP, Annex A): XML inside SIP MESSAGE, NOTIFY and SUBSCRIBE, as values and back.

Two forms are in use. A platform or device says which one by the header `X-GB-Ver` (Annex I): 1.0 and 1.1 are of 2011,
2.0 is of 2016, 3.0 of 2022; one that says nothing is taken for the form of 2016, which predates the habit in the
field. What they differ in, as far as we use them: 2016 writes GB2312 and asks for MD5 digests; 2022 writes GB18030 and
lets SHA-256 be asked for; and 2022 has alarm type 13 of method 5. Whatever a text says of its own encoding is tried
first and UTF-8 and GB18030 (of which GB2312 is a part) after it: devices err. (The standard's text is not free; these
statements are those of several public implementations, and marked [check] in docs/vocabularies.md where it matters.)

Names of elements are compared without regard to case: devices err there, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from citywatch.domain.instants import NS_PER_S
from citywatch.errors import DataError
from citywatch.wire.xml import parse_xml

CONTENT_TYPE = "Application/MANSCDP+xml"
VERSION_HEADER = "X-GB-Ver"
MOST_ITEMS = 2_000
"""Entries of one list in one body."""
MOST_LETTERS = 200

_CODE = re.compile(r"[0-9]{20}")
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,20})[\"']", re.I)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedBody(DataError):
    """A body that cannot be read. `reason` is a word from a bounded set (it becomes a metric label)."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Form(Enum):
    """Which edition somebody speaks: (what X-GB-Ver says, name of the encoding)."""

    GB2016 = ("2.0", "GB2312")
    GB2022 = ("3.0", "GB18030")

    @property
    def version(self) -> str:
        return self.value[0]

    @property
    def charset(self) -> str:
        return self.value[1]

    @classmethod
    def of_header(cls, version: str | None) -> Form:
        """By the value of X-GB-Ver: 3.0 and later are of 2022, all else is of 2016."""
        match = re.fullmatch(r"\s*(\d{1,3})\.\d{1,3}\s*", version or "")
        return cls.GB2022 if match and int(match[1]) >= 3 else cls.GB2016


def check_code(code: str) -> str:
    """`code` itself when it is one of 20 digits, else ValueError."""
    if not _CODE.fullmatch(code):
        raise ValueError(f"code {code[:40]!r}: a GB/T 28181 code has 20 digits")
    return code


def is_code(code: str) -> bool:
    return _CODE.fullmatch(code) is not None


def kind_of_code(code: str) -> int:
    """Digits 11 to 13, the kind of device (Annex D): 111 to 130 are recorders and their like, 131 and 132 cameras,
    134 an alarm input, 200 a platform."""
    return int(code[10:13])


CAMERA_KINDS = frozenset({131, 132})
RECORDER_KINDS = frozenset(range(111, 131))


@dataclass(frozen=True, slots=True)
class Keepalive:
    """`faulty` are devices behind the sender that it names as out of order."""

    sn: int
    device: str
    is_ok: bool
    faulty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a catalogue. `status` is ON, OFF, or what else stands there, in upper case; `event` is '' in an
    answer, else ON, OFF, VLOST, DEFECT, ADD, DEL or UPDATE."""

    code: str
    name: str
    parent: str
    status: str
    event: str
    address: str

    @property
    def is_on(self) -> bool | None:
        """What the sender says of its being online; None where it says nothing that is understood."""
        return _ONLINE.get(self.status)


_ONLINE = {"ON": True, "ONLINE": True, "OK": True, "OFF": False, "OFFLINE": False}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A part of a catalogue that was asked for, or a change that was subscribed to (`is_answer` False).

    `total` is SumNum: how many entries all parts together have.
    """

    sn: int
    device: str
    total: int
    items: tuple[Item, ...]
    is_answer: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm. `method` and `kind` are AlarmMethod and AlarmType, None where there is none; `said_ns` is -1 where the
    time cannot be read."""

    sn: int
    sn_text: str
    device: str
    priority: int | None
    method: int | None
    kind: int | None
    said_ns: int
    description: str


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    sn: int
    device: str
    name: str
    manufacturer: str
    model: str
    firmware: str
    channels: int | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """`is_online` and `is_ok` are None where nothing that is understood is said."""

    sn: int
    device: str
    is_online: bool | None
    is_ok: bool | None


@dataclass(frozen=True, slots=True)
class Other:
    """A body that is sound and of no concern to us."""

    root: str
    command: str
    device: str


Body = Keepalive | Catalogue | Alarm | DeviceInfo | DeviceStatus | Other


def parse_body(content: bytes, *, zone: tzinfo, most_bytes: int = 262_144) -> Body:
    """The body of a MESSAGE or NOTIFY. `zone` is that of times without one. MalformedBody."""
    if len(content) > most_bytes:
        raise MalformedBody("too_large", f"{len(content)} bytes; the limit is {most_bytes}")
    text = _DECLARATION.sub("", _decode(content), count=1).strip("\ufeff\x00 \r\n\t")
    try:
        root = parse_xml(text.encode(), most_bytes=4 * most_bytes, encoding="UTF-8")
    except DataError as error:
        raise MalformedBody("xml", str(error)) from None
    except UnicodeEncodeError:
        raise MalformedBody("charset", "XML: half a character") from None
    name, command = _tag(root), _text(root, "cmdtype").lower()
    if name == "notify" and command == "keepalive":
        return _keepalive(root)
    if name in ("response", "notify") and command == "catalog":
        return _catalogue(root, is_answer=name == "response")
    if name == "notify" and command == "alarm":
        return _alarm(root, zone)
    if name == "response" and command == "deviceinfo":
        return _device_info(root)
    if name == "response" and command == "devicestatus":
        return _device_status(root)
    if name not in ("notify", "response", "query", "control"):
        raise MalformedBody("root", f"an element that is no message of GB/T 28181: {name[:40]!r}")
    return Other(name, command, _text(root, "deviceid"))


def catalogue_query(sn: int, device: str, form: Form) -> bytes:
    """Ask for the catalogue; the same body subscribes to its changes."""
    return _write("Query", [("CmdType", "Catalog"), ("SN", str(sn)), ("DeviceID", device)], form)


def device_info_query(sn: int, device: str, form: Form) -> bytes:
    return _write("Query", [("CmdType", "DeviceInfo"), ("SN", str(sn)), ("DeviceID", device)], form)


def device_status_query(sn: int, device: str, form: Form) -> bytes:
    return _write("Query", [("CmdType", "DeviceStatus"), ("SN", str(sn)), ("DeviceID", device)], form)


def alarm_subscription(sn: int, device: str, form: Form) -> bytes:
    """Subscribe to alarms of every priority and method."""
    fields = [("CmdType", "Alarm"), ("SN", str(sn)), ("DeviceID", device)]
    all_of_them = [("StartAlarmPriority", "0"), ("EndAlarmPriority", "0"), ("AlarmMethod", "0")]
    return _write("Query", [*fields, *all_of_them], form)


def alarm_response(sn_text: str, device: str, form: Form) -> bytes:
    """Say that an alarm was received: a MESSAGE of its own, after the 200 of SIP."""
    fields = [("CmdType", "Alarm"), ("SN", sn_text), ("DeviceID", device), ("Result", "OK")]
    return _write("Response", fields, form)


def _write(root: str, fields: Iterable[tuple[str, str]], form: Form) -> bytes:
    lines = [f'<?xml version="1.0" encoding="{form.charset}"?>', f"<{root}>"]
    lines += [f"<{name}>{escape(value)}</{name}>" for name, value in fields]
    return "\r\n".join([*lines, f"</{root}>", ""]).encode("gb18030", "replace")


def _decode(content: bytes) -> str:
    """The text by the encoding that it names, else UTF-8, else GB18030. MalformedBody."""
    declared = _DECLARED.match(content)
    name = declared[1].decode().lower() if declared else ""
    chinese = name in ("gb2312", "gbk", "gb18030", "gb_2312-80")
    for encoding in ("gb18030", "utf-8") if chinese else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise MalformedBody("charset", "neither UTF-8 nor GB18030")


def _keepalive(root: Element) -> Keepalive:
    info = _child(root, "info")
    faulty = [] if info is None else [(one.text or "").strip() for one in info if _tag(one) == "deviceid"]
    return Keepalive(
        _number(root, "sn") or 0,
        _device(root),
        _text(root, "status").upper() in ("", "OK"),
        tuple(code for code in faulty[:MOST_ITEMS] if is_code(code)),
    )


def _catalogue(root: Element, *, is_answer: bool) -> Catalogue:
    items: list[Item] = []
    for listed in root:
        if _tag(listed) != "devicelist":
            continue
        for entry in listed:
            if len(items) >= MOST_ITEMS:
                raise MalformedBody("too_many", f"more than {MOST_ITEMS} entries in one message")
            if _tag(entry) == "item":
                items.append(_item(entry))
    total = _number(root, "sumnum")
    return Catalogue(
        _number(root, "sn") or 0, _device(root), len(items) if total is None else total, tuple(items), is_answer
    )


def _item(entry: Element) -> Item:
    return Item(
        _text(entry, "deviceid"),
        _text(entry, "name"),
        _text(entry, "parentid"),
        _text(entry, "status").upper(),
        _text(entry, "event").upper(),
        _text(entry, "address"),
    )


def _alarm(root: Element, zone: tzinfo) -> Alarm:
    info = _child(root, "info")
    kind = _number(root, "alarmtype")
    if kind is None and info is not None:
        kind = _number(info, "alarmtype")
    return Alarm(
        _number(root, "sn") or 0,
        _text(root, "sn"),
        _device(root),
        _number(root, "alarmpriority"),
        _number(root, "alarmmethod"),
        kind,
        read_time(_text(root, "alarmtime"), zone),
        _text(root, "alarmdescription"),
    )


def _device_info(root: Element) -> DeviceInfo:
    return DeviceInfo(
        _number(root, "sn") or 0,
        _device(root),
        _text(root, "devicename"),
        _text(root, "manufacturer"),
        _text(root, "model"),
        _text(root, "firmware"),
        _number(root, "channel"),
    )


def _device_status(root: Element) -> DeviceStatus:
    online = {"ONLINE": True, "OFFLINE": False}.get(_text(root, "online").upper())
    sound = {"OK": True, "ERROR": False}.get(_text(root, "status").upper())
    return DeviceStatus(_number(root, "sn") or 0, _device(root), online, sound)


def read_time(text: str, zone: tzinfo) -> int:
    """`2026-05-04T11:00:00` and its like -> nanoseconds, -1 when it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        delta = moment - _EPOCH
    except (ValueError, OverflowError):
        return -1
    at_ns = (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1_000
    return at_ns if 0 <= at_ns < 2**62 else -1


def write_time(at_ns: int, zone: tzinfo) -> str:
    """Local time as the header Date of a registration's answer gives it, to the millisecond."""
    moment = (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(zone)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03d}"


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower()


def _child(element: Element, name: str) -> Element | None:
    return next((one for one in element if _tag(one) == name), None)


def _text(element: Element, name: str) -> str:
    """A child's text without control characters, at most MOST_LETTERS of it; '' without one."""
    child = _child(element, name)
    text = "" if child is None else (child.text or "").strip()
    return "".join(letter for letter in text[:MOST_LETTERS] if letter.isprintable())


def _number(element: Element, name: str) -> int | None:
    text = _text(element, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _device(element: Element) -> str:
    code = _text(element, "deviceid")
    if not code.isascii() or not code.isdigit() or len(code) > 20:
        raise MalformedBody("device", "DeviceID is missing, or is no code of up to 20 digits")
    return code
