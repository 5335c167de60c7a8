"""Receivers of every kind, all of them real: HTTP, SMTP, mosquitto, Alertmanager."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The broker of the ways in for scales is the one that we publish to.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "intake"))

from intake_kit import Broker
from notify_kit import City, Hooks, Mailbox, Manager


@pytest.fixture
def hooks():
    with Hooks() as server:
        yield server


@pytest.fixture
def mailbox():
    with Mailbox() as server:
        yield server


@pytest.fixture
def broker(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    running = Broker(folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def manager(tmp_path):
    with Manager(tmp_path / "alertmanager") as running:
        yield running


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    from citywatch.adapters.store.sql import SqlStore

    path = tmp_path_factory.mktemp("migrated") / "city.db"
    SqlStore.open(path).close()
    return path


@pytest.fixture
def new_city(migrated_file, tmp_path):
    opened = []

    def make(text):
        opened.append(City(tmp_path, migrated_file, text))
        return opened[-1]

    yield make
    for city in opened:
        city.close()
