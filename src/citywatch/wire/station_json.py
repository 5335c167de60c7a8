"""Chinese station JSON <-> passes, without I/O (domain sheet, section 4, record layouts).

A document is one object (one vehicle) or an array of them. Every record is decided on its own: it becomes a row or
it is refused with the field, a word and a sentence. A document that is no JSON at all is a DataError.

What a record holds (numbers may come as JSON numbers or as decimal strings; other keys are counted and ignored):

    previewStationCode   station; letters, digits and . _ : - ; required
    previewDate          instant of the pass in the station's zone, `yyyy-MM-dd HH:mm:ss[.fraction]`, also with `T`
                         or `/`, as `yyyyMMddHHmmss[SSS]`, or with an offset of its own; required
    laneNo               0 to 99; required
    direction            0 to 99; StationFormat.default_direction where it is missing
    axisNum              axles, 1 to 40; required
    totalWeight          gross; required
    axle1Weight...       one key an axle; a missing or empty one is 0, "the scale gave none"
    axleDis              spacings from axle to axle, front to rear: text separated by commas (or ; or |), or an array
    speed                km/h, decimals allowed; missing means not measured
    licenseCodeFront     plate; licenseCodeBack where the front one was not read; personal data
    licenseCodeBack      rear plate
    licensePlateColor    colour of the plate, vehicleType: class of the vehicle; texts as the station calls them
    temperature          degrees Celsius
    crossLane            1, true or 是 when the vehicle straddled a lane line; 0, false, 否 or nothing when not
    previewCode          the station's own code of the record: part of its identity. Where it is previewStationCode,
                         then previewDate to the second as digits, then digits, those are the number of the record

What scales and side cameras say beside that (wheel loads, acceleration, travel...): wire/station_extras.py.

The layout fixes no units. Seen in the field: kg and mm, which are the defaults [check: confirm with each vendor];
StationFormat holds the others. Weights and lengths must come out as whole kilograms and millimetres, so that a
station that sends tonnes is refused with a sentence about units instead of being read as a very light lorry.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np

from citywatch.domain.devices import OBSERVER_PREFIX, scale_device
from citywatch.domain.instants import NS_PER_S, format_instant, parse_instant
from citywatch.domain.passes import MAX_AXLES, PassBatch, ScaleStatus
from citywatch.errors import DataError, RecordRefused
from citywatch.wire import station_extras
from citywatch.wire.station_extras import KMH_PER_MPS, NOTHING, Extras, scaled
from citywatch.wire.station_fields import (
    NumberText,
    Record,
    Refusal,
    flag,
    number_of,
    out_of_range,
    parts_of,
    shown,
    text_of,
    whole_of,
)

__all__ = [
    "KMH_PER_MPS",
    "Decoded",
    "Refusal",
    "Refused",
    "Row",
    "StationFormat",
    "batch_of",
    "decode",
    "encode",
    "records",
    "row_of",
    "unfit",
]

CHINA: Final = timezone(timedelta(hours=8))
"""Asia/Shanghai: a fixed offset since 1991."""

MAX_GROSS_KG: Final = 999_999
MAX_AXLE_KG: Final = 99_999
MAX_SPACING_MM: Final = 99_999
MAX_SPEED_KMH: Final = 400
MAX_RECORDS: Final = 1_000

_KG: Final = {"kg": Decimal(1), "t": Decimal(1000)}
_MM: Final = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000)}

_STATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_COMPACT = re.compile(r"[0-9]{14}(?:[0-9]{3})?")
_DEVICE = re.compile(r"(.+)/d([0-9]{1,2})/l([0-9]{1,2})")
_NO_PLATE: Final = frozenset({"", "无", "无牌", "无车牌", "未识别", "未知"})
_MAX_PLATE: Final = 16
_MAX_WORD: Final = 32
_COLD_C: Final = -100
_HOT_C: Final = 150
MAX_RECORD_NUMBER: Final = 10**15 - 1
_FROM_NS: Final = parse_instant("2000-01-01T00:00:00Z")
_TO_NS: Final = parse_instant("2100-01-01T00:00:00Z")
_BLANK: Final = " \t\n\r"

_KEYS: Final = frozenset(
    {
        "previewStationCode",
        "previewDate",
        "laneNo",
        "direction",
        "axisNum",
        "totalWeight",
        "axleDis",
        "speed",
        "licenseCodeFront",
        "licenseCodeBack",
        "previewCode",
        "licensePlateColor",
        "vehicleType",
        "temperature",
        "crossLane",
        *(f"axle{axle}Weight" for axle in range(1, MAX_AXLES + 1)),
        *station_extras.KEYS,
    }
)


@dataclass(frozen=True, slots=True)
class StationFormat:
    """What the layout leaves open. `zone` is for dates without an offset (an ambiguous hour is its first one)."""

    zone: tzinfo = CHINA
    weight_unit: Literal["kg", "t"] = "kg"
    spacing_unit: Literal["mm", "cm", "m"] = "mm"
    default_direction: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused record: its 0-based place, why, and its own bytes as they came."""

    index: int
    field: str
    reason: Refusal
    message: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document, record by record. `accepted[i]` is the place in the document of row i of `batch`."""

    batch: PassBatch
    accepted: tuple[int, ...]
    refused: tuple[Refused, ...]
    unknown_keys: int

    @property
    def records(self) -> int:
        return len(self.accepted) + len(self.refused)


@dataclass(frozen=True, slots=True)
class Row:
    """One record that is in order."""

    device: str
    at_ns: int
    gross_kg: int
    speed_mps: float
    axle_kg: tuple[int, ...]
    spacing_mm: tuple[int, ...]
    plate: str
    code: str
    digest: tuple[int, int] = field(default=(0, 0))
    record: int = 0
    plate_rear: str = ""
    plate_colour: str = ""
    vehicle_class: str = ""
    temperature_c: float = math.nan
    straddling: bool = False
    extras: Extras = NOTHING


def decode(
    content: bytes,
    form: StationFormat = StationFormat(),
    *,
    received_ns: int = 0,
    most: int = MAX_RECORDS,
    welcome: Callable[[str], bool] = lambda _: True,
) -> Decoded:
    """The records of a document. DataError when it is not JSON in UTF-8 or holds more than `most` records.

    A record of a device that is not `welcome` is refused.
    """
    rows: list[Row] = []
    accepted: list[int] = []
    refused: list[Refused] = []
    unknown = 0
    for index, (value, text) in enumerate(_records(content, most)):
        if isinstance(value, Record):
            unknown += len(value.values.keys() - _KEYS)
        try:
            row = _row(value, form)
            if not welcome(row.device):
                raise RecordRefused(
                    Refusal.UNKNOWN_DEVICE,
                    f"{row.device} is not known, and no more fit in; have it registered",
                    field="previewStationCode",
                )
            rows.append(row)
            accepted.append(index)
        except RecordRefused as error:
            refused.append(Refused(index, error.field, Refusal(error.reason), str(error), text.encode()))
    return Decoded(batch_of(rows, received_ns), tuple(accepted), tuple(refused), unknown)


def encode(batch: PassBatch, form: StationFormat = StationFormat()) -> bytes:
    """The batch as a JSON array, one object a pass, in UTF-8.

    ValueError when a device is no scale lane. What the layout has no field for is left out: wire/station_files.py
    says what that is.
    """
    return json.dumps(list(records(batch, form)), ensure_ascii=False, separators=(",", ":")).encode()


def records(batch: PassBatch, form: StationFormat = StationFormat()) -> Iterable[dict[str, Any]]:
    """The batch as station records, one a pass, with numbers as numbers. ValueError as encode."""
    for row in range(len(batch)):
        device = _DEVICE.fullmatch(batch.device[row])
        if device is None:
            raise ValueError(f"device {batch.device[row]!r} is no scale lane; its id is STATION/dDIRECTION/lLANE")
        station, direction, lane = device[1], int(device[2]), int(device[3])
        at_ns = int(batch.at_ns[row])
        axles = int(batch.axle_count[row])
        local = _local(at_ns, form.zone)
        record: dict[str, Any] = {
            "previewCode": f"{station}{_compact(local)}{_sequence(batch, row)}",
            "previewDate": local,
            "previewStationCode": station,
            "direction": direction,
            "laneNo": lane,
            "axisNum": axles,
            "totalWeight": scaled(int(batch.gross_kg[row]), _KG[form.weight_unit]),
        }
        for axle, weight in enumerate(batch.axle_kg[row, :axles].tolist(), start=1):
            record[f"axle{axle}Weight"] = scaled(weight, _KG[form.weight_unit])
        spacings = [scaled(mm, _MM[form.spacing_unit]) for mm in batch.spacing_mm[row, : axles - 1].tolist()]
        if any(spacings):
            record["axleDis"] = ",".join(str(spacing) for spacing in spacings)
        speed = float(batch.speed_mps[row])
        if not math.isnan(speed):
            record["speed"] = round(speed * KMH_PER_MPS, 6)
        plate = batch.plate[row] or batch.plate_rear[row]  # as it will be read: the rear one stands for the front one
        if plate:
            record["licenseCodeFront"] = plate
        texts = {
            "licenseCodeBack": batch.plate_rear[row],
            "licensePlateColor": batch.plate_colour[row],
            "vehicleType": batch.vehicle_class[row],
        }
        record |= {name: text for name, text in texts.items() if text}
        if not math.isnan(batch.temperature_c[row]):
            record["temperature"] = round(float(batch.temperature_c[row]), 3)
        if int(batch.status[row]) & ScaleStatus.STRADDLING:
            record["crossLane"] = 1
        record |= station_extras.written(batch, row, _KG[form.weight_unit], _MM[form.spacing_unit])
        yield record


def _sequence(batch: PassBatch, row: int) -> str:
    """The end of previewCode: the number of the record, or a mark of our own where it has none."""
    number = int(batch.record[row])
    return f"{number:06d}" if number > 0 else f"h{int(batch.digest[row, 0]) % (1 << 24):06x}"


def row_of(text: str, form: StationFormat) -> Row:
    """The row of one record in JSON. RecordRefused says why not; ValueError when it is no JSON."""
    value = _DECODER.decode(text)
    return _row(value, form)


def unfit(batch: PassBatch, form: StationFormat) -> Iterable[tuple[int, tuple[str, str]]]:
    """Rows that a station's record cannot hold: (row, (field, why)), at most one reason each. Numbers are not looked
    at.
    """
    for row in range(len(batch)):
        at_ns = int(batch.at_ns[row])
        device = _DEVICE.fullmatch(batch.device[row])
        words = {"plate_colour": batch.plate_colour[row], "vehicle_class": batch.vehicle_class[row]}
        if device is not None and not _STATION.fullmatch(device[1]):
            yield row, ("device", f"{device[1]} is no code of a station")
        elif not _FROM_NS <= at_ns < _TO_NS:
            yield row, ("at", "outside the years 2000 to 2099")
        elif _instant(_local(at_ns, form.zone), form.zone) != at_ns:
            yield row, ("at", "its local time would be read back as another instant; write in a zone of a fixed offset")
        elif any(not _is_plate(plate) for plate in (batch.plate[row], batch.plate_rear[row])):
            yield row, ("plate", f"no plate of at most {_MAX_PLATE} printable characters")
        else:
            for name, word in words.items():
                if word != word.strip() or len(word) > _MAX_WORD or not word.isprintable():
                    yield row, (name, f"more than {_MAX_WORD} printable characters")
                    break


def _is_plate(plate: str) -> bool:
    there = plate.strip() == plate and len(plate) <= _MAX_PLATE and plate.isprintable()
    return there and (not plate or plate not in _NO_PLATE)


def _records(content: bytes, most: int) -> Iterable[tuple[object, str]]:
    """Each record with its own text. The whole document is read before the first is given: no half documents."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"station JSON: byte {error.start} is not UTF-8; send the document in UTF-8") from error
    found: list[tuple[object, str]] = []
    try:
        at = _skip(text, 0)
        several = text[at : at + 1] == "["
        if several:
            at = _skip(text, at + 1)
        while not (several and not found and text[at : at + 1] == "]"):
            value, end = _DECODER.raw_decode(text, at)
            found.append((value, text[at:end]))
            if len(found) > most:
                raise DataError(f"station JSON: more than {most} records in one document; send them in smaller parts")
            at = _skip(text, end)
            if not several or text[at : at + 1] == "]":
                break
            if text[at : at + 1] != ",":
                raise DataError(f"station JSON: character {at + 1} should be a comma or the end of the array")
            at = _skip(text, at + 1)
    except (ValueError, RecursionError) as error:
        raise DataError(f"station JSON: not a JSON document: {error}") from error
    if several:
        at = _skip(text, at + 1)
    if at != len(text):
        raise DataError(f"station JSON: something follows the document at character {at + 1}")
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _record(pairs: list[tuple[str, Any]]) -> Record:
    record = Record({})
    for key, value in pairs:
        if key in record.values:
            record.repeated = record.repeated or key
        record.values[key] = value
    return record


