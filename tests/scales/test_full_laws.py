"""What the full laws say of vehicles one knows: limits, binding rules, both outcomes, kinds, and who is not judged."""

import json
from itertools import pairwise

import numpy as np
import pytest

from citywatch import laws
from citywatch.acceptance.standards import standards
from citywatch.app import offline
from citywatch.app.steps import city_step
from citywatch.app.steps import instruments as instruments_of
from citywatch.domain.events import EventKind
from citywatch.domain.instants import parse_instant
from citywatch.domain.passes import Decision, PassBatch, ScaleStatus
from citywatch.domain.state import State
from citywatch.errors import ConfigurationError
from citywatch.kernels.legality import MARGIN
from citywatch.laws import book, instruments
from citywatch.rules.enforcement import Blocked, Instrument, probability_lawful
from citywatch.rules.overload import events, full_words, judge
from citywatch.settings import parse_settings
from citywatch.testing.trucks import write_mon

CN, EU, US = (laws.load(name) for name in ("cn-full", "eu-full", "us-full"))
DAY = 86_400 * 10**9
AT = 1_700_000_000 * 10**9
LB, FT = 0.45359237, 304.8

SEMI = [3_300, 1_350, 6_900, 1_350, 1_350]
SHARP = {"S/d1/l0": 0}


def passes(rows, **columns):
    """rows: (axle loads kg, spacings mm[, at_ns]) -> a batch of lane S/d1/l0."""
    n, widest = len(rows), max(len(row[0]) for row in rows)
    loads, gaps = np.zeros((n, widest), np.int32), np.zeros((n, widest), np.int32)
    for i, row in enumerate(rows):
        loads[i, : len(row[0])] = row[0]
        gaps[i, : len(row[1])] = row[1]
    return PassBatch.of(
        device=("S/d1/l0",) * n,
        at_ns=np.array([row[2] if len(row) > 2 else AT for row in rows], np.int64),
        received_ns=np.zeros(n, np.int64),
        digest=np.stack([np.arange(n, dtype=np.uint64), np.full(n, 5, np.uint64)], axis=1),
        axle_count=np.array([len(row[0]) for row in rows], np.int16),
        gross_kg=loads.sum(axis=1).astype(np.int32),
        speed_mps=np.full(n, 20.0),
        length_mm=(gaps.sum(axis=1) + 2_500).astype(np.int32),
        axle_kg=loads,
        spacing_mm=gaps,
        plate=("",) * n,
        **columns,
    )


def scale(name="5", standard="r134", allowance_ppm=50_000, from_ns=AT - DAY, to_ns=AT + DAY, spacing_mm=0):
    accuracy = instruments.accuracy(standard, name)
    return {"S/d1/l0": Instrument(accuracy, from_ns, to_ns, allowance_ppm, spacing_mm)}


