"""Lines of events: the same bytes whether a JSON encoder writes them whole or they are put together of pieces."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.events import Event, EventKind, text_with
from citywatch.domain.instants import format_instant

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
datas = st.dictionaries(texts, values, max_size=5)


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


@given(datas, st.fixed_dictionaries({"alert": texts, "kind": texts, "subject": st.just({}), "labels": datas}))
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
