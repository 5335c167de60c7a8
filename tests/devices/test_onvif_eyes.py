"""What the patrol asks over ONVIF, and what devices claim by themselves."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from citywatch.adapters.cameras.addresses import parse_address
from citywatch.adapters.cameras.answers import VisitFailure
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.onvif.eyes import OnvifEyes, access_of
from citywatch.adapters.onvif.listener import Listeners, claim_of
from citywatch.domain.claims import Claim
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.testing.clocks import ManualClock
from citywatch.testing.onvif_device import simulated_device
from citywatch.wire.onvif_events import OnvifEvent, read_event


class Tally:
    def __init__(self):
        self.counts = Counter()

    def count(self, name, amount=1, **labels):
        self.counts[name, *labels.values()] += amount

    def gauge(self, name, value, **labels):
        raise NotImplementedError(name)

    def observe(self, name, value, **labels):
        raise NotImplementedError(name)


def camera(device, url="", **changes):
    address = url or f"onvif://{device.username}:correct%20horse@127.0.0.1:{device.port}"
    return CameraConfig.model_validate({"camera": "cam-1", "url": address, **changes})


def access(device):
    return access_of(camera(device))


def test_addresses_are_remembered_for_an_hour_and_forgotten_on_demand():
    with simulated_device() as device:
        clock, tally = ManualClock(0), Tally()

        async def walk():
            eyes = OnvifEyes(clock, tally)
            url = await eyes.media_url(camera(device))
            assert url == "rtsp://127.0.0.1:8554/stream1?profile=main"
            asked = len(device.asked)
            assert await eyes.media_url(camera(device)) == url
            assert len(device.asked) == asked
            eyes.forget("cam-1")
            assert await eyes.media_url(camera(device)) == url
            assert len(device.asked) > asked
            asked = len(device.asked)
            clock.advance_s(3601)
            assert await eyes.media_url(camera(device)) == url
            assert len(device.asked) > asked
            still = camera(device, camera(device).url.get_secret_value() + "/onvif/device_service?look=snapshot")
            assert await eyes.media_url(still) == "http://127.0.0.1/snapshot.jpg"

        asyncio.run(walk())


@pytest.mark.parametrize(
    ("mode", "password", "outcome", "reason"),
    [
        ("sound", "wrong", Outcome.UNREACHABLE, VisitReason.AUTHENTICATION),
        ("endless", "correct%20horse", Outcome.NO_MEDIA, VisitReason.TOO_LARGE),
        ("garbage", "correct%20horse", Outcome.UNCHECKED, VisitReason.PROTOCOL),
    ],
)
def test_a_camera_that_does_not_say_where_its_pictures_are(mode, password, outcome, reason):
    with simulated_device() as device:
        device.mode = mode
        own = camera(device, f"onvif://operator:{password}@127.0.0.1:{device.port}")
        with pytest.raises(VisitFailure) as failure:
            asyncio.run(OnvifEyes(ManualClock(0), Tally()).media_url(own))
    assert (failure.value.outcome, failure.value.reason) == (outcome, reason)
    assert password not in str(failure.value)


@pytest.mark.parametrize(
    "url", ["onvif://", "onvif://h/?look=film", "onvif://h/x?user=me", "onvif+http://h", "onvif://h:port/"]
)
def test_addresses_that_cannot_be_are_refused(url):
    with pytest.raises(ValueError, match="://"):
        parse_address(url)


def test_whose_password_is_used(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from the file\n")
    base = {"camera": "c", "url": "rtsp://a:b@h/x", "onvif_url": "http://h/onvif"}
    one = access_of(CameraConfig.model_validate(base))
    assert (one.username, one.password) == ("a", "b")
    two = access_of(CameraConfig.model_validate({**base, "onvif_url": "http://c:d@h/onvif", "password_file": secret}))
    assert (two.username, two.password, two.url) == ("c", "d", "http://h/onvif")
    three = access_of(CameraConfig.model_validate({**base, "password_file": secret}))
    assert (three.username, three.password) == ("a", "from the file")
    assert "from the file" not in repr(three)


def test_what_a_device_does_not_tell_is_none_and_counted():
    with simulated_device() as device:
        tally = Tally()

        async def walk():
            eyes = OnvifEyes(ManualClock(0), tally)
            assert await eyes.preset(camera(device)) == ""
            assert isinstance(await eyes.device_offset_ns(camera(device)), int)
            device.mode = "garbage"
            assert await eyes.preset(camera(device)) is None
            assert await eyes.device_offset_ns(camera(device)) is None

        asyncio.run(walk())
        assert tally.counts == {("onvif_failures_total", "protocol_error"): 2}


def test_a_device_that_notices_tampering_claims_it():
    """A claim for each notice about the picture, none for the rest, and a listener that is put off again."""
    with simulated_device() as device:
        tally, claims = Tally(), []

        async def walk():
            heard = asyncio.Event()

            async def on_claims(batch):
                claims.append(batch)
                if sum(map(len, claims)) == 2:
                    heard.set()

            listeners = Listeners(ManualClock(7), on_claims, tally)
            listeners.put(access(device))
            listeners.put(access(device))  # the same device is listened to once
            device.notice("tns1:RuleEngine/CellMotionDetector/Motion", True, name="IsMotion")
            device.notice("tns1:VideoSource/ImageTooDark/ImagingService", True)
            device.notice("tns1:VideoSource/ImageTooDark/ImagingService", False)
            async with asyncio.timeout(10):
                await heard.wait()
            listeners.remove("cam-1")
            await listeners.aclose()

        asyncio.run(walk())
    assert device.subscriptions == 1
    rows = [(batch.device[i], batch.at_ns[i], batch.source[i], batch.claim[i], batch.detail[i])
            for batch in claims for i in range(len(batch))]  # fmt: skip
    assert rows == [
        ("cam-1", 7, "onvif:cam-1", "tampered", "black"),
        ("cam-1", 7, "onvif:cam-1", "over", "black"),
    ]
    assert tally.counts == {}


@pytest.mark.parametrize(
    ("topic", "operation", "active", "claim"),
    [
        ("VideoSource/GlobalSceneChange/AnalyticsService", "Changed", True, (Claim.TAMPERED, "moved", -1)),
        ("VideoSource/GlobalSceneChange/AnalyticsService", "Deleted", True, (Claim.OVER, "moved", -1)),
        ("VideoSource/SignalLoss", "Initialized", False, (Claim.OVER, "no_media", -1)),
        ("VideoSource/SignalLoss", "Initialized", None, None),
        ("RuleEngine/TamperDetector/Tamper", "Changed", True, (Claim.TAMPERED, "covered", -1)),
        ("VideoSource/Tampering", "Changed", False, (Claim.OVER, "covered", -1)),
        ("Device/Trigger/DigitalInput", "Changed", True, None),
    ],
)
def test_notices_become_claims(topic, operation, active, claim):
    assert claim_of(OnvifEvent(topic, operation, active, -1)) == claim


def test_only_words_that_mean_yes_or_no_are_a_state():
    data = [("Reason", "a lorry"), ("State", " TRUE "), ("Level", "7")]
    assert read_event("tns1:VideoSource/tns1:ImageTooDark", "Changed", data, None).active is True
    assert read_event("tns1:VideoSource", "", [("State", "maybe")], None).active is None
