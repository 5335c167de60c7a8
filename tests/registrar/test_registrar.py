"""The registrar on a manual clock: who may register, who is claimed missing and who is not, what catalogues claim."""

import json

import pytest
from registrar_kit import CAMERA, CHANNELS, PASSWORD, RECORDER, Device, Rig, alarm, catalogue, sn_of

from citywatch.adapters.gb28181.book import Book, load, save
from citywatch.wire.sip import Request, parse_datagram


@pytest.fixture
def rig():
    return Rig()


@pytest.fixture
def camera(rig):
    return Device(rig)


@pytest.fixture
def recorder(rig):
    return Device(rig, RECORDER)


def refused(rig):
    return {key[1]: n for key, n in rig.meter.counts.items() if key[0] == "refused"}


# registration


def test_register_with_digest(rig, camera):
    answer = camera.register()
    assert answer.status == 200
    assert answer.header("expires") == "3600"
    assert answer.header("contact").startswith(f"<sip:{CAMERA}@")
    assert answer.header("date") == "2026-01-01T08:00:00.000"
    assert answer.header("x-gb-ver") == "2.0"
    assert rig.claims() == [(CAMERA, "online", "register", "")]
    assert json.loads(rig.descriptions()[CAMERA])["kind"] == "camera"
    assert camera.register().status == 200
    assert rig.claims() == [], "only changes are claims"
    assert rig.meter.gauges["registrar_registered"] == 1


def test_unregister_and_come_back(rig, camera):
    camera.register()
    assert camera.register(expires=0).status == 200
    camera.register()
    assert [claim[1:3] for claim in rig.claims()] == [
        ("online", "register"),
        ("offline", "unregister"),
        ("online", "register"),
    ]


def test_a_registration_expires(rig, camera):
    camera.register(expires=100)
    for _ in range(3):
        rig.pass_s(30)
        camera.keepalive()
    rig.claims()
    rig.pass_s(11)
    assert rig.claims() == [(CAMERA, "offline", "expired", "")]
    assert camera.keepalive().status == 403, "it learns that it must register anew"


def test_too_brief_and_too_long(rig, camera):
    answer = camera.register(expires=10)
    assert (answer.status, answer.header("min-expires")) == (423, "60")
    assert camera.register(expires=10**9).header("expires") == "86400"


@pytest.mark.parametrize("code", ["34020000001320000009", CAMERA])
def test_unknown_devices_and_wrong_passwords_are_answered_alike(code):
    rig = Rig(own={CAMERA: "its own"}, others=None)
    assert Device(rig, code, password="guess").register().status == 403
    assert refused(rig) == {"wrong_password" if code == CAMERA else "unknown_device": 1}
    assert rig.claims() == []
    assert len(rig.book) == 0


def test_a_listed_device_has_a_password_of_its_own():
    rig = Rig(own={CAMERA: "its own"})
    assert Device(rig, password=PASSWORD).register().status == 403
    assert Device(rig, password="its own").register().status == 200
    assert Device(rig, RECORDER).register().status == 200


def test_a_code_has_20_digits(rig):
    assert Device(rig, "admin").register().status == 403
    assert refused(rig) == {"no_code": 1}


def test_guessing_ends(rig):
    thief = Device(rig, password="guess", host="198.51.100.1")
    for _ in range(30):
        assert thief.register().status == 403
    assert refused(rig) == {"wrong_password": 30}
    thief.register()
    assert refused(rig)["guessing"] == 1
    assert Device(rig).register().status == 200, "elsewhere the right one comes in"
    rig.pass_s(4)
    assert Device(rig, host="198.51.100.1").register().status == 200, "and there, too, after a while"


def test_an_answer_is_good_once(rig, camera):
    first = camera.say(camera.request("REGISTER", extra=[("Expires", "60")]))
    camera.credentials.accept([v for k, v in first.headers if k == "www-authenticate"])
    extra = [("Expires", "0"), ("Authorization", camera.credentials.header("REGISTER", f"sip:{rig.config.code}@x"))]
    assert camera.say(camera.request("REGISTER", extra=extra)).status == 200
    again = camera.say(camera.request("REGISTER", extra=extra))
    assert (again.status, "stale=true" in again.header("www-authenticate")) == (401, True)


