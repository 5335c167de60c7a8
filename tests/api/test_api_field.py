"""The people side through the API: work orders, photos, ways to devices, the log of shifts, exercises."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from api_kit import NOW, later, placed, serving, until

from citywatch.api.roles import digest_of
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome
from citywatch.testing.rows import frames

SCENE = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (360, 640), np.uint8), (0, 0), 3)


def png(plane):
    return cv2.imencode(".png", plane)[1].tobytes()


def jpeg_of_a_phone(width=900, height=600):
    """A photo with an EXIF block that says where it was taken, and that it lies on its side (orientation 6)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (0, 0, 255)
    plain = cv2.imencode(".jpg", picture)[1].tobytes()
    orientation = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + orientation + b"\0\0\0\0" + b"N 28 13 41 / Zhang's phone"
    return plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]


def black_out(served, camera, first):
    """Three good looks and five black ones; the ticket's id."""
    city = served.city
    for number in range(first, first + 8):
        dark = number >= first + 3
        city.objects.kept[f"{number:064x}"] = png(SCENE // 40 if dark else SCENE)
        at_ns = city.clock.now_ns()
        city.door.append(frames([(camera, at_ns, number, Outcome.PICTURE, 2.0 if dark else 110.0, 0.5)]))
        later(city, 60)
    return until(lambda: city.store.tickets(state=None, device=camera, before=None, limit=1))[0]["id"]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("field")) as served:
        with served.client("admin") as admin:
            for camera in ("cam-1", "cam-2"):
                assert placed(admin, camera, name=f"Gate {camera}", place="Ring road").status_code == 200
        later(served.city)
        served.ticket = black_out(served, "cam-1", 1)
        served.city.board.seen["cam-1"] = {"at_ns": NOW, "outcome": "picture", "reason": "ok", "picture": f"{8:064x}"}
        yield served


def actions(served, actor):
    return [row["action"] for row in served.city.store.audit_lines(after=0, limit=1000) if row["actor"] == actor]


def test_an_order_says_what_was_seen_and_what_may_be_done(town):
    with town.client("crew") as crew:
        order = crew.get(f"/api/v1/tickets/{town.ticket}/order").json()
    assert order["place"]["name"] == "Gate cam-1"
    assert {"accept", "note"} <= set(order["moves"])
    assert order["moves"][0] == "accept"
    assert not {"dispatch", "cancel", "merge"} & set(order["moves"])
    assert {"before", "at_fault", "newest"} >= {picture["what"] for picture in order["pictures"]} >= {"at_fault"}
    assert order["coarse"]
    with town.client("operator") as desk:
        told = desk.get(f"/api/v1/tickets/{town.ticket}/order").json()
        assert set(order["moves"]) <= set(told["moves"])
        assert not told["coarse"]
    assert told["ticket"]["steps"][0]["step"] == "filed"
    with town.client("viewer") as viewer:
        assert viewer.get(f"/api/v1/tickets/{town.ticket}/order").status_code == 403


def test_a_team_works_on_its_own_tickets(town):
    for team in ("north", "south"):
        token = f"cw_of_the_{team}"
        town.city.store.add_token(name=team, role="crew", digest=digest_of(token), at_ns=NOW, team=team)
        town.city.tokens[team] = token
    path = f"/api/v1/tickets/{town.ticket}"
    with town.client("operator") as desk, town.client("north") as north, town.client("south") as south:
        assert south.get(f"{path}/order").status_code == 200  # nobody's yet
        assert desk.post(f"{path}/dispatch", json={"team": "north"}).status_code == 200
        assert north.get("/api/v1/whoami").json()["team"] == "north"
        name = north.get(f"{path}/order").json()["pictures"][0]["name"]
        assert north.get(f"{path}/pictures/{name}").status_code == 200
        refused = [south.get(f"{path}/order"), south.get(f"{path}/pictures/{name}"), south.post(f"{path}/accept")]
        refused += [south.post(f"{path}/photos", content=b"x"), south.get("/api/v1/devices/cam-1/access")]
        assert {(one.status_code, one.json()["type"].rpartition(":")[2]) for one in refused} == {(403, "team")}
        assert north.post(f"{path}/accept").status_code == 200
        assert (
            north.post(f"{path}/hold", json={"reason": "weather", "note": "storm"}).json()["hold_reason"] == "weather"
        )
        assert north.get(f"{path}/order").json()["moves"][:2] == ["resume", "note"]
        assert north.post(f"{path}/resume").json()["state"] == "accepted"


