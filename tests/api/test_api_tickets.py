"""Tickets over HTTP: every move of the machine, clocks with time left, filters, counts, devices that are retired."""

import pytest
from api_kit import later, outage, serving, until

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.domain.pictures import Outcome
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.flow.desks import Desks
from citywatch.sla.contracts import Contract
from citywatch.testing.rows import frames
from citywatch.tickets.clocks import Contracts
from citywatch.tickets.policy import TicketPolicy

CONTRACT = Contract.model_validate(
    {
        "name": "north",
        "intact": {"target_percent": 95},
        "response": {"within": "10m"},
        "repair": {"within": "1h", "calendar": "first-half"},
        "calendars": {
            "first-half": {
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                "hours": [f"{hour:02d}:00-{hour:02d}:30" for hour in range(24)],
            }
        },
    }
)
KNOWN = Responsible(area="north", contractor="Works", team="crew-north")
DESKS = Desks(
    Register({}, [ResponsibilityRule(Matcher.of({}), KNOWN)]), tickets=TicketPolicy(Contracts([(CONTRACT, {})]))
)
CAMERA = "cam-1"


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path, desks=DESKS) as found:
        yield found


class Visits:
    def __init__(self, city):
        self.city, self.number = city, 0

    def look(self, outcome, times, camera=CAMERA):
        for _ in range(times):
            self.number += 1
            later(self.city, 10)
            self.city.door.append(frames([(camera, self.city.clock.now_ns(), self.number, outcome, 110.0, 0.5)]))
        later(self.city, 1)


def ticket_of(client, **filters):
    return until(lambda: client.get("/api/v1/tickets", params=filters).json()["items"])[0]


def post(client, ticket, move, **body):
    return client.post(f"/api/v1/tickets/{ticket}/{move}", json=body)


def test_a_ticket_from_its_team_to_the_look_that_verifies_it(served):
    visits = Visits(served.city)
    with served.client("crew") as crew, served.client("operator") as desk:
        visits.look(Outcome.PICTURE, 2)
        visits.look(Outcome.UNREACHABLE, 6)
        found = ticket_of(crew, state="dispatched", team="crew-north", contractor="Works")
        ticket = found["id"]
        assert (found["labels"]["area"], found["contract"], found["exercise"]) == ("north", "north", False)
        assert found["response"]["within_s"] == 600
        assert (found["response"]["state"], found["repair"]["state"]) == ("running", "running")
        assert 0 < found["response"]["left_s"] <= 600
        assert found["repair"]["left_s"] <= 3600, "time left is on the contract's calendar"

        refused = post(crew, ticket, "handle", outcome="repaired")
        assert (refused.status_code, refused.json()["reason"]) == (409, "not_accepted")
        accepted = post(crew, ticket, "accept").json()
        assert (accepted["state"], accepted["accepted_by"], accepted["response"]["state"]) == (
            "accepted", "crew-1", "kept",
        )  # fmt: skip
        assert accepted["response"]["left_s"] is None
        held = post(crew, ticket, "hold", reason="awaiting_power", note="no current").json()
        assert (held["state"], held["hold_reason"], held["repair"]["state"]) == ("on_hold", "awaiting_power", "held")
        assert (held["repair"]["due_at"], held["elsewhere"]["itil"]) == (None, "on_hold")
        left = held["repair"]["left_s"]
        later(served.city, 300)
        assert crew.get(f"/api/v1/tickets/{ticket}").json()["repair"]["left_s"] == left
        assert post(crew, ticket, "resume").json()["repair"]["state"] == "running"

        key = {"Idempotency-Key": "once"}
        body = {"outcome": "nothing_found", "note": "all well", "parts": [{"part": "fuse", "count": 2}]}
        for _ in range(2):
            handled = crew.post(f"/api/v1/tickets/{ticket}/handle", json=body, headers=key).json()
        assert (handled["state"], handled["outcome"]) == ("handled", "nothing_found")
        assert handled["parts"] == [{"part": "fuse", "count": 2}]
        assert [step["step"] for step in handled["steps"]].count("handled") == 1
        assert post(desk, ticket, "verify").json()["reason"] == "seen_by_system"
        visits.look(Outcome.UNREACHABLE, 4)
        again = until(lambda: (row := crew.get(f"/api/v1/tickets/{ticket}").json())["reopened"] == 1 and row)
        assert again["steps"][-2]["reason"] == "not_verified"
        post(crew, ticket, "accept")
        post(crew, ticket, "handle", outcome="repaired")
        visits.look(Outcome.PICTURE, 6)
        done = until(lambda: (row := crew.get(f"/api/v1/tickets/{ticket}").json())["state"] == "closed" and row)
        assert (done["resolution"], done["repair"]["state"], done["repair"]["left_s"]) == ("verified", "kept", None)
        window = {"from": "2026-01-30T00:00:00Z", "to": "2026-02-02T00:00:00Z"}
        (group,) = desk.get("/api/v1/statistics/tickets", params=window).json()["items"]
        assert (group["team"], group["filed"], group["reopened"]) == ("crew-north", 1, 1)
        assert (group["outcomes"], group["repair"]) == ({"repaired": 1}, {"kept": 1})

        visits.look(Outcome.UNREACHABLE, 6)
        back = until(lambda: (row := crew.get(f"/api/v1/tickets/{ticket}").json())["reopened"] == 2 and row)
        assert back["state"] == "dispatched"
        (fault,) = crew.get(f"/api/v1/devices/{CAMERA}").json()["faults"]
        assert fault["ticket"] != ticket
        assert crew.get(f"/api/v1/tickets/{fault['ticket']}").json()["id"] == ticket, "links by a later cause lead here"