def test_the_form_of_2022_may_use_sha_256(rig):
    device = Device(rig, version="3.0")
    first = device.say(device.request("REGISTER"))
    offers = [v for k, v in first.headers if k == "www-authenticate"]
    assert ["MD5" in offers[0], "SHA-256" in offers[1]] == [True, True]
    assert device.register().status == 200, "Credentials take the stronger one"
    old = Device(rig, RECORDER)
    assert "SHA-256" not in str(old.say(old.request("REGISTER")).headers)


def test_sha_256_can_be_insisted_on():
    rig = Rig(digest="sha-256")
    device = Device(rig)
    first = device.say(device.request("REGISTER"))
    assert "algorithm=SHA-256" in first.header("www-authenticate")
    assert device.register().status == 200


def test_when_all_places_are_taken():
    rig = Rig(devices_max=2)
    devices = [Device(rig, code) for code in (CAMERA, RECORDER, CHANNELS[0])]
    assert [device.register().status for device in devices] == [200, 200, 503]
    devices[0].register(expires=0)
    assert devices[2].register().status == 200, "one that is off gives way"
    assert rig.book.get(CAMERA) is None


def test_a_retransmission_gets_the_same_answer(rig, camera):
    data = camera.request("REGISTER")
    rig.hear(data, camera.peer)
    rig.hear(data, camera.peer)
    (_, first), (_, second) = rig.sent
    assert first == second
    assert rig.meter.counts["requests", "REGISTER", "401"] == 1


def test_what_is_no_sip_or_not_ours_to_do(rig, camera):
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01", b"\r\n\r\n"):
        assert camera.say(junk) is None
    assert rig.meter.counts["dropped", "malformed"] == 1 + 1
    assert camera.say(camera.request("INVITE")).status == 405
    assert camera.say(camera.request("OPTIONS")).status == 200
    assert camera.say(camera.request("NOTIFY")).status == 481
    assert camera.say(camera.request("ACK")) is None


def test_a_source_that_speaks_too_much_is_not_heard():
    rig = Rig(requests_per_second=10, requests_burst=20)
    loud, other = Device(rig), Device(rig, RECORDER, host="192.0.2.51")
    answers = [loud.say(loud.request("OPTIONS")) for _ in range(30)]
    assert sum(answer is not None for answer in answers) == 20
    assert rig.meter.counts["dropped", "rate"] == 10
    assert other.register().status == 200
    rig.pass_s(1)
    assert loud.say(loud.request("OPTIONS")).status == 200


# keepalives


def test_three_missed_keepalives_are_claimed_and_the_next_one_too(rig, camera):
    camera.register()
    camera.keepalive()
    rig.claims()
    rig.pass_s(179)
    assert rig.claims() == []
    rig.pass_s(2)
    assert rig.claims() == [(CAMERA, "offline", "keepalive_missed", "")]
    rig.pass_s(300)
    assert rig.claims() == []
    assert camera.keepalive().status == 200
    assert rig.claims() == [(CAMERA, "online", "keepalive", "")]


def test_a_device_may_have_a_pace_of_its_own(tmp_path):
    (tmp_path / "p").write_text(PASSWORD)
    rig = Rig(devices=[{"code": CAMERA, "password_file": tmp_path / "p", "keepalive_seconds": 10}])
    for code in (CAMERA, RECORDER):
        Device(rig, code).register()
    rig.claims()
    rig.pass_s(31)
    assert rig.claims() == [(CAMERA, "offline", "keepalive_missed", "")]


@pytest.mark.parametrize("seconds", [170, 3600, -7200])
def test_a_time_in_which_we_did_not_listen_claims_nothing(rig, camera, seconds):
    camera.register()
    rig.pass_s(100)
    rig.claims()
    rig.clock.advance_s(seconds)  # stopped, stalled, or the clock was set
    rig.pass_s(79)
    assert rig.claims() == []
    rig.pass_s(2)
    assert rig.claims() == [(CAMERA, "offline", "keepalive_missed", "")]