_DECODER: Final = json.JSONDecoder(
    parse_float=NumberText, parse_int=NumberText, parse_constant=NumberText, object_pairs_hook=_record
)


def _row(value: object, form: StationFormat) -> Row:
    if not isinstance(value, Record):
        raise RecordRefused(Refusal.NOT_AN_OBJECT, "a record is a JSON object with the station's fields")
    if value.repeated:
        name = value.repeated if value.repeated in _KEYS else ""
        raise RecordRefused(Refusal.REPEATED_KEY, f"key {shown(value.repeated)} stands twice; send it once", field=name)
    record = value.values
    station = text_of(record, "previewStationCode", required=True)
    if not _STATION.fullmatch(station) or station.startswith(OBSERVER_PREFIX):
        raise RecordRefused(
            Refusal.BAD_TEXT,
            f"previewStationCode {shown(station)}: use 1 to 100 letters, digits and . _ : - ",
            field="previewStationCode",
        )
    at_ns = _instant(text_of(record, "previewDate", required=True), form.zone)
    lane = whole_of(record, "laneNo", 0, 99, required=True)
    direction = whole_of(record, "direction", 0, 99, default=form.default_direction)
    axles = whole_of(record, "axisNum", 1, MAX_AXLES, required=True)
    kg = _KG[form.weight_unit]
    gross_kg = whole_of(record, "totalWeight", 1, MAX_GROSS_KG, scale=kg, unit="kg", required=True)
    axle_kg = _axle_weights(record, axles, kg)
    mm = _MM[form.spacing_unit]
    spacing_mm = _spacings(record, axles, mm)
    speed = number_of(record, "speed")
    if speed is not None and not 0 <= speed <= MAX_SPEED_KMH:
        raise out_of_range("speed", speed, 0, MAX_SPEED_KMH, "km/h")
    speed_mps = math.nan if speed is None else float(speed) / KMH_PER_MPS
    front, rear = _plate(record, "licenseCodeFront"), _plate(record, "licenseCodeBack")
    code = text_of(record, "previewCode")
    temperature = number_of(record, "temperature")
    if temperature is not None and not _COLD_C <= temperature <= _HOT_C:
        raise out_of_range("temperature", temperature, _COLD_C, _HOT_C, "degrees Celsius")
    row = Row(
        device=scale_device(station, direction, lane),
        at_ns=at_ns,
        gross_kg=gross_kg,
        speed_mps=speed_mps,
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=front or rear,
        code=code,
        record=_record_number(code, f"{station}{_compact(_local(at_ns, form.zone))}"),
        plate_rear=rear,
        plate_colour=_word(record, "licensePlateColor"),
        vehicle_class=_word(record, "vehicleType"),
        temperature_c=math.nan if temperature is None else float(temperature),
        straddling=flag(record, "crossLane"),
        extras=station_extras.read(record, axles, kg, mm),
    )
    return replace(row, digest=_digest(row, speed))


