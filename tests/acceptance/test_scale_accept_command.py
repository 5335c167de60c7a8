"""`citywatch scale accept` as a script meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citywatch.cli import app
from citywatch.errors import ConfigurationError, DataError

KNOWN = ["--n", "86,66,197,169", "--mean", "-2.27,1.00,-3.92,-0.19", "--sd", "6.09,8.44,7.66,10.07"]
RUNS = "run,criterion,reference,measured\n" + "".join(f"{i},gross,40000,{40000 + 100 * (i % 5)}\n" for i in range(20))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["scale", "accept", *arguments], standalone_mode=False)
    return int(ended.value.code or 0)


def test_summary_statistics_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--standard", "cost323", *KNOWN, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["class"] == "C(15)"
    assert [round(row["achieved_percent"], 3) for row in told["criteria"]] == [96.276, 93.461, 97.26, 97.902]


def test_each_way_of_naming_criteria_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for arguments in (
        ["--n", "197", "--mean", "-3.92", "--sd", "7.66", "--criterion", "single_axle"],
        ["--n", "single_axle=197", "--mean", "single_axle=-3.92", "--sd", "single_axle=7.66"],
    ):
        assert run("--standard", "cost323", *arguments, "--json") == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert json.loads(told[0])["criteria"][0]["criterion"] == "single_axle"


def test_a_report_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--standard", "cost323", *KNOWN) == 0
    told = capsys.readouterr().out
    assert "class C(15)" in told
    assert "13.029" in told
    assert "Source: COST 323" in told


@pytest.mark.parametrize(("wanted", "code"), [("C(15)", 0), ("D(25)", 0), ("B(10)", 3)])
def test_a_wanted_class_gives_the_exit_code(wanted: str, code: int) -> None:
    assert run("--standard", "cost323", *KNOWN, "--class", wanted, "--json") == code


@pytest.mark.parametrize(("standard", "reached"), [("e1318", "III"), ("r134", "1"), ("cost323", "A(5)")])
def test_runs_from_a_file(standard: str, reached: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(RUNS)
    assert run("--standard", standard, str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["class"] == reached
    assert run("--standard", standard, str(file)) == 0
    assert f"class {reached}" in capsys.readouterr().out


def test_what_was_not_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(RUNS)
    assert run("--standard", "e1318", str(file), "--json") == 0
    lacking = ["group", "single_axle", "axle_of_group", "wheel", "speed", "spacing"]
    assert json.loads(capsys.readouterr().out)["not_measured"] == lacking
    assert run("--standard", "cost323", str(file)) == 0
    assert "Not measured, so nothing is said of: group, single_axle, axle_of_group." in capsys.readouterr().out


def test_no_class_is_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--standard", "cost323", "--n", "86", "--mean", "0", "--sd", "40") == 3
    assert "class none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--standard", "cost323"], "give a FILE"),
        (["--standard", "cost323", "x.csv", "--n", "3"], "give a FILE"),
        (["--standard", "r134", "--n", "3"], "judges each run"),
        (["--standard", "cost323", "--n", "3", "--mean", "1"], "--sd of gross is missing"),
        (["--standard", "cost323", "--n", "3.5", "--mean", "1", "--sd", "1"], "whole number"),
        (["--standard", "cost323", "--n", "x", "--mean", "1", "--sd", "1"], "not a number"),
        (["--standard", "cost323", "--n", "30,30,30,30,30"], "5 times for 4"),
        (["--standard", "cost323", "--n", "axle=3"], "none of gross"),
        (["--standard", "cost323", "--n", "30", "--mean", "1", "--sd", "0"], "above 0"),
        (["--standard", "cost323", "--n", "2", "--mean", "1", "--sd", "1"], "too few"),
        (["--standard", "cost323", *KNOWN, "--class", "E"], "none of COST 323"),
        (["--standard", "cost323", "--n", "nan", "--mean", "1", "--sd", "1"], "--n nan of gross: a whole number"),
        (["--standard", "cost323", "--n", "1e400", "--mean", "1", "--sd", "1"], "--n inf of gross: a whole number"),
        (["--standard", "cost323", "--n", "1e19", "--mean", "1", "--sd", "1"], "at most 1,000,000"),
        (["--standard", "cost323", "--n", "30", "--mean", "1e308", "--sd", "1"], "mean is 1e[+]308"),
        (["--standard", "cost323", "--n", "30", "--mean", "1", "--sd", "1e308"], "up to 1000"),
        (["--standard", "cost323", "--n", "gross=3", "--n", "gross=4"], "--n is given twice for gross"),
        (["--standard", "r134", "x.csv", "--repeatability", "R1"], "knows no --repeatability"),
        (["--standard", "e1318", "x.csv", "--environment", "I"], "knows no --environment"),
        (["--standard", "e1318", "x.csv", "--initial"], "knows no --initial"),
    ],
)
def test_options_that_do_not_fit(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        app(["scale", "accept", *arguments], standalone_mode=False)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name a readable"):
        app(["scale", "accept", "--standard", "r134", str(tmp_path / "none.csv")], standalone_mode=False)
    file = tmp_path / "runs.csv"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        app(["scale", "accept", "--standard", "r134", str(file)], standalone_mode=False)
    file.write_text("run,criterion,reference,measured\n1,gross,5,6\n")
    with pytest.raises(ConfigurationError, match="at least 2 runs"):
        app(["scale", "accept", "--standard", "cost323", str(file)], standalone_mode=False)
    file.write_text("run,criterion,criterion,reference,measured\n1,gross,group,5,6\n")
    with pytest.raises(DataError, match="column 'criterion' stands twice"):
        app(["scale", "accept", "--standard", "r134", str(file)], standalone_mode=False)
    file.write_text("run\n1\n")
    with pytest.raises(DataError, match="criterion"):
        app(["scale", "accept", "--standard", "e1318", str(file)], standalone_mode=False)
