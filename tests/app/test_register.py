"""Who answers for a device: the register file and the rules of the configuration, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from citywatch.app.register import read_register
from citywatch.app.steps import alert_policy, city_step, incident_step
from citywatch.domain.responsibility import NOBODY, Responsible
from citywatch.errors import ConfigurationError
from citywatch.settings import parse_settings

CONFIG = """
register: devices.csv
responsibility:
  - {match: {device_kind: camera, site: harbour}, area: east, team: crew-2}
  - {match: {area: east}, department: traffic, contractor: Second Ltd, class: gate}
"""


def read(tmp_path: Path, text: str, config: str = CONFIG):
    (tmp_path / "devices.csv").write_text(text)
    return read_register(parse_settings(config, "city.yaml"), tmp_path)


def test_single_devices_go_before_rules_and_rules_fill_what_is_empty(tmp_path):
    register = read(
        tmp_path,
        "\ufeffdevice,area,Contractor,team,kind,from\ncam-1,north,First Ltd,crew-1,camera,\n\ncam-2,east,,,,\n",
    )
    assert register.of("cam-1", "camera", "harbour") == Responsible("north", "", "First Ltd", "", "crew-1")
    assert register.of("cam-2", "camera", "hill") == Responsible("east", "traffic", "Second Ltd", "gate", "")
    assert register.of("cam-3", "camera", "harbour") == Responsible("east", "traffic", "Second Ltd", "gate", "crew-2")
    assert register.of("cam-4", "switch", "harbour") == NOBODY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\ncam\n", "line 1: columns are device, area"),
        ("device,colour\ncam,red\n", "line 1: columns are"),
        ("device,device\na,b\n", "line 1: columns are"),
        ("device,area\ncam 1,x\n", "line 2: device id 'cam 1'"),
        ("device\ncam-1\ncam-2\ncam-1\n", "line 4: device 'cam-1' stands twice"),
        ("device,area\ncam-1," + "x" * 101 + "\n", "line 2: area: longer than 100"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, words):
    with pytest.raises(ConfigurationError, match=r"devices\.csv") as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"devices\.csv"):
        read_register(parse_settings(CONFIG, "city.yaml"), tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("responsibility: [{match: {colour: red}}]", "colour: no such label"),
        ("responsibility: [{match: north}]", "a mapping of labels"),
        ("responsibility: [{klass: gate}]", "known here: area, class, contractor"),
        ("alerts: {flapping: {openings: 1}}", "one opening is no flapping"),
        (
            "alerts: {escalations: [{steps: [{after_minutes: 9, to: a}, {after_minutes: 9, to: b}]}]}",
            "after_minutes rises",
        ),
        ("alerts: {escalations: [{match: {severity: []}, steps: []}]}", "severity: give a pattern"),
    ],
)
def test_mistakes_of_the_settings_are_named(config, words):
    with pytest.raises(ConfigurationError) as caught:
        parse_settings(config, "city.yaml")
    assert words in str(caught.value)


def test_both_steps_have_the_desks_that_the_settings_ask_for(tmp_path):
    settings = parse_settings(
        "alerts: {flapping: {openings: 3}, escalations: [{match: {severity: critical},"
        " steps: [{after_minutes: 2, to: a}]}]}",
        "city.yaml",
    )
    register = read_register(settings, tmp_path)
    policy = alert_policy(settings)
    assert (policy.flapping.openings, policy.steps_for({"severity": "critical"})) == (3, ((120 * 10**9, "a"),))
    assert policy.steps_for({"severity": "warning"}) == ()
    for step in (city_step(settings, register=register), incident_step(settings, register)):
        assert (step.desks.alerts, step.desks.register) == (policy, register)