def test_a_restart_claims_nothing_false(rig, camera):
    camera.register(expires=120)
    Device(rig, RECORDER).register()
    later = Rig(saved=rig.book.to_json(), at_s=600)
    assert later.claims() == []
    later.pass_s(100)
    heard = Device(later)
    assert heard.keepalive().status == 200, "it is registered still"
    later.pass_s(79)
    assert later.claims() == []
    later.pass_s(2)
    assert set(later.claims()) == {
        (RECORDER, "offline", "keepalive_missed", ""),
        (CAMERA, "offline", "expired", ""),  # it had the time to register anew
    }


def test_a_claim_that_stands_is_said_again(rig, camera):
    camera.register()
    rig.claims()
    for _ in range(41):
        rig.pass_s(30)
        camera.keepalive()
    assert rig.claims() == [(CAMERA, "online", "register", "")] * 2


def test_only_who_is_registered_is_heard_and_from_its_own_address(rig, camera):
    assert camera.keepalive().status == 403
    camera.register()
    assert Device(rig, host="203.0.113.9").keepalive().status == 403
    moved = Device(rig, port=40_000)
    assert moved.keepalive().status == 200, "a new port is what routers do"
    assert rig.book.get(CAMERA).peer.port == 40_000
    assert refused(rig) == {"not_registered": 1, "other_source": 1}


def test_a_keepalive_names_what_is_faulty(rig, recorder):
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON"), (CHANNELS[1], "b", "ON")])
    rig.claims()
    recorder.keepalive(status="ERROR", faulty=[CHANNELS[1]])
    recorder.keepalive(status="ERROR", faulty=[CHANNELS[1]])
    assert rig.claims() == [
        (RECORDER, "alarm", "keepalive", "device_fault"),
        (CHANNELS[1], "alarm", "keepalive", "device_fault"),
    ]
    recorder.keepalive()
    assert [claim[:2] for claim in rig.claims()] == [(RECORDER, "over"), (CHANNELS[1], "over")]


def test_a_body_that_cannot_be_read_is_refused(rig, camera):
    camera.register()
    assert camera.message("<Notify><CmdType>Keepalive").status == 400
    hostile = '<!DOCTYPE a [<!ENTITY b "c">]><Notify><CmdType>&b;</CmdType></Notify>'
    assert camera.message(hostile).status == 400
    assert refused(rig) == {"body": 2}
    assert rig.claims() == [(CAMERA, "online", "register", "")]


# catalogues


def query(device):
    """The catalogue query that was asked; answered with 200."""
    (asked,) = device.asked_for("MESSAGE", "<CmdType>Catalog</CmdType>")
    device.answer(asked)
    return sn_of(asked)


def answer_catalogue(device, *parts, total=None):
    sn = query(device)
    total = total or sum(len(part) for part in parts)
    for part in parts:
        assert device.message(catalogue(sn, part, total=total, device=device.code)).status == 200


def test_a_catalogue_in_parts(rig, recorder):
    recorder.register()
    rig.claims()
    answer_catalogue(
        recorder,
        [(CHANNELS[0], "北门", "ON"), (CHANNELS[1], "b", "OFF")],
        [(CHANNELS[2], "c", "ON"), ("34", "x", "ON")],
    )
    assert rig.claims() == [
        (CHANNELS[0], "online", "catalogue", ""),
        (CHANNELS[1], "offline", "catalogue", ""),
        (CHANNELS[2], "online", "catalogue", ""),
    ]
    assert rig.meter.counts["catalogues", "complete"] == 1
    described = json.loads(rig.descriptions()[CHANNELS[0]])
    assert (described["name"], described["parent"], described["kind"]) == ("北门", RECORDER, "camera")
    assert rig.meter.gauges["registrar_channels"] == 3


