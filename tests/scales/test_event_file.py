import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.domain.events import Event, EventKind
from citywatch.errors import ConfigurationError
from citywatch.flow.event_file import EventFile

EVENTS = st.builds(
    lambda at, device, kind, name: Event(name, kind, device, at, name, {"text": f"{name}\t\n{device}", "n": at}),
    st.one_of(st.integers(-5, 5), st.integers(-(2**62), 2**62)),
    st.sampled_from(["a", "a/b", "a.b", "a0", "b"]),
    st.sampled_from([EventKind.OVERLOADED, EventKind.PASS_SUSPECT]),
    st.sampled_from(["0" * 32, "1" * 32, "f" * 32]),
)


@settings(max_examples=60)
@given(events=st.lists(EVENTS, max_size=60), held=st.integers(1, 20), runs=st.integers(2, 5))
def test_sorted_and_each_once_however_little_is_held(events, held, runs):
    distinct = {event.sort_key(): event for event in reversed(events)}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "events.jsonl"
        with EventFile(target, held_events=held, most_runs=runs) as file:
            for event in distinct.values():
                file.add(event)
            for event in list(distinct.values())[:7]:
                file.add(event)
            assert file.finish() == len(distinct)
        lines = target.read_text(encoding="utf-8").splitlines()
        assert lines == [distinct[key].to_json() for key in sorted(distinct)]
        assert [path.name for path in Path(folder).iterdir()] == ["events.jsonl"]


def test_without_finish_nothing_stays_and_what_was_there_is_kept(tmp_path):
    target = tmp_path / "events.jsonl"
    target.write_text("old\n")
    event = Event("0" * 32, EventKind.OVERLOADED, "a", 1, "", {})
    with EventFile(target, held_events=1) as file:
        file.add(event)  # and then something else fails: no finish
    assert target.read_text() == "old\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.write_text("old\n")
    link.symlink_to(real)
    with EventFile(link) as file:
        file.finish()
    assert link.is_symlink()
    assert real.read_text() == ""
    with EventFile(Path("/dev/null")) as file:
        file.add(Event("0" * 32, EventKind.OVERLOADED, "a", 1, "", {}))
        assert file.finish() == 1
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("target", ["", "missing/events.jsonl", "file/events.jsonl"])
def test_a_place_that_cannot_be_written(tmp_path, target):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        EventFile(tmp_path / target)