def _axle_weights(record: Mapping[str, Any], axles: int, kg: Decimal) -> tuple[int, ...]:
    weights = tuple(
        whole_of(record, f"axle{axle}Weight", 0, MAX_AXLE_KG, scale=kg, unit="kg") for axle in range(1, axles + 1)
    )
    for axle in range(axles + 1, MAX_AXLES + 1):
        name = f"axle{axle}Weight"
        if name in record and whole_of(record, name, 0, MAX_AXLE_KG, scale=kg, unit="kg"):
            raise RecordRefused(
                Refusal.AXLES_CONTRADICT, f"{name} has a weight but axisNum says {axles} axles", field=name
            )
    return weights


def _spacings(record: Mapping[str, Any], axles: int, mm: Decimal) -> tuple[int, ...]:
    parts = parts_of(record, "axleDis", axles - 1, "spacings", "3300,1350", axles)
    if not parts:
        return (0,) * (axles - 1)
    return tuple(whole_of({"axleDis": part}, "axleDis", 0, MAX_SPACING_MM, scale=mm, unit="mm") for part in parts)


def _plate(record: Mapping[str, Any], name: str) -> str:
    plate = text_of(record, name)
    if plate in _NO_PLATE:
        return ""
    if len(plate) > _MAX_PLATE or not plate.isprintable():
        # the plate itself is personal data and stays out of the message
        raise RecordRefused(
            Refusal.BAD_TEXT, f"{name} is no plate: at most {_MAX_PLATE} printable characters", field=name
        )
    return plate


