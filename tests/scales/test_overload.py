import json
import math

import mon_twin as twin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch import laws
from citywatch.domain.events import EventKind, event_id
from citywatch.domain.passes import MAX_AXLES, Decision, PassBatch, Suspect
from citywatch.errors import ConfigurationError
from citywatch.kernels import passes as kernel
from citywatch.kernels.passes import gross_of_axles
from citywatch.rules.overload import events, judge

LAW = laws.load("cn-gross")


def batch_of(rows):
    """rows: dicts of axle_kg, spacing_mm, and optionally gross_kg, speed_kmh, length_mm, plate."""
    widest = max((len(row["axle_kg"]) for row in rows), default=0)
    n = len(rows)
    axle_kg, spacing_mm = np.zeros((n, widest), np.int32), np.zeros((n, widest), np.int32)
    for i, row in enumerate(rows):
        axle_kg[i, : len(row["axle_kg"])] = row["axle_kg"]
        spacing_mm[i, : len(row["spacing_mm"])] = row["spacing_mm"]
    return PassBatch.of(
        device=tuple(f"S/d1/l{i}" for i in range(n)),
        at_ns=np.arange(n, dtype=np.int64) * 10**9 + 1_500_000_000_000_000_000,
        received_ns=np.full(n, 7, np.int64),
        digest=np.stack([np.arange(n, dtype=np.uint64), np.full(n, 0xAB, np.uint64)], axis=1),
        axle_count=np.array([len(row["axle_kg"]) for row in rows], np.int16),
        gross_kg=np.array([row.get("gross_kg", sum(row["axle_kg"])) for row in rows], np.int32),
        speed_mps=np.array([row.get("speed_kmh", 72) / 3.6 for row in rows], np.float64),
        length_mm=np.array([row.get("length_mm", 15_000) for row in rows], np.int32),
        axle_kg=axle_kg,
        spacing_mm=spacing_mm,
        plate=tuple(row.get("plate", "") for row in rows),
    )


