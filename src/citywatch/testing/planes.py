"""A picture on its way from the lens to the encoder: luma and chroma apart, in floating point.

Cameras encode planar YUV 4:2:0, so light, weather and faults are worked on those planes: half the figures of a
blue-green-red picture, and no conversion behind it. Limited range: luma 16 is black and 235 white; chroma about 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

BLACK, WHITE = 16.0, 235.0


@dataclass(slots=True)
class Planes:
    """y: (h, w) float32, luma above black (0 to 219); u, v: (h / 2, w / 2) float32 about 0. Its own memory."""

    y: Floats
    u: Floats
    v: Floats

    @classmethod
    def from_bgr(cls, picture: Image) -> Planes:
        """Of a (h, w, 3) uint8 picture, blue-green-red, both sides even."""
        cv2 = _cv2()

        return cls.from_i420(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420))

    @classmethod
    def from_i420(cls, picture: Image) -> Planes:
        """Of planar 4:2:0 as encoders take it: (h * 3 / 2, w) uint8."""
        y, u, v = split(picture)
        return cls(
            np.subtract(y, np.float32(BLACK), dtype=np.float32),
            np.subtract(u, np.float32(128.0), dtype=np.float32),
            np.subtract(v, np.float32(128.0), dtype=np.float32),
        )

    def copy(self) -> Planes:
        return Planes(self.y.copy(), self.u.copy(), self.v.copy())

    def i420(self) -> Image:
        """(h * 3 / 2, w) uint8: rounded and clipped to what a limited-range signal holds."""
        cv2 = _cv2()

        height, width = self.y.shape
        out = np.empty((height * 3 // 2, width), np.uint8)
        y, u, v = split(out)
        cv2.convertScaleAbs(cv2.max(cv2.min(self.y, WHITE - BLACK), 0.0), y, 1.0, BLACK)
        for plane, into in ((self.u, u), (self.v, v)):
            into[:] = cv2.convertScaleAbs(cv2.max(cv2.min(plane, 112.0), -112.0) + np.float32(128.0))
        return out


def split(picture: Image) -> tuple[Image, Image, Image]:
    """Views of the three planes of a (h * 3 / 2, w) picture."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    size = height * width
    flat = picture.reshape(-1)
    return (
        flat[:size].reshape(height, width),
        flat[size : size + size // 4].reshape(height // 2, width // 2),
        flat[size + size // 4 :].reshape(height // 2, width // 2),
    )


def to_bgr(picture: Image) -> Image:
    """(h * 3 / 2, w) planar 4:2:0 -> (h, w, 3) blue-green-red."""
    cv2 = _cv2()

    converted: Image = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
    return converted


def _cv2() -> Any:
    """OpenCV, imported when the first picture is made."""
    import cv2  # noqa: PLC0415  (heavy: not before it is needed)

    return cv2