def share(gross, shares):
    loads = [gross * part // sum(shares) for part in shares]
    loads[-1] += gross - sum(loads)
    return loads


def semi(gross):
    return share(gross, [12, 17, 17, 18, 18, 18]), SEMI


def told(law, row, given=None, **columns):
    """(decision, data of the event or None)."""
    batch = passes([row], **columns)
    verdicts = judge(law, batch, given or scale())
    found = [e for e in events(law, batch, verdicts, given or scale()) if e.kind is not EventKind.PASS_SUSPECT]
    return Decision(int(verdicts.decision[0])), found[0].data if found else None


# China


@pytest.mark.parametrize(
    ("gross", "decision", "rule"),
    [
        (46_000, Decision.LAWFUL, None),
        (46_001, Decision.UNDECIDED, "gross.train_6_single_drive"),
        (49_000, Decision.UNDECIDED, "gross.train_6_single_drive"),
        (49_001, Decision.OVER, "gross.train_6"),
    ],
)
def test_six_axles_hang_on_the_drive_axles(gross, decision, rule):
    found, data = told(CN, semi(gross))
    assert found is decision
    if data:
        assert (data["kind"], data["rule"]) == ("train_3_3", rule)
        assert [one["limit_kg"] for one in data["outcomes"]] == data["limits_kg"] == [46_000, 49_000]
        assert [one["margin_kg"] for one in data["outcomes"]] == [46_000 - gross, 49_000 - gross]


def test_what_a_twin_steered_tractor_shows_is_known():
    _, data = told(CN, (share(46_500, [6, 6, 11, 8, 8, 8]), [1_900, 3_000, 6_900, 1_350, 1_350]))
    assert (data["kind"], data["rule"]) == ("train_3_3_twin_steer", "gross.train_6_single_drive")
    assert data["limits_kg"] == [46_000, 46_000]


@pytest.mark.parametrize(
    ("row", "low", "high"),
    [
        ((share(18_100, [35, 65]), [4_400]), 18_000, 18_000),
        ((share(26_500, [26, 37, 37]), [4_300, 1_350]), 25_000, 26_000),
        ((share(27_100, [26, 37, 37]), [3_600, 7_000]), 27_000, 27_000),
        ((share(32_500, [20, 20, 30, 30]), [1_850, 3_400, 1_350]), 31_000, 32_000),
        ((share(36_500, [20, 30, 25, 25]), [3_600, 6_400, 1_350]), 36_000, 36_000),
        ((share(42_500, [15, 25, 20, 20, 20]), [3_600, 6_400, 1_350, 1_350]), 42_000, 42_000),
        ((share(43_500, [15, 20, 20, 22, 23]), [3_300, 1_350, 6_400, 1_350]), 43_000, 43_000),
    ],
)
def test_the_table_of_the_order(row, low, high):
    _, data = told(CN, row)
    assert data["limits_kg"] == [low, high]


def test_never_above_the_sum_of_the_axle_limits():
    # A drive tandem of 1.2 m: 7,000 + 16,000 kg.
    _, data = told(
        CN.assuming({"air_suspension": False, "wide_tyres": False}), (share(24_000, [3, 4, 4]), [4_300, 1_200])
    )
    assert (data["rule"], data["limits_kg"]) == ("gross.sum_of_axles", [23_000, 23_000])


def test_single_tyres_take_three_tonnes_an_axle():
    known = {"single_tyres": True, "wide_tyres": False, "single_drive_axle": False, "air_suspension": False}
    _, data = told(CN.assuming(known), semi(40_500))
    assert (data["rule"], data["limits_kg"]) == ("gross.train_6", [40_000, 40_000])
    decision, _ = told(CN.assuming({**known, "wide_tyres": True}), semi(40_500))
    assert decision is Decision.LAWFUL
    with pytest.raises(ValueError, match="'colour' is no condition"):
        CN.assuming({"colour": True})


def test_distances_near_an_edge_leave_both_outcomes():
    row = share(24_500, [26, 37, 37]), [4_300, 1_310]
    assert told(CN, row)[0] is Decision.LAWFUL
    decision, data = told(CN, row, scale(spacing_mm=30))
    assert (decision, data["limits_kg"]) == (Decision.UNDECIDED, [23_000, 26_000])


def test_without_distances_every_split_of_a_train_is_tried():
    # Five axles: 42 t as a semitrailer behind two axles, 43 t else. No distances, so nobody knows.
    _, data = told(CN, (share(42_500, [15, 25, 20, 20, 20]), [0] * 4))
    assert (data["kind"], data["limits_kg"]) == ("unknown", [42_000, 43_000])
    assert told(CN, (share(43_001, [15, 25, 20, 20, 20]), [0] * 4))[0] is Decision.OVER
    # Single tyres on what is drawn: one to four axles of it.
    known = CN.assuming({"single_tyres": True, "wide_tyres": False, "single_drive_axle": False})
    _, data = told(known, (share(41_000, [12, 17, 17, 18, 18, 18]), [0] * 5))
    assert data["limits_kg"] == [37_000, 46_000]


def test_one_missing_distance_is_no_distance_of_nothing():
    loads = share(44_000, [12, 17, 17, 18, 18, 18])
    assert told(CN, (loads, [3_300, 1_350, 6_900, 1_350, 0]))[0] is Decision.LAWFUL
    assert told(EU, (share(39_000, [12, 17, 17, 18, 18, 18]), [3_300, 1_350, 6_900, 0, 1_350]))[0] is Decision.UNDECIDED


def test_one_missing_load_leaves_parts_unjudged():
    loads, gaps = semi(30_000)
    assert told(US, (loads, gaps))[0] is Decision.LAWFUL
    assert told(US, ([*loads[:-1], 0], gaps))[0] is Decision.UNDECIDED


# European Union, United States


@pytest.mark.parametrize(
    ("gap", "loads", "decision", "limits"),
    [
        (1_799, (9_000, 9_000), Decision.LAWFUL, None),
        (1_799, (9_000, 9_001), Decision.OVER, [18_000, 18_000]),
        (1_800, (10_000, 10_000), Decision.LAWFUL, None),
        (1_800, (9_000, 11_000), Decision.UNDECIDED, [10_000, 20_000]),
        (1_800, (9_000, 11_001), Decision.OVER, [10_000, 20_000]),
        (3_000, (9_000, 11_000), Decision.UNDECIDED, [10_000, 20_000]),
    ],
)
def test_a_wide_tandem_of_a_trailer_is_one_of_20_t_or_two_of_10_t(gap, loads, decision, limits):
    found, data = told(EU, ([6_000, 9_000, *loads], [3_700, 6_400, gap]))
    assert found is decision
    assert limits is None or [one["limit_kg"] for one in data["outcomes"]] == limits


def test_what_is_known_of_a_wide_tandem_decides():
    row = ([6_000, 9_000, 9_000, 11_000], [3_700, 6_400, 1_900])
    assert told(EU.assuming({"joined_axles": True}), row)[0] is Decision.LAWFUL
    _, data = told(EU.assuming({"joined_axles": False}), row)
    assert (data["rule"], data["limits_kg"]) == ("axle.single", [10_000, 10_000])
    # Three of them are none of it, nor are axles of a full trailer.
    three = ([6_000, 9_000, 5_000, 5_000, 11_000], [3_700, 6_400, 1_900, 1_900])
    assert told(EU.assuming({"joined_axles": True}), three)[0] is Decision.OVER
    far = ([6_000, 9_000, 9_000, 10_500], [3_700, 4_400, 5_000])
    assert told(EU.assuming({"joined_axles": True}), far)[0] is Decision.OVER


def test_all_wide_pairs_of_a_train_are_joined_or_none():
    # Joined: 200 and 150 kg too much; not joined: 100 and 1,150. Nobody has the better of both.
    row = ([6_000, 8_000, 8_000, 10_100, 10_100, 9_000, 11_150], [3_300, 1_350, 6_000, 1_900, 4_000, 1_900])
    batch = laws.full.replace(passes([row]), gross_kg=np.array([40_000], np.int32))
    full = judge(EU, batch, scale()).full
    assert (full.lenient[0, MARGIN], full.strict[0, MARGIN]) == (-200, -1_150)


def test_44_t_are_for_articulated_vehicles():
    whole = EU.assuming({"combined_transport": True, "air_suspension": True, "joined_axles": True})
    assert told(whole, (share(44_000, [7, 9, 9, 6, 6, 6]), SEMI))[0] is Decision.LAWFUL
    seven = (share(42_000, [6, 6, 6, 6, 6, 6, 6]), [3_300, 1_350, 6_000, 1_350, 1_350, 1_350])
    assert told(EU, seven)[0] is Decision.UNDECIDED
    _, data = told(whole, (share(40_001, [7, 9, 9, 7, 8]), [3_300, 1_350, 5_000, 5_000]))
    assert (data["kind"], data["rule"], data["limit_kg"]) == ("train_3_2_full", "gross.train_5", 40_000)


@pytest.mark.parametrize(
    ("row", "rule", "limit", "part"),
    [
        ((share(40_000, [16, 31, 17, 18, 18]), [3_700, 5_500, 1_310, 1_310]), "axle.drive", 11_500, (2, 1)),
        ((share(39_900, [6, 7, 9, 9, 9]), [3_700, 5_500, 1_310, 1_310]), "tridem.1400", 24_000, (3, 3)),
        ((share(18_500, [7, 11]), [5_000]), "gross.motor_2", 18_000, (1, 2)),
    ],
)
def test_the_directive(row, rule, limit, part):
    _, data = told(EU, row)
    binding = data["outcomes"][1]
    assert (binding["rule"], binding["limit_kg"], (binding["first_axle"], binding["axles"])) == (rule, limit, part)


def feet(*gaps):
    return [round(gap * FT) for gap in gaps]


def kilos(*pounds):
    return [int(pound * LB) for pound in pounds]


@pytest.mark.parametrize(
    ("pounds", "gaps", "decision", "rule"),
    [
        ((12_000, 17_000, 17_000, 17_000, 17_000), (11, 4, 32, 4), Decision.LAWFUL, None),
        ((12_000, 17_100, 17_000, 16_900, 16_900), (11, 4, 32, 4), Decision.OVER, "tandem"),
        ((12_000, 17_000, 17_000, 17_000, 17_200), (11, 4, 32, 4), Decision.OVER, "gross"),
        ((20_100, 10_000), (12,), Decision.OVER, "single"),
        ((12_000, 17_000, 17_000, 17_000, 17_000), (11, 4, 26, 4), Decision.OVER, "bridge"),
        ((12_000, 17_000, 17_000, 17_000, 17_000), (17, 4, 28, 4), Decision.LAWFUL, None),
    ],
)
def test_the_bridge_formula_on_whole_trucks(pounds, gaps, decision, rule):
    found, data = told(US, (kilos(*pounds), feet(*gaps)))
    assert found is decision
    assert rule is None or data["rule"] == rule
    if data:
        assert data["over_kg"] == -data["margin_kg"] == data["measured_kg"] - data["limit_kg"]


# kinds


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ((kilos(1_500, 1_500), feet(8.9)), "class_2"),
        ((kilos(2_500, 2_500), feet(12)), "class_3"),
        ((kilos(12_000, 20_000), feet(26)), "class_4"),
        ((kilos(6_000, 12_000), feet(14)), "class_5"),
        ((kilos(12_000, 16_000, 16_000), feet(14, 4.3)), "class_6"),
        ((kilos(12_000, 12_000, 16_000, 16_000), feet(12, 4.3, 4.3)), "class_7"),
        ((kilos(10_000, 16_000, 12_000, 12_000), feet(12, 25, 4)), "class_8"),
        ((kilos(12_000, 17_000, 17_000, 17_000, 17_000), feet(14, 4.3, 32, 4)), "class_9"),
        ((kilos(12_000, 15_000, 15_000, 12_000, 12_000, 12_000), feet(14, 4.3, 32, 4, 4)), "class_10"),
        ((kilos(10_000, 17_000, 15_000, 15_000, 15_000), feet(12, 21, 9, 21)), "class_11"),
        ((kilos(10_000, 13_000, 13_000, 14_000, 14_000, 14_000), feet(14, 4.3, 20, 9, 20)), "class_12"),
        ((kilos(12_000, *[12_000] * 6), feet(14, 4.3, 20, 4, 10, 4)), "class_13"),
    ],
)
def test_the_thirteen_classes(row, kind):
    full = judge(US, passes([row])).full
    assert US.kinds.word(int(full.kinds.best[0])) == kind


