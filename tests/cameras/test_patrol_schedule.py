"""The schedule of the patrol: laws that hold for any fleet, and the promises one by one. Time is a number here."""

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citywatch.adapters.cameras.config import CameraClass, PatrolTerms
from citywatch.adapters.cameras.schedule import Found, Limit, Place, Scheduler
from citywatch.testing.patrol_simulation import Costs, Simulation, fleet

QUICK = Costs(cpu_s=0.02, answer_s=(0.02, 0.3))
STANDARD = Place("standard", 300.0)


def terms(**options):
    return PatrolTerms(**options)


def drive(scheduler, until_s, now_s=0.0, found=lambda camera, now_s: Found.ANSWERED, took_s=0.0):
    """Visit as the schedule says; [(when, camera)]. A visit ends `took_s` after it began, before any other begins."""
    visits = []
    while True:
        while now_s <= until_s and (turn := scheduler.next(now_s)) is not None:
            visits.append((now_s, turn.camera))
            now_s += took_s
            scheduler.done(turn, found(turn.camera, now_s), now_s)
        wake_s = scheduler.wake_s(now_s)
        if wake_s is None or max(wake_s, now_s) > until_s:
            return visits
        now_s = wake_s


def times(visits, camera):
    return [at for at, name in visits if name == camera]


fleets = st.lists(
    st.tuples(
        st.sampled_from(["standard", "gate"]),
        st.integers(0, 3),  # site
        st.integers(0, 3),  # subnet
        st.integers(1, 6),  # host
        st.booleans(),  # goes away
    ),
    min_size=1,
    max_size=40,
)


def places(drawn):
    targets = {"standard": 60.0, "gate": 20.0}
    return {
        f"c{number}": Place(
            kind,
            targets[kind],
            site=f"s{site}" if site else "",
            parent=f"c{site}" if site != number else "",
            host=f"10.0.{subnet}.{host}",
        )
        for number, (kind, site, subnet, host, _) in enumerate(drawn)
    }


CLASSES = {"standard": CameraClass(freshness_seconds=60), "gate": CameraClass(freshness_seconds=20)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=fleets,
    seed=st.integers(0, 100),
    site=st.integers(1, 3),
    subnet=st.integers(1, 3),
    host=st.integers(1, 2),
    slots=st.integers(1, 8),
    rate=st.sampled_from([0.5, 2.0, 50.0]),
)
def test_no_limit_is_broken_and_nobody_is_forgotten(drawn, seed, site, subnet, host, slots, rate):
    """Any fleet, any limits, a part of it away for a while: limits hold, and everybody stands in some queue."""
    away = {f"c{number}" for number, row in enumerate(drawn) if row[-1]}
    simulation = Simulation(
        places(drawn),
        terms(
            classes=CLASSES,
            visits_in_flight=slots,
            failing_in_flight=slots,
            site_in_flight=site,
            subnet_in_flight=subnet,
            host_in_flight=host,
            site_visits_per_second=rate,
            subnet_visits_per_second=rate,
            failing_seconds_max=40,
        ),
        QUICK,
        seed=seed,
        away=lambda camera, at_s: 60 <= at_s < 150 and camera in away,
        keep_looks=True,
    )
    course = simulation.run(600)
    assert course.broken == {}
    assert all(waits for _, waits in simulation.scheduler.waiting())
    for camera in simulation.course.looks:
        looks = course.looks[camera]
        gaps = [after - before for before, after in zip(looks, [*looks[1:], 600.0], strict=True)]
        # The scarcest case: 40 cameras behind one limit of a visit every two seconds, some of them hurried.
        assert max(gaps) < 300, camera
    assert len(course.looks) == len(drawn)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=fleets, seed=st.integers(0, 100))
