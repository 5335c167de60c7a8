"""Cameras through the API: added, changed and removed while the city runs, and what is secret never comes out."""

from __future__ import annotations

import pytest
from api_kit import PNG, serving, until

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.registry import described_by, read
from citywatch.adapters.cameras.tally import needed
from citywatch.api.cameras import CameraBody
from citywatch.app.checks.looks import Patrol
from citywatch.domain.instants import NS_PER_S, format_instant
from citywatch.domain.pictures import Outcome
from citywatch.testing import rows

GATE = {
    "url": "rtsp://192.0.2.10:554/stream1?channel=2",
    "username": "watcher",
    "password": "hunter2-Zq",
    "name": "North gate",
    "place": "北门 ring road",
    "site": "ring",
    "visit_seconds": 30,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cameras")) as city:
        city.city.tick()
        yield city


@pytest.fixture
def admin(served):
    with served.client("admin") as client:
        yield client


def opened(served, camera):
    """What the patrol would be told of it."""
    return read(described_by(served.city.store.camera(camera)), served.city.sealer)


def test_the_body_has_every_setting_there_is():
    assert set(CameraBody.model_fields) == set(CameraSettings.model_fields) - {"camera"} | {"password"}


def test_a_camera_is_put_looked_at_changed_and_removed(served, admin):
    answer = admin.put("/api/v1/cameras/gate/north", json=GATE)
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert view["url"] == "rtsp://***@192.0.2.10:554/stream1?channel=2"
    assert (view["has_secrets"], view["origin"], view["actor"]) == (True, "api", "admin-1")
    assert (view["state"], view["faults"], view["last_look"], view["references"]) == ("unknown", [], None, [])
    address = opened(served, "gate/north").address()
    assert (address.username, address.password) == ("watcher", "hunter2-Zq")
    assert admin.get("/api/v1/devices/gate/north").json()["name"] == "North gate"

    # Given back as it was shown, with another name: the secrets stay.
    changed = {**view["settings"], "name": "North gate, inbound"}
    answer = admin.put("/api/v1/cameras/gate/north", json=changed)
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "North gate, inbound"
    assert opened(served, "gate/north").address().password == "hunter2-Zq"
    # Shown as secret, but for another host: nobody sends our password elsewhere.
    answer = admin.put("/api/v1/cameras/gate/north", json={**changed, "url": "rtsp://***@192.0.2.99/stream1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.url"

    assert admin.delete("/api/v1/cameras/gate/north", headers={"Idempotency-Key": "x"}).status_code == 204
    assert admin.delete("/api/v1/cameras/gate/north", headers={"Idempotency-Key": "x"}).status_code == 204
    assert admin.delete("/api/v1/cameras/gate/north").status_code == 404
    assert admin.get("/api/v1/cameras/gate/north").status_code == 404
    assert admin.get("/api/v1/devices/gate/north").json()["state"] == "removed"
    # The put of before is known by its word, and does not bring it back.
    events = [event.kind.value for event in served.city.store.events(device="gate/north")]
    assert events.count("camera_removed") == 1


def test_what_is_open_ends_with_the_camera_and_it_can_come_back(served, admin):
    city = served.city
    assert admin.put("/api/v1/cameras/dark", json={"url": "http://192.0.2.20/now.jpg"}).status_code == 200
    picture = city.objects.put(PNG)
    begun_ns = city.clock.now_ns()
    for visit in range(1, 4):
        city.clock.forward(10)
        city.door.append(rows.frames([("dark", city.clock.now_ns(), visit, Outcome.UNREACHABLE, 0.0, 0.0)]))
    until(lambda: city.store.camera("dark")["faults"])
    looked = {"at_ns": city.clock.now_ns() - 2 * NS_PER_S, "outcome": "unreachable", "reason": "timed_out"}
    city.board.seen["dark"] = {**looked, "picture": picture, "note": "no connection in time"}
    (listed,) = admin.get("/api/v1/cameras?fault=unreachable").json()["items"]
    assert (listed["camera"], listed["state"], listed["last_look"]["age_s"]) == ("dark", "down", 2.0)
    detail = admin.get("/api/v1/cameras/dark").json()
    assert detail["faults"][0]["evidence"]["measure"]
    assert detail["faults"][0]["first_bad_at"] > format_instant(begun_ns)
    assert detail["faults"][0]["last_good_at"] is None, "it was never seen in order"
    assert detail["last_look"]["note"] == "no connection in time"
    assert admin.get(detail["last_look"]["picture"]).content == PNG
    with served.client("viewer") as viewer:
        assert viewer.get("/api/v1/cameras/dark").json()["last_look"]["picture"] is None
    assert admin.get("/api/v1/cameras?fault=frozen").json()["items"] == []

    city.clock.forward(10)
    removed_ns = city.clock.now_ns()
    assert admin.delete("/api/v1/cameras/dark").status_code == 204
    ticket = until(
        lambda: next((t for t in city.store.tickets(state="closed", device="dark", before=None, limit=9)), 0)
    )
    assert ticket["resolution"] == "device_removed"
    (alert,) = admin.get("/api/v1/alerts?device=dark").json()["items"]
    assert (alert["state"], alert["resolution"]) == ("resolved", "device_removed")
    # A look that was under way is nobody's.
    city.door.append(rows.frames([("dark", city.clock.now_ns(), 4, Outcome.UNREACHABLE, 0.0, 0.0)]))
    # Time behind the removal is not required time.
    city.clock.forward(1000)
    known = {"from": stamp(begun_ns), "to": stamp(city.clock.now_ns()), "device": "dark"}
    figure = admin.get("/api/v1/availability", params=known).json()
    required_s = sum(figure["worst"][f"{state}_s"] for state in ("up", "down", "unknown"))
    assert required_s == (removed_ns - begun_ns) / NS_PER_S

    assert admin.put("/api/v1/cameras/dark", json={"url": "http://192.0.2.20/now.jpg"}).status_code == 200
    back = admin.get("/api/v1/cameras/dark").json()
    assert (back["state"], back["faults"]) == ("unknown", [])
    ids = [event.id for event in city.store.events(device="dark")]
    assert len(set(ids)) == len(ids)


def stamp(at_ns):
    from citywatch.domain.instants import format_instant

    return format_instant(at_ns)


def test_every_fault_has_its_answer_out_of_the_rules_own_state(served, admin):
    assert admin.put("/api/v1/cameras/gate/answers", json=GATE).json()["checks"] is None
    at_ns = served.city.clock.now_ns()
    served.city.door.append(Patrol().looks(["gate/answers"], at_ns, "unreachable", "day", "", {}))

    def told():
        return admin.get("/api/v1/cameras/gate/answers").json()["checks"]

    until(lambda: told() is not None)
    checks = told()
    answers = {one["fault"]: one for one in checks["answers"]}
    assert checks["at"] == stamp(at_ns)
    assert (answers["unreachable"]["answer"], answers["unreachable"]["phase"]) == ("fault", "suspect")
    assert (answers["moved"]["answer"], answers["moved"]["why"]) == ("could_not_be_checked", "no_picture")
    assert answers["moved"]["last_fine_at"] is None
    assert admin.delete("/api/v1/cameras/gate/answers").status_code == 204


def test_repeats_and_refusals(served, admin):
    put = {"url": "rtsp://192.0.2.30/1", "name": "Third"}
    key = {"Idempotency-Key": "third"}
    assert admin.put("/api/v1/cameras/third", json=put, headers=key).status_code == 200
    assert admin.put("/api/v1/cameras/third", json=put, headers=key).status_code == 200
    assert admin.put("/api/v1/cameras/third", json=put).status_code == 200
    changes = [e.data["change"] for e in served.city.store.events(device="third") if e.kind.value == "camera_put"]
    assert sorted(changes) == ["added", "unchanged"]  # of one instant: their order is that of their ids

    scale = {"device": "S1/d1/l1", "kind": "scale", "heartbeat_s": 30}
    assert admin.post("/api/v1/devices", json=scale).status_code == 200
    answer = admin.put("/api/v1/cameras/S1/d1/l1", json=put)
    assert (answer.status_code, answer.json()["reason"]) == (409, "other_kind")

    with served.client("operator") as operator:
        assert operator.put("/api/v1/cameras/third", json=put).status_code == 403
        assert operator.delete("/api/v1/cameras/third").status_code == 403


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"url": "ftp://u:hunter2-Zq@h/x"}, "body.url", "not supported"),
        ({"url": "rtsp://h/x", "password_file": "/etc/shadow"}, "body.password_file", "password_directories"),
        ({"url": "rtsp://h/x", "camera_class": "hunter2-Zq"}, "body.camera_class", "known: standard"),
        ({"url": "rtsp://h/x", "visit_seconds": -1}, "body.visit_seconds", "greater than 0"),
        ({"url": "/clip.mp4", "password": "hunter2-Zq"}, "body.url", "takes no user"),
        ({"url": "/etc/passwd"}, "body.url", "file_directories"),
        ({"url": "file:///srv/../etc/passwd"}, "body.url", "file_directories"),
        ({"url": "admin:hunter2-Zq@192.0.2.7/stream1"}, "body.url", "begins with rtsp://"),
        ({"url": "rtsp://h/x", "name": "a\nb"}, "body.name", "plain text"),
        ({"url": "rtsp://h/x", "bla": "hunter2-Zq"}, "body.bla", "not permitted"),
        ({"url": "rtsp://h/x", "parent": "fifth"}, "body", "its own parent"),
        ({}, "body.url", "required"),
    ],
)
def test_a_wrong_camera_is_refused_by_field_and_repeated_nowhere(admin, body, field, words):
    answer = admin.put("/api/v1/cameras/fifth", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(e["field"] == field and words in e["message"] for e in answer.json()["errors"]), answer.text
    assert "hunter2-Zq" not in answer.text


def test_lists_are_filtered_and_paged(served, admin):
    for number in range(5):
        body = {"url": f"rtsp://192.0.2.{40 + number}/1", "name": f"Läufer {number}", "site": f"site-{number % 2}"}
        assert admin.put(f"/api/v1/cameras/page-{number}", json=body).status_code == 200
    asked = {"q": "läufer", "limit": 2}
    seen, cursor = [], None
    while True:
        page = admin.get("/api/v1/cameras", params={**asked, **({"cursor": cursor} if cursor else {})}).json()
        seen += [camera["camera"] for camera in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"page-{number}" for number in range(5)]
    of_site = admin.get("/api/v1/cameras?site=site-1&class=standard&kind=camera").json()["items"]
    assert [camera["camera"] for camera in of_site] == ["page-1", "page-3"]
    assert admin.get("/api/v1/cameras?q=%25").json()["items"] == []


def test_a_camera_cannot_hang_on_what_hangs_on_it(served, admin):
    url = "rtsp://192.0.2.90/1"
    assert admin.put("/api/v1/cameras/ring-1", json={"url": url, "parent": "ring-0"}).status_code == 200
    refused = admin.put("/api/v1/cameras/ring-0", json={"url": url, "parent": "ring-1"})
    assert (refused.status_code, refused.json()["reason"]) == (409, "parent_is_child")
    table = f"camera,url,parent\nring-0,{url},ring-2\nring-2,{url},ring-1\n".encode()
    answer = admin.post("/api/v1/cameras/import", content=table, headers=CSV)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"table.ring-0.parent", "table.ring-2.parent"}
    assert admin.get("/api/v1/cameras/ring-0").status_code == 404


