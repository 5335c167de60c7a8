"""What the proofs share: the same city, left alone."""

from __future__ import annotations

import pytest
from kill_kit import lived


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    return lived(tmp_path_factory.mktemp("undisturbed") / "city", {})
