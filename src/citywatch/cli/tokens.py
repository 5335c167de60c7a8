"""`token`: who may use the API and the console."""

from __future__ import annotations

from pathlib import Path

import click

from citywatch.cli.options import CONFIG, DATA_DIR


@click.group()
def token() -> None:
    """Access tokens of the API and the console."""


@token.command("create")
@DATA_DIR
@CONFIG
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, operator, crew, ingest, metrics or admin.")
@click.option("--team", default="", help="A crew's team: it repairs and sees the tickets of this one alone.")
def token_create(data_dir: Path, config: Path | None, name: str, role: str, team: str) -> None:
    """Make a token; it is shown once."""
    from citywatch.app.offline import create_token

    create_token(data_dir, config, name, role, team)


@token.command("list")
@DATA_DIR
@CONFIG
def token_list(data_dir: Path, config: Path | None) -> None:
    """Names and roles; the tokens themselves are not stored."""
    from citywatch.app.offline import list_tokens

    list_tokens(data_dir, config)


@token.command("revoke")
@DATA_DIR
@CONFIG
@click.argument("name")
def token_revoke(data_dir: Path, config: Path | None, name: str) -> None:
    """Make a token worthless from now on."""
    from citywatch.app.offline import revoke_token

    revoke_token(data_dir, config, name)
