"""RedisLog against the plain model: any history of calls gives the same answers from both."""

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from log_kit import event, ticks

from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.adapters.log.terms import LogLimits
from citywatch.errors import LogError
from citywatch.ports import ORIGIN, Commit, Position
from citywatch.testing.memory_log import MemoryLog

PARTITIONS = 2
LIMITS = LogLimits(readings_entries=6, readings_bytes=400, events_entries=5, events_bytes=1200, state_change_bytes=12)
FAR = Position(1 << 50, 0)

partitions = st.integers(0, PARTITIONS - 1)
producers = st.sampled_from(["a", "b"])
keys = st.sampled_from(["x", "y", "键"])
places = st.integers(0, 30)


class LogsAgree(RuleBasedStateMachine):
    """Positions differ between the logs, so a place is the pair of what both call it, by number of the entry."""

    url = ""

    @initialize()
    def begin(self):
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
        self.real = RedisLog(self.url, PARTITIONS, limits=LIMITS)
        self.model = MemoryLog(PARTITIONS, limits=LIMITS)
        self.readings = [[(ORIGIN, ORIGIN)] for _ in range(PARTITIONS)]
        self.events = [[(ORIGIN, ORIGIN)] for _ in range(PARTITIONS)]
        self.epochs = {"a": [0], "b": [0]}
        self.numbers = 0

    def teardown(self):
        if hasattr(self, "real"):
            self.real.close()

    def both(self, real, model):
        """Call both; the same kind of error, or both answers."""
        answers = []
        for call in (real, model):
            try:
                answers.append((None, call()))
            except (LogError, ValueError) as error:
                answers.append((type(error), None))
        assert answers[0][0] is answers[1][0]
        return answers[0][1], answers[1][1]

    def learn(self, stream, places_of, partition):
        """Note the places of entries that are new."""
        known = places_of[partition]
        real, model = known[-1]
        found = getattr(self.real, stream)({partition: real}, most=99, block_ms=0).get(partition, ())
        expected = getattr(self.model, stream)({partition: model}, most=99, block_ms=0).get(partition, ())
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            known.append((a.position, b.position) if stream == "read" else (a[0], b[0]))

    @rule(producer=producers)
    def open_producer(self, producer):
        epoch, expected = self.both(
            lambda: self.real.open_producer(producer), lambda: self.model.open_producer(producer)
        )
        assert epoch == expected
        self.epochs[producer].append(epoch)

    @rule(
        partition=partitions,
        producer=producers,
        age=st.sampled_from([0, 0, 0, 0, 1]),
        sequence=st.integers(0, 12),
        rows=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    )
    def append(self, partition, producer, age, sequence, rows):
        epoch = self.epochs[producer][-1 - min(age, len(self.epochs[producer]) - 1)]
        arguments = {"producer": producer, "epoch": epoch, "sequence": sequence}
        taken, expected = self.both(
            lambda: self.real.append(partition, ticks(*rows), **arguments),
            lambda: self.model.append(partition, ticks(*rows), **arguments),
        )
        assert taken == expected
        self.learn("read", self.readings, partition)

    @rule(
        partition=partitions,
        expected=st.one_of(st.none(), places),
        step=st.integers(0, 4),
        changed=st.dictionaries(keys, st.one_of(st.none(), st.binary(max_size=8)), max_size=3),
        count=st.sampled_from([0, 1, 2, 3, 12]),
    )
    def commit(self, partition, expected, step, changed, count):
        known = self.readings[partition]
        if expected is None:  # mostly the right one
            here = self.real.load(partition)[0]
            expected = next(i for i, (real, _) in enumerate(known) if real == here)
        expected %= len(known)
        new = min(expected + step, len(known) - 1)
        events = [event(self.numbers + i) for i in range(count)]
        self.numbers += count
        self.both(
            lambda: self.real.commit(partition, Commit(known[expected][0], known[new][0], changed, events)),
            lambda: self.model.commit(partition, Commit(known[expected][1], known[new][1], changed, events)),
        )
        self.learn("read_events", self.events, partition)

    @rule(partition=partitions, readings=st.one_of(st.none(), places), events=st.one_of(st.none(), places))
    def trim(self, partition, readings, events):
        def place(known, number):
            return (FAR, FAR) if number is None else known[number % len(known)]

        readings, events = place(self.readings[partition], readings), place(self.events[partition], events)
        gone, expected = self.both(
            lambda: self.real.trim(partition, readings_below=readings[0], events_below=events[0]),
            lambda: self.model.trim(partition, readings_below=readings[1], events_below=events[1]),
        )
        assert gone == expected

    @rule(
        after=st.tuples(places, places),
        most=st.one_of(st.integers(1, 5), st.just(9)),
        stream=st.sampled_from(["read", "read_events"]),
    )
    def read(self, after, most, stream):
        known = self.readings if stream == "read" else self.events
        pairs = [known[p][after[p] % len(known[p])] for p in range(PARTITIONS)]
        found = getattr(self.real, stream)({p: pairs[p][0] for p in range(PARTITIONS)}, most=most, block_ms=0)
        expected = getattr(self.model, stream)({p: pairs[p][1] for p in range(PARTITIONS)}, most=most, block_ms=0)

        def content(answer):
            return {
                p: [entry.blob if stream == "read" else entry[1] for entry in entries] for p, entries in answer.items()
            }

        assert content(found) == content(expected)

    @invariant()
    def same_state_and_depth(self):
        if not hasattr(self, "real"):
            return
        for partition in range(PARTITIONS):
            position, rows = self.real.load(partition)
            expected, expected_rows = self.model.load(partition)
            assert rows == expected_rows
            assert (position, expected) in self.readings[partition]
            assert self.real.depth(partition) == self.model.depth(partition)


def test_any_history_gives_the_same_answers(server):
    machine = type("LogsAgreeHere", (LogsAgree,), {"url": server.url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
