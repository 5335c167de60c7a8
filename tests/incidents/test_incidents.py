"""One cause above many devices: one incident, one alert, one ticket."""

from __future__ import annotations

import pytest
from incident_kit import Town, at, cleared, confirmed, look, placed

from citywatch.domain.commands import Verb
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Outcome
from citywatch.testing import rows as city

ALERT, TICKET = EventKind.ALERT_OPENED, EventKind.TICKET_FILED
CAMERAS = [f"cam-{n}" for n in range(5)]


def switch(cameras=CAMERAS, parent="sw"):
    return [placed(parent, kind="switch"), *(placed(camera, parent) for camera in cameras)]


def gone(devices, second):
    return [confirmed(device, second + 0.01 * n) for n, device in enumerate(devices)]


def back(devices, second):
    return [cleared(device, second + 0.01 * n) for n, device in enumerate(devices)]


def seconds(events):
    return [round((event.at_ns - at(0)) / 1e9, 2) for event in events]


def test_a_dead_switch_is_one_alert_and_one_ticket():
    town = Town().live([*switch(), *gone(CAMERAS, 20), *gone(["sw"], 20.5)], 60)
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert (opened.device, opened.data["reason"], opened.data["below"]) == ("sw", "parent_unreachable", 5)
    assert {child["device"] for child in opened.data["children"]} == {"sw", *CAMERAS}
    assert opened.data["first_bad_ns"] == at(18)
    (alert,), (ticket,) = town.of(ALERT), town.of(TICKET)
    assert (alert.device, alert.data["kind"], alert.data["severity"]) == ("sw", "incident", "critical")
    assert (ticket.device, ticket.data["fault"], ticket.data["reason"]) == ("sw", "unreachable", "parent_unreachable")
    assert alert.cause == ticket.cause == opened.data["incident"]
    assert town.of(EventKind.FAULT_RELEASED) == []


def test_looks_at_the_switch_and_its_cameras_tell_of_it_all():
    """From rows of visits: a switch that is reached and nothing more is up; its fall and return are judged."""
    devices = ["sw", *CAMERAS]
    there = {"sw": Outcome.REACHED}
    looks = [look(device, second, there.get(device, Outcome.PICTURE)) for second in (1, 2, 3) for device in devices]
    looks += [look(device, 20 + second, Outcome.UNREACHABLE) for second in range(6) for device in devices]
    town = Town().live([*switch(), *looks], 40)
    states = [(event.device, event.data["state"]) for event in town.of(EventKind.DEVICE_STATE)]
    assert {device for device, state in states if state == "up"} == set(devices)
    assert {device for device, state in states if state == "down"} == set(devices), "told at once, not after the wait"
    assert {event.device for event in town.of(ALERT, TICKET)} == {"sw"}
    for second in range(40, 60):
        town.live([look(device, second, there.get(device, Outcome.PICTURE)) for device in devices], 0)
    town.live([city.tick(at(70)), city.tick(at(71))], 0)
    assert [event.data["reason"] for event in town.of(EventKind.INCIDENT_CLOSED)] == ["restored"]
    assert town.of(EventKind.FAULT_RELEASED) == []


def test_most_children_vanishing_is_an_incident_of_a_parent_that_nobody_visits():
    town = Town().live([*switch(parent="box"), *gone(CAMERAS[:3], 20)], 60)
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert (opened.device, opened.data["reason"]) == ("box", "children_vanished")
    assert {child["device"] for child in opened.data["children"]} == set(CAMERAS[:3])
    assert len(town.of(ALERT)) == len(town.of(TICKET)) == 1


def test_children_that_vanish_one_by_one_over_a_long_time_have_their_own_faults():
    town = Town().live([*switch(), *(confirmed(camera, 20 + 61 * n) for n, camera in enumerate(CAMERAS))], 400)
    assert town.of(EventKind.INCIDENT_OPENED) == []
    assert [event.device for event in town.of(TICKET)] == CAMERAS


def test_a_lone_child_waits_and_is_then_told_for_itself():
    town = Town().live([*switch(), *gone(CAMERAS[:2], 20)], 60)
    assert town.of(EventKind.INCIDENT_OPENED) == []
    released = town.of(EventKind.FAULT_RELEASED)
    assert [(event.device, event.data["why"]) for event in released] == [("cam-0", "alone"), ("cam-1", "alone")]
    assert [event.data["reason"] for event in released] == ["timed_out", "timed_out"]
    assert seconds(released) == seconds(town.of(ALERT)) == seconds(town.of(TICKET)) == [30, 30]
    assert {event.cause for event in town.of(ALERT)} == {event.cause for event in town.of(EventKind.FAULT_CONFIRMED)}


