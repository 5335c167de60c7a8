"""The log of deliveries as the API tells it."""

from __future__ import annotations

import pytest
from api_kit import NOW, serving
from sqlalchemy import insert

from citywatch.adapters.store.schema import DELIVERIES, DELIVERY_ATTEMPTS
from citywatch.domain.instants import NS_PER_S

STATES = ("waiting", "delivered", "failed", "dropped", "quiet")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A delivery in each state, the failed one with an attempt."""
    with serving(tmp_path_factory.mktemp("told"), max_page_rows=2) as served:
        rows = [
            {
                "id": f"{number:032x}",
                "group": "g",
                "receiver": "desk" if number % 2 else "hub",
                "kind": "changes",
                "state": state,
                "reason": {"quiet": "silenced", "failed": "not_accepted"}.get(state, ""),
                "detail": "",
                "attempts": 1,
                "planned_at_ns": NOW + number * NS_PER_S,
                "next_ns": NOW,
                "settled_at_ns": None if state == "waiting" else NOW,
                "document": {"counts": {"opened": 1}, "items": []},
            }
            for number, state in enumerate(STATES)
        ]
        attempt = {
            "delivery": rows[2]["id"],
            "at_ns": NOW,
            "took_ms": 12,
            "result": "refused",
            "reason": "not_accepted",
            "detail": "HTTP 404",
        }
        with served.city.store.writing() as connection:
            connection.execute(insert(DELIVERIES), rows)
            connection.execute(insert(DELIVERY_ATTEMPTS), attempt)
        yield served


def test_deliveries_are_listed_newest_first_and_filtered(told):
    with told.client("viewer") as client:
        first = client.get("/api/v1/deliveries").json()
        assert [one["state"] for one in first["items"]] == ["quiet", "dropped"]
        second = client.get("/api/v1/deliveries", params={"cursor": first["next"]}).json()
        assert [one["state"] for one in second["items"]] == ["failed", "delivered"]
        for state in STATES:
            found = client.get("/api/v1/deliveries", params={"state": state}).json()["items"]
            assert [one["state"] for one in found] == [state]
        desk = client.get("/api/v1/deliveries", params={"receiver": "desk"}).json()["items"]
        assert [one["state"] for one in desk] == ["dropped", "delivered"]
        assert (desk[0]["counts"], desk[0]["next_attempt_at"]) == ({"opened": 1}, None)
        assert client.get("/api/v1/deliveries", params={"state": "lost"}).status_code == 422


def test_a_delivery_shows_its_attempts(told):
    with told.client("viewer") as client:
        found = client.get(f"/api/v1/deliveries/{2:032x}").json()
        assert client.get(f"/api/v1/deliveries/{9:032x}").status_code == 404
    assert [(one["result"], one["detail"], one["took_ms"]) for one in found["tries"]] == [("refused", "HTTP 404", 12)]
    assert found["document"] == {"counts": {"opened": 1}, "items": []}


@pytest.mark.parametrize(("number", "status"), [(0, 200), (1, 409), (2, 200), (3, 200), (4, 409)])
def test_what_failed_or_was_dropped_can_be_tried_again(told, number, status):
    with told.client("operator") as client:
        answer = client.post(f"/api/v1/deliveries/{number:032x}/retry")
        assert answer.status_code == status, answer.text
    if status == 200:
        assert (answer.json()["state"], answer.json()["settled_at"]) == ("waiting", None)


def test_a_viewer_may_not_try_again(told):
    with told.client("viewer") as client:
        assert client.post(f"/api/v1/deliveries/{2:032x}/retry").status_code == 403
