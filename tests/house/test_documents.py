"""Documents and configurations say what the code says: metrics, events, faults, settings, tables of states."""

import json
import re
from pathlib import Path

import pytest
import yaml

from citywatch.adapters.scales.csv_mapping import load_mapping
from citywatch.alerts.table import MOVES as ALERT_MOVES
from citywatch.app.checks.script import Script
from citywatch.domain.events import EventKind
from citywatch.domain.pictures import Fault, VisitReason
from citywatch.settings import Settings, load_settings
from citywatch.sla.contracts import Contract
from citywatch.telemetry import METRICS
from citywatch.tickets.table import MOVES as TICKET_MOVES
from citywatch.yaml_files import parse_model

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
EVENTS = (ROOT / "docs" / "events.md").read_text()
RULES = yaml.safe_load((ROOT / "configs" / "prometheus-rules.yaml").read_text())["groups"]
BOARD = json.loads((ROOT / "configs" / "grafana" / "citywatch.json").read_text())


def metrics_named(text):
    """Names of METRICS that a text speaks of; what a histogram exports counts as the histogram."""
    found = set()
    for name in re.findall(r"\bcitywatch_([a-z_]+)\b", text):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        found.add(base if METRICS.get(base) and METRICS[base].kind == "histogram" else name)
    return found


def section(text, heading):
    """The lines below a heading up to the next one of its rank or a higher one."""
    rank = heading.split(" ")[0]
    lines = text.splitlines()
    start = lines.index(heading) + 1
    ends = (i for i in range(start, len(lines)) if re.match(rf"#{{1,{len(rank)}}} ", lines[i]))
    return "\n".join(lines[start : next(ends, len(lines))])


def first_cells(text):
    """The `code` in the first cell of every row of the tables in a text."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.M)


def test_operations_list_every_metric_with_its_labels():
    rows = dict(re.findall(r"^\| `citywatch_([a-z_]+)` \| (.*) \|$", section(OPERATIONS, "## Metrics"), re.M))
    assert rows.keys() == METRICS.keys()
    for name, metric in METRICS.items():
        kind, labels, _ = rows[name].split(" | ")
        assert kind == metric.kind, name
        assert re.findall(r"`([a-z]+)`", labels) == list(metric.labels), name


def test_operations_list_every_alert_rule():
    names = [rule["alert"] for group in RULES for rule in group["rules"]]
    assert len(set(names)) == len(names)
    assert first_cells(section(OPERATIONS, "## Alert rules")) == names


def test_rules_and_board_name_only_metrics_that_exist():
    expressions = [rule["expr"] for group in RULES for rule in group["rules"]]
    expressions += [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    assert metrics_named("\n".join(expressions)) <= METRICS.keys()
    for expression in expressions:
        for name, selector in re.findall(r"citywatch_([a-z_]+)\{([^}]*)\}", expression):
            assert set(re.findall(r"([a-z_]+)(?:=|!)", selector)) <= set(METRICS[name].labels), expression
        named = metrics_named(expression)
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            grouped = {label.strip() for label in labels.split(",")} - {"le"}
            assert all(grouped <= set(METRICS[name].labels) for name in named), expression


def test_the_board_shows_every_stage():
    shown = metrics_named("\n".join(target["expr"] for panel in BOARD["panels"] for target in panel["targets"]))
    watched = metrics_named("\n".join(rule["expr"] for group in RULES for rule in group["rules"]))
    assert METRICS.keys() - shown - watched - {"objects_dropped_total"} == set()
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in BOARD["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("rule", [rule for group in RULES for rule in group["rules"]], ids=lambda rule: rule["alert"])
def test_rules_say_what_is_wrong_and_how_badly(rule):
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_events_page_lists_exactly_the_kinds():
    assert first_cells(section(EVENTS, "## Kinds")) == [kind.value for kind in EventKind]


def test_events_page_lists_exactly_the_faults_and_reasons():
    assert first_cells(section(EVENTS, "## Faults")) == [fault.value for fault in Fault]
    assert first_cells(section(EVENTS, "## Reasons of a visit")) == [reason.value for reason in VisitReason]


@pytest.mark.parametrize(("heading", "moves"), [("### Alerts", ALERT_MOVES), ("### Tickets", TICKET_MOVES)])
def test_diagrams_are_the_tables(heading, moves):
    drawn = set(re.findall(r"^ +([a-z_]+) --> ([a-z_]+): ([a-z]+)$", section(EVENTS, heading), re.M))
    assert drawn == {(before.value, after.value, move.value) for (before, move), after in moves.items()}


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_load(path):
    if path.name.startswith("prometheus"):
        assert yaml.safe_load(path.read_text())
        return
    if path.name == "scale-csv.yaml":
        assert load_mapping(path).columns
        return
    if path.name == "check-rules.yaml":
        assert parse_model(path.read_text(), path.name, Script).tests  # and run by tests/app/test_check_rules.py
        return
    if path.name in ("contract-example.yaml", "check-rules-contract.yaml"):
        assert parse_model(path.read_text(), path.name, Contract).name == path.stem
        return
    settings = load_settings(path)
    assert settings.cameras or settings.scales


def test_the_example_shows_every_section_with_its_defaults():
    settings, usual = load_settings(ROOT / "configs" / "example.yaml"), Settings()
    written = yaml.safe_load((ROOT / "configs" / "example.yaml").read_text())
    known = {field.alias or name for name, field in Settings.model_fields.items()}
    assert written.keys() | {"demonstration"} == known
    for name in ("server", "log", "store", "archive", "patrol", "rules", "incidents", "law"):
        assert getattr(settings, name) == getattr(usual, name), name
    for name in ("log", "store", "archive", "patrol", "rules", "incidents"):
        assert written[name].keys() == type(getattr(usual, name)).model_fields.keys(), name


def test_decisions_are_numbered_and_whole():
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(len(pages)))
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    for page in pages:
        text = page.read_text()
        assert f"({page.name})" in listed, page.name
        headings = re.findall(r"^## (.+)$", text, re.M)
        assert headings == ["Need", "Decision", "Why", "What it costs"], page.name
