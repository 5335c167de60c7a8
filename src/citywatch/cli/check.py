"""`check-config` and `check-rules`: a configuration is tried before a city runs by it."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check a configuration, and the fleet file, register, law and contract files that it names; every mistake is told
    with its line."""
    from citywatch.app.cameras import check_fleet_file
    from citywatch.app.contracts import check_contract_files
    from citywatch.app.register import read_register
    from citywatch.app.steps import law_of
    from citywatch.settings import load_settings

    settings = load_settings(file)
    cameras = len(settings.cameras) + check_fleet_file(file, settings)
    read_register(settings, file.absolute().parent)
    law_of(settings)
    check_contract_files(settings, file.absolute().parent)
    click.echo(f"{file}: in order ({cameras} cameras, {len(settings.scales)} scale lanes)")


@click.command("check-rules")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The configuration; without it the one FILE names.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here, too.")
def check_rules(file: Path, config: Path | None, as_json: bool, junit: Path | None) -> None:
    """Live through the scripted days of FILE with the rules of a configuration: did what was expected come of them?

    Exit code 1 when an expectation does not hold, 2 for a file that is wrong.
    """
    from citywatch.app.check_rules import check_rules as check

    sys.exit(check(file, config=config, as_json=as_json, junit=junit))
