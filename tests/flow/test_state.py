"""The state of a partition: changes are exactly what changed, and undo leads back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.state import State

KEYS = st.sampled_from(["a/1", "a/2", "b/1", "b/x/y"])
OPS = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 5)), max_size=12)


def run(state: State, ops: list[tuple[str, int | None]]) -> None:
    for key, value in ops:
        room, _, name = key.partition("/")
        if value is None:
            state.drop(room, name)
        else:
            state.put(room, name, {"v": value})


@given(OPS, OPS)
def test_changes_applied_to_what_was_stored_give_the_state(first: list, second: list) -> None:
    stored: dict[str, bytes] = {}
    state = State()
    for ops in (first, second):
        run(state, ops)
        for key, value in state.changes().items():
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = value
        assert stored == state.snapshot()
        assert State.load(stored).snapshot() == state.snapshot()
    assert state.changes() == {}


@given(OPS, OPS, OPS)
def test_undo_leads_back_to_the_mark(before: list, kept: list, undone: list) -> None:
    state = State()
    run(state, before)
    state.changes()
    run(state, kept)
    state.mark()
    then = state.snapshot()
    run(state, undone)
    state.undo()
    assert state.snapshot() == then
    twin = State()
    run(twin, before)
    twin.changes()
    run(twin, kept)
    assert state.changes() == twin.changes()


def test_rows_are_canonical_json() -> None:
    state = State()
    state.put("camera", "站/1", {"b": 1, "a": "é"})
    assert state.changes() == {"camera/站/1": '{"b":1,"a":"é"}'.encode()}
    assert json.loads(state.snapshot()["camera/站/1"]) == {"b": 1, "a": "é"}
