"""What other systems claim of a device, over HTTP; and the vocabularies."""

from __future__ import annotations

import pytest
from api_kit import until

from citywatch.domain.claims import Claim
from citywatch.domain.pictures import Outcome
from citywatch.testing import rows

CAMERA = "ring/gate-1"


@pytest.fixture(scope="module")
def city(served):
    """A camera that looks well, that its registrar misses, and that claims to be covered itself."""
    clock, door = served.city.clock, served.city.door
    door.append(rows.claims([(CAMERA, clock.now_ns(), "gb28181:1", Claim.OFFLINE, "keepalive_missed", "")]))
    door.append(rows.claims([(CAMERA, clock.now_ns(), f"onvif:{CAMERA}", Claim.TAMPERED, "event", "covered")]))
    for number in range(1, 91):
        clock.forward(1)
        served.city.tick()
        if number % 10 == 0:
            door.append(rows.frames([(CAMERA, clock.now_ns(), number, Outcome.PICTURE, 110.0, 0.5)]))
    with served.client("viewer") as client:
        until(lambda: client.get("/api/v1/disagreements").json()["items"])
    return served


def test_claims_and_disagreements_of_a_device(city):
    with city.client("viewer") as client:
        answer = client.get(f"/api/v1/devices/{CAMERA}/sources")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert [(one["source"], one["aspect"], one["claim"], one["detail"]) for one in told["sources"]] == [
            ("gb28181:1", "presence", "offline", ""),
            (f"onvif:{CAMERA}", "alarm", "tampered", "covered"),
        ]
        kinds = {one["kind"]: one for one in told["disagreements"]}
        lost = kinds["keepalive_lost_but_reachable"]
        assert (lost["looks"], lost["until"]) == ("reachable", None)
        assert [claim["source"] for claim in lost["claims"]] == ["gb28181:1"]
        assert client.get(f"/api/v1/devices/{CAMERA}").json()["state"] == "up", "claims make no state"
        assert client.get("/api/v1/alerts", params={"device": CAMERA}).json()["items"] == []
        assert client.get("/api/v1/devices/nobody/sources").status_code == 404


def test_disagreements_of_all(city):
    with city.client("viewer") as client:
        found = client.get("/api/v1/disagreements").json()["items"]
        assert {one["device"] for one in found} == {CAMERA}
        assert client.get("/api/v1/disagreements", params={"device": "other"}).json() == {"items": []}
        city.city.door.append(
            rows.claims([(CAMERA, city.city.clock.now_ns(), "gb28181:1", Claim.ONLINE, "keepalive", "")])
        )
        for _ in range(11):
            city.city.clock.forward(1)
            city.city.tick()
        ended = {"lasting": False, "device": CAMERA}
        until(lambda: any(one["until"] for one in client.get("/api/v1/disagreements", params=ended).json()["items"]))


def test_the_vocabularies(served):
    with served.client("viewer") as client:
        told = client.get("/api/v1/vocabularies").json()
        faults = {one["fault"]: one for one in told["faults"]}
        assert faults["black"]["onvif"] == ["ImageTooDark"]
        assert faults["covered"]["gb28181"] == ["5.13"]
        of_faults = {"onvif", "diagnosis", "gb28181"}
        assert {word["vocabulary"] for word in told["words"]} == of_faults
        assert set(told["sources"]) == of_faults | {"gb30428", "itil", "open311", "digitraffic"}
