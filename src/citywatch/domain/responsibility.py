"""Who answers for a device: its area, department, contractor, class and team, by the register and by rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from citywatch.domain.labels import Labels, Matcher


@dataclass(frozen=True, slots=True)
class Responsible:
    """Words of the city's own; '' for what is not known. `team` is who gets the tickets."""

    area: str = ""
    department: str = ""
    contractor: str = ""
    klass: str = ""
    team: str = ""


NOBODY = Responsible()
_MOST_REMEMBERED = 100_000
"""Answers that are remembered: the rules are walked once for a device, not for each of its alerts."""


@dataclass(frozen=True, slots=True)
class ResponsibilityRule:
    """What holds of the devices that match (by `device`, `device_kind`, `site`, and what is known before the rule)."""

    match: Matcher
    gives: Responsible


class Register:
    """Single devices first, then the rules in their order; each fills what is still empty."""

    def __init__(
        self, listed: Mapping[str, Responsible] | None = None, rules: Sequence[ResponsibilityRule] = ()
    ) -> None:
        self._listed = dict(listed or {})
        self._rules = tuple(rules)
        self._found: dict[tuple[str, str, str], Responsible] = {}

    def of(self, device: str, device_kind: str, site: str) -> Responsible:
        """Who answers for this device."""
        key = (device, device_kind, site)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._asked(*key)
        return found

    def _asked(self, device: str, device_kind: str, site: str) -> Responsible:
        known = self._listed.get(device, NOBODY)
        labels = labels_of(device, device_kind, site, known)
        for rule in self._rules:
            empty = {
                one.name: value
                for one in fields(Responsible)
                if not getattr(known, one.name) and (value := getattr(rule.gives, one.name))
            }
            if empty and rule.match.matches(labels):
                known = replace(known, **empty)
                labels = labels_of(device, device_kind, site, known)
        return known


def labels_of(device: str, device_kind: str, site: str, known: Responsible) -> Labels:
    """The labels that say what a device is and who answers for it."""
    return {
        "device": device,
        "device_kind": device_kind,
        "site": site,
        "area": known.area,
        "department": known.department,
        "contractor": known.contractor,
        "class": known.klass,
    }
