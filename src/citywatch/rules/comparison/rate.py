"""low_frame_rate: far fewer frames than this camera usually sends, whatever they show."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Fault
from citywatch.rules.comparison.answers import FINE, Own, below
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look
from citywatch.rules.pictures.answers import Conclusion, unchecked


def frame_rate(look: Look, rows: Rows, limits: OwnThresholds) -> Conclusion:
    """Fewer pictures a second than a share of the usual by this light."""
    normal = usual(rows, look.light, "fps")
    if math.isnan(look.fps):
        return (), unchecked(Own.NO_FRAME_RATE, Fault.LOW_FRAME_RATE)
    if not normal.known:
        return (), unchecked(Own.NO_REFERENCE, Fault.LOW_FRAME_RATE)
    threshold = normal.low(limits.frame_rate_of_usual, limits.spreads)
    if look.fps >= threshold:
        return FINE
    return (below(Fault.LOW_FRAME_RATE, "frame_rate_below_own", "fps", look.fps, threshold),), ()
