"""The console in a real browser, and its words."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from api_kit import NOW, lorry, outage, serving, until

from citywatch.adapters.cameras.measure import LumaOnly, make_grid, measure
from citywatch.domain.columns import TEXT
from citywatch.domain.labels import Matcher
from citywatch.domain.pictures import FrameBatch, Outcome
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.flow.desks import Desks
from citywatch.sla.contracts import Contract
from citywatch.testing.scenes import Street
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONSOLE = resources.files("citywatch.console")
CAMERAS = {
    "cam-001": ("Jiefang Road / Wuyi Road", "解放路五一路口"),
    "cam-002": ("Railway Station, east square", "火车站东广场"),
    "cam-003": ("Xiangjiang Bridge, west ramp", "湘江大桥西匝道"),
}
LANES = {
    "CS01/d1/l2": ("G319 km 12, lane 2", "G319 国道 K12"),
    "CS01/d1/l1": ("G319 km 12, lane 1", "G319 国道 K12"),
}


def desks():
    """Who answers for the cameras, and the clocks of the reference contract."""
    contract = Contract.model_validate(
        yaml.safe_load(resources.files("citywatch.sla").joinpath("reference.yaml").read_text())
    )
    answers = Responsible("Furong", "Traffic police", "Xiangjiang Video", "street", "north")
    register = Register(rules=[ResponsibilityRule(Matcher.of({"device_kind": "camera"}), answers)])
    return Desks(register, tickets=TicketPolicy(contracts=Contracts([(contract, {})])))


def sources():
    return {
        entry.name: entry.read_text("utf-8") for entry in CONSOLE.iterdir() if entry.name.endswith((".js", ".html"))
    }


def test_both_languages_have_every_word_and_the_same_gaps():
    words = json.loads((CONSOLE / "words.json").read_text("utf-8"))
    assert len(words) > 150
    for key, texts in words.items():
        assert set(texts) == {"en", "zh"}, key
        assert all(text.strip() for text in texts.values()), key
        gaps = [set(re.findall(r"\{(\w+)\}", text)) for text in texts.values()]
        assert gaps[0] == gaps[1], key


def test_every_word_that_is_used_exists_and_every_word_is_used():
    words = set(json.loads((CONSOLE / "words.json").read_text("utf-8")))
    text = "\n".join(sources().values())
    used = set(re.findall(r"""\bt\(\s*"(\w+)\"""", text))
    used |= set(re.findall(r"""\bt\([^"()]*\? "(\w+)" : "(\w+)\"""", text)[0])
    families = set(re.findall(r"""\bt\(`(\w+_)\$""", text)) | {
        f"{name}_" for name in re.findall(r"""\bword\("(\w+)\"""", text)
    }
    known = {word for word in words if any(word.startswith(family) for family in families)}
    assert used <= words, sorted(used - words)
    quoted = set(re.findall(r'"(\w+)"', text))
    assert words <= used | known | quoted, sorted(words - used - known - quoted)


def test_nothing_that_was_written_elsewhere_becomes_markup():
    for name, text in sources().items():
        for danger in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "DOMParser",
            "javascript:",
        ):
            assert danger not in text, f"{name} uses {danger}"
    page = sources()["index.html"]
    assert "<style" not in page
    assert not re.search(r"\son\w+=", page)
    assert not re.search(r'(src|href)="(https?:)?//', page)


def look(device, at_ns, visit, luma, objects, previous=""):
    """One visit to a camera, measured as a decoder would."""
    grid = make_grid(luma)
    values = {
        "device": device,
        "at_ns": at_ns,
        "received_ns": at_ns,
        "visit": visit,
        "outcome": Outcome.PICTURE,
        "reason": "ok",
        "media_ns": -1,
        "picture": objects.put(cv2.imencode(".png", grid)[1].tobytes()),
        "previous": previous,
        "previous_at_ns": -1,
        "cpu_us": 40_000,
        **asdict(measure(LumaOnly(luma), grid, None)),
    }
    return FrameBatch.of(
        **{
            column.name: (values[column.name],)
            if column.dtype == TEXT
            else np.array([values[column.name]], column.dtype)
            for column in FrameBatch.COLUMNS
            if column.name in values
        }
    )


