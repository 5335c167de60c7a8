"""How much more a strip answers when the road is warm. Data, with where each number comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Sensor(StrEnum):
    """What a strip is made of."""

    QUARTZ = "quartz"
    POLYMER = "polymer"
    CERAMIC = "ceramic"


@dataclass(frozen=True, slots=True)
class TemperatureModel:
    """Sensitivity against that at the calibration: gain x 10^(slope (T - origin)) + offset, T in degrees Celsius.

    A load is divided by it.
    """

    name: str
    gain: float
    slope: float
    origin_c: float
    offset: float
    citation: str

    def factor(self, celsius: float) -> float:
        """The sensitivity at a temperature; 1.0 where the temperature is not known (NaN)."""
        if math.isnan(celsius):
            return 1.0
        return self.gain * float(10.0 ** (self.slope * (celsius - self.origin_c))) + self.offset


_GAJDA = (
    "J. Gajda, R. Sroka, T. Zeglen, P. Burnos, The influence of temperature on errors of WIM systems employing "
    "piezoelectric sensors [check]"
)
_BURNOS = "P. Burnos, Auto-calibration and temperature correction of WIM systems [check]"

MODELS = {
    "none": TemperatureModel("none", 0.0, 0.0, 0.0, 1.0, "quartz: no correction"),
    "polymer-exponential": TemperatureModel("polymer-exponential", 1.012860, 0.005277, 10.0, 0.0, _BURNOS),
    "polymer-offset": TemperatureModel("polymer-offset", 0.4659, 0.0098, 0.0, 0.4199, _GAJDA),
}
"""By name. Coefficients depend on the asphalt: a site that has its own gives its own TemperatureModel."""

DEFAULTS = {Sensor.QUARTZ: "none", Sensor.POLYMER: "polymer-exponential", Sensor.CERAMIC: "none"}
"""By what a strip is made of. Ceramic strips drift too, but no published formula is at hand."""
