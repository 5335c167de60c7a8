"""What the repository as a whole must and must not hold."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Spelt in pieces, so that this file does not name what it forbids.
REGISTRY_HOSTS = [".".join(words) for words in (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("deb", "debian", "org"),
    ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("gcr", "io"), ("conda", "anaconda", "org"),
)]  # fmt: skip
LARGEST_FILE_BYTES = 1_000_000


def tracked_files():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_registry_is_named():
    found = []
    for path in tracked_files():
        text = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRY_HOSTS if host.encode() in text]
    assert found == []


def test_nothing_large_is_committed():
    assert [p.name for p in tracked_files() if p.stat().st_size > LARGEST_FILE_BYTES] == []


def test_requirements_have_a_floor_and_a_ceiling():
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    wanted = [*PYPROJECT["project"]["dependencies"], *(item for extra in extras for item in extra)]
    dated = re.compile(r"^(tzdata|types-)")  # versions are dates: a ceiling would only age
    assert [item for item in wanted if ">=" not in item] == []
    assert [item for item in wanted if "<" not in item and not dated.match(item)] == []


def test_pythons_agree():
    """What pyproject, .ci/run and the Dockerfile say about Python is one story."""
    said = {c.rsplit(" ", 1)[1] for c in PYPROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", c)}
    ci = (ROOT / ".ci" / "run").read_text()
    in_ci = {
        re.search(r"^suite_python=(\S+)", ci, re.M)[1],
        *re.search(r"^smoke_pythons=\((.*)\)", ci, re.M)[1].split(),
    }
    assert said == in_ci == {"3.11", "3.12", "3.13"}
    assert PYPROJECT["project"]["requires-python"] == ">=3.11"
    assert re.findall(r"^FROM python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text(), re.M)[0] in said


def test_everything_the_package_needs_is_in_the_wheel():
    """Every file under src/citywatch that is not Python is named by package-data."""
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["citywatch"]
    package = ROOT / "src" / "citywatch"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    needed = {p for p in tracked_files() if p.is_relative_to(package) and p.suffix != ".py"}
    assert sorted(p.name for p in needed - shipped) == []


def test_ci_is_runnable_and_says_what_it_runs():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", script], timeout=30, check=False).returncode == 0
    text = script.read_text()
    for step in ('ruff" check', 'ruff" format --check', '/mypy"', 'lint-imports"', ".ci/smoke.py", "apt-get update"):
        assert step in text, step


def test_readme_begins_with_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv .venv && ")]
    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/citywatch run",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ]
    headings = [i for i, line in enumerate(lines) if line.startswith("## ")]
    assert lines.index(commands[1]) < headings[0], "the two commands stand above the first section"


def test_links_between_documents_hold():
    """Every relative link of README and docs leads to a file."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_benchmarks_are_a_table_with_a_module_each():
    from benchmarks.__main__ import SCENARIOS

    folder = ROOT / "benchmarks"
    modules = {p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")}
    modules |= {p.parent.name for p in folder.glob("*/__init__.py")}
    assert set(SCENARIOS) == modules


def test_peers_are_locked():
    from benchmarks import _peers

    assert [line for path in _peers.peers().values() for line in _peers.unpinned(path)] == []


def test_loose_requirements_are_noticed(tmp_path):
    from benchmarks import _peers

    lines = ["# a comment", "", "numpy==2.0.1", "pandas==2.2.2 \\\n    --hash=sha256:aa", "polars>=1", "a[b]==1 # why"]
    (tmp_path / "r.txt").write_text("\n".join(lines))
    assert _peers.unpinned(tmp_path / "r.txt") == ["polars>=1"]


def test_benchmark_rows_have_the_promised_names():
    """`python -m benchmarks --json FILE`: the names that other people's scripts rely on."""
    from benchmarks import _frame

    spread = _frame.Spread.of([3.0, 1.0, 2.0])
    made = _frame.row("s", "f", 2.0, "ms", goal=_frame.Goal(at_most=2.5), spread=spread).as_json()
    assert {"scenario", "figure", "value", "unit", "peer", "ratio", "goal", "met"} <= json.loads(
        json.dumps(made)
    ).keys()
    assert (made["min"], made["median"], made["max"], made["n"]) == (1.0, 2.0, 3.0, 3)
    assert (made["goal"], made["met"]) == ("<= 2.5 ms", True)


@pytest.mark.parametrize(
    ("goal", "value", "ratio", "met"),
    [
        ({"at_most": 2.0}, 2.0, None, True),
        ({"at_most": 2.0}, 2.1, None, False),
        ({"at_least": 2.0}, 1.9, None, False),
        ({"at_least": 2.0}, 2.0, None, True),
        ({"at_most": 10.0, "of": "ratio"}, 99.0, 9.0, True),
        ({"at_most": 10.0, "of": "ratio"}, 1.0, 11.0, False),
        ({"at_most": 10.0, "of": "ratio"}, 1.0, None, None),
        ({"at_most": 10.0}, None, None, None),
        ({"at_most": 10.0}, float("nan"), None, None),
    ],
)
def test_goals_are_judged(goal, value, ratio, met):
    from benchmarks._frame import Goal

    assert Goal(**goal).met(value, ratio) is met


def test_whole_processes_are_measured():
    from benchmarks._frame import whole_process

    run = whole_process([sys.executable, "-c", "x = bytearray(60_000_000)"])
    assert 60 < run.peak_rss_mb < 600
    assert run.seconds > 0
    with pytest.raises(RuntimeError, match="ended with 3"):
        whole_process([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_missed_goal_gives_exit_code_1(monkeypatch, tmp_path, capsys):
    from benchmarks import __main__ as front
    from benchmarks import _frame

    good = _frame.row("log", "fine", 1.0, "s", goal=_frame.Goal(at_most=2.0)).as_json()
    bad = _frame.row("log", "slow", 3.0, "s", goal=_frame.Goal(at_most=2.0)).as_json()
    absent = _frame.peer_absent("log", "compared", "s", "someone").as_json()
    for rows, whole, code in (([good, absent], True, 0), ([good, bad], True, 1), ([good], False, 1)):
        monkeypatch.setattr(front, "run_scenario", lambda name, told=(rows, whole): told)
        assert front.main(["log", "--json", str(tmp_path / "r.json")]) == code
    said = capsys.readouterr().out
    assert "NOT MET log: slow" in said
    assert "peer absent" in said
    assert "FAILED log" in said
    stored = json.loads((tmp_path / "r.json").read_text())
    assert {"processor", "cores", "python", "date"} <= stored["machine"].keys()
