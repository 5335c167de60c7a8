"""Statistics of passes as the API tells them, and corrections that are not there."""

from __future__ import annotations

import pytest
from api_kit import NOW, serving

from citywatch.adapters.store.project import Projector
from citywatch.domain.events import Event, EventKind
from citywatch.ports import Position


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("town")) as served:
        counts = [
            {"day": "2026-05-04", "kind": "truck_2", "checked": 200, "over": 4, "over_below_10": 4},
            {"day": "2026-05-05", "kind": "train_3_3", "checked": 200, "over": 2, "over_above_50": 2, "undecided": 9},
            {"day": "2025-05-05", "kind": "train_3_3", "checked": 100, "over": 5, "over_10_to_30": 5},
            {"day": "2025-05-31", "kind": "gone", "checked": 10},
            {"day": "2025-06-01", "kind": "truck_2", "checked": 1_000, "over": 1_000, "over_above_50": 1_000},
        ]
        told = Event("c" * 32, EventKind.PASSES_COUNTED, "K12/d1/l1", NOW, "", {"road": "G319", "counts": counts})
        Projector(served.city.store).apply(1_000, [(Position(1, 1), told)])
        yield served


def test_counts_by_road_and_day_with_their_trend(town):
    period = {"from": "2026-05-01", "to": "2026-05-31", "base_from": "2025-05-01", "base_to": "2025-05-31"}
    with town.client("viewer") as client:
        told = client.get("/api/v1/statistics/passes", params={**period, "by": ["road", "day"]}).json()
    assert [(row["road"], row["day"], row["checked"], row["over_percent"]) for row in told["rows"]] == [
        ("G319", "2026-05-04", 200, 2.0),
        ("G319", "2026-05-05", 200, 1.0),
    ]
    total = told["total"]
    assert (total["checked"], total["over"], total["undecided"], total["kind"]) == (400, 6, 9, "")
    assert (total["over_percent"], total["base_over_percent"]) == (1.5, 4.5455)
    assert (total["change_percent"], total["change_points"]) == (-67.0, -3.0455)


def test_a_base_period_may_have_other_kinds_or_nothing(town):
    period = {"from": "2026-05-01", "to": "2026-05-31", "by": "kind"}
    with town.client("viewer") as client:
        may = {**period, "base_from": "2025-05-01", "base_to": "2025-05-31"}
        told = client.get("/api/v1/statistics/passes", params=may).json()["rows"]
        never = {**period, "base_from": "2020-05-01", "base_to": "2020-05-31"}
        empty = client.get("/api/v1/statistics/passes", params=never).json()
    figures = ("kind", "checked", "over_percent", "base_over_percent", "change_percent", "change_points")
    assert [tuple(row[name] for name in figures) for row in told] == [
        ("gone", 0, None, 0.0, None, None),
        ("train_3_3", 200, 1.0, 5.0, -80.0, -4.0),
        ("truck_2", 200, 2.0, None, None, None),
    ]
    assert len(empty["rows"]) == 2
    assert (empty["total"]["base_over_percent"], empty["total"]["change_points"]) == (None, None)


def test_a_period_without_a_pass_and_one_with_too_many_rows(town, monkeypatch):
    with town.client("viewer") as client:
        nothing = client.get("/api/v1/statistics/passes", params={"from": "2030-01-01", "to": "2030-01-31"}).json()
        assert (nothing["rows"], nothing["total"]["checked"], nothing["total"]["over_percent"]) == ([], 0, None)
        monkeypatch.setattr("citywatch.api.statistics._MOST_ROWS", 1)
        told = client.get("/api/v1/statistics/passes", params={"from": "2026-05-01", "to": "2026-05-31", "by": "day"})
        assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "query.by")


@pytest.mark.parametrize("period", [{"from": "2026-05-02", "to": "2026-05-01"}, {"from": "2026-05-01"}])
def test_a_period_has_two_ends_in_order(town, period):
    with town.client("viewer") as client:
        assert client.get("/api/v1/statistics/passes", params=period).status_code == 422


def test_corrections_are_listed_and_settled_by_administrators(town):
    with town.client("viewer") as client:
        assert client.get("/api/v1/corrections", params={"state": "open"}).json() == {"items": []}
        assert client.post(f"/api/v1/corrections/{'a' * 32}/accept", json={}).status_code == 403
    with town.client("admin") as client:
        assert client.post(f"/api/v1/corrections/{'a' * 32}/accept", json={}).status_code == 404
