"""Configuration: every mistake at once, each with its line and its fix; defaults are pinned."""

from __future__ import annotations

import pytest

from citywatch.errors import ConfigurationError
from citywatch.settings import Settings, parse_settings

MISTAKES = {
    "unknown section": ("camreas: []\n", 1, "camreas: unknown key; known here: alerts, archive, cameras"),
    "unknown key": ("log:\n  urll: x\n", 2, "log.urll: unknown key; known here: partitions, url"),
    "unknown key of a camera": (
        "cameras:\n  - camera: a\n    url: /x\n    pass: y\n",
        4,
        "cameras.0.pass: unknown key; known here: camera, camera_class, connect_timeout_seconds",
    ),
    "missing key": ("cameras:\n  - url: /x\n", 2, "cameras.0.camera: this key is missing; add it"),
    "number out of range": ("server: {port: 99999}\n", 1, "server.port: Input should be less than or equal to 65535"),
    "text for a number": ("archive:\n  seal_seconds: 1h\n", 2, "archive.seal_seconds: Input should be a valid integer"),
    "address of an unknown kind": (
        "cameras:\n  - camera: a\n    url: ftp://x\n",
        3,
        "ftp:// is not supported; use rtsp://, http://, https://",
    ),
    "id that cannot be": ("cameras:\n  - camera: a b\n    url: /x\n", 2, "use 1 to 127 letters, digits and . _ : / -"),
    "device twice": (
        "cameras:\n  - {camera: a, url: /x}\n  - {camera: a, url: /y}\n",
        1,
        "device 'a' is described twice; give each camera and lane its own id",
    ),
    "class of camera that is none": (
        "cameras:\n  - {camera: a, url: /x, camera_class: gates}\n",
        1,
        "camera 'a': class 'gates' is not in patrol.classes; known: gate, standard",
    ),
    "class without a target": ("patrol:\n  classes:\n    slow: {}\n", 3, "freshness_seconds: this key is missing"),
    "class with a name that cannot be": (
        "patrol:\n  classes:\n    Slow one: {freshness_seconds: 900}\n",
        2,
        "use 1 to 32 small letters, digits and _",
    ),
    "zone that is none": (
        "server:\n  station: {time_zone: Mars/Base}\n",
        2,
        "write an IANA name such as Asia/Shanghai",
    ),
    "law that is none": ("law: xx\n", 1, "it must be one of cn-gross, cn-full, eu-full"),
    "no YAML": ("cameras: [\n", 2, "while parsing a flow node"),
    "key twice": ("rules: {}\nserver: {port: 1}\nserver: {port: 2}\n", 3, "server: this key stands twice; keep one"),
    "too deep": ("a: " + "[" * 5000 + "]" * 5000, 0, "nested too deeply"),
    "number without end": ("rules: {confirm_looks: " + "9" * 5000 + "}", 0, "a value cannot be read"),
    "control character": ("a: 1\x00", 0, "not YAML: unacceptable character #x0000"),
    "no address": ("server: {host: ''}\n", 1, "server.host: String should have at least 1 character"),
    "lane of no station": ("scales:\n  - {station: a/../b c, direction: 1, lane: 1}\n", 2, "use 1 to 127 letters"),
    "name of a door of ours": ("cameras:\n  - {camera: 'observer:http', url: /x}\n", 2, "are our own doors'"),
    "registrar that lets nobody in": (
        "registrar: {code: '34020000002000000001'}\n",
        1,
        "nobody could register: give password_file, or list devices",
    ),
    "code that is no code": (
        "registrar:\n  code: '12'\n  password_file: /x\n",
        2,
        "registrar.code: String should match",
    ),
    "device that may register twice": (
        "registrar:\n  code: '34020000002000000001'\n  devices:\n"
        + "    - {code: '34020000001320000001', password_file: /x}\n" * 2,
        1,
        "a device is listed twice; give each code once",
    ),
    "escalation that does not rise": (
        "tickets:\n  escalate_hours: [24, 24]\n",
        2,
        "each comes later than the one before it",
    ),
    "no mapping": ("- a\n- b\n", 0, "a mapping of sections is wanted"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_each_mistake_is_told_with_its_line_and_its_fix(mistake: str) -> None:
    text, line, words = MISTAKES[mistake]
    with pytest.raises(ConfigurationError) as caught:
        parse_settings(text, "city.yaml")
    message = str(caught.value)
    if line:
        assert message.startswith(f"configuration city.yaml, line {line}: "), message
    assert words in message or mistake == "no YAML", message
    assert "\n" not in message
    assert caught.value.exit_code == 2


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_settings("foo: 1\nserver: {port: -1}\npatrol: {decoders: 0}\n", "city.yaml")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["server.port", "patrol.decoders", "foo"]


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_settings("cameras:\n  - camera: a\n    url: ftp://admin:hunter2@h/x\n    visit_seconds: -1\n", "c.yaml")
    assert "hunter2" not in str(caught.value)
    settings = parse_settings("cameras:\n  - {camera: a, url: 'rtsp://admin:hunter2@h/x'}\n", "c.yaml")
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_an_empty_file_is_the_default_city() -> None:
    assert parse_settings("", "city.yaml") == Settings()
    assert parse_settings("# nothing yet\n", "city.yaml") == Settings()


def test_defaults_are_promises() -> None:
    settings = Settings()
    assert settings.model_dump(exclude={"server"}) == {
        "log": {"url": None, "partitions": 4},
        "store": {"url": None, "retention_days": 400},
        "archive": {"seal_rows": 250_000, "seal_seconds": 3600, "keep_days": 0},
        "patrol": {
            "decoders": 2,
            "pictures_mb": 2048,
            "evidence_mb": 4096,
            "file_directories": (),
            "classes": {"standard": {"freshness_seconds": 300.0}, "gate": {"freshness_seconds": 60.0}},
            "visits_in_flight": 128,
            "failing_in_flight": 256,
            "site_in_flight": 8,
            "site_visits_per_second": 10.0,
            "subnet_in_flight": 32,
            "subnet_visits_per_second": 20.0,
            "host_in_flight": 4,
            "first_visits_per_second": 10.0,
            "suspect_seconds": 10.0,
            "suspect_visits": 8,
            "verify_seconds": 60.0,
            "verify_visits": 30,
            "failing_seconds_max": 300.0,
            "family_asked": 48,
            "device_clock_visits": 12,
            "stream_clock_visits": 288,
            "stream_clock_seconds": 12.0,
            "key_frame_seconds_max": 60.0,
            "snapshot_full_visits": 12,
        },
        "evasion": {"hold_seconds": 8, "routes": ()},
        "scale_health": {
            "axles": 6,
            "from_gross_kg": 30_000,
            "steering_kg": None,
            "tandem_mm": None,
            "left_right": None,
        },
        "reports": (),
        "incidents": {"share_percent": 60, "window_seconds": 300, "wait_seconds": 30, "settle_seconds": 300},
        "rules": {
            "confirm_looks": None,
            "confirm_seconds": None,
            "hidden_looks": None,
            "clear_looks": None,
            "clear_seconds": None,
            "faults": {},
            "unknown_after_seconds": 1800,
            "no_key_frame_looks": 5,
            "degraded_faults": (),
            "missed_heartbeats": 3,
            "overload_hold_seconds": 1800,
            "severe_over_percent": 30.0,
            "presume": {},
            "claims_hold_seconds": 60,
            "claims_lapse_seconds": 1800,
        },
        "law_files": (),
        "law": "cn-gross",
        "secrets": {"key_file": None, "password_directories": ()},
        "cameras": (),
        "fleet_file": None,
        "scales": (),
        "intake": {"mqtt": None, "tcp": ()},
        "signs": (),
        "registrar": None,
        "demonstration": None,
        "notifications": {
            "receivers": (),
            "default": (),
            "routes": (),
            "calendars": {},
            "language": "en",
            "time_zone": "UTC",
            "public_url": "",
            "templates": None,
            "catch_up_seconds": 600,
        },
        "alerts": {"flapping": {"openings": 4, "within_minutes": 60, "quiet_minutes": 30}, "escalations": ()},
        "tickets": {
            "warn_percent": 75,
            "escalate_hours": (24, 72),
            "reopen_hours": 24,
            "unverified_minutes": 120,
            "alert_only": (),
        },
        "contracts": (),
        "responsibility": (),
        "register_file": None,
        "findings": {"most_open": 50_000, "resolve_seconds": 300},
        "open311": None,
    }
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8600)
