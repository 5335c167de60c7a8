"""Picture statistics: one plane against cv2.meanStdDev, and all measurements of a visit against what else it costs.

The picture is a generated street by day with its sensor noise, 1080p; it is compared with the same street one second
later. One thread.

"All statistics" are the kernel `tally`: mean, standard deviation, 256-bin histogram, Laplacian variance, share of
pixels changed by more than one grey level, blockiness. Their peer gives two of these (mean and standard deviation).

"All measurements" are what a visit makes of a decoded picture: the grid, and every measurement column of a FrameBatch,
from luma and chroma. They are held against
  decoding        the key frame (x264, 150 KB and more) by the product's own decoder, a new one each time; what is
                  measured is what was decoded
  camera-health   0.1.0, `check(frame, previous=...)` of the same plane in grey, in its own locked environment and
                  process, timed there, in turn with ours (`python -m benchmarks peers camera_health`)
  five filters    freezedetect, blackdetect, blurdetect, signalstats and blockdetect with their defaults, one after the
                  other in PyAV's filter graph; processor time of all its threads
All ratios are of processor time, but for cv2's, which are of wall time.

H.265 pictures that may be torn are decoded once more; what that costs a fleet is measured over days of healthy streets
(`_second_opinions`).

Cold is the first call of a new process with an empty kernel cache: the compiler's time.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import cv2
import numpy as np

from benchmarks._frame import Goal, Row, Spread, paired, peer_absent, peer_python, row
from benchmarks._second_opinions import of_a_fleet
from citywatch.adapters.cameras.decode import Decoded, decode_key_frame, quiet
from citywatch.adapters.cameras.measure import CHANGED_BY, LumaOnly, Planes, make_grid, measure
from citywatch.kernels import pictures
from citywatch.testing.planes import Image, split
from citywatch.testing.scenes import Street

SCENARIO = "pictures"
SEED, WIDTH, HEIGHT = 7, 1920, 1080
ROUNDS, CALLS, COLD_STARTS = 101, 20, 3
PEER = "cv2.meanStdDev, 1080p"
DECODING, HEALTH, FILTERS = "decoding the key frame", "camera-health 0.1.0", "five ffmpeg filters"
FILTER_NAMES = ("freezedetect", "blackdetect", "blurdetect", "signalstats", "blockdetect")
LEAST_KEY_FRAME = 150_000
"""Bytes: what a camera of 4 Mbit/s with a key frame every two seconds sends, or less."""
_COLD = """
import time
import numpy as np
from citywatch.kernels import pictures
plane = np.zeros((1080, 1920), np.uint8)
start = time.perf_counter()
pictures.tally(plane, plane, 1, np.zeros(256, np.int64), np.zeros(pictures.SUMS, np.int64))
print(time.perf_counter() - start)
"""
_HEALTH = """
import sys, time
import numpy as np
from camera_health import check
plane, previous = np.load(sys.argv[1]), np.load(sys.argv[2])
for _ in sys.stdin:
    start = time.process_time()
    check(plane, previous=previous)
    print(time.process_time() - start, flush=True)
