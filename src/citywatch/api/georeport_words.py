"""What who has reported something is told of it: the status notes of GeoReport v2, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from citywatch.domain.tickets import HoldReason, RepairOutcome, TicketEnd, TicketState

Language = Literal["en", "zh"]

REPORTED, OVER, HOLD = "reported", "over", "hold"

NOTES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        REPORTED: "It has been reported.",
        TicketState.FILED: "It is filed and waits for a crew.",
        TicketState.DISPATCHED: "It is assigned to a crew.",
        TicketState.ACCEPTED: "A crew is working on it.",
        HOLD: "Work on it waits: {hold}.",
        TicketState.HANDLED: "A crew has reported it done; it is still to be verified.",
        TicketState.VERIFIED: "It is verified.",
        OVER: "It is over.",
        TicketEnd.VERIFIED: "It is done and verified.",
        TicketEnd.CANCELLED: "It was closed without work.",
        TicketEnd.MERGED: "It is a duplicate: another request stands for it.",
        TicketEnd.DEVICE_REMOVED: "What it was about is no longer there.",
        RepairOutcome.NOTHING_FOUND: "A crew was there and found nothing of it.",
        RepairOutcome.NOT_REPAIRABLE: "It cannot be repaired as it is.",
    },
    "zh": {
        REPORTED: "已上报。",
        TicketState.FILED: "已立案，等待派遣。",
        TicketState.DISPATCHED: "已派遣处置队伍。",
        TicketState.ACCEPTED: "处置队伍正在处理。",
        HOLD: "处置暂停：{hold}。",
        TicketState.HANDLED: "处置队伍已报完成，等待核查。",
        TicketState.VERIFIED: "已核查。",
        OVER: "已结束。",
        TicketEnd.VERIFIED: "已处置并核查。",
        TicketEnd.CANCELLED: "未经处置即已结案。",
        TicketEnd.MERGED: "重复上报，已并入另一件。",
        TicketEnd.DEVICE_REMOVED: "所涉设施已不存在。",
        RepairOutcome.NOTHING_FOUND: "处置队伍已到现场，未发现问题。",
        RepairOutcome.NOT_REPAIRABLE: "现状无法修复。",
    },
}
"""By the state of a ticket, by how it ended, and, where that says more, by what came of the work."""

HOLDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "": "for a reason",
        HoldReason.AWAITING_POWER: "there is no power",
        HoldReason.AWAITING_NETWORK: "there is no network",
        HoldReason.AWAITING_PERMISSION: "for a permission",
        HoldReason.WEATHER: "for better weather",
        HoldReason.AWAITING_PARTS: "for parts",
        HoldReason.AWAITING_ACCESS: "for access",
        HoldReason.PLANNED: "it is planned for later",
        HoldReason.OTHER: "for another reason",
    },
    "zh": {
        "": "另有原因",
        HoldReason.AWAITING_POWER: "等待供电",
        HoldReason.AWAITING_NETWORK: "等待网络",
        HoldReason.AWAITING_PERMISSION: "等待许可",
        HoldReason.WEATHER: "天气原因",
        HoldReason.AWAITING_PARTS: "等待备件",
        HoldReason.AWAITING_ACCESS: "等待进场",
        HoldReason.PLANNED: "另行安排时间",
        HoldReason.OTHER: "其他原因",
    },
}


def of_closed(language: Language, end: str, outcome: str) -> str:
    """How it ended; a crew that has found nothing has not done it."""
    notes = NOTES[language]
    if end == TicketEnd.VERIFIED and outcome in (RepairOutcome.NOTHING_FOUND, RepairOutcome.NOT_REPAIRABLE):
        return notes[outcome]
    return notes.get(end, notes[OVER])


def of_open(language: Language, state: str, hold: str, outcome: str) -> str:
    """Where it stands; '' as the state where there is no ticket."""
    notes = NOTES[language]
    if state == TicketState.ON_HOLD:
        return notes[HOLD].format(hold=HOLDS[language].get(hold, HOLDS[language][""]))
    if state == TicketState.HANDLED and outcome == RepairOutcome.NOTHING_FOUND:
        return notes[outcome]
    return notes.get(state, notes[REPORTED])
