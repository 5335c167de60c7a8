"""A log that the release before has written: events that have an entry each."""

import pytest
from log_kit import event, ticks

from citywatch.errors import DataDirError
from citywatch.ports import ORIGIN, Commit


def written_by_layout_1(raw, events):
    """What the release before left behind, as it wrote it."""
    raw.hset("log", mapping={"epoch": "e", "partitions": 4, "layout": 1})
    total = 0
    for told in events:
        line = told.to_json().encode()
        total += len(line)
        raw.xadd("events:{0}", {"e": line, "n": total})
    raw.hset("held:{0}", "events", total)
    return total


def test_events_of_the_release_before_are_read_and_gone_on_with(raw, open_log):
    old = [event(number) for number in range(600)]
    total = written_by_layout_1(raw, old)
    log = open_log()
    assert log.epoch() == "e"
    assert raw.hget("log", "layout") == b"2"
    found = log.read_events({0: ORIGIN}, most=1000, block_ms=0)[0]
    assert [told for _, told in found] == old
    assert log.read_events({0: found[9][0]}, most=300, block_ms=0)[0] == found[10:310]
    assert log.depth(0).events_bytes == total
    epoch = log.open_producer("door")
    log.append(0, ticks(1), producer="door", epoch=epoch, sequence=1)
    (entry,) = log.read({0: ORIGIN}, most=1, block_ms=0)[0]
    new = [event(number) for number in range(600, 1200)]
    log.commit(0, Commit(ORIGIN, entry.position, {}, new))
    assert [told for _, told in log.read_events({0: ORIGIN}, most=2000, block_ms=0)[0]] == [*old, *new]
    assert log.trim(0, readings_below=ORIGIN, events_below=found[-1][0]) == 600
    assert log.depth(0).events_bytes == sum(len(told.to_json().encode()) for told in new)


def test_a_log_of_a_later_layout_is_refused(raw, open_log):
    raw.hset("log", mapping={"epoch": "e", "partitions": 4, "layout": 3})
    with pytest.raises(DataDirError, match="layout 3, this version reads 2"):
        open_log().epoch()
