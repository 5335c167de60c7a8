"""The fleet's road, from the configuration and its file through log, step and store to the patrol."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial

import pytest

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.fleet_file import parse_fleet
from citywatch.adapters.cameras.registry import describe
from citywatch.adapters.gb28181.outbox import Outbox
from citywatch.adapters.secrets import KEY_BYTES, Sealer
from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.fleet import FleetFollower, FleetKeeper, command_batch
from citywatch.domain.cameras import Origin
from citywatch.domain.commands import Verb
from citywatch.domain.devices import Device, DeviceKind
from citywatch.domain.events import EventKind
from citywatch.flow.door import LogDoor
from citywatch.flow.lateness import CountingStep
from citywatch.flow.processor import Processor
from citywatch.flow.projection import Projection
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.telemetry import METRICS
from citywatch.testing.clocks import ManualClock
from citywatch.testing.memory_log import MemoryLog

KEY, OTHER_KEY = (bytes([number]) * KEY_BYTES for number in (7, 8))
REMOVE = '{"origin":"api"}'


class Counts:
    """A meter that remembers what was counted."""

    def __init__(self):
        self.counted = {}

    def count(self, name, amount=1, **labels):
        assert set(METRICS[name].labels) == set(labels)
        self.counted[name] = self.counted.get(name, 0) + amount

    def gauge(self, *_, **__):
        pass

    observe = gauge


class Recorder:
    """A patrol that remembers what it was told."""

    concerns = frozenset({EventKind.DEVICE_STATE})

    def __init__(self):
        self.cameras, self.told, self.events = {}, [], []

    def put(self, camera):
        self.cameras[camera.camera] = camera
        self.told.append(f"+{camera.camera}")

    def remove(self, camera):
        self.cameras.pop(camera, None)
        self.told.append(f"-{camera}")

    def on_event(self, event):
        self.events.append(event.kind)

    def know_references(self, rows):
        self.references = list(rows)


class City:
    """A log in memory with its real step and store; `turn` does what the part `process` does."""

    def __init__(self, folder):
        self.folder = folder
        self.log, self.clock, self.meter = MemoryLog(2), ManualClock(), Counts()
        self.store = SqlStore.open(folder / "city.sqlite")
        self.projector = Projector(self.store)
        self.door = LogDoor(self.log, "process")
        step = CountingStep(CityStep(load("cn-gross")), self.meter)
        self.processor = Processor(self.log, step, self.meter, self.clock)
        self.projection = Projection(self.log, self.projector, lambda: None, self.meter)

    def keeper(self, cameras=(), file=None, keys=(KEY,)):
        told = [CameraSettings.model_validate(camera) for camera in cameras]
        stop = threading.Event()
        stop.set()  # nobody waits in a test
        parse = partial(parse_fleet, classes=("standard",))
        return FleetKeeper(
            told, file, parse, ["st/d1/l1"], sealer=Sealer(keys), store=self.store, door=self.door, clock=self.clock,
            meter=self.meter, stop=stop,
        )  # fmt: skip

    def turn(self):
        self.clock.advance_s(1)
        self.processor.turn(0)
        self.projection.turn(0)

    def ask(self, verb, camera, args, actor="wei"):
        self.door.append(command_batch([(camera, verb, args)], actor, self.clock.now_ns()))
        self.turn()

    def put(self, camera, **fields):
        settings = CameraSettings.model_validate({"camera": camera, **fields})
        self.ask(Verb.PUT_CAMERA, camera, describe(settings, Sealer([KEY])).args(Origin.API))

    def names(self):
        return [row["camera"] for row in self.store.cameras()]

    def events(self):
        return len(self.store.events(limit=10_000))

    def appended(self):
        return sum(self.log.depth(p).readings_entries for p in range(self.log.partitions))


@pytest.fixture
def city(tmp_path):
    made = City(tmp_path)
    yield made
    made.store.close()


NORTH = {"camera": "north", "url": "rtsp://w:hunter2@192.0.2.1/1", "site": "ring"}
SOUTH = {"camera": "south", "url": "http://192.0.2.2/now.jpg"}


def test_a_restart_with_the_same_file_appends_nothing(city) -> None:
    file = city.folder / "fleet.csv"
    file.write_text("camera,url,name\neast,rtsp://w:geheim@192.0.2.3/1,Osttor\n")
    city.keeper([NORTH, SOUTH], file).turn()
    city.turn()
    assert city.names() == ["east", "north", "south"]
    appended, events = city.appended(), city.events()
    city.clock.advance_s(100)
    again = city.keeper([NORTH, SOUTH], file)
    for _ in range(50):
        again.turn()
    assert city.appended() == appended
    city.turn()
    assert city.events() == events


def test_the_file_is_followed_and_a_wrong_one_changes_nothing(city, caplog) -> None:
    file = city.folder / "fleet.csv"
    file.write_text("camera,url\na,rtsp://192.0.2.1/1\nb,rtsp://192.0.2.2/1\n")
    keeper = city.keeper([NORTH], file)

    def written(text):
        file.write_text(text)
        keeper.turn()  # seen ...
        keeper.turn()  # ... and found standing still
        city.turn()
        return city.names()

    keeper.turn()
    city.turn()
    assert city.names() == ["a", "b", "north"]
    assert written("camera,url,name\na,rtsp://192.0.2.1/1,Tor A\nc,rtsp://192.0.2.3/1,\n") == ["a", "c", "north"]
    assert city.store.camera("a")["name"] == "Tor A"
    with caplog.at_level(logging.ERROR):
        wrong = "camera,url\na,ftp://w:hunter2@192.0.2.1/1\nd d,rtsp://192.0.2.4/1\n"
        assert written(wrong) == ["a", "c", "north"]
        for _ in range(60):
            keeper.turn()
        assert caplog.text.count("changes nothing") == 1
        assert "line 2, column 2" in caplog.text
        assert "line 3, column 1" in caplog.text
        assert "hunter2" not in caplog.text
        assert written("camera,url\nnorth,rtsp://192.0.2.9/1\n") == ["a", "c", "north"]
        assert "north is in the configuration, too" in caplog.text
        assert written("camera,url\nst/d1/l1,rtsp://192.0.2.9/1\n") == ["a", "c", "north"]
        file.unlink()
        keeper.turn()
        keeper.turn()
        assert caplog.text.count("it cannot be read") == 1
    assert city.meter.counted["fleet_file_refused_total"] == 4
    assert written("camera,url\nc,rtsp://192.0.2.3/1\n") == ["c", "north"]
    city.keeper([NORTH], file=city.folder / "missing.csv").turn()
    city.turn()
    assert city.names() == ["c", "north"], "a file that is not there says nothing about what it said before"
    city.keeper([], None).turn()
    city.turn()
    assert city.names() == []


def test_whoever_spoke_last_has_its_way(city) -> None:
    """And the configuration speaks only when what it says has changed."""
    city.keeper([NORTH, SOUTH]).turn()
    city.turn()
    city.put("north", url="rtsp://192.0.2.1/2")
    city.put("own", url="rtsp://192.0.2.7/1")
    city.ask(Verb.REMOVE_CAMERA, "south", REMOVE)
    assert city.names() == ["north", "own"]
    city.keeper([NORTH, SOUTH]).turn()
    city.turn()
    assert city.names() == ["north", "own"], "the same configuration says nothing new"
    assert city.store.camera("north")["origin"] == "api"
    city.keeper([{**NORTH, "site": "river"}, {**SOUTH, "site": "river"}]).turn()
    city.turn()
    assert city.names() == ["north", "own", "south"]
    assert city.store.camera("north")["origin"] == "configuration"
    city.put("north", url="rtsp://192.0.2.1/3")
    city.keeper([]).turn()
    city.turn()
    assert city.names() == ["north", "own"], "taken back is only what came from it"
    city.keeper([{**NORTH, "site": "river"}]).turn()
    city.turn()
    assert city.store.camera("north")["origin"] == "configuration"


def test_a_platform_that_lists_a_camera_of_the_fleet_describes_it_not_anew(city) -> None:
    """Its id may well be its code. What hangs where is the fleet's word; other devices are described as ever."""
    code, other = "34020000001320000050", "34020000001320000051"
    city.put(code, url="rtsp://192.0.2.1/1", name="North gate", place="here", parent="switch-9")
    outbox = Outbox(city.meter)
    for device in (code, other):
        outbox.describe(Device(device, DeviceKind.CAMERA, "IPC", "", 0, "34020000001180000003"), city.clock.now_ns())
    city.door.append(outbox.descriptions())
    city.turn()
    told = {row["device"]: (row["name"], row["place"]) for row in map(city.store.device, (code, other))}
    assert told == {code: ("North gate", "here"), other: ("IPC", "")}


