"""citywatch cameras discover and ask."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from citywatch.adapters.onvif import discovery
from citywatch.cli import app
from citywatch.errors import ConfigurationError, OutsideError
from citywatch.testing.onvif_device import simulated_device


def run(*words):
    result = CliRunner().invoke(app, ["cameras", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_device_says_what_it_is(tmp_path):
    secret = tmp_path / "secret"
    with simulated_device() as device:
        secret.write_text(device.password)
        words = (f"onvif://127.0.0.1:{device.port}", "--username", device.username, "--password-file", str(secret))
        told = json.loads(run("ask", *words, "--json").stdout)
        assert (told["model"], told["profiles"][0]["token"]) == ("Dome 4", "main")
        assert abs(told["clock_offset_seconds"]) < 30
        assert "  stream    rtsp://127.0.0.1:8554/stream1?profile=main" in run("ask", *words).stdout
        secret.write_text("wrong")
        with pytest.raises(OutsideError, match="user or password are not accepted"):
            run("ask", *words)


@pytest.mark.parametrize("url", ["rtsp://192.0.2.1/x", "onvif://", "ftp://x"])
def test_an_address_that_is_no_devices_is_refused(url):
    with pytest.raises(ConfigurationError, match="cameras ask"):
        run("ask", url)


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(discovery, "_REPEATS", (0.0,))
    result = run("discover", "--wait", "0.1", "--target", "127.0.0.1")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "--target" in result.stderr
