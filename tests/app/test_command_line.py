"""The command line as people meet it: in a process of its own, with what can go wrong around it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def citywatch(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "citywatch", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_user_without_a_home_can_replay(tmp_path):
    (tmp_path / "home").write_text("a file where the home should be")
    (tmp_path / "passes.mon").write_text("")
    environment = {key: str(tmp_path / "home") for key in ("HOME", "XDG_CACHE_HOME")}
    done = citywatch("replay", str(tmp_path / "passes.mon"), "--data-dir", str(tmp_path / "data"), **environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["metrics", "lock-log"])
def test_what_is_in_the_way_in_the_data_directory_is_one_sentence(tmp_path, name):
    if name == "lock-log":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("x")
    done = citywatch("run", "--data-dir", str(tmp_path), "--port", "0")
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("citywatch: ")
    assert str(tmp_path / name) in done.stderr