def one(axles, gross, **more):
    loads = [gross // axles] * (axles - 1)
    gaps = [1500] * (axles - 1)
    return {"axle_kg": [*loads, gross - sum(loads)], "spacing_mm": gaps, "length_mm": 60_000, **more}


TABLE = {2: (18, 18), 3: (25, 27), 4: (31, 36), 5: (42, 43), 6: (46, 49), 7: (46, 49), 40: (46, 49)}


@pytest.mark.parametrize("axles", TABLE)
def test_the_edges_of_every_limit(axles):
    low, high = (1000 * t for t in TABLE[axles])
    verdicts = judge(LAW, batch_of([one(axles, kg) for kg in (low - 1, low, low + 1, high, high + 1)]))
    between = Decision.UNDECIDED if low < high else Decision.OVER
    assert verdicts.decision.tolist() == [
        Decision.LAWFUL, Decision.LAWFUL, between, Decision.UNDECIDED if low < high else Decision.LAWFUL, Decision.OVER,
    ]  # fmt: skip
    assert set(verdicts.limit_low_kg.tolist()) == {low}
    assert set(verdicts.limit_high_kg.tolist()) == {high}


ROWS = st.integers(1, 9).flatmap(
    lambda axles: st.fixed_dictionaries(
        {
            "axle_kg": st.lists(st.integers(0, 24_000), min_size=axles, max_size=axles),
            "spacing_mm": st.lists(st.integers(0, 20_000), min_size=axles - 1, max_size=axles - 1),
            "off": st.integers(-600, 600),
            "speed_kmh": st.sampled_from([0, 15, 16, 17, 80, 160, 161, 250]),
            "length_mm": st.sampled_from([0, 3_000, 12_000, 61_000, 61_001, 99_999]),
        }
    )
)


@given(st.lists(ROWS, max_size=8))
def test_judge_equals_its_naive_twin(rows):
    for row in rows:
        row["gross_kg"] = max(0, sum(row["axle_kg"]) + row["off"])
    verdicts = judge(LAW, batch_of(rows))
    for i, row in enumerate(rows):
        assert Decision(int(verdicts.decision[i])).name.lower() == twin.decide(len(row["axle_kg"]), row["gross_kg"])
        assert set(Suspect(int(verdicts.suspect[i])).words()) == twin.suspect(row)


@given(st.lists(ROWS, max_size=8), st.integers(1, 4))
def test_any_batching_gives_the_same_events(rows, size):
    batch = batch_of(rows)
    whole = [event.to_json() for event in events(LAW, batch, judge(LAW, batch))]
    assert [e.to_json() for piece in batch.split(size) for e in events(LAW, piece, judge(LAW, piece))] == whole


def test_what_the_scale_does_not_give_is_not_suspect():
    row = one(3, 20_000, length_mm=0)
    row["spacing_mm"] = [0, 0]
    batch = batch_of([row])
    batch.speed_mps.flags.writeable = True
    batch.speed_mps[0] = math.nan
    assert judge(LAW, batch).suspect.tolist() == [0]
    assert list(events(LAW, batch, judge(LAW, batch))) == []


def test_the_raster_is_no_contradiction():
    # Six axles and the gross, each rounded to 100 kg on its own: up to 350 kg apart.
    rows = [{**one(6, 30_000), "gross_kg": 30_000 + off} for off in (-351, -350, 0, 350, 351)]
    assert [bool(s & Suspect.AXLES_DO_NOT_ADD_UP) for s in judge(LAW, batch_of(rows)).suspect.tolist()] == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_an_overloaded_pass_in_full():
    row = one(6, 52_000, speed_kmh=71, plate="湘A12345")
    row["axle_kg"] = [6_000, 23_000, 7_000, 6_000, 5_000, 5_000]
    first, second = events(LAW, batch_of([row]), judge(LAW, batch_of([row])))
    digest = "0000000000000000" + "00000000000000ab"
    assert first.id == first.cause == event_id("overloaded", "S/d1/l0", 1_500_000_000_000_000_000, digest)
    assert json.dumps(first.data, ensure_ascii=False) == json.dumps(
        {
            "law": "cn-gross@1", "pass": digest, "axles": 6, "gross_kg": 52_000, "limit_kg": 49_000,
            "limits_kg": [46_000, 49_000], "over_kg": 3_000, "over_percent": 6.12, "speed_kmh": 71.0,
            "length_mm": 60_000, "plate": "湘A12345", "suspect": ["axle_too_heavy"],
        },
        ensure_ascii=False,
    )  # fmt: skip
    assert second.kind is EventKind.PASS_SUSPECT
    assert json.dumps(second.data) == json.dumps(
        {
            "law": "cn-gross@1", "pass": digest, "axles": 6, "gross_kg": 52_000,
            "reasons": ["axle_too_heavy"], "decision": "over",
        }
    )  # fmt: skip


def test_an_undecided_pass_names_both_limits_and_a_lawful_one_nothing():
    batch = batch_of([one(6, 47_000), one(6, 46_000)])
    (event,) = events(LAW, batch, judge(LAW, batch))
    assert event.kind is EventKind.WEIGHT_UNDECIDED
    assert (event.data["limit_kg"], event.data["limits_kg"]) == (46_000, [46_000, 49_000])
    assert (event.data["over_kg"], event.data["over_percent"]) == (1_000, 2.17)


def test_one_axle_is_undecided_without_limits_and_suspect():
    batch = batch_of([one(1, 5_000)])
    undecided, suspect = events(LAW, batch, judge(LAW, batch))
    assert undecided.kind is EventKind.WEIGHT_UNDECIDED
    assert [undecided.data[key] for key in ("limit_kg", "limits_kg", "over_kg", "over_percent")] == [
        None,
        [],
        None,
        None,
    ]
    assert (suspect.data["reasons"], suspect.data["decision"]) == (["single_axle"], "undecided")
    json.loads(undecided.to_json())


def test_axle_counts_beyond_the_table_are_undecided():
    batch = batch_of([one(2, 5_000)] * 3)
    batch.axle_count.flags.writeable = True
    batch.axle_count[:] = [-1, 0, MAX_AXLES + 1]
    assert judge(LAW, batch).decision.tolist() == [Decision.UNDECIDED] * 3


@given(st.lists(ROWS, max_size=6))
def test_gross_of_axles(rows):
    batch = batch_of(rows)
    out = np.zeros(len(rows), np.int64)
    gross_of_axles(batch.axle_kg, batch.axle_count, out)
    assert out.tolist() == [sum(row["axle_kg"]) for row in rows]


def test_the_kernel_and_the_domain_use_the_same_numbers():
    for word in Suspect:
        assert getattr(kernel, word.name) == word
    for word in Decision:
        assert getattr(kernel, word.name) == word


# laws


def test_every_number_is_cited_and_the_table_is_that_of_the_order():
    assert LAW.ref == "cn-gross@1"
    assert all("Order 62 of 2016, art. 3" in limit.citation for limit in LAW.limits)
    assert {axles: (int(LAW.strictest_kg[axles]), int(LAW.most_lenient_kg[axles])) for axles in TABLE} == {
        axles: (low * 1000, high * 1000) for axles, (low, high) in TABLE.items()
    }
    assert LAW.strictest_kg[:2].tolist() == [0, 0]
    assert len(LAW.strictest_kg) == MAX_AXLES + 1


def test_validity():
    day = 86_400 * 10**9
    first = LAW.valid_from_ns
    assert LAW.in_force(np.array([first - 1, first, first + 4000 * day])).tolist() == [False, True, True]


def test_laws_by_name():
    assert laws.load("cn-gross@1") == LAW
    for name in ("cn-gros", "cn-gross@2", ""):
        with pytest.raises(ConfigurationError, match="cn-gross@1"):
            laws.load(name)


GOOD_LAW = """[[gross]]
id = "x"
version = 1
title = "t"
authority = "a"
instrument = "i"
valid_from = 2016-09-21T00:00:00+08:00
limits = [{ axles = 2, limit_kg = 18000, vehicle = "v", citation = "c" }]
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("version = 1", "version = 0", "version"),
        ("version = 1", "", "version is missing"),
        ("version = 1", "versoin = 1\nversion = 1", "unknown key 'versoin'"),
        ("[[gross]]", "[[grss]]", "unknown key 'grss'"),
        ("2016-09-21T00:00:00+08:00", "2016-09-21", "valid_from is 2016-09-21; write an instant"),
        ('citation = "c"', 'citation = ""', "no citation"),
        (', citation = "c"', "", "no citation"),
        ("limit_kg = 18000", "limit_kg = 18.0", "limit_kg is 18.0; it must be a whole number"),
        ("limit_kg = 18000", "limit_kg = true", "limit_kg is True"),
        ("axles = 2", "axles = 41", "axles"),
        ("axles = 2", "axels = 2, axles = 2", "unknown key 'axels'"),
        ("limits = [{ axles = 2, limit_kg = 18000", "limits = [] # [{ axles = 2", "without limits"),
        ('title = "t"', 'title = "t"\nvalid_to = 2016-09-20T00:00:00+08:00', "valid_to"),
        ('id = "x"', 'id = "x', "x.toml"),
    ],
)
def test_a_law_file_with_a_mistake(old, new, word):
    assert laws.parse(GOOD_LAW, "x.toml")[0].ref == "x@1"
    with pytest.raises(ConfigurationError, match=word):
        laws.parse(GOOD_LAW.replace(old, new), "x.toml")
