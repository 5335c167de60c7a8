from __future__ import annotations

import pytest
from api_kit import serving


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One city for the tests of a file, on a real port."""
    with serving(tmp_path_factory.mktemp("city")) as running:
        yield running
