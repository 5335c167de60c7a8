"""The step that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from citywatch.alerts.policy import AlertPolicy, Escalation, Flapping
from citywatch.app.law_files import read_law_files
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault
from citywatch.domain.responsibility import Register
from citywatch.errors import ConfigurationError
from citywatch.flow.desks import Desks
from citywatch.flow.incident_step import IncidentStep
from citywatch.flow.step import CityStep
from citywatch.laws import LawBook, book, load
from citywatch.laws.full import FullLaw
from citywatch.laws.instruments import accuracy
from citywatch.laws.reading import instant
from citywatch.rules.cameras import CameraPolicy
from citywatch.rules.claims import ClaimPolicy
from citywatch.rules.confirmations import CONFIRMATIONS
from citywatch.rules.detours import DetourPolicy, Route
from citywatch.rules.enforcement import Instrument
from citywatch.rules.evasion import EvasionPolicy
from citywatch.rules.faults import Confirmation
from citywatch.rules.findings import FindingPolicy
from citywatch.rules.incidents import IncidentPolicy
from citywatch.rules.liveness import LivenessPolicy
from citywatch.rules.scale_health.reference import Gauge, Population
from citywatch.rules.scale_health.watch import HealthPolicy
from citywatch.rules.scales import ScalePolicy
from citywatch.rules.statistics import StatisticsPolicy
from citywatch.settings import FaultRuleSettings, RuleSettings, Settings
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy

if TYPE_CHECKING:
    from citywatch.laws import Law, OneLaw

_PRESUMED = {"yes": True, "no": False, "unknown": None}


def confirmations(rules: RuleSettings) -> Mapping[Fault, Confirmation]:
    """The rule of each fault of a camera: its own, then what is set for all, then what is set for it."""
    chosen = {}
    for fault, own in CONFIRMATIONS.items():
        values = asdict(own)
        for settings in (rules, rules.faults.get(fault)):
            if settings is not None:
                values |= settings.model_dump(include=set(FaultRuleSettings.model_fields), exclude_none=True)
        chosen[fault] = Confirmation(**values)
    return chosen


def instruments(settings: Settings) -> dict[str, Instrument]:
    """What is known of the scales, by device."""
    found = {}
    for scale in settings.scales:
        followed_by = None
        for given in reversed(scale.instrument):
            known = accuracy(given.standard, given.accuracy_class)
            allowance = known.gross_percent if given.allowance_percent is None else given.allowance_percent
            followed_by = Instrument(
                known,
                instant("certified_from", given.certified_from),
                instant("certified_to", given.certified_to),
                round(10_000 * allowance),
                given.spacing_tolerance_mm,
                round(given.clock_ahead_seconds * NS_PER_S),
                followed_by,
            )
        if followed_by is not None:
            found[scale.device] = followed_by
    return found


def law_of(settings: Settings) -> Law:
    """The law that decides, with what the city presumes; ConfigurationError for a condition that the law has not."""
    law = load(settings.law, read_law_files(settings.law_files))
    if not settings.rules.presume:
        return law
    presumed = {name: _PRESUMED[word] for name, word in settings.rules.presume.items()}
    versions = law.versions if isinstance(law, LawBook) else (law,)
    try:
        return book([_assuming(one, presumed, versions) for one in versions])
    except ValueError as error:
        raise ConfigurationError(f"rules.presume: {error}") from error


def _assuming(law: OneLaw, presumed: Mapping[str, bool | None], versions: Sequence[OneLaw]) -> FullLaw:
    """A version with what is presumed of its conditions; one that only another version knows is nothing to it."""
    if not isinstance(law, FullLaw):
        raise ValueError(f"{law.ref} has no conditions; leave it out")
    others = {name for one in versions if isinstance(one, FullLaw) for name in one.condition_words}
    foreign = others - law.condition_words.keys()
    return law.assuming({name: value for name, value in presumed.items() if name not in foreign})


def detours_of(settings: Settings, plate_key: bytes = b"") -> DetourPolicy:
    """Where detours are looked for."""
    routes = (Route(one.scale, one.before, one.behind, one.within_minutes) for one in settings.evasion.routes)
    return DetourPolicy(tuple(routes), plate_key)


def health_of(settings: Settings) -> HealthPolicy:
    """Who is the reference of the scales, and what it is known to weigh."""
    chosen = settings.scale_health
    known = {
        Gauge.STEERING_AXLE: chosen.steering_kg,
        Gauge.TANDEM_SPACING: chosen.tandem_mm,
        Gauge.LEFT_RIGHT: chosen.left_right,
    }
    right = {gauge: level for gauge, level in known.items() if level is not None}
    return HealthPolicy(Population(axles=chosen.axles, from_gross_kg=chosen.from_gross_kg), right=right)


def statistics_of(settings: Settings) -> StatisticsPolicy:
    """Whose midnight divides the days, and the roads of the scales."""
    roads = {scale.device: scale.road for scale in settings.scales if scale.road}
    return StatisticsPolicy(ZoneInfo(settings.server.station.time_zone), roads)


def alert_policy(settings: Settings) -> AlertPolicy:
    """When alerts open, flap, escalate and leave the desk."""
    chosen = settings.alerts
    minute_ns = 60 * NS_PER_S
    return AlertPolicy(
        settings.rules.overload_hold_seconds,
        settings.rules.severe_over_percent,
        Flapping(
            chosen.flapping.openings,
            chosen.flapping.within_minutes * minute_ns,
            chosen.flapping.quiet_minutes * minute_ns,
        ),
        tuple(
            Escalation(one.match, tuple((step.after_minutes * minute_ns, step.to) for step in one.steps))
            for one in chosen.escalations
        ),
    )


def ticket_policy(settings: Settings, contracts: Contracts | None) -> TicketPolicy:
    """Whose clocks tickets have, and when they warn, escalate and come back."""
    chosen = settings.tickets
    minute_ns = 60 * NS_PER_S
    return TicketPolicy(
        contracts or Contracts(),
        chosen.warn_percent,
        tuple(60 * hours * minute_ns for hours in chosen.escalate_hours),
        60 * chosen.reopen_hours * minute_ns,
        chosen.unverified_minutes * minute_ns,
        chosen.alert_only,
    )


def city_step(
    settings: Settings,
    plate_key: bytes = b"",
    register: Register | None = None,
    contracts: Contracts | None = None,
) -> CityStep:
    """The step that these settings ask for: the same for the running city and for `rerun`.

    `plate_key` is what plates are hashed with before they are remembered; no event depends on it. `register` says who
    answers for which device (app/register.py), `contracts` whose clocks its tickets have (app/contracts.py).
    """
    rules = settings.rules
    return CityStep(
        law=law_of(settings),
        cameras=CameraPolicy(
            confirmations(rules),
            rules.unknown_after_seconds,
            no_key_frame_looks=rules.no_key_frame_looks,
            degraded_faults=frozenset(rules.degraded_faults),
        ),
        liveness=LivenessPolicy(rules.missed_heartbeats),
        desks=Desks(register or Register(), alert_policy(settings), ticket_policy(settings, contracts)),
        claims=ClaimPolicy(rules.claims_hold_seconds, rules.claims_lapse_seconds),
        observer=settings.server.observer,
        scales=ScalePolicy(
            instruments=instruments(settings),
            evasion=EvasionPolicy(plate_key=plate_key, hold_seconds=settings.evasion.hold_seconds),
            detours=detours_of(settings, plate_key),
            health=health_of(settings),
            statistics=statistics_of(settings),
        ),
        findings=FindingPolicy(settings.findings.most_open),
    )


def incident_step(
    settings: Settings, register: Register | None = None, contracts: Contracts | None = None
) -> IncidentStep:
    """The second step, that of the incident stage."""
    chosen = settings.incidents
    return IncidentStep(
        IncidentPolicy(chosen.share_percent, chosen.window_seconds, chosen.wait_seconds, chosen.settle_seconds),
        Desks(register or Register(), alert_policy(settings), ticket_policy(settings, contracts)),
        detours_of(settings),
    )