def test_nothing_of_a_removed_camera_is_left_in_the_state(city) -> None:
    from citywatch.domain.pictures import Outcome
    from citywatch.testing import rows

    city.put("dark", url="rtsp://192.0.2.1/1")
    for visit in range(1, 5):
        city.clock.advance_s(10)
        city.door.append(rows.frames([("dark", city.clock.now_ns(), visit, Outcome.UNREACHABLE, 0.0, 0.0)]))
    city.turn()
    assert city.store.tickets(state="filed", device="dark", before=None, limit=9)
    city.ask(Verb.REMOVE_CAMERA, "dark", REMOVE)
    city.door.append(rows.frames([("dark", city.clock.now_ns(), 5, Outcome.UNREACHABLE, 0.0, 0.0)]))
    city.turn()
    assert city.meter.counted["rows_of_removed_total"] == 1
    left = [key for p in range(2) for key, row in city.log.load(p)[1].items() if "dark" in key or b"dark" in row]
    assert left == ["removed/dark"]
    assert city.store.counts()["devices"] == 0


def test_a_new_key_seals_anew_what_the_old_one_sealed(city) -> None:
    city.put("own", url="rtsp://w:geheim@192.0.2.7/1")
    city.keeper([NORTH]).turn()
    city.turn()
    before = {row["camera"]: row["sealed"] for row in city.store.cameras()}
    city.keeper([NORTH], keys=(OTHER_KEY, KEY)).turn()
    city.turn()
    new = Sealer([OTHER_KEY])
    for row in city.store.cameras():
        assert row["sealed"] != before[row["camera"]]
        assert new.is_current(row["sealed"])
        assert new.open(row["sealed"], row["camera"])
    assert city.store.camera("own")["actor"] == "sealing"


