"""After warm-up nothing compiles: no lorry waits for a compiler, and no kernel takes types it was not made for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from citywatch.app.kernels import warm
from citywatch.kernels import _jit, liveness
from citywatch.flow.step import CityStep
from citywatch.domain.state import State
from citywatch.laws import load
from citywatch.testing import rows as city
from citywatch.adapters.cameras.measure import make_grid, measure
from citywatch.adapters.cameras.decode import Decoded

warm()
before = _jit.compiled()
assert before > 10, before
state, step = State(), CityStep(load("cn-gross"))
for batch in city.city_day(1, 60):
    step.step(state, batch)
luma = np.arange(1080 * 1920, dtype=np.uint8).reshape(1080, 1920)
grid = make_grid(luma)
measure(Decoded(luma, chroma_u=luma[::2, ::2], chroma_v=luma[1::2, ::2]), grid, grid)
assert _jit.compiled() == before, "something compiled after ready"
try:
    liveness.sweep(1, *[np.zeros(1, np.float32)] * 4, np.zeros(1, np.uint8), np.zeros(1, np.int32))
except TypeError:
    print("sealed")
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="there is nothing to compile without the JIT")
def test_nothing_compiles_after_warm_up() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "sealed", ran.stderr[-2000:]


def test_both_video_libraries_work_in_one_process() -> None:
    """PyAV and OpenCV bundle the same codec library; side by side they must encode, decode and resize."""
    script = """
import av, cv2, io, numpy as np
sink = io.BytesIO()
with av.open(sink, "w", format="mp4") as clip:
    stream = clip.add_stream("libx264", rate=5)
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    for i in range(5):
        frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 40 * i, np.uint8), format="bgr24")
        clip.mux(stream.encode(frame))
    clip.mux(stream.encode())
sink.seek(0)
with av.open(sink) as clip:
    planes = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
ok, jpeg = cv2.imencode(".jpg", cv2.resize(planes[-1], (64, 48)))
back = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
print(len(planes), back.shape, abs(int(back.mean()) - 160) < 4)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n")[0] == "5 (48, 64) True", ran.stderr[-2000:]
