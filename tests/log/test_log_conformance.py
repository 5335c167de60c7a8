"""What every log promises: the same checks for the real one and for the model in memory."""

import threading
import time

import pytest
from log_kit import PARTITIONS, event, ticks, until

from citywatch.adapters.log.terms import LogLimits
from citywatch.domain.events import Event, EventKind
from citywatch.errors import Fenced, LogError, LogFull, RepeatedWord
from citywatch.ports import INCIDENTS, ORIGIN, Commit, JointCommit, Position
from citywatch.wire.blobs import decode, encode

FAR = Position(1 << 60, 0)


def fill(log, partition, count, producer="door"):
    epoch = log.open_producer(producer)
    for number in range(1, count + 1):
        assert log.append(partition, ticks(number), producer=producer, epoch=epoch, sequence=number)
    return epoch, [entry.position for entry in log.read({partition: ORIGIN}, most=count, block_ms=0)[partition]]


def instants(log, partition, after=ORIGIN, most=1000):
    entries = log.read({partition: after}, most=most, block_ms=0).get(partition, ())
    return [int(at_ns) for entry in entries for at_ns in decode(entry.blob).at_ns]


def test_epoch_of_the_log_stays(log):
    assert log.epoch()
    assert log.epoch() == log.epoch()


def test_append_gives_back_what_was_put_in_order(log):
    _, positions = fill(log, 1, 5)
    assert positions == sorted(set(positions))
    assert instants(log, 1) == [1, 2, 3, 4, 5]
    assert decode(log.read({1: ORIGIN}, most=1, block_ms=0)[1][0].blob) == ticks(1)
    assert instants(log, 0) == []


def test_read_goes_on_behind_a_position_and_keeps_to_most(log):
    _, positions = fill(log, 2, 5)
    assert instants(log, 2, after=positions[1]) == [3, 4, 5]
    assert instants(log, 2, after=positions[1], most=2) == [3, 4]
    assert log.read({2: positions[-1]}, most=9, block_ms=0) == {}
    assert log.read({}, most=9, block_ms=0) == {}


def test_read_of_several_partitions_names_only_those_with_news(log):
    fill(log, 0, 2, "a")
    fill(log, 3, 1, "b")
    found = log.read(dict.fromkeys(range(PARTITIONS), ORIGIN), most=10, block_ms=0)
    assert {p: len(entries) for p, entries in found.items()} == {0: 2, 3: 1}


def test_read_waits_as_long_as_it_is_told_and_no_longer(log):
    begin = time.monotonic()
    assert log.read({0: ORIGIN}, most=1, block_ms=60) == {}
    assert 0.05 <= time.monotonic() - begin < 3


def test_read_wakes_when_something_comes(log):
    epoch = log.open_producer("door")
    found = []
    reader = threading.Thread(target=lambda: found.append(log.read({0: ORIGIN, 1: ORIGIN}, most=1, block_ms=10_000)))
    begin = time.monotonic()
    reader.start()
    log.append(1, ticks(7), producer="door", epoch=epoch, sequence=1)
    reader.join(9)
    assert list(found[0]) == [1]
    assert time.monotonic() - begin < 5


def test_a_repeat_is_recognised_and_gaps_are_lawful(log):
    epoch = log.open_producer("door")
    call = {"producer": "door", "epoch": epoch}
    assert log.append(0, ticks(1), sequence=1, **call) is True
    assert log.append(0, ticks(1), sequence=1, **call) is False
    assert log.append(0, ticks(5), sequence=5, **call) is True
    assert log.append(0, ticks(1), sequence=1, **call) is False
    assert log.append(1, ticks(5), sequence=5, **call) is True, "sequences are counted for each partition"
    assert instants(log, 0) == [1, 5]


def test_a_sequence_never_stands_for_two_batches(log):
    epoch = log.open_producer("door")
    log.append(0, ticks(1), producer="door", epoch=epoch, sequence=1)
    with pytest.raises(LogError, match="holds another batch"):
        log.append(0, ticks(2), producer="door", epoch=epoch, sequence=1)