def test_the_catalogue_is_asked_for_again_and_only_changes_are_claims(rig, recorder):
    recorder.register(expires=86_400)
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON"), (CHANNELS[1], "b", "ON"), (CHANNELS[2], "c", "ON")])
    rig.claims()
    rig.descriptions()
    for _ in range(120):
        rig.pass_s(30, step_s=5)
        recorder.keepalive()
    rig.claims()
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON"), (CHANNELS[1], "b", "OFF")])
    assert rig.claims() == [
        (CHANNELS[1], "offline", "catalogue", ""),
        (CHANNELS[2], "offline", "catalogue", "left_catalogue"),
    ]
    assert rig.descriptions() == {}
    assert rig.book.channels == 2


def test_cameras_have_the_ids_of_the_settings():
    rig = Rig(cameras={CHANNELS[0]: "north-gate"})
    recorder = Device(rig, RECORDER)
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON")])
    assert rig.claims()[-1] == ("north-gate", "online", "catalogue", "")
    assert set(rig.descriptions()) == {RECORDER}, "the fleet's own list describes it"


OTHER = "34020000001180000002"
PLATFORM = "34020000002000000099"


def test_the_word_of_the_first_on_a_channel_holds(rig, recorder):
    """Any device that knows a password may list any channel: it is a source more, and hangs nothing elsewhere."""
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "north", "ON")])
    rig.claims(), rig.descriptions()
    other = Device(rig, OTHER, host="192.0.2.60")
    other.register()
    answer_catalogue(other, [(CHANNELS[0], "stolen", "OFF"), (CHANNELS[1], "own", "ON")])
    assert set(rig.descriptions()) == {OTHER, CHANNELS[1]}
    assert (CHANNELS[0], "offline", "catalogue", "") in rig.claims(), "what it says is heard all the same"
    before = rig.book
    rig.book = Book(100, 100)
    rig.start(before.to_json())
    other.call_id = "begun anew"
    other.register()
    answer_catalogue(other, [(CHANNELS[0], "stolen", "OFF"), (CHANNELS[1], "own", "ON")])
    assert rig.descriptions() == {}, "nor after a restart"


def test_a_recorder_names_the_place_of_what_its_platform_names_without(rig, recorder):
    platform = Device(rig, PLATFORM, host="192.0.2.60")
    platform.register()
    answer_catalogue(platform, [(CHANNELS[0], "north", "ON")])
    rig.descriptions()
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "north", "ON")])
    assert json.loads(rig.descriptions()[CHANNELS[0]])["parent"] == RECORDER
    platform.call_id = "begun anew"
    platform.register()
    answer_catalogue(platform, [(CHANNELS[0], "renamed", "ON")])
    assert CHANNELS[0] not in rig.descriptions()


def test_a_new_recorder_takes_over_from_one_that_is_gone(rig, recorder):
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "north", "ON")])
    recorder.register(expires=0)
    other = Device(rig, OTHER, host="192.0.2.60")
    other.register()
    rig.descriptions()
    answer_catalogue(other, [(CHANNELS[0], "north", "ON")])
    assert json.loads(rig.descriptions()[CHANNELS[0]])["parent"] == OTHER


def test_an_alarm_about_a_channel_of_another_recorder_is_the_senders_own():
    rig = Rig(cameras={CHANNELS[0]: "north-gate"})
    recorder, other = Device(rig, RECORDER), Device(rig, OTHER, host="192.0.2.60")
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON")])
    other.register()
    rig.claims()
    other.message(alarm(CHANNELS[0], 2, 1))
    assert rig.claims() == [(OTHER, "tampered", "alarm", "no_media")]


def test_a_catalogue_that_stays_unfinished(rig, recorder):
    recorder.register(expires=86_400)
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON")], total=5)
    rig.pass_s(59)
    recorder.keepalive()
    rig.pass_s(2)
    assert rig.meter.counts["catalogues", "incomplete"] == 1
    assert rig.claims()[-1] == (CHANNELS[0], "online", "catalogue", ""), "what came holds all the same"


def test_channels_have_a_bound():
    rig = Rig(channels_max=2)
    recorder = Device(rig, RECORDER)
    recorder.register()
    answer_catalogue(recorder, [(code, "x", "ON") for code in CHANNELS])
    assert rig.book.channels == 2
    assert rig.meter.counts["dropped", "channels"] == 1


