"""`notify`: a trial of the receivers of notifications."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def notify() -> None:
    """Receivers of notifications."""


@notify.command("test")
@click.argument("receiver")
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The city's configuration.")
def notify_test(receiver: str, config: Path) -> None:
    """Send RECEIVER a message that says it is a test, now and once. No city need run. Exit code 1: it was not taken."""
    from citywatch.app.notify import try_receiver

    sys.exit(try_receiver(config, receiver))