def test_every_target_is_met_where_capacity_suffices(drawn, seed):
    simulation = Simulation(places(drawn), terms(classes=CLASSES), QUICK, seed=seed)
    course = simulation.run(400, sample_every_s=1.0)
    for sample in course.samples[90:]:
        for ages in sample.ages.values():
            assert ages.over_target == 0, (sample.at_s, ages)
        assert sample.stretch == pytest.approx(1.0, abs=0.02)


def test_visits_are_spread_evenly_from_the_first_second_on():
    """No herd: in each second of the first and of any later round about as many visits as in any other."""
    simulation = Simulation(fleet(1500), terms(), QUICK, seed=3)
    course = simulation.run(320, sample_every_s=1.0)
    demand = simulation.scheduler.snapshot(320.0).demand_per_s
    assert demand > 5
    for sample in course.samples:
        assert abs(sample.visits - demand) < 0.6 * demand + 2, sample.at_s
    assert course.broken == {}


def test_a_small_fleet_is_seen_at_once():
    scheduler = Scheduler(terms())
    scheduler.start({f"c{n}": STANDARD for n in range(20)}, 100.0)
    visits = drive(scheduler, 103.0, now_s=100.0)
    assert len({camera for _, camera in visits}) == 20
    seconds = [int(at) for at, _ in visits]
    assert max(seconds.count(second) for second in seconds) <= 12


def test_distances_are_the_target_s_or_the_camera_s_own():
    scheduler = Scheduler(terms())
    scheduler.start({"own": Place("standard", 300.0, every_s=7.0), "gate": Place("gate", 60.0)}, 0.0)
    visits = drive(scheduler, 1000.0)
    assert {round(b - a, 6) for a, b in zip(times(visits, "own"), times(visits, "own")[1:], strict=False)} == {7.0}
    gate = times(visits, "gate")
    assert {round(b - a, 6) for a, b in itertools.pairwise(gate[1:])} == {54.0}


@pytest.mark.parametrize("many", [1, 40])
def test_a_new_camera_is_visited_within_five_seconds(many):
    scheduler = Scheduler(terms())
    scheduler.start({f"c{n}": STANDARD for n in range(3000)}, 0.0)
    drive(scheduler, 500.0)
    for number in range(many):
        scheduler.put(f"new{number}", STANDARD, 500.0)
    visits = drive(scheduler, 505.0, now_s=500.0)
    assert {camera for _, camera in visits} >= {f"new{number}" for number in range(many)}


def test_thousands_of_new_cameras_make_no_herd():
    scheduler = Scheduler(terms())
    scheduler.start({}, 0.0)
    for number in range(3000):
        scheduler.put(f"new{number}", STANDARD, 0.0)
    visits = drive(scheduler, 300.0)
    seconds = [int(at) for at, _ in visits]
    assert max(seconds.count(second) for second in set(seconds)) <= 3000 / 270 + 10 + 4
    assert len({camera for _, camera in visits}) == 3000


def test_suspects_are_visited_sooner_for_a_while():
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    drive(scheduler, 100.0)
    scheduler.suspect("c", "frozen", 100.0)
    scheduler.suspect("c", "frozen", 101.0)  # told twice: nothing new
    looks = times(drive(scheduler, 5000.0, now_s=100.0), "c")
    assert looks[:3] == [110.0, 125.0, 147.5]
    soon = [at for at, before in zip(looks, [100.0, *looks], strict=False) if at - before < 260]
    assert 8 <= len(soon) <= 11  # those of the series and the places among them
    assert {round(b - a, 6) for a, b in zip(looks[-8:], looks[-7:], strict=False)} == {270.0}


def test_a_suspicion_may_name_its_distance_and_the_shorter_one_counts():
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    drive(scheduler, 100.0)
    scheduler.suspect("c", "snow", 100.0, 30.0)
    scheduler.suspect("c", "moved", 101.0, 210.0)
    assert times(drive(scheduler, 200.0, now_s=101.0), "c") == [130.0, 160.0, 190.0]
    scheduler.suspect("c", "black", 200.0, 0.0)
    assert times(drive(scheduler, 220.0, now_s=200.0), "c") == [210.0, 220.0]


