"""The limits of the picture rules, each with what it parts.

Tuned on generated streets (testing.scenes.Street; testing.street_life.StreetLife) of the tuning seeds only, through
x264, x265, MPEG-4 and MJPEG at good to poor quality, and on the real clip car-detection.mp4; never on the scenes that
benchmarks/camera_faults scores (seeds from 10,000 on, drawn from other ranges) nor on the highway clip. "Clean" below
are some 2,300 looks of healthy tuning streets by day and night, in rain, snowfall and haze; "medium" and "severe" are
the severities of testing/scene_faults.py. docs/decisions/0024 has the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from citywatch.domain.instants import NS_PER_S


@dataclass(frozen=True, slots=True)
class PictureThresholds:
    """The limits, each with what it parts."""

    # light
    black_dark_share: float = 0.97
    """Black when at least this share of pixels is dark: the rest is room for burnt-in text."""
    black_layout: float = 2.2
    """And no more than this is left of the scene, grey levels: severe 1.0 and less. A night without any lamp, which
    full-range video shows as dark as a cap on the lens, keeps 3.4 and more, and so does a day that comes through
    2 % of the lens (2.6 to 3.1): by the picture alone it could not be checked.
    """
    black_by_day_share: float = 0.70
    """At an hour that is surely day this share of dark pixels is enough: medium 0.99, mild 0.73; clean 0.05."""
    black_bright_share: float = 0.05
    """... and no more of it than this is white, as text is: the rest of a torn picture may be dark (0.11)."""
    over_exposed_bright_share: float = 0.75
    """Over-exposed when at least this share of pixels is white: medium 0.92, clean up to 0.02; a white sky is less."""
    dark_mean: float = 32.0
    """A picture with a lower mean is too dark to be judged further: below it night and a cover look the same."""
    dark_share: float = 0.6
    """So is one with more than this share of dark pixels..."""
    lit_texture_share: float = 0.3
    """... unless this share of its blocks holds structure: covers hold 0.0017 at most, lit streets by night 0.5 and
    more..."""
    lit_contrast: float = 50.0
    """... and 90 % of the scene spans so many grey levels: lit streets 90 and more, in video of full range, whose black
    is 0, under a mean of 20 to 40."""

    # behind the sensor
    snow_speckle_share: float = 0.006
    """Snow when at least this share of pixels stands alone: medium 0.0095 and more, clean up to 0.0001, a night's gain
    noise of 15 grey levels up to 0.0034.
    """
    stripe_rows: float = 0.6
    """Stripes along rows from this strength on: medium lines 0.65 and more, clean up to 0.31."""
    stripe_columns: float = 0.5
    """Stripes along columns: medium 0.6 and more, clean up to 0.12."""
    stripe_change: float = 0.45
    """Bands that roll, in the change from look to look: medium 0.59 and more, clean up to 0.27."""
    torn_share: float = 0.03
    """Mosaic when this share of blocks is torn: medium 0.10 and more, mild 0.034; clean up to 0.014."""
    tear: float = 0.085
    """Or where rows of blocks do not fit each other: severe 0.13 and more, medium 0.09 in 95 %; clean up to 0.04, and
    0.066 where the coarsest quantisers meet a codec that does not smooth its blocks.
    """
    tear_in_noise: float = 0.045
    """Noise hides steps, and what leaves noise standing makes none: no quantiser coarse enough for false ones does.
    There so many clear steps are enough: medium 0.043 to 0.18 by noisy nights, clean up to 0.036 (99.9 %: 0.021)..."""
    tear_noise_sd: float = 2.0
    """... from this noise on, grey levels."""
    most_usual_tear: float = 0.05
    """No more than this is learned as usual: what is torn stays torn (severe ones from 0.13 on)."""
    usual_tear: float = 0.02
    """Steps that a camera's pictures always have count from here on as its own (a street whose fronts made 0.047 in
    noise of 2 levels was accused; 99.9 % of the others 0.021)."""
    tear_stripe_rows: float = 0.6
    """That counts where stripes along rows do not make the steps: severe ones have 2.3 and more, medium lines no more
    than 0.077 of clear borders.
    """
    tear_surely: float = 0.17
    """And so many clear steps are those of a torn picture, though it has some bands, too: severe ones 0.21 in 95 %;
    stripes along rows up to 0.161, along columns 0.087, hum, which rolls, 0.072...
    """
    tear_surely_stripes: float = 1.0
    """... below this strength of stripes, along rows or in the change: torn ones up to 0.68; stripes along rows 1.19
    and more, and those that make most steps 3.1 and more.
    """
    torn_stripe_rows: float = 0.3
    """Torn blocks count only where stripes along rows do not make their edges."""
    raster_share: float = 0.85
    """Or where nearly all steps stand on a raster: pictures made of squares 0.86 to 1, clean up to 0.65."""
    raster_texture_share: float = 0.3
    """A raster counts only in a picture with structure, which fog and covers lack."""
    raster_sharpness: float = 0.5
    """And with sharp edges: a strongly coded picture out of focus shows its coding blocks, too."""
    void_share: float = 0.02
    """Or where this share of the picture has colours that do not exist, as a decoder leaves blocks that never came:
    medium 0.2 and more (HEVC, whose decoder tells no errors), clean none at all.
    """
    void_chroma_sd: float = 65.0
    """Unless colours differ by more than this, which blocks of a tenth of the picture never make them do (58 at most),
    but the noise of a colour picture in the dark without infrared: with it 0.02 of the pixels have such colours, 73.
    """
    void_in_noise: float = 0.1
    """There it takes this share: noise of the largest gain makes 0.07."""
    decode_errors: float = 1.0
    """Or when the decoder itself reported errors, macroblocks that it had to make up among them."""

    # the view
    covered_texture_share: float = 0.004
    """Covered when at most this share of blocks holds structure: two blocks of noise in a cloth, seen up to 0.0017.
    Smooth asphalt has 0.02 and more.
    """
    open_texture_share: float = 0.01
    """Surely not covered from this share on. What lies between neither confirms nor clears a cover."""
    covered_usual_texture_share: float = 0.12
    """A camera that usually has less structure than this, over bare asphalt, loses it out of focus as it does under a
    cover: the picture alone cannot tell which.
    """
    usual_looks: int = 12
    """Looks after which the usual structure and colour are known."""
    thinned: float = 0.6
    """With less than this share of its usual structure a camera is half covered: a cover has colours and no motion."""
    out_of_focus_sharpness: float = 0.39
    """Out of focus at or below it, by day: severe 0.30, medium 0.39 in 95 %; clean 0.77 and more. By night rain on the
    glass or snowfall before a lamp leave as little (0.28): the picture alone could not be checked.
    """
    out_of_focus_texture_share: float = 0.12
    """With less structure what is left may be the rim of a cover: could not be checked."""
    low_contrast: float = 16.0
    """Low when 90 % of the scene lies within so many grey levels: severe dirt 11 to 18, severe fog 7 to 13. The real
    car park, bare asphalt, has 21; generated streets 37 and more. Less than severe is left to the camera's own usual.
    """
    low_contrast_texture_share: float = 0.015
    """With less structure fog cannot be told from a bag over the lens (up to 0.017): could not be checked."""

    # colour, by day
    cast: float = 18.0
    """A cast when three quarters of all pixels lie so far from grey in one direction, chroma levels: severe 18 to 50;
    a park's lawns may reach 15, clean streets 8 (a bus before the lens) and mostly 0.
    """
    cast_magenta: float = 8.0
    """Towards red and blue at once, where nothing in nature covers a picture, so much is enough: medium 8.3."""
    cast_magenta_each: float = 3.0
    """And both means lie so far from grey."""
    cast_own: float = 6.5
    """Where the camera's usual colour is known: so much, and so far from the usual. Medium 8.3 and more."""
    cast_texture_share: float = 0.12
    """With less structure a coloured cover cannot be told from a cast."""

    # motion
    frozen_exact_share: float = 0.004
    """A pair of key frames is still when at most this share of the scene's pixels changed: the same picture encoded
    again comes to rest at 0.000; live ones keep 0.018 and more wherever the picture is not torn into blocks.
    """
    frozen_changed_share: float = 0.03
    """A pair hardly differs up to this share: live ones keep 0.059 and more, where `strict` does not forbid it."""
    strict_blockiness: float = 2.0
    """From this blockiness on only still pairs count: compression takes the noise out of live pictures, too."""
    strict_texture_share: float = 0.15
    """Below this texture only still pairs count: encoders smooth empty surfaces, in fog to 0.022 of live change."""
    most_blockiness: float = 6.0
    """From this blockiness on stillness says nothing."""
    frozen_dark_share: float = 0.8
    """With more dark pixels than this stillness says nothing: black is clipped, noise and all."""
    frozen_pairs: int = 2
    """Still pairs in a row that make a frozen picture..."""
    frozen_span_ns: int = 2 * NS_PER_S
    """... and the time that they must span."""
    hardly_pairs: int = 3
    """Pairs in a row that hardly differ and make a frozen picture..."""
    hardly_span_ns: int = 20 * NS_PER_S
    """... and the time that they must span."""
    live_changed_share: float = 0.30
    """In rows that do not tell what moved, a picture is live from this share of changed pixels on."""
    live_stir: float = 6.0
    """Something moved: the picture is live. Frozen ones stay below 4.0 in the encoder's first seconds, 2.6 later; of
    live pairs five minutes apart 99 % have more than 7.
    """
    live_drift: float = 2.5
    """Or the light of the whole scene changed so much, grey levels; frozen up to 0.6."""
    quiet_stir: float = 3.0
    """A pair is quiet below it: nothing moved, whatever the encoder did with noise and quantiser."""
    quiet_drift: float = 0.3
    """Nor, by day, did the light of the whole scene change by more than this: frozen ones up to 0.16, behind whatever
    encoder; of live quiet pairs three in four more, and never three in a row less."""
    stands_stir: float = 1.0
    """By day a pair stands when nothing moves by as little as this (frozen ones up to 0.9)..."""
    stands_drift: float = 0.2
    """... nor the light by this: of live pairs by day one in 5,000, never three in a row."""
    once_more_stir: float = 0.7
    """By night this little..."""
    once_more_drift: float = 0.1
    """... and this says that a picture is the one before: two live pairs of 1,400 quiet ones."""
    quiet_pairs: int = 4
    """Quiet pairs in a row that make a frozen picture of a camera that is known never to be so quiet..."""
    quiet_span_ns: int = 20 * 60 * NS_PER_S
    """... the time that they must span at least..."""
    quiet_more_ns: int = 10 * 60 * NS_PER_S
    """... and by how much more than twice the longest quiet that it has come through alive by the same light..."""
    quiet_more_by_day_ns: int = 5 * 60 * NS_PER_S
    """(... by day, when the light of the scene must not move, either: 10 minutes in 145,000 looks...)"""
    quiet_known_pairs: int = 50
    """... of which so many pairs in which something moved must be known."""
    noise_stands_sd: float = 1.0
    """By night, where noise of so many levels stands in the picture..."""
    noise_of_least: float = 0.82
    """... and no more than this part of the least change that it showed alive is left, the noise is always the same:
    frozen ones 0.2 to 0.8, of 1,874 stored quiet looks of live nights one at 0.937, one at 0.944, no other below 0.97
    and never three in a row..."""
    drift_of_least: float = 0.85
    """... or no more than the least change is left, and of the least drift this part: of 699 quiet pairs of live noisy
    nights none..."""
    drift_alone_of_least: float = 0.65
    """... or of that alone this part, however many pixels change: frozen ones 0.35 to 0.56 behind the slowest encoders,
    live ones 0.82 and more, never two in a row 0.9..."""
    faint_of_least: float = 0.65
    """... or this part, where the encoder leaves next to no noise: frozen ones 0 to 0.6, live ones 0.82 and more, two
    in a row 0.86. Then it must last `quiet_span_ns`, and longer than any quiet that it came through alive."""
    quiet_of_least: float = 0.95
    """A quiet that is too long must change by less than this part of it, where noise stands: never two live looks in a
    row, while one of 45 minutes had 0.99."""
    noise_pairs: int = 3
    """So many quiet pairs in a row..."""
    noise_span_ns: int = 8 * 60 * NS_PER_S
    """... over at least this time."""

    # size
    min_width: int = 96
    """A narrower picture is too small for anything but black and over_exposed."""
    min_height: int = 64
    """So is a lower one."""

    # the stream
    frame_rate_of_declared: float = 0.35
    """Low below this share of the rate that the stream declares; a declared field rate is twice the picture rate."""
    frame_rate_as_declared: float = 0.8
    """Surely not low from this share on."""
    clock_off_ns: int = 10 * NS_PER_S
    """A clock is wrong from this offset on: ten times what an unhurried answer and whole seconds explain."""


DEFAULT = PictureThresholds()
