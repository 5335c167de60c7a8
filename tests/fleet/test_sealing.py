"""What is secret is sealed: it opens with our keys, as that of its camera, and stands nowhere else."""

from __future__ import annotations

import base64
import logging
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.fleet_file import parse_fleet
from citywatch.adapters.cameras.registry import CameraRegistry, describe, read
from citywatch.adapters.secrets import KEY_BYTES, CannotOpen, Sealer, load_sealer, make_key_file
from citywatch.domain.cameras import Described, Origin
from citywatch.errors import ConfigurationError, DescriptionRefused

KEYS = [bytes([number]) * KEY_BYTES for number in range(3)]


@given(st.text(max_size=200), st.text(max_size=127))
def test_what_is_sealed_opens_again_and_for_nobody_else(secret: str, camera: str) -> None:
    sealer = Sealer(KEYS[:1])
    sealed = sealer.seal(secret, camera)
    assert sealer.open(sealed, camera) == secret
    assert sealer.seal(secret, camera) == sealed, "the same says the same: a file read again changes nothing"
    with pytest.raises(CannotOpen):
        sealer.open(sealed, camera + "x")


@given(st.data())
def test_a_changed_text_does_not_open(data: st.DataObject) -> None:
    sealer = Sealer(KEYS[:1])
    sealed = sealer.seal("hunter2", "north")
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    changed = sealed[:at] + letter + sealed[at + 1 :]
    try:
        # The last letter of base64 has bits that mean nothing.
        assert sealer.open(changed, "north") == "hunter2"
        assert changed == sealed or at == len(sealed) - 1
    except CannotOpen:
        assert changed != sealed


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old, both, new = Sealer(KEYS[:1]), Sealer([KEYS[1], KEYS[0]]), Sealer(KEYS[1:2])
    sealed = old.seal("hunter2", "north")
    assert both.open(sealed, "north") == "hunter2"
    assert (old.is_current(sealed), both.is_current(sealed), both.is_current("")) == (True, False, True)
    again = both.seal("hunter2", "north")
    assert new.open(again, "north") == "hunter2"
    with pytest.raises(CannotOpen, match="put that key back behind the first one"):
        new.open(sealed, "north")
    assert base64.b64encode(KEYS[1]).decode() not in repr(both)


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path) -> None:
    path = tmp_path / "secrets.key"
    make_key_file(path)
    made = path.read_bytes()
    make_key_file(path)
    assert path.read_bytes() == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    sealed = load_sealer(path).seal("x", "y")
    path.write_bytes(base64.b64encode(KEYS[0]) + b"\n" + made)
    assert load_sealer(path).open(sealed, "y") == "x"


@pytest.mark.parametrize(
    "content", [b"", b"# nothing\n", b"short\n", b"\xff\n", base64.b64encode(bytes(65)), b"!" * 88]
)
def test_what_is_no_key_file_is_told_without_its_content(tmp_path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="one key a line is wanted") as caught:
        load_sealer(path)
    assert "nothing" not in str(caught.value)
    assert "short" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="restore it from a backup"):
        load_sealer(tmp_path / "missing")


def test_a_key_that_everybody_can_read_is_warned_of(tmp_path, caplog) -> None:
    path = tmp_path / "keys"
    path.write_bytes(base64.b64encode(KEYS[0]))
    os.chmod(path, 0o644)
    with caplog.at_level(logging.WARNING):
        load_sealer(path)
    assert "chmod 600" in caplog.text


def test_a_description_is_safe_to_be_seen_and_comes_back_whole() -> None:
    camera = CameraSettings.model_validate(
        {
            "camera": "gate/1",
            "url": "rtsp://w%40:hunter2@192.0.2.1/user=admin_password=geheim_channel=1?token=abc&channel=2",
            "onvif_url": "http://root:calvin@192.0.2.1/onvif/device_service",
            "username": "watcher",
            "name": "北门",
            "presets": ["north@06:00", "south@18:00"],
            "kind": "recorder",
        }
    )
    sealer = Sealer(KEYS[:1])
    described = describe(camera, sealer)
    seen = str(described) + described.args(Origin.API)
    for secret in ("hunter2", "geheim", "abc", "calvin", "watcher", "w%40"):
        assert secret not in seen
    assert read(described, sealer) == camera
    turned = Described(described.camera, dict(reversed(described.fields.items())), described.sealed)
    assert turned.digest() == described.digest()


