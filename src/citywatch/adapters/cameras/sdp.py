"""Session descriptions (SDP, RFC 8866), as far as a visit needs them: the first video and where it is asked for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

_STATIC_ENCODINGS = {26: "JPEG"}
_VIDEO_CLOCK_HZ = 90_000
_MOST_FPS = 1000.0


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The first video of a session description. `fps`: pictures a second as it is declared; NaN where it is not."""

    payload_type: int
    encoding: str
    control: str
    session_control: str = ""
    format_parameters: dict[str, str] = field(default_factory=dict)
    clock_hz: int = _VIDEO_CLOCK_HZ
    fps: float = math.nan


def parse_video_track(description: str) -> VideoTrack | None:  # noqa: PLR0912  (one case a kind of line)
    """The first video, or None. Lines that cannot be read are passed over."""
    payload_type, encoding, control, session_control = -1, "", "", ""
    clock_hz, fps = _VIDEO_CLOCK_HZ, math.nan
    parameters: dict[str, str] = {}
    in_session = True
    for raw in description.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            in_session = False
            if payload_type >= 0:
                break
            words = line[2:].split()
            if len(words) >= 4 and words[0] == "video" and words[3].isdigit() and int(words[3]) < 128:
                payload_type = int(words[3])
                encoding = _STATIC_ENCODINGS.get(payload_type, "")
        elif in_session and line.startswith("a=control:"):
            session_control = line[10:].strip()
        elif payload_type < 0:
            continue
        elif line.startswith("a=control:"):
            control = line[10:].strip()
        elif match := re.fullmatch(r"a=rtpmap:\s*(\d+)\s+([^/\s]+)/(\d{1,9}).*", line):
            if int(match.group(1)) == payload_type:
                encoding, clock_hz = match.group(2), int(match.group(3)) or _VIDEO_CLOCK_HZ
        elif match := re.fullmatch(r"a=(?:x-)?framerate:\s*(\d{1,6}(?:\.\d{1,9})?)", line, re.IGNORECASE):
            declared = float(match.group(1))
            fps = declared if 0 < declared <= _MOST_FPS else math.nan
        elif match := re.fullmatch(r"a=fmtp:\s*(\d+)\s+(.*)", line):
            for pair in match.group(2).split(";"):
                key, _, value = pair.strip().partition("=")
                parameters[key.strip().lower()] = value.strip()
    if payload_type < 0:
        return None
    return VideoTrack(payload_type, encoding, control, session_control, parameters, clock_hz, fps)


def control_url(base: str, control: str) -> str:
    """The URL of a track. Makers disagree with RFC 3986 here: a relative control is appended to the base."""
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtspu://")):
        return control
    if control.startswith("/"):
        return urljoin(base, control)
    return base + control if base.endswith("/") else f"{base}/{control}"