# ---- the patrol's side


def followed(city, while_following, keys=(KEY,), look_at_store_s=60.0, between=lambda: None):
    """What a patrol is told while `while_following` runs in a thread; (patrol, those at the start). `between`: what
    happens while the patrol has begun and does not follow yet, since it starts its decoders."""
    follower = FleetFollower(city.store, city.projector.positions, city.log, Sealer(keys), city.meter)
    follower.BLOCK_MS, follower.LOOK_AT_STORE_S = 5, look_at_store_s
    patrol = Recorder()
    begun = follower.begin()
    between()

    async def run():
        stop = asyncio.Event()
        following = asyncio.create_task(follower.follow(patrol, stop))
        await asyncio.to_thread(while_following, patrol)
        stop.set()
        await asyncio.wait_for(following, 10)

    asyncio.run(run())
    return patrol, [camera.camera for camera in begun]


def until(condition):
    import time

    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def test_the_patrol_begins_with_the_store_and_follows_the_log(city) -> None:
    city.put("north", url="rtsp://w:hunter2@192.0.2.1/1")
    city.put("south", url="rtsp://192.0.2.2/1")
    # Stepped, and not projected when the patrol begins: it is in the log behind the store's position.
    settings = CameraSettings.model_validate({"camera": "east", "url": "rtsp://192.0.2.3/1"})
    args = describe(settings, Sealer([KEY])).args(Origin.API)
    city.door.append(command_batch([("east", Verb.PUT_CAMERA, args)], "wei", city.clock.now_ns()))
    city.processor.turn(0)

    def changes(patrol):
        until(lambda: "+east" in patrol.told)
        city.put("north", url="rtsp://w:changed@192.0.2.1/1")
        city.put("south", url="rtsp://192.0.2.2/1")  # as it stands
        city.ask(Verb.REMOVE_CAMERA, "south", REMOVE)
        until(lambda: "-south" in patrol.told)

    patrol, begun = followed(city, changes)
    assert begun == ["north", "south"]
    assert patrol.told == ["+east", "+north", "-south"]
    assert patrol.cameras["north"].address().password == "changed"
    assert set(patrol.events) == {"device_state"}, "of what it acts on, and of nothing else"


@pytest.mark.parametrize("early", [True, False])
def test_events_that_were_trimmed_before_the_patrol_read_them_are_found_in_the_store(city, early: bool) -> None:
    city.put("north", url="rtsp://192.0.2.1/1")
    city.put("south", url="rtsp://192.0.2.2/1")

    class Forgetful:
        """The log, with nothing behind what is projected: as a patrol sees it that was held up."""

        partitions = city.log.partitions

        def read_events_of(self, kinds, positions, *, most, block_ms):
            return {}

    whole, city.log = city.log, Forgetful()

    def changes(*_):
        city.log = whole
        city.put("north", url="rtsp://192.0.2.1/2")
        city.put("west", url="rtsp://192.0.2.4/1")
        city.ask(Verb.REMOVE_CAMERA, "south", REMOVE)

    if early:
        patrol, _ = followed(city, lambda patrol: until(lambda: len(patrol.told) == 3), between=changes)
    else:

        def late(patrol):
            changes()
            until(lambda: len(patrol.told) == 3)

        patrol, _ = followed(city, late, look_at_store_s=0.0)
    assert sorted(patrol.told) == ["+north", "+west", "-south"]


def test_a_camera_whose_secrets_nobody_can_open_is_not_visited(city, caplog) -> None:
    city.put("north", url="rtsp://w:hunter2@192.0.2.1/1")
    city.put("south", url="rtsp://192.0.2.2/1")
    with caplog.at_level(logging.ERROR):
        _, begun = followed(city, lambda _: None, keys=(OTHER_KEY,))
    assert begun == ["south"]
    assert city.meter.counted["cameras_not_opened_total"] == 1
    assert "put that key back behind the first one" in caplog.text
    assert "hunter2" not in caplog.text
