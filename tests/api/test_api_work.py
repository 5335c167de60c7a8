"""Declared work through the API: one device at once, a site as a batch, and what is refused."""

from __future__ import annotations

import pytest
from api_kit import NOW, serving, until

from citywatch.domain.instants import NS_PER_S, format_instant

FROM, TO = (format_instant(NOW + hours * 3600 * NS_PER_S) for hours in (1, 3))
WORK = {"device": "cam-1", "kind": "re_aiming", "from": FROM, "to": TO, "note": "turned to the new lane"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("work")) as town:
        with town.client("admin") as admin:
            assert admin.post("/api/v1/devices", json={"device": "cam-1", "kind": "camera"}).status_code == 200
            for camera in ("cam-2", "cam-3"):
                body = {"url": f"rtsp://192.0.2.1/{camera}", "site": "harbour"}
                assert admin.put(f"/api/v1/cameras/{camera}", json=body).status_code in (200, 201, 202)
            until(lambda: len(admin.get("/api/v1/cameras", params={"site": "harbour"}).json()["items"]) == 2)
        yield town


def test_work_at_one_device_is_answered_with_what_it_explains(served):
    with served.client("crew") as client:
        answer = client.post("/api/v1/work", json=WORK, headers={"Idempotency-Key": "k1"})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["devices"], told["kind"], told["from"], told["to"]) == (["cam-1"], "re_aiming", FROM, TO)
        assert {"moved", "shaking"} <= set(told["explains"])
        again = client.post("/api/v1/work", json=WORK, headers={"Idempotency-Key": "k1"})
        assert again.json() == told
        verdict = client.get(f"/api/v1/commands/{told['commands'][0]}").json()
        assert verdict["state"] == "accepted"


def test_work_at_a_site_is_taken_down_for_every_camera(served):
    with served.client("operator") as client:
        answer = client.post("/api/v1/work", json={**WORK, "device": "", "site": "harbour", "kind": "maintenance"})
        assert answer.status_code == 202
        told = answer.json()
        assert told["devices"] == ["cam-2", "cam-3"]
        for command in told["commands"]:
            until(lambda command=command: client.get(f"/api/v1/commands/{command}").json()["state"] == "accepted")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"device": "nobody"}, 404),
        ({"device": "", "site": "nowhere"}, 404),
        ({"site": "harbour"}, 422),
        ({"kind": "holiday"}, 422),
        ({"to": FROM}, 422),
        ({"to": "2030-01-01T00:00:00Z"}, 422),
        ({"from": "tomorrow"}, 422),
    ],
)
def test_what_cannot_be_declared_is_refused(served, change, status):
    with served.client("operator") as client:
        assert client.post("/api/v1/work", json={**WORK, **change}).status_code == status


def test_who_only_reads_declares_nothing(served):
    with served.client("viewer") as client:
        assert client.post("/api/v1/work", json=WORK).status_code == 403
