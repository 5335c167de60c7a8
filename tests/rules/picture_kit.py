"""Pictures through a real encoder, a real decoder and the measurements into looks: what the truth tables stand on."""

import math
from pathlib import Path

import av
import cv2
import numpy as np

from citywatch.adapters.cameras.measure import LumaOnly, make_grid, measure
from citywatch.domain.pictures import Outcome
from citywatch.rules.pictures import Look, conclude
from citywatch.testing.scenes import write_clip

VIDEO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "video"
CAR_PARK = VIDEO / "car-detection.mp4"
HIGHWAY = VIDEO / "bgslibrary_video02_highway_osd.avi"
FPS, GOP = 5, 10
"""A key frame every 2 s, as a camera's usual 25 pictures a second and 50 from key to key give, with less to encode."""

ENCODERS = {
    "x264 crf 20": ("libx264", {"crf": 20}, "mp4"),
    "x264 crf 30": ("libx264", {"crf": 30}, "mp4"),
    "x264 300 kbit/s": ("libx264", {"bit_rate": 300_000}, "mp4"),
    "x265 crf 28": ("libx265", {"crf": 28, "preset": "ultrafast"}, "mp4"),
    "mpeg4": ("mpeg4", {"crf": 4}, "avi"),
    "mjpeg": ("mjpeg", {"crf": 5}, "avi"),
    "mjpeg strong": ("mjpeg", {"crf": 24}, "avi"),
}


def luma_of(frame):
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : frame.width]


def key_frames(path):
    """(media_ns, luma) of every key frame."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        for frame in container.decode(stream):
            found.append((round(frame.pts * stream.time_base * 1_000_000_000), luma_of(frame).copy()))
    return found


def encoded(directory, pictures, encoder, *, fps=FPS, gop=GOP):
    """Key frames, `gop / fps` seconds apart, after a round through the encoder."""
    codec, options, suffix = ENCODERS[encoder]
    path = directory / f"clip.{suffix}"
    write_clip(path, pictures, codec, fps=fps, gop=gop, **options)
    keys = key_frames(path)
    return keys[::gop] if codec == "mjpeg" else keys


def looks_at(keys):
    """The looks of a patrol that visits these key frames in turn."""
    previous, previous_ns = None, -1
    for visit, (at_ns, luma) in enumerate(keys, 1):
        grid = make_grid(luma)
        found = measure(LumaOnly(luma), grid, previous)
        yield Look(
            device="cam",
            at_ns=1_767_225_600_000_000_000 + visit,
            visit=visit,
            outcome=Outcome.PICTURE,
            reason="ok",
            media_ns=at_ns,
            picture="",
            previous="",
            previous_at_ns=previous_ns,
            **{name: getattr(found, name) for name in found.__slots__},
        )
        previous, previous_ns = grid, at_ns


def conclusions(keys):
    """[({fault: finding}, {fault: why})] of one camera's looks."""
    history, answers = None, []
    for look in looks_at(keys):
        history, findings, unchecked = conclude(history, look)
        for finding in findings:
            assert finding.margin >= 0
            assert math.isfinite(finding.value)
        answers.append(({item.fault: item for item in findings}, {item.fault: item.why for item in unchecked}))
    return answers


def faults_in(keys):
    """Every fault that any look found."""
    return {str(fault) for found, _ in conclusions(keys) for fault in found}


def pictures_of(path, step, most):
    """Every `step`-th picture of a clip, blue-green-red."""
    found = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % step == 0:
                found.append(frame.to_ndarray(format="bgr24"))
                if len(found) == most:
                    break
    return found


def noisy(picture, sd, seed=0):
    noise = np.random.default_rng(seed).normal(0, sd, picture.shape[:2])
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def plate(picture, grey, noise_sd, seed=0):
    """A flat plate before the lens, a little brighter on one side, with sensor noise."""
    height, width = picture.shape[:2]
    shade = grey + np.linspace(-12, 12, width)
    return noisy(np.broadcast_to(shade[None, :, None], (height, width, 3)), noise_sd, seed)


def in_fog(picture, metres, seed=0):
    """The street of testing.scenes in fog: the road 6 m away at the lower edge, the horizon at 0.38 of the height."""
    height = picture.shape[0]
    distance = 6.0 / np.clip((np.arange(height) / height - 0.38) / 0.62, 0.01, 1.0)
    seen = np.exp(-3.0 * distance / metres)[:, None, None]
    return noisy(picture * seen + 190.0 * (1.0 - seen), 1.2, seed)