def test_near_an_end_the_kind_is_less_sure_and_the_runner_up_is_told():
    rows = [(kilos(3_000, 3_000), feet(gap)) for gap in (8, 10.1, 13)]
    kinds = judge(US, passes(rows)).full.kinds
    assert [US.kinds.word(int(row)) for row in kinds.best] == ["class_2", "class_2", "class_3"]
    assert US.kinds.word(int(kinds.second[1])) == "class_3"
    assert kinds.confidence[0] > 95
    assert 40 <= kinds.confidence[1] <= 60


@pytest.mark.parametrize(
    ("law", "gaps", "groups"),
    [
        (CN, SEMI, [1, 2, 3]),
        (CN, [3_300, 1_799, 6_900, 1_800, 1_350], [1, 2, 1, 2]),
        (US, [3_300, 1_800, 6_900, 2_438, 1_350], [1, 2, 3]),
        (CN, [0, 0, 0, 0, 0], []),
    ],
)
def test_axle_groups_by_the_distance_of_the_law(law, gaps, groups):
    batch = passes([(semi(60_000)[0], gaps)])
    verdicts = judge(law, batch, scale())
    assert full_words(batch, law, verdicts, 0)["axle_groups"] == groups
    assert told(law, (semi(60_000)[0], gaps))[1]["axle_groups"] == groups