def test_clocks_that_run_out_are_found_and_the_desk_moves_tickets(served):
    visits, city = Visits(served.city), served.city
    with served.client("crew") as crew, served.client("operator") as desk:
        visits.look(Outcome.PICTURE, 2)
        visits.look(Outcome.PICTURE, 2, "cam-2")
        visits.look(Outcome.UNREACHABLE, 6)
        first = ticket_of(crew)["id"]
        visits.look(Outcome.UNREACHABLE, 6, "cam-2")
        second = until(
            lambda: [row["id"] for row in crew.get("/api/v1/tickets").json()["items"] if row["id"] != first]
        )[0]
        assert crew.get("/api/v1/tickets", params={"overdue": True}).json()["items"] == []
        soon = {"due_before": crew.get(f"/api/v1/tickets/{second}").json()["response"]["due_at"]}
        assert [row["id"] for row in crew.get("/api/v1/tickets", params=soon).json()["items"]] == [first]
        city.clock.forward(700)
        late = crew.get("/api/v1/tickets", params={"overdue": True}).json()["items"]
        assert {row["id"] for row in late} == {first, second}
        assert {row["response"]["state"] for row in late} == {"broken"}, "before a tick has told it"
        assert all(row["response"]["left_s"] < 0 for row in late)
        city.tick()
        until(lambda: [s for s in crew.get(f"/api/v1/tickets/{first}").json()["steps"] if s["step"] == "breached"])

        assert post(crew, first, "cancel").status_code == 403
        assert post(desk, first, "dispatch", team="crew-south").json()["team"] == "crew-south"
        assert post(desk, first, "merge", into=first).json()["reason"] == "same_ticket"
        assert post(desk, first, "merge", into="0" * 32).status_code == 422
        merged = post(desk, first, "merge", into=second, note="same mast").json()
        assert (merged["state"], merged["resolution"], merged["merged_into"]) == ("closed", "merged", second)
        assert desk.get(f"/api/v1/tickets/{second}").json()["merged"] == [first]
        assert post(desk, first, "accept").json()["reason"] == "not_open"
        assert post(desk, first, "reopen").json()["state"] == "dispatched"
        assert post(desk, second, "reopen").json()["reason"] == "still_open"
        assert post(desk, second, "cancel", note="twice").json()["resolution"] == "cancelled"
        counts = desk.get("/api/v1/overview").json()["tickets"]
        assert (counts["dispatched"], counts["on_hold"], counts["handled"]) == (1, 0, 0)


WRONG = [
    ("hold", {"reason": "tired"}, "reason"),
    ("hold", {"reason": "weather", "note": "x" * 2001}, "note"),
    ("handle", {"outcome": "done"}, "outcome"),
    ("handle", {"outcome": "repaired", "photos": ["x"]}, "photos"),
    ("handle", {"outcome": "repaired", "parts": [{"part": "", "count": 0}]}, "parts"),
    ("dispatch", {"team": ""}, "team"),
    ("merge", {"into": "x"}, "into"),
    ("note", {"note": "  "}, "note"),
    ("cancel", {"why": "x"}, "why"),
]


def test_bodies_that_are_wrong_name_the_field(served):
    with served.client("operator") as desk:
        for move, body, field in WRONG:
            answer = post(desk, "1" * 32, move, **body)
            assert answer.status_code == 422, move
            assert field in str(answer.json()), move
        assert post(desk, "1" * 32, "accept").status_code == 404


def test_the_ticket_of_an_incident_and_a_switch_that_is_retired(tmp_path):
    with (
        serving(tmp_path, desks=DESKS, command_wait_seconds=0.2) as served,
        served.client("operator") as desk,
        served.client("admin") as admin,
    ):
        city = served.city
        outage(served, ["cam-1", "cam-2"])
        ticket = ticket_of(desk)
        assert ticket["device"] == "sw"
        detail = desk.get(f"/api/v1/tickets/{ticket['id']}").json()
        assert desk.get(f"/api/v1/incidents/{detail['incident']}").json()["root"] == "sw"
        answer = post(desk, ticket["id"], "accept")
        assert answer.status_code in (200, 202)
        later(city)
        later(city)
        until(lambda: desk.get(f"/api/v1/tickets/{ticket['id']}").json()["state"] == "accepted")
        assert desk.post("/api/v1/devices/sw/retire").status_code == 403
        assert admin.post("/api/v1/devices/sw/retire", json={"note": "replaced"}).status_code in (200, 202)
        retired = until(lambda: (row := admin.get("/api/v1/devices/sw").json())["state"] == "removed" and row)
        assert retired["faults"] == []
        assert admin.post("/api/v1/devices/nobody/retire").status_code == 404
        later(city)
        later(city)
        done = until(lambda: (row := desk.get(f"/api/v1/tickets/{ticket['id']}").json())["state"] == "closed" and row)
        assert done["resolution"] in ("device_removed", "verified")
        assert city.store.device_states(["sw"], 0, city.clock.now_ns() + NS_PER_S)[-1]["state"] == "removed"
