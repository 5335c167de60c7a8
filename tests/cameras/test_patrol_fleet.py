"""`citywatch patrol --fleet`: the looks, the report, the exit code, and what is refused."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from citywatch.app.durations import seconds
from citywatch.app.patrol_fleet import patrol_fleet
from citywatch.cli import app
from citywatch.errors import ConfigurationError
from citywatch.settings import PatrolSettings

QUICK = PatrolSettings(decoders=1, first_visits_per_second=100)


def patrolled(runner, file, for_s, **options):
    out = io.StringIO()
    code = runner.run(patrol_fleet(file, for_s=for_s, as_json=True, out=out, settings=QUICK, **options))
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def table(tmp_path, clips):
    def table(*lines):
        file = tmp_path / "fleet.csv"
        text = "camera,url,class,visit_seconds\n" + "\n".join(lines) + "\n"
        file.write_text(text.replace("CLIPS", str(clips)), encoding="utf-8")
        return file

    return table


def test_a_fleet_is_visited_and_reported(runner, table):
    file = table("a,CLIPS/libx264.mp4,gate,0.3", "b,CLIPS/libx265.mp4,,0.3")
    code, lines = patrolled(runner, file, 2.0, target_s=30.0)
    assert code == 0
    *visits, last = lines
    assert {line["camera"] for line in visits} == {"a", "b"}
    keys = ["camera", "visit", "at", "outcome", "reason", "note", "measurements", "faults", "unchecked"]
    assert list(visits[0]) == keys
    report = last["report"]
    assert (report["cameras"], report["failing"], report["faults"]) == (2, 0, {})
    assert report["visits"] >= len(visits) >= 4
    ages = {ages["camera_class"]: ages for ages in report["ages"]}
    assert ages["gate"]["cameras"] == ages["standard"]["cameras"] == 1
    assert 0 <= ages["gate"]["p50_s"] < 2
    assert report["needs_of_target"]["target_s"] == 30.0
    assert report["needs"]["possible_s"] > 0
    assert report["decoder_cpu_s"] > 0


def test_every_mistake_of_the_table_is_told(runner, table, tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        patrolled(runner, table("a,ftp://u:S3CR3T@h/x,,", "b,/x,slow,"), 1.0)
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"fleet {tmp_path / 'fleet.csv'}, line 2, column 2: url: ftp://***@h/x")
    assert "line 3, column 3: class: no class of the patrol; known: gate, standard" in second
    assert "S3CR3T" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="no camera stands in it"):
        patrolled(runner, table(), 1.0)


def test_the_command_line(table, tmp_path):
    def refused(*arguments):
        result = CliRunner().invoke(app, ["patrol", *arguments])
        assert result.exit_code == 2
        return result.output

    file = str(table("a,/x,,"))
    assert "give addresses of cameras, or --fleet" in refused()
    assert "give addresses of cameras, or --fleet" in refused("/x", "--fleet", file, "--for", "1s")
    assert "--fleet wants --for TIME" in refused("--fleet", file)
    assert "a time is wanted, such as 90s" in refused("--fleet", file, "--for", "soon")
    assert "go with --fleet" in refused("/x", "--for", "1s")


def test_a_signal_ends_it_with_its_report_in_words(table):
    file = table("gone,rtsp://viewer:S3CR3T@127.0.0.1:1/x,,")
    arguments = ["-m", "citywatch", "patrol", "--fleet", str(file), "--for", "1h", "--decoders", "1"]
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, env=os.environ, text=True) as child:
        assert "gone  #1  unreachable (refused)" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        text = child.stdout.read()
    assert child.returncode == 3
    assert "1 cameras, 1 do not answer, 0 held open; found at their last look: unreachable 1" in text
    assert "failing: 1 cameras, age of the last look" in text
    assert "the targets of the classes: 0.00 visits a second need" in text
    assert "S3CR3T" not in text


@pytest.mark.parametrize(("text", "wanted"), [("90", 90), ("90s", 90), ("1.5m", 90), (" 2h", 7200), ("1d", 86_400)])
def test_times_as_people_write_them(text, wanted):
    assert seconds(text) == wanted


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_none(text):
    with contextlib.suppress(ValueError):
        assert seconds(text) > 0