def test_who_does_not_answer_is_asked_again_over_udp_and_then_left_alone(rig, camera):
    camera.register()
    (first,) = camera.asked_for("MESSAGE", "DeviceInfo")
    rig.pass_s(20)
    camera.take()
    assert sum(b"DeviceInfo" in m.body for _, m in camera.asked) == 7
    rig.pass_s(15)
    camera.asked_for("MESSAGE")
    rig.pass_s(60)
    assert camera.asked_for("MESSAGE") == []
    assert rig.meter.counts["catalogues", "timed_out"] == 1
    camera.answer(first)
    assert rig.meter.counts["dropped", "unasked"] == 1


def test_questions_have_a_bound_and_everybody_has_a_turn():
    rig = Rig(questions_max=3)
    devices = [Device(rig, f"3402000000132000{n:04d}", host=f"192.0.2.{n}") for n in range(10)]
    for device in devices:
        device.register()
    asked = set()
    for _ in range(50):
        waiting = [(peer, m) for d in devices for peer, m in d.asked] + rig.take()
        for d in devices:
            d.asked = []
        for peer, message in waiting:
            if isinstance(message, Request):
                asked.add((peer.host, message.body.split(b"<CmdType>")[1].split(b"<")[0]))
                device = next(d for d in devices if d.peer == peer)
                device.answer(message, 200)
                if b"Catalog" in message.body:
                    device.message(catalogue(sn_of(message), [], device=device.code))
    assert len(asked) == 30, "information, catalogue and status of each"


# subscriptions


@pytest.fixture
def subscribed():
    rig = Rig(subscription_seconds=600)
    recorder = Device(rig, RECORDER)
    recorder.register(expires=86_400)
    answer_catalogue(recorder, [(CHANNELS[0], "a", "ON")])
    asked = recorder.asked_for("SUBSCRIBE")
    assert [m.header("event").split(";")[0] for m in asked] == ["Catalog", "presence"]
    for message in asked:
        recorder.answer(message, 200, [("Expires", "600")])
    rig.claims()
    return rig, recorder, asked


def notify(device, dialog, body, state="active"):
    extra = [("Event", dialog.header("event")), ("Subscription-State", state)]
    return device.say(device.request("NOTIFY", body=body.encode("gb18030"), extra=extra, call_id=dialog.call_id))


def test_changes_of_the_catalogue_are_claims(subscribed):
    rig, recorder, (dialog, _) = subscribed
    for event in ("OFF", "ON", "VLOST", "ON", "DEFECT", "DEL"):
        body = catalogue(1, [(CHANNELS[0], "a", "", event)], root="Notify")
        assert notify(recorder, dialog, body).status == 200
    assert [claim[1:] for claim in rig.claims()] == [
        ("offline", "catalogue", ""),
        ("online", "catalogue", ""),
        ("tampered", "catalogue", "no_media"),
        ("over", "catalogue", "no_media"),
        ("alarm", "catalogue", "device_fault"),
        ("over", "catalogue", "device_fault"),
        ("offline", "catalogue", "left_catalogue"),
    ]


def test_subscriptions_are_renewed_in_their_dialog(subscribed):
    rig, recorder, (dialog, _) = subscribed
    for _ in range(17):
        rig.pass_s(30)
        recorder.keepalive()
    renewed = recorder.asked_for("SUBSCRIBE")
    assert {m.call_id for m in renewed} >= {dialog.call_id}
    again = next(m for m in renewed if m.call_id == dialog.call_id)
    assert (again.cseq[0], again.recipient.tag) == (2, "dev")
    recorder.answer(again, 481)
    anew = recorder.asked_for("SUBSCRIBE", "Catalog")
    assert [m.call_id != dialog.call_id for m in anew] == [True], "a lost dialog is begun anew"


