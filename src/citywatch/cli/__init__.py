"""The command line: parse and delegate. A command imports what it needs when it runs, so that --help stays fast."""

from __future__ import annotations

import click

from citywatch import __version__
from citywatch.cli import cameras, check, deadletter, notify, patrol, replay, run, scale, sla, tokens


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[
        run.run,
        run.part,
        replay.replay,
        replay.rerun,
        patrol.patrol,
        cameras.cameras,
        scale.scale,
        sla.sla,
        notify.notify,
        deadletter.deadletter,
        tokens.token,
        check.check_config,
        check.check_rules,
    ],
)
@click.version_option(__version__, prog_name="citywatch")
def app() -> None:
    """Watch a city's roadside cameras and weigh-in-motion scales."""
