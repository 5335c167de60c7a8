"""ONVIF against a simulated device: what it tells, what it refuses, and what it must not make us do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from citywatch.adapters.onvif.device import DeviceInformation, OnvifDevice, open_device
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import OutsideError
from citywatch.testing.clocks import ManualClock
from citywatch.testing.onvif_device import SimulatedDevice, simulated_device


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedDevice]:
    with simulated_device() as device:
        yield device


@pytest.fixture
def device(running: SimulatedDevice) -> Iterator[SimulatedDevice]:
    running.asked.clear()
    yield running
    running.mode, running.ahead_s = "sound", 0.0
    running.stream_url = SimulatedDevice.stream_url


def ask(
    device: SimulatedDevice,
    what: Callable[[OnvifDevice], Awaitable[Any]],
    *,
    password: str | None = None,
    **options: Any,
) -> Any:
    async def run() -> Any:
        secret = device.password if password is None else password
        user = device.username if secret else ""
        async with open_device(device.url, user, secret, **{"timeout_s": 5.0, **options}) as opened:
            return await what(opened)

    return asyncio.run(run())


def test_it_says_what_it_is_and_where_its_pictures_are(device):
    assert ask(device, OnvifDevice.information) == DeviceInformation("Example & Sons", "Dome 4", "1.2.3", "SN-7")
    (profile,) = ask(device, OnvifDevice.profiles)
    assert (profile.token, profile.width, profile.height, profile.codec) == ("main", 1920, 1080, "H264")
    # The device names a host behind its router; ours is the one that was configured.
    assert profile.stream_url == "rtsp://127.0.0.1:8554/stream1?profile=main"
    assert profile.snapshot_url == "http://127.0.0.1/snapshot.jpg"
    assert ask(device, OnvifDevice.stream_url) == profile.stream_url
    assert ask(device, OnvifDevice.snapshot_url) == profile.snapshot_url


def test_what_is_handed_out_holds_no_password_and_is_no_other_kind_of_address(device):
    device.stream_url = "rtsp://user:secret@198.51.100.9/live"
    assert ask(device, OnvifDevice.stream_url) == "rtsp://127.0.0.1/live"
    for address in ("file:///etc/passwd", "http://198.51.100.9/live", "rtsp://h:port/x"):
        device.stream_url = address
        with pytest.raises(OutsideError) as told:
            ask(device, OnvifDevice.stream_url)
        assert told.value.reason == "protocol_error"


@pytest.mark.parametrize("mode", ["sound", "clock_needs_password"])
def test_its_clock_is_compared_with_ours(device, mode):
    device.mode = mode
    clock = ManualClock(int(device._now().timestamp()) * NS_PER_S)
    device.ahead_s = 3600.0
    offset_ns = ask(device, lambda opened: opened.clock_offset_ns(clock))
    assert abs(offset_ns - 3600 * NS_PER_S) < 10 * NS_PER_S
    assert device.asked[0] == "GetSystemDateAndTime"


def test_the_clock_needs_no_password(device):
    assert isinstance(ask(device, lambda opened: opened.clock_offset_ns(ManualClock(0)), password=""), int)


def test_a_turned_camera_says_at_which_preset_it_stands(device):
    device.pan_tilt_zoom = (0.504, -0.1, 0.2)
    assert ask(device, OnvifDevice.preset) == "north"
    device.moving = True
    assert ask(device, OnvifDevice.preset) == ""
    device.moving, device.pan_tilt_zoom = False, (0.1, 0.1, 0.0)
    assert ask(device, OnvifDevice.preset) == ""


def test_events_come_through_a_pull_point(device):
    async def listen(opened):
        async with opened.pull_point() as point:
            device.notice("tns1:VideoSource/GlobalSceneChange/AnalyticsService", True)
            device.notice("tns1:VideoSource/ImageTooBlurry/ImagingService", False, operation="Deleted")
            heard = await point.events(wait_s=1)
            await point.renew()
            return heard

    first, second = ask(device, listen)
    assert (first.topic, first.active, first.operation) == (
        "VideoSource/GlobalSceneChange/AnalyticsService", True, "Changed",
    )  # fmt: skip
    assert (second.active, second.operation) == (False, "Deleted")
    assert first.said_ns > 0
    assert device.asked[-2:] == ["Renew", "Unsubscribe"]


@pytest.mark.parametrize(
    ("mode", "what", "reason"),
    [
        ("garbage", OnvifDevice.information, "protocol_error"),
        ("endless", OnvifDevice.information, "too_large"),
        ("redirect", OnvifDevice.information, "protocol_error"),
        ("silent", OnvifDevice.information, "timed_out"),
        ("no_snapshot", OnvifDevice.snapshot_url, "not_supported"),
    ],
)
def test_each_trouble_has_its_word(device, mode, what, reason):
    device.mode = mode
    with pytest.raises(OutsideError) as told:
        ask(device, what, timeout_s=1.0 if mode == "silent" else 5.0)
    assert told.value.reason == reason
    assert device.password not in str(told.value)


def test_a_device_without_events_says_so(device):
    async def listen(opened):
        async with opened.pull_point():
            raise AssertionError("there is nothing to listen to")

    device.mode = "no_events"
    with pytest.raises(OutsideError) as told:
        ask(device, listen)
    assert told.value.reason == "not_supported"


def test_a_wrong_password_and_none_at_all(device):
    for password in ("wrong", ""):
        with pytest.raises(OutsideError) as told:
            ask(device, OnvifDevice.information, password=password)
        assert told.value.reason == "authentication"


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        nobody = SimulatedDevice(port=taken.getsockname()[1])
        with pytest.raises(OutsideError) as told:
            ask(nobody, OnvifDevice.information)
    assert told.value.reason == "refused"