def heavy(number, gross_kg, **changes):
    """A lorry whose axles carry exactly its weight."""
    rear, front = divmod(gross_kg - 6_300, 5)
    axles = {"axle1Weight": 6_300 + front} | {f"axle{axle}Weight": rear for axle in range(2, 7)}
    return lorry(number, totalWeight=gross_kg, **axles, **changes)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Three cameras, one of them black, and two lanes with a lorry that is too heavy."""
    pictures = {}
    with serving(tmp_path_factory.mktemp("console"), desks=desks()) as served:
        with served.client("admin") as admin:
            for kind, devices in (("camera", CAMERAS), ("scale", LANES)):
                for device, (name, place) in devices.items():
                    body = {"device": device, "kind": kind, "name": name, "place": place}
                    assert admin.post("/api/v1/devices", json=body).status_code == 200
        served.city.tick()
        street = Street(7, 960, 540, started=datetime(2026, 1, 31, 8, 9, 10, tzinfo=UTC))
        for visit in range(3):
            for device in CAMERAS:
                fault = "black" if device == "cam-002" and visit else None
                luma = cv2.cvtColor(street.picture(10.0 * visit, fault=fault), cv2.COLOR_BGR2GRAY)
                previous = pictures.get(device, "")
                batch = look(device, NOW - (50 - visit * 10) * 10**9, visit + 1, luma, served.city.objects, previous)
                pictures[device] = pictures.get(device) if fault else batch.picture[0]
                served.city.door.append(batch)
        served.push(lorry(1), heavy(2, 66_850, laneNo=1, previewDate="2026-01-31 08:02:11", speed=64))
        with served.client("viewer") as viewer:
            until(lambda: len(viewer.get("/api/v1/alerts").json()["items"]) == 3)
            until(lambda: viewer.get("/api/v1/devices/cam-003").json()["state"] == "up")
        yield served


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: apt-get install -y chromium fonts-noto-cjk")
        pytest.skip("no chromium: apt-get install -y chromium fonts-noto-cjk")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser):
    """open_page(**options of a browser context) -> page; every error in it fails the test."""
    contexts, errors = [], []

    def opened(**options):
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "timezone_id": "Asia/Shanghai", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.clock.set_fixed_time("2026-01-31T00:10:00Z")  # the city's own time
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.complaints = errors
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors, errors


def text_of(page, selector):
    """What a person reads there; a space is a space, breaking or not."""
    return page.locator(selector).first.inner_text().replace("\xa0", " ")


def sign_in(page, served, role="operator"):
    page.goto(served.url)
    page.fill("#token", served.city.tokens[role])
    page.click("button[type=submit]")
    page.wait_for_selector(".connection-live")


def shoot(page, name):
    """Keep a picture of the page where SCREENSHOTS says so."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_an_operator_signs_in_sees_an_alert_arrive_and_acknowledges_it(city, open_page):
    page = open_page()
    sign_in(page, city)
    page.wait_for_selector("#alerts li")
    before = page.locator("#alerts li").count()
    city.push(heavy(500, 71_900, previewDate="2026-01-31 08:09:40", licenseCodeFront="湘A99999"))
    page.locator("#alerts li").nth(before).wait_for()
    first = page.locator("#alerts li a").first
    assert "22.90 t" in text_of(page, "#alerts li a")
    assert "New alert" in page.locator("#said").inner_text()
    first.click()
    page.wait_for_selector("#acknowledge")
    text = text_of(page, "#detail")
    assert "71.90 t" in text
    assert "46.7 %" in text
    assert "湘A*****" in text
    shoot(page, "alerts-en")
    page.click("#detail >> text=Show")
    page.wait_for_selector("#detail >> text=湘A99999")
    page.click("#acknowledge")
    page.wait_for_selector("#detail .chip-acknowledged")
    assert page.locator("#acknowledge").count() == 0
    assert page.locator("#alerts li a").first.locator(".chip").inner_text() == "acknowledged"
    with city.client("viewer") as client:
        assert client.get("/api/v1/alerts").json()["items"][0]["acknowledged_by"] == "operator-1"


def test_the_same_in_chinese_and_it_is_remembered(city, open_page):
    page = open_page()
    sign_in(page, city)
    page.click("#language")
    page.wait_for_selector("text=当前")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.locator("#alerts li a", has_text="画面全黑").click()
    page.wait_for_selector("#detail .frame img >> nth=1")
    text = text_of(page, "#detail")
    assert "全黑" in text
    assert "Picture" not in text
    shoot(page, "alerts-zh")
    page.reload()
    page.wait_for_selector("text=当前")


