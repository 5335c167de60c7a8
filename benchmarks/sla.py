"""A month of 6,534 devices with 200,000 intervals: the arithmetic of figures once read, the report with the reading.

Failures are drawn by a seeded model: most devices fail seldom, some flap; a tenth of the facts are corrections that
became known later, some time is disabled by parents. Beside the figures runs a walk in plain Python over the same
intervals sorted by device, which knows no overlaps and no corrections: what such a sum costs at the least.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import Goal, Row, Spread, repeated, row
from citywatch.domain.instants import parse_instant
from citywatch.domain.service import ALWAYS_NS, STANDINGS, STATES, ServiceState, Standing

SCENARIO = "sla"
SEED = 20_260_501
DEVICES = 6_534
INTERVALS = 200_000
FROM_NS = parse_instant("2026-05-01T00:00:00+08:00")
TO_NS = parse_instant("2026-06-01T00:00:00+08:00")
_SECOND = 1_000_000_000


def columns() -> tuple[list[str], list[str], dict[str, Any]]:
    """Devices, words and columns of the month."""
    random = np.random.default_rng(SEED)
    corrections = INTERVALS // 10
    base = INTERVALS - corrections
    weight = random.pareto(1.5, DEVICES) + 0.5
    each = np.maximum(1, (weight / weight.sum() * base).astype(np.int64))
    each[np.argsort(-each)[: abs(base - int(each.sum()))]] += np.sign(base - int(each.sum()))
    device = np.repeat(np.arange(DEVICES), each)
    length_s = (TO_NS - FROM_NS) // _SECOND
    begin = np.sort(device * length_s + random.integers(0, length_s, len(device))) - device * length_s
    first = np.flatnonzero(np.diff(device, prepend=-1))
    begin[first] = 0
    end = np.append(begin[1:], length_s)
    end[np.append(first[1:], len(device)) - 1] = length_s
    names = (ServiceState.UP, ServiceState.DOWN, ServiceState.UNKNOWN, ServiceState.DEGRADED, ServiceState.DISABLED)
    numbers = np.array([STATES.index(name) for name in names])
    odd = (np.arange(len(device)) - np.repeat(first, each)) % 2 == 1
    state = np.where(odd, random.choice(numbers[1:], len(device), p=[0.6, 0.2, 0.1, 0.1]), numbers[0])
    target = random.integers(0, len(device), corrections)
    corrected = random.choice(numbers, corrections)
    known = np.concatenate([np.full(len(device), ALWAYS_NS), TO_NS + random.integers(0, 10, corrections) * _SECOND])
    rows = len(known)
    words = ["", *(f"cause-{n}" for n in range(8)), *(f"parent:sw-{n}" for n in range(200))]
    found = {
        "device": np.concatenate([device, device[target]]),
        "state": np.concatenate([state, corrected]),
        "standing": np.full(rows, STANDINGS.index(Standing.SEEN)),
        "worst_from": FROM_NS + np.concatenate([begin, begin[target]]) * _SECOND,
        "worst_to": FROM_NS + np.concatenate([end, end[target]]) * _SECOND,
        "known": known,
        "number": np.ones(rows, np.int64),
        "cause": random.integers(1, len(words), rows).astype(np.int32),
        "evidence": np.zeros(rows, np.int32),
    }
    found["best_from"], found["best_to"] = found["worst_from"], found["worst_to"]
    return [f"cam-{n:05d}" for n in range(DEVICES)], words, found


def run() -> list[Row]:
    from citywatch.kernels import _jit
    from citywatch.sla.contracts import Contract, Counts, Listed
    from citywatch.sla.figures import Failures, Window
    from citywatch.sla.history import History
    from citywatch.sla.readings import read
    from citywatch.sla.report import Report

    _jit.warm()
    devices, words, raw = columns()
    history = History.of_columns(devices, words, raw)
    register = {
        name: Listed(name, area=f"area-{n % 9}", contractor=f"contractor-{n % 4}", site=f"site-{n % 300}")
        for n, name in enumerate(devices)
    }
    contract = Contract.model_validate(
        {
            "name": "bench",
            "time_zone": "Asia/Shanghai",
            "contractor": "contractor-1",
            "calendars": {"office": {"hours": ["08:30-12:00", "14:00-18:00"], "holidays": "CN"}},
            "intact": {"target_percent": 95, "degraded": Counts.BETWEEN},
            "repair": {"within": "72h"},
        }
    )
    groups = np.arange(DEVICES) % 4
    readings = read(history, contract, register)
    window = Window.of(readings, contract.calendar("24x7"), FROM_NS, TO_NS)

    def intact() -> object:
        """The intact rate from nothing but the facts: both readings painted, measured, added up."""
        found = read(history, contract, register)
        return Window.of(found, contract.calendar("24x7"), FROM_NS, TO_NS).figure()

    def then() -> object:
        """The same, as known at the end of the month."""
        found = read(history.as_known_at(TO_NS), contract, register, known_until_ns=TO_NS)
        return Window.of(found, contract.calendar("24x7"), FROM_NS, TO_NS).figure()

    figures: dict[str, Any] = {
        "intact rate of all devices, from the facts": intact,
        "intact rate as known then, from the facts": then,
        "intact rate of each of 6,534 devices": lambda: window.figures(np.arange(DEVICES), DEVICES),
        "intact rate by contractor": lambda: window.figures(groups, 4),
        "intact rate in office hours": lambda: Window.of(
            readings, contract.calendar("office"), FROM_NS, TO_NS
        ).figure(),
        "down time by cause": window.down_by_cause,
        "failures": lambda: Failures.of(readings.worst, FROM_NS, TO_NS),
    }
    rows = []
    plain = repeated(lambda: _plain_walk(raw), rounds=5)
    rows.append(
        row(SCENARIO, "a plain walk over the same intervals", plain.median * 1e3, "ms", spread=plain.scaled(1e3))
    )
    for name, figure in figures.items():
        spread = repeated(figure, rounds=15)
        rows.append(
            row(
                SCENARIO,
                name,
                spread.median * 1e3,
                "ms",
                peer="plain walk",
                ratio=spread.median / plain.median,
                goal=Goal(at_most=50),
                spread=spread.scaled(1e3),
                note=f"{len(history):,} facts",
            )
        )
    whole = Spread.of([_whole(Report, contract, register, raw, devices, words) for _ in range(3)])
    rows.append(
        row(
            SCENARIO,
            "all numbers of the monthly report, with the reading",
            whole.median,
            "s",
            goal=Goal(at_most=1.0),
            spread=whole,
            note="without the list of intervals",
        )
    )
    return rows


def _plain_walk(raw: dict[str, Any]) -> int:
    up = STATES.index(ServiceState.UP)
    total = 0
    for state, begin, end in zip(
        raw["state"].tolist(), raw["worst_from"].tolist(), raw["worst_to"].tolist(), strict=True
    ):
        if state == up:
            total += min(end, TO_NS) - max(begin, FROM_NS)
    return total


def _whole(report: Any, contract: Any, register: Any, raw: Any, devices: list[str], words: list[str]) -> float:
    """Seconds from the files on disk to every number."""
    from citywatch.adapters.store.service_history import ServiceHistory
    from citywatch.app.sla_sources import imported
    from citywatch.wire.service_csv import ServiceRow

    with tempfile.TemporaryDirectory(prefix="citywatch-sla-") as folder:
        rows = [
            ServiceRow(devices[d], STATES[s], a, b, words[c], k, f"{n}")
            for n, (d, s, a, b, c, k) in enumerate(
                zip(*(raw[name].tolist() for name in ("device", "state", "worst_from", "worst_to", "cause", "known")),
                    strict=True)
            )
        ]  # fmt: skip
        ServiceHistory(Path(folder)).add(rows)
        start = time.perf_counter()
        history = imported(Path(folder), Standing.SEEN)
        report.of(history, contract, register, FROM_NS, TO_NS).figures_json()
        return time.perf_counter() - start
