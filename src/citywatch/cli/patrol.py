"""`patrol`: visits to cameras from the command line, without a city."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from citywatch.cli.options import seconds_of


@click.command()
@click.argument("urls", nargs=-1)
@click.option(
    "--fleet", type=click.Path(path_type=Path), help="CSV file of cameras, visited by the schedule instead of URLS."
)
@click.option(
    "--for", "for_s", metavar="TIME", callback=seconds_of, help="With --fleet: how long, such as 90s, 10m or 2h."
)
@click.option("--config", type=click.Path(path_type=Path), help="With --fleet: whose section `patrol` holds.")
@click.option("--decoders", type=click.IntRange(1, 64), help="With --fleet: decoder processes.  [default: 2]")
@click.option(
    "--freshness",
    metavar="TIME",
    callback=seconds_of,
    help="With --fleet: report what this target for every camera would need.",
)
@click.option(
    "--visits", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Visits to each camera."
)
@click.option(
    "--every", type=click.FloatRange(0, 86_400), help="Seconds between visits.  [default: 0 for files, 1 else]"
)
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True, help="For RTSP.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a visit.")
@click.option("--username", default="", help="User of the cameras; overrides the one in an address.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="File that holds their password alone: one in an address can be seen in a list of processes.",
)
def patrol(
    urls: tuple[str, ...],
    fleet: Path | None,
    for_s: float | None,
    config: Path | None,
    decoders: int | None,
    freshness: float | None,
    visits: int,
    every: float | None,
    transport: str,
    as_json: bool,
    username: str,
    password_file: Path | None,
) -> None:
    """Visit cameras (rtsp://, http:// snapshot, or a file) and say what was measured and concluded.

    With --fleet the cameras of a table are visited by the schedule for a while, and a report is given at the end.
    """
    if (fleet is None) == (not urls):
        raise click.UsageError("give addresses of cameras, or --fleet FILE.csv with --for TIME")
    if fleet is not None:
        if for_s is None:
            raise click.UsageError("--fleet wants --for TIME, such as 10m")
        from citywatch.app.offline import patrol_fleet_file

        sys.exit(
            patrol_fleet_file(fleet, for_s=for_s, as_json=as_json, config=config, decoders=decoders, target_s=freshness)
        )
    if any(value is not None for value in (for_s, config, decoders, freshness)):
        raise click.UsageError("--for, --config, --decoders and --freshness go with --fleet")
    from citywatch.app.offline import patrol_cameras

    sys.exit(
        patrol_cameras(
            urls,
            visits=visits,
            every=every,
            transport=transport,
            as_json=as_json,
            username=username,
            password_file=password_file,
        )
    )
