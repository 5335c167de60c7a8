"""What parts import ahead of their briefing."""

import subprocess
import sys
from importlib.util import find_spec

from citywatch.app.parts import _PARTS
from citywatch.app.preload import NEEDED


def test_every_part_is_listed_with_modules_that_are_there():
    assert NEEDED.keys() == _PARTS.keys()
    missing = {name for names in NEEDED.values() for name in names if find_spec(name) is None}
    assert missing == set()


def test_a_part_that_nobody_briefs_ends_without_a_word():
    command = [sys.executable, "-m", "citywatch", "part", "notify"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")