def test_a_child_that_comes_back_while_it_waits_is_told_to_nobody():
    town = Town().live([*switch(), *gone(CAMERAS[:1], 20), *back(CAMERAS[:1], 29.5)], 60)
    assert town.of(ALERT, TICKET, EventKind.FAULT_RELEASED, EventKind.INCIDENT_OPENED) == []


def test_what_hangs_on_nothing_is_told_at_once_as_ever():
    town = Town().live([placed("lone"), confirmed("lone", 20), confirmed("nobody-named", 20)], 40)
    assert seconds(town.of(ALERT, TICKET)) == [20, 20, 20, 20]
    assert town.of(EventKind.FAULT_RELEASED) == []


@pytest.mark.parametrize("fault", ["black", "covered", "frozen", "clock_wrong"])
def test_faults_that_no_switch_explains_do_not_wait(fault):
    town = Town().live([*switch(), *(confirmed(camera, 20, fault) for camera in CAMERAS)], 40)
    assert seconds(town.of(ALERT)) == [20] * 5
    assert town.of(EventKind.INCIDENT_OPENED) == []


def test_a_switch_without_children_has_a_fault_like_any_device():
    town = Town().live([placed("sw", kind="switch"), *gone(["sw"], 20)], 40)
    assert town.of(EventKind.INCIDENT_OPENED) == []
    assert [event.data["kind"] for event in town.of(ALERT)] == ["unreachable"]
    assert seconds(town.of(TICKET)) == [20]


def test_it_is_over_when_the_parent_and_most_children_are_back():
    rows = [*switch(), *gone(["sw", *CAMERAS], 20), *back(["sw"], 41), *back(CAMERAS[:2], 43), *back(CAMERAS[2:4], 45)]
    town = Town().live(rows, 100)
    (closed,) = town.of(EventKind.INCIDENT_CLOSED)
    assert (closed.data["reason"], seconds([closed]), closed.data["looks"]) == ("restored", [45], 2)
    (resolved,) = town.of(EventKind.ALERT_RESOLVED)
    assert (resolved.cause, resolved.data["reason"]) == (closed.cause, "cleared")
    assert [event.cause for event in town.of(EventKind.TICKET_VERIFIED)] == [closed.cause]
    assert [event.cause for event in town.of(EventKind.TICKET_CLOSED)] == [closed.cause]
    # The fifth has twenty seconds more to come back; then its fault is its own.
    (released,) = town.of(EventKind.FAULT_RELEASED)
    assert (released.device, released.data["why"], seconds([released])) == ("cam-4", "outlived", [65])
    assert released.data["incident"] == closed.data["incident"]
    assert [event.device for event in town.of(TICKET)] == ["sw", "cam-4"]


def test_children_alone_do_not_end_it_while_the_parent_is_away():
    town = Town().live([*switch(), *gone(["sw", *CAMERAS], 20), *back(CAMERAS, 40)], 100)
    assert town.of(EventKind.INCIDENT_CLOSED) == []


def test_a_child_that_settles_in_time_has_no_ticket_of_its_own():
    town = Town().live([*switch(), *gone(CAMERAS, 20), *back(CAMERAS[:4], 40), *back(CAMERAS[4:], 55)], 100)
    assert len(town.of(TICKET)) == 1
    left = [child["device"] for event in town.of(EventKind.INCIDENT_CHANGED) for child in event.data["left"]]
    assert sorted(left) == CAMERAS


def test_a_late_child_joins():
    town = Town().live([*switch(), *gone(CAMERAS[:4], 20), *gone(CAMERAS[4:], 200)], 300)
    (changed,) = town.of(EventKind.INCIDENT_CHANGED)
    assert [child["device"] for child in changed.data["joined"]] == ["cam-4"]
    assert len(town.of(ALERT)) == len(town.of(TICKET)) == 1


def test_the_highest_parent_is_the_root():
    cameras = {sw: [f"{sw}-{n}" for n in range(3)] for sw in ("sw-a", "sw-b", "sw-c")}
    rows = [placed("box", kind="power")]
    for sw, some in cameras.items():
        rows += [placed(sw, "box", "switch"), *(placed(camera, sw) for camera in some)]
    every = [camera for some in cameras.values() for camera in some]
    town = Town().live([*rows, *gone(every, 20)], 80)
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert (opened.device, opened.data["below"]) == ("box", 12)
    assert len(town.of(ALERT)) == len(town.of(TICKET)) == 1