"""


def all_statistics(plane: pictures.Plane, previous: pictures.Plane) -> Callable[[], tuple[float, ...]]:
    """A call that gives every statistic of the issue, as figures."""
    counts, sums = np.empty(256, np.int64), np.empty(pictures.SUMS, np.int64)

    def take() -> tuple[float, ...]:
        pictures.tally(plane, previous, CHANGED_BY, counts, sums)
        return (
            *pictures.mean_and_sd(counts),
            pictures.laplacian_variance(sums),
            int(sums[pictures.CHANGED]) / plane.size,
            pictures.blockiness(sums),
        )

    return take


def _first_calls() -> list[float]:
    """Seconds of the first call in new processes without a kernel cache."""
    seconds = []
    for _ in range(COLD_STARTS):
        with tempfile.TemporaryDirectory(prefix="citywatch-cold-") as directory:
            environment = {**os.environ, "NUMBA_CACHE_DIR": directory}
            command = [sys.executable, "-c", _COLD]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            seconds.append(float(done.stdout))
    return seconds


def _as_decoded(picture: Image) -> Decoded:
    y, u, v = (np.ascontiguousarray(plane) for plane in split(picture))
    return Decoded(y, u, v)


def _visit(planes: Planes, previous_grid: pictures.Plane) -> Callable[[], float]:
    """A call that makes all measurements of a decoded picture, and gives the processor time that it took."""

    def take() -> float:
        start = time.thread_time()
        measure(planes, make_grid(planes.luma), previous_grid)
        return time.thread_time() - start

    return take


def _key_frame(picture: Image) -> bytes:
    """A key frame of the picture of LEAST_KEY_FRAME bytes or more."""
    for crf in range(20, 0, -2):
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt, context.thread_count = WIDTH, HEIGHT, "yuv420p", 1
        context.time_base = Fraction(1, 25)
        context.options = {"crf": str(crf), "x264-params": "threads=1"}
        packets = context.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")) + context.encode(None)
        if packets[0].size >= LEAST_KEY_FRAME:
            break
    return bytes(packets[0])


def _of_decoding(picture: Image, previous_grid: pictures.Plane, rounds: int) -> Row:
    """A picture is decoded and then measured, as in a visit."""
    content = _key_frame(picture)
    ours, ratios = [], []
    for _ in range(rounds + 1):
        start = time.process_time()
        decoded = decode_key_frame("h264", content, WIDTH * HEIGHT)
        decoding_s = time.process_time() - start
        ours.append(_visit(decoded, previous_grid)())
        ratios.append(ours[-1] / decoding_s)
    return _against(
        "all measurements, luma and chroma of a 1080p key frame",
        DECODING,
        0.10,
        (Spread.of(ours[1:]), Spread.of(ratios[1:])),
        f"{len(content) / 1000:.0f} kB, ",
    )


def _filters(pair: Sequence[Image]) -> Callable[[], float]:
    """A call that sends a picture through the five filters and gives the processor time of all their threads."""
    graph = av.filter.Graph()
    graph.threads = 1
    last = graph.add_buffer(width=WIDTH, height=HEIGHT, format="yuv420p", time_base=Fraction(1, 1))
    for name in (*FILTER_NAMES, "buffersink"):
        step = graph.add(name)
        last.link_to(step)
        last = step
    graph.configure()
    frames = [av.VideoFrame.from_ndarray(picture, "yuv420p") for picture in pair]
    calls = itertools.count()

    def take() -> float:
        number = next(calls)
        frame = frames[number % len(frames)]
        frame.pts, frame.time_base = number, Fraction(1, 1)
        start = time.process_time()
        graph.push(frame)
        graph.pull()
        return time.process_time() - start

    return take


def _in_turn(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> tuple[Spread, Spread]:
    """Our seconds a call and the ratios, round by round; both calls say themselves what they took, CALLS in a row."""
    ours()
    peer()
    pairs = [(sum(ours() for _ in range(CALLS)), sum(peer() for _ in range(CALLS))) for _ in range(rounds)]
    return Spread.of([mine / CALLS for mine, _ in pairs]), Spread.of([mine / theirs for mine, theirs in pairs])


def _against(figure: str, peer: str, at_most: float, found: tuple[Spread, Spread], note: str = "") -> Row:
    seconds, ratios = found
    spread = seconds.scaled(1e3)
    note = f"{note}ratio {ratios.smallest:.4f}..{ratios.largest:.4f}"
    return row(SCENARIO, figure, spread.median, "ms", peer=peer, ratio=ratios.median,
               goal=Goal(at_most=at_most, of="ratio"), spread=spread, note=note)  # fmt: skip


def _of_health(plane: pictures.Plane, previous: pictures.Plane, rounds: int) -> Row:
    figure = "all measurements, grey 1080p"
    python = peer_python("camera_health")
    if python is None:
        return peer_absent(SCENARIO, figure, "ms", HEALTH)
    with tempfile.TemporaryDirectory(prefix="citywatch-health-") as directory:
        files = [str(Path(directory) / name) for name in ("now.npy", "before.npy")]
        np.save(files[0], plane)
        np.save(files[1], previous)
        with subprocess.Popen(
            [python, "-c", _HEALTH, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            if child.stdin is None or child.stdout is None:
                raise AssertionError("both ends are pipes")

            def peer() -> float:
                child.stdin.write("\n")  # type: ignore[union-attr]
                child.stdin.flush()  # type: ignore[union-attr]
                return float(child.stdout.readline())  # type: ignore[union-attr]

            found = _in_turn(_visit(LumaOnly(plane), make_grid(previous)), peer, rounds)
            child.stdin.close()
        return _against(figure, HEALTH, 1 / 6, found)


def _of_visits(rounds: int) -> list[Row]:
    """All measurements of a visit, against decoding and the peers."""
    quiet()
    street = Street(SEED, WIDTH, HEIGHT)
    pair = [street.yuv420(at_s) for at_s in (10.0, 11.0)]
    planes, before = (_as_decoded(picture) for picture in pair)
    ours = _visit(planes, make_grid(before.luma))
    return [
        _of_decoding(pair[0], make_grid(before.luma), rounds),
        _of_health(planes.luma, before.luma, rounds // 10),
        _against("all measurements, luma and chroma", FILTERS, 1 / 60, _in_turn(ours, _filters(pair), rounds // 10)),
    ]


def run() -> list[Row]:
    cv2.setNumThreads(1)
    street = Street(SEED, WIDTH, HEIGHT)
    plane, previous = (np.ascontiguousarray(street.yuv420(at_s)[:HEIGHT]) for at_s in (10.0, 11.0))
    grid, previous_grid = make_grid(plane), make_grid(previous)

    def peer() -> object:
        return cv2.meanStdDev(plane)

    start = time.perf_counter()
    all_statistics(plane, previous)()  # compiles, or loads from the cache
    loaded_s = time.perf_counter() - start
    cold = Spread.of(_first_calls())
    rows = [
        row(SCENARIO, "first call, nothing compiled", cold.median, "s", spread=cold, state="cold"),
        row(SCENARIO, "first call in this process", loaded_s, "s", note="compiled, or loaded from the cache"),
    ]
    for figure, ours, at_most in (
        ("all statistics, 1080p", all_statistics(plane, previous), 25.0),
        ("all statistics, grid", all_statistics(grid, previous_grid), 10.0),
        ("making the grid of a 1080p plane", lambda: make_grid(plane), None),
    ):
        found = paired(ours, peer, rounds=ROUNDS)
        spread = found.ours.scaled(1e3)
        goal = None if at_most is None else Goal(at_most=at_most, of="ratio")
        note = f"ratio {found.ratio.smallest:.1f}..{found.ratio.largest:.1f}"
        rows.append(
            row(SCENARIO, figure, spread.median, "ms", peer=PEER, ratio=found.ratio.median, goal=goal, spread=spread,
                note=note)
        )  # fmt: skip
    return [*rows, *_of_visits(ROUNDS), of_a_fleet(SCENARIO)]
