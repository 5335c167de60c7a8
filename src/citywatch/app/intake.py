"""The part `scales`: the live ways in for records beside the HTTP push, and the roadside signs behind the scales."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from citywatch.adapters.notify.roadside_sign import Face, HttpFace, SignWorker, TopicFace
from citywatch.adapters.scales.config import IntakeConfig, LineConfig, SignConfig
from citywatch.adapters.scales.intake import Decoding, Intake, StationJson, VendorLines
from citywatch.adapters.scales.mqtt import Lanes, MqttIntake
from citywatch.adapters.scales.records import Terms, decoder
from citywatch.adapters.scales.tcp import LineIntake
from citywatch.api.acquaintances import Acquaintances
from citywatch.domain.events import Event
from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.errors import ConfigurationError
from citywatch.ports import Clock, Door, Log, Meter, Position, Store
from citywatch.settings import Settings
from citywatch.signs.messages import SHOWN, Place, Sign, concerns, message_for

MQTT_SOURCE = "mqtt:passes"
_EVENTS_AT_A_TIME = 500
_BLOCK_MS = 500


@dataclass(frozen=True, slots=True)
class Ear:
    """A way in: the observer that stands for it, and whether what is said now is heard."""

    observer: str
    is_listening: Callable[[], bool]


class ScalesPart:
    """Everything of the part, built but not started. ConfigurationError when a secret or certificate is wrong."""

    def __init__(self, settings: Settings, door: Door, store: Store, log: Log, clock: Clock, meter: Meter) -> None:
        self._settings = settings
        self._door = door
        self._store = store
        self._log = log
        self._clock = clock
        self._meter = meter
        self._known = Acquaintances(store, settings.server.max_devices)
        self.mqtt = self._broker(settings.intake)
        self.lines = tuple(self._line(config) for config in settings.intake.tcp)
        self._positions: dict[int, Position] = {}
        self._signs = tuple(self._sign(config) for config in settings.signs)

    @property
    def ears(self) -> Sequence[Ear]:
        heard = (
            []
            if self.mqtt is None
            else [Ear("observer:mqtt", lambda: self.mqtt is not None and self.mqtt.is_listening)]
        )
        for config, line in zip(self._settings.intake.tcp, self.lines, strict=True):
            heard.append(Ear(f"observer:tcp-{config.name}", lambda line=line: line.is_listening))  # type: ignore[misc]
        return heard

    def turns(self) -> dict[str, Callable[[], object]]:
        """What runs in threads beside `run`, by name."""
        turns: dict[str, Callable[[], object]] = {}
        if self.mqtt is not None:
            turns["mqtt"] = self.mqtt.turn
        if self._signs:
            turns["signs"] = self.follow
        return turns

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        with ExitStack() as stack:
            stack.callback(stop.set)
            if self.mqtt is not None:
                self.mqtt.start()
                stack.callback(self.mqtt.stop)
            for sign in self._signs:
                # Ended before the broker is left: what they show is withdrawn through it, too.
                sign.start()
                stack.callback(sign.stop)
            asyncio.run(self._read_lines(stop))

    # --- ways in

    def _json(self) -> Decoding:
        server = self._settings.server
        return StationJson(server.station.form(), server.max_ingest_records, self._known.welcome)

    def _broker(self, intake: IntakeConfig) -> MqttIntake | None:
        if intake.mqtt is None:
            return None
        lanes = Lanes([scale.device for scale in self._settings.scales])
        source = Intake(MQTT_SOURCE, "observer:mqtt", self._door, self._store, self._clock, self._meter)
        return MqttIntake(intake.mqtt, source, self._json(), lanes, self._meter)

    def _line(self, config: LineConfig) -> LineIntake:
        if config.format == "station_json":
            decoding: Decoding = self._json()
        else:
            terms = Terms(config.station or "station", config.time_zone)
            decoding = VendorLines(lambda: decoder(config.format, terms), self._known.welcome)
        observer = f"observer:tcp-{config.name}"
        source = Intake(f"tcp:{config.name}", observer, self._door, self._store, self._clock, self._meter)
        lanes = [scale.device for scale in self._settings.scales if scale.station == config.station]
        return LineIntake(config, source, decoding, lanes, self._meter, random.Random(config.name))  # noqa: S311

    async def _read_lines(self, stop: threading.Event) -> None:
        ending = asyncio.Event()
        waiting = asyncio.create_task(asyncio.to_thread(stop.wait))
        waiting.add_done_callback(lambda _: ending.set())
        async with asyncio.TaskGroup() as group:
            for line in self.lines:
                group.create_task(line.run(ending))
            await ending.wait()

    # --- signs

    def _sign(self, config: SignConfig) -> SignWorker:
        places = tuple(Place(one.name, one.direction, one.distance_m, one.side) for one in config.places)
        sign = Sign(
            config.name,
            config.station,
            config.direction,
            config.hold_seconds,
            config.late_seconds,
            places,
            config.hide_plate,
            config.language,
            config.drive_side,
            config.enforceable_only,
            config.least_seconds,
        )
        return SignWorker(sign, self._face(config), self._store, self._clock, self._meter)

    def _face(self, config: SignConfig) -> Face:
        if config.url is not None:
            token = config.token()
            return HttpFace(config.url, None if token is None else token.get_secret_value())
        if self.mqtt is None:
            raise ConfigurationError(f"sign {config.name!r}: a topic needs a broker; add intake.mqtt")
        return TopicFace(str(config.topic), self.mqtt.publish)

    def follow(self) -> None:
        """One turn: the next events, beginning with those whose vehicles may still be near."""
        if not self._positions:
            late_s = max(worker.sign.late_s for worker in self._signs)
            begin = Position(max(0, (self._clock.now_ns() - round(late_s * NS_PER_S)) // NS_PER_MS), 0)
            self._positions = dict.fromkeys(range(self._log.partitions), begin)
        found = self._log.read_events_of(SHOWN, self._positions, most=_EVENTS_AT_A_TIME, block_ms=_BLOCK_MS)
        for partition, (position, events) in found.items():
            for event in events:
                self._tell(event)
            self._positions[partition] = position

    def _tell(self, event: Event) -> None:
        now_ns = self._clock.now_ns()
        for worker in self._signs:
            if not concerns(worker.sign, event):
                continue
            message = message_for(worker.sign, event, now_ns)
            if message is not None:
                worker.show(message)
            else:
                # Also that of a station whose clock is wrong: without a count nobody would know.
                self._meter.count("sign_messages_total", result="late")