def test_a_fault_shows_its_evidence_and_the_pictures(city, open_page):
    page = open_page()
    sign_in(page, city)
    page.locator("#alerts li a", has_text="Picture is black").click()
    page.wait_for_selector("#detail .frame img >> nth=1")
    text = text_of(page, "#detail")
    assert re.search(r"\d+(\.\d)? % of the picture is dark; from 97 % on it counts as black\.", text)
    assert "Railway Station" in text
    widths = page.eval_on_selector_all("#detail .frame img", "nodes => nodes.map(node => node.naturalWidth)")
    assert widths == [640, 640]
    shoot(page, "fault-en")
    page.click("#detail >> text=Repair ticket")
    page.wait_for_selector("#move-accept")


def test_fleet_and_tickets(city, open_page):
    page = open_page(color_scheme="dark")
    sign_in(page, city)
    page.click("nav >> text=Fleet")
    page.wait_for_selector("#fleet li")
    page.wait_for_selector("#availability b")
    assert page.locator("#fleet li").first.locator(".fault").inner_text() == "Picture is black"
    assert page.locator("#fleet li").count() == 5
    page.locator("#fleet li a").first.click()
    page.wait_for_selector(".detail .steps")
    shoot(page, "fleet-dark")
    page.click("nav >> text=Tickets")
    page.locator("#tickets li a").first.click()
    page.click("#move-note")
    page.fill("#note", "half a note")
    page.click("#move-accept")
    page.wait_for_selector(".detail .chip-ticket-accepted")
    page.click("#move-note")
    assert page.input_value("#note") == "half a note"
    told = text_of(page, ".detail")
    assert "cam-002" in told
    assert "too much of the picture is dark" in told
    page.fill("#note", "<img src=x onerror=alert(1)> lens cap was on")
    page.click("#form-note button[type=submit]")
    page.wait_for_selector(".note")
    assert page.locator("#note").count() == 0
    assert page.locator(".note").inner_text() == "<img src=x onerror=alert(1)> lens cap was on"
    assert page.locator(".note img").count() == 0
    shoot(page, "tickets-dark")


def test_a_crew_repairs_with_a_phone(city, open_page):
    city.city.board.seen["cam-003"] = {"at_ns": NOW, "outcome": "picture", "reason": "ok", "picture": seen_of(city)}
    with city.client("operator") as desk:
        played = {"device": "cam-003", "fault": "covered", "minutes": 60, "note": "drill"}
        ticket = desk.post("/api/v1/exercises", json=played).json()["ticket"]
        way = {"access": "Pole 7", "contact": "Wang, 0731 8888 1234", "key": "Box 14"}
        assert desk.put("/api/v1/devices/cam-003/access", json=way).status_code == 200
    page = open_page(viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True)
    sign_in(page, city, "crew")
    page.locator("#tickets li a", has_text="Picture is black").click()
    page.wait_for_selector(".order-seen img >> nth=1")
    assert "within 72h" in text_of(page, ".order-clocks")
    shoot(page, "phone-order")
    page.click(".back")
    page.locator("#tickets li a", has_text="Exercise").click()
    page.wait_for_selector(".exercise-band")
    page.wait_for_selector(".order-seen img")
    assert page.locator("nav a").count() == 4
    assert "Exercise: this is only played" in text_of(page, ".order")
    assert page.get_attribute(".call", "href") == "tel:073188881234"
    assert "Box 14" not in text_of(page, ".order-place")
    page.click(".order-place >> text=Show")
    page.wait_for_selector(".order-place >> text=Box 14")
    page.click("#move-accept")
    page.click("#move-handle")
    photo = cv2.imencode(".jpg", np.full((300, 400, 3), 90, np.uint8))[1].tobytes()
    taken = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
    page.set_input_files("#form-handle input[type=file]", taken)
    page.wait_for_selector(".tray >> text=/^sent$/")
    page.check("input[value=nothing_found]")
    page.fill("#note", "Lens clean")
    page.click("text=Add a part")
    page.fill("[name=part]", "Cable gland")
    shoot(page, "phone-handle")
    page.click("#form-handle button[type=submit]")
    page.wait_for_selector(".order .chip-ticket-handled")
    page.wait_for_selector(".order-photos img")
    told = text_of(page, ".order")
    assert "Nothing found" in told
    assert "Cable gland × 1" in told
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "phone-handled")
    with city.client("viewer") as viewer:
        found = viewer.get(f"/api/v1/tickets/{ticket}").json()
    assert (found["outcome"], len(found["photos"]), found["exercise"]) == ("nothing_found", 1, True)
    with city.client("operator") as desk:
        exercise = desk.get("/api/v1/exercises").json()["items"][0]["id"]
        assert desk.delete(f"/api/v1/exercises/{exercise}").status_code == 200


