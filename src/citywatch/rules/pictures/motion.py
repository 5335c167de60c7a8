"""Frozen: key frame against key frame, and how quiet this camera is when it lives.

A frozen source is encoded again and again; what differs between two of its pictures is the encoder's work. A live one
differs by noise, by light, and by what moves. So for a pair of key frames

something moved   the means of some blocks, or the light of the whole scene, changed: live, whatever else is said.
                  No encoder moves the mean of a block of 256 pixels so far.
still             next to no pixel of the scene changed. The caption bands are left out: a clock may run there, over a
                  rest that is still, and is no sign of life of the lens.
hardly differs    few pixels changed. Only where the encoder leaves the noise of live pictures standing.
quiet             nothing moved, and yet pixels change everywhere: a live scene without traffic looks so, and so does a
                  frozen one whose encoder chooses its quantiser anew, as x265 does when a clock runs. One pair cannot
                  tell. But a street is not quiet for long: each camera's longest quiet by each light, ended by
                  something that moved, is remembered, and so is the least change it showed while alive. A quiet that
                  lasts far longer, with no more change than it ever showed (`calm`), is frozen; unless much of its
                  usual structure is gone, for nothing moves behind a cover either. By day clouds and the sun itself
                  move, and light that changes from picture to picture ends a quiet.
its noise stands  by night it is the noise that changes. Where far fewer pixels change than ever while it was alive
                  (`faint`), or hardly fewer while the means of the blocks stand, it is the same noise: frozen, within
                  minutes. Where next to no noise is left in the picture, headlights may be what changed while it was
                  alive: then it must last longer than any quiet.

Frozen wants a chain: pairs in a row, each picture compared with the one before it, over a least time. A pair that
changed more ends the chain and no more: the first pair after a picture stops is its last of life against the one that
stands, and in the next ones an encoder still comes to terms with it. Anything else "could not be checked".
"""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light
from citywatch.rules.pictures.answers import Conclusion, Finding, Why, unchecked
from citywatch.rules.pictures.checks import found, is_dark, is_thinned
from citywatch.rules.pictures.limits import PictureThresholds
from citywatch.rules.pictures.look import MOST_PAIRS, Look, LookHistory

_FADES = 128
"""With each pair in which something moved the longest quiet fades by this part of itself..."""
_RISES = 0.002
"""... and the least change rises by so much, unless they are seen again..."""
_RISES_BY_NIGHT = 0.0005
"""... or so much by night: by less than a tenth in a night of rain, in which every pair changes, so that the dry street
after it is no quieter than all that is known. By day clouds bring it down, and only quiets are held against it."""
_NOTHING_KNOWN: list[float] = [0, 0, 1.0]
_DRIFT = " drift"
"""By night the least drift of a pair in which something moved is known, too: [pairs, grey levels]..."""
_DRIFT_RISES = 0.0001
"""... and rises by so much with each."""


def changed(look: Look) -> float:
    """Share of the scene that changed; of the whole picture in rows that do not tell the scene apart."""
    return look.changed_share if math.isnan(look.scene_changed) else look.scene_changed


def is_live(look: Look, limits: PictureThresholds) -> bool:
    """Whether something moved since the picture before."""
    if math.isnan(look.stir):
        return look.changed_share >= limits.live_changed_share
    return look.stir >= limits.live_stir or look.drift >= limits.live_drift


def _is_quiet(look: Look, limits: PictureThresholds) -> bool:
    """Whether nothing moved, whatever the encoder did. The light of a day never stands still for long, either."""
    return look.stir < limits.quiet_stir and not (look.light is Light.DAY and look.drift >= limits.quiet_drift)


def stands(look: Look, limits: PictureThresholds) -> bool:
    """Whether a day stands as still as a frozen one does behind an encoder that makes the noise anew; so does a tunnel,
    whose noise changes no less than it ever did.
    """
    return look.light is Light.DAY and look.stir < limits.stands_stir and look.drift < limits.stands_drift


def is_once_more(look: Look, limits: PictureThresholds) -> bool:
    """Whether this surely is the picture of the look before."""
    return stands(look, limits) or (look.stir < limits.once_more_stir and look.drift < limits.once_more_drift)


