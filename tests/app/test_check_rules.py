"""`citywatch check-rules`: scripted days through the true steps, told in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from citywatch.adapters.store.sql import SqlStore
from citywatch.app.checks import run
from citywatch.app.checks.city import City
from citywatch.app.checks.looks import IN_ORDER, SEES, Patrol
from citywatch.app.checks.rows import heartbeats, registrations
from citywatch.app.checks.script import DeviceSpec, expanded, moment_ns
from citywatch.cli import app
from citywatch.domain.events import EventKind
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.state import State
from citywatch.errors import ConfigurationError
from citywatch.rules import cameras
from citywatch.rules.cameras import CameraPolicy
from citywatch.settings import Settings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
START_NS = 1_777_852_800 * NS_PER_S
WRONG = """
tests:
  - name: black
    devices:
      - {device: cam-1}
    readings:
      - {at: 0s, look: cam-1}
      - {at: 60s, look: cam-1, sees: black, every: 10s, times: 3}
      - {at: 70s, command: accept_ticket, about: {device: cam-9}}
    expect:
      - {by: 2m, alert: {device: cam-1, kind: black}}
  - name: wrong
    devices:
      - {device: cam-1}
    readings:
      - {at: 0s, look: cam-1}
      - {at: 60s, look: cam-1, sees: black, every: 10s, times: 3}
    expect:
      - {by: 60s, alert: {kind: black}}
      - {by: 2m, alert: {kind: black, opened_at: 70s}, count: 1}
      - {until: 2m, no_ticket: {device: "cam-*"}}
      - {by: 2m, event: {kind: fault_cleared, device: cam-1}}
      - {at: 2m, sla: {contract: reference, from: 0s, to: 2m, figures: {verdict: met}}}
"""


def asked(*words: str | Path) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["check-rules", *map(str, words)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


def test_the_example_is_in_order() -> None:
    code, told = asked(CONFIGS / "check-rules.yaml")
    assert code == 0, told
    assert told.endswith("5 tests, all in order\n")


def test_a_failure_is_told_with_its_line_and_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    code, told = asked(file, "--json", "--junit", tmp_path / "told.xml")
    assert code == 1
    cannot, wrong = json.loads(told)["tests"]
    assert [(one["line"], one["expected"], one["found"]) for one in cannot["failures"]] == [
        (9, "one of the tickets {device: cam-9} for accept_ticket", "0")
    ]
    assert (wrong["line"], wrong["passed"], wrong["simulated_seconds"]) == (12, False, 120)
    found = [(one["line"], one["when"], one["expected"]) for one in wrong["failures"]]
    assert found == [
        (19, "by 1m", "alert {kind: black}"),
        (21, "until 2m, at 1m9s", "no ticket {device: cam-*}"),
        (22, "by 2m", "event {kind: fault_cleared, device: cam-1}"),
        (23, "at 2m", "verdict met"),
    ]
    assert "ticket" in wrong["failures"][1]["expected"]
    assert "black cam-1 filed" in wrong["failures"][1]["found"]
    suite = ET.parse(tmp_path / "told.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert [len(case) for case in suite] == [1, 4]


@pytest.mark.parametrize(
    ("line", "wrong", "words"),
    [
        (8, "{at: 60s, look: cam-1, sees: blck}", "blck|'black'"),
        (8, "{at: soon, look: cam-1}", "a time is wanted"),
        (8, "{at: 60s}", "a reading has one of these keys"),
        (8, "{at: 60s, look: cam-1, colour: red}", "unknown key|Extra inputs"),
        (8, "{at: 60s, look: cam-1, every: 5s}", "say `times` or `until`"),
        (11, "{alert: {kind: black}}", "say when alert is looked at"),
        (11, "{by: 2m, alert: {knd: black}}", "knd: no such field; known here:"),
        (11, "{by: 2m, event: {kind: fault_confirmd}}", "there are no events"),
        (11, "{at: 1m, alert: {}, ticket: {}}", "an expectation is about one thing"),
    ],
)
def test_a_wrong_file_is_told_with_the_line_of_each_mistake(tmp_path: Path, line: int, wrong: str, words: str) -> None:
    lines = WRONG.split("\n")[:11]
    lines[line - 1] = f"      - {wrong}"
    file = tmp_path / "wrong.yaml"
    file.write_text("\n".join(line for line in lines if "accept_ticket" not in line or wrong in line))
    here = next(n for n, text in enumerate(file.read_text().split("\n"), 1) if wrong in text)
    with pytest.raises(ConfigurationError, match=words) as error:
        run.check_file(file, None)
    assert f"line {here}" in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("sees", sorted(set(SEES) - {IN_ORDER, "unchecked", "reached"}))
def test_a_scripted_look_is_judged_as_what_it_sees_and_nothing_else(sees: str) -> None:
    state, patrol, told = State(), Patrol(), []
    for number in range(34):
        look = patrol.looks(
            ["cam"], START_NS + number * 120 * NS_PER_S, sees if 14 <= number < 24 else IN_ORDER, "day", "", {}
        )
        for event in cameras.on_looks(state, look, CameraPolicy()):
            patrol.on_event(event)
            if event.kind in (EventKind.FAULT_CONFIRMED, EventKind.FAULT_CLEARED):
                told.append((event.kind.value, event.data["fault"]))
    assert told == [("fault_confirmed", sees), ("fault_cleared", sees)]


ROUTED = """
notifications:
  receivers:
    - {name: desk, kind: webhook, url: "https://desk.example/in", secret_file: secret}
    - {name: north, kind: webhook, url: "https://north.example/in", secret_file: secret}
  default: [desk]
  routes:
    - {match: {area: north, severity: critical}, receivers: [north]}
