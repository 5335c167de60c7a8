"""What is known of one lane's strips before anything rolls: places, widths, calibration, thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

from citywatch.errors import ConfigurationError
from citywatch.strips.temperature import DEFAULTS, MODELS, Sensor, TemperatureModel

MOST_STRIPS = 16
SLOWEST_RATE_HZ = 200
FASTEST_RATE_HZ = 100_000


class Side(IntEnum):
    """Which half of the lane a strip lies in, seen in the lane's direction."""

    FULL = 0
    LEFT = 1
    RIGHT = 2


@dataclass(frozen=True, slots=True)
class Strip:
    """One strip across the lane.

    position_m          along the lane, growing in its direction; of a slanted strip at the middle of the lane
    width_m             along the lane: the L of W = C (v / L) x area
    calibration_kg_per_v  the C; what makes kilograms of volts
    on_v, off_v         a pulse begins above on_v and ends below off_v, over the baseline
    slant_m_per_m       how far a slanted strip advances per metre to the left; its instants tell where a wheel rolls,
                        not how fast
    weighs              False where only its instants count (a thin axle detector)
    temperature         None: the model that is usual for the sensor
    """

    position_m: float
    width_m: float
    calibration_kg_per_v: float
    side: Side = Side.FULL
    sensor: Sensor = Sensor.QUARTZ
    on_v: float = 0.05
    off_v: float = 0.025
    slant_m_per_m: float = 0.0
    weighs: bool = True
    temperature: TemperatureModel | None = None

    @property
    def model(self) -> TemperatureModel:
        return self.temperature or MODELS[DEFAULTS[self.sensor]]

    def load_factor(self, celsius: float) -> float:
        """kg for one m/s and one V s: C over width and the sensitivity at that temperature.

        A slanted strip is longer on the way of the wheel by the secant of its angle.
        """
        along_m = self.width_m * math.hypot(1.0, self.slant_m_per_m)
        return self.calibration_kg_per_v / along_m / self.model.factor(celsius)


@dataclass(frozen=True, slots=True)
class Loop:
    """An inductive loop whose middle lies at position_m: it tells one vehicle from the next, and its length."""

    position_m: float
    length_m: float
    longest_s: float = 60.0
    """Occupied for longer it is taken for faulty, and vehicles are told apart by their gaps."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How signals are read; the defaults suit strips of 5 to 7 cm and lorries at 5 to 130 km/h.

    footprint_m     a wheel's contact with the strip, for a first guess of speed from a pulse alone
    tolerance_m     how far from its expected place a wheel may be met on the next strip
    residual_m      root mean square by which instants may miss one motion with one acceleration
    outlier_share   a strip whose weight of the vehicle is within this share of the median is never left out
    axle_outlier_share  nor is its weight of one axle within this share: an axle swings by more than a vehicle
    """

    settle_s: float = 0.005
    follow_s: float = 0.1
    block_s: float = 0.025
    baseline_s: float = 0.02
    margin_share: float = 0.5
    shortest_pulse_s: float = 0.0008
    longest_pulse_s: float = 2.0
    look_s: float = 0.05
    longest_spacing_m: float = 14.0
    slowest_mps: float = 0.5
    fastest_mps: float = 60.0
    footprint_m: float = 0.16
    tolerance_m: float = 0.45
    residual_m: float = 0.15
    outlier_share: float = 0.15
    axle_outlier_share: float = 0.35
    straddling_share: float = 0.1
    partial_share: float = 0.36


@dataclass(frozen=True, slots=True)
class StripStation:
    """One lane. ConfigurationError names the field that is wrong."""

    strips: tuple[Strip, ...]
    sample_rate_hz: int
    loop: Loop | None = None
    lane_width_m: float = 3.75
    track_m: float = 2.05
    """Middle to middle of a lorry's wheels, where only one side is slanted."""
    tuning: Tuning = field(default_factory=Tuning)

    def __post_init__(self) -> None:
        if not 1 <= len(self.strips) <= MOST_STRIPS:
            raise ConfigurationError(f"strips: {len(self.strips)} given; 1 to {MOST_STRIPS} are possible")
        if not SLOWEST_RATE_HZ <= self.sample_rate_hz <= FASTEST_RATE_HZ:
            raise ConfigurationError(
                f"sample_rate_hz: {self.sample_rate_hz} is not between {SLOWEST_RATE_HZ} and {FASTEST_RATE_HZ}"
            )
        for number, strip in enumerate(self.strips, start=1):
            if not (math.isfinite(strip.position_m) and abs(strip.position_m) <= 1000.0):
                raise ConfigurationError(f"strip {number}: position_m {strip.position_m} must be a number of metres")
            if not 0.001 <= strip.width_m <= 2.0:
                raise ConfigurationError(f"strip {number}: width_m {strip.width_m} is not between 0.001 and 2 m")
            if not (math.isfinite(strip.calibration_kg_per_v) and strip.calibration_kg_per_v > 0):
                raise ConfigurationError(f"strip {number}: calibration_kg_per_v must be above 0")
            if not (0 < strip.off_v < strip.on_v and math.isfinite(strip.on_v)):
                raise ConfigurationError(f"strip {number}: wanted 0 < off_v < on_v, not {strip.off_v} and {strip.on_v}")
            if not abs(strip.slant_m_per_m) <= 1.5:
                raise ConfigurationError(f"strip {number}: slant_m_per_m {strip.slant_m_per_m} is above 1.5")
            if strip.slant_m_per_m and strip.side is Side.FULL:
                raise ConfigurationError(
                    f"strip {number}: a slanted strip lies in one half of the lane; give side left or right"
                )
        if not any(strip.slant_m_per_m == 0 for strip in self.strips):
            raise ConfigurationError("strips: at least one must lie straight across the lane")
