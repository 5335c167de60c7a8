"""A real MQTT broker, stations that speak to it, and everything behind the ways in but the processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from benchmarks._city import free_port

from citywatch.adapters.store.sql import SqlStore
from citywatch.app.intake import ScalesPart
from citywatch.errors import LogFull
from citywatch.flow.door import LogDoor
from citywatch.flow.runner import Turns
from citywatch.ports import ORIGIN
from citywatch.settings import parse_settings
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import MemoryLog
from citywatch.wire.blobs import decode

INSTALL = "apt-get install mosquitto"


def mosquitto() -> str:
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"mosquitto is missing: {INSTALL}")
        pytest.skip(f"mosquitto is missing: {INSTALL}")
    return found


def until(what, seconds=20.0):
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        threading.Event().wait(0.02)
    raise AssertionError("it did not come in time")


class Broker:
    """Mosquitto on loopback, with a user and a memory on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nuser {_user()}\nlog_dest none\n"
        )

    def start(self) -> None:
        self._process = subprocess.Popen([mosquitto(), "-c", str(self._folder / "mosquitto.conf")])
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


class Station:
    """A station's own client; `will` is what the broker says when its connection breaks."""

    def __init__(self, port: int, name: str, will: str | None = None) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if will is not None:
            self.client.will_set(will, "offline", qos=1)
        self.client.connect("127.0.0.1", port, 5)
        self.client.loop_start()
        until(self.client.is_connected)

    def say(self, topic: str, document: object, qos: int = 1, retain: bool = False) -> None:
        text = document if isinstance(document, str | bytes) else json.dumps(document)
        self.client.publish(topic, text, qos=qos, retain=retain).wait_for_publish(10)

    def vanish(self) -> None:
        """Without a goodbye."""
        self.client.loop_stop()
        self.client.socket().close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Meter:
    def __init__(self):
        self.counts = {}
        self.observed = []

    def count(self, name, amount=1, **labels):
        key = (name, *sorted(labels.items()))
        self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name, value, **labels):
        pass

    def observe(self, name, value, **labels):
        self.observed.append((name, value))

    def total(self, name):
        return sum(value for key, value in self.counts.items() if key[0] == name)


class MovedDoor:
    """The real door, with a switch for a log that is full."""

    def __init__(self, door):
        self._door = door
        self.full = False

    def append(self, batch):
        if self.full:
            raise LogFull("the log is full")
        self._door.append(batch)

    def append_once(self, batch, *, word, content):
        return self._door.append_once(batch, word=word, content=content)


class Running:
    """The part `scales` in threads of ours, before a log in memory."""

    def __init__(self, folder: Path, text: str, now_ns: int) -> None:
        folder.mkdir(exist_ok=True)
        self.clock = ManualClock(now_ns)
        self.log = MemoryLog(2)
        self.store = SqlStore.open(folder / "city.db")
        self.door = MovedDoor(LogDoor(self.log, "test"))
        self.meter = Meter()
        self.failures = []
        self.part = ScalesPart(
            parse_settings(text, "test.yaml"), self.door, self.store, self.log, self.clock, self.meter
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.part.run, args=(self._stop,))
        turns = {**self.part.turns()}
        turns.pop("signs", None)
        self._turns = [Turns(name, turn, self.meter, self.failures.append) for name, turn in turns.items()]

    def __enter__(self):
        self._thread.start()
        for turn in self._turns:
            turn.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        for turn in self._turns:
            turn.stop()
        assert not self.failures
        self.store.close()

    def rows(self, kind):
        entries = self.log.read({0: ORIGIN, 1: ORIGIN}, most=100_000, block_ms=0)
        batches = [decode(entry.blob) for some in entries.values() for entry in some]
        found = [batch for batch in batches if isinstance(batch, kind)]
        return kind.concat(found)

    def letters(self):
        return [
            (row["source"], row["reason"], bytes(row["content"]))
            for row in self.store.dead_letters(source=None, after=0, limit=1000)
        ]
