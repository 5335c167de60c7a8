"""A city's own law files: a later version of ours from its day on, laws of one's own, and every mistake in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citywatch.app.law_files import LARGEST_BYTES, keep_versions, read_law_files
from citywatch.app.steps import law_of
from citywatch.cli import app
from citywatch.errors import ConfigurationError, DataDirError
from citywatch.laws import load
from citywatch.settings import load_settings

# Two-axle trucks may weigh 19 t from 1 January 2025 on, Chinese time.
LATER = """[[gross]]
id = "cn-gross"
version = 2
title = "Gross mass of goods vehicles by axle count"
authority = "Ministry of Transport"
instrument = "a later order"
valid_from = 2025-01-01T00:00:00+08:00
limits = [{ axles = 2, limit_kg = 19000, vehicle = "two-axle truck", citation = "a later order, art. 3" }]
"""
OWN = LATER.replace('"cn-gross"', '"harbour-gross"').replace("version = 2", "version = 1")


@pytest.fixture
def law_file(tmp_path: Path) -> Path:
    file = tmp_path / "laws" / "later.toml"
    file.parent.mkdir()
    file.write_text(LATER, encoding="utf-8")
    return file


def passes(tmp_path: Path) -> Path:
    """18,500 kg on two axles, in the last and in the first millisecond of the two laws."""
    rows = [
        {
            "previewCode": str(number), "previewDate": at, "previewStationCode": "S", "laneNo": 1, "axisNum": 2,
            "totalWeight": 18_500, "axle1Weight": 7_000, "axle2Weight": 11_500, "axleDis": "4400", "speed": 60,
        }
        for number, at in enumerate(["2024-12-31 23:59:59.999", "2025-01-01 00:00:00", "2024-12-31T16:00:00.000+00:00"])
    ]  # fmt: skip
    file = tmp_path / "passes.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def run(*arguments: str | Path) -> None:
    app([str(argument) for argument in arguments], standalone_mode=False)


def test_a_pass_is_decided_by_the_version_of_its_instant(tmp_path: Path, law_file: Path) -> None:
    file, events, again = passes(tmp_path), tmp_path / "events.jsonl", tmp_path / "again.jsonl"
    given = ["--law", "cn-gross", "--law-file", law_file, "--time-zone", "Asia/Shanghai", "--data-dir", tmp_path / "d"]
    run("replay", file, *given, "--events", events)
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(one["at"], one["data"]["law"], one["data"]["limit_kg"]) for one in told] == [
        ("2024-12-31T15:59:59.999Z", "cn-gross@1", 18_000)
    ]
    # The same recording, later, gives the same, or says why it cannot.
    run("rerun", "--data-dir", tmp_path / "d", "--law-file", law_file, "--events", again)
    assert again.read_bytes() == events.read_bytes()
    with pytest.raises(ConfigurationError, match="decided by cn-gross@1, cn-gross@2, and cn-gross@2 is another now"):
        run("rerun", "--data-dir", tmp_path / "d", "--events", again)
    law_file.write_text(LATER.replace("19000", "18000"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cn-gross@2 is another now: name the law files"):
        run("rerun", "--data-dir", tmp_path / "d", "--law-file", law_file, "--events", again)
    run("rerun", "--data-dir", tmp_path / "d", "--law", "cn-gross", "--law-file", law_file, "--events", again)
    laws = [json.loads(line)["data"]["law"] for line in again.read_text().splitlines()]
    assert laws == ["cn-gross@1", "cn-gross@2", "cn-gross@2"]
    run("replay", file, "--time-zone", "Asia/Shanghai", "--data-dir", tmp_path / "e", "--events", events)
    assert [json.loads(line)["data"]["law"] for line in events.read_text().splitlines()] == ["cn-gross@1"] * 3


def test_a_configuration_names_its_files_beside_itself(tmp_path: Path, law_file: Path) -> None:
    config = tmp_path / "city.yaml"
    config.write_text("law: harbour-gross\nlaw_files: [laws/later.toml, laws/own.toml]\n")
    (law_file.parent / "own.toml").write_text(OWN, encoding="utf-8")
    assert law_of(load_settings(config)).ref == "harbour-gross@1"
    run("check-config", config)
    config.write_text("law_files: [laws/later.toml]\n")
    law = law_of(load_settings(config))
    assert (law.ref, [one.ref for one in law.versions]) == ("cn-gross", ["cn-gross@1", "cn-gross@2"])
    config.write_text("law: harbour-gross\nlaw_files: [laws/later.toml]\n")
    with pytest.raises(
        ConfigurationError, match=r"'harbour-gross' is not known; there are: cn-full@1, cn-gross@1, cn-gro"
    ):
        run("check-config", config)


def test_what_is_presumed_is_a_condition_of_one_version_at_least(tmp_path: Path) -> None:
    file, config = tmp_path / "later.toml", tmp_path / "city.yaml"
    file.write_text(
        """[[full]]
