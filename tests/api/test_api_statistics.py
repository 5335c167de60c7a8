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
    assert (total["over_percent"], total["base_over_percent"], total["change_percent"]) == (1.5, 5.0, -70.0)


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
