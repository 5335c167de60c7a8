"""`run`, which starts a city, and the hidden `part`, by which the supervisor starts each of its processes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from citywatch.cli.options import DATA_DIR

_PARTS = ("process", "serve", "patrol", "registrar", "scales", "notify")


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="YAML file; without one a demonstration city plays.")
@DATA_DIR
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API and the console.  [default: 8600]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--only", help="Run only these parts, separated by commas: patrol,process,serve,registrar.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="JSON logs on standard error from this level on.",
)
def run(
    config: Path | None, data_dir: Path, port: int | None, host: str | None, only: str | None, log_level: str
) -> None:
    """Watch a city until stopped: log server, processing, patrol, API and console in one command."""
    # Each once: two processors of one city would take turns at fencing each other.
    parts = _PARTS if only is None else tuple(dict.fromkeys(part.strip() for part in only.split(",") if part.strip()))
    unknown = sorted(set(parts) - set(_PARTS))
    if unknown or not parts:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from patrol, process, serve, registrar, scales, notify",
            param_hint="--only",
        )
    from citywatch.app.supervisor import supervise

    sys.exit(supervise(config, data_dir, port=port, host=host, parts=parts, log_level=log_level.upper()))


@click.command(hidden=True)
@click.argument("name")
def part(name: str) -> None:
    """One part of `run`, started by the supervisor."""
    from citywatch.app.parts import run_part

    sys.exit(run_part(name))