def test_looks_at_a_suspect_span_the_time_that_its_rule_asks_for():
    """Three looks in 420 s: the place that would come in between is left out."""
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    drive(scheduler, 270.0)
    scheduler.suspect("c", "covered", 271.0, 210.0)
    assert times(drive(scheduler, 800.0, now_s=271.0), "c")[:2] == [481.0, 691.0]


def test_a_look_that_would_come_too_soon_to_confirm_is_left_out():
    """Suspected just after its visit, before the next place is due; places begin again when it is settled."""
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    (before,) = times(drive(scheduler, 271.0), "c")[-1:]
    scheduler.suspect("c", "covered", before + 1.0, 420.0)
    assert times(drive(scheduler, before + 860.0, now_s=before + 1.0), "c") == [before + 421.0, before + 841.0]
    scheduler.settle("c", "covered")
    (after,) = times(drive(scheduler, before + 1100.0, now_s=before + 860.0), "c")
    assert after < before + 841.0 + 270.0


def test_cameras_that_are_looked_at_often_keep_their_places_under_suspicion():
    scheduler = Scheduler(terms())
    scheduler.start({"c": Place("gate", 60.0)}, 0.0)
    drive(scheduler, 100.0)
    scheduler.suspect("c", "covered", 100.0, 420.0)
    looks = times(drive(scheduler, 600.0, now_s=100.0), "c")
    assert max(after - before for before, after in itertools.pairwise(looks)) <= 54.0


def test_a_suspicion_that_is_settled_ends_the_series_but_not_that_of_another():
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    drive(scheduler, 100.0)
    scheduler.suspect("c", "frozen", 100.0)
    scheduler.suspect("c", "moved", 100.0)
    scheduler.settle("c", "frozen")
    assert scheduler.snapshot(100.0).suspects == 1
    assert times(drive(scheduler, 111.0, now_s=100.0), "c") == [110.0]
    scheduler.settle("c", "moved")
    assert times(drive(scheduler, 269.0, now_s=111.0), "c") == [125.0]  # it stood there already
    scheduler.settle("c", "snow")
    scheduler.settle("nobody", "snow")
    scheduler.suspect("nobody", "snow", 300.0)


def test_a_camera_that_does_not_answer_is_asked_soon_then_seldom_and_never_beyond_the_cap():
    scheduler = Scheduler(terms(failing_seconds_max=400))
    scheduler.start({"c": STANDARD}, 0.0)
    looks = times(drive(scheduler, 10_000.0, found=lambda *_: Found.FAILED), "c")
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert gaps[0] <= 10
    assert gaps[1] <= 20
    assert gaps[2] <= 40
    assert max(gaps) <= 400
    assert min(gaps[6:]) >= 320
    assert len(set(gaps)) == len(gaps)  # jitter


def test_jitter_is_the_camera_s_own_and_the_same_every_time():
    def looks():
        scheduler = Scheduler(terms())
        scheduler.start({"a": STANDARD, "b": STANDARD}, 0.0)
        return drive(scheduler, 2000.0, found=lambda *_: Found.FAILED)

    assert looks() == looks()
    assert [round(at, 3) for at in times(looks(), "a")][1:] != [round(at, 3) for at in times(looks(), "b")][1:]


def test_who_refuses_us_is_not_knocked_at():
    """Many cameras lock out who tries a wrong password five times."""
    scheduler = Scheduler(terms())
    scheduler.start({"c": Place("gate", 60.0)}, 0.0)
    looks = times(drive(scheduler, 1800.0, found=lambda *_: Found.REFUSED), "c")
    assert 50 < looks[1] - looks[0] <= 75  # once more, to be sure of it
    assert all(after - before > 230 for before, after in itertools.pairwise(looks[1:]))


