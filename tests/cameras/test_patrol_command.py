"""`citywatch patrol`: what it prints, and what it never prints."""

import io
import json
import os
import subprocess
import sys

import pytest
from camera_kit import serve

from citywatch.app.patrol import patrol_urls
from citywatch.errors import ConfigurationError
from citywatch.testing.scenes import Street, write_clip


def patrol(runner, *urls, as_json=True, visits=2, **options):
    """(exit code, what was printed; with as_json as objects)."""
    out = io.StringIO()
    code = runner.run(patrol_urls([str(url) for url in urls], visits=visits, as_json=as_json, out=out, **options))
    return code, [json.loads(line) for line in out.getvalue().splitlines()] if as_json else out.getvalue()


def kinds(line):
    return [fault["kind"] for fault in line["faults"]]


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Clips of one street: fine, frozen, black."""
    folder = tmp_path_factory.mktemp("street")
    scene = Street(5, 640, 360)
    for name, fault in (("fine", None), ("frozen", "frozen"), ("black", "black")):
        pictures = [scene.picture(at, fault) for at in range(6)]
        write_clip(folder / f"{name}.mp4", pictures, "libx264", fps=1, gop=1)
    return folder


def test_a_fine_camera(runner, street):
    code, lines = patrol(runner, street / "fine.mp4", visits=3)
    assert code == 0
    assert [line["visit"] for line in lines] == [1, 2, 3]
    assert all(line["camera"] == str(street / "fine.mp4") for line in lines)
    assert list(lines[0]) == [
        "camera", "visit", "at", "outcome", "reason", "note", "measurements", "faults", "unchecked"
    ]  # fmt: skip
    assert lines[0]["at"].endswith("Z")
    assert (lines[0]["outcome"], lines[0]["reason"], lines[0]["faults"]) == ("picture", "ok", [])
    assert (lines[0]["measurements"]["width"], lines[0]["measurements"]["height"]) == (640, 360)
    assert lines[0]["measurements"]["changed_share"] is None
    assert lines[0]["measurements"]["light"] == "day"
    assert {"kind": "frozen", "why": "too_few_key_frames"} in lines[0]["unchecked"]
    assert {"kind": "clock_wrong", "why": "no_clock"} in lines[0]["unchecked"]
    assert lines[1]["measurements"]["changed_share"] > 0.1


def test_faults_and_the_exit_code(runner, street, tmp_path):
    (tmp_path / "text.mp4").write_text("no picture at all\n" * 20)
    cases = {
        street / "black.mp4": "black",
        street / "frozen.mp4": "frozen",
        tmp_path / "text.mp4": "no_media",
        tmp_path / "nothing.mp4": "unreachable",
    }
    for url, fault in cases.items():
        code, lines = patrol(runner, url, visits=5)
        assert code == 3, url
        assert fault in kinds(lines[-1]), lines[-1]
        assert set(lines[-1]["faults"][0]) == {"kind", "evidence"}
        assert set(lines[-1]["faults"][0]["evidence"]) >= {"reason", "measure", "value", "threshold", "margin"}
    assert lines[-1]["faults"][0]["evidence"]["reason"] == "file_not_found"


def test_why_there_is_no_picture_is_said_in_words(runner, tmp_path):
    password = {"username": "watcher", "password_file": tmp_path / "missing"}
    _, (line,) = patrol(runner, "rtsp://127.0.0.1:1/x", visits=1, **password)
    assert str(tmp_path / "missing") in line["note"]
    _, text = patrol(runner, "rtsp://127.0.0.1:1/x", visits=1, as_json=False)
    assert text == "rtsp://127.0.0.1:1/x  #1  unreachable (refused): the connection was refused\n"


def test_one_camera_of_several_with_a_fault(runner, street):
    code, lines = patrol(runner, street / "fine.mp4", street / "black.mp4")
    assert code == 3
    assert {line["camera"]: kinds(line) for line in lines} == {
        str(street / "fine.mp4"): [],
        str(street / "black.mp4"): ["black"],
    }


def test_the_end_of_a_file_is_no_fault(runner, street):
    code, lines = patrol(runner, street / "fine.mp4", visits=8)
    assert code == 0
    assert [line["reason"] for line in lines] == ["ok"] * 6 + ["end_of_file"] * 2
    assert lines[-1]["measurements"] == {}
    assert {"kind": "black", "why": "end_of_file"} in lines[-1]["unchecked"]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_live_camera(runner, rtsp, transport):
    code, lines = patrol(runner, rtsp.url(), transport=transport, every_seconds=0.1)
    assert code == 0
    assert [line["reason"] for line in lines] == ["ok", "ok"]


def test_lines_for_people(runner, street):
    code, text = patrol(runner, street / "fine.mp4", street / "black.mp4", as_json=False)
    assert code == 3
    assert len(text.splitlines()) == 4
    assert "fine" in text
    assert "black (dark_share" in text
    assert "frozen (too_few_key_frames)" in text


def test_pictures_go_to_a_data_directory_when_one_is_given(runner, street, tmp_path):
    patrol(runner, street / "fine.mp4", data_dir=tmp_path, visits=1)
    assert [path for path in (tmp_path / "objects" / "unpinned").rglob("*") if path.is_file()]


def test_wrong_requests_are_refused(runner):
    for urls, visits in (([], 1), (["/x"], 0), (["gopher://u:S3CR3T@h/x"], 1)):
        with pytest.raises(ConfigurationError) as refused:
            patrol(runner, *urls, visits=visits)
        assert "S3CR3T" not in str(refused.value)


CHILD = """
import asyncio, logging, sys
logging.basicConfig(level=logging.DEBUG)
from citywatch.app.patrol import patrol_urls
sys.exit(asyncio.run(patrol_urls(sys.argv[2:], visits=2, as_json=sys.argv[1] == "json", out=sys.stdout)))
"""


@pytest.mark.parametrize("style", ["json", "people"])
def test_no_output_holds_a_secret(clips, tmp_path, style):
    """A whole process with every log switched on: good and bad passwords, in every place where one can stand."""
    password = "S3CR3T:p@ss"
    with serve(clips / "libx264.mp4", username="viewer", password=password, authentication="digest") as server:
        urls = [
            server.url(username="viewer", password=password),
            server.url("live?token=S3CR3T", username="viewer", password="S3CR3T-wrong"),
            "http://viewer:S3CR3T@127.0.0.1:1/snap.jpg?pwd=S3CR3T",
            "rtsp://viewer:S3CR3T@no-such-host.invalid/user=x_password=S3CR3T_channel=1",
        ]
        child = subprocess.run(
            [sys.executable, "-c", CHILD, style, *urls],
            capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )  # fmt: skip
    assert child.returncode == 3, child.stderr
    assert "S3CR3T" not in child.stdout + child.stderr
    assert "***" in child.stdout
    assert list(tmp_path.iterdir()) == []  # the pictures are gone
    assert "authentication" in child.stdout
