"""DITIS files: as BeDIT, with a year of four digits, the lateral position in cm and the track width of every axle.

The track width (cm) is checked and not kept: a pass has no such column; it is written as 0. Source: as wire/castor.py.
"""

from __future__ import annotations

from typing import Final

from citywatch.kernels import fixed
from citywatch.wire.castor import DAY, DECIMETRE, HUNDRED_KG, TIME, VEHICLE
from citywatch.wire.fixed import Field, Layout

LAYOUT: Final = Layout(
    kind="ditis",
    fields=(
        *DAY,
        Field("year", 4, fixed.YEAR, 1970, 2200),
        *TIME,
        *VEHICLE,
        Field("axle_count", 2, fixed.AXLES, 1, 20),
        Field("direction", 1, fixed.DIRECTION, 1, 9),
        Field("lane", 1, fixed.LANE, 0, 9),
        Field("transverse_cm", 3, fixed.TRANSVERSE, 0, 999),
    ),
    load_width=3,
    track_width=3,
    spacing_width=3,
    most_axles=20,
    load=HUNDRED_KG,
    length=DECIMETRE,
    spacing=DECIMETRE,
    transverse=(10, 1),
    first_direction=1,
)
