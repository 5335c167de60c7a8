"""Words that stand in two places are the same words."""

import re

from citywatch.alerts.desk import MOMENTS
from citywatch.api.alerts import _MOMENTS
from citywatch.domain.events import EventKind
from citywatch.domain.findings import KIND_PATTERN
from citywatch.domain.incidents import INCIDENT
from citywatch.domain.pictures import Fault


def test_alerts_can_be_filtered_by_every_kind_there_is():
    kinds = [EventKind.OVERLOADED, EventKind.EVASION_SUSPECTED, INCIDENT, *Fault]
    assert [kind for kind in kinds if not re.fullmatch(KIND_PATTERN, kind)] == []


def test_moments_have_no_ticket():
    assert {kind.value for kind in MOMENTS} == _MOMENTS
