"""The limits of what a camera's own can tell, each with what it parts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnThresholds:
    """The limits, tuned on generated streets of the tuning seeds only (docs/decisions/0023)."""

    moved_pixels: float = 8.0
    """Displaced from this many grid pixels on (of 640 for most cameras): 1.25 % of the width."""
    same_pixels: float = 2.5
    """Two displacements are the same when they differ by no more than this."""
    shaking_pixels: float = 4.0
    """Displacements of two looks differ from here on; wind on a mast stays below 3."""
    resting_pixels: float = 2.5
    """A camera that is displaced and differs by less from the look before lies still, but for the wind..."""
    unmoved_pixels: float = 1.0
    """... and by less than this even without it. Between the two a camera that shook may have come to rest near where
    it was: that says nothing (of one that shakes by 0.03 of the height one step in eight is that short)."""
    certain: float = 0.03
    """A displacement counts when it stands this far above the second best."""
    displaced_match_share: float = 0.5
    """And this share of the view is found again there..."""
    displaced_of_usual: float = 0.7
    """... or this one of what is usually found, where noise hides more (11 levels leave 0.59 of a night, and 0.47 to
    0.53 of it shaken)..."""
    surely_found_share: float = 0.8
    """... or so much of either where no other place comes near (`surely_here`): in haze 0.41 to 0.49 of a view..."""
    far_pixels: float = 24.0
    """... or it is as far away as this at the first look, and stays so: a bus is gone, or elsewhere, at the next."""
    another_match_share: float = 0.38
    """Another view: no more than this share of the reference is found again..."""
    another_of_usual: float = 0.6
    """... nor than this share of what is usually found."""
    another_lost_of_rest: float = 0.7
    """... and of the rest less than this share has lost its structure: that would be a cover."""
    another_texture_of_usual: float = 0.4
    """... and the picture holds this share of its usual structure..."""
    another_texture_elsewhere: float = 0.3
    """... or this one where what is not found stands elsewhere: a camera that hangs into the sky (0.34 to 0.43; what
    stickers of 0.6 leave 0.24 to 0.32)..."""
    another_lost_elsewhere: float = 0.6
    """... of which less than this share of the rest has lost its structure (0.49 to 0.56; stickers 0.68 and more)..."""
    another_texture_of_nothing: float = 0.15
    """... or this one, where nothing of the view is seen (0.27 to 0.34; what plates leave 0.03 at most)..."""
    nowhere_match_share: float = 0.05
    """... nor more than this found: beside a cover of 0.6 there are 0.076 and more, into the sky 0.03 at most."""
    sky_texture: float = 0.05
    """(With so much structure a night that has lost its contrast, and of which nothing is seen, is another view...)"""
    sky_brightness_of_usual: float = 1.02
    """(... and no fog, when it is no brighter than this: views into the sky 0.84 to 1.0; fog lightens.)"""
    sky_correlation: float = 0.1
    """(In one that is as dark as ever so much may agree: 0.087.)"""
    another_texture_by_night: float = 0.25
    """... or this one by night: a camera that hangs into the sky sees few lamps."""
    dull_contrast_of_usual: float = 0.35
    """What passes or falls before a night, and a cover, leave more of its contrast than this (buses 0.83 and more,
    covers 0.48 and more); a view into the dark sky 0.18."""
    seen_texture: float = 0.15
    """A picture with this structure is no fog of which only blocks that happen to be alike are found."""
    unlike_both: float = 0.25
    """In the dark, in a picture too bright for the night: no more than this share of the best of both references is
    found again, from look to look. Clean ones: buses only, never three looks in a row."""
    by_chance_match_share: float = 0.12
    """What finds so little of the reference, and stays, lies at its place by chance (0.066 of a view turned by half its
    width; what hides a view and stays for two looks leaves 0.167 and more)."""
    steady_share: float = 0.6
    """A view is the same at two looks when this share of one is found again in the other..."""
    steady_by_night: float = 0.5
    """... or this one by night, whose noise and headlights hide some of it: another street of 9 levels of noise 0.61
    and more, buses one after the other 0.1 to 0.3..."""
    steady_and_like: float = 0.35
    """... or this one, when its figures are those of the look before, too: something passes in it..."""
    steady_of_usual: float = 0.5
    """... or this share of what is usually found (11 levels of noise leave 0.48 of a night, of one in haze 0.31; 14
    levels of another street 0.27)."""
    same_light_drift: float = 1.8
    """... or by night its light is that of the look before within so many grey levels (roads in falling snow, and under
    headlights in noise, 0.6 to 1.5; of two looks in a row of 280,000 clean ones none that found as little)."""
    only_noise_sharpness: float = 2.5
    """A picture is steady, too, when nothing of the view is seen, its figures are those of the look before, and it is
    so much sharper than usual, for there is only noise: in a grey sky that finds 0.22 of itself (sharper by 3.2)."""
    still_share: float = 0.75
    """A picture of which so much is the look before lies where the two together say, whatever the reference says..."""
    still_pixels: float = 2.5
    """... and has not moved when that is no farther than this: a blur leaves the reference no place to be sure of."""
    covered_lost_share: float = 0.75
    """Covered when this share of the reference's structured blocks is lost..."""
    covered_match_share: float = 0.2
    """... and no more than this is found..."""
    covered_standing: float = 0.45
    """... with this share of its contrast: fog, too, hides all but the near."""
    covered_contrast: float = 25.0
    """Where too little is found to tell: fog leaves fewer grey levels than this in all..."""
    fog_brightness_of_usual: float = 1.35
    """... and is brighter than the usual by this factor."""
    film_contrast_ratio: float = 0.25
    """Covered by a film when what is found again has no more than this share of its contrast (severe and medium up to
    0.19; dirt has as little)..."""
    film_slope_ratio: float = 0.88
    """... and edges flatter than this against the reference: films up to 0.85, fog and dirt 0.91 and more..."""
    bare_texture: float = 0.12
    """... or where a view with more structure than this..."""
    empty_of_usual: float = 0.12
    """... keeps no more than this share of it: films up to 0.015, plates 0.075, dirt 0.22 and more..."""
    empty_of_usual_bright: float = 0.03
    """... or than this in a picture as bright as fog, which leaves little (0.01 to 0.05 where it is densest)..."""
    seen_correlation: float = 0.15
    """Of a view whose coarser detail agrees so much with the reference something is seen (98 of 100 films 0.2 and more;
    plates that hide all 0.05 at most)..."""
    film_transfer_ratio: float = 0.52
    """... blurred behind a film, when no more than this of the finer detail is left beside the coarser (0.48 at most;
    dirt 0.66 and more, fog 0.58 and more)..."""
    bare_contrast: float = 6.0
    """No fog leaves as little contrast as this (7 and more)."""
    bare_transfer_ratio: float = 0.7
    """Where nothing is left but noise (`thick_sharpness`; in such fog edges of up to 1.5), the finer detail may be
    so much of the coarser, for it is the encoder's: severe films 0.48 to 0.68, fog 0.72 and more."""
    film_coarse_transfer: float = 0.15
    """... and of the coarser no more than this, in a picture that has lost its contrast (medium ones 0.057, mild ones
    0.1; out of focus keeps it)."""
    unseen_correlation: float = 0.08
    """Of what agrees by less nothing is seen (displaced views 0.06, in the middle; severe covers of a part 0.11 and
    more, webs 0.08)."""
    seen_through_correlation: float = 0.5
    """What agrees by so much is seen through something, however much contrast that has: beside a plate that leaves a
    part of the view 0.34 at most, behind dirt 0.55 and more."""
    hardly_seen_correlation: float = 0.05
    """And in a picture as bright as fog, without contrast, so little is enough for fog (0.054 and more at 12 m): only
    what is near is seen. Of a film's view more is seen, or it is no brighter than by 1.33..."""
    hardly_seen_contrast: float = 12.0
    """(With no more contrast than this, which plates in such light exceed (16)...)"""
    hardly_seen_least_contrast: float = 4.5
    """(... and with no less than this: fog 5, films of whose view so little is seen 4 at most...)"""
    hardly_seen_in_thick: float = 0.03
    """(... so little: 0.038 under a noise of 1.5 levels.)"""
    hardly_seen_brightness: float = 1.41
    """(thick fog 1.46 and more, films of whose view so little is seen 1.37 at most)..."""
    hardly_seen_sharpness: float = 0.9
    """... and something is sharp, if only the noise (1.2 and more): the light that falls on a plate has 0.63."""
    film_match_share: float = 0.3
    """... of which fog also hides more than this share: what is found behind a film lies everywhere."""
    smooth_contrast: float = 18.0
    """As much contrast with as little structure is light that falls on a cover: fog with so little has up to 13."""
    partly_lost_share: float = 0.16
    """Partly covered when this share is lost above the usual..."""
    partly_lost_of_rest: float = 0.4
    """... and this share of all that is not found..."""
    partly_found_of_rest: float = 0.38
    """... while this share of what is not lost (where much is: and was found lately) is found where it was..."""
    partly_found_there: float = 0.2
    """... or this one, where it surely lies in its place (0.33 beside a leaf; one of 280,000 clean looks)..."""
    partly_rise: float = 0.12
    """... and so much more than at the last look in order: a cover comes at once, snow that lies and haze creep..."""
    at_once_lost_share: float = 0.3
    """Haze does not take so much more from one look to the next..."""
    at_once_ratio: float = 0.8
    """... and leave what is found again so much of the contrast that it had (fog and dirt 0.1 to 0.4)."""
    partly_contrast_of_usual: float = 0.7
    """... with this share of its usual contrast: fog takes the far away first, and some of the near..."""
    partly_contrast_spreads: float = 2.0
    """... or so many spreads less than usual, as clouds leave where the sun makes much of it..."""
    fogless_brightness_of_usual: float = 1.1
    """... in a picture no brighter than this: fog lightens."""
    hazy_brightness_of_usual: float = 1.25
    """Brighter than the usual by this factor..."""
    hazy_contrast_of_usual: float = 0.8
    """... and with less contrast than this share of it: haze may hide what is lost."""
    dusk_lost_share: float = 0.36
    """What is lost of a night in a picture of the day's colours may be what its lamps do not light, up to this share (a
    dawn over snow 0.42, and pale; none else of 280,000 clean looks 0.33; behind a leaf that darkens a day 0.4)."""
    noon_correlation: float = 0.3
    """(At an hour that is surely day what agrees so little with the night is covered: a dark cloth 0.18 to 0.25.)"""
    shadows_lost_share: float = 0.3
    """What is lost may be the shadows of leaves that lay in the reference, up to this share..."""
    shadows_contrast_of_usual: float = 0.85
    """... where the sun has taken contrast from all the rest, too: less than this share of it is left..."""
    shadows_texture_of_usual: float = 0.75
    """... and there is structure where they lay: this share of the usual (0.81 and more; before cloths of 0.4 0.59 to
    0.9)..."""
    shadows_cells: int = 9
    """... or they took fewer cells than this as a whole (8 of the 48 at most; cloths of 0.4 from 9 on)."""
    weathered_of_usual: float = 0.8
    """And it may be what snow has left on the ground where, by day, the last look in order found less than this share
    of what is usually found: flakes have more edges than the street."""
    mostly_lost_share: float = 0.45
    """Where so much is lost, no other view can be meant: then it is enough that what is found lies where it was..."""
    mostly_certain: float = 0.05
    """... by this certainty..."""
    mostly_contrast_of_usual: float = 0.6
    """... with this share of the contrast: fog that hides so much leaves 0.51."""
    nearly_lost_share: float = 0.6
    """Where even more is lost, it is enough that the picture stays the same, and is as sharp as ever..."""
    nearly_found_of_rest: float = 0.25
    """By night so much of what is not lost must be found (other views 0.19 at most); and behind fog and dirt, where
    there is contrast (0.37 and more)."""
    gone_lost_share: float = 0.45
    """By day this much is enough..."""
    gone_of_rest: float = 0.59
    """... when it is so much of all that is not found: beside stickers and leaves 0.6 and more, where nothing of the
    view is seen 0.64; in a camera that hangs into the sky 0.54 at most."""
    sky_texture_by_day: float = 0.265
    """But not where nothing of the view is seen in a picture with so much structure (skies 0.275 to 0.41; stickers
    0.256 at most...)"""
    sky_steady_share: float = 0.92
    """(... that is the look before by so much; beside a cover a bus passes, 0.71 at most).)"""
    nearly_contrast_of_usual: float = 0.55
    """... or as full of contrast: fog, dirt and films leave next to none (0.44 at most behind a plate)."""
    nearly_contrast_by_day: float = 0.45
    """(By day so much, in a picture that is no brighter than haze makes it (fog in which so much is lost is by 1.43 and
    more)...)"""
    nearly_ratio: float = 0.85
    """(... of which what is found has so much of its own: beside dark stickers 0.87 to 0.91, in fog 0.66 at most.)"""
    nearly_steady_share: float = 0.75
    found_by_chance: float = 0.15
    """What is found by no more than this share, away from its place, says nothing of the contrast that is left."""
    strange_pixels: float = 8.0
    """Looks at another view agree with the reference best at places no farther apart than this, if at all."""
    here_certain: float = 0.06
    """What lies where it always was, by at least this certainty, is the old view, however little is found of it: when
    there is a veil before it..."""
    surely_here: float = 0.15
    """... or by this one, whatever hides the rest: snow that falls leaves 0.17 and more. A veil of which light,
    contrast and blur leave no doubt need be no surer of its place than a displacement."""
    veiled_of_usual: float = 0.7
    """Veiled: no more than this share of what is usually found, found where it was, and the picture stays the same."""
    veiled_again_of_usual: float = 0.8
    """One that was there at the look before may leave more: at its edges the light decides what is found."""
    veiled_correlation: float = 0.6
    """And its coarser detail agrees no more than this: medium webs 0.56 at most."""
    unplaced_correlation: float = 0.4
    """Nor, where the view has no place to be sure of, by so much (webs 0.1 to 0.38 there; low sun 0.43)."""
    veiled_known_looks: int = 36
    """Only where so many looks by this light tell what is usual: not in a camera's first evening, as it grows dark;
    nor, of what is lost in shadows, in its first morning."""
    veiled_steady_share: float = 0.8
    """(Webs leave 0.87 and more of the look before; snow that falls by night up to 0.7)..."""
    veiled_steady_of_usual: float = 1.1
    """... or so much more than the night's noise leaves of two looks in order: threads are coarse and bright (10 levels
    leave 0.54 to 0.59 of a night, and 0.71 to 0.83 of a web)."""
    veiled_drop: float = 0.1
    """And what is found has dropped by this since the last look in order, or below what was found lately, which falls
    by as much from look to look: snow thickens, a veil is there."""
    veiled_sharpness_of_usual: float = 0.85
    """A veil is near and blurred, and full of contrast: the sharpest of the picture falls behind. Shadows are sharp."""
    veiled_sharpness_by_day: float = 0.8
    """By day as far as this (webs 0.53 to 0.76; haze with the sun in it 0.83 and more)..."""
    veiled_contrast_by_day: float = 1.1
    """... and the whole picture has this much more contrast than usual (webs 1.23 and more): haze takes it..."""
    veiled_brightness_by_day: float = 1.08
    """... and this much more light (webs 1.12 and more; a lens that zoomed into a road, which is like itself,
    1.05)..."""
    veiled_in_the_dark: float = 0.95
    """... or less than by day at all (in the dark 0.81 to 0.92)."""
    veiled_in_all: float = 2.9
    """Whichever of these a day shows, it must do so much of all together: light times contrast over sharpness times
    what is found, each as a share of the usual (webs 2.94 and more, 98 of 100 severe ones 3.6; the sun alone 1.1 to
    2.65)..."""
    veiled_in_all_again: float = 2.7
    """... or this much where a veil was seen at the look before, and stays; or where there is no doubt of one."""
    weighed_in_the_dark: float = 0.88
    """(Not where so little light of the day is left: it takes what a web adds.)"""
    threads_of_usual: float = 0.65
    """Threads in the sun leave no more than this to be found (0.35 to 0.63; the sun alone 0.73 and more)..."""
    threads_sharpness: float = 0.87
    """... and are as blurred as this, where the sun is on the street, too (0.55 to 0.86)..."""
    threads_brightness: float = 1.12
    """... so much brighter (1.15 to 1.4)..."""
    threads_contrast: float = 1.2
    """... and so much fuller of contrast..."""
    threads_contrast_left: float = 0.55
    """... while what is found again keeps less of its own, as they lie over that, too (0.65 and more)."""
    sure_correlation: float = 0.5
    """No doubt of a veil: no more than this of the coarser detail agrees (webs in the sun 0.19 to 0.42, in the lamp's
    light 0.2 to 0.47)..."""
    sure_brightness_by_night: float = 1.35
    """... and by night the picture is so much brighter (1.41 to 1.9)..."""
    sure_sharpness_by_night: float = 0.95
    """... hardly as sharp as usual (0.44 to 0.9; a dawn that snow lightens 1.05 and more)..."""
    sure_detail: float = 1.1
    """... and has more detail than the view (1.16 to 1.97)..."""
    sure_contrast: float = 1.0
    """... by day it has all its contrast (1.07 to 1.26)..."""
    sure_contrast_in_light: float = 0.9
    """(... or this much, where the light of what lies before it leaves no doubt, and the view lies in its place: webs
    in haze 0.95 to 0.98...)"""
    sure_brightness: float = 1.24
    """... and is so much brighter (1.26 to 1.56; of 144,000 clean ones by day none from 1.22 to 1.28), while the view
    lies in its place by `here_certain`..."""
    sure_light_of_correlation: float = 0.53
    """(... by more of the usual light, the more of the view's detail still agrees: so many times (0.54 and more of
    webs; low sun 0.3 to 0.47)...)"""
    sure_steady_share: float = 0.85
    """(... or so much of the picture is that of the look before...)"""
    sure_of_usual: float = 0.75
    """... and no more than this of it is found (0.32 to 0.73)..."""
    over_all_brightness: float = 1.1
    """... or it is brighter by this..."""
    over_all_sharpness: float = 0.95
    """... hardly as sharp as usual (0.66 to 0.89)..."""
    over_all_least_left: float = 0.45
    """... while what is found again keeps so much of its contrast..."""
    over_all_most_left: float = 0.8
    """... and no more (0.53 to 0.62). Clean looks like one of these: two of 99,000 by day, one of 97,000 by night,
    never two in a row."""
    veiled_most_of_usual: float = 0.5
    """Or it lies over so much that no more than this is found, surely in its place: before a scene that is full of
    contrast by itself. Clean looks of that kind: one in 5,000, never two in a row."""
    veiled_brightness_of_usual: float = 1.22
    """In the dark a lamp of the camera's own lights it up (webs 1.32 and more; a lit front that a lens was drawn to a
    little 1.18, buses 1.17 at most)..."""
    veiled_contrast_by_night: float = 0.8
    """... and takes no contrast (1.0 to 1.6; a view into the sky 0.2 to 0.6)."""
    veiled_detail_by_night: float = 0.97
    """... nor detail: of all the finer there is, so much as the view has (1.0 to 2.8; snow in a lamp's light 0.6 to
    0.9)."""
    veiled_detail_again: float = 0.85
    """... or this much of one that was seen at the look before, and stays."""
    plain_brightness_of_usual: float = 1.3
    """No doubt of a veil by night: so much brighter..."""
    plain_contrast_of_usual: float = 1.25
    """... with so much more contrast..."""
    plain_sharpness_of_usual: float = 0.75
    """... and as blurred as this."""
    veil_pixels: float = 4.0
    """And what is found lies where it was (within 2.5): a lens that zooms in a little blurs, too, and shifts by 4.6 and
    more."""
    drawn_pixels: float = 2.75
    """... or by this one, and surely, in a night that is brighter than usual, and not lit up (zooms 2.79 to 3.6; of 948
    looks at webs by night none, of 152,000 clean ones none)..."""
    drawn_certain: float = 0.09
    """... by this certainty..."""
    drawn_far_pixels: float = 3.2
    """... or by this one, as surely as a displacement is (zooms 7 and more, of which half of the usual is found; webs
    none; of clean looks four, each a bus that was gone at the next)."""
    lit_up_brightness_of_usual: float = 1.65
    """Webs and twigs that a lamp lights up by night make it brighter by 1.57 to 2.0; a lit front that the lens was
    drawn to, by 1.58 at most."""
    lit_up_least_sharpness: float = 0.3
    """And are sharper than the glare of lamps in a lens (0.2 to 0.28): by this share of the usual..."""
    lit_up_sharpness_of_usual: float = 0.75
    """... and no sharper than this (0.35 to 0.77)."""
    dark_correlation: float = 0.25
    """In the dark no more than this of a view agrees behind threads (0.1 to 0.17; dawns 0.54 and more)..."""
    dark_certain: float = 0.02
    """... and it lies in its place by this certainty (0.021 to 0.054; what a lens was drawn to lies 4.3 away)."""
    lit_up_pixels: float = 12.0
    """Its threads may draw what is found by so much (9)."""
    lit_up_lost_share: float = 0.15
    """... and leave edges all over the picture: less than this has lost its own (0.12 at most; a lit front that the
    lens was drawn to, and that is as bright, 0.18 to 0.25)."""
    same_cells: float = 0.5
    """Two covers are the same when this share of the lost cells is lost both times."""
    slope_ratio: float = 0.78
    """Out of focus when the edges are flatter than this against the reference..."""
    sharpness_of_usual: float = 0.5
    """... and the sharpness is below this share of the usual."""
    blurred_slope_ratio: float = 0.86
    """Not so flat at all..."""
    blurred_sharpness_of_usual: float = 0.4
    """... where the sharpness is below this share, and half of the view is not found again: noise holds up the edges of
    the night (severe ones find up to 0.42)."""
    blurred_found_slope_ratio: float = 0.8
    """Where more is found, edges are flatter: medium ones up to 0.76; snow under lamps leaves 0.85 and more."""
    blur_correlation: float = 0.25
    """Where the coarser detail agrees so much with the reference (severe blurs 0.27 to 0.77, other views to 0.23)..."""
    blur_hardly_correlates: float = 0.12
    """... or so much, where no detail of its own is left in the picture that another view would have..."""
    blur_hardly_transfers: float = 0.03
    """... and so much of it is left..."""
    blur_bare_detail_ratio: float = 0.4
    """... but no more than this, noise and all (severe ones by night 0.14 to 0.35)..."""
    another_correlation: float = 0.15
    """Of a view that agrees by less, a lens that was zoomed in among them (0.10 to 0.13), nothing flat is a blur..."""
    another_sharpness_of_usual: float = 0.3
    """... in a picture that is sharper than this (0.45 to 0.75; one that is out of focus 0.08 to 0.2)."""
    blur_transfer_ratio: float = 0.45
    """... and no more than this of the finer is left beside it, the view is blurred, whatever noise holds up its edges:
    severe ones 0.25 at most, medium ones 0.45 by day and 0.6 in the noise of the night; 1,872 clean looks 0.5 and more,
    and but three of them 0.69..."""
    blurred_transfer_ratio: float = 0.6
    """(Up to this one where nothing in the picture is as sharp as usual, either.)"""
    sharp_transfer_ratio: float = 0.75
    """Of a view of which more than this is left, whatever its edges are, nothing is out of focus: twilight, snow and
    rain flatten edges and leave 0.83 and more."""
    blur_by_any_light: float = 0.35
    """... and by so little no light explains it: twilight, lamps and snow take both alike..."""
    blur_coarse_transfer: float = 0.07
    """... while so much of the coarser is left..."""
    blur_detail_ratio: float = 0.7
    """... and of all finer detail, whatever it is, no more than this: severe ones keep 0.44 in the noisiest night,
    medium ones 0.62; another view, some lamps of which stand where lamps stood, has its own (0.65, 97 in 100)..."""
    blur_sharpness_of_usual: float = 0.85
    """... and nothing is sharper than this, if only by the noise: severe ones 0.78 at most, in 12 levels; other views
    0.9 and more..."""
    blur_noise_sharpness_of_usual: float = 0.95
    """(... or than this one, 0.91 in 14 levels of noise...)"""
    blur_noise_transfer_ratio: float = 0.18
    """(... where of the finer detail no more than this is left beside the coarser: 0.14; other views 0.23)..."""
    blur_contrast_of_usual: float = 0.45
    """... and so much of the contrast: a blur keeps it (0.49 to 1.6), films do not (0.12 at most)."""
    bright_night_of_usual: float = 1.12
    """A night brighter than this shows another scene: snow lies on the ground, and has no edges. A blur keeps the
    brightness (0.97 to 1.04)..."""
    bright_night_contrast_of_usual: float = 1.15
    """... and adds no contrast (0.82 to 1.06), as snow in a lamp's light does even as it melts (1.23 and more)..."""
    bright_night_in_all: float = 1.16
    """... nor of both together, one times the other: a blur 1.1 at most, snow in the light of lamps 1.23 and more."""
    first_dusk_of_usual: float = 0.9
    """At an hour that the camera has never seen by day or night, a day darker than this may be a dusk."""
    lamps_contrast_of_usual: float = 1.25
    """A day with this much more contrast is a dusk under lamps: the street lies in their light, the rest is pale."""
    contrast_of_usual: float = 0.45
    """Low when contrast over brightness is below this share of the usual..."""
    brightness_of_usual: float = 0.75
    """... and the picture not darker than this share of the usual. (The night knows no such bound.)"""
    dirt_contrast_of_usual: float = 0.42
    """What is found again must have lost its contrast, too: to this share of the usual, as behind dirt..."""
    dirt_contrast_in_haze: float = 0.33
    """(... and to this one where it had lost it already at the last look in order: haze over snow 0.42...)"""
    haze_ratio: float = 0.7
    """(... and kept so much of what it had left...)"""
    fog_contrast_of_usual: float = 0.6
    """... or to this one, when much is not found at all, as in fog. Snow on the ground leaves more."""
    fog_lost_share: float = 0.3
    pale_detail_ratio: float = 0.7
    """And of all finer detail less than this is there: the noise of the noisiest night has 0.44 of it. A camera that is
    tilted into the sky, where lamps stand by chance where lamps stood, has 0.74 and more."""
    fog_match_share: float = 0.05
    """The densest fog leaves so much to be found (visibility of 8 m 0.06 and more)..."""
    fog_most_match_share: float = 0.25
    """... and no more (0.2 where no structure is left; a film that leaves something leaves it everywhere, 0.33)..."""
    fog_certain: float = 0.09
    """... by this certainty in its place: 0.1 and more at 10 m; plates 0.02, films that leave as little hardly 0.08."""
    thick_certain: float = 0.03
    """Fog that leaves next to nothing lies there by this certainty (0.04 to 0.07)..."""
    thick_sharpness: float = 2.5
    """... in a picture this sharp at most: what is near has edges, up to 2.1; behind a film that leaves as little there
    is only noise left, 3.8 and more..."""
    thick_contrast_ratio: float = 0.35
    """... and what is found is paler than this: beside a plate it has all its contrast, 0.38 and more."""
    lit_contrast_of_usual: float = 0.66
    """In a picture as bright as fog it is enough that what is found again keeps no more than this..."""
    lit_lost_share: float = 0.42
    """... and so much is gone..."""
    fog_coarse_transfer: float = 0.15
    """... or no more than this of the coarser detail of all the view (fog of 35 m 0.11, in the middle)..."""
    fog_detail_ratio: float = 0.22
    """(... of whose finer detail, noise and all, less than this is left: fog and dirt leave 0.14 at most; a bright
    cloth, in a picture as bright, 0.32 and more...)"""
    near_found_of_rest: float = 0.6
    """(... and of the rest this share found in a picture nearly as bright (`fog_brightness_of_usual`): fog 0.6 and more
    in nine of ten, cloths in haze 0.3 to 0.58...)"""
    hidden_detail_ratio: float = 0.16
    """(... or, where one was seen at the look before, 0.17 and more...)"""
    hidden_noise_sd: float = 2.0
    """(... in no more noise than this...)"""
    fog_lit_contrast_of_usual: float = 0.75
    """... and of what is found again as much (beside stickers and cloths 0.83 and more)."""
    spreads: float = 6.0
    """No threshold lies nearer to the usual than so many times its spread."""
    dark_of_usual: float = 0.75
    """A dark picture with this share of the light of the camera's usual nights..."""
    shown_texture: float = 0.3
    """... which show so much structure..."""
    shown_texture_in_the_dark: float = 0.1
    """... and with so much of its own (views into the sky 0.12 to 0.25) is not hidden by darkness."""
    colourless_brightness: float = 0.8
    """By day: a picture without colour as bright as this share of the usual day..."""
    colourless_texture: float = 0.4
    """... with this share of its structure..."""
    colourless_over_infrared: float = 1.35
    """... and brighter than the usual infrared by this factor."""
    noise_of_infrared: float = 0.8
    """But not with this share of the noise of its infrared nights: in the light of day there is no such gain (webs in
    the lamp's light 0.92 to 1.06)..."""
    noise_over_day: float = 1.0
    """... where that is so many levels above what is usual by day. (Stuck by day 0.65 of what both ask, at most.)"""
    colour_noise: float = 1.3
    """Colour noise: noise above that of the usual infrared by this factor..."""
    colour_noise_chroma_sd: float = 10.0
    """... and a spread of the chroma of so many levels..."""
    colour_noise_chroma_of_day: float = 1.6
    """... and above the usual of the day by this factor: noise has more colours than a street."""
    unlit_of_infrared: float = 0.85
    """In the dark, and in colour, and darker than this share of the usual infrared: the lamp's filter is stuck."""
    far_darker: float = 0.5
    """... or, at an hour beside a twilight, this one of its infrared nights (unlit ones 0.33 to 0.4)."""
    frame_rate_of_usual: float = 0.5
    """Low when below this share of the usual."""


DEFAULT = OwnThresholds()
