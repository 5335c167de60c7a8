"""Lines of events: the same bytes whether a JSON encoder writes them whole or they are put together of pieces."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.events import Event, EventKind, text_with
from citywatch.domain.instants import format_instant
from citywatch.domain.state import State
from citywatch.domain.texts import exact, without_fractions
from citywatch.ports import ORIGIN

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
datas = st.dictionaries(texts, values, max_size=5)
whole_numbers = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts | st.sampled_from(EventKind),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
plain = st.dictionaries(texts, whole_numbers, max_size=5)


def whole(thing):
    return json.dumps(thing, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def line(event):
    return whole(
        {
            "at": format_instant(event.at_ns),
            "at_ns": event.at_ns,
            "device": event.device,
            "kind": event.kind.value,
            "id": event.id,
            "cause": event.cause,
            "data": dict(event.data),
        }
    )


events = st.builds(
    Event, texts, st.sampled_from(EventKind), texts, st.integers(0, 4_102_444_800_000_000_000), texts, datas
)


@given(events)
def test_a_line_is_what_an_encoder_makes_of_it(event):
    assert event.to_json() == line(event)
    assert event.text() == whole(dict(event.data))
    assert event.to_json() == line(event)
    again = Event.from_json(event.to_json())
    assert (again, again.body) == (event, event.body)
    assert again.to_json() == line(event)


@given(plain)
def test_what_holds_no_fractions_has_the_same_text(data):
    assert without_fractions(data) == exact(data) == whole(data)


@given(datas)
def test_a_row_comes_back_as_it_was(row):
    state = State()
    state.put("room", "name", row)
    rows = state.changes()
    assert State.load(rows).get("room", "name") == row
    assert rows == state.snapshot()


@pytest.mark.parametrize(
    ("value", "error"),
    [(float("nan"), ValueError), (float("inf"), ValueError), (datetime.now(UTC), TypeError), (ORIGIN, TypeError)],
)
def test_a_row_that_json_does_not_have_is_refused(value, error):
    state = State()
    state.put("room", "name", {"x": [value]})
    with pytest.raises(error):
        state.changes()


@given(datas, st.fixed_dictionaries({"alert": texts, "kind": texts, "subject": st.just({}), "labels": plain}))
def test_a_text_is_put_into_another(subject, data):
    told = {**data, "subject": subject}
    assert text_with(told, "subject", whole(subject)) == whole(told)


def test_a_number_that_is_none_makes_no_line():
    event = Event("a", EventKind.OVERLOADED, "d", 1, "", {"x": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        event.text()
    with pytest.raises(ValueError, match="not JSON compliant"):
        event.to_json()
    with pytest.raises(TypeError):
        replace(event, data={}, at_ns=np.int64(3)).to_json()
