"""Random histories with random corrections against a model that walks second by second."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from slow_model import S, state_at, walk

from citywatch.domain.service import STATES, ServiceFact, Standing
from citywatch.sla.contracts import Contract, Listed
from citywatch.sla.history import History
from citywatch.sla.report import Report

REGISTER = {
    "sw-1": Listed("sw-1", contractor="network"),
    "sw-2": Listed("sw-2", contractor="ours"),
    "a": Listed("a", contractor="ours"),
}
CAUSES = ["", "parent:sw-1", "parent:sw-2", "parent:sw-3", "maintenance", "power"]
LAST = 40


@st.composite
def facts(draw):
    first = draw(st.integers(-5, LAST + 3))
    begin = sorted((first, first + draw(st.integers(0, 4))))
    length = draw(st.integers(0, 25))
    end = draw(st.integers(0, 3))
    worst_first = draw(st.booleans())
    a, b = begin if worst_first else reversed(begin)
    exact = draw(st.booleans())
    worst = (a * S, (max(begin) + length) * S)
    best = worst if exact else (b * S, (max(begin) + length + end) * S)
    return ServiceFact(
        draw(st.sampled_from(["a", "b"])),
        draw(st.sampled_from(STATES)),
        worst[0],
        best[0],
        worst[1],
        best[1],
        draw(st.sampled_from(CAUSES)),
        known_ns=draw(st.sampled_from([-(2**62), *range(0, 60 * S, 5 * S)])),
        standing=draw(st.sampled_from([Standing.SEEN, Standing.SEEN, Standing.INHIBITED, Standing.STATED])),
        number=draw(st.integers(0, 2)),
    )


@st.composite
def contracts(draw):
    exclusions = draw(
        st.none()
        | st.lists(
            st.sampled_from(
                [
                    {"cause": "parent", "only_if_others_answer": True},
                    {"cause": "maintenance"},
                    {"cause": "maintenance", "declared_within": "10s"},
                    {"cause": "p*"},
                ]
            ),
            max_size=2,
        )
    )
    return Contract.model_validate(
        {
            "name": "c",
            "contractor": draw(st.sampled_from(["", "ours"])),
            "devices": {"devices": ["a", "b"]},
            "intact": {
                "target_percent": draw(st.sampled_from([0, 50, 95, 100])),
                "unknown": draw(st.sampled_from(["between", "up", "down", "excluded"])),
                "degraded": draw(st.sampled_from(["between", "up", "down"])),
            },
            "exclusions": exclusions,
        }
    )


def report(rows, contract, from_ns, to_ns, known_at, known_until):
    history = History.of_facts(rows)
    return Report.of(history, contract, REGISTER, from_ns, to_ns, as_known_at_ns=known_at, known_until_ns=known_until)


def told(tally):
    parts = (tally.up_ns, tally.down_ns, tally.unknown_ns, tally.excluded_ns, tally.retired_ns)
    assert all(part % S == 0 for part in parts)
    return dict(zip(("up", "down", "unknown", "excluded", "retired"), (part // S for part in parts), strict=True))


MOMENTS = st.integers(0, 60).map(lambda second: second * S)


@settings(max_examples=80)
@given(
    st.lists(facts(), min_size=1, max_size=12),
    contracts(),
    st.integers(0, 20),
    st.integers(1, 30),
    st.none() | MOMENTS,
    st.just(2**62) | MOMENTS,
)
def test_equals_the_slow_model(rows, contract, begin, length, known_at, known_until):
    from_ns, to_ns = begin * S, (begin + length) * S
    found = report(rows, contract, from_ns, to_ns, known_at, known_until)
    at = 2**62 if known_at is None else known_at
    # Devices of the register are under the contract, too, and nothing is known of them.
    names = {row.device for row in rows}
    silent = [name for name in found.history.devices if name not in names]
    for worst, tally in ((True, found.window.figure().worst), (False, found.window.figure().best)):
        expected = walk(
            rows, contract, from_ns, to_ns, register=REGISTER, worst=worst, known_at=at, known_until=known_until
        )
        for _ in silent:
            kind = "unknown" if contract.intact.unknown == "between" else contract.intact.unknown.value
            expected[kind] += length
        assert told(tally) == expected
    share = found.window.figure().share
    if share is not None:
        assert 0 <= share.worst <= share.best <= 1
        target = Fraction(contract.intact.target_percent) / 100
        verdict = share.verdict(target)
        assert (verdict == "met") == (share.worst >= target)
        assert (verdict == "missed") == (share.best < target)


@settings(max_examples=40)
@given(st.lists(facts(), min_size=1, max_size=10), contracts(), st.none() | MOMENTS)
def test_the_intervals_explain_the_figure(rows, contract, known_at):
    found = report(rows, contract, 0, LAST * S, known_at, 2**62)
    shown = found.as_json()
    for name in ("up", "down", "unknown", "excluded", "retired"):
        told_seconds = sum(row["required_seconds"] for row in shown["intervals"] if row["counts_as"] == name)
        assert told_seconds == shown[f"{name}_seconds"]
    at = 2**62 if known_at is None else known_at
    for row in shown["intervals"]:
        second = int(row["from"][17:19]) if row["from"].startswith("1970-01-01T00:00") else None
        mine = [fact for fact in rows if fact.device == row["device"]]
        if second is not None and mine:
            state, counts = state_at(mine, second * S, contract, REGISTER, True, at, at)
            assert (row["state"], row["counts_as"]) == (state.value, counts)


@settings(max_examples=40)
@given(st.lists(facts(), min_size=1, max_size=10), contracts(), st.integers(1, LAST - 1), st.randoms())
def test_laws(rows, contract, middle, random):
    """Two windows add up to the whole; the order and the repetition of facts decide nothing."""
    whole = report(rows, contract, 0, LAST * S, None, 2**62).window.figure()
    left = report(rows, contract, 0, middle * S, None, 2**62).window.figure()
    right = report(rows, contract, middle * S, LAST * S, None, 2**62).window.figure()
    for name in ("worst", "best"):
        a, b, c = (told(getattr(figure, name)) for figure in (left, right, whole))
        assert {key: a[key] + b[key] for key in a} == c
    again = [*rows, *rows]
    random.shuffle(again)
    other = report(again, contract, 0, LAST * S, None, 2**62)
    assert other.window.figure() == whole
