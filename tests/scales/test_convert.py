"""`citywatch scale convert` from the outside: what is written, told, refused, and never lost in silence."""

import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_mon_decoder import GOOD

from citywatch.adapters.scales.csv_mapping import load_mapping
from citywatch.cli import app
from citywatch.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "configs" / "scale-csv.yaml"


@pytest.fixture
def convert(tmp_path):
    """Runs the command in a folder with `a.mon` of two records: (exit code, output, errors)."""
    (tmp_path / "a.mon").write_bytes(GOOD + b"\n" + GOOD.replace(b"2271858", b"2271859") + b"\n")

    def run(source, target, *more):
        words = ["scale", "convert", str(tmp_path / source), str(tmp_path / target), *map(str, more)]
        done = CliRunner().invoke(app, words)
        if isinstance(done.exception, ConfigurationError):
            return 2, done.stdout, str(done.exception)
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_there_and_back_through_every_lossless_format_is_the_same_file(convert, tmp_path):
    names = ["a.mon", "b.csv", "c.parquet", "d.mon"]
    for source, target in itertools.pairwise(names):
        assert convert(source, target)[0] == 0
    assert (tmp_path / "d.mon").read_bytes() == (tmp_path / "a.mon").read_bytes()


def test_what_is_lost_is_said(convert):
    code, told, _ = convert("a.mon", "b.castor", "--json")
    counts = json.loads(told)
    assert (code, counts["records"], counts["written"], counts["refused"]) == (0, 2, 2, 0)
    assert counts["lossy"] == {"group_count": 2, "length_mm": 2, "record": 2, "speed_mps": 2, "spacing_mm": 2}


def test_refused_records_cost_themselves_alone_and_are_kept(convert, tmp_path):
    (tmp_path / "bad.mon").write_bytes(GOOD + b"\nnonsense\n\n")
    code, told, _ = convert("bad.mon", "b.wgt", "--refused", tmp_path / "refused.jsonl", "--station", "17018115")
    assert code == 3
    assert "1 written as tmg" in told
    refused = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [(one["line"], one["column"], one["field"]) for one in refused] == [(2, 1, "record"), (3, 1, "record")]
    assert [one["content"] for one in refused] == ["nonsense", ""]
    code, _, errors = convert("bad.mon", "c.castor")
    assert code == 3
    assert "line 2, column 1 (record)" in errors


def test_a_pass_that_does_not_fit_is_told_and_left_out(convert):
    code, _, errors = convert("a.mon", "b.wgt")
    assert code == 3
    assert (
        "line 1 (device): station/d1/l4: tmg holds stations of the state's two digits and six more characters" in errors
    )


def test_nothing_is_overwritten_without_a_word(convert, tmp_path):
    (tmp_path / "b.csv").write_text("mine")
    assert convert("a.mon", "b.csv")[0] == 2
    assert (tmp_path / "b.csv").read_text() == "mine"
    assert convert("a.mon", "b.csv", "--force")[0] == 0
    assert convert("b.csv", "b.csv", "--force")[0] == 2
    assert convert("missing.mon", "c.csv")[0] == 2
    assert convert("a.mon", "c.xyz")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mon", "b.csv"]


def test_directions_and_zones_can_be_changed(convert, tmp_path):
    code, _, _ = convert("a.mon", "b.csv", "--direction", "1=3", "--zone", "Asia/Shanghai")
    text = (tmp_path / "b.csv").read_text()
    assert code == 0
    assert "station/d3/l4,2012-07-04T01:28:13.700Z" in text
    assert convert("a.mon", "c.csv", "--direction", "north")[0] == 2


def test_the_example_mapping_reads_the_lines_that_it_shows(convert, tmp_path):
    shown = [line[4:] for line in EXAMPLE.read_text().splitlines() if line.startswith("#   ")]
    (tmp_path / "v.csv").write_text("\n".join(shown) + "\n31.01.2026 08:00:00,250;1;0;24,5;x;6,5;;;;;\n")
    code, _, errors = convert("v.csv", "b.jsonl", "--mapping", EXAMPLE, "--to-zone", "UTC")
    assert code == 3
    assert "line 3, column 5 (speed): this is no plain number" in errors
    record = json.loads((tmp_path / "b.jsonl").read_text())
    assert (record["totalWeight"], record["axleDis"], record["speed"]) == (24_500, "4300,1350", 71.5)
    assert (record["previewStationCode"], record["previewDate"]) == ("A4-17", "2026-01-31 07:00:00.250")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("columns: {gros: {column: a}}", "columns.gros: no such field"),
        ("columns: {at: {column: a}}", "columns.gross: this field is needed"),
        ("columns: {at: {column: a}, gross: {column: b, unit: stone}}", "unit 'stone'; use one of kg, t, lb"),
        ("column: 1", "column"),
        ("columns: [", "not YAML"),
    ],
)
def test_a_wrong_mapping_is_told(text, word, tmp_path):
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="mapping ") as error:
        load_mapping(tmp_path / "m.yaml")
    assert word in str(error.value)


def test_a_table_without_a_needed_column_is_told(convert, tmp_path):
    (tmp_path / "v.csv").write_text("a,b\n1,2\n")
    code, _, errors = convert("v.csv", "b.mon")
    assert code == 2
    assert "line 1: there is no column 'device'" in errors
    assert not (tmp_path / "b.mon").exists()


def test_a_table_with_two_columns_of_one_name_is_told(convert, tmp_path):
    (tmp_path / "v.csv").write_text("device,at,gross_kg,axle_kg,gross_kg\n")
    (tmp_path / "m.yaml").write_text(
        "columns: {device: {column: device}, at: {column: at}, gross: {column: gross_kg, unit: kg},"
        " axle_weights: {column: axle_kg, unit: kg}}\n"
    )
    code, _, errors = convert("v.csv", "b.mon", "--mapping", str(tmp_path / "m.yaml"))
    assert code == 2
    assert "columns 3 and 5 are both called 'gross_kg'" in errors


def test_a_vendors_table_is_told_in_its_columns_and_our_units(convert, tmp_path):
    (tmp_path / "m.yaml").write_text(
        "separator: ';'\ndecimal: ','\nstation: S\n"
        "columns: {at: {column: T}, lane: {column: L}, gross: {column: G, unit: t}, plate: {column: P},"
        " axle_weights: {column: 'A{n}', unit: t}}\n"
    )
    lines = ["T;L;G;P;A1;A2", "2026-01-31T08:00:00Z;1;-18;;6;12", "2026-01-31T08:00:00Z;1;18;" + "x" * 129 + ";6;12"]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    code, _, errors = convert("v.csv", "b.mon", "--mapping", str(tmp_path / "m.yaml"))
    assert code == 3
    assert "line 2, column 3 (gross): -18000 is outside 0 to 999999 kg" in errors
    assert "line 3, column 4 (plate): no text of at most 128 printable characters" in errors