def test_cars_and_buses_are_not_judged_by_truck_limits():
    bus = (share(19_500, [36, 64]), [7_800])
    assert told(CN, bus) == (Decision.LAWFUL, None)
    # Between the longest truck and the shortest bus: cannot be told.
    decision, data = told(CN, (share(19_500, [36, 64]), [7_030]))
    assert decision is Decision.UNDECIDED
    assert {data["kind"], data["kind_runner_up"]} == {"truck_2", "bus_2"}
    assert data["kind_confidence"] < 90


def test_the_word_of_the_camera_counts_where_the_axles_allow_it():
    two = (share(19_000, [36, 64]), [5_900])
    assert told(CN, two)[0] is Decision.OVER
    assert told(CN, two, vehicle_class=("大型 客车",))[0] is Decision.LAWFUL
    assert told(CN, two, vehicle_class=("货车",))[0] is Decision.OVER
    assert told(CN, semi(52_000), vehicle_class=("Bus",))[0] is Decision.UNDECIDED


@pytest.mark.parametrize(("wheelbase", "kind"), [(7_030, "truck_2"), (7_100, "unknown"), (9_500, "unknown")])
def test_a_long_lorry_that_the_camera_sees_is_no_bus(wheelbase, kind):
    long = (share(19_500, [36, 64]), [wheelbase])
    assert told(CN, long, vehicle_class=("重型厢式 货车",))[0] is Decision.OVER
    _, data = told(CN, long, vehicle_class=("Box Truck",))
    assert (data["kind"], data["kind_runner_up"], data["limits_kg"]) == (kind, "bus_2", [18_000, 18_000])
    assert told(CN, long, vehicle_class=("?",))[0] is not Decision.OVER
    light = ([900, 900], [2_700])
    assert told(CN, light, vehicle_class=("轻型货车",)) == (Decision.LAWFUL, None)


def test_without_distances_only_the_gross_is_judged():
    assert told(CN, (semi(50_000)[0], [0] * 5))[0] is Decision.OVER
    assert told(CN, (semi(30_000)[0], [0] * 5))[0] is Decision.LAWFUL
    assert told(US, (semi(30_000)[0], [0] * 5))[0] is Decision.UNDECIDED


# versions


