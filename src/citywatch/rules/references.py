"""Which picture a camera is compared with, for each light and each of its presets.

A view is learned from the camera's own looks: several in a row by the same light and at the same preset, with nothing
found or suspected, in which the structure of each is found again in the next (`steady_share`). The last of them, when
a sketch was kept of it, is adopted. From then on the view is followed: now and then a look in order that agrees well
with the reference replaces it, so that seasons, new paint and parked cars pass. What such a replacement was displaced
by is added up (`off_x`, `off_y`), so that a camera which turns by a hair each day is not followed out of its view.

A view is learned anew by itself
- after a repair that left the camera near its old view, though not quite in it (`aimed_again`);
- when people have declared that it is aimed elsewhere (rules/work.py);
- when its picture is gone from the object store.

Rows of the room `reference`, one a camera: `views` by "light/preset" -> {picture, at_ns, off_x, off_y}, `learning`, the
run of looks in agreement, and `because`, why a view that was dropped is learned anew. There are at most MOST_VIEWS
views; the one that was adopted longest ago gives way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import UNKNOWN_PRESET, Light, Outcome
from citywatch.domain.state import Row, State
from citywatch.rules.pictures import Look

ROOM = "reference"
MOST_VIEWS = 24
MOST_PRESET_CHARACTERS = 64
_KEPT = 0.995
"""Of what references were displaced by, at each new one: the errors of measuring must not add up over the years, and a
turn by a twentieth of a pixel each time still does.
"""


class Adopted(StrEnum):
    """Why a picture became the reference; bounded."""

    FIRST = "first"
    FOLLOWED = "followed"
    """A newer look of the same view."""
    REPAIRED = "repaired"
    """After a repair that left the camera near its old view."""
    PLANNED = "planned"
    LOST = "lost"
    """The picture of the old one was gone."""


@dataclass(frozen=True, slots=True)
class LearningPolicy:
    """When a view is known, and how it is followed."""

    agreeing_looks: int = 3
    """Looks in a row that must agree before the last of them is adopted."""
    agreeing_share: float = 0.5
    """They agree when this share of one's structured blocks is found again in the next..."""
    agreeing_in_noise: float = 0.26
    """... or this one under so much noise as `noisy_sd` (11 levels leave 0.27 to 0.42 of a night, 14 levels 0.41 to
    0.47; buses 0.1 to 0.3)..."""
    agreeing_in_noise_looks: int = 6
    """... in so many looks in a row: no bus stands so long."""
    noisy_sd: float = 5.0
    """Measured noise of so many levels hides what agrees."""
    follow_seconds: int = 4 * 3600
    """A reference older than this is replaced by the next look that agrees with it well and left a sketch."""
    follow_anyway_seconds: int = 24 * 3600
    """By night by one in which nothing passes; when it is so old, by any: what is usual may have been of another year,
    or of another preset."""
    follow_share: float = 0.6
    """Well: this share of its blocks is found again."""
    stale_seconds: int = 1800
    """One that has become unlike the view is replaced as soon as it is so old..."""
    stale_share: float = 0.4
    """... by a look that finds this share of it..."""
    stale_steady: float = 0.2
    """... and so much more of the look before: sun, snow and clouds have made another view of the same place."""
    calm_match: float = 0.65
    """By day nothing is adopted of which less than this is found again..."""
    calm_steady: float = 0.75
    """... unless this much of the look before is: flakes and the shadows of leaves would be missed when they are gone.
    (Of snow that falls two looks have up to 0.7 in common.)"""
    follow_shift: float = 3.0
    """And it is displaced by no more than so many grid pixels."""
    missing_looks: int = 8
    """Looks in a row that could not be compared although there is a reference, until it is learned anew."""


@dataclass(frozen=True, slots=True)
class View:
    """One adopted reference. `name` is its key; `off_x`, `off_y`: its own displacement against the first one of its
    line, grid pixels.
    """

    name: str
    picture: str
    at_ns: int
    off_x: float
    off_y: float

    @property
    def light(self) -> Light:
        return Light[self.name.partition("/")[0].upper()]

    def shift(self, look: Look) -> tuple[float, float]:
        """Where the look lies against the first reference of the line; NaN where it cannot be told."""
        return look.shift_x + self.off_x, look.shift_y + self.off_y