def test_the_patrols_report_is_passed_on(served, admin):
    assert admin.get("/api/v1/patrol").status_code == 503
    figures = {"visits_per_s": None, "failing_share": None, "decoder_cpu_s": 0.03, "patrol_cpu_s": 0.01}
    told = {"at_ns": 1, "over_s": 60.0, "cameras": 3, "failing": 0, "suspects": 1, "stretch": 1.0, "ages": [],
            "needs": {}, "needs_of_targets": [], **figures, "held_back": {"site": 2}}  # fmt: skip
    served.city.board.told = told
    assert admin.get("/api/v1/patrol").json() == told
    assert admin.get("/api/v1/patrol?target_seconds=90").json()["needs_of_target"] is None, "nothing was measured yet"
    assert admin.get("/api/v1/patrol?target_seconds=0").status_code == 422


def test_what_a_stated_target_needs_is_what_the_patrol_would_say(served, admin):
    costs = {"decoder_cpu_s": 0.031, "patrol_cpu_s": 0.009, "visit_s": 1.3}

    def needs(target_s):
        rate = 6534 / (target_s * 0.9)
        return needed(6534, rate, *costs.values(), decoders=2, most_in_flight=64, target_s=target_s).to_json()

    told = {"at_ns": 1, "over_s": 60.0, "cameras": 6534, "failing": 0, "suspects": 0, "stretch": 1.0, "ages": [],
            "visits_per_s": 20.0, "failing_share": 0.0, "needs": {}, "needs_of_targets": [needs(60.0), needs(300.0)],
            **costs}  # fmt: skip
    served.city.board.told = told
    for target_s in (47.0, 300.0, 1000.0):
        answer = admin.get(f"/api/v1/patrol?target_seconds={target_s}").json()["needs_of_target"]
        assert answer == pytest.approx(needs(target_s), rel=1e-5)


