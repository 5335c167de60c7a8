"""CASTOR files: the oldest cousin of MON; 34 columns of head, then load (3) and spacing (2) to nine axles.

Source: the table "Traffic file format" of the documentation of github.com/ccaprani/btls (docs/source/IO_formats.rst).
"""

from __future__ import annotations

from typing import Final

from citywatch.kernels import fixed
from citywatch.wire.fixed import Field, Layout

CENTURY_PIVOT: Final = 70
"""Years of two digits: 70 to 99 are 1970 to 1999 [check: no file of that age was at hand]."""

HUNDRED_KG: Final = (100, 1)
DECIMETRE: Final = (100, 1)

TIME: Final = (
    Field("hour", 2, fixed.HOUR, 0, 23),
    Field("minute", 2, fixed.MINUTE, 0, 59),
    Field("second", 2, fixed.SECOND, 0, 59),
    Field("hundredth", 2, fixed.HUNDREDTH, 0, 99),
)
DAY: Final = (
    Field("record", 4, fixed.RECORD, 0, 9999),
    Field("day", 2, fixed.DAY, 1, 31),
    Field("month", 2, fixed.MONTH, 1, 12),
)
VEHICLE: Final = (
    Field("speed_dmps", 3, fixed.SPEED, 0, 999),
    Field("gross_100kg", 4, fixed.GROSS, 0, 9999),
    Field("length_dm", 3, fixed.LENGTH, 0, 999),
)

LAYOUT: Final = Layout(
    kind="castor",
    fields=(
        *DAY,
        Field("year", 2, fixed.YEAR, 0, 99),
        *TIME,
        *VEHICLE,
        Field("axle_count", 1, fixed.AXLES, 1, 9),
        Field("direction", 1, fixed.DIRECTION, 1, 9),
        Field("lane", 1, fixed.LANE, 0, 9),
        Field("transverse_dm", 3, fixed.TRANSVERSE, 0, 999),
    ),
    load_width=3,
    spacing_width=2,
    most_axles=9,
    load=HUNDRED_KG,
    length=DECIMETRE,
    spacing=DECIMETRE,
    transverse=DECIMETRE,
    first_direction=1,
    pivot=CENTURY_PIVOT,
)