def test_the_version_in_force_at_the_instant_decides():
    first = laws.gross_law()
    text = """[[gross]]
id = "cn-gross"
version = 2
title = "t"
authority = "a"
instrument = "i"
valid_from = 2024-01-01T00:00:00+08:00
limits = [{ axles = 2, limit_kg = 19000, vehicle = "v", citation = "c" }]
"""
    (second,) = laws.parse(text, "x.toml")
    both = book([second, first])
    change = second.valid_from_ns
    batch = passes([(share(18_500, [1, 2]), [4_400], at) for at in (first.valid_from_ns - 1, change - 1, change)])
    verdicts = judge(both, batch)
    assert verdicts.decision.tolist() == [Decision.OVER, Decision.OVER, Decision.LAWFUL]
    assert [event.data["law"] for event in events(both, batch, verdicts)] == ["cn-gross@1"] * 2
    assert (both.ref, both.in_force(batch.at_ns).tolist()) == ("cn-gross", [False, True, True])
    # Named with its version, a law decides whatever the date.
    assert judge(first, batch).decision.tolist() == [Decision.OVER] * 3


def test_versions_of_full_laws_too():
    later = laws.full.replace(CN.assuming({"single_drive_axle": True}), version=2, valid_from_ns=AT)
    both = book([CN, later])
    batch = passes([(*semi(47_000), AT - 1), (*semi(47_000), AT), semi(45_000)])
    verdicts = judge(both, batch, scale())
    assert verdicts.decision.tolist() == [Decision.UNDECIDED, Decision.OVER, Decision.LAWFUL]
    assert [event.data["law"] for event in events(both, batch, verdicts, scale())] == ["cn-full@1", "cn-full@2"]


def test_a_later_version_comes_into_force_later():
    with pytest.raises(ConfigurationError, match="cn-full: a later version"):
        book([CN, laws.full.replace(CN, version=2)])


def test_versions_do_not_overlap():
    ended = laws.full.replace(CN, valid_to_ns=AT + 1)
    with pytest.raises(
        ConfigurationError, match=r"cn-full@1: its valid_to, 2023-11-14T22:13:20.000000001Z, lies behind"
    ):
        book([ended, laws.full.replace(CN, version=2, valid_from_ns=AT)])
    lapsed = book([laws.full.replace(CN, valid_to_ns=AT), laws.full.replace(CN, version=2, valid_from_ns=AT + DAY)])
    instants = np.array([AT - 1, AT, AT + DAY - 1, AT + DAY], np.int64)
    assert lapsed.in_force(instants).tolist() == [True, False, False, True]
    # What decides is the newest that has begun, even where it has ended before an older one.
    shorter = laws.full.replace(CN, version=2, valid_from_ns=AT, valid_to_ns=AT + DAY)
    assert book([CN, shorter]).in_force(instants).tolist() == [True, True, True, False]


def test_a_date_of_validity_holds_to_the_microsecond():
    text = GOOD.replace("2016-09-21T00:00:00+08:00", "2016-09-21T00:00:00.000001+08:00")
    assert laws.parse(text, "x.toml")[0].valid_from_ns - laws.parse(GOOD, "x.toml")[0].valid_from_ns == 1_000


# law files

