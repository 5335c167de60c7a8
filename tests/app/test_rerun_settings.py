"""A rerun decides by what the city decided by: the demonstration has rules of its own."""

import pytest

from citywatch.app.data_dir import DataDir
from citywatch.app.offline import _decided_by
from citywatch.demo.city import OVERLOAD_HOLD_S
from citywatch.settings import Settings

OWN = "cameras: [{camera: gate, url: 'rtsp://192.0.2.1/1'}]\n"


@pytest.fixture
def directory(tmp_path):
    return DataDir.open(tmp_path / "city")


def test_without_a_demonstration_the_rules_are_those_of_the_settings(directory):
    assert _decided_by(directory, None) == Settings()


def test_where_the_demonstration_has_played_its_rules_decide(directory):
    directory.demonstration_tokens()
    decided = _decided_by(directory, None)
    assert decided.rules.overload_hold_seconds == OVERLOAD_HOLD_S
    assert Settings().rules.overload_hold_seconds != OVERLOAD_HOLD_S


@pytest.mark.parametrize(("more", "cameras"), [("", 1), ("demonstration: {}\n", 6)])
def test_a_configuration_says_itself_whether_it_demonstrates(directory, tmp_path, more, cameras):
    directory.demonstration_tokens()
    config = tmp_path / "city.yaml"
    config.write_text(OWN + more)
    decided = _decided_by(directory, config)
    assert len(decided.cameras) == cameras
    assert decided.rules == Settings().rules