def test_what_is_planned_and_the_log_of_shifts(city, open_page):
    page = open_page()
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, city)
    page.locator("#alerts li a", has_text="Picture is black").click()
    page.click("#detail >> text=Silence")
    assert page.input_value("[name=patterns] >> nth=0") == "cam-002"
    page.fill("#reason", "known")
    page.click("#new-silences button[type=submit]")
    page.wait_for_selector("#quiet-list >> text=cam-002")
    page.click("#quiet-list >> text=End it")
    page.wait_for_selector(".quiet-over")
    page.click("text=Maintenance")
    page.click("summary")
    page.fill("[name=patterns]", "gate-*, bridge-*")
    page.select_option("#when", "weekly")
    page.check("[name=day][value=sun]")
    page.fill("#hours", "22 to 6")
    page.fill("#reason", "firmware")
    page.click("#new-windows button[type=submit]")
    page.wait_for_selector("#new-windows .bad >> text=hours")
    page.complaints.clear()  # the browser notes the refusal
    page.fill("#hours", "22:00-06:00")
    page.click("#new-windows button[type=submit]")
    page.wait_for_selector("#quiet-list >> text=Sun, 22:00-06:00 (Asia/Shanghai)")
    shoot(page, "planned-en")
    page.click("nav >> text=Shift log")
    page.check("input[value=handover]")
    page.fill("#to", "Li")
    page.fill("#note", "Quiet night")
    page.click("text=Write down")
    page.wait_for_selector("#shift-log >> text=operator-1 hands over to Li")
    assert "Open alerts" in text_of(page, "#shift-log .tally")
    page.click("#language")
    page.wait_for_selector("#shift-log >> text=operator-1 交班给 Li")
    shoot(page, "shift-zh")


def seen_of(city):
    """A picture that the city has kept, for a newest look."""
    return next(iter(city.city.objects.kept))


def test_cameras_with_faults_pictures_and_the_patrols_figures(city, open_page):
    black = city.city.store.device("cam-002")["faults"][0]
    picture = next(iter(city.city.objects.kept))
    with city.client("admin") as admin:
        for number, (camera, (name, place)) in enumerate(CAMERAS.items(), 1):
            body = {"url": f"rtsp://watcher:hunter2@192.0.2.{number}:554/stream1", "name": name, "place": place}
            assert admin.put(f"/api/v1/cameras/{camera}", json=body).status_code == 200
            looked = {"at_ns": NOW - 40_000_000_000, "outcome": "picture", "reason": "ok", "picture": picture}
            city.city.board.seen[camera] = looked
    ages = {"target_s": 300.0, "p50_s": 141.0, "p99_s": 298.4, "max_s": 312.5, "over_target": 1}
    city.city.board.told = {
        "at_ns": NOW, "over_s": 60.0, "cameras": 3, "failing": 0, "suspects": 1, "visits_per_s": 0.01,
        "failing_share": 0.0, "decoder_cpu_s": 0.03, "patrol_cpu_s": 0.01, "stretch": 1.0, "needs": {},
        "ages": [{"camera_class": "standard", "cameras": 3, **ages}],
    }  # fmt: skip
    assert black["fault"] == "black"
    page = open_page()
    sign_in(page, city)
    page.click("nav >> text=Cameras")
    page.wait_for_selector("#cameras li >> nth=2")
    told = text_of(page, "#patrol")
    assert "3 cameras, 0 of them do not answer" in told
    assert "313 s" in told
    page.select_option("select >> nth=1", "black")
    until(lambda: page.locator("#cameras li").count() == 1)
    page.locator("#cameras li a").click()
    page.wait_for_selector("#camera .frame img >> nth=1")
    told = text_of(page, "#camera")
    assert "Picture is black" in told
    assert "rtsp://***@192.0.2.2:554/stream1" in told
    assert "kept sealed" in told
    assert "40 seconds ago" in told
    shoot(page, "cameras-en")
    page.select_option("select >> nth=1", "")
    page.fill("input[type=search]", "Bridge")
    until(lambda: page.locator("#cameras li").count() == 1)
    page.click("#language")
    page.wait_for_selector("text=巡检")
    page.wait_for_selector("#cameras li >> nth=2")
    page.locator("#cameras li a", has_text="cam-002").click()
    page.wait_for_selector("#camera .frame img >> nth=1")
    shoot(page, "cameras-zh")


def test_on_a_phone_one_thing_at_a_time(city, open_page):
    page = open_page(viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True)
    sign_in(page, city)
    page.wait_for_selector("#alerts li")
    assert not page.locator("#detail").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "phone-list")
    page.locator("#alerts li a").first.click()
    page.wait_for_selector("#detail .facts")
    assert not page.locator("#alerts").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "phone-detail")
    page.click(".back")
    page.wait_for_selector("#alerts", state="visible")


