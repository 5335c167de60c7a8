"""`citywatch scale health` on a real file: the step of September 2012, and nothing before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citywatch.cli import app
from citywatch.errors import DataError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wim"
REAL = DATA / "btls-garage-5000veh.MON.txt"
SIMULATED = DATA / "btls-simulated-day-9427veh.MON.txt"


def health(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["scale", "health", *arguments], standalone_mode=False)
    return int(ended.value.code or 0)


@pytest.fixture
def real() -> str:
    if not REAL.exists():
        pytest.skip(f"real data absent: {REAL}")
    return str(REAL)


def test_the_step_of_the_real_file_is_found_and_dated(real: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert health(real, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    steps = [step for lane in told["lanes"] for step in lane["steps"]]
    assert len(steps) >= 2
    assert {step["gauge"] for step in steps} == {"steering_axle"}
    whole = next(step for step in told["stations"][0]["steps"] if step["gauge"] == "steering_axle")
    # Loaded trucks as a whole moved with their steering axles, and so did both peaks: it is the scale, or all trucks.
    (gross,) = [step for step in told["stations"][0]["steps"] if step["gauge"] != "steering_axle"]
    assert gross["gauge"] == "gross_loaded"
    assert gross["from"] < "2012-09-03" <= gross["to"]
    before, after = whole["gross_peaks_before_kg"], whole["gross_peaks_after_kg"]
    assert before[0] < after[0]
    assert before[1] < after[1]
    assert whole["delay_trucks"] < 140
    # ISO week 36 begins on 3 September; the truck before stood on the scale on the 1st.
    assert whole["at"][:10] in ("2012-09-01", "2012-09-03")
    assert whole["from"] < "2012-09-03" < whole["to"]
    assert whole["size_low_percent"] > 8
    assert [lane["size_percent"] > 5 for lane in whole["lanes"]] == [True] * 5
    assert all(step["at"] >= "2012-08-27" for step in steps)
    assert sum(lane["population"] for lane in told["lanes"]) == told["stations"][0]["population"] == 503


def test_a_week_without_a_pass_is_told(real: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample has nothing from 13 to 20 July, in no lane."""
    health(real, "--json")
    (silence,) = json.loads(capsys.readouterr().out)["stations"][0]["silences"]
    assert (silence["from"][:10], silence["to"][:10]) == ("2012-07-13", "2012-07-20")


def test_levels_are_held_against_what_is_known_to_be_right(real: str, capsys: pytest.CaptureFixture[str]) -> None:
    health(real, "--json", "--steering-kg", "5900")
    told = json.loads(capsys.readouterr().out)
    third = told["lanes"][2]
    assert third["faults"] == ["weight_drift"]
    steering = third["gauges"]["steering_axle"]
    assert steering["low_percent"] < steering["deviation_percent"] < steering["high_percent"]
    # Levels are means of logarithms, about 1.4 % below the mean of weights that vary by 16.5 %.
    assert steering["correction_factor"] == pytest.approx(5_900 / 1.0136 / steering["level"], abs=5e-4)
    # The fourth lane was too light and is right since its step.
    assert told["lanes"][3]["steps"]
    assert told["lanes"][3]["faults"] == []
    assert set(third["against_other_lanes"]) == {"steering_axle", "tandem_spacing", "gross_empty", "gross_loaded"}


def test_an_alarm_that_all_trucks_contradict_is_no_step(real: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine-axle trucks of this file end with some very light ones, which look like a larger step than any found."""
    assert health(real, "--json", "--axles", "9") == 3, "the week of silence"
    told = json.loads(capsys.readouterr().out)
    places = (*told["lanes"], *told["stations"])
    assert [step for place in places for step in place["steps"]] == []
    assert sum(place["refuted_alarms"] for place in places) > 0


def test_few_trucks_are_enough_where_a_level_is_far_off(real: str, capsys: pytest.CaptureFixture[str]) -> None:
    health(real, "--json", "--tandem-mm", "1400")
    lanes = json.loads(capsys.readouterr().out)["lanes"]
    assert ["speed_drift" in lane["faults"] for lane in lanes] == [True] * 5


def test_a_file_of_which_nothing_can_be_read_is_not_in_order(tmp_path: Path) -> None:
    (tmp_path / "bad.mon").write_text("hello\n\n")
    with pytest.raises(DataError, match="none of the 2 lines can be read as mon"):
        app(["scale", "health", str(tmp_path / "bad.mon")], standalone_mode=False)


def test_the_order_of_lines_does_not_matter(real: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turned = tmp_path / "turned.mon"
    lines = Path(real).read_bytes().splitlines(keepends=True)
    turned.write_bytes(b"".join(reversed(lines)))
    told = []
    for file in (real, str(turned)):
        health(file, "--json")
        found = json.loads(capsys.readouterr().out)
        told.append([found["stations"], found["lanes"]])
    assert told[0] == told[1]


def test_a_scale_in_order_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    if not SIMULATED.exists():
        pytest.skip(f"data absent: {SIMULATED}")
    assert health(str(SIMULATED)) == 0
    told = capsys.readouterr().out
    assert "No step was found" in told
    assert "9427 passes" in told
