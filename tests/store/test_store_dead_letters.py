"""Dead letters: bounded per source, the oldest give way, and every one is counted."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citywatch.adapters.store import letters


def write(store, content=b"x", source="http:passes", number=1, message="a record without a weight"):
    store.dead_letter(at_ns=number, source=source, reason="missing_field", message=message, content=content)


def counts(store, source="http:passes"):
    return {row["source"]: row for row in store.dead_letter_counts()}[source]


def test_a_letter_is_kept_as_it_came(store):
    write(store, b"\x00\xffbytes", number=77)
    (letter,) = store.dead_letters(source=None, after=0, limit=10)
    assert (letter["content"], letter["size"], letter["truncated"]) == (b"\x00\xffbytes", 7, False)
    assert (letter["at_ns"], letter["source"], letter["reason"]) == (77, "http:passes", "missing_field")
    assert letter["message"] == "a record without a weight"


def test_a_long_one_is_cut_and_says_so(store):
    write(store, bytes(letters.CONTENT_KEPT_BYTES + 1), message="m" * 5000)
    (letter,) = store.dead_letters(source=None, after=0, limit=10)
    assert len(letter["content"]) == letters.CONTENT_KEPT_BYTES
    assert (letter["size"], letter["truncated"]) == (letters.CONTENT_KEPT_BYTES + 1, True)
    assert len(letter["message"]) == letters.MESSAGE_KEPT_CHARACTERS


def test_any_text_can_be_written(store):
    store.dead_letter(at_ns=1, source="s\0", reason="r" * 500, message="half \ud800 and \0", content=b"")
    (letter,) = store.dead_letters(source=None, after=0, limit=10)
    assert letter["message"] == "half ? and \N{REPLACEMENT CHARACTER}"
    assert len(letter["reason"]) == 100


def test_the_oldest_of_the_same_source_give_way(new_store):
    store = new_store(dead_letter_quota_bytes=20_000)
    write(store, b"kept", source="mqtt")
    for number in range(50):
        write(store, bytes(1000), number=number)
    kept = store.dead_letters(source="http:passes", after=0, limit=100)
    assert [letter["at_ns"] for letter in kept] == list(range(50 - len(kept), 50))
    row = counts(store)
    assert 14 <= row["kept"] == len(kept) <= 16
    assert row["kept_bytes"] <= 20_000
    assert (row["received"], row["gave_way"]) == (50, 50 - len(kept))
    assert counts(store, "mqtt")["kept"] == 1


def test_a_flood_of_empty_letters_is_bounded_too(new_store):
    store = new_store(dead_letter_quota_bytes=10_000)
    for number in range(200):
        write(store, b"", number=number, message="")
    assert counts(store)["kept"] == 10_000 // letters.ROW_BYTES


def test_one_letter_larger_than_the_quota_is_cut_to_it(new_store):
    store = new_store(dead_letter_quota_bytes=5_000)
    write(store, bytes(9_000), message="")
    (letter,) = store.dead_letters(source=None, after=0, limit=10)
    assert (letter["size"], letter["truncated"]) == (9_000, True)
    assert counts(store)["kept_bytes"] <= 5_000


def test_sources_are_bounded(store, monkeypatch):
    monkeypatch.setattr(letters, "SOURCES", 3)
    for number in range(6):
        write(store, source=f"device-{number}")
    names = {row["source"]: row["kept"] for row in store.dead_letter_counts()}
    assert names == {"device-0": 1, "device-1": 1, "device-2": 1, letters.OTHER_SOURCES: 3}


def test_paging_and_forgetting(store):
    for number in range(5):
        write(store, bytes([number]), source="ab"[number % 2])
    everything = store.dead_letters(source=None, after=0, limit=10)
    assert store.dead_letters(source=None, after=everything[1]["number"], limit=2) == everything[2:4]
    assert store.dead_letters(source="b", after=0, limit=10) == everything[1::2]
    store.forget_dead_letter(everything[0]["number"])
    store.forget_dead_letter(everything[0]["number"])
    assert store.dead_letters(source=None, after=0, limit=10) == everything[1:]
    row = counts(store, "a")
    assert (row["received"], row["kept"], row["gave_way"], row["forgotten"]) == (3, 2, 0, 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3000)), max_size=30), quota=st.integers(2000, 9000)
)
def test_the_counts_are_the_truth(new_store, sizes, quota):
    store = new_store(dead_letter_quota_bytes=quota)
    for source, size in sizes:
        write(store, bytes(size), source=source)
    for row in store.dead_letter_counts():
        kept = store.dead_letters(source=row["source"], after=0, limit=1000)
        assert row["kept"] == len(kept) == row["received"] - row["gave_way"] - row["forgotten"]
        cost = sum(letters.ROW_BYTES + len(letter["content"]) + len(letter["message"]) for letter in kept)
        assert row["kept_bytes"] == cost <= quota
        assert row["received"] == sum(source == row["source"] for source, _ in sizes)
