"""From where on something is a sign of evasion. Tuned on one half of the bench, scored on the other (decision 0035)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvasionPolicy:
    """Limits of the rules of evasion. Lengths in mm, speeds in mm/s, accelerations in mm/s2, shares in per mille.

    plate_key: with this key plates are hashed before they are remembered; a secret of the city.
    """

    plate_key: bytes = b""
    least_gross_kg: int = 3_500
    """What is lighter has no reason to evade a scale for goods vehicles. (Halves and lone wheels are lighter, too.)"""
    hold_seconds: int = 8
    """So many seconds of ticks a pass waits for those beside it and behind it, before it is decided: the widest window
    after a pass (3 s), and what lanes may differ in their delay."""
    reopen_passes: int = 16
    """So many passes of a station too late in a row: its clock was put back, and its window is opened anew."""

    # straddling
    straddle_gap_ms: int = 150
    straddle_speed_permille: int = 50
    straddle_spacing_permille: int = 25
    straddle_spacing_mm: int = 80
    straddle_side_permille: int = 250
    """A half shows its load on one side: at most so much is on the other."""

    abreast_ms: int = 80
    abreast_spacing_mm: int = 3_200
    """Without wheel loads and a second plate: two of one make side by side to so little, and no two cars."""

    # partial wheel
    side_off_permille: int = 125
    """The left-hand share is so far from what is usual in this lane."""
    axle_off_permille: int = 300
    flagged_off_permille: int = 60
    lane_known_passes: int = 60
    """So many passes make the usual share of a lane known."""
    pair_spacing_mm: int = 1_450
    pair_permille: int = 300
    """Of two axles this close, one carries less than so much of the other: where no wheel loads are given."""

    # speed
    brake_mmps2: int = 1_850
    hard_mmps2: int = 2_800
    """Whoever brakes so hard needs no queue behind him to be ruled out."""
    rush_mmps2: int = 1_100
    rush_slow_mmps2: int = 1_500
    """... below 50 km/h, where a bus or an empty lorry can."""
    axle_speed_noise_permille: int = 15
    """First and last axle differ by more than this before an acceleration is made of them (5 sigma at 0.2 %)."""
    overrun_mmps: int = 27_800
    crawl_mmps: int = 1_389
    """5 km/h (domain sheet, section 4)."""
    stand_ms: int = 6_000
    queue_mmps: int = 8_300
    """Who was as slow as this ahead, within queue_seconds, makes a queue."""
    queue_seconds: int = 45
    follow_seconds: int = 20
    behind_seconds: int = 25
    """Who comes within this behind one who braked shows whether there was a queue."""
    reverse_mmps: int = 4_200
    """Nobody goes back and forth over a strip faster than this on average."""

    # nose to tail
    bumper_gap_mm: int = 2_800
    bumper_speed_mmps: int = 8_300
    longest_wheelbase_mm: int = 22_500
    """A European modular system of 25.25 m is 22 m between its outer axles."""

    # wrong way
    overtaking_seconds: int = 2

    # plates
    unlike_characters: int = 4
    """Readings of one plate differ in fewer characters than this."""
    trailer_marks: tuple[str, ...] = ("挂",)
    """A rear plate that ends so is a trailer's own. (Rear plates of trains are not compared, marked or not.)"""
    twice_seconds: int = 60
    """Within so long nobody turns and comes again."""
    neighbour_seconds: int = 3
    """So close a camera may give one vehicle the plate of another."""
