"""Deliveries over MQTT: each on one topic with QoS 1, and, where it is wanted, every open alert retained."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from citywatch.adapters.notify.outcome import DELIVERED, Outcome

_KEEPALIVE_S = 30


class MqttTopic:
    """One topic at a broker. The connection is made at the first delivery and kept."""

    def __init__(
        self,
        url: str,
        *,
        topic: str,
        state_topic: str,
        client_id: str,
        username: str,
        password: str,
        timeout_s: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        parts = urlsplit(url)
        self._host = str(parts.hostname)
        secure = parts.scheme == "mqtts"
        self._port = parts.port or (8883 if secure else 1883)
        self._topic = topic
        self._state_topic = state_topic
        self._timeout_s = timeout_s
        self._connected = threading.Event()
        self._why = ""
        self._started = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
        if username:
            self._client.username_pw_set(username, password or None)
        if secure:
            self._client.tls_set_context(tls or ssl.create_default_context())
        self._client.connect_timeout = timeout_s
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    def send(self, document: Mapping[str, Any]) -> Outcome:
        if not self._started:
            self._client.connect_async(self._host, self._port, _KEEPALIVE_S)
            self._client.loop_start()
            self._started = True
        end = time.monotonic() + self._timeout_s
        if not self._connected.wait(self._timeout_s):
            return Outcome("again", "unreachable", self._why or "no connection to the broker")
        # The states go first: who hears of a delivery finds them as they are.
        told = [self._state(item["alert"]) for item in document["items"] if self._state_topic and "alert" in item]
        told.append(self._publish(self._topic, json.dumps(document, ensure_ascii=False).encode(), retain=False))
        try:
            for one in told:
                one.wait_for_publish(max(0.0, end - time.monotonic()))
                if not one.is_published():
                    return Outcome("again", "timed_out", "the broker did not acknowledge in time")
        except (ValueError, RuntimeError) as error:
            return Outcome("again", "broken_off", type(error).__name__)
        return DELIVERED

    def close(self) -> None:
        if self._started:
            self._client.disconnect()
            self._client.loop_stop()

    def _state(self, view: Mapping[str, Any]) -> MQTTMessageInfo:
        """An open alert under its id; an empty message takes it away."""
        is_open = view["state"] != "resolved"
        payload = json.dumps(view, ensure_ascii=False).encode() if is_open else b""
        return self._publish(f"{self._state_topic}/{view['id']}", payload, retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> MQTTMessageInfo:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)

    # --- the client's own thread

    def _on_connect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        if reason.is_failure:
            self._why = str(reason)
        else:
            self._connected.set()

    def _on_disconnect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        self._connected.clear()
        self._why = str(reason)