def test_on_a_wall_the_letters_grow(city, open_page):
    page = open_page(viewport={"width": 3840, "height": 2160}, color_scheme="dark")
    sign_in(page, city)
    page.wait_for_selector("#alerts li")
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") > 28
    shoot(page, "wall-dark")


def test_a_token_behind_the_address_is_taken_out_of_it(city, open_page):
    page = open_page()
    page.goto(f"{city.url}/#token={city.city.tokens['viewer']}")
    page.wait_for_selector(".connection-live")
    assert "token" not in page.url
    assert page.evaluate("sessionStorage.length") == 1
    assert page.evaluate("Object.values(localStorage).join()").find("cw_") == -1
    page.locator("#alerts li a", has_text="Picture is black").click()
    page.wait_for_selector("text=Pictures are shown to operators only.")
    assert page.locator("#acknowledge").count() == 0
    page.click("text=Sign out")
    page.wait_for_selector("#token")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_wrong_token_is_told_in_a_sentence(city, open_page):
    page = open_page()
    page.goto(city.url)
    page.fill("#token", "cw_wrong")
    page.click("button[type=submit]")
    page.wait_for_selector("text=This token is unknown or was revoked")
    shoot(page, "signin")
    page.complaints.clear()  # the browser itself notes the 401


def test_the_api_page_draws_the_whole_description(city, open_page):
    page = open_page()
    sign_in(page, city)
    page.click("#bottom >> text=API")
    page.wait_for_selector(".reference details")
    assert page.locator(".reference details").count() == sum(
        len(of) for of in city.city.app.openapi()["paths"].values()
    )
    page.locator(".reference details", has_text="/api/v1/ingest/passes").click()
    shoot(page, "reference")


def test_it_can_be_used_with_the_keyboard_alone(city, open_page):
    page = open_page()
    sign_in(page, city)
    page.wait_for_selector("#alerts li")
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.closest('#alerts') !== null"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail .facts")
    assert page.evaluate("document.activeElement.id") == "detail"


def test_every_control_has_a_name(city, open_page):
    page = open_page()
    sign_in(page, city)
    for target in ("Fleet", "Tickets", "Alerts"):
        page.click(f"nav >> text={target}")
        page.wait_for_selector("main section")
        nameless = page.eval_on_selector_all(
            "button, a[href], select, input, textarea",
            "nodes => nodes.filter(n => !(n.innerText || n.ariaLabel || n.labels?.length || n.title))"
            ".map(n => n.outerHTML)",
        )
        assert nameless == []


def test_a_lost_connection_is_shown_and_mended(tmp_path, open_page):
    with serving(tmp_path) as served:
        page = open_page()
        sign_in(page, served)
        page.context.set_offline(True)
        served.city.app.state.hub.close()
        page.wait_for_selector(".connection-lost")
        served.city.app.state.hub.closing = False
        page.context.set_offline(False)
        page.wait_for_selector(".connection-live")
        served.push(lorry(1))
        page.wait_for_selector("#alerts li")
        page.close()
        page.complaints.clear()  # the browser notes each failed try


def test_an_incident_is_one_alert_with_its_children(tmp_path, open_page):
    cameras = [f"cam-{n}" for n in range(4)]
    with serving(tmp_path, command_wait_seconds=0.2) as served:
        outage(served, cameras)
        page = open_page()
        page.clock.set_fixed_time("2026-01-31T00:20:00Z")
        sign_in(page, served)
        page.wait_for_selector("#alerts li")
        assert page.locator("#alerts li").count() == 1
        assert "Most devices behind it are gone at once" in text_of(page, "#alerts li")
        assert "Harbour switch" in text_of(page, "#alerts li")
        page.locator("#alerts li a").click()
        page.wait_for_selector("#children li")
        assert page.locator("#children li").count() == 4
        assert "4 of 4 are away." in text_of(page, "#detail")
        shoot(page, "incident-en")
        page.click("#detail >> text=Repair ticket")
        page.wait_for_selector("h2 >> text=Most devices behind it are gone at once")
        page.goto(f"{served.url}/#/fleet/cam-2")
        page.wait_for_selector("text=Away because of what it hangs on:")
        assert "Harbour switch" in text_of(page, ".detail")
        shoot(page, "incident-child-en")
        page.click("#language")
        page.wait_for_selector("text=因上级设备故障而失联的时段")
        page.close()
