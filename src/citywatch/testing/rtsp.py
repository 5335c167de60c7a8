"""A real RTSP camera for tests: a clip, served round and round by gst-rtsp-server on a free port of this machine."""

from __future__ import annotations

import json
import os
import selectors
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

SYSTEM_PYTHON = "/usr/bin/python3"
APT_LINE = (
    "apt-get install -y gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-rtsp "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
)

Authentication = Literal["none", "basic", "digest"]

_SERVER = Path(__file__).with_name("gst_rtsp_server.py")
_START_S = 60.0


class SystemPackageMissing(Exception):
    """The system lacks what a test part needs; the message holds the line that installs it."""


def write_units(clip: Path, path: Path) -> tuple[str, float]:
    """The clip's access units as Annex B with delimiters, each behind (is key: u8, length: u32).

    Returns ("h264" or "h265", frames per second). Payloaders find the end of a unit by the next delimiter.
    """
    import av  # noqa: PLC0415
    import av.bitstream  # noqa: PLC0415

    with av.open(str(clip)) as container, path.open("wb") as file:
        stream = container.streams.video[0]
        name = {"h264": "h264", "hevc": "hevc"}.get(stream.codec_context.name)
        if name is None:
            raise ValueError(f"{clip}: {stream.codec_context.name} cannot be served; encode it as H.264 or H.265")
        chain = f"{name}_mp4toannexb,{name}_metadata=aud=insert"
        annex_b = av.bitstream.BitStreamFilterContext(chain, in_stream=stream)
        for packet in container.demux(stream):
            for unit in annex_b.filter(packet if packet.size else None):
                content = bytes(unit)
                file.write(struct.pack(">BI", unit.is_keyframe, len(content)) + content)
        return ("h264" if name == "h264" else "h265"), float(stream.average_rate or 25)


class RtspServer:
    """Serves `clip` (H.264 or H.265 in a container, without B-frames) as a context manager.

    Paths: `live`; `silent` answers and plays and sends no picture; `deltas` sends pictures and never a key frame;
    `stalls` sends a second of such pictures and then nothing.
    username, password, authentication  what the server asks for
    frame_rate    frames a second, the clip's own by default
    random_phase  each visit joins at a random place of the clip (drawn from `seed`), else at its beginning
    clock_offset_s  by how much the wall clock in its sender reports is wrong
    shared        all visits see one running stream, as at a camera; else each has one of its own from its own place
    Raises SystemPackageMissing.
    """

    def __init__(
        self,
        clip: Path,
        *,
        username: str = "",
        password: str = "",
        authentication: Authentication = "none",
        frame_rate: float | None = None,
        random_phase: bool = True,
        seed: int = 1,
        clock_offset_s: float = 0.0,
        shared: bool = False,
    ) -> None:
        self._clip = clip
        self._settings: dict[str, Any] = {
            "username": username,
            "password": password,
            "authentication": authentication,
            "random_phase": random_phase,
            "seed": seed,
            "clock_offset_s": clock_offset_s,
            "shared": shared,
        }
        self._frame_rate = frame_rate
        self._folder = tempfile.TemporaryDirectory(prefix="citywatch-rtsp-")
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> RtspServer:
        units = Path(self._folder.name) / "units"
        codec, rate = write_units(self._clip, units)
        settings = self._settings | {
            "units": str(units),
            "codec": codec,
            "frame_ms": max(round(1000 / (self._frame_rate or rate)), 1),
        }
        if not Path(SYSTEM_PYTHON).exists():
            self.__exit__(None, None, None)
            raise SystemPackageMissing(f"{SYSTEM_PYTHON} is missing: apt-get install -y python3, then {APT_LINE}")
        self._process = subprocess.Popen(  # noqa: S603  (a fixed command)
            [SYSTEM_PYTHON, str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            # Its home keeps GStreamer's list of plugins; without it every start looks for them anew.
            env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", self._folder.name)},
        )
        try:
            self.port = self._begin(self._process, settings)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        self._folder.cleanup()
        self._words.close()

    def url(self, path: str = "live", *, username: str = "", password: str = "") -> str:
        who = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username or password else ""
        return f"rtsp://{who}127.0.0.1:{self.port}/{path}"

    @property
    def process_id(self) -> int:
        """Of the server; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def stop_answering(self) -> None:
        """End the server now: from here on the port refuses connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _begin(self, process: subprocess.Popen[bytes], settings: dict[str, Any]) -> int:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("a server process without pipes")
        try:
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it could not import what it needs; the empty answer below says so
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(_START_S) else b""
        if not line:
            process.kill()
            process.wait()
            self._words.seek(0)
            words = self._words.read().decode("utf-8", "replace")
            if "No module named" in words or "Namespace" in words:
                raise SystemPackageMissing(f"no RTSP server can be started on this system: {APT_LINE}")
            raise RuntimeError(f"the RTSP server ended with {process.returncode} before it was ready: {words[-2000:]}")
        return int(json.loads(line)["port"])