def test_a_foreign_notify_is_refused(subscribed):
    rig, recorder, (dialog, _) = subscribed
    body = catalogue(1, [(CHANNELS[0], "a", "", "OFF")], root="Notify")
    stranger = Device(rig, RECORDER, host="203.0.113.9")
    assert notify(stranger, dialog, body).status == 403
    assert notify(recorder, dialog, body, "terminated;reason=timeout").status == 200
    assert notify(recorder, dialog, body).status == 481
    assert [claim[:2] for claim in rig.claims()] == [(CHANNELS[0], "offline")]


def test_an_alarm_by_notify_is_answered_by_200_alone(subscribed):
    rig, recorder, (_, dialog) = subscribed
    assert notify(recorder, dialog, alarm(CHANNELS[0], 5, 13)).status == 200
    assert rig.claims() == [(CHANNELS[0], "tampered", "alarm", "covered")]
    assert recorder.asked_for("MESSAGE", "<CmdType>Alarm") == []


# alarms


@pytest.mark.parametrize(
    ("method", "kind", "claim", "detail"),
    [
        (2, 1, "tampered", "no_media"),
        (2, 2, "alarm", "gb28181:2.2"),
        (5, 2, "alarm", "gb28181:5.2"),
        (5, 11, "tampered", "gb28181:5.11"),
        (5, 13, "tampered", "covered"),
        (6, None, "alarm", "gb28181:6"),
        (9, 9, "alarm", "gb28181:unknown"),
    ],
)
def test_alarms_are_claims_and_are_answered(rig, camera, method, kind, claim, detail):
    camera.register()
    rig.claims()
    assert camera.message(alarm(CAMERA, method, kind)).status == 200
    (answer,) = camera.asked_for("MESSAGE", "<CmdType>Alarm")
    assert b"<Response>" in answer.body
    assert b"<SN>9</SN>" in answer.body
    assert answer.call_id == camera.call_id, "under the Call-ID of what it answers"
    assert rig.claims() == [(CAMERA, claim, "alarm", detail)]


def test_an_alarm_that_goes_on_is_not_said_at_every_turn(rig, camera):
    camera.register()
    rig.claims()
    for _ in range(50):
        rig.pass_s(20)
        camera.message(alarm(CAMERA, 5, 2))
    assert rig.claims().count((CAMERA, "alarm", "alarm", "gb28181:5.2")) == 2


def test_an_alarm_of_a_stranger_is_the_senders_own(rig, camera):
    camera.register()
    rig.claims()
    camera.message(alarm("34020000001310009999", 2, 1))
    assert rig.claims() == [(CAMERA, "tampered", "alarm", "no_media")]


# the file


def test_the_book_outlives_us(tmp_path, rig, recorder):
    recorder.register()
    answer_catalogue(recorder, [(CHANNELS[0], "北门", "ON")])
    file = tmp_path / "registrar.json"
    save(rig.book.to_json(), file)
    assert file.stat().st_mode & 0o077 == 0
    assert PASSWORD not in file.read_text()
    book = Book(10, 10)
    load(book, file, 0, 0)
    assert json.loads(book.to_json())["registrants"][0]["channels"] == [
        [CHANNELS[0], "北门", RECORDER, True, "", False]
    ]
    assert (book.registered, book.channels, book.changed) == (1, 1, False)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"format":2}', '{"format":1,"registrants":[{}]}', '{"format":1,"registrants":[[1]]}', "\xff"],
)
def test_a_damaged_file_is_said_and_learned_anew(tmp_path, caplog, text):
    file = tmp_path / "registrar.json"
    file.write_bytes(text.encode("latin-1"))
    book = Book(10, 10)
    load(book, file, 0, 0)
    assert len(book) == 0
    assert "learned anew" in caplog.text


def test_without_a_file_nothing_is_said(tmp_path, caplog):
    load(Book(1, 1), tmp_path / "none", 0, 0)
    assert caplog.text == ""


def test_messages_go_where_the_device_is(rig, camera):
    camera.register()
    rig.reachable = False
    moved = Device(rig, port=7000)
    moved.keepalive()
    rig.reachable = True
    rig.pass_s(1)
    assert {peer.port for peer, _ in rig.take()} == {7000}
    assert parse_datagram(camera.request("OPTIONS")).method == "OPTIONS"
