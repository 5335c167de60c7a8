"""Rows that go into SQLite many at a time are the same, byte for byte, as those that SQLAlchemy writes."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from citywatch.adapters.store.bulk import Written, insert_rows, known_among
from citywatch.adapters.store.schema import EVENTS, TICKETS
from citywatch.adapters.store.sql import SqlStore
from citywatch.domain.events import Event, EventKind


def rows(count):
    return [
        {
            "id": f"{number:032x}",
            "at_ns": 2**62 + number,
            "device": "站-1",
            "kind": "finding_raised",
            "cause": "",
            "partition": -1,
            "body": {"n": number, "text": 'é"\\', "none": None, "list": [1, 2.5, True], "empty": {}},
        }
        for number in range(count)
    ]


def kept(store):
    with store.reading() as connection:
        return connection.exec_driver_sql("SELECT *, typeof(body) FROM events ORDER BY id").all()


@pytest.mark.parametrize("count", [0, 1, 7, 8, 63, 64, 65, 150])
def test_both_ways_write_the_same(tmp_path, count):
    found = []
    for name in ("one", "other"):
        store = SqlStore.open(tmp_path / name)
        with store.writing() as connection:
            if name == "one":
                insert_rows(connection, EVENTS, rows(count))
            elif count:
                connection.execute(insert(EVENTS), rows(count))
        found.append(kept(store))
        with store.reading() as connection:
            ids = [f"{number:032x}" for number in range(0, 300, 2)]
            assert known_among(connection, EVENTS.c.id, ids) == {one for one in ids if int(one, 16) < count}
            assert known_among(connection, EVENTS.c.id, ids[:2]) == {one for one in ids[:2] if int(one, 16) < count}
        store.close()
    assert found[0] == found[1]
    assert len(found[0]) == count


def test_a_text_that_is_json_already_is_written_as_it_stands(tmp_path):
    event = Event("1" * 32, EventKind.ROW_DEAD, "d", 7, "c", {"a": ',"data":{', "b": [1.5, "\\"]})
    line = event.to_json()
    again = Event.from_json(line.encode())
    assert again == event
    assert line == again.to_json()
    assert again.body
    store = SqlStore.open(tmp_path / "store")
    with store.writing() as connection:
        insert_rows(connection, EVENTS, [{**rows(1)[0], "body": Written(again.body)}])
    with store.reading() as connection:
        assert connection.scalar(select(EVENTS.c.body)) == event.data
    assert kept(store)[0].body == again.body
    store.close()


def test_a_row_that_lacks_a_column_is_told(tmp_path):
    store = SqlStore.open(tmp_path / "store")
    first, second = rows(2)
    del second["cause"]
    with pytest.raises(KeyError), store.writing() as connection:
        insert_rows(connection, EVENTS, [first, second])
    assert kept(store) == []
    with store.reading() as connection:
        assert known_among(connection, TICKETS.c.id, {"a", "b", "c", "d", "e", "f"}) == set()
    store.close()
