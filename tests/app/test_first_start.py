"""What a person is told who waits for the first compilation."""

from __future__ import annotations

import io
import sys

import pytest

from citywatch.app.kernels import FIRST_START, use_cache


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("screen", "is_warm", "told"), [
    (Terminal, False, True),
    (Terminal, True, False),
    (io.StringIO, False, False),
])  # fmt: skip
def test_the_first_compilation_is_told_to_a_person_and_to_no_script(
    tmp_path, monkeypatch, screen: type[io.StringIO], is_warm: bool, told: bool
) -> None:
    if is_warm:
        (tmp_path / "kernels").mkdir()
        (tmp_path / "kernels" / "kernel.nbi").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stderr", screen())
    use_cache()
    assert (FIRST_START in sys.stderr.getvalue()) is told  # type: ignore[attr-defined]
