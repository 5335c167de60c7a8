"""Words that stand in two places are the same words."""

from typing import get_args

from citywatch.api.alerts import AlertKind
from citywatch.domain.events import EventKind
from citywatch.domain.incidents import INCIDENT
from citywatch.domain.pictures import Fault


def test_alerts_can_be_filtered_by_every_kind_there_is():
    assert set(get_args(AlertKind)) == {
        EventKind.OVERLOADED.value,
        EventKind.EVASION_SUSPECTED.value,
        INCIDENT,
        *(fault.value for fault in Fault),
    }
