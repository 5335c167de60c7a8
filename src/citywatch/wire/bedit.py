"""BeDIT files: as CASTOR, with two digits of axles (to twenty), spacings of three and a direction that counts from 0.

Source: as wire/castor.py.
"""

from __future__ import annotations

from typing import Final

from citywatch.kernels import fixed
from citywatch.wire.castor import CENTURY_PIVOT, DAY, DECIMETRE, HUNDRED_KG, TIME, VEHICLE
from citywatch.wire.fixed import Field, Layout

LAYOUT: Final = Layout(
    kind="bedit",
    fields=(
        *DAY,
        Field("year", 2, fixed.YEAR, 0, 99),
        *TIME,
        *VEHICLE,
        Field("axle_count", 2, fixed.AXLES, 1, 20),
        Field("direction", 1, fixed.DIRECTION, 0, 9),
        Field("lane", 1, fixed.LANE, 0, 9),
        Field("transverse_dm", 3, fixed.TRANSVERSE, 0, 999),
    ),
    load_width=3,
    spacing_width=3,
    most_axles=20,
    load=HUNDRED_KG,
    length=DECIMETRE,
    spacing=DECIMETRE,
    transverse=DECIMETRE,
    pivot=CENTURY_PIVOT,
)
