"""The stream: samples in, vehicles out. All state lies in arrays of bounded size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.domain.passes import ScaleStatus
from citywatch.kernels import strip_match, strip_vehicles, strips
from citywatch.strips.gaps import Gaps
from citywatch.strips.station import StripStation
from citywatch.strips.vehicles import Vehicles

MOST_AXLES = 40
_QUEUE = 4 * MOST_AXLES
_LOOPS = 64
_ROWS = 64

TALLIES = ("bad_samples", "too_short", "stuck", "no_area", "queue_full", "cut_off", "pulses")
"""What is counted of signals and pulses, in the order of kernels.strips."""

_Samples = np.ndarray[Any, Any]


class Estimator:
    """Vehicles of one lane from the signals of its strips.

    Whatever the sizes of the chunks, the same samples give the same vehicles, bit for bit. A vehicle comes out when
    everything that can belong to it has passed: about a second after its last axle at 70 km/h.
    """

    def __init__(self, station: StripStation, *, temperature_c: float = math.nan) -> None:
        """`temperature_c` of the road, NaN where not measured; see set_temperature."""
        self.station = station
        rate, tuning, count = station.sample_rate_hz, station.tuning, len(station.strips)
        knob = np.zeros(strips.KNOBS, np.int64)
        knob[strips.SETTLE] = max(1, round(tuning.settle_s * rate))
        knob[strips.BLOCK] = max(1, round(tuning.block_s * rate))
        knob[strips.LONGEST] = max(2, round(tuning.longest_pulse_s * rate))
        knob[strips.SHORTEST] = max(1, math.ceil(tuning.shortest_pulse_s * rate))
        knob[strips.BASE_SAMPLES] = max(1, round(tuning.baseline_s * rate))
        knob[strips.HOP] = max(1, round(tuning.look_s * rate))
        # The longest pulse with its margins and both baselines, and what is copied ahead of it between two looks.
        longest = knob[strips.LONGEST] * (1 + 2 * tuning.margin_share) + 2 * knob[strips.BASE_SAMPLES] + 16
        longest += knob[strips.HOP]
        ring = 1 << math.ceil(math.log2(longest))
        knob[strips.MASK] = ring - 1
        self._knob = knob
        self._gain = np.zeros(strips.GAINS)
        self._gain[strips.FOLLOW] = -math.expm1(-tuning.block_s / tuning.follow_s)
        self._gain[strips.MARGIN] = tuning.margin_share
        self._gain[strips.DT_S] = 1.0 / rate

        self._clock = np.zeros(1, np.int64)
        self._ring = np.zeros((count, ring))
        self._level = np.zeros((count, strips.LEVELS))
        self._mark = np.zeros((count, strips.MARKS), np.int64)
        self._mark[:, strips.STUCK_AT] = -1
        self._pulse_at = np.zeros((count, _QUEUE), np.int64)
        self._pulse = np.zeros((count, _QUEUE, strips.PULSE_FIELDS))
        self._queued = np.zeros(count, np.int64)
        self._tally = np.zeros(strips.TALLIES, np.int64)
        self._loop = np.zeros((_LOOPS, 2), np.int64)
        self._loop_mark = np.zeros(3, np.int64)
        self._filled = np.zeros(1, np.int64)

        self._threshold = np.array([(strip.on_v, strip.off_v) for strip in station.strips])
        self._position_m = np.array([strip.position_m for strip in station.strips], np.float64)
        self._slant = np.array([strip.slant_m_per_m for strip in station.strips], np.float64)
        self._timed = self._slant == 0.0
        self._side = np.array([strip.side for strip in station.strips], np.int64)
        self._weighs = np.array([strip.weighs for strip in station.strips])
        self._factor = np.zeros(count)
        self._temperature_c = math.nan
        self.set_temperature(temperature_c)
        self._limit = self._limits()
        self._gaps: Gaps | None = None

        self._whole = np.zeros((_ROWS, strip_match.WHOLES), np.int64)
        self._real = np.zeros((_ROWS, strip_match.REALS))
        self._axle = np.zeros((_ROWS, MOST_AXLES, strip_match.AXLE_FIELDS))
        self._cell = np.zeros((_ROWS, MOST_AXLES, count, strip_match.CELLS))

    def _limits(self) -> _Samples:
        tuning, loop = self.station.tuning, self.station.loop
        limit = np.zeros(strip_match.LIMITS)
        limit[strip_match.SLOWEST_MPS] = tuning.slowest_mps
        limit[strip_match.FASTEST_MPS] = tuning.fastest_mps
        limit[strip_match.LONGEST_SPACING_M] = tuning.longest_spacing_m
        limit[strip_match.FOOTPRINT_M] = tuning.footprint_m
        limit[strip_match.TOLERANCE_M] = tuning.tolerance_m
        limit[strip_match.RESIDUAL_M] = tuning.residual_m
        limit[strip_match.OUTLIER_SHARE] = tuning.outlier_share
        limit[strip_match.AXLE_OUTLIER_SHARE] = tuning.axle_outlier_share
        limit[strip_match.STRADDLING_SHARE] = tuning.straddling_share
        limit[strip_match.PARTIAL_SHARE] = tuning.partial_share
        limit[strip_match.HALF_LANE_M] = self.station.lane_width_m / 2
        limit[strip_match.HALF_TRACK_M] = self.station.track_m / 2
        if loop is not None:
            limit[strip_match.LOOP_AT_M] = loop.position_m
            limit[strip_match.LOOP_LONGEST_S] = loop.longest_s
            limit[strip_match.LOOP_HALF_M] = loop.length_m / 2
        return limit

    @property
    def samples(self) -> int:
        """How many samples were taken so far: the index of the next one."""
        return int(self._clock[0])

    @property
    def tallies(self) -> dict[str, int]:
        """Counts since the beginning: samples that are no numbers, pulses measured, and every kind of pulse dropped."""
        return dict(zip(TALLIES, self._tally.tolist(), strict=True))

    def set_temperature(self, celsius: float) -> None:
        """The road's temperature for the vehicles that come out from here on; NaN: not measured."""
        self._temperature_c = celsius
        self._factor[:] = [strip.load_factor(celsius) for strip in self.station.strips]

    def feed(self, samples: _Samples, occupied: _Samples | None = None) -> Vehicles:
        """Take the next samples and return the vehicles that are complete.

        samples   (strips, n) any float dtype, V, strip by strip in the order of the station
        occupied  (n,) bool: the loop; wanted exactly when the station has one
        ValueError for another shape, or for a loop too many or missing.
        """
        signal = np.ascontiguousarray(samples, np.float64)
        if signal.ndim != 2 or signal.shape[0] != len(self.station.strips):
            raise ValueError(f"samples: shape {signal.shape}, wanted ({len(self.station.strips)}, n)")
        if (occupied is None) != (self.station.loop is None):
            raise ValueError("occupied: wanted exactly when the station has a loop")
        loop = np.zeros(0, np.uint8)
        if occupied is not None:
            loop = np.ascontiguousarray(occupied, np.bool_).view(np.uint8)
            if loop.shape != (signal.shape[1],):
                raise ValueError(f"occupied: shape {loop.shape}, wanted ({signal.shape[1]},)")
        if not np.isfinite(signal).all():
            if self._gaps is None:
                self._gaps = Gaps(len(self.station.strips), self.station.sample_rate_hz, self._longest_s())
            self._gaps.note(~np.isfinite(signal), self.samples)
            signal = signal.copy()
            strips.repair(signal, self.samples, self._ring, self._knob, self._tally)
        parts: list[Vehicles] = []
        done = 0
        while True:
            done += strip_vehicles.advance(
                signal[:, done:] if done == 0 else np.ascontiguousarray(signal[:, done:]),
                loop[done:], self._clock, self._ring, self._level, self._mark, self._threshold, self._knob, self._gain,
                self._pulse_at, self._pulse, self._queued, self._tally, self._limit, self._position_m, self._slant,
                self._factor, self._timed, self._side, self._weighs, self._loop, self._loop_mark, self._whole,
                self._real, self._axle, self._cell, self._filled,
            )  # fmt: skip
            rows = int(self._filled[0])
            if rows or not parts:
                parts.append(self._vehicles(rows))
            if rows < _ROWS:
                return self._told(parts)

    def finish(self) -> Vehicles:
        """The signal ends here: what is pending comes out with what is known of it."""
        now = self.samples
        strips.end_pulses(
            now, self._ring, self._level, self._mark, self._knob, self._gain, self._pulse_at, self._pulse,
            self._queued, self._tally,
        )  # fmt: skip
        if self._loop_mark[strip_match.OCCUPIED]:
            self._loop_mark[strip_match.OCCUPIED] = 0
            strip_vehicles.end_loop(self._loop, self._loop_mark, now)
        parts: list[Vehicles] = []
        while True:
            rows = strip_vehicles.assemble(
                now, self._pulse_at, self._pulse, self._queued, self._mark, self._gain[strips.DT_S], self._limit,
                self._position_m, self._slant, self._factor, self._timed, self._side, self._weighs, self._loop,
                self._loop_mark, True, self._whole, self._real, self._axle, self._cell, 0,
            )  # fmt: skip
            parts.append(self._vehicles(rows))
            if rows < _ROWS:
                return self._told(parts)

    def _longest_s(self) -> float:
        """So long after its first pulse a vehicle comes out at the latest."""
        tuning, loop = self.station.tuning, self.station.loop
        reach_m = max(float(np.ptp(self._position_m)), tuning.longest_spacing_m) + tuning.longest_spacing_m * MOST_AXLES
        occupied_s = 0.0 if loop is None else loop.longest_s
        return strip_vehicles.PATIENCE * 2 * reach_m / tuning.slowest_mps + occupied_s + tuning.longest_pulse_s

    def _told(self, parts: list[Vehicles]) -> Vehicles:
        found = parts[0] if len(parts) == 1 else Vehicles.concat(parts)
        if self._gaps is not None:
            found.status[self._gaps.touched(found)] |= ScaleStatus.SENSOR_FAULT
        return found

    def _vehicles(self, rows: int) -> Vehicles:
        """The filled rows, copied out of the buffers, as wide as their widest vehicle."""
        whole, real = self._whole[:rows], self._real[:rows]
        widest = int(whole[:, strip_match.AXLES].max(initial=0))
        axle = self._axle[:rows, :widest]
        cell = self._cell[:rows, :widest]
        return Vehicles(
            reason=whole[:, strip_match.REASON].copy(),
            axle_count=whole[:, strip_match.AXLES].copy(),
            at_sample=whole[:, strip_match.AT].copy(),
            at_part=real[:, strip_match.AT_PART].copy(),
            travel=whole[:, strip_match.TRAVEL].copy(),
            status=whole[:, strip_match.STATUS].copy(),
            outliers=whole[:, strip_match.OUTLIERS].copy(),
            speed_mps=real[:, strip_match.SPEED].copy(),
            acceleration_mps2=real[:, strip_match.ACCELERATION].copy(),
            residual_m=real[:, strip_match.RESIDUAL].copy(),
            transverse_m=real[:, strip_match.TRANSVERSE_M].copy(),
            loop_s=real[:, strip_match.LOOP_S].copy(),
            temperature_c=np.full(rows, self._temperature_c),
            axle_kg=axle[:, :, strip_match.LOAD].copy(),
            left_kg=axle[:, :, strip_match.LEFT_LOAD].copy(),
            right_kg=axle[:, :, strip_match.RIGHT_LOAD].copy(),
            axle_speed_mps=axle[:, :, strip_match.AXLE_SPEED].copy(),
            axle_acceleration_mps2=axle[:, :, strip_match.AXLE_ACCELERATION].copy(),
            spacing_m=axle[:, :, strip_match.SPACING_M].copy(),
            area_vs=cell[:, :, :, strip_match.CELL_AREA].copy(),
            load_kg=cell[:, :, :, strip_match.CELL_LOAD].copy(),
            felt_s=cell[:, :, :, strip_match.CELL_AT].copy(),
        )