def test_a_second_opening_fences_the_first_in_every_partition(log):
    first = log.open_producer("door")
    log.append(0, ticks(1), producer="door", epoch=first, sequence=1)
    second = log.open_producer("door")
    assert second > first
    for partition in range(PARTITIONS):
        with pytest.raises(Fenced, match="door"):
            log.append(partition, ticks(2), producer="door", epoch=first, sequence=2)
    assert log.append(0, ticks(3), producer="door", epoch=second, sequence=1)
    other = log.open_producer("other")
    assert log.append(0, ticks(4), producer="other", epoch=other, sequence=1), "names do not disturb each other"
    assert instants(log, 0) == [1, 3, 4]


def test_a_producer_that_was_never_opened_is_fenced(log):
    with pytest.raises(Fenced):
        log.append(0, ticks(1), producer="stranger", epoch=1, sequence=1)


def test_append_many_takes_what_it_can_and_a_repeat_of_all_is_safe(make_log):
    log = make_log(LogLimits(readings_entries=2))
    epoch = log.open_producer("door")
    assert log.append_many({0: (1, ticks(1)), 2: (1, ticks(2))}, producer="door", epoch=epoch) == {0: True, 2: True}
    log.append(0, ticks(3), producer="door", epoch=epoch, sequence=2)
    again = {0: (3, ticks(4)), 2: (3, ticks(5))}
    with pytest.raises(LogFull):
        log.append_many(again, producer="door", epoch=epoch)
    log.commit(0, Commit(ORIGIN, log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].position))
    log.trim(0, readings_below=FAR, events_below=ORIGIN)
    assert log.append_many(again, producer="door", epoch=epoch) == {0: True, 2: False}
    assert (instants(log, 0), instants(log, 2)) == ([3, 4], [2, 5])


def test_an_append_under_a_word_is_made_once(make_log):
    log = make_log(LogLimits(readings_entries=2))
    assert log.append_once({0: ticks(1), 1: ticks(2)}, word="w", content="a") == {0: True, 1: True}
    assert log.append_once({0: ticks(9), 1: ticks(9)}, word="w", content="a") == {0: False, 1: False}
    with pytest.raises(RepeatedWord, match="other rows"):
        log.append_once({0: ticks(1)}, word="w", content="b")
    log.append_once({0: ticks(3)}, word="x", content="a")
    with pytest.raises(LogFull):
        log.append_once({0: ticks(4), 2: ticks(5)}, word="y", content="a")
    log.commit(0, Commit(ORIGIN, log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].position))
    log.trim(0, readings_below=FAR, events_below=ORIGIN)
    assert log.append_once({0: ticks(4), 2: ticks(5)}, word="y", content="a") == {0: True, 2: False}
    assert (instants(log, 0), instants(log, 1), instants(log, 2)) == ([3, 4], [2], [5])


def test_the_oldest_words_are_forgotten(make_log):
    log = make_log(LogLimits(words=2))
    for number, word in enumerate("abc"):
        log.append_once({0: ticks(number + 1)}, word=word, content="")
    assert log.append_once({0: ticks(9)}, word="b", content="") == {0: False}
    assert log.append_once({0: ticks(9)}, word="a", content="") == {0: True}
    with pytest.raises(ValueError, match="1 to 128"):
        log.append_once({0: ticks(9)}, word="", content="")


def test_commit_moves_position_state_and_events_together(log):
    _, positions = fill(log, 1, 3)
    assert log.load(1) == (ORIGIN, {})
    log.commit(1, Commit(ORIGIN, positions[0], {"a": b"1", "b": b"\x00\xff"}, [event(1), event(2)]))
    log.commit(1, Commit(positions[0], positions[2], {"a": None, "c": b"", "never": None}, [event(3)]))
    assert log.load(1) == (positions[2], {"b": b"\x00\xff", "c": b""})
    assert (log.state_row(1, "b"), log.state_row(1, "a"), log.state_row(0, "b")) == (b"\x00\xff", None, None)
    found = log.read_events({1: ORIGIN, 0: ORIGIN}, most=10, block_ms=0)
    assert [e for _, e in found[1]] == [event(1), event(2), event(3)]
    assert list(found) == [1]
    assert [e for _, e in log.read_events({1: found[1][0][0]}, most=1, block_ms=0)[1]] == [event(2)]
    assert log.load(0) == (ORIGIN, {})


