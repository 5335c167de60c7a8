"""A real RTSP server: gst-rtsp-server with the access units of a clip. Run by the system's python3, see rtsp.py.

It imports nothing of Citywatch. On its standard input it gets one JSON line; on its standard output it gives one,
{"port": n}, when it listens. It ends when its standard input is closed.
Paths: /live; /silent (answers, plays, sends no picture); /deltas (pictures, but never a key frame); /stalls (a second
of such pictures, then nothing).
"""

from __future__ import annotations

import json
import random
import struct
import sys
from pathlib import Path
from typing import Any

import gi  # type: ignore[import-not-found, import-untyped, unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: E402
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

Unit = tuple[bool, bytes]


def read_units(path: Path) -> list[Unit]:
    """(is a key frame, Annex B bytes) of every access unit in a file of rtsp.write_units."""
    data, units, at = path.read_bytes(), [], 0
    while at < len(data):
        key, length = struct.unpack_from(">BI", data, at)
        units.append((bool(key), data[at + 5 : at + 5 + length]))
        at += 5 + length
    return units


class Feeder:
    """Pushes one access unit a frame time into one media, round and round, from a place drawn at random.

    `most`: it stops after so many; 0 for never.
    """

    def __init__(self, units: list[Unit], start: int, frame_ms: int, source: Any, most: int = 0) -> None:
        self._units, self._at, self._source = units, start, source
        self._end = start + most if most else -1
        self._push()
        GLib.timeout_add(frame_ms, self._push)

    def _push(self) -> bool:
        if self._at == self._end:
            return False
        content = self._units[self._at % len(self._units)][1]
        self._at += 1
        return bool(self._source.emit("push-buffer", Gst.Buffer.new_wrapped(content)) == Gst.FlowReturn.OK)


class OffsetClock:
    """What makes the sender reports of a media tell a wall clock that is wrong by `offset_s`."""

    _NTP_S = 2_208_988_800  # from 1900, where NTP begins, to 1970
    _OF_THE_CLOCK = 3  # rtpbin's ntp-time-source: the pipeline's clock as it is

    def __init__(self, offset_s: float) -> None:
        self._clock = Gst.SystemClock(clock_type=Gst.ClockType.REALTIME)
        now = self._clock.get_internal_time()
        self._clock.set_calibration(now, now + int((self._NTP_S + offset_s) * Gst.SECOND), 1, 1)

    def set_for(self, factory: Any) -> None:
        factory.set_clock(self._clock)
        factory.connect("media-constructed", lambda _factory, media: media.connect("new-state", self._on_state))

    def _on_state(self, media: Any, _state: int) -> None:
        pipeline = media.get_element().get_parent()
        while pipeline is not None and pipeline.get_parent() is not None:
            pipeline = pipeline.get_parent()
        found = pipeline.get_by_name("rtpbin0") if pipeline is not None else None
        for element in [found] if found else list(pipeline.children if pipeline is not None else ()):
            if element.find_property("ntp-time-source") is not None:
                element.set_property("ntp-time-source", self._OF_THE_CLOCK)


def make_factory(
    settings: dict[str, Any], units: list[Unit], places: random.Random, silent: bool, most: int = 0
) -> Any:
    codec = settings["codec"]
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(settings["shared"])
    factory.set_launch(
        f"( appsrc name=source is-live=true format=time do-timestamp=true "
        f"caps=video/x-{codec},stream-format=byte-stream,alignment=au "
        f"! rtp{codec}pay name=pay0 pt=96 config-interval=-1 )"
    )

    def configure(_factory: Any, media: Any) -> None:
        bin_ = media.get_element()
        start = places.randrange(len(units)) if settings["random_phase"] else 0
        if silent:
            seen = [0]

            def drop(_pad: Any, _info: Any) -> Any:
                # The first packet (a delimiter, no picture) must pass, or the server waits for it before it answers.
                seen[0] += 1
                return Gst.PadProbeReturn.OK if seen[0] == 1 else Gst.PadProbeReturn.DROP

            pay = bin_.get_by_name("pay0").get_static_pad("src")
            pay.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, drop)
        Feeder(units, start, settings["frame_ms"], bin_.get_by_name("source"), most)

    factory.connect("media-configure", configure)
    if settings["clock_offset_s"]:
        OffsetClock(settings["clock_offset_s"]).set_for(factory)
    return factory


def guard(server: Any, factories: list[Any], settings: dict[str, Any]) -> None:
    """Ask for user and password: Basic or Digest."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    user, password = settings["username"], settings["password"]
    if settings["authentication"] == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    Gst.init(None)
    units = read_units(Path(settings["units"]))
    places = random.Random(settings["seed"])  # noqa: S311  (where a visit joins, no secret)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    deltas = [unit for unit in units if not unit[0]]
    factories = {
        "/live": make_factory(settings, units, places, silent=False),
        "/silent": make_factory(settings, units, places, silent=True),
    }
    if deltas:
        factories["/deltas"] = make_factory(settings, deltas, places, silent=False)
        second = max(round(1000 / settings["frame_ms"]), 1)
        factories["/stalls"] = make_factory(settings, deltas, places, silent=False, most=second)
    for path, factory in factories.items():
        server.get_mount_points().add_factory(path, factory)
    if settings["authentication"] != "none":
        guard(server, list(factories.values()), settings)
    server.attach(None)
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_HUP, lambda *_: loop.quit() or False)
    print(json.dumps({"port": server.get_bound_port()}), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