def test_who_answers_again_is_looked_at_again_soon():
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    looks = times(drive(scheduler, 2000.0, found=lambda _, at: Found.FAILED if at < 500 else Found.ANSWERED), "c")
    back = next(number for number, at in enumerate(looks) if at >= 500)
    assert looks[back + 1] - looks[back] <= 10
    assert looks[back + 2] - looks[back + 1] <= 15


def test_a_repair_is_verified_soon():
    scheduler = Scheduler(terms(verify_visits=3))
    scheduler.start({"c": STANDARD, "dead": STANDARD}, 0.0)
    found = lambda camera, _: Found.FAILED if camera == "dead" else Found.ANSWERED  # noqa: E731
    drive(scheduler, 1300.0, found=found)
    scheduler.verify("c", 1300.0)
    scheduler.verify("dead", 1300.0)
    scheduler.verify("nobody", 1300.0)
    visits = drive(scheduler, 1600.0, now_s=1300.0, found=found)
    assert len(times(visits, "c")) >= 3
    assert times(visits, "c")[0] <= 1360.0
    assert times(visits, "dead")[0] <= 1360.0


def test_a_visit_that_says_nothing_changes_nothing():
    scheduler = Scheduler(terms())
    scheduler.start({"c": STANDARD}, 0.0)
    looks = times(drive(scheduler, 1000.0, found=lambda *_: Found.UNKNOWN), "c")
    assert looks == [0.0, 270.0, 540.0, 810.0]
    assert scheduler.snapshot(1000.0).ages[0].max_s == 1000.0  # nothing has been seen of it


def switch(children=20, **options):
    scheduler = Scheduler(terms(**options))
    scheduler.start(
        {"switch": STANDARD} | {f"c{n}": Place("standard", 300.0, parent="switch") for n in range(children)}, 0.0
    )
    return scheduler


def test_the_first_unreachable_child_makes_the_patrol_ask_parent_and_siblings_at_once():
    scheduler = switch()
    drive(scheduler, 300.0)
    visits = drive(scheduler, 320.0, now_s=300.0, found=lambda *_: Found.FAILED)
    first = visits[0][0]
    asked = {camera for at, camera in visits if at == first}
    assert len(asked) >= 20  # one of 21 may just have been asked
    alone = drive(switch(), 320.0)
    assert len({at for at, _ in alone if at > 300}) > 0


def test_the_questions_to_one_family_are_bounded():
    scheduler = switch(children=400, family_asked=10)
    drive(scheduler, 300.0)
    visits = drive(scheduler, 303.0, now_s=300.0, found=lambda *_: Found.FAILED)
    assert len(visits) <= 10 + 3 * 2 + 1


def test_when_the_parent_falls_away_its_children_are_asked():
    scheduler = switch()
    drive(scheduler, 1000.0)
    found = lambda camera, _: Found.FAILED if camera == "switch" else Found.ANSWERED  # noqa: E731
    visits = drive(scheduler, 1300.0, now_s=1000.0, found=found)
    fell = times(visits, "switch")[0]
    assert len({camera for at, camera in visits if at == fell}) >= 20


def test_who_comes_back_makes_the_others_be_asked_one_after_the_other():
    scheduler = switch()
    drive(scheduler, 3000.0, found=lambda *_: Found.FAILED)
    visits = drive(scheduler, 3400.0, now_s=3000.0)
    first = visits[0][0]
    assert len({camera for at, camera in visits if at <= first + 5}) == 21
    assert len([1 for at, _ in visits if at == first]) <= 2


def test_questions_from_outside():
    scheduler = switch()
    drive(scheduler, 100.0)
    assert scheduler.ask_now(["c3", "c4", "nobody"], 100.0) == 2
    assert scheduler.ask_now(["c3", "c4"], 100.0) == 0  # they are waiting for it
    assert {camera for _, camera in drive(scheduler, 100.0, now_s=100.0)} == {"c3", "c4"}
    assert scheduler.ask_now(["c3"], 100.5) == 0  # just asked


