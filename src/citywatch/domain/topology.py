"""What hangs on what: which places cannot be. Light: the configuration is checked with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

MOST_LEVELS = 8
"""Devices above one another, the lowest and the highest counted."""

PARENT_IS_CHILD = "parent_is_child"
TOO_DEEP = "too_deep"

IN_WORDS: Mapping[str, str] = {
    PARENT_IS_CHILD: "the parent hangs on this device itself",
    TOO_DEEP: "there would be more than eight devices above one another",
}


def misplaced(parents: Mapping[str, str], parent_of: Callable[[str], str] = lambda _: "") -> dict[str, str]:
    """The devices that cannot hang where `parents` says, and why: PARENT_IS_CHILD, TOO_DEEP.

    parents    device -> what it is to hang on, '' for nothing
    parent_of  what any other device hangs on
    """
    found: dict[str, str] = {}
    for device, parent in parents.items():
        levels, at = 1, parent
        while at:
            levels += 1
            if at == device or levels > MOST_LEVELS:
                found[device] = PARENT_IS_CHILD if at == device else TOO_DEEP
                break
            at = parents[at] if at in parents else parent_of(at)
    return found