def test_crews_see_their_evidence_coarsely_and_nothing_else(town):
    with town.client("crew") as crew, town.client("operator") as desk:
        pictures = crew.get(f"/api/v1/tickets/{town.ticket}/order").json()["pictures"]
        name = next(one["name"] for one in pictures if one["what"] == "at_fault")
        path = f"/api/v1/tickets/{town.ticket}/pictures/{name}"
        coarse = crew.get(path)
        assert coarse.headers["content-type"] == "image/jpeg"
        seen = cv2.imdecode(np.frombuffer(coarse.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert max(seen.shape) == 192
        whole = desk.get(path)
        assert cv2.imdecode(np.frombuffer(whole.content, np.uint8), cv2.IMREAD_UNCHANGED).shape == (360, 640)
        town.city.objects.kept["ab" * 32] = png(SCENE)
        assert crew.get(f"/api/v1/tickets/{town.ticket}/pictures/{'ab' * 32}").status_code == 404
        assert crew.get(f"/api/v1/objects/{name}").status_code == 403
    assert actions(town, "crew-1").count("saw_picture") == 1


def test_a_photo_is_kept_without_what_the_phone_adds(town):
    taken = jpeg_of_a_phone()
    path = f"/api/v1/tickets/{town.ticket}/photos"
    headers = {"Content-Type": "image/jpeg", "Idempotency-Key": "photo-1"}
    with town.client("crew") as crew:
        answer = crew.post(path, content=taken, headers=headers)
        assert answer.status_code == 200, answer.text
        kept = answer.json()
        assert (kept["width"], kept["height"], kept["actor"]) == (600, 900, "crew-1")
        assert crew.post(path, content=taken, headers=headers).json()["photo"] == kept["photo"]
        assert [one["photo"] for one in crew.get(f"/api/v1/tickets/{town.ticket}/order").json()["photos"]] == [
            kept["photo"]
        ]
        shown = crew.get(f"/api/v1/tickets/{town.ticket}/pictures/{kept['photo']}").content
    assert b"Zhang" in taken
    assert b"Zhang" not in shown
    assert b"Exif" not in shown
    picture = cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (900, 600, 3)
    assert picture[100, 300, 2] > 200 > 50 > picture[800, 300, 2]  # the right way up: red is above
    assert kept["photo"] in town.city.objects.pinned


@pytest.mark.parametrize(
    ("content", "kind", "status", "reason"),
    [
        (b"hello", "text/plain", 415, None),
        (b"hello", "image/jpeg", 422, "not_a_picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "application/octet-stream", 422, "heif"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x80\0\0\0\x80\0\x08\x02\0\0\0", "image/png", 422, "too_many_pixels"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x10\0\0\0\x10\0\x08\x02\0\0\0 cut", "image/png", 422, "not_a_picture"),
        (b"x" * (16 << 20) + b"x", "image/jpeg", 413, None),
    ],
)
def test_what_is_no_photo_is_refused(town, content, kind, status, reason):
    with town.client("crew") as crew:
        path = f"/api/v1/tickets/{town.ticket}/photos"
        answer = crew.post(path, content=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json().get("reason")) == (status, reason)
        assert crew.post(f"/api/v1/tickets/{'0' * 32}/photos", content=b"").status_code == 404


def test_the_way_to_a_device_and_its_key(town):
    way = {"access": "Pole 7, by the bus stop", "contact": "Wang, 0731 555", "key": "Box 14"}
    with town.client("crew") as crew, town.client("viewer") as viewer:
        assert crew.put("/api/v1/devices/cam-1/access", json=way).json() == {
            **way,
            "changed_at": crew.get("/api/v1/devices/cam-1/access").json()["changed_at"],
            "changed_by": "crew-1",
        }
        told = crew.get(f"/api/v1/tickets/{town.ticket}/order").json()["way"]
        assert (told["access"], told["has_key"]) == ("Pole 7, by the bus stop", True)
        assert "key" not in told
        assert crew.get("/api/v1/devices/cam-2/access").status_code == 403  # nothing to be done there
        assert crew.get("/api/v1/devices/nobody/access").status_code == 404
        assert crew.put("/api/v1/devices/cam-1/access", json={"code": "1234"}).status_code == 422
        assert viewer.get("/api/v1/devices/cam-1/access").status_code == 403
    assert "saw_access" in actions(town, "crew-1")


def test_the_log_of_shifts_says_what_was_open(town):
    with town.client("operator") as desk, town.client("viewer") as viewer:
        wrong = [{"note": " "}, {"note": "x", "to": "b"}, {"note": "x", "kind": "handover"}, {"kind": "entry"}]
        assert {desk.post("/api/v1/shift-log", json=body).status_code for body in wrong} == {422}
        told = {"kind": "handover", "to": "desk-2", "note": "Gate 1 is black; the crew is on its way. 夜班注意"}
        made = desk.post("/api/v1/shift-log", json=told, headers={"Idempotency-Key": "s1"})
        assert made.status_code == 200, made.text
        assert made.json()["counts"]["alerts_open"] >= 1
        assert made.json()["counts"]["devices_down"] == 1
        assert desk.post("/api/v1/shift-log", json=told, headers={"Idempotency-Key": "s1"}).json() == made.json()
        later(town.city)
        desk.post("/api/v1/shift-log", json={"note": "second"})
        lines = viewer.get("/api/v1/shift-log?limit=1").json()
        assert [line["note"] for line in lines["items"]] == ["second"]
        older = viewer.get("/api/v1/shift-log", params={"limit": 1, "cursor": lines["next"]}).json()["items"]
        assert older == [made.json()]
        assert viewer.post("/api/v1/shift-log", json={"note": "x"}).status_code == 403


def test_an_exercise_is_marked_and_leaves_the_device_as_it_is(town):
    body = {"device": "cam-2", "fault": "unreachable", "minutes": 30, "note": "night drill"}
    with town.client("operator") as desk:
        before = desk.get("/api/v1/devices/cam-2").json()
        started = desk.post("/api/v1/exercises", json=body).json()
        assert (started["how"], started["started_by"]) == ("", "operator-1")
        alert = until(lambda: town.city.store.alert(started["alert"]))
        ticket = until(lambda: town.city.store.ticket(started["ticket"]))
        assert (alert["kind"], ticket["fault"]) == ("unreachable", "unreachable")
        assert alert["exercise"]
        assert ticket["exercise"]
        assert (alert["labels"]["exercise"], ticket["response_state"], ticket["repair_state"]) == (
            "yes",
            "none",
            "none",
        )
        after = desk.get("/api/v1/devices/cam-2").json()
        assert (after["state"], after["faults"]) == (before["state"], [])
        assert [one["id"] for one in desk.get("/api/v1/exercises?lasting=true").json()["items"]] == [started["id"]]
        ended = desk.delete(f"/api/v1/exercises/{started['id']}").json()
        assert (ended["how"], ended["ended_by"]) == ("ended", "operator-1")
        until(lambda: town.city.store.alert(started["alert"])["state"] == "resolved")
        until(lambda: town.city.store.ticket(started["ticket"])["state"] == "closed")
        assert desk.delete(f"/api/v1/exercises/{started['id']}").json()["reason"] == "not_open"
        assert desk.post("/api/v1/exercises", json={**body, "device": "nobody"}).status_code == 404
        assert desk.post("/api/v1/exercises", json={**body, "minutes": 9999}).status_code == 422
    states = town.city.store.device_states(["cam-2"], 0, town.city.clock.now_ns() + NS_PER_S)
    assert all(row["reason"] != "exercise" and row["state"] != "down" for row in states)
    with town.client("crew") as crew:
        assert crew.post("/api/v1/exercises", json=body).status_code == 403


def test_with_a_device_that_is_removed_its_exercises_end(town):
    with town.client("admin") as admin:
        assert admin.put("/api/v1/cameras/cam-9", json={"url": "rtsp://192.0.2.9/1"}).status_code in (200, 201)
        body = {"device": "cam-9", "fault": "black", "minutes": 30}
        started = until(lambda: admin.post("/api/v1/exercises", json=body).json().get("id"))
        assert admin.delete("/api/v1/cameras/cam-9").status_code in (200, 204)
        until(lambda: town.city.store.exercise(started)["how"] == "device_removed")


def test_what_somebody_has_found_has_an_order_too(town):
    hole = {"source": "street-app", "key": "7", "kind": "hole", "title": "Hole in the road", "note": "A hand deep"}
    hole |= {"address": "Wuyi Road 12", "lat": 28.194, "lon": 112.982, "verified_by": "person"}
    with town.client("ingest") as gate:
        assert gate.post("/api/v1/ingest/findings", json=[hole]).json() == {"accepted": 1, "refused": []}
    ticket = until(lambda: [row for row in town.city.store.tickets(state=None, device=None, before=None, limit=9)
                            if row["fault"] == "hole"])[0]["id"]  # fmt: skip
    with town.client("operator") as desk:
        order = desk.get(f"/api/v1/tickets/{ticket}/order").json()
        assert (order["found"]["title"], order["found"]["lat"]) == ("Hole in the road", 28.194)
        assert "verify" in order["moves"]
        assert desk.post(f"/api/v1/tickets/{ticket}/verify", json={"note": "filled"}).json()["state"] == "closed"
        assert desk.get(f"/api/v1/tickets/{ticket}/order").json()["moves"] == ["reopen"]
