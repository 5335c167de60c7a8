"""Pictures through a real encoder, a real decoder and the measurements into looks: what the truth tables stand on.

Small and short on purpose: what these tables show on a handful of clips, `python -m benchmarks camera_faults` shows on
thousands of looks.
"""

import math
from dataclasses import asdict
from pathlib import Path

import av
import cv2
import numpy as np

from citywatch.adapters.cameras.decode import Decoded
from citywatch.adapters.cameras.measure import make_grid, measure
from citywatch.domain.pictures import Light, Outcome
from citywatch.rules.pictures import Look, conclude
from citywatch.testing.scenes import write_clip

VIDEO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "video"
CAR_PARK = VIDEO / "car-detection.mp4"
HIGHWAY = VIDEO / "bgslibrary_video02_highway_osd.avi"
START_NS = 1_767_225_600_000_000_000
FPS, GOP = 5, 5

ENCODERS = {
    "x264 crf 23": ("libx264", {"crf": 23}, "mp4"),
    "x264 150 kbit/s": ("libx264", {"bit_rate": 150_000}, "mp4"),
    "x265 crf 28": ("libx265", {"crf": 28, "preset": "ultrafast"}, "mp4"),
    "mpeg4": ("mpeg4", {"crf": 4}, "avi"),
    "mjpeg": ("mjpeg", {"crf": 5}, "avi"),
}


def planes_of(frame):
    """A decoded 4:2:0 frame."""
    sizes = (frame.width, frame.height), *(((frame.width + 1) // 2, (frame.height + 1) // 2),) * 2
    planes = [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:high, :wide].copy()
        for plane, (wide, high) in zip(frame.planes, sizes, strict=True)
    ]
    return Decoded(planes[0], planes[1], planes[2])


def key_frames(path, every=1):
    """(media_ns, planes) of every key frame; of each n-th one where all are key frames."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        for number, frame in enumerate(container.decode(stream)):
            if number % every == 0:
                found.append((round(frame.pts * stream.time_base * 1_000_000_000), planes_of(frame)))
    return found


def encoded(directory, pictures, encoder, gop=GOP):
    """Key frames, `gop / FPS` seconds apart, after a round through the encoder."""
    codec, options, suffix = ENCODERS[encoder]
    path = directory / f"clip.{suffix}"
    write_clip(path, pictures, codec, fps=FPS, gop=gop, **options)
    return key_frames(path, gop if codec == "mjpeg" else 1)


def looks_at(keys, seconds=None):
    """The looks of a patrol that visits these key frames in turn; `seconds` apart, or as in the clip."""
    previous, previous_ns = None, -1
    for visit, (media_ns, planes) in enumerate(keys):
        grid = make_grid(planes.luma)
        found = asdict(measure(planes, grid, previous))
        at_ns = START_NS + (media_ns if seconds is None else round(visit * seconds * 1e9))
        yield Look(
            device="cam",
            at_ns=at_ns,
            visit=visit + 1,
            outcome=Outcome.PICTURE,
            reason="ok",
            media_ns=-1,
            picture="",
            previous="",
            previous_at_ns=previous_ns,
            **(found | {"light": Light(found["light"])}),
        )
        previous, previous_ns = grid, at_ns


def conclusions(keys, seconds=None, history=None):
    """[({fault: finding}, {fault: why})] of one camera's looks."""
    answers = []
    for look in looks_at(keys, seconds):
        history, findings, unchecked = conclude(history, look)
        for finding in findings:
            assert finding.margin >= 0
            assert math.isfinite(finding.value)
        answers.append(({item.fault: item for item in findings}, {item.fault: item.why for item in unchecked}))
    return answers


def faults_in(keys, seconds=None):
    """Every fault that any look found."""
    return {str(fault) for found, _ in conclusions(keys, seconds) for fault in found}


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


def bgr(picture):
    """A picture as encoders take it ((h * 3 / 2, w) planar 4:2:0) in blue, green, red."""
    return cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)


def noisy(picture, sd, seed=0):
    noise = np.random.default_rng(seed).normal(0, sd, picture.shape[:2])
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def noise_reduced(pictures, share=0.2):
    """What a camera's temporal noise reduction makes of its pictures: each is a share of itself and the rest before."""
    mixed = None
    for picture in pictures:
        mixed = picture.astype(np.float32) if mixed is None else share * picture + (1 - share) * mixed
        yield np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def plate(picture, grey, noise_sd, seed=0):
    """A flat plate before the lens, a little brighter on one side, with sensor noise."""
    height, width = picture.shape[:2]
    shade = grey + np.linspace(-12, 12, width)
    return noisy(np.broadcast_to(shade[None, :, None], (height, width, 3)), noise_sd, seed)