def follow(before: LookHistory, look: Look, limits: PictureThresholds) -> LookHistory:
    """The history with one more picture."""
    at_ns = look.shown_ns
    share = changed(look)
    if math.isnan(share) or not 0 <= look.previous_at_ns <= at_ns:
        return ended(before, at_ns)
    if before.last_ns != look.previous_at_ns:
        before = ended(before, look.previous_at_ns)
    if is_live(look, limits):
        return replace(ended(before, at_ns), own=_alive(before, look, share))
    after = replace(before, last_ns=at_ns)
    still, hardly = before.still >= limits.frozen_pairs, before.unchanged >= limits.hardly_pairs
    anew = _is_coded_anew(before, look, limits)
    after = _still(after, look, share <= _still_limit(look, limits) or (still and anew))
    after = _hardly(after, look, share <= _hardly_limit(look, limits) or (hardly and anew))
    if _is_quiet(look, limits):
        since_ns = before.quiet_since_ns if before.quiet else look.previous_at_ns
        after = replace(after, quiet=min(before.quiet + 1, MOST_PAIRS), quiet_since_ns=since_ns)
        after = _calm(after, look, share <= _calm_limit(before, look, limits), begins=stands(look, limits))
        return _faint(after, look, share, _is_faint(before, look, share, limits))
    after = replace(after, quiet=0, quiet_since_ns=-1, own=_stirred(before, look))
    return _faint(_calm(after, look, False), look, share, False)


def ended(before: LookHistory, at_ns: int) -> LookHistory:
    """No chain; the next pair may begin one with the picture of `at_ns`."""
    return LookHistory(last_ns=at_ns, own=before.own, colour=before.colour, texture=before.texture, tear=before.tear)


def _still_limit(look: Look, limits: PictureThresholds) -> float:
    return limits.frozen_exact_share if _tells(look, limits) else -1.0


def _is_coded_anew(before: LookHistory, look: Look, limits: PictureThresholds) -> bool:
    """Whether a picture of a day stands, and the encoder chose its quantiser anew: less changed than ever did while it
    was alive. It goes on with what was still, or hardly differed, and begins nothing.
    """
    if not _tells(look, limits) or not stands(look, limits):
        return False
    _, _, least = before.own.get(look.light.name.lower(), _NOTHING_KNOWN)
    return changed(look) < least


def _hardly_limit(look: Look, limits: PictureThresholds) -> float:
    if not _tells(look, limits):
        return -1.0
    strict = look.blockiness >= limits.strict_blockiness or look.texture_share < limits.strict_texture_share
    return limits.frozen_exact_share if strict else limits.frozen_changed_share


def _tells(look: Look, limits: PictureThresholds) -> bool:
    """Whether stillness says anything."""
    return look.blockiness < limits.most_blockiness and look.dark_share <= limits.frozen_dark_share


def _still(after: LookHistory, look: Look, holds: bool) -> LookHistory:
    if not holds:
        return replace(after, still=0, still_since_ns=-1)
    since_ns = after.still_since_ns if after.still else look.previous_at_ns
    return replace(after, still=min(after.still + 1, MOST_PAIRS), still_since_ns=since_ns)


def _hardly(after: LookHistory, look: Look, holds: bool) -> LookHistory:
    if not holds:
        return replace(after, unchanged=0, since_ns=-1)
    since_ns = after.since_ns if after.unchanged else look.previous_at_ns
    return replace(after, unchanged=min(after.unchanged + 1, MOST_PAIRS), since_ns=since_ns)


def _calm(after: LookHistory, look: Look, holds: bool, *, begins: bool = False) -> LookHistory:
    """`begins`: a calm may have begun with this pair, which does not count: the encoder comes to terms with it."""
    if not holds:
        return replace(after, calm=0, calm_since_ns=look.previous_at_ns if begins else -1)
    since_ns = after.calm_since_ns if after.calm_since_ns >= 0 else look.previous_at_ns
    return replace(after, calm=min(after.calm + 1, MOST_PAIRS), calm_since_ns=since_ns)


def _faint(after: LookHistory, look: Look, share: float, holds: bool) -> LookHistory:
    if not holds:
        return replace(after, faint=0, faint_since_ns=-1, quiet_changed=0.0)
    since_ns = after.faint_since_ns if after.faint else look.previous_at_ns
    most = max(after.quiet_changed, share) if after.faint else share
    pairs = min(after.faint + 1, MOST_PAIRS)
    return replace(after, faint=pairs, faint_since_ns=since_ns, quiet_changed=round(most, 6))


def _alive(before: LookHistory, look: Look, share: float) -> dict[str, list[float]]:
    """What is known of the camera alive, with one more pair in which something moved."""
    own = _stirred(before, look)
    name = look.light.name.lower()
    pairs, longest_ns, least = own.get(name, _NOTHING_KNOWN)
    rises = _RISES if look.light is Light.DAY else _RISES_BY_NIGHT
    least = round(min(least + rises, share), 5)
    own = {**own, name: [min(int(pairs) + 1, MOST_PAIRS), int(longest_ns), least]}
    if look.light is Light.DAY or math.isnan(look.drift):
        return own
    pairs, least_drift = own.get(name + _DRIFT, [0, math.inf])
    least_drift = round(min(least_drift + _DRIFT_RISES, look.drift), 5)
    return {**own, name + _DRIFT: [min(int(pairs) + 1, MOST_PAIRS), least_drift]}


