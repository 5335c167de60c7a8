"""Cameras, files and a decoder pool for these tests; everything real."""

from __future__ import annotations

import asyncio

import cv2
import pytest
from camera_kit import CountingMeter, Visits, serve

from citywatch.adapters.cameras.pool import DecoderPool
from citywatch.testing.scenes import Street, write_clip


@pytest.fixture(scope="session")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def visits(runner, tmp_path_factory):
    meter = CountingMeter()
    pool = DecoderPool(1, tmp_path_factory.mktemp("objects"), meter=meter)
    runner.run(pool.__aenter__())
    yield Visits(runner, pool, meter)
    runner.run(pool.aclose())


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Four seconds of a street by codec, a key frame each second, and a frozen one."""
    folder = tmp_path_factory.mktemp("clips")
    street = Street(7, 320, 240)
    pictures = [street.picture(at / 10) for at in range(40)]
    for codec in ("libx264", "libx265", "mpeg4", "mjpeg"):
        suffix = ".avi" if codec in ("mpeg4", "mjpeg") else ".mp4"
        write_clip(folder / (codec + suffix), pictures, codec, fps=10, gop=10)
    write_clip(folder / "frozen.mp4", [pictures[0]] * 40, "libx264", fps=10, gop=10)
    return folder


@pytest.fixture(scope="session")
def jpeg():
    return cv2.imencode(".jpg", Street(7, 320, 240).picture(0.0))[1].tobytes()


@pytest.fixture(scope="session")
def rtsp(clips):
    with serve(clips / "libx264.mp4") as server:
        yield server
