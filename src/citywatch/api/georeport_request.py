"""A request as people send it over Open311: what it says of the finding, and apart from it who says it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from citywatch.api.findings_config import AttributeConfig, ServiceConfig
from citywatch.api.georeport_views import SOURCE
from citywatch.domain.findings import (
    FOUND,
    MAX_ADDRESS_CHARACTERS,
    MAX_LABEL_CHARACTERS,
    MAX_NOTE_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Said,
    Verifier,
)
from citywatch.domain.instants import parse_instant
from citywatch.wire.finding_rows import FindingRow

_REPORTER = {
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
    "phone": "phone",
    "account_id": "account",
    "device_id": "client",
}
"""What says who reports, and what it is kept as."""
_MOST_OF_A_PERSON = 200


@dataclass(slots=True)
class Asked:
    """A request that can be taken down; its key is still to be given."""

    service: str
    row: FindingRow
    reporter: Mapping[str, str]


@dataclass(slots=True)
class Wrong:
    """Why a request cannot be taken down."""

    descriptions: list[str] = field(default_factory=list)
    not_found: bool = False


def asked_of(
    fields: Mapping[str, str], attributes: Mapping[str, Sequence[str]], services: Mapping[str, ServiceConfig]
) -> Asked | Wrong:
    """What a form asks for, or everything that is wrong with it."""
    code = fields.get("service_code", "")
    if not code:
        return Wrong(["service_code was not provided"])
    service = services.get(code)
    if service is None:
        return Wrong(["service_code was not found"], not_found=True)
    wrong: list[str] = []
    lat, lon = _place(fields, wrong)
    note = _text(fields, "description", MAX_NOTE_CHARACTERS, wrong)
    address = _text(fields, "address_string", MAX_ADDRESS_CHARACTERS, wrong)
    labels = {"service_code": code, "service_name": service.name[:MAX_LABEL_CHARACTERS]}
    if service.department:
        labels["department"] = service.department
    for name in ("address_id", "media_url"):
        text = _text(fields, name, MAX_LABEL_CHARACTERS, wrong)
        if text:
            labels[name] = text
    if "media_url" in labels and not labels["media_url"].startswith(("http://", "https://")):
        wrong.append("media_url must be an http or https URL")
    if not address and "address_id" not in labels and math.isnan(lat):
        wrong.append("a location was not provided: give lat and long, address_string or address_id")
    for attribute in service.attributes:
        answer = _answer(attribute, attributes.get(attribute.code, ()), wrong)
        if answer:
            labels[f"attribute.{attribute.code}"] = answer
    known = {attribute.code for attribute in service.attributes}
    wrong += [f"attribute[{code}] is not one of this service" for code in attributes if code not in known]
    reporter = {
        kept: text for name, kept in _REPORTER.items() if (text := _text(fields, name, _MOST_OF_A_PERSON, wrong))
    }
    if wrong:
        return Wrong(wrong)
    title = f"{service.name}: {address}" if address else service.name
    row = FindingRow(
        FOUND + SOURCE,
        SOURCE,
        "",
        Said.FOUND,
        -1,
        0,
        service.kind,
        service.severity.value,
        title[:MAX_TITLE_CHARACTERS],
        note,
        lat,
        lon,
        address,
        "",
        json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":")),
        Verifier.PERSON.value,
    )
    return Asked(code, row, reporter)


def _text(fields: Mapping[str, str], name: str, most: int, wrong: list[str]) -> str:
    text = fields.get(name, "")
    if len(text) > most:
        wrong.append(f"{name} has {len(text)} characters where {most} are allowed")
        return ""
    return text


def _place(fields: Mapping[str, str], wrong: list[str]) -> tuple[float, float]:
    found = []
    for name, most in (("lat", 90.0), ("long", 180.0)):
        text = fields.get(name, "")
        try:
            value = float(text) if text else math.nan
        except ValueError:
            value = math.inf
        if text and not -most <= value <= most:
            wrong.append(f"{name} must be a number of degrees between -{most:g} and {most:g}")
        found.append(value)
    if math.isnan(found[0]) != math.isnan(found[1]):
        wrong.append("lat and long both need to be sent")
    return found[0], found[1]


def _answer(attribute: AttributeConfig, values: Sequence[str], wrong: list[str]) -> str:
    """The answer as one text, or what is wrong with it."""
    name = f"attribute[{attribute.code}]"
    if not values:
        if attribute.required and attribute.variable:
            wrong.append(f"{name} was not provided; this service needs it")
        return ""
    if len(values) > 1 and attribute.datatype != "multivaluelist":
        wrong.append(f"{name} takes one value")
        return ""
    text = ", ".join(values)
    if len(text) > MAX_LABEL_CHARACTERS:
        wrong.append(f"{name} has more than {MAX_LABEL_CHARACTERS} characters")
    elif attribute.values and not set(values) <= {one.key for one in attribute.values}:
        wrong.append(f"{name} must be one of {', '.join(one.key for one in attribute.values)}")
    elif attribute.datatype == "number" and not _is_number(text):
        wrong.append(f"{name} must be a number")
    elif attribute.datatype == "datetime" and not _is_instant(text):
        wrong.append(f"{name} must be an instant such as 2010-01-01T00:00:00Z")
    elif attribute.datatype == "string" and "\n" in text:
        wrong.append(f"{name} must be one line")
    else:
        return text
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True