def test_who_wants_few_kinds_is_told_how_far_the_reading_came(log):
    _, positions = fill(log, 0, 1)
    sly = event(1, note='","kind":"overloaded"')
    other = Event("id-2", EventKind.TICKET_FILED, 'a"","kind":"overloaded', 2, "", {"kind": "overloaded"})
    log.commit(0, Commit(ORIGIN, positions[0], {}, [sly, other, other]))
    ((_, _), (second, _), (last, _)) = log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]
    assert log.read_events_of({sly.kind}, {0: ORIGIN}, most=9, block_ms=0) == {0: (last, [sly])}
    assert log.read_events_of({other.kind}, {0: ORIGIN}, most=2, block_ms=0) == {0: (second, [other])}
    assert log.read_events_of({sly.kind}, {0: second}, most=9, block_ms=0) == {0: (last, [])}
    assert log.read_events_of({sly.kind}, {0: last}, most=9, block_ms=0) == {}


def test_of_two_owners_one_is_fenced_and_changes_nothing(log):
    _, positions = fill(log, 0, 2)
    log.commit(0, Commit(ORIGIN, positions[0], {"owner": b"first"}, [event(1)]))
    with pytest.raises(Fenced, match="stands at"):
        log.commit(0, Commit(ORIGIN, positions[1], {"owner": b"second"}, [event(2)]))
    assert log.load(0) == (positions[0], {"owner": b"first"})
    assert [e for _, e in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]] == [event(1)]


def test_owners_that_race_win_once(log):
    _, positions = fill(log, 0, 1)
    outcomes = []

    def own(number):
        try:
            log.commit(0, Commit(ORIGIN, positions[0], {"owner": b"%d" % number}, [event(number)]))
            outcomes.append(number)
        except Fenced:
            outcomes.append(None)

    threads = [threading.Thread(target=own, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    winner = next(number for number in outcomes if number is not None)
    assert sorted(outcomes, key=str).count(None) == 5
    assert log.load(0)[1] == {"owner": b"%d" % winner}
    assert [e for _, e in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]] == [event(winner)]


@pytest.mark.parametrize("new", [ORIGIN, Position(0, 0)])
def test_a_commit_goes_forward(log, new):
    with pytest.raises(ValueError, match="moves forward"):
        log.commit(0, Commit(ORIGIN, new))


def test_a_commit_that_changes_too_much_state_is_refused_whole(make_log):
    log = make_log(LogLimits(state_change_bytes=10))
    _, positions = fill(log, 0, 1)
    with pytest.raises(LogError, match="commit fewer rows"):
        log.commit(0, Commit(ORIGIN, positions[0], {"a": b"12345", "b": b"12345"}))
    assert log.load(0) == (ORIGIN, {})
    log.commit(0, Commit(ORIGIN, positions[0], {"a": b"12345", "b": b"123"}))


def test_trim_stays_below_the_committed_and_the_given_position(log):
    _, positions = fill(log, 0, 6)
    assert log.trim(0, readings_below=FAR, events_below=FAR) == 0, "nothing is committed yet"
    log.commit(0, Commit(ORIGIN, positions[3], {}, [event(1), event(2), event(3)]))
    assert log.trim(0, readings_below=positions[1], events_below=ORIGIN) == 2
    assert instants(log, 0) == [3, 4, 5, 6]
    assert log.trim(0, readings_below=FAR, events_below=ORIGIN) == 2
    assert instants(log, 0) == [5, 6]
    assert log.trim(0, readings_below=FAR, events_below=ORIGIN) == 0
    at = [position for position, _ in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]]
    assert log.trim(0, readings_below=ORIGIN, events_below=at[1]) == 2
    assert [e for _, e in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]] == [event(3)]


def test_positions_rise_also_after_everything_was_trimmed(log):
    epoch, positions = fill(log, 0, 3)
    log.commit(0, Commit(ORIGIN, positions[-1]))
    assert log.trim(0, readings_below=positions[-1], events_below=ORIGIN) == 3
    log.append(0, ticks(9), producer="door", epoch=epoch, sequence=9)
    assert log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].position > positions[-1]


def test_a_full_stream_refuses_until_it_is_trimmed(make_log):
    log = make_log(LogLimits(readings_entries=3))
    epoch, positions = fill(log, 0, 3)
    with pytest.raises(LogFull, match="readings"):
        log.append(0, ticks(4), producer="door", epoch=epoch, sequence=4)
    assert log.append(1, ticks(4), producer="door", epoch=epoch, sequence=4), "the bound is each partition's own"
    assert log.append(0, ticks(3), producer="door", epoch=epoch, sequence=3) is False, "a repeat is still recognised"
    log.commit(0, Commit(ORIGIN, positions[0]))
    log.trim(0, readings_below=FAR, events_below=ORIGIN)
    assert log.append(0, ticks(4), producer="door", epoch=epoch, sequence=4), "a refused sequence was not taken"
    assert instants(log, 0) == [2, 3, 4]