id = "cn-full"
version = 2
title = "t"
authority = "a"
instrument = "i"
valid_from = 2030-01-01T00:00:00+08:00
kinds = "layout"
group_upto_mm = 1799
judged = ["gross"]
capped_by_axles = false
conditions = [{ name = "night", presumed = "unknown", meaning = "m", citation = "c" }]
gross = [{ rule = "g", axles = 2, needs = ["night"], limit_kg = 18000, citation = "c" }]
"""
    )
    config.write_text("law: cn-full\nlaw_files: [later.toml]\nrules: {presume: {night: 'yes', air_suspension: 'no'}}\n")
    first, second = law_of(load_settings(config)).versions
    assert first.condition_words["air_suspension"] == "no"
    assert second.condition_words == {"night": "yes"}
    config.write_text("law: cn-full\nlaw_files: [later.toml]\nrules: {presume: {colour: 'yes'}}\n")
    with pytest.raises(ConfigurationError, match=r"rules\.presume: .*'colour' is no condition"):
        run("check-config", config)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LATER.replace("version = 2", "version = 1"), "cn-gross@1 stands twice; what has been decided by"),
        (LATER.replace("2025-01-01", "2016-09-21"), "cn-gross: a later version comes into force later"),
        (
            LATER.replace("limit_kg = 19000", 'limit_kg = "19 t"'),
            r"cn-gross@2, limits 1: limit_kg is '19 t'; it must be",
        ),
        (LATER.replace(', citation = "a later order, art. 3"', ""), "the number has no citation"),
        (LATER.replace("limits", "limit", 1), "unknown key 'limit'; known: authority, id"),
        (LATER.replace('"\n', "\n", 1), "later.toml: .*line 2"),
        ("x = 1", "unknown key 'x'; known: full, gross"),
        ("#" * (LARGEST_BYTES + 1), "split it"),
    ],
)
def test_a_mistake_is_named_with_its_place(law_file: Path, text: str, words: str) -> None:
    law_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        load("cn-gross", read_law_files([law_file]))


def test_no_number_changes_under_a_version_that_has_decided(tmp_path: Path, law_file: Path) -> None:
    keep_versions(tmp_path, load("cn-gross"))
    both = load("cn-gross", read_law_files([law_file]))
    keep_versions(tmp_path, both)
    kept = (tmp_path / "laws.json").read_text()
    assert set(json.loads(kept)) == {"cn-gross@1", "cn-gross@2"}
    # Other words, or its end, change no decision.
    law_file.write_text(
        LATER.replace("a later order", "Order 9", 1).replace("title", "valid_to = 2040-01-01T00:00:00Z\ntitle")
    )
    keep_versions(tmp_path, load("cn-gross", read_law_files([law_file])))
    for old, new in (("19000", "19001"), ("2025-01-01", "2025-02-01")):
        law_file.write_text(LATER.replace(old, new))
        with pytest.raises(ConfigurationError, match="cn-gross@2 says something else than it did"):
            keep_versions(tmp_path, load("cn-gross", read_law_files([law_file])))
    assert (tmp_path / "laws.json").read_text() == kept
    (tmp_path / "laws.json").write_text("[]")
    with pytest.raises(DataDirError, match="damaged"):
        keep_versions(tmp_path, both)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name a readable TOML file"):
        read_law_files([tmp_path / "none.toml"])
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="save it as UTF-8"):
        read_law_files([file])
    file.write_bytes(b"\xef\xbb\xbf" + OWN.encode())
    assert [law.ref for law in read_law_files([file])] == ["harbour-gross@1"]


def test_versions_that_overlap(law_file: Path) -> None:
    two = OWN.replace('title = "', 'valid_to = 2026-06-01T00:00:00+08:00\ntitle = "') + OWN.replace(
        "version = 1", "version = 2"
    ).replace("2025-01-01", "2026-01-01")
    law_file.write_text(two, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"harbour-gross@1: its valid_to, 2026-05-31T16:00:00\.000Z, lies behind"
    ):
        load("harbour-gross", read_law_files([law_file]))
