"""A city under its patrol's own scheduler and its own steps, in which switches go dark and come back.

The scheduler, the rules, both stages, the projection and the service levels are the true ones; only the answers of the
devices are drawn (citywatch.testing.patrol_simulation), and what an answering camera shows is scripted (a street in
order). Nobody tells the patrol whom to ask: that parent and siblings are asked at the first silence is what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from citywatch.adapters.cameras.config import PatrolTerms
from citywatch.adapters.cameras.schedule import Found, Place, Turn
from citywatch.app.checks import figures
from citywatch.app.checks.city import City
from citywatch.app.checks.looks import IN_ORDER
from citywatch.app.checks.rows import registrations
from citywatch.app.checks.script import DeviceSpec, SlaSpec
from citywatch.app.checks.wanted import Answer
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.testing.patrol_simulation import Costs, Simulation

START_NS = 1_777_852_800 * NS_PER_S
CONTRACT = """
name: cameras
time_zone: Asia/Shanghai
devices: {devices: ["camera-*"]}
intact: {target_percent: 95}
repair: {within: 72h}
"""


@dataclass(frozen=True, slots=True)
class Dark:
    """From when to when the devices of a part of the city do not answer, seconds."""

    from_s: float
    to_s: float
    devices: frozenset[str]

    def away(self, device: str, at_s: float) -> bool:
        return self.from_s <= at_s < self.to_s and device in self.devices


def district(cameras: int = 44, others: int = 44) -> tuple[dict[str, Place], frozenset[str]]:
    """A switch with its cameras, all that hangs on it, and as many cameras again behind another switch."""
    places: dict[str, Place] = {}
    for number, (switch, count) in enumerate((("switch-0", cameras), ("switch-1", others))):
        places[switch] = Place("standard", 300.0, site=f"site-{number}", host=f"10.0.{number}.250")
        for camera in range(count):
            places[f"camera-{number}-{camera}"] = Place(
                "standard", 300.0, site=f"site-{number}", parent=switch, host=f"10.0.{number}.{1 + camera}"
            )
    return places, frozenset(name for name in places if name == "switch-0" or name.startswith("camera-0-"))


def device_specs(places: Mapping[str, Place]) -> list[DeviceSpec]:
    """Parents first."""
    return [
        DeviceSpec.model_validate(
            {
                "device": name,
                "kind": "camera" if name.startswith("camera") else "switch",
                "parent": place.parent,
                "site": place.site,
            }
        )
        for name, place in sorted(places.items(), key=lambda item: bool(item[1].parent))
    ]


class PatrolledCity(Simulation):
    """Every visit's end is a row of the city; what the city suspects, the patrol looks at again."""

    def __init__(self, city: City, places: Mapping[str, Place], dark: Dark, *, seed: int) -> None:
        super().__init__(places, PatrolTerms(), Costs(), seed=seed, away=dark.away)
        self.city = city
        city.feed(registrations(device_specs(places), START_NS))
        self._heard = 0

    def live(self, until_s: int, each_second: Callable[[int], None] = lambda _second: None) -> None:
        """Up to an instant, with a tick every second."""
        for second in range(int(self.now_s), until_s):
            self.run(second, sample_every_s=1e9)
            for _ in self.city.tick_to(second, one_by_one=True):
                pass
            self._hear()
            each_second(second)

    def _end(self, turn: Turn, found: Found) -> None:
        super()._end(turn, found)
        is_camera = turn.camera.startswith("camera")
        seen = (IN_ORDER if is_camera else "reached") if found is Found.ANSWERED else "unreachable"
        at_ns = START_NS + round(self.now_s * NS_PER_S)
        self.city.feed(self.city.patrol.looks([turn.camera], at_ns, seen, "day", "", {}))
        self._hear()

    def _hear(self) -> None:
        for _, event in self.city.events[self._heard :]:
            if event.kind is EventKind.SUSPICION_RAISED:
                self.scheduler.suspect(event.device, event.data["fault"], self.now_s, event.data.get("again_seconds"))
            elif event.kind in (EventKind.SUSPICION_DROPPED, EventKind.FAULT_CONFIRMED, EventKind.FAULT_CLEARED):
                self.scheduler.settle(event.device, event.data["fault"])
        self._heard = len(self.city.events)


def opened_s(city: City) -> dict[str, list[float]]:
    """Seconds from the start at which alerts and tickets were made, by device."""
    found: dict[str, list[float]] = {}
    for second, event in city.events:
        if event.kind in (EventKind.ALERT_OPENED, EventKind.TICKET_FILED):
            found.setdefault(f"{event.kind.value} {event.device}", []).append(second + 1)
    return found


def contractor(city: City, folder: Path, to_s: int) -> Answer:
    """Whether the figure of who answers for the cameras is untouched: nothing but up, in both readings."""
    (folder / "cameras.yaml").write_text(CONTRACT)
    untouched = {"worst": 1.0, "best": 1.0, "verdict": "met", "down_seconds": 0, "unknown_seconds": 0}
    wanted = SlaSpec.model_validate({"contract": "cameras.yaml", "from": "310s", "to": to_s, "figures": untouched})
    return figures.sla(city, wanted, folder, "cameras")
