"""The liveness sweep over 30 million devices against a numpy copy of the same bytes, and what a tick costs a city.

The sweep's state is five columns, 25 bytes a device: when it was last heard, how long it may keep quiet, who hears it,
the verdict of the sweep before, and room for the numbers of those that have changed. The copy copies the four that the
sweep reads, 21 bytes. A hundred observers listen, one of which has just gone deaf. Three ticks are timed: nothing has
changed; one device in a thousand is lost; a tenth of all are lost at once.

The tick is that of `rules/liveness.py` with its state rows (which need far more than 25 bytes a device: 30 million are
a province over many partitions), with one device in sixty heard between two ticks, beside the walk over all rows of the
state that it stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._frame import Goal, Row, paired, repeated, row
from citywatch.domain.devices import Device, DeviceKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pulses import PulseBatch
from citywatch.domain.state import State

SCENARIO = "liveness"
SEED = 20_260_510
DEVICES = 30_000_000
OBSERVERS = 100
TIMEOUT_S = 180
NOW_NS = 1_767_225_600 * NS_PER_S
CITIES = (6_534, 65_340)


class Province:
    """Columns of `devices` that were all heard within their time-outs, as the sweep before has left them."""

    def __init__(self, devices: int) -> None:
        random = np.random.default_rng(SEED)
        self.last_ns = NOW_NS - random.integers(0, 60 * NS_PER_S, devices)
        self.timeout_ns = np.full(devices, TIMEOUT_S * NS_PER_S, np.int64)
        self.observer = random.integers(0, OBSERVERS, devices, dtype=np.int32)
        self.told = np.zeros(devices, np.uint8)
        self.moved = np.zeros(devices, np.int32)
        self.covered_ns = np.full(OBSERVERS, NOW_NS - 3600 * NS_PER_S, np.int64)
        self.covered_ns[0] = NOW_NS + 1
        self._whole = self.last_ns.copy()
        self._random = random

    @property
    def columns(self) -> tuple[np.ndarray[Any, Any], ...]:
        return self.last_ns, self.timeout_ns, self.observer, self.told, self.moved

    def lose(self, share: float) -> None:
        """So many have not been heard for ten time-outs; all others as in the beginning."""
        self.last_ns[:] = self._whole
        lost = self._random.choice(len(self.last_ns), int(share * len(self.last_ns)), replace=False)
        self.last_ns[lost] -= 10 * TIMEOUT_S * NS_PER_S
        self.told[:] = 0

    def sweep(self) -> int:
        from citywatch.kernels import liveness

        found: int = liveness.sweep(
            NOW_NS, self.last_ns, self.timeout_ns, self.observer, self.covered_ns, self.told, self.moved
        )
        return found


def swept(devices: int = DEVICES, rounds: int = 9) -> list[Row]:
    """Sweep and copy in turn."""
    province = Province(devices)
    read = province.columns[:4]
    copies = tuple(np.empty_like(column) for column in read)

    def copy() -> None:
        for target, column in zip(copies, read, strict=True):
            np.copyto(target, column)

    bytes_each = sum(column.itemsize for column in province.columns)
    rows = [row(SCENARIO, "state of the sweep a device", bytes_each, "B", goal=Goal(at_most=32))]
    for name, share in (("nothing has changed", 0.0), ("one in a thousand lost", 0.001), ("a tenth lost", 0.1)):
        province.lose(share)

        def sweep() -> None:
            province.told[:] = 0
            province.sweep()

        timed = paired(province.sweep if share == 0.0 else sweep, copy, rounds=rounds)
        rows.append(
            row(
                SCENARIO,
                f"a sweep over {devices:,} devices, {name}",
                timed.ours.median * 1e3,
                "ms",
                peer="numpy copy of the same bytes",
                ratio=timed.ratio.median,
                goal=Goal(at_most=3.0, of="ratio"),
                spread=timed.ours.scaled(1e3),
                note=f"copy {timed.peer.median * 1e3:.0f} ms" + (", with the reset of the verdicts" if share else ""),
            )
        )
    return rows


class City:
    """Devices with a heartbeat every minute, all heard by one door that listens."""

    def __init__(self, devices: int) -> None:
        from citywatch.rules import devices as rule
        from citywatch.rules.liveness import LivenessPolicy

        self.policy, self.state, self.second = LivenessPolicy(), State(), 0
        self.names = [f"dev-{number}" for number in range(devices)]
        for name in self.names:
            rule.register(self.state, Device(name, DeviceKind.SCALE, heartbeat_s=60), at_ns=NOW_NS, command="")
        for number in range(60):
            self.next_second(number)

    def next_second(self, number: int | None = None) -> None:
        """A sixtieth of the devices is heard, and the tick comes."""
        from citywatch.rules import liveness

        self.heard(self.second if number is None else number)
        for _ in liveness.on_tick(self.state, self.now_ns, self.policy):
            pass

    @property
    def now_ns(self) -> int:
        return NOW_NS + self.second * NS_PER_S

    def heard(self, number: int) -> None:
        from citywatch.rules import liveness

        self.second += 1
        names = ("observer:http", *self.names[number % 60 :: 60])
        at_ns = np.full(len(names), self.now_ns, np.int64)
        for _ in liveness.on_pulses(self.state, PulseBatch(names, at_ns, ("observer:http",) * len(names)), self.policy):
            pass
        self.state.mark()

    def tick(self) -> None:
        from citywatch.rules import liveness

        for _ in liveness.on_tick(self.state, self.now_ns, self.policy):
            pass

    def walk(self) -> int:
        """What a tick without columns cannot do without: to look at the rows of every device."""
        late = 0
        for name, described in self.state.room("device"):
            pulse = self.state.get("pulse", name)
            last_ns = described["registered_ns"] if pulse is None else pulse["last_ns"]
            late += self.now_ns - last_ns > described["heartbeat_s"] * 3 * NS_PER_S
        return late


def ticked(devices: int) -> Row:
    import time

    from benchmarks._frame import Spread

    city = City(devices)
    ticks = []
    for number in range(30):
        city.heard(number)
        begin = time.perf_counter()
        city.tick()
        ticks.append(time.perf_counter() - begin)
    ours, walked = Spread.of(ticks), repeated(city.walk, rounds=9)
    return row(
        SCENARIO,
        f"a tick of {devices:,} devices, a sixtieth of them heard since the last",
        ours.median * 1e3,
        "ms",
        peer="a walk over the rows of all",
        ratio=ours.median / walked.median,
        goal=Goal(at_most=1.0, of="ratio"),
        spread=ours.scaled(1e3),
    )


def run() -> list[Row]:
    from citywatch.kernels import _jit, liveness  # noqa: F401  (the kernel must be known before it is warmed)

    _jit.warm()
    return [*swept(), *(ticked(devices) for devices in CITIES)]