responsibility:
  - {match: {device: "n-*"}, area: north, team: crew-north}
"""
NOTIFIED = """
settings: city.yaml
tests:
  - name: routes
    devices:
      - {device: [n-1, s-1]}
    readings:
      - {at: 0s, look: [n-1, s-1]}
      - {at: 60s, look: [n-1, s-1], sees: black, every: 10s, times: 2}
    expect:
      - {at: 2m, notified: {alert: {device: n-1}, receivers: [north]}}
      - {at: 2m, notified: {alert: {device: s-1}, receivers: [desk]}}
      - {at: 2m, notified: {alert: {device: s-1}, receivers: []}}
      - {at: 2m, ticket: {device: n-1, team: crew-north, labels: {area: north}}}
"""


def test_who_is_told_by_the_routes_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "city.yaml").write_text(ROUTED)
    (tmp_path / "rules.yaml").write_text(NOTIFIED)
    (outcome,) = run.check_file(tmp_path / "rules.yaml", None)
    assert [(one.line, one.expected, one.found) for one in outcome.failures] == [
        (13, "told to nobody", 'told to ["desk"]')
    ]
    (tmp_path / "rules.yaml").write_text(NOTIFIED.replace("receivers: []", "receivers: [south]"))
    with pytest.raises(ConfigurationError, match="no receiver is called 'south'; there are: desk, north"):
        run.check_file(tmp_path / "rules.yaml", None)


QUIET = """
settings: city.yaml
tests:
  - name: what keeps quiet
    devices:
      - {device: [sw], kind: switch}
      - {device: [n-1, n-2, n-3], parent: sw}
      - {device: [s-1, s-2]}
    readings:
      - {at: 0s, look: [n-1, n-2, n-3, s-1, s-2]}
      - at: 10s
        command: set_silence
        args: {matcher: {device: s-1}, from_at: 10s, to_at: 10m, reason: "known"}
      - {at: 60s, look: [s-1, s-2], sees: black, every: 10s, times: 2}
      - {at: 90s, look: [n-1, n-2, n-3], sees: unreachable, every: 10s, times: 4}
    expect:
      - {at: 75s, notified: {alert: {device: s-2}, receivers: []}}
      - {at: 3m, notified: {alert: {device: s-2}, receivers: [desk]}}
      - {at: 9m, notified: {alert: {device: s-1}, receivers: []}}
      - {at: 4m, notified: {alert: {kind: incident}, receivers: [north]}}
      - {at: 4m, no_alert: {device: n-2}}
      - {at: 20m, notified: {alert: {device: s-1}, receivers: [desk]}}
"""


def test_silences_groups_and_incidents_keep_quiet_as_in_a_city(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "city.yaml").write_text(ROUTED.replace('device: "n-*"', 'device: ["n-*", sw]'))
    (tmp_path / "rules.yaml").write_text(QUIET)
    (outcome,) = run.check_file(tmp_path / "rules.yaml", None)
    assert [(one.line, one.when, one.expected, one.found) for one in outcome.failures] == []


def test_ticks_one_by_one_tell_what_ten_at_once_tell(tmp_path: Path) -> None:
    """Doors that fall deaf, a clock that stops, devices that wait for their parent: the same events."""

    def lived(*, one_by_one: bool) -> list[str]:
        store = SqlStore.open(tmp_path / f"{one_by_one}.sqlite")
        try:
            city = City(Settings(), None, store, START_NS)
            specs = [
                DeviceSpec.model_validate({"device": "sw", "kind": "switch"}),
                DeviceSpec.model_validate({"device": "cam-{1..4}", "parent": "sw"}),
                DeviceSpec.model_validate({"device": "st/d1/l{1..3}", "kind": "scale", "heartbeat_seconds": 7}),
            ]
            city.feed(registrations(specs, START_NS))
            door = city.hears_through("")
            city.deafen(door, 60, 75)
            city.deafen(door, 100, 103)
            city.stop_clock(150, 171)
            for second in range(0, 260, 13):
                for _ in city.tick_to(second - 1, one_by_one=one_by_one):
                    pass
                at_ns = START_NS + second * NS_PER_S
                city.feed(heartbeats([f"st/d1/l{1 + second % 3}"], at_ns, door))
                away = 78 <= second < 200
                seen = "unreachable" if away else IN_ORDER
                city.feed(city.patrol.looks([f"cam-{n}" for n in range(1, 3 + second % 3)], at_ns, seen, "day", "", {}))
            for _ in city.tick_to(400, one_by_one=one_by_one):
                pass
            return [event.to_json() for _, event in city.events]
        finally:
            store.close()

    one, ten = lived(one_by_one=True), lived(one_by_one=False)
    assert sorted(one) == sorted(ten)
    assert any("incident_opened" in line for line in one)
    assert any("fault_confirmed" in line and "silent" in line for line in one)


def test_times_and_ranges() -> None:
    assert [moment_ns(text) // 10**8 for text in ("90", 90, "1.5s", "2d", "1h30m")] == [900, 900, 15, 1728000, 54000]
    assert list(expanded("cam-{08..10}")) == ["cam-08", "cam-09", "cam-10"]
    assert list(expanded("b{1..2}/c{1..2}")) == ["b1/c1", "b1/c2", "b2/c1", "b2/c2"]
