"""`citywatch cameras ...` against a served city: what it says, what it refuses, and that no password can be seen."""

from __future__ import annotations

import json

import pytest
from api_kit import serving
from click.testing import CliRunner

from citywatch.adapters.cameras.registry import described_by, read
from citywatch.cli import app
from citywatch.errors import CitywatchError


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cli")) as city:
        city.city.tick()
        yield city


@pytest.fixture
def run(served):
    """Run a command as an administrator; (exit code, standard output, what went wrong)."""

    def command(*arguments, role="admin", given="", **environment):
        environment = {"CITYWATCH_API": served.url, "CITYWATCH_TOKEN": served.city.tokens[role], **environment}
        done = CliRunner(env=environment).invoke(app, ["cameras", *arguments], input=given)
        error = done.exception
        if error is not None and not isinstance(error, SystemExit | CitywatchError):
            raise error
        code = error.exit_code if isinstance(error, CitywatchError) else done.exit_code
        return code, done.stdout, f"{done.stderr}{error if isinstance(error, CitywatchError) else ''}"

    return command


def opened(served, camera):
    return read(described_by(served.city.store.camera(camera)), served.city.sealer).address()


def test_add_list_and_remove(served, run, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("hunter2 Zq\n")
    code, out, _ = run("add", "east/1", "rtsp://192.0.2.1/1", "--name", "East", "--site", "east", "--username", "w",
                       "--password-file", str(secret))  # fmt: skip
    assert (code, out) == (0, "east/1: watched at rtsp://***@192.0.2.1/1\n")
    assert (opened(served, "east/1").username, opened(served, "east/1").password) == ("w", "hunter2 Zq")
    code, out, err = run("add", "east/2", "rtsp://192.0.2.2/1", "--username", "w", "--ask-password", given="se:cret\n")
    assert (code, "se:cret" in out + err) == (0, False)
    assert opened(served, "east/2").password == "se:cret"
    code, out, _ = run("add", "east/3", "-", "--json", given="rtsp://w:geheim@192.0.2.3/1\n")
    assert (code, json.loads(out)["url"]) == (0, "rtsp://***@192.0.2.3/1")
    assert opened(served, "east/3").password == "geheim"

    code, out, err = run("list", "--search", "east")
    assert (code, len(out.splitlines()), err) == (0, 4, "3 cameras\n")
    assert out.splitlines()[1].split() == ["east/1", "unknown", "-", "-", "east", "East", "rtsp://***@192.0.2.1/1"]
    code, out, _ = run("list", "--site", "east", "--json")
    assert [json.loads(line)["camera"] for line in out.splitlines()] == ["east/1"]

    code, out, err = run("remove", "east/1", "nobody", "east/2")
    assert (code, out) == (1, "east/1: removed\neast/2: removed\n")
    assert err == "nobody: there is no camera with this id\n"
    assert run("remove", "east/3", "--json")[1] == '{"camera": "east/3", "removed": true, "problem": ""}\n'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "x", "rtsp://w:geheim@192.0.2.1/1"), "--ask-password or --password-file"),
        (("add", "x", "rtsp://192.0.2.1/1", "--onvif-url", "http://w:geheim@192.0.2.1"), "list of processes"),
        (("add", "x", "ftp://192.0.2.1/1"), "url: ftp://192.0.2.1/1: ftp:// is not supported"),
        (
            ("add", "x", "rtsp://192.0.2.1/1", "--class", "nix", "--visit-seconds", "0"),
            "visit_seconds: Input should be",
        ),
        (("add", "x", "rtsp://h/1", "--password-file", "/nowhere"), "--password-file /nowhere: No such file"),
        (("add", "x", "rtsp://h/1", "--ask-password", "--secret-file", "/x"), "in one way"),
        (("list", "--state", "asleep"), "query.state: Input should be"),
        (("list", "--api", "nowhere"), "--api: give the address"),
        (("list", "--token-file", "/nowhere"), "--token-file /nowhere: No such file"),
        (("import", "/nowhere.csv"), "name a readable CSV file"),
    ],
)
def test_mistakes_are_told_in_a_sentence(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err, err
    assert "geheim" not in err


def test_who_may_not_is_told_so(run):
    assert "this takes admin" in run("add", "x", "rtsp://h/1", role="viewer")[2]
    assert "unknown or was revoked" in run("list", CITYWATCH_TOKEN="cw_nonsense")[2]
    assert "a token is needed" in run("list", CITYWATCH_TOKEN="")[2]
    code, _, err = run("list", CITYWATCH_API="http://127.0.0.1:1")
    assert (code, "does not answer" in err) == (1, True)