def test_failing_cameras_take_no_place_from_the_others():
    """As many that never answer as may be in flight, each for five seconds: the rest keeps its target."""
    simulation = Simulation(
        fleet(400, gates=0, recorders=0),
        terms(failing_in_flight=4),
        QUICK,
        seed=1,
        away=lambda camera, _: camera.startswith("camera") and int(camera[7:]) % 2 == 0,
    )
    course = simulation.run(1500, sample_every_s=50.0)
    assert all(sample.ages["standard"].over_target == 0 for sample in course.samples[14:])
    assert course.samples[-1].failing == 200


def test_overload_stretches_everybody_by_the_same_factor_and_is_told():
    """A machine that can do half of what the targets ask for."""
    scheduler = Scheduler(terms())
    kinds = {"gate": 60.0, "standard": 300.0}
    names = [f"gate{n}" for n in range(20)] + [f"standard{n}" for n in range(200)]
    scheduler.start({name: Place(name.rstrip("0123456789"), kinds[name.rstrip("0123456789")]) for name in names}, 0.0)
    demand = scheduler.snapshot(0.0).demand_per_s
    visits = drive(scheduler, 4000.0, took_s=2 / demand)
    assert scheduler.snapshot(4000.0).stretch == pytest.approx(2.0, rel=0.1)
    for name in names:
        looks = [at for at in times(visits, name) if at > 1000]
        mean = (looks[-1] - looks[0]) / (len(looks) - 1)
        assert mean == pytest.approx(2 * 0.9 * kinds[name.rstrip("0123456789")], rel=0.05), name
    # It is over when it is over: nothing to catch up.
    after = drive(scheduler, 5000.0, now_s=4000.0)
    assert len(after) == pytest.approx(1000 * demand, rel=0.05)
    assert scheduler.snapshot(5000.0).stretch == pytest.approx(1.0, abs=0.01)


def test_a_standstill_leaves_no_herd_behind():
    scheduler = Scheduler(terms())
    scheduler.start({f"c{n}": STANDARD for n in range(3000)}, 0.0)
    drive(scheduler, 400.0)
    visits = drive(scheduler, 1500.0, now_s=1000.0)  # ten minutes in which nothing could begin
    seconds = [int(at) for at, _ in visits]
    assert max(seconds.count(second) for second in set(seconds)) <= 3000 / 270 + 10


def test_a_limit_that_is_full_delays_only_its_own():
    scheduler = Scheduler(terms(site_in_flight=1))
    scheduler.start({f"c{n}": Place("standard", 300.0, site="slow") for n in range(5)} | {"free": STANDARD}, 0.0)
    begun = [scheduler.next(10.0), scheduler.next(10.0), scheduler.next(10.0)]
    assert {turn.camera == "free" for turn in begun[:2]} == {True, False}
    assert begun[2] is None
    assert scheduler.snapshot(10.0).held_back == {Limit.SITE: 4, Limit.SUBNET: 0, Limit.HOST: 0}
    slow = next(turn for turn in begun[:2] if turn.camera != "free")
    scheduler.done(slow, Found.ANSWERED, 11.0)
    following = scheduler.next(11.0)
    assert following is not None
    assert following.camera not in (slow.camera, "free")


def test_ourselves_are_not_limited_and_neither_are_files():
    scheduler = Scheduler(terms(subnet_in_flight=1, host_in_flight=1))
    hosts = ["127.0.0.1", "localhost", "::1", ""]
    scheduler.start({f"{host}{n}": Place("standard", 300.0, host=host) for host in hosts for n in range(5)}, 0.0)
    assert sum(scheduler.next(10.0) is not None for _ in range(20)) == 20


