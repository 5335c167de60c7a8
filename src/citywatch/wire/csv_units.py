"""Units that a table may be written in, and how many decimals of them lose nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Unit:
    """`per` of it make one of our unit (kg, mm, m/s, m/s2, ms), above `zero`; `decimals` None: as many as needed."""

    measures: str
    per: float = 1.0
    decimals: int | None = 0
    zero: float = 0.0

    def ours(self, value: float) -> float:
        """A number of it in our unit."""
        return (value - self.zero) / self.per if self.per != 1.0 or self.zero else value

    def text(self, value: float) -> str:
        """A number of our unit, written in it."""
        if self.decimals is None:
            return repr(float(value))
        if self.decimals == 0 and self.per == 1.0:
            return str(int(value))
        return f"{value * self.per + self.zero:.{self.decimals}f}"


OURS: Final = {
    "weight": "kg",
    "length": "mm",
    "speed": "m/s",
    "acceleration": "m/s2",
    "temperature": "degrees Celsius",
    "duration": "ms",
}
"""What a quantity is kept in."""
UNITS: Final = {
    "-": Unit("nothing"),
    "kg": Unit("weight"),
    "t": Unit("weight", 1 / 1000, 3),
    "lb": Unit("weight", 1 / 0.45359237, 1),
    "mm": Unit("length"),
    "cm": Unit("length", 1 / 10, 1),
    "dm": Unit("length", 1 / 100, 2),
    "m": Unit("length", 1 / 1000, 3),
    "in": Unit("length", 1 / 25.4, 2),
    "ft": Unit("length", 1 / 304.8, 3),
    "m/s": Unit("speed", 1.0, None),
    "km/h": Unit("speed", 3.6, 3),
    "mph": Unit("speed", 3600 / 1609.344, 3),
    "m/s2": Unit("acceleration", 1.0, None),
    "C": Unit("temperature", 1.0, None),
    "F": Unit("temperature", 1.8, 2, 32.0),
    "ms": Unit("duration"),
    "s": Unit("duration", 1 / 1000, 3),
}
"""kg, mm, m/s and so on are ours; pound 0.45359237 kg and foot 304.8 mm are exact (international, 1959)."""