def _stirred(before: LookHistory, look: Look) -> dict[str, list[float]]:
    """What is known of the camera, when a quiet has come to its end."""
    name = look.light.name.lower()
    if name not in before.own and not before.quiet:
        return before.own
    pairs, longest_ns, least = before.own.get(name, _NOTHING_KNOWN)
    quiet_ns = before.last_ns - before.quiet_since_ns if before.quiet else 0
    return {**before.own, name: [int(pairs), max(int(longest_ns) - int(longest_ns) // _FADES, quiet_ns), least]}


def frozen(chain: LookHistory, look: Look, limits: PictureThresholds) -> tuple[Conclusion, float]:
    """The answer about frozen from the history that ends with this look, and how far the look is from it."""
    share = changed(look)
    margin = _margin(chain, look, limits)
    if math.isnan(share):
        return ((), unchecked(Why.TOO_FEW_KEY_FRAMES, Fault.FROZEN)), margin
    if is_live(look, limits):
        return ((), ()), margin
    finding = _by_stillness(chain, look, limits) or _by_noise(chain, look, limits) or _by_quiet(chain, look, limits)
    if finding is not None:
        return ((finding,), ()), margin
    return ((), unchecked(_why(chain, look, share, limits), Fault.FROZEN)), margin


def _by_stillness(chain: LookHistory, look: Look, limits: PictureThresholds) -> Finding | None:
    share = changed(look)
    for pairs, since_ns, most, least_pairs, span_ns in (
        (chain.still, chain.still_since_ns, limits.frozen_exact_share, limits.frozen_pairs, limits.frozen_span_ns),
        (chain.unchanged, chain.since_ns, limits.frozen_changed_share, limits.hardly_pairs, limits.hardly_span_ns),
    ):
        if pairs >= least_pairs and chain.last_ns - since_ns >= span_ns:
            if share > most:
                return found(Fault.FROZEN, "stir", look.stir, limits.stands_stir, most=True)
            return found(Fault.FROZEN, "scene_changed", share, most, most=True)
    return None


def _noise_limit(chain: LookHistory, look: Look, limits: PictureThresholds) -> float:
    """The share of changed pixels that live noise surely exceeds; negative where noise cannot tell."""
    pairs, _, least = chain.own.get(look.light.name.lower(), _NOTHING_KNOWN)
    hidden = is_dark(look, limits) or is_thinned(look, chain.texture, limits) or not _tells(look, limits)
    by_night = look.light in (Light.NIGHT, Light.INFRARED)
    if not by_night or hidden or pairs < limits.quiet_known_pairs or math.isnan(look.noise_sd):
        return -1.0
    return least * (limits.noise_of_least if _is_noisy(look, limits) else limits.faint_of_least)


def _is_faint(chain: LookHistory, look: Look, share: float, limits: PictureThresholds) -> bool:
    """Whether so little changes that it is the same noise; or as much as ever, but hardly the means of the blocks."""
    limit = _noise_limit(chain, look, limits)
    if share <= limit or limit < 0 or not _is_noisy(look, limits):
        return share <= limit
    least_drift = _least_drift(chain, look, limits)
    if look.drift <= limits.drift_alone_of_least * least_drift:
        return True
    return share <= limit / limits.noise_of_least and look.drift <= limits.drift_of_least * least_drift


def _least_drift(chain: LookHistory, look: Look, limits: PictureThresholds) -> float:
    """The least drift of this camera alive by this light; negative where too little is known."""
    pairs, least_drift = chain.own.get(look.light.name.lower() + _DRIFT, [0, 0.0])
    return least_drift if pairs >= limits.quiet_known_pairs else -1.0


def _is_noisy(look: Look, limits: PictureThresholds) -> bool:
    """Whether noise stands in the picture; what an encoder leaves out of it changes, too, but not so evenly."""
    return look.noise_sd >= limits.noise_stands_sd


def _by_noise(chain: LookHistory, look: Look, limits: PictureThresholds) -> Finding | None:
    span_ns = limits.noise_span_ns
    if not _is_noisy(look, limits):
        span_ns = max(limits.quiet_span_ns, int(chain.own.get(look.light.name.lower(), _NOTHING_KNOWN)[1]) + 1)
    if chain.faint < limits.noise_pairs or chain.last_ns - chain.faint_since_ns < span_ns:
        return None
    value, limit = chain.quiet_changed, _noise_limit(chain, look, limits)
    if value > limit:
        most = limits.drift_of_least * _least_drift(chain, look, limits)
        return Finding(Fault.FROZEN, "noise_stands_still", "drift", look.drift, most, most - look.drift)
    return Finding(Fault.FROZEN, "noise_stands_still", "scene_changed", value, limit, limit - value)


def _calm_limit(chain: LookHistory, look: Look, limits: PictureThresholds) -> float:
    """The share of changed pixels that a quiet street exceeds now and then; negative where too little is known."""
    pairs, _, least = chain.own.get(look.light.name.lower(), _NOTHING_KNOWN)
    bare = look.texture_share < limits.strict_texture_share or is_thinned(look, chain.texture, limits)
    if pairs < limits.quiet_known_pairs or bare:
        return -1.0
    # A long quiet of a street by night changes as much as ever: its noise lives.
    lives = _is_noisy(look, limits) and _noise_limit(chain, look, limits) >= 0
    return least * (limits.quiet_of_least if lives else 1.0)


def _quiet(chain: LookHistory, look: Look, limits: PictureThresholds) -> tuple[int, int]:
    """(nanoseconds of this quiet, nanoseconds that it must last); the second is -1 where it is no such quiet."""
    quiet_ns = chain.last_ns - chain.calm_since_ns if chain.calm else 0
    if not chain.calm:
        return quiet_ns, -1
    _, longest_ns, _ = chain.own.get(look.light.name.lower(), _NOTHING_KNOWN)
    more_ns = limits.quiet_more_by_day_ns if look.light is Light.DAY else limits.quiet_more_ns
    return quiet_ns, max(limits.quiet_span_ns, 2 * int(longest_ns) + more_ns)


def _by_quiet(chain: LookHistory, look: Look, limits: PictureThresholds) -> Finding | None:
    quiet_ns, least_ns = _quiet(chain, look, limits)
    if least_ns < 0 or quiet_ns < least_ns or chain.calm < limits.quiet_pairs:
        return None
    value, threshold = quiet_ns / NS_PER_S, least_ns / NS_PER_S
    return Finding(Fault.FROZEN, "quiet_too_long", "quiet_seconds", value, threshold, value - threshold)


def _why(chain: LookHistory, look: Look, share: float, limits: PictureThresholds) -> Why:
    if look.dark_share > limits.frozen_dark_share:
        return Why.TOO_DARK
    if look.blockiness >= limits.most_blockiness:
        return Why.TOO_COMPRESSED
    if share > _hardly_limit(look, limits):
        return Why.CHANGE_TOO_SMALL
    enough = chain.still >= limits.frozen_pairs or chain.unchanged >= limits.hardly_pairs
    return Why.KEY_FRAMES_TOO_CLOSE if enough else Why.TOO_FEW_KEY_FRAMES


def _margin(chain: LookHistory, look: Look, limits: PictureThresholds) -> float:
    """How far one pair is from hardly differing, or its quiet from being too long, in units of the threshold.

    Either needs that nothing moved: what moved more than that is as far as it moved more.
    """
    share = changed(look)
    if math.isnan(share):
        return math.nan
    limit = _hardly_limit(look, limits)
    still = max((share - limit) / limit, _moved(look, limits.live_stir)) if limit > 0 else math.inf
    if chain.still >= limits.frozen_pairs or chain.unchanged >= limits.hardly_pairs:
        still = min(still, _moved(look, limits.stands_stir))
    quiet_ns, least_ns = _quiet(chain, look, limits)
    quiet = (least_ns - quiet_ns) / least_ns if least_ns > 0 else math.inf
    limit = _noise_limit(chain, look, limits)
    noise = (share - limit) / limit if limit > 0 else math.inf
    least_drift = _least_drift(chain, look, limits)
    if limit > 0 and least_drift > 0 and _is_noisy(look, limits):
        least = limit / limits.noise_of_least
        much, alone = (share_of * least_drift for share_of in (limits.drift_of_least, limits.drift_alone_of_least))
        anew = max((share - least) / least, (look.drift - much) / much)
        noise = min(noise, anew, (look.drift - alone) / alone)
    return min(still, max(min(quiet, noise), _moved(look, limits.quiet_stir)))


def _moved(look: Look, threshold: float) -> float:
    return -math.inf if math.isnan(look.stir) else (look.stir - threshold) / threshold
