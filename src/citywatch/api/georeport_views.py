"""What Open311 says of services and requests: the city's settings and findings in the words of GeoReport v2."""

from __future__ import annotations

from typing import Any

from citywatch.api.findings_config import Open311Config, ServiceConfig
from citywatch.api.georeport_words import Language, of_closed, of_open
from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.tickets import TicketState
from citywatch.ports import Row
from citywatch.wire.open311 import SPECIFICATION

SOURCE = "open311"
OPEN, CLOSED = "open", "closed"


def discovery(config: Open311Config, url: str, changeset: str) -> dict[str, Any]:
    """The service discovery document."""
    return {
        "changeset": changeset,
        "contact": config.contact or None,
        "key_service": config.key_service or None,
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": url,
                "changeset": changeset,
                "type": "test" if config.test else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }


def service(config: ServiceConfig) -> dict[str, Any]:
    """One service of the list."""
    return {
        "service_code": config.code,
        "service_name": config.name,
        "description": config.description or None,
        "metadata": bool(config.attributes),
        "type": "realtime",
        "keywords": ", ".join(config.keywords) or None,
        "group": config.group or None,
    }


def definition(config: ServiceConfig) -> dict[str, Any]:
    """What a service asks for."""
    return {
        "service_code": config.code,
        "attributes": [
            {
                "variable": attribute.variable,
                "code": attribute.code,
                "datatype": attribute.datatype,
                "required": attribute.required,
                "datatype_description": attribute.datatype_description or None,
                "order": order,
                "description": attribute.description,
                **(
                    {"values": [{"key": one.key, "name": one.name} for one in attribute.values]}
                    if attribute.values
                    else {}
                ),
            }
            for order, attribute in enumerate(config.attributes, start=1)
        ],
    }


def status_of(row: Row, ticket: Row | None) -> str:
    """A request is closed when its finding is over, or the city has closed the ticket."""
    is_closed = row["state"] != OPEN or (ticket is not None and ticket["state"] == TicketState.CLOSED.value)
    return CLOSED if is_closed else OPEN


def request(
    row: Row, ticket: Row | None, services: dict[str, ServiceConfig], language: Language = "en"
) -> dict[str, Any]:
    """One request with where it stands. Fields without a value are null: the specification lets them be empty."""
    labels = row["labels"]
    config = services.get(labels.get("service_code", ""))
    status = status_of(row, ticket)
    instants = [row["raised_at_ns"], row["cleared_at_ns"]]
    if ticket is not None:
        instants += [value for name, value in ticket.items() if name in _MOVES]
    return {
        "service_request_id": row["key"],
        "status": status,
        "status_notes": _notes(language, ticket, status),
        "service_name": config.name if config else labels.get("service_name"),
        "service_code": labels.get("service_code"),
        "description": row["note"] or None,
        "agency_responsible": _agency(ticket, config),
        "service_notice": (config.notice if config else "") or None,
        "requested_datetime": shown(row["raised_at_ns"]),
        "updated_datetime": shown(max(at_ns for at_ns in instants if at_ns is not None)),
        "expected_datetime": None if ticket is None or status == CLOSED else shown(ticket.get("repair_due_ns")),
        "address": row["address"] or None,
        "address_id": labels.get("address_id"),
        "zipcode": None,
        "lat": row["lat"],
        "long": row["lon"],
        "media_url": labels.get("media_url"),
    }


_MOVES = frozenset({"filed_at_ns", "accepted_at_ns", "handled_at_ns", "verified_at_ns", "closed_at_ns"})


def shown(at_ns: int | None) -> str | None:
    """An instant in the W3C form, to the second."""
    return None if at_ns is None or at_ns < 0 else format_instant(at_ns - at_ns % NS_PER_S).replace(".000Z", "Z")


def _agency(ticket: Row | None, config: ServiceConfig | None) -> str | None:
    labels = {} if ticket is None else ticket.get("labels") or {}
    return labels.get("department") or (config.department if config else "") or None


def _notes(language: Language, ticket: Row | None, status: str) -> str:
    known = ticket or {}
    outcome = str(known.get("outcome") or "")
    if status == CLOSED:
        return of_closed(language, str(known.get("resolution") or ""), outcome)
    return of_open(language, str(known.get("state") or ""), str(known.get("hold_reason") or ""), outcome)
