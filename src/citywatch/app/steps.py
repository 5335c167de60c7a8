"""The step that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from citywatch.alerts.desk import AlertPolicy
from citywatch.domain.pictures import Fault
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.claims import ClaimPolicy
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.faults import Confirmation
from citywatch.rules.incidents import IncidentPolicy
from citywatch.rules.liveness import LivenessPolicy
from citywatch.settings import RuleSettings, Settings


def confirmations(rules: RuleSettings) -> Mapping[Fault, Confirmation]:
    """The rule of each fault of a camera: its own, then what is set for all, then what is set for it."""
    chosen = {}
    for fault, own in CONFIRMATIONS.items():
        values = asdict(own)
        for settings in (rules, rules.faults.get(fault)):
            given = {} if settings is None else {name: getattr(settings, name) for name in values}
            values |= {name: value for name, value in given.items() if value is not None}
        chosen[fault] = Confirmation(**values)
    return chosen


def city_step(settings: Settings) -> CityStep:
    """The step that these settings ask for: the same for the running city and for `rerun`."""
    rules = settings.rules
    return CityStep(
        law=load(settings.law),
        cameras=CameraPolicy(confirmations(rules), rules.unknown_after_seconds),
        liveness=LivenessPolicy(rules.missed_heartbeats),
        alerts=AlertPolicy(rules.overload_hold_seconds, rules.severe_over_percent),
        claims=ClaimPolicy(rules.claims_hold_seconds, rules.claims_lapse_seconds),
        observer=settings.server.observer,
    )


def incident_step(settings: Settings) -> IncidentStep:
    """The second step, that of the incident stage."""
    chosen = settings.incidents
    return IncidentStep(
        IncidentPolicy(chosen.share_percent, chosen.window_seconds, chosen.wait_seconds, chosen.settle_seconds),
        AlertPolicy(settings.rules.overload_hold_seconds, settings.rules.severe_over_percent),
    )
