"""Records and states of scales out of an MQTT broker.

A message of QoS 1 is acknowledged when its records are on disk, so the broker sends it again after any failure in
between. At most IN_FLIGHT messages are on their way at a time: what is sent again is then within what a lane remembers.
While the log takes nothing, nothing is acknowledged and the broker holds back; what comes with QoS 0 has no such
promise and is dropped, and counted, when there is no room.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from citywatch.adapters.scales.config import BrokerConfig
from citywatch.adapters.scales.intake import Decoding, Intake
from citywatch.adapters.scales.topics import PASSES, Topic, filters, read_state, read_topic
from citywatch.domain.claims import Claim
from citywatch.errors import ConfigurationError
from citywatch.ports import Meter

_log = logging.getLogger(__name__)

IN_FLIGHT = 60
MOST_PAYLOAD = 1 << 20
_WITHOUT_PROMISE = 1000
"""Messages of QoS 0 that may wait."""
_KEEPALIVE_S = 30
_PUBLISHED_WITHIN_S = 1.0
_LOOK_S = 0.5
_LONGEST_PAUSE_S = 30
_LANES_OF_A_STATION = 200


@dataclass(frozen=True, slots=True)
class _Message:
    mid: int
    qos: int
    topic: Topic | None
    shown: str
    payload: bytes
    retained: bool
    session: int
    """Number of the connection that it came by: in a later one it must not be acknowledged."""


class Lanes:
    """Which lanes a station has: those of the configuration and those heard of, within a bound."""

    def __init__(self, configured: Sequence[str]) -> None:
        self._lanes: dict[str, list[str]] = {}
        for device in configured:
            self.add(device)

    def add(self, device: str) -> None:
        known = self._lanes.setdefault(device.split("/", 1)[0], [])
        if device not in known and len(known) < _LANES_OF_A_STATION:
            known.append(device)

    def of(self, station: str) -> tuple[str, ...]:
        return tuple(self._lanes.get(station, ()))


class MqttIntake:
    """Listens at a broker from `start` to `stop`; `turn` takes in what came.

    `is_listening` says whether what is published now is heard.
    """

    def __init__(self, config: BrokerConfig, intake: Intake, decoder: Decoding, lanes: Lanes, meter: Meter) -> None:
        """ConfigurationError when a secret or a certificate cannot be read."""
        self._config = config
        self._intake = intake
        self._decoder = decoder
        self._lanes = lanes
        self._meter = meter
        self._waiting: deque[_Message] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self.is_listening = False
        self._session = 0
        self._pending: list[_Message] = []
        self._client = self._made()

    def publish(self, topic: str, payload: bytes, *, expires_s: int, retain: bool = True) -> bool:
        """Hand a message to the broker with QoS 1; False when there is no connection."""
        if not self.is_listening:
            return False
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = expires_s
        told = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        try:
            told.wait_for_publish(timeout=_PUBLISHED_WITHIN_S)
            return told.is_published()
        except (ValueError, RuntimeError):
            return False

    def start(self) -> None:
        """Connect, in the client's own thread. A broker that is away is tried again for ever."""
        config = self._config
        self._client.connect_async(config.host, config.port, _KEEPALIVE_S, clean_start=False, properties=_kept(config))
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker. What was not acknowledged is sent again to whoever comes under our name."""
        self._stopping = True
        self.is_listening = False
        self._client.disconnect()
        self._client.loop_stop()

    def turn(self) -> None:
        """Hand in what has come, waiting a moment for it; acknowledged when it is on disk.

        LogError when the log takes nothing: what has come stays, and the next turn tries again.
        """
        if not self._pending:
            self._pending = self._next(_LOOK_S)
        while self._pending:
            first = self._pending[0]
            some = list(takewhile(_is_passes, self._pending)) if _is_passes(first) else [first]
            self._hand_in(some)
            with self._news:
                sent = [message for message in some if message.qos > 0 and message.session == self._session]
            for message in sent:
                self._client.ack(message.mid, message.qos)
            del self._pending[: len(some)]

    # --- the client's own thread

    def _made(self) -> Client:
        config = self._config
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        if config.username:
            secret = config.password()
            client.username_pw_set(config.username, None if secret is None else secret.get_secret_value())
        if config.is_secure:
            try:
                client.tls_set_context(ssl.create_default_context(cafile=config.ca_file))
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError(f"broker: ca_file {config.ca_file}: {error}") from error
        client.reconnect_delay_set(1, _LONGEST_PAUSE_S)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del data, flags, properties
        if reason.is_failure:
            self._trouble(str(reason))
            return
        with self._news:
            # The broker sends again what was not acknowledged, and nothing else.
            self._waiting = deque(message for message in self._waiting if message.qos == 0)
            self._session += 1
        options = SubscribeOptions(qos=1)
        client.subscribe([(name, options) for name in filters(self._config.prefix)])

    def _on_subscribe(self, client: Client, data: Any, mid: int, reasons: Sequence[Any], properties: Any) -> None:
        del client, data, mid, properties
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._trouble(f"the broker refuses our topics: {refused[0]}")
            return
        _log.info("listening at the broker %s:%d", self._config.host, self._config.port)
        self.is_listening = True

    def _on_disconnect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        self.is_listening = False
        if not self._stopping:
            self._trouble(str(reason))

    def _on_connect_fail(self, client: Client, data: Any) -> None:
        del client, data
        # The client does not tell which it was.
        untrusted = ", or its certificate is not trusted (ca_file)" if self._config.is_secure else ""
        self._trouble(f"it cannot be reached{untrusted}")

    def _trouble(self, why: str) -> None:
        self._meter.count("intake_connections_lost_total", source=self._intake.source)
        _log.warning("broker %s:%d: %s; trying again", self._config.host, self._config.port, why)

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        del client, data
        topic = read_topic(self._config.prefix, message.topic)
        with self._news:
            one = _Message(
                message.mid,
                message.qos,
                topic,
                message.topic[:200],
                bytes(message.payload[: MOST_PAYLOAD + 1]),
                message.retain,
                self._session,
            )
            if one.qos == 0 and len(self._waiting) >= _WITHOUT_PROMISE:
                self._meter.count("intake_dropped_total", source=self._intake.source, reason="no_room")
                return
            self._waiting.append(one)
            self._news.notify()

    # --- our thread

    def _next(self, timeout_s: float) -> list[_Message]:
        with self._news:
            if not self._waiting:
                self._news.wait(timeout_s)
            messages = list(self._waiting)
            self._waiting.clear()
            return messages

    def _hand_in(self, messages: list[_Message]) -> None:
        """One message of any kind, or several that hold passes."""
        first = messages[0]
        if _is_passes(first):
            for device in self._intake.take([message.payload for message in messages], self._decoder):
                self._lanes.add(device)
        elif first.topic is None or len(first.payload) > MOST_PAYLOAD:
            why = "too_large" if first.topic is not None else "unknown_topic"
            self._intake.refuse(why, f"topic {first.shown!r}: {_WHY[why]}", first.payload)
        else:
            self._hear_state(first, first.topic)

    def _hear_state(self, message: _Message, topic: Topic) -> None:
        state = read_state(message.payload)
        if state is None:
            self._intake.refuse("unknown_state", f"topic {message.shown!r}: {_WHY['unknown_state']}", message.payload)
            return
        if topic.device:
            self._lanes.add(topic.device)
        devices = (topic.device,) if topic.device else self._lanes.of(topic.station)
        if state and not message.retained:
            self._intake.alive(devices)
        reason = "retained" if message.retained else "state" if state else "last_will"
        self._intake.claim(devices, Claim.ONLINE if state else Claim.OFFLINE, f"mqtt:{topic.station}"[:64], reason)


_WHY = {
    "unknown_topic": "use PREFIX/STATION/passes, PREFIX/STATION/status or PREFIX/STATION/dD/lL/status",
    "too_large": f"more than {MOST_PAYLOAD} bytes in one message; send smaller ones",
    "unknown_state": "a state is `online` or `offline`",
}


def _is_passes(message: _Message) -> bool:
    return message.topic is not None and message.topic.what == PASSES and len(message.payload) <= MOST_PAYLOAD


def _kept(config: BrokerConfig) -> Properties:
    """The broker keeps our subscription and what comes while we are away, and sends IN_FLIGHT at a time."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = config.keep_seconds
    properties.ReceiveMaximum = IN_FLIGHT
    properties.MaximumPacketSize = 2 * MOST_PAYLOAD
    return properties