def test_no_secret_stands_anywhere_in_the_store(served, tmp_path_factory):
    folder = served.city.store._database.name
    from pathlib import Path

    for file in Path(folder).parent.glob("city.db*"):
        assert b"hunter2-Zq" not in file.read_bytes()


def table(*lines):
    return "\n".join(["camera,url,name,class", *lines]).encode()


CSV = {"Content-Type": "text/csv"}


def test_a_table_is_imported_as_a_whole_or_not_at_all(served, admin):
    wrong = table("t/1,rtsp://u:hunter2-Zq@192.0.2.1/1,One,", "t 2,ftp://u:hunter2-Zq@x/,Two,nix", "t/3,,,")
    answer = admin.post("/api/v1/cameras/import", content=wrong, headers=CSV)
    assert answer.status_code == 422
    places = {(error["line"], error["column"]) for error in answer.json()["errors"]}
    assert {(3, 1), (3, 2), (3, 4), (4, 2)} <= places
    assert "hunter2-Zq" not in answer.text
    assert admin.get("/api/v1/cameras?q=t/").json()["items"] == []
    swapped = b"camera,url\nrtsp://u:hunter2-Zq@192.0.2.1/1,gate\n"
    answer = admin.post("/api/v1/cameras/import", content=swapped, headers=CSV)
    assert (answer.status_code, "hunter2-zq" in answer.text.lower()) == (422, False)
    headless = b"rtsp://u:hunter2-Zq@192.0.2.1/1,x\n"
    answer = admin.post("/api/v1/cameras/import", content=headless, headers=CSV)
    assert (answer.status_code, "hunter2-zq" in answer.text.lower()) == (422, False)

    right = table("t/1,rtsp://u:hunter2-Zq@192.0.2.1/1,One,", "t/2,rtsp://192.0.2.2/1,Two,")
    counts = ("dry_run", "cameras", "added", "changed", "unchanged", "pending")
    for dry_run, wanted in (("true", (True, 2, 2, 0, 0, 0)), ("false", (False, 2, 2, 0, 0, 0))):
        answer = admin.post(f"/api/v1/cameras/import?dry_run={dry_run}", content=right, headers=CSV)
        assert answer.status_code == 200, answer.text
        assert tuple(answer.json()[name] for name in counts) == wanted
    assert opened(served, "t/1").address().password == "hunter2-Zq"
    again = table("t/1,rtsp://u:hunter2-Zq@192.0.2.1/1,One,", "t/2,rtsp://192.0.2.2/1,Zwei,", "S1/d1/l1,rtsp://h/1,x,")
    answer = admin.post("/api/v1/cameras/import", content=again, headers=CSV)
    assert tuple(answer.json()[name] for name in counts) == (False, 3, 0, 1, 1, 0)
    assert answer.json()["refused"] == [{"camera": "S1/d1/l1", "reason": "other_kind"}]
    assert admin.post("/api/v1/cameras/import", content=right).status_code == 415
