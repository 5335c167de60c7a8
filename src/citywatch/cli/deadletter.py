"""`deadletter`: what was refused is listed, and handed in again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from citywatch.cli.options import CONFIG, DATA_DIR


@click.group()
def deadletter() -> None:
    """What was refused, with its reason."""


@deadletter.command("list")
@DATA_DIR
@CONFIG
@click.option("--source", help="Only from this source.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a letter.")
def deadletter_list(data_dir: Path, config: Path | None, source: str | None, limit: int, as_json: bool) -> None:
    """List refused input, the city's and that of replays, oldest first; contents, which may hold plates, are hidden."""
    from citywatch.app.offline import list_dead_letters

    list_dead_letters(data_dir, config=config, source=source, limit=limit, as_json=as_json)


@deadletter.command("retry")
@DATA_DIR
@CONFIG
@click.option("--source", help="Only from this source.")
@click.argument("numbers", nargs=-1, type=int)
def deadletter_retry(data_dir: Path, config: Path | None, source: str | None, numbers: tuple[int, ...]) -> None:
    """Hand refused input in again, after a fix: the letters named by NUMBER, or all."""
    from citywatch.app.offline import retry_dead_letters

    sys.exit(retry_dead_letters(data_dir, config=config, source=source, numbers=numbers))
