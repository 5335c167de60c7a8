"""What commands of several groups are told in the same words."""

from __future__ import annotations

from pathlib import Path

import click

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("citywatch-data"),
    envvar="CITYWATCH_DATA_DIR",
    show_default=True,
    help="Where everything of this city lies.",
)
CONFIG = click.option("--config", type=click.Path(path_type=Path), help="The city's configuration, when it has one.")
RECORD_KIND = click.Choice(["mon", "castor", "bedit", "ditis", "tmg", "json", "jsonl", "csv", "parquet"])
STATION = click.option(
    "--station", default="station", show_default=True, help="Code of the station; part of each device's id."
)
TIME_ZONE = click.option(
    "--time-zone", default="UTC", show_default=True, help="Zone of the file's local times: IANA name or +08:00."
)
FOLD = click.option(
    "--fold",
    type=click.Choice(["earlier", "later", "refuse"]),
    default="earlier",
    show_default=True,
    help="Which instant a local time means that the clock shows twice.",
)


def seconds_of(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Seconds, written as 90s, 10m, 2h."""
    if value is None:
        return None
    from citywatch.app.durations import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