def _word(record: Mapping[str, Any], name: str) -> str:
    word = text_of(record, name)
    if len(word) > _MAX_WORD or not word.isprintable():
        raise RecordRefused(
            Refusal.BAD_TEXT, f"{name}: {shown(word)} has other than {_MAX_WORD} printable characters", field=name
        )
    return word


def _record_number(code: str, beginning: str) -> int:
    """The digits behind station and instant in the code of a record; 0 when it is made in another way."""
    number = code.removeprefix(beginning)
    if number == code or not number.isascii() or not number.isdigit() or int(number) > MAX_RECORD_NUMBER:
        return 0
    return int(number)


def _instant(text: str, zone: tzinfo) -> int:
    body = text.replace("/", "-")
    if _COMPACT.fullmatch(body):
        head = f"{body[:4]}-{body[4:6]}-{body[6:8]}T{body[8:10]}:{body[10:12]}:{body[12:14]}"
        body = f"{head}.{body[14:]}" if len(body) > 14 else head
    try:
        at_ns = _parse_local(body, zone)
    except (ValueError, OverflowError) as error:
        raise RecordRefused(
            Refusal.BAD_INSTANT,
            f"previewDate {shown(text)} is no instant; write it as 2026-01-31 08:00:00.000",
            field="previewDate",
        ) from error
    if not _FROM_NS <= at_ns < _TO_NS:
        raise RecordRefused(
            Refusal.OUT_OF_RANGE, f"previewDate {shown(text)} is outside the years 2000 to 2099", field="previewDate"
        )
    return at_ns


