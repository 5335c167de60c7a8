"""A switch that goes dark does not punish who answers for the cameras behind it: from the store to the figure."""

from __future__ import annotations

import pytest
from incident_kit import PARTITIONS, Town, at, cleared, confirmed, placed

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.sla_city import City
from citywatch.ports import INCIDENTS
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.report import Report
from citywatch.testing.histories import placed as at_positions

CAMERAS = [f"cam-{n}" for n in range(4)]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A switch and its four cameras fall away together at 100 s and come back at 130 s, all but cam-3."""
    rows = [placed("sw", kind="switch", second=0, command="named"), *(placed(camera, "sw") for camera in CAMERAS)]
    rows += [*(confirmed(device, 100) for device in ("sw", *CAMERAS))]
    rows += [*(cleared(device, 130) for device in ("sw", *CAMERAS[:3]))]
    town = Town().live(rows, 170)
    store = SqlStore.open(tmp_path_factory.mktemp("city") / "city.db")
    projector = Projector(store)
    for stream in (*range(PARTITIONS), INCIDENTS):
        projector.apply(stream, at_positions(town.streams[stream]))
    yield City(store, at(170))
    store.close()


def figures(city, contract, register):
    history = city.history(at(0), at(170), city.known_until_ns)
    report = Report.of(
        history, contract, {**city.register(), **register}, at(90), at(170), known_until_ns=city.known_until_ns
    )
    return dict(zip(report.history.devices, report.per_device(), strict=True))


def contract():
    return Contract.model_validate(
        {
            "name": "c",
            "contractor": "cameras",
            "devices": {"devices": ["cam-*"]},
            "intact": {"target_percent": 95},
            "exclusions": [{"cause": "parent", "only_if_others_answer": True}],
        }
    )


def test_an_outage_of_the_parent_is_excluded_when_others_answer(city):
    found = figures(city, contract(), {"sw": Listed("sw", contractor="network")})
    for camera in CAMERAS[:3]:
        assert found[camera].best.down_ns == 0, camera
        assert found[camera].worst.excluded_ns == at(129) - at(98), "first bad look to first good one"
    assert found["cam-3"].worst.excluded_ns == at(150) - at(98), "until its fault is its own"
    assert found["cam-3"].best.unknown_ns == at(170) - at(150), "nobody has told a state of it since"


def test_it_is_down_when_the_contractor_answers_for_the_switch_too(city):
    found = figures(city, contract(), {"sw": Listed("sw", contractor="cameras")})
    for camera in CAMERAS:
        assert found[camera].worst.excluded_ns == 0
        assert found[camera].best.down_ns > 0, camera


def test_nobody_said_who_answers(city):
    found = figures(city, contract(), {})
    assert {found[camera].worst.excluded_ns for camera in CAMERAS} == {0}
    assert all(found[camera].best.excluded_ns for camera in CAMERAS)
