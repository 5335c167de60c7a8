"""Incidents in the store: who was away because of what, whichever stream is projected first."""

from __future__ import annotations

import pytest
from incident_kit import PARTITIONS, Town, at, cleared, confirmed, placed

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import EventKind
from citywatch.ports import INCIDENTS
from citywatch.testing.histories import placed as at_positions
from citywatch.testing.histories import tables

CAMERAS = [f"cam-{n}" for n in range(5)]
ORDERS = [(0, 1, 2, INCIDENTS), (INCIDENTS, 2, 1, 0)]


def projected(town: Town, path, order) -> SqlStore:
    store = SqlStore.open(path)
    projector = Projector(store)
    for stream in order:
        projector.apply(stream, at_positions(town.streams[stream]))
    assert not list(store.dead_letters(source=None, after=0, limit=10))
    return store


@pytest.fixture(scope="module")
def town():
    """Four of five cameras of a switch fall away with it and come back but one; the fifth had gone alone."""
    rows = [placed("sw", kind="switch", second=0, command="named"), *(placed(camera, "sw") for camera in CAMERAS)]
    rows += [confirmed("cam-4", 5), *(confirmed(device, 100) for device in ("sw", *CAMERAS[:4]))]
    rows += [*(cleared(device, 130) for device in ("sw", *CAMERAS[:3]))]
    return Town().live(rows, 170)


def test_the_order_of_streams_changes_nothing(town, tmp_path):
    found = []
    for number, order in enumerate(ORDERS):
        store = projected(town, tmp_path / f"{number}.db", order)
        content = tables(store)
        store.close()
        for rows in content.values():
            for row in rows:
                row.pop("seq", None)  # type: ignore[attr-defined]
        found.append({name: sorted(map(str, rows)) for name, rows in content.items()})
    assert found[0].keys() == found[1].keys()
    for name, rows in found[0].items():
        assert rows == found[1][name], name


def test_what_the_tables_say(town, tmp_path):
    store = projected(town, tmp_path / "city.db", ORDERS[0])
    (incident,) = store.incidents(state=None, root=None, before=None, limit=10)
    assert [incident[key] for key in ("root", "site", "state", "reason", "resolution", "below")] == [
        "sw", "s", "closed", "parent_unreachable", "restored", 5,
    ]  # fmt: skip
    assert (incident["opened_at_ns"], incident["closed_at_ns"]) == (at(100), at(130)), "ticks"
    assert (incident["joined"], incident["away"]) == (5, 0)
    assert store.incident(incident["id"]) == incident
    assert store.incidents(state="open", root="sw", before=None, limit=10) == []
    children = {row["device"]: row for row in store.incident_children(incident["id"], limit=10)}
    assert {device: row["how"] for device, row in children.items()} == {
        "sw": "back", "cam-0": "back", "cam-1": "back", "cam-2": "back", "cam-3": "released",
    }  # fmt: skip
    assert children["cam-0"]["first_bad_ns"] == at(98)
    assert children["cam-0"]["left_at_ns"] == at(129), "its first good look"
    assert children["cam-3"]["left_at_ns"] == at(150), "when it had had its time to come back"
    away = store.inhibited(["sw", *CAMERAS], at(0), at(200))
    assert [row["device"] for row in away] == ["cam-0", "cam-1", "cam-2", "cam-3"], "the root hangs on nobody"
    assert store.inhibited(CAMERAS, at(150), at(200)) == []
    assert {store.device(camera)["parent"] for camera in CAMERAS} == {"sw"}
    assert (store.device("sw")["kind"], store.device("sw")["site"], store.device("sw")["parent"]) == ("switch", "s", "")
    assert store.verdict("named")["verdict"] == "accepted"
    causes = [event.cause for event in town.of(EventKind.FAULT_CONFIRMED)]
    assert store.incidents_of(causes) == {}
    store.close()


def test_while_it_lasts_faults_know_their_incident(tmp_path):
    rows = [*(placed(camera, "sw") for camera in CAMERAS), *(confirmed(camera, 20) for camera in CAMERAS)]
    town = Town().live(rows, 60)
    store = projected(town, tmp_path / "city.db", ORDERS[1])
    (incident,) = store.incidents(state="open", root="sw", before=None, limit=10)
    causes = [event.cause for event in town.of(EventKind.FAULT_CONFIRMED)]
    assert store.incidents_of([*causes, "another"]) == dict.fromkeys(causes, incident["id"])
    assert store.prune(at(10_000)) is not None
    assert store.incident(incident["id"]) is not None, "what is open is kept"
    store.close()


def test_what_is_over_is_pruned_with_its_children(town, tmp_path):
    store = projected(town, tmp_path / "city.db", ORDERS[0])
    assert store.prune(at(100))["incidents"] == 0
    assert store.prune(at(10_000))["incidents"] == 1
    assert tables(store)["incident_children"] == []
    store.close()


def test_the_partitions_of_the_kit_are_those_of_the_orders():
    assert sorted(ORDERS[0]) == sorted((*range(PARTITIONS), INCIDENTS))
