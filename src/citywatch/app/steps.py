"""The step that the settings ask for."""

from __future__ import annotations

from citywatch.alerts.desk import AlertPolicy
from citywatch.flow.step import CityStep
from citywatch.laws import load
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.faults import Confirmation
from citywatch.rules.liveness import LivenessPolicy
from citywatch.settings import Settings


def city_step(settings: Settings) -> CityStep:
    """The step that these settings ask for: the same for the running city and for `rerun`."""
    rules = settings.rules
    return CityStep(
        law=load(settings.law),
        cameras=CameraPolicy(
            Confirmation(rules.confirm_looks, rules.confirm_seconds, rules.clear_looks), rules.unknown_after_seconds
        ),
        liveness=LivenessPolicy(rules.missed_heartbeats),
        alerts=AlertPolicy(rules.overload_hold_seconds, rules.severe_over_percent),
        observer=settings.server.observer,
    )