def key(light: Light, preset: str) -> str:
    """The name of a view."""
    return f"{light.name.lower()}/{preset[:MOST_PRESET_CHARACTERS]}"


def learnable(look: Look) -> bool:
    """Whether a look can be of a view at all: a picture, by a known light, at a known preset."""
    return look.outcome is Outcome.PICTURE and look.light is not Light.UNKNOWN and look.preset != UNKNOWN_PRESET


def view(state: State, look: Look) -> View | None:
    """The view that a look was compared with; None when it was compared with nothing that is adopted now.

    It may be one of another light (a night in colour is compared with infrared where it has no reference of its own)
    and, at an unknown preset, whichever fits best.
    """
    row = state.get(ROOM, look.device)
    if row is None or not look.reference:
        return None
    for name, values in row["views"].items():
        if values["picture"] == look.reference:
            return View(name, **values)
    return None


def learn(state: State, look: Look, policy: LearningPolicy, *, typical: bool, empty: bool = True) -> Iterator[Event]:
    """One look in order: count it, and adopt it when that is due. The caller vouches that nothing is suspected.

    typical  whether the look is as bright as looks by this light usually are: twilight stands for no day
    empty    whether as much of the view is found as usually is by this light: nothing passes before it
    """
    if not learnable(look):
        return
    row = state.get(ROOM, look.device) or {"views": {}, "learning": {}, "because": {}}
    name = key(look.light, look.preset)
    known = row["views"].get(name)
    if known is not None and look.reference == known["picture"]:
        if row["learning"].get("name") == name:
            state.put(ROOM, look.device, {**row, "learning": {}})
        if typical and _follows(look, View(name, **known), policy, empty=empty):
            yield _adopt(state, look, name, Adopted.FOLLOWED)
        return
    if known is not None and any(values["picture"] == look.reference for values in row["views"].values()):
        return  # twilight: it was compared with the other light's
    yield from _count(state, look, row, name, known, policy)


def interrupt(state: State, camera: str) -> None:
    """A look that was not in order ends the run of looks in agreement."""
    row = state.get(ROOM, camera)
    if row is not None and row["learning"]:
        state.put(ROOM, camera, {**row, "learning": {}})


def adopt_again(state: State, look: Look, reason: Adopted) -> Iterator[Event]:
    """Take this look in the place of its view's reference at once, where it left a sketch; else learn the view anew."""
    row = state.get(ROOM, look.device)
    name = key(look.light, look.preset)
    if row is None or name not in row["views"]:
        return
    if look.sketch:
        yield _adopt(state, look, name, reason)
    else:
        yield from forget(state, look.device, reason, look.at_ns, only=name)


def forget(state: State, camera: str, reason: Adopted, at_ns: int, *, only: str = "") -> Iterator[Event]:
    """Drop the camera's references, or one of them: they are learned anew."""
    row = state.get(ROOM, camera)
    if row is None:
        return
    gone = {name: values for name, values in row["views"].items() if only in ("", name)}
    left = {name: values for name, values in row["views"].items() if name not in gone}
    because = {**row["because"], **dict.fromkeys(gone, reason.value)}
    state.put(ROOM, camera, {"views": left, "learning": {}, "because": because})
    for name, values in gone.items():
        yield _dropped(camera, name, values, reason.value, at_ns)