def test_a_description_of_another_version_is_told_without_its_values() -> None:
    sealer = Sealer(KEYS[:1])
    fields = {"url": "rtsp://192.0.2.1/1", "colour": "hunter2", "look": "hunter2"}
    with pytest.raises(CannotOpen) as caught:
        read(Described("north", fields), sealer)
    assert "colour: there is no such field" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_only_files_of_named_directories_come_over_the_api(tmp_path) -> None:
    inside, outside = tmp_path / "clips" / "a.mp4", tmp_path / "b.mp4"
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "link.mp4").symlink_to(outside)
    forms = CameraRegistry(Sealer(KEYS[:1]), file_directories=[tmp_path / "clips"])
    known = {"sealed": "", "description": {"url": str(outside)}}
    assert forms.described("a", {"url": str(inside)}, None).fields["url"] == str(inside)
    assert forms.described("b", {"url": str(outside), "name": "B"}, known).fields["name"] == "B"
    assert len(forms.table(f"camera,url\na,{inside}\n".encode(), {})) == 1
    for url in (outside, tmp_path / "clips" / "link.mp4", f"file://{inside}/../../b.mp4"):
        with pytest.raises(DescriptionRefused, match="file_directories"):
            forms.described("b", {"url": str(url)}, None)
    with pytest.raises(DescriptionRefused, match="file_directories"):
        forms.table(f"camera,url\na,{outside}\n".encode(), {})


def test_a_table_that_gives_addresses_back_as_they_are_shown_keeps_their_secrets() -> None:
    sealer = Sealer(KEYS[:1])
    forms = CameraRegistry(sealer)
    was = forms.described("a", {"url": "rtsp://w:hunter2@h/1", "name": "A"}, None)
    known = {"a": {"sealed": was.sealed, "description": was.fields}}
    (told,) = forms.table(b"camera,url,name\na,rtsp://***@h/1,B\n", known)
    assert (told.fields["name"], read(told, sealer).address().password) == ("B", "hunter2")
    for table, rows in (
        ("camera,url\na,rtsp://***@evil/1\n", known),  # another host is not given the password
        ("camera,url\na,rtsp://***@h/1\n", {}),
        ("camera,url,onvif_url\na,rtsp://***@h/1,http://evil/\n", known),
        ("camera,url,username\na,rtsp://***@h/1,w\n", known),
    ):
        with pytest.raises(DescriptionRefused, match="stands for something secret"):
            forms.table(table.encode(), rows)
    with pytest.raises(DescriptionRefused, match=r"line 2, column 2: url: .* stands for something secret"):
        parse_fleet(b"camera,url\na,rtsp://***@h/1\n")


def test_a_configuration_is_checked_with_its_fleet_file(tmp_path) -> None:
    from click.testing import CliRunner

    from citywatch.cli import app

    config, fleet = tmp_path / "city.yaml", tmp_path / "fleet.csv"
    config.write_text("fleet_file: fleet.csv\ncameras:\n  - {camera: a, url: /clip.mp4}\n")
    told = {
        None: "No such file",
        "camera,url\nb,rtsp://h/1\nrtsp://u:hunter2@h/2,c\n": "line 3, column 1: camera: device id (an address?)",
        "camera,url\na,rtsp://h/1\n": "a is in the configuration, too",
        "camera,url\nb,rtsp://***@h/1\n": "line 2, column 2: url: *** stands for something secret",
        "camera,url\nb,rtsp://u:hunter2@h/1\n": "in order (2 cameras, 0 scale lanes)",
    }
    for content, words in told.items():
        if content is not None:
            fleet.write_text(content)
        done = CliRunner().invoke(app, ["check-config", str(config)])
        said = f"{done.output}{done.exception or ''}"
        assert words in said
        assert "hunter2" not in said