def boxed():
    rows = [placed("box", kind="power")]
    for sw in ("sw-a", "sw-b", "sw-c"):
        rows += [placed(sw, "box", "switch"), *(placed(f"{sw}-{n}", sw) for n in range(3))]
    return rows, *([f"{sw}-{n}" for n in range(3)] for sw in ("sw-a", "sw-b", "sw-c"))


def test_one_switch_of_a_power_box_is_an_incident_of_its_own_after_the_wait():
    rows, a, _, _ = boxed()
    town = Town().live([*rows, *gone(a, 20)], 80)
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert (opened.device, seconds([opened])) == ("sw-a", [30])
    assert len(town.of(TICKET)) == 1


def test_a_greater_incident_absorbs_the_lesser_and_hands_it_back():
    rows, a, b, c = boxed()
    rows += [*gone(a, 20), *gone(["box"], 50), *gone([*b, *c], 52), *back(["box"], 71), *back([*b, *c], 73)]
    town = Town().live(rows, 140)
    assert [event.device for event in town.of(EventKind.INCIDENT_OPENED)] == ["sw-a", "box", "sw-a"]
    first, second = town.of(EventKind.INCIDENT_CLOSED)
    assert (first.data["root"], first.data["reason"]) == ("sw-a", "absorbed")
    assert first.data["into"] == second.data["incident"]
    assert (second.data["root"], second.data["reason"]) == ("box", "restored")
    resolutions = {event.cause: event.data["reason"] for event in town.of(EventKind.ALERT_RESOLVED)}
    assert resolutions == {first.cause: "absorbed", second.cause: "cleared"}
    closings = {event.cause: event.data["reason"] for event in town.of(EventKind.TICKET_CLOSED)}
    assert closings == {first.cause: "merged", second.cause: "verified"}
    assert town.of(EventKind.FAULT_RELEASED) == []
    assert len(town.of(TICKET)) == 3, "the switch that is still gone has its incident again"


def test_parent_outage_over_an_own_fault():
    """Pinned: a camera with faults of its own keeps them, and their tickets, through an outage of its switch."""
    rows = [*switch(), confirmed("cam-0", 20), confirmed("cam-1", 50, "black")]
    rows += [*gone(["sw", *CAMERAS[1:]], 100), *back(["sw"], 131), *back(CAMERAS[1:], 133)]
    town = Town().live(rows, 200)
    filed = [(event.device, event.data["fault"], seconds([event])[0]) for event in town.of(TICKET)]
    assert set(filed) == {("cam-0", "unreachable", 30), ("cam-1", "black", 50), ("sw", "unreachable", 100)}
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert {child["device"] for child in opened.data["children"]} == {"sw", *CAMERAS[1:]}
    assert [event.device for event in town.of(EventKind.TICKET_CLOSED)] == ["sw"]
    (released,) = town.of(EventKind.FAULT_RELEASED)
    assert (released.device, seconds([released])) == ("cam-0", [30]), "told once, before the outage"


def test_who_was_away_for_long_neither_makes_nor_keeps_an_incident():
    cameras = [f"cam-{n}" for n in range(8)]
    rows = [*switch(cameras), *(confirmed(camera, 20 + 61 * n) for n, camera in enumerate(cameras[:4]))]
    rows += [*gone(cameras[4:7], 500), *back(cameras[4:7], 520)]
    town = Town().live(rows, 600)
    (opened,) = town.of(EventKind.INCIDENT_OPENED)
    assert {child["device"] for child in opened.data["children"]} == set(cameras[4:7]), "three of the four that were"
    assert len(town.of(EventKind.INCIDENT_CLOSED)) == 1


# places in the topology


def verdicts(town):
    wanted = (EventKind.TOPOLOGY_CHANGED, EventKind.COMMAND_REFUSED)
    return {event.data["command"]: event.data.get("reason", "") for event in town.of(*wanted) if event.data["command"]}


def test_the_verdict_of_a_place_is_given_by_the_stage():
    rows = [placed("cam", "sw", second=3, command="c1"), placed("sw", "", "switch", second=4, command="c2")]
    town = Town().live(rows, 10)
    registered = {event.device: event.data for event in town.of(EventKind.DEVICE_REGISTERED)}
    assert (registered["cam"]["parent"], registered["cam"]["command"]) == ("sw", "")
    assert (registered["sw"]["parent"], registered["sw"]["command"]) == ("", "c2"), "there is nothing to be refused"
    (changed,) = [event for event in town.of(EventKind.TOPOLOGY_CHANGED) if event.data["command"]]
    assert (changed.device, changed.data["parent"], changed.data["site"]) == ("cam", "sw", "s")


