"""The W record (truck weight) of FHWA's Traffic Monitoring Guide: a vehicle a line, pounds and tenths of a foot.

147 columns: head of 34, then load (5) and spacing (4) to thirteen axles. The instant is told to the hour and there is
neither speed nor length. Station: the state's FIPS code (2 digits) and the station's identification (6), together the
station of our devices, such as `17018115/d3/l1`; direction and lane keep the guide's codes (direction 1 north, then
clockwise by 45 degrees to 8; 9 and 0 both ways together).

Source: Traffic Monitoring Guide, FHWA-PL-17-003 (2016), truck weight data format [check: the columns stand in domain
sheet, section 4; read beside records of that guide's form, not beside the guide itself].
"""

from __future__ import annotations

import re
from typing import Final

from citywatch.kernels import fixed
from citywatch.wire.fixed import Field, Layout

POUND: Final = (45_359_237, 100_000_000)
"""kg; exact (international pound, 1959)."""
TENTH_FOOT: Final = (3048, 100)
"""mm; exact."""

_STATION = re.compile(r"[A-Za-z0-9]{8}")


def _words(station: str) -> bytes | None:
    return station.encode() if _STATION.fullmatch(station) else None


LAYOUT: Final = Layout(
    kind="tmg",
    fields=(
        Field("record_type", 1, fixed.NOWHERE, ord("W"), ord("W"), fixed.LITERAL),
        Field("state", 2, fixed.NOWHERE, kind=fixed.WORD),
        Field("station", 6, fixed.NOWHERE, kind=fixed.WORD),
        Field("direction", 1, fixed.DIRECTION, 0, 9),
        Field("lane", 1, fixed.LANE, 0, 9),
        Field("year", 4, fixed.YEAR, 1970, 2200),
        Field("month", 2, fixed.MONTH, 1, 12),
        Field("day", 2, fixed.DAY, 1, 31),
        Field("hour", 2, fixed.HOUR, 0, 23),
        Field("vehicle_class", 2, fixed.VEHICLE_CLASS, 0, 99, fixed.BLANK_NUMBER),
        Field("open", 3, fixed.NOWHERE, kind=fixed.FREE),
        Field("gross_lb", 6, fixed.GROSS, 0, 999_999),
        Field("axle_count", 2, fixed.AXLES, 1, 13),
    ),
    load_width=5,
    spacing_width=4,
    most_axles=13,
    load=POUND,
    spacing=TENTH_FOOT,
    raster_ns=3_600_000_000_000,
    fill=ord("0"),
    zero_pad=False,
    words=_words,
)
