"""One broker for each test."""

from __future__ import annotations

import pytest
from intake_kit import Broker


@pytest.fixture
def broker(tmp_path_factory):
    running = Broker(tmp_path_factory.mktemp("broker"))
    running.start()
    yield running
    running.stop()
