"""The document of a delivery: what is stored, pushed to webhooks, and what texts are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from citywatch.domain.instants import format_instant
from citywatch.notifications.groups import Head, Item, Plan

VERSION = 1
TEST = "test"


def document_of(head: Head, plan: Plan, now_ns: int) -> dict[str, Any]:
    """Plain JSON, the same for the same plan. docs/operations.md tells every field."""
    labels = dict(head.labels)
    items = [_item(item) for item in plan.items]
    counted = Counter(change["what"] for item in items for change in item["changes"])
    return {
        "version": VERSION,
        "delivery": plan.id,
        "receiver": head.receiver,
        "kind": plan.kind,
        "planned_at": format_instant(now_ns),
        "exercise": labels.get("exercise") == "yes",
        "group": {name: value for name, value in sorted(labels.items()) if name != "exercise"},
        "counts": dict(sorted(counted.items())),
        "open": plan.open_count,
        "items": items,
    }


def test_document(delivery: str, receiver: str, now_ns: int) -> dict[str, Any]:
    """What `citywatch notify test` sends: it says that it is a test, and nothing else."""
    return {
        "version": VERSION,
        "delivery": delivery,
        "receiver": receiver,
        "kind": TEST,
        "planned_at": format_instant(now_ns),
        "exercise": False,
        "group": {},
        "counts": {},
        "open": 0,
        "items": [],
    }


def _item(item: Item) -> dict[str, Any]:
    noun, _, _ = item.member.subject.partition("/")
    said: dict[str, Any] = {"subject": item.member.subject, noun: dict(item.member.view)}
    said["changes"] = [_change(*change) for change in item.changes]
    if item.folded:
        said["earlier_changes"] = item.folded
    return said


def _change(stream: str, seq: int, what: str, at_ns: int, note: str) -> Mapping[str, Any]:
    told = {"what": what, "at": format_instant(at_ns), "seq": seq}
    return {**told, "note": note} if note else told