def test_the_bound_counts_bytes_too_and_one_large_entry_always_fits(make_log):
    log = make_log(LogLimits(readings_bytes=1000))
    epoch = log.open_producer("door")
    large = ticks(*range(200))
    assert log.append(0, large, producer="door", epoch=epoch, sequence=1)
    assert log.depth(0).readings_bytes > 1600
    with pytest.raises(LogFull, match="readings"):
        log.append(0, ticks(1), producer="door", epoch=epoch, sequence=2)
    log.commit(0, Commit(ORIGIN, log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].position))
    log.trim(0, readings_below=FAR, events_below=ORIGIN)
    assert log.depth(0).readings_bytes == 0
    assert log.append(0, ticks(1), producer="door", epoch=epoch, sequence=2)


def test_a_stream_takes_just_as_many_bytes_as_its_bound(make_log):
    log = make_log(LogLimits(readings_bytes=3 * len(encode(ticks(1))), events_bytes=2 * len(event(1).to_json())))
    epoch, positions = fill(log, 0, 3)
    with pytest.raises(LogFull):
        log.append(0, ticks(4), producer="door", epoch=epoch, sequence=4)
    log.commit(0, Commit(ORIGIN, positions[0], {}, [event(1)]))
    log.commit(0, Commit(positions[0], positions[1], {}, [event(2)]))
    with pytest.raises(LogFull):
        log.commit(0, Commit(positions[1], positions[2], {}, [event(3)]))


def test_events_that_nobody_reads_stop_the_commits(make_log):
    log = make_log(LogLimits(events_entries=2))
    _, positions = fill(log, 0, 3)
    log.commit(0, Commit(ORIGIN, positions[0], {}, [event(1), event(2)]))
    with pytest.raises(LogFull, match="events"):
        log.commit(0, Commit(positions[0], positions[1], {"a": b"1"}, [event(3)]))
    assert log.load(0) == (positions[0], {})
    log.commit(0, Commit(positions[0], positions[1], {"a": b"1"}))
    log.trim(0, readings_below=ORIGIN, events_below=FAR)
    log.commit(0, Commit(positions[1], positions[2], {}, [event(3)]))
    assert [e for _, e in log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]] == [event(3)]


def test_depth_counts_what_is_held(log):
    _, positions = fill(log, 0, 3)
    blob = len(log.read({0: ORIGIN}, most=1, block_ms=0)[0][0].blob)
    line = len(event(1).to_json().encode())
    log.commit(0, Commit(ORIGIN, positions[1], {}, [event(1)]))
    log.trim(0, readings_below=positions[0], events_below=ORIGIN)
    depth = log.depth(0)
    assert (depth.readings_entries, depth.readings_bytes) == (2, 2 * blob)
    assert (depth.events_entries, depth.events_bytes) == (1, line)


def test_text_of_every_script_comes_through(log):
    _, positions = fill(log, 0, 1)
    log.commit(0, Commit(ORIGIN, positions[0], {"设备/\x1f'\"": "值".encode()}, [event(1, plate="湘A·12345")]))
    assert log.load(0)[1] == {"设备/\x1f'\"": "值".encode()}
    assert log.read_events({0: ORIGIN}, most=1, block_ms=0)[0][0][1].data["plate"] == "湘A·12345"


@pytest.mark.parametrize("partition", [-1, PARTITIONS])
def test_unknown_partitions_are_refused(log, partition):
    with pytest.raises(ValueError, match="partitions 0 to 3"):
        log.load(partition)
    with pytest.raises(ValueError, match="partitions 0 to 3"):
        log.read({partition: ORIGIN}, most=1, block_ms=0)


@pytest.mark.parametrize("name", ["", "a{0}", "a b", "-a", "a" * 65])
def test_unlawful_producer_names_are_refused(log, name):
    with pytest.raises(ValueError, match="producer"):
        log.open_producer(name)


@pytest.mark.parametrize("sequence", [0, -1, 1 << 53])
def test_unlawful_sequences_are_refused(log, sequence):
    epoch = log.open_producer("door")
    with pytest.raises(ValueError, match="sequences begin at 1"):
        log.append(0, ticks(1), producer="door", epoch=epoch, sequence=sequence)