GOOD = """[[full]]
id = "x-full"
version = 1
title = "t"
authority = "a"
instrument = "i"
valid_from = 2016-09-21T00:00:00+08:00
kinds = "layout"
group_upto_mm = 1800
judged = ["gross"]
capped_by_axles = false
conditions = [{ name = "wet", presumed = "unknown", meaning = "m", citation = "c" }]
gross = [{ rule = "g", axles = 2, needs = ["not wet"], limit_kg = 18000, citation = "c" }]
groups = [{ rule = "s", axles = 1, limit_kg = 9000, citation = "c" }]
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('kinds = "layout"', 'kinds = "laid"', "kinds"),
        ('presumed = "unknown"', 'presumed = "maybe"', "presumed"),
        ('needs = ["not wet"]', "needs = []", "no rule asks for the condition 'wet'"),
        ('rule = "s", ', 'rule = "s", needs = ["wet"], ', "both senses"),
        ('"not wet"', '"not wat"', "needs is 'wat'"),
        ('limit_kg = 18000, citation = "c"', 'limit_kg = 18000, citation = ""', "no citation"),
        ("limit_kg = 9000", "limit_kg = 9000.5", "limit_kg is 9000.5"),
        ("limit_kg = 9000", "limit = 9000", "unknown key 'limit'"),
        ('judged = ["gross"]', 'judged = ["grass"]', "judged is 'grass'"),
        ('rule = "s", ', 'rule = "s", place = ["roof"], ', "place is 'roof'"),
        ("groups = [", 'adjust = [{ rule = "a", per = "wheel", add_kg = 5, citation = "c" }]\ngroups = [', "per is"),
        (
            "groups = [",
            'adjust = [{ rule = "a", per = "vehicle", add_kg = -5, needs = ["not wet"], citation = "c" }]\ngroups = [',
            "taken off `unless`",
        ),
        ("group_upto_mm = 1800", "", "x-full@1: group_upto_mm is missing"),
        ("group_upto_mm = 1800", "group_upto_mm = 1800\npair_upto_mm = 1700", "pair_upto_mm is 1700"),
        ("capped_by_axles = false", 'capped_by_axles = "no"', "capped_by_axles is 'no'; it must be true or false"),
        ("axles = 2, needs", 'axles = 2, train = "no", needs', r"gross 1 \(g\): train is 'no'"),
        ("limit_kg = 18000", "limit_kg = 18000, limit_lb = 40000", r"gross 1 \(g\): both limit_kg and limit_lb"),
        ("groups = [", "groups = [5, ", "groups 1 is 5; a table of rule, axles"),
        ("gross = [", "gross = 18000 # [", "gross is 18000; write each entry under"),
        ('rule = "s"', 'rule = "g"', r"groups 1 \(g\): a second rule of that name"),
        ('judged = ["gross"]', 'judged = ["groups"]', "gross are given but not judged"),
        ('judged = ["gross"]', 'judged = ["gross", "runs"]', "judged names runs, of which there are none"),
        ('id = "x-full"', 'id = "X full"', "id is 'X full'; lower-case"),
        (
            "groups = [",
            'adjust = [{ rule = "a", per = "vehicle", add_kg = 5, axles = [2, 4], citation = "c" }]\ngroups = [',
            r"axles is \[2, 4\]; numbers that follow each other",
        ),
        (
            "groups = [",
            'runs = [{ rule = "r", axles = 1, over_in = 40, upto_mm = 900, limit_kg = 5, citation = "c" }]\ngroups = [',
            "from over 1016 mm up to 900 mm there is nothing",
        ),
        ("version = 1", "version = 1\nvalid_to = 2016-09-21T00:00:00+08:00", "valid_to is not behind valid_from"),
        ("+08:00", "", "valid_from is 2016-09-21T00:00:00; write an instant with its offset"),
        ('authority = "a"', "", "authority is missing"),
    ],
)
def test_a_full_law_with_a_mistake(old, new, word):
    assert laws.parse(GOOD, "x.toml")[0].ref == "x-full@1"
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=word):
        laws.parse(GOOD.replace(old, new), "x.toml")


def test_every_number_of_every_law_is_cited():
    for law in (CN, EU, US):
        assert len(law.rules) >= 5
        assert all(rule.citation.strip() for rule in law.rules)
        assert all(condition.citation.strip() for condition in law.conditions)


# how sure, and whether it may be enforced


@pytest.mark.parametrize(("allowance", "percent"), [(0, 50), (2.5, 15.9), (5, 2.3), (7.5, 0.13)])
def test_how_often_a_truck_at_its_limit_is_flagged(allowance, percent):
    flagged = probability_lawful(40_000, round(40_000 * (1 + allowance / 100)), 0.025)
    assert 100 * flagged == pytest.approx(percent, abs=0.05 if percent > 1 else 0.006)


def test_the_class_of_the_scale_says_how_sure_a_decision_is():
    # Class 5 of R 134 in service: 5 % at 95 %, so a standard deviation of 2.55 %; 10 % over are 3.92 of them.
    _, data = told(CN, semi(53_900))
    assert (data["over_kg"], data["over_reduced_kg"]) == (4_900, 2_450)
    assert data["probability_lawful"] == pytest.approx(0.000044, abs=1e-6)
    assert (data["enforceable"], data["blocked"], data["instrument"]) == (True, [], "r134 5")


@pytest.mark.parametrize(
    ("given", "columns", "gross", "blocked"),
    [
        ({"S/d1/l9": None}, {}, 54_000, [Blocked.NO_INSTRUMENT]),
        (scale(to_ns=AT), {}, 54_000, [Blocked.CERTIFICATE_EXPIRED]),
        (scale(from_ns=AT + 1), {}, 54_000, [Blocked.CERTIFICATE_NOT_YET_VALID]),
        (scale(), {}, 50_000, [Blocked.WITHIN_ALLOWANCE]),
        (
            scale(),
            {"status": np.array([ScaleStatus.CLOCK_UNSYNCHRONISED], np.uint32)},
            54_000,
            ["clock_unsynchronised"],
        ),
        (scale(), {"status": np.array([ScaleStatus.PLATE_COVERED], np.uint32)}, 54_000, []),
        (scale(), {"status": np.array([ScaleStatus.OVERRUN], np.uint32)}, 54_000, ["overrun"]),
    ],
)
def test_what_blocks_enforcement_does_not_change_the_decision(given, columns, gross, blocked):
    decision, data = told(CN, semi(gross), given, **columns)
    assert decision is Decision.OVER
    assert (data["blocked"], data["enforceable"]) == (blocked, not blocked)


@pytest.mark.parametrize(
    ("at_ns", "blocked"),
    [
        (AT - 1, ["certificate_not_yet_valid"]),
        (AT, []),
        (AT + DAY - 1, []),
        (AT + DAY, ["certificate_expired"]),
        (CN.valid_from_ns, ["certificate_not_yet_valid"]),
        (CN.valid_from_ns - 1, ["law_not_in_force", "certificate_not_yet_valid"]),
    ],
)
def test_certificate_and_law_hold_to_the_nanosecond(at_ns, blocked):
    decision, data = told(CN, (*semi(54_000), at_ns), scale(from_ns=AT, to_ns=AT + DAY))
    assert (decision, data["blocked"]) == (Decision.OVER, blocked)


def test_a_law_that_has_ended_is_not_enforced():
    ended = laws.full.replace(CN, valid_to_ns=AT)
    assert told(ended, (*semi(54_000), AT - 1))[1]["blocked"] == []
    assert told(ended, semi(54_000))[1]["blocked"] == ["law_not_in_force"]


@pytest.mark.parametrize(("ahead_s", "blocked"), [(5, []), (5.000000001, ["clock_unsynchronised"])])
def test_a_pass_later_than_its_own_arrival_comes_from_a_wrong_clock(ahead_s, blocked):
    arrived = np.array([AT - round(ahead_s * 10**9)], np.int64)
    batch = laws.full.replace(passes([semi(54_000)]), received_ns=arrived)
    (event,) = events(CN, batch, judge(CN, batch, scale()), scale())
    assert event.data["blocked"] == blocked


def test_a_new_certificate_changes_no_old_decision():
    (first,) = scale().values()
    (second,) = scale("2", from_ns=AT + DAY, to_ns=AT + 9 * DAY, allowance_ppm=20_000, spacing_mm=150).values()
    both = {"S/d1/l0": laws.full.replace(first, followed_by=second)}
    rows = [(*semi(50_500), at) for at in (AT - 2 * DAY, AT, AT + DAY - 1, AT + DAY, AT + 9 * DAY)]
    batch = passes(rows)
    found = [event.data for event in events(CN, batch, judge(CN, batch, both), both)]
    assert [(data["instrument"], data["over_reduced_kg"], data["blocked"]) for data in found] == [
        ("r134 5", 0, ["certificate_not_yet_valid", "within_allowance"]),
        ("r134 5", 0, ["within_allowance"]),
        ("r134 5", 0, ["within_allowance"]),
        ("r134 2", 520, []),
        ("r134 2", 520, ["certificate_expired"]),
    ]
    old = [event.to_json() for event in events(CN, batch, judge(CN, batch, scale()), scale())]
    new = [event.to_json() for event in events(CN, batch, judge(CN, batch, both), both)]
    assert new[:3] == old[:3]
    # The distance between axles may be off by more under the second one.
    near = passes([(share(24_500, [26, 37, 37]), [4_300, 1_310], at) for at in (AT, AT + DAY)])
    assert judge(CN, near, both).decision.tolist() == [Decision.LAWFUL, Decision.UNDECIDED]


def test_an_undecided_pass_is_not_enforceable():
    _, data = told(CN, semi(47_000))
    assert data["blocked"] == [Blocked.UNDECIDED, Blocked.WITHIN_ALLOWANCE]


def test_a_class_that_states_no_error_for_axles_says_nothing_of_them():
    row = (share(40_000, [16, 31, 17, 18, 18]), [3_700, 5_500, 1_310, 1_310])
    _, data = told(EU, row)
    assert (data["probability_lawful"], data["blocked"]) == (None, [Blocked.ERROR_NOT_STATED])
    _, data = told(EU, row, scale("B(10)", "cost323"))
    assert data["probability_lawful"] > 0


def test_an_axle_of_a_group_is_weighed_less_surely_than_a_single_one():
    # B(10): 15 % of a single axle, 20 % of one of a group, each at 95 %.
    alone, near = ([5_000, 12_400], [5_000]), ([7_000, 3_000, 12_400, 3_000], [4_000, 1_410, 1_410])
    for row, percent in ((alone, 15), (near, 20)):
        _, data = told(EU.assuming({"air_suspension": False}), row, scale("B(10)", "cost323"))
        limit = data["limit_kg"]
        assert (data["rule"], data["measured_kg"]) == ("axle.drive", 12_400)
        assert data["probability_lawful"] == probability_lawful(limit, 12_400, percent / 100 / 1.959963984540054)


def test_a_class_has_the_figures_that_it_is_accepted_by():
    named = {"r134": {}, "cost323": {}, "e1318": {}}
    for standard, found in named.items():
        found.update({one.name: one.tolerances for one in standards()[standard].classes})
    assert all(instruments.accuracy(standard, name) for standard, classes in named.items() for name in classes)
    for standard, classes in named.items():
        for name, given in classes.items():
            known = instruments.accuracy(standard, name)
            assert known.gross_percent == given["in_service" if standard == "r134" else "gross"]
            if known.group_percent is not None:
                assert (known.group_percent, known.axle_percent) == (given["group"], given["single_axle"])
                assert known.axle_of_group_percent == given["axle_of_group"]


def test_classes_of_scales():
    assert instruments.accuracy("jjg907", "5") == instruments.accuracy("r134", "5")
    with pytest.raises(ConfigurationError, match="e1318 III"):
        instruments.accuracy("r134", "7")


@pytest.mark.parametrize("law", [CN, EU, US], ids=lambda law: law.id)
def test_any_batching_gives_the_same_events(law):
    rows = [semi(45_000 + 700 * i) for i in range(8)] + [(share(19_000, [36, 64]), [5_900])] * 3
    batch = passes(rows)
    whole = [event.to_json() for event in events(law, batch, judge(law, batch, scale()), scale())]
    assert whole
    for size in (1, 3):
        parts = [e for part in batch.split(size) for e in events(law, part, judge(law, part, scale()), scale())]
        assert [event.to_json() for event in parts] == whole


# through the step and the configuration


CONFIG = """
law: cn-full
rules: {presume: {single_drive_axle: "no"}}
scales:
  - station: S
    direction: 1
    lane: 0
    instrument:
      standard: jjg907
      accuracy_class: "5"
      certified_from: 2023-01-01T00:00:00+08:00
      certified_to: 2024-01-01T00:00:00+08:00
      spacing_tolerance_mm: 20