def test_a_device_without_a_parent_is_registered_as_ever():
    town = Town().live([placed("cam", second=3, command="c1")], 10)
    (registered,) = town.of(EventKind.DEVICE_REGISTERED)
    assert registered.data["command"] == "c1"
    assert town.of(EventKind.TOPOLOGY_CHANGED) == []


def test_a_parent_cannot_hang_on_its_child():
    rows = [placed(device, parent, second=n + 1) for n, (device, parent) in enumerate([("a", "b"), ("b", "c")])]
    rows += [placed("c", "a", second=10, command="round"), placed("d", "d", second=11, command="self")]
    rows += [placed("c", "e", second=20, command="fine")]
    town = Town().live(rows, 30)
    assert verdicts(town) == {"round": "parent_is_child", "self": "parent_is_child", "fine": ""}


def test_the_depth_is_bounded():
    rows = [placed(f"d{n}", f"d{n + 1}", second=n + 1) for n in range(7)]
    rows += [placed("low", "d0", second=10, command="low"), placed("d7", "high", second=11, command="high")]
    town = Town().live(rows, 30)
    assert verdicts(town) == {"low": "too_deep", "high": "too_deep"}


def test_a_camera_that_moves_to_another_switch_counts_there():
    rows = [*switch(CAMERAS[:4], "old"), *switch(CAMERAS[4:], "new")]
    rows += [*(placed(camera, "new", second=10) for camera in CAMERAS[:2]), *gone([*CAMERAS[:2], CAMERAS[4]], 20)]
    town = Town().live(rows, 60)
    assert [event.device for event in town.of(EventKind.INCIDENT_OPENED)] == ["new"]


# what people ask for


def test_tickets_of_an_incident_and_of_a_released_fault_are_worked_on():
    rows = [*switch(parent="unnamed"), *gone(CAMERAS, 20), placed("x", "y"), confirmed("x", 20)]
    town = Town().live(rows[1:], 60)
    tickets = {event.device: event.data["ticket"] for event in town.of(TICKET)}
    alerts = {event.device: event.data["alert"] for event in town.of(ALERT)}
    assert set(tickets) == {"unnamed", "x"}
    asked = []
    for device, ticket in tickets.items():
        asked += [
            (device, at(61), f"{device}-1", Verb.ACCEPT_TICKET, ticket, {}),
            (device, at(62), f"{device}-2", Verb.ACCEPT_TICKET, ticket, {}),
            (device, at(62), f"{device}-3", Verb.NOTE_TICKET, ticket, {"note": "梯子在路上"}),
            (device, at(63), f"{device}-4", Verb.ACKNOWLEDGE_ALERT, alerts[device], {}),
            (device, at(63), f"{device}-4", Verb.ACKNOWLEDGE_ALERT, alerts[device], {}),
            (device, at(64), f"{device}-5", Verb.ACKNOWLEDGE_ALERT, "nothing", {}),
        ]
    town.live([*(city.commands([one]) for one in asked), *(city.tick(at(s)) for s in range(61, 70))], 0)
    for device in tickets:
        assert [e.data["command"] for e in town.of(EventKind.TICKET_ACCEPTED) if e.device == device] == [f"{device}-1"]
        assert [e.data["note"] for e in town.of(EventKind.TICKET_NOTED) if e.device == device] == ["梯子在路上"]
        assert len([e for e in town.of(EventKind.ALERT_ACKNOWLEDGED) if e.device == device]) == 1
        refused = {
            e.data["command"]: e.data["reason"] for e in town.of(EventKind.COMMAND_REFUSED) if e.device == device
        }
        assert refused == {f"{device}-2": "already_accepted", f"{device}-5": "not_open"}
    town.live([*back([*CAMERAS, "x"], 80), *(city.tick(at(s)) for s in range(80, 90))], 0)
    assert {event.device for event in town.of(EventKind.TICKET_VERIFIED)} == {"unnamed", "x"}


def test_with_a_removed_camera_what_waits_for_it_ends():
    removed = city.commands([("cam-0", at(25), "r", Verb.REMOVE_CAMERA, "cam-0", {"origin": "api"})])
    rows = [*switch(), *gone(CAMERAS[:1], 20)]
    put = {"origin": "api", "camera": {"parent": "sw"}, "sealed": ""}
    rows += [city.commands([("cam-0", at(5), "p", Verb.PUT_CAMERA, "cam-0", put)]), removed]
    town = Town().live(rows, 60)
    assert [event.device for event in town.of(EventKind.CAMERA_REMOVED)] == ["cam-0"]
    assert town.of(ALERT, TICKET, EventKind.FAULT_RELEASED) == []