@pytest.mark.parametrize(
    "hosts", [("nvr.example", "NVR.example"), ("10.1.2.3", "10.1.2.3"), ("2001:db8::1", "2001:db8:0::1")]
)
def test_channels_of_one_address_share_its_limit(hosts):
    scheduler = Scheduler(terms(host_in_flight=1))
    scheduler.start({f"c{n}": Place("standard", 300.0, host=host) for n, host in enumerate(hosts)}, 0.0)
    assert [scheduler.next(10.0) is not None for _ in hosts] == [True, False]


def test_a_camera_that_changes_or_goes_during_its_visit():
    scheduler = Scheduler(terms(host_in_flight=1))
    scheduler.start({"c": Place("standard", 300.0, host="10.0.0.1")}, 0.0)
    turn = scheduler.next(0.0)
    scheduler.put("c", Place("gate", 60.0, host="10.0.0.2"), 1.0)
    assert scheduler.next(1.0) is None  # its visit is not over
    scheduler.done(turn, Found.FAILED, 2.0)
    again = scheduler.next(2.0)
    assert again is not None
    assert scheduler.snapshot(2.0).failing == 0
    scheduler.remove("c", 3.0)
    scheduler.remove("c", 3.0)
    assert "c" not in scheduler
    assert len(scheduler) == 0
    scheduler.put("c", Place("gate", 60.0, host="10.0.0.2"), 3.5)
    assert scheduler.next(3.5) is None  # the address is still being visited
    scheduler.done(again, Found.ANSWERED, 4.0)
    assert scheduler.next(4.0).camera == "c"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "remove", "suspect", "settle", "verify", "ask", "wait", "fail"]), st.integers(0, 7)
        )
    )
)
def test_whatever_is_told_everybody_stays_in_some_queue(told):
    scheduler = Scheduler(terms(site_in_flight=1, visits_in_flight=2, failing_in_flight=1))
    scheduler.start({}, 0.0)
    now_s, flying = 0.0, []
    for word, number in told:
        name = f"c{number}"
        if word == "put":
            scheduler.put(name, Place("standard", 300.0, site=f"s{number % 2}", parent=f"c{number // 2}"), now_s)
        elif word == "remove":
            scheduler.remove(name, now_s)
        elif word == "suspect":
            scheduler.suspect(name, "frozen", now_s)
        elif word == "settle":
            scheduler.settle(name, "frozen")
        elif word == "verify":
            scheduler.verify(name, now_s)
        elif word == "ask":
            scheduler.ask_now([name], now_s)
        else:
            now_s += number
            while (turn := scheduler.next(now_s)) is not None:
                flying.append(turn)
            if flying:
                scheduler.done(flying.pop(0), Found.FAILED if word == "fail" else Found.ANSWERED, now_s)
        assert all(waits for _, waits in scheduler.waiting())
    for turn in flying:
        scheduler.done(turn, Found.ANSWERED, now_s)
    visited = {camera for _, camera in drive(scheduler, now_s + 700, now_s=now_s)}
    assert visited == {name for name, _ in scheduler.waiting()}
    assert not any(math.isnan(ages.max_s) for ages in scheduler.snapshot(now_s).ages if ages.cameras)


def test_half_of_a_fleet_vanishes_and_comes_back():
    """The short form of the benchmark: the real scheduler, a manual clock, a seed."""
    half = lambda camera, at_s: 400 <= at_s < 900 and camera.startswith("camera") and int(camera[7:]) % 96 < 48  # noqa: E731
    simulation = Simulation(fleet(600), terms(), QUICK, seed=5, away=half)
    course = simulation.run(1300)
    assert course.broken == {}
    assert len(course.found_away_s) == len(course.found_back_s) == 312
    assert max(course.found_away_s.values()) < 400 + 300
    assert max(course.found_back_s.values()) < 900 + 300 + 10  # the stated cap, and the visit itself
    for sample in course.samples[31:]:
        for ages in sample.ages.values():  # of those that answer; one whose time-out is running counts among them
            assert ages.max_s < ages.target_s + simulation.costs.timeout_s, sample.at_s