def _parse_local(body: str, zone: tzinfo) -> int:
    if len(body) < len("2026-01-31T08:00:00"):
        raise ValueError("too short for a date with a time to the second")
    try:
        return parse_instant(body)
    except ValueError:
        head, point, fraction = body.partition(".")
        moment = datetime.fromisoformat(head)
        if moment.tzinfo is not None:
            raise
        offset = moment.replace(tzinfo=zone).utcoffset() or timedelta()
        if offset.microseconds:
            raise
        sign, seconds = ("-", -offset) if offset < timedelta() else ("+", offset)
        return parse_instant(f"{head}{point}{fraction}{sign}{_clock(seconds)}")


def _clock(offset: timedelta) -> str:
    minutes, seconds = divmod(int(offset.total_seconds()), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def _local(at_ns: int, zone: tzinfo) -> str:
    """`yyyy-MM-dd HH:mm:ss`, with exactly the fraction that the instant has."""
    seconds, rest = divmod(at_ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
    if not rest:
        return moment
    return f"{moment}.{rest // 1_000_000:03d}" if rest % 1_000_000 == 0 else f"{moment}.{rest:09d}"


def _compact(local: str) -> str:
    return "".join(character for character in local[:19] if character.isdigit())


def _digest(row: Row, speed_kmh: Decimal | None) -> tuple[int, int]:
    """The identity of the record: BLAKE2b-128 of its fields in a fixed order and form.

    Numbers count by value (12, "12" and 12.0 are the same). Unknown keys, and what is known of plate colour, rear
    plate, class, temperature, lane line and all of wire/station_extras.py, do not count: a station that sends a record
    again with a new upload time, or with what a camera added later, has sent the same record.
    """
    canonical = json.dumps(
        [
            "station_json",
            row.code,
            row.device,
            format_instant(row.at_ns),
            row.gross_kg,
            row.axle_kg,
            row.spacing_mm,
            None if speed_kmh is None else f"{speed_kmh.normalize() + 0:f}",
            row.plate,
        ],
        separators=(",", ":"),
    )
    value = hashlib.blake2b(canonical.encode(), digest_size=16).digest()
    return int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big")


def batch_of(rows: Sequence[Row], received_ns: int) -> PassBatch:
    """Rows as passes, all received at one instant."""
    widest = max((len(row.axle_kg) for row in rows), default=0)
    axle_kg = np.zeros((len(rows), widest), np.int32)
    spacing_mm = np.zeros((len(rows), widest), np.int32)
    for number, row in enumerate(rows):
        axle_kg[number, : len(row.axle_kg)] = row.axle_kg
        spacing_mm[number, : len(row.spacing_mm)] = row.spacing_mm
    return PassBatch.of(
        device=tuple(row.device for row in rows),
        at_ns=np.array([row.at_ns for row in rows], np.int64),
        received_ns=np.full(len(rows), received_ns, np.int64),
        digest=np.array([row.digest for row in rows], np.uint64).reshape(len(rows), 2),
        axle_count=np.array([len(row.axle_kg) for row in rows], np.int16),
        gross_kg=np.array([row.gross_kg for row in rows], np.int32),
        speed_mps=np.array([row.speed_mps for row in rows], np.float64),
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=tuple(row.plate for row in rows),
        record=np.array([row.record for row in rows], np.int64),
        temperature_c=np.array([row.temperature_c for row in rows], np.float64),
        vehicle_class=tuple(row.vehicle_class for row in rows),
        plate_rear=tuple(row.plate_rear for row in rows),
        plate_colour=tuple(row.plate_colour for row in rows),
        status=np.array(
            [row.extras.status | (ScaleStatus.STRADDLING if row.straddling else 0) for row in rows], np.uint32
        ),
        **station_extras.columns([row.extras for row in rows], widest),
    )
