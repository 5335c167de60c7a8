"""Addresses: taken apart rightly, and shown without what is secret in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citywatch.adapters.cameras.addresses import MediaKind, parse_address, redact
from citywatch.adapters.cameras.visit import CameraConfig
from citywatch.domain.pictures import UNKNOWN_PRESET


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:secret@10.0.0.1:554/live", "rtsp://***@10.0.0.1:554/live"),
        ("rtsp://10.0.0.1/live?channel=1&subtype=0", "rtsp://10.0.0.1/live?channel=1&subtype=0"),
        ("http://10.0.0.1/snap.cgi?usr=admin&pwd=secret", "http://10.0.0.1/snap.cgi?usr=***&pwd=***"),
        ("http://10.0.0.1/snap.cgi?secret", "http://10.0.0.1/snap.cgi?***"),
        ("http://10.0.0.1/snap?whatever=secret&ch=2", "http://10.0.0.1/snap?whatever=***&ch=2"),
        ("http://10.0.0.1/snap;token=secret", "http://10.0.0.1/snap;token=***"),
        (
            "rtsp://10.0.0.1:554/user=admin_password=secret_channel=1_stream=0.sdp",
            "rtsp://10.0.0.1:554/user=***_password=***_channel=1_stream=0.sdp",
        ),
        # Passwords that nobody escaped: too much is hidden rather than too little.
        ("rtsp://admin:p@ss@10.0.0.1/live", "rtsp://***@10.0.0.1/live"),
        ("rtsp://admin:pa/ss@10.0.0.1/live", "rtsp://***"),
        ("rtsp://admin:pa#ss@10.0.0.1/live", "rtsp://***"),
        ("rtsp://admin:pa?ss@10.0.0.1/live", "rtsp://***"),
        ("rtsp://admin:p@s/s@10.0.0.1/live", "rtsp://***"),
        ("rtsp://admin:12/34@10.0.0.1/live", "rtsp://***"),
        ("http://10.0.0.1/snap?pwd=se@cret", "http://***"),
        ("http://10.0.0.1/snap.jpg#token=secret", "http://10.0.0.1/snap.jpg"),
        ("rtsp://[::1]:8554/live", "rtsp://[::1]:8554/live"),
        ("/data/clip 1.mp4", "/data/clip 1.mp4"),
        ("file:///data/clip.mp4", "file:///data/clip.mp4"),
        ("admin:secret@10.0.0.1/live", "***"),
    ],
)
def test_what_is_shown(url, shown):
    assert redact(url) == shown


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_password_is_ever_shown_however_it_is_written(user, password):
    secret = f"S3CR3T{password}S3CR3T"
    assert "S3CR3T" not in redact(f"rtsp://{user}:{secret}@camera.example/live")


@pytest.mark.parametrize(
    ("url", "kind", "clean", "host", "port", "username", "password"),
    [
        ("rtsp://u:p%40s@h/live?a=1", MediaKind.RTSP, "rtsp://h/live?a=1", "h", 554, "u", "p@s"),
        ("rtsp://h:8554", MediaKind.RTSP, "rtsp://h:8554/", "h", 8554, "", ""),
        ("https://u@h/x.jpg#y", MediaKind.SNAPSHOT, "https://h/x.jpg", "h", 443, "u", ""),
        ("http://[::1]:81/x", MediaKind.SNAPSHOT, "http://[::1]:81/x", "::1", 81, "", ""),
    ],
)
def test_addresses_are_taken_apart(url, kind, clean, host, port, username, password):
    address = parse_address(url)
    assert (address.kind, address.url, address.host, address.port) == (kind, clean, host, port)
    assert (address.username, address.password) == (username, password)
    assert "p%40s" not in repr(address)
    assert "p@s" not in repr(address)


@pytest.mark.parametrize(
    "url", ["clip.mp4", "/a/b%20c.mp4", "C:video.mp4", "./a@b.mp4", "2026-01-01T10:00:00.mp4", "/a:1", "10.0.mp4"]
)
def test_a_path_stays_a_path(url):
    assert parse_address(url).path == url


def test_a_file_url_is_unescaped():
    assert parse_address("file:///a/b%20c.mp4").path == "/a/b c.mp4"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://u:S3CR3T@h/x", "not supported"),
        ("rtsp://u:S3CR3T@/x", "host is missing"),
        ("rtsp://u:S3/CR3T@h/x", "password"),
        ("rtsp://u:S3CR3T@h:99999/x", "port"),
        ("rtsp://u:S3CR3T@h/x\r\nX: y", "control characters"),
        ("", "empty"),
        ("admin:S3CR3T@10.0.0.1/live", "begins with rtsp://"),
        ("S3CR3T@camera.example", "begins with rtsp://"),
        ("10.0.0.1/live", "begins with rtsp://"),
        ("camera.example:554", "begins with rtsp://"),
        ("rtsp:/camera.example/live", "begins with rtsp://"),
        ("javascript:alert(1)", "begins with rtsp://"),
        ("[::1]/live", "begins with rtsp://"),
    ],
)
def test_wrong_addresses_are_refused_in_words_without_secrets(url, word):
    with pytest.raises(ValueError, match=word) as refused:
        parse_address(url)
    assert "CR3T" not in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        CameraConfig(camera="gate", url=url)
    assert "CR3T" not in str(refused.value)


def test_a_configuration_prints_no_secret():
    camera = CameraConfig(camera="gate", url="rtsp://admin:S3CR3T@h/live?pwd=S3CR3T")
    assert "S3CR3T" not in f"{camera} {camera!r} {camera.model_dump_json()} {camera.shown_url}"


def test_configuration_defaults():
    camera = CameraConfig(camera="gate", url="rtsp://h/live")
    assert camera.model_dump(exclude={"camera", "url"}) == {
        "transport": "tcp",
        "camera_class": "standard",
        "visit_seconds": None,
        "site": "",
        "parent": "",
        "look": "visit",
        "onvif_url": None,
        "presets": (),
        "connect_timeout_seconds": 5.0,
        "media_timeout_seconds": 10.0,
        "stalled_seconds": 4.0,
        "username": "",
        "password_file": None,
        "tls_verify": True,
        "most_bytes": 8 << 20,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera": "no spaces"},
        {"transport": "sctp"},
        {"visit_seconds": 0},
        {"camera_class": ""},
        {"site": " east"},
        {"parent": "no spaces"},
        {"parent": "gate"},
        {"look": "watch"},
        {"look": "key_frames", "url": "http://h/s.jpg"},
        {"onvif_url": "rtsp://h/onvif"},
        {"presets": ("?",)},
        {"presets": ("north@25:00",)},
        {"presets": ("north@06:00", "south")},
        {"presets": ("north@06:00", "south@14:00+08:00")},
        {"connect_timeout_seconds": -1},
        {"most_bytes": 1},
        {"passwort": "x"},
    ],
)
def test_mistakes_in_a_configuration_are_refused(wrong):
    with pytest.raises(ValidationError):
        CameraConfig(**{"camera": "gate", "url": "rtsp://h/live"} | wrong)


def at(hour, minute, second=0):
    return (86_400 * 20_000 + hour * 3600 + minute * 60 + second) * 1_000_000_000


def test_the_preset_of_an_instant():
    def planned(*presets):
        return CameraConfig(camera="gate", url="rtsp://h/live", presets=presets).preset_at

    assert planned()(at(0, 0)) == ""
    assert planned("home")(at(3, 0)) == "home"
    assert planned("north", "south")(at(3, 0)) == UNKNOWN_PRESET
    day = planned("north gate@06:00+08:00", "south@18:30Z")
    assert [day(at(hour, 0)) for hour in (17, 21, 22, 23, 0, 12)] == ["north gate", "south", "?"] + ["north gate"] * 3
    assert [day(at(18, 29)), day(at(18, 28, 59)), day(at(18, 31)), day(at(18, 31, 1))] == [
        "?",
        "north gate",
        "?",
        "south",
    ]