def _follows(look: Look, known: View, policy: LearningPolicy, *, empty: bool) -> bool:
    age_ns = look.at_ns - known.at_ns
    # What headlights light up by night would be missed at the next look.
    well = look.match_share >= policy.follow_share and age_ns >= policy.follow_seconds * NS_PER_S
    well = well and (empty or look.light is Light.DAY or age_ns >= policy.follow_anyway_seconds * NS_PER_S)
    stale = (
        look.match_share >= policy.stale_share
        and look.steady_share >= look.match_share + policy.stale_steady
        and age_ns >= policy.stale_seconds * NS_PER_S
    )
    calm = (
        look.light is not Light.DAY or look.match_share >= policy.calm_match or look.steady_share >= policy.calm_steady
    )
    near = max(abs(look.shift_x), abs(look.shift_y)) <= policy.follow_shift
    return bool(look.sketch) and (well or stale) and calm and near


def _count(
    state: State, look: Look, row: Row, name: str, known: Mapping[str, Any] | None, policy: LearningPolicy
) -> Iterator[Event]:
    """A look of a view that has no reference, or whose reference was not at hand."""
    before = row["learning"]
    same = before.get("name") == name
    missing = min(before["missing"] + 1, policy.missing_looks) if same else 1
    likeness = look.match_share if look.reference and not look.steady_share >= 0.0 else look.steady_share
    least = policy.agreeing_in_noise if look.noise_sd >= policy.noisy_sd else policy.agreeing_share
    agrees = same and likeness >= least and before["picture"] == look.previous
    most = max(policy.agreeing_looks, policy.agreeing_in_noise_looks)
    looks = min(before["looks"] + 1, most) if agrees else 1
    # One look of the run that agrees in noise only makes it a run in noise.
    noisy = agrees and (before.get("noisy", False) or likeness < policy.agreeing_share)
    wanted = policy.agreeing_in_noise_looks if noisy else policy.agreeing_looks
    learning = {"name": name, "looks": looks, "missing": missing, "picture": look.picture, "noisy": noisy}
    state.put(ROOM, look.device, {**row, "learning": learning})
    if looks < wanted or not look.sketch or (known is not None and missing < policy.missing_looks):
        return
    because = Adopted(row["because"].get(name, Adopted.FIRST)) if known is None else Adopted.LOST
    yield from _make_room(state, look)
    yield _adopt(state, look, name, because)


def _make_room(state: State, look: Look) -> Iterator[Event]:
    """The reference that was adopted longest ago gives way when there are too many."""
    row: Any = state.get(ROOM, look.device)
    if len(row["views"]) < MOST_VIEWS:
        return
    name = min(row["views"], key=lambda one: (row["views"][one]["at_ns"], one))
    left = {one: values for one, values in row["views"].items() if one != name}
    state.put(ROOM, look.device, {**row, "views": left})
    yield _dropped(look.device, name, row["views"][name], "too_many", look.at_ns)


def _adopt(state: State, look: Look, name: str, reason: Adopted) -> Event:
    row: Any = state.get(ROOM, look.device)
    known = row["views"].get(name)
    off_x = off_y = 0.0
    if known is not None and reason is Adopted.FOLLOWED and not math.isnan(look.shift_x):
        off_x, off_y = (round(value * _KEPT, 3) for value in View(name, **known).shift(look))
    values = {"picture": look.sketch, "at_ns": look.at_ns, "off_x": off_x, "off_y": off_y}
    because = {one: why for one, why in row["because"].items() if one != name}
    state.put(ROOM, look.device, {"views": {**row["views"], name: values}, "learning": {}, "because": because})
    kind = EventKind.REFERENCE_ADOPTED
    identity = event_id(kind, look.device, name, look.at_ns)
    data = {
        "light": look.light.name.lower(),
        "preset": look.preset[:MOST_PRESET_CHARACTERS],
        "picture": look.sketch,
        "replaced": "" if known is None else known["picture"],
        "reason": reason.value,
    }
    return Event(identity, kind, look.device, look.at_ns, "", data)


def _dropped(camera: str, name: str, values: Mapping[str, Any], reason: str, at_ns: int) -> Event:
    light, _, preset = name.partition("/")
    kind = EventKind.REFERENCE_DROPPED
    data = {"light": light, "preset": preset, "picture": values["picture"], "reason": reason}
    return Event(event_id(kind, camera, name, at_ns), kind, camera, at_ns, "", data)
