"""A camera that is known by its ONVIF address alone."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from citywatch.adapters.cameras.answers import VisitFailure
from citywatch.adapters.cameras.rtp import KeyFrame
from citywatch.adapters.cameras.visit import CameraConfig, Visitor
from citywatch.adapters.onvif.eyes import OnvifEyes
from citywatch.domain.pictures import VisitReason
from citywatch.telemetry import NullMeter
from citywatch.testing.clocks import ManualClock
from citywatch.testing.onvif_device import simulated_device


def camera(device):
    return CameraConfig.model_validate(
        {"camera": "cam-1", "url": f"onvif://{device.username}:correct%20horse@127.0.0.1:{device.port}"}
    )


def test_its_device_says_where_the_stream_is(runner, rtsp):
    stream = urlsplit(rtsp.url())

    async def visit(device):
        eyes = OnvifEyes(ManualClock(0), NullMeter())
        async with Visitor(eyes) as visitor:
            answer = await visitor.ask(camera(device))
            device.stream_url = "rtsp://192.0.2.7:9/gone"
            known = await visitor.ask(camera(device))
            eyes.forget("cam-1")
            with pytest.raises(VisitFailure) as failure:
                await visitor.ask(camera(device))
            device.stream_url = f"rtsp://192.0.2.7:{stream.port}{stream.path}"
            again = await visitor.ask(camera(device))  # what failed is not remembered
            return answer, known, failure.value, again

    with simulated_device() as device:
        device.stream_url = f"rtsp://192.0.2.7:{stream.port}{stream.path}"
        answer, known, failure, again = runner.run(visit(device))
    assert all(isinstance(each.media, KeyFrame) for each in (answer, known, again))
    assert failure.reason == VisitReason.REFUSED