"""


def test_a_configured_city_decides_with_what_it_knows():
    step = city_step(parse_settings(CONFIG, "city.yaml"))
    batch = passes([semi(48_000), semi(53_000), (*semi(53_000), AT + 60 * DAY)])
    _, found = step.step(State(), batch)
    over = [event.data for event in found if event.kind is EventKind.OVERLOADED]
    assert [(data["limits_kg"], data["enforceable"], data["blocked"]) for data in over] == [
        ([49_000, 49_000], True, []),
        ([49_000, 49_000], False, ["certificate_expired"]),
    ]
    assert over[0]["conditions"]["single_drive_axle"] == "no"
    assert over[0]["over_reduced_kg"] == 4_000 - 2_450
    alerts = [event.data["subject"] for event in found if event.kind is EventKind.ALERT_OPENED]
    assert [subject["rule"] for subject in alerts] == ["gross.train_6"] * 2


def test_a_scale_has_one_certificate_after_the_other():
    one = {"standard": "r134", "accuracy_class": "5"}
    dates = ["2023-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z", "2025-01-01T00:00:00Z"]
    given = [one | {"certified_from": a, "certified_to": b} for a, b in pairwise(dates)]
    scales = [{"station": "S", "direction": 1, "lane": 0, "instrument": given}]
    (found,) = instruments_of(parse_settings(json.dumps({"scales": scales}), "city.yaml")).values()
    assert found.certified_to_ns == found.followed_by.certified_from_ns == parse_instant(dates[1])
    given[1]["certified_from"] = "2024-01-01T00:00:00.4Z"
    with pytest.raises(ConfigurationError, match="begins before the one before it ends"):
        parse_settings(json.dumps({"scales": scales}), "city.yaml")
    scales[0]["instrument"] = None
    assert instruments_of(parse_settings(json.dumps({"scales": scales}), "city.yaml")) == {}


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"5"', '"7"', "class '7' of 'jjg907' is not known"),
        ("2024-01-01T00:00:00+08:00", "2022-01-01T00:00:00+08:00", "certified_to is not behind"),
        ("2024-01-01T00:00:00+08:00", "2024-01-01", "timezone"),
        ("jjg907", "gb1", "standard: Input should be 'r134'"),
    ],
)
def test_an_instrument_with_a_mistake(old, new, word):
    with pytest.raises(ConfigurationError, match=word):
        parse_settings(CONFIG.replace(old, new), "city.yaml")


def test_a_condition_that_the_law_has_not():
    with pytest.raises(ConfigurationError, match=r"rules\.presume: cn-full@1: 'colour' is no condition"):
        city_step(parse_settings(CONFIG.replace("single_drive_axle", "colour"), "city.yaml"))
    with pytest.raises(ConfigurationError, match="cn-gross@1 has no conditions"):
        city_step(parse_settings(CONFIG.replace("cn-full", "cn-gross"), "city.yaml"))


@pytest.mark.parametrize("law", ["cn-full", "eu-full", "us-full"])
def test_a_recording_is_decided_again_by_its_law(tmp_path, law):
    file, config = tmp_path / "x.mon", tmp_path / "city.yaml"
    write_mon(file, 3000, seed=5)
    config.write_text(CONFIG.replace('rules: {presume: {single_drive_axle: "no"}}\n', ""))
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    offline.replay_files(
        [file], law=law, config=config, summary=None, events=first, data_dir=tmp_path / "data", station="S",
        time_zone="UTC", fold="earlier",
    )  # fmt: skip
    offline.rerun_recording(
        tmp_path / "data", config=config, recording="latest", law=None, summary=None, events=second
    )  # fmt: skip
    assert first.read_bytes() == second.read_bytes()
    assert f'"law":"{law}@1"' in first.read_text()