def test_producers_share_a_stream(log):
    def produce(name):
        epoch = log.open_producer(name)
        for number in range(1, 21):
            log.append(0, ticks(number), producer=name, epoch=epoch, sequence=number)

    threads = [threading.Thread(target=produce, args=(f"door-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(instants(log, 0)) == 80)
    for thread in threads:
        thread.join(10)
    assert sorted(instants(log, 0)) == sorted(list(range(1, 21)) * 4)


def test_close_may_be_called_twice(make_log):
    log = make_log()
    log.close()
    log.close()


# the incident stage


def vector(*positions):
    return dict(enumerate(positions))


def test_what_is_handed_on_comes_with_its_commit_or_not_at_all(log):
    _, positions = fill(log, 1, 3)
    log.commit(1, Commit(ORIGIN, positions[0], onward=b"one"))
    log.commit(1, Commit(positions[0], positions[1]))
    with pytest.raises(Fenced):
        log.commit(1, Commit(ORIGIN, positions[2], onward=b"never"))
    log.commit(1, Commit(positions[1], positions[2], {}, [event(1)], b"two"))
    found = log.read_onward(dict.fromkeys(range(PARTITIONS), ORIGIN), most=10, block_ms=0)
    assert {p: [entry.blob for entry in entries] for p, entries in found.items()} == {1: [b"one", b"two"]}
    (again,) = log.read_onward({1: found[1][0].position}, most=10, block_ms=0)[1]
    assert again == found[1][1]


def test_the_incident_stage_is_fenced_by_all_its_positions(log):
    start, at = vector(*[ORIGIN] * PARTITIONS), vector(Position(1, 0), *[ORIGIN] * (PARTITIONS - 1))
    assert log.load_incidents() == (start, {})
    log.commit_incidents(JointCommit(start, at, {"a": b"1", "b": b"2"}, [event(1), event(2)]))
    with pytest.raises(Fenced):
        log.commit_incidents(JointCommit(start, at, {"a": b"3"}, [event(3)]))
    later = at | {2: Position(5, 7)}
    log.commit_incidents(JointCommit(at, later, {"b": None}, [event(4)]))
    with pytest.raises(Fenced):
        log.commit_incidents(JointCommit(at, at | {1: Position(9, 9)}))
    assert log.load_incidents() == (later, {"a": b"1"})
    assert log.incident_positions() == later
    told = log.read_events({INCIDENTS: ORIGIN, 0: ORIGIN}, most=10, block_ms=0)
    assert {p: [e.data["number"] for _, e in events] for p, events in told.items()} == {INCIDENTS: [1, 2, 4]}


@pytest.mark.parametrize(
    "positions", [{}, {0: Position(1, 0)}, dict.fromkeys(range(PARTITIONS), ORIGIN), dict.fromkeys(range(9), ORIGIN)]
)
def test_a_joint_commit_names_every_partition_and_moves_forward(log, positions):
    start = vector(*[ORIGIN] * PARTITIONS)
    with pytest.raises(ValueError, match="joint commit"):
        log.commit_incidents(JointCommit(start, positions))


def test_events_of_incidents_and_what_was_handed_on_are_trimmed(log):
    _, positions = fill(log, 0, 2)
    log.commit(0, Commit(ORIGIN, positions[0], {}, [event(1)], b"one"))
    log.commit(0, Commit(positions[0], positions[1], {}, [event(2)], b"two"))
    start = vector(*[ORIGIN] * PARTITIONS)
    log.commit_incidents(JointCommit(start, start | {0: Position(1, 0)}, {}, [event(3)]))
    first, second = (entry.position for entry in log.read_onward({0: ORIGIN}, most=9, block_ms=0)[0])
    assert log.trim(0, readings_below=ORIGIN, events_below=ORIGIN, onward_below=first) == 1
    assert [entry.position for entry in log.read_onward({0: ORIGIN}, most=9, block_ms=0)[0]] == [second]
    assert log.trim(INCIDENTS, readings_below=FAR, events_below=FAR) == 1
    assert log.read_events({INCIDENTS: ORIGIN}, most=9, block_ms=0) == {}
    assert len(log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]) == 2


def test_what_is_handed_on_is_bounded(make_log):
    log = make_log(LogLimits(events_entries=2))
    _, positions = fill(log, 0, 4)
    log.commit(0, Commit(ORIGIN, positions[0], onward=b"1"))
    log.commit(0, Commit(positions[0], positions[1], onward=b"2"))
    with pytest.raises(LogFull, match="onward"):
        log.commit(0, Commit(positions[1], positions[2], {"a": b"1"}, onward=b"3"))
    assert log.load(0) == (positions[1], {})
    log.trim(0, readings_below=ORIGIN, events_below=ORIGIN, onward_below=FAR)
    log.commit(0, Commit(positions[1], positions[2], onward=b"3"))


# --- many events of one commit


def many(log, count, partition=0):
    """A commit of so many events, every hundredth of another kind; they, and their places."""
    epoch = log.open_producer("door")
    at, _ = log.load(partition)
    log.append(partition, ticks(1), producer="door", epoch=epoch, sequence=1)
    (entry,) = log.read({partition: at}, most=1, block_ms=0)[partition]
    events = [
        Event(f"id-{n}", EventKind.TICKET_FILED, "d", n, "", {"n": n, "note": "两\n行"}) if n % 100 == 0 else event(n)
        for n in range(count)
    ]
    log.commit(partition, Commit(at, entry.position, {}, events))
    found = log.read_events({partition: ORIGIN}, most=10_000, block_ms=0)[partition]
    assert [told for _, told in found][-count:] == events
    return events, [place for place, _ in found][-count:]


def test_each_of_many_events_has_a_place_of_its_own_where_reading_goes_on(log):
    events, places = many(log, 700)
    assert places == sorted(set(places))
    for after, most in [(0, 1), (0, 300), (5, 3), (254, 4), (255, 2), (256, 300), (511, 500), (698, 9)]:
        found = log.read_events({0: places[after]}, most=most, block_ms=0)[0]
        behind = slice(after + 1, after + 1 + most)
        assert found == list(zip(places[behind], events[behind], strict=True))
    assert log.read_events({0: places[-1]}, most=9, block_ms=0) == {}


def test_few_kinds_of_many_events(log):
    events, places = many(log, 700)
    rare, often = {EventKind.TICKET_FILED}, {EventKind.OVERLOADED}
    assert log.read_events_of(rare, {0: ORIGIN}, most=1000, block_ms=0) == {0: (places[-1], events[::100])}
    assert log.read_events_of(rare, {0: places[0]}, most=99, block_ms=0) == {0: (places[99], [])}
    assert log.read_events_of(rare, {0: places[0]}, most=200, block_ms=0) == {
        0: (places[200], [events[100], events[200]])
    }
    assert log.read_events_of(often, {0: places[97]}, most=4, block_ms=0) == {
        0: (places[101], [*events[98:100], events[101]])
    }
    assert log.read_events_of({EventKind.ALERT_OPENED}, {0: places[3]}, most=600, block_ms=0) == {0: (places[603], [])}


def test_many_events_are_forgotten_when_the_last_of_their_frame_is(log):
    events, places = many(log, 600)
    size = log.depth(0).events_bytes
    assert size == sum(len(told.to_json().encode()) for told in events)
    assert log.trim(0, readings_below=ORIGIN, events_below=places[0]) == 1
    assert log.trim(0, readings_below=ORIGIN, events_below=places[255]) == 0
    assert log.trim(0, readings_below=ORIGIN, events_below=places[256]) == 1
    found = log.read_events({0: ORIGIN}, most=9, block_ms=0)[0]
    assert found == list(zip(places[257:266], events[257:266], strict=True))
    assert log.depth(0).events_bytes == sum(len(told.to_json().encode()) for told in events[257:])
    _, later = many(log, 3)
    assert later[0] > places[-1]
    assert log.trim(0, readings_below=ORIGIN, events_below=later[-1]) == 5
    assert (log.depth(0).events_entries, log.depth(0).events_bytes) == (0, 0)


def test_a_long_line_is_a_frame_by_itself(log):
    _, positions = fill(log, 0, 1)
    events = [event(n, note="x" * (200_000 if n == 5 else 10)) for n in range(12)]
    log.commit(0, Commit(ORIGIN, positions[0], {}, events))
    assert [told for _, told in log.read_events({0: ORIGIN}, most=99, block_ms=0)[0]] == events
    assert log.depth(0).events_entries == 4
