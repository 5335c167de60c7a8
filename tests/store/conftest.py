"""Stores on real files. Tables are made once and copied, so that a property test can have a fresh store per example."""

import shutil
from itertools import count

import pytest

from citywatch.adapters.store.sql import SqlStore

EPOCH, SERVER = "epoch-1", "valkey 9.1"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("migrated") / "city.db"
    SqlStore.open(path, log_epoch=EPOCH, log_server=SERVER).close()
    return path


@pytest.fixture(scope="session")
def new_store(migrated_file, tmp_path_factory):
    """A function that opens a store on a new file: new_store(**options of SqlStore.open)."""
    room, numbers, opened = tmp_path_factory.mktemp("stores"), count(), []

    def make(**options):
        while len(opened) > 20:
            opened.pop(0).close()
        path = room / f"{next(numbers)}.db"
        shutil.copyfile(migrated_file, path)
        store = SqlStore.open(path, **options)
        store.path = path
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(new_store):
    return new_store()
