"""`scale`: records of scales converted, their accuracy classed, their health judged; raw signals are in `strips`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from citywatch.cli import strips
from citywatch.cli.options import FOLD, RECORD_KIND, STATION, TIME_ZONE


@click.group(commands=[strips.scale_strips])
def scale() -> None:
    """Weigh-in-motion scales: their records, their signals, their accuracy and their health. No city needs to run."""


@scale.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "from_kind", type=RECORD_KIND, help="Format of IN.  [default: by its name]")
@click.option("--to", "to_kind", type=RECORD_KIND, help="Format of OUT.  [default: by its name]")
@STATION
@click.option(
    "--zone", "--time-zone", "zone", default="UTC", show_default=True, help="Zone of local times: IANA name or +08:00."
)
@click.option("--to-zone", help="Zone of the local times of OUT.  [default: that of IN]")
@FOLD
@click.option("--mapping", type=click.Path(path_type=Path), help="CSV: how IN is written; see configs/scale-csv.yaml.")
@click.option("--to-mapping", type=click.Path(path_type=Path), help="CSV: how OUT shall be written.")
@click.option(
    "--direction", "directions", multiple=True, metavar="OLD=NEW", help="Rename a direction; may be repeated."
)
@click.option("--refused", type=click.Path(path_type=Path, dir_okay=False), help="Write refused records here, as JSON.")
@click.option("--force", "overwrite", is_flag=True, help="Replace OUT when it is there already.")
@click.option("--json", "as_json", is_flag=True, help="The counts as JSON.")
def scale_convert(
    source: Path,
    target: Path,
    from_kind: str | None,
    to_kind: str | None,
    station: str,
    zone: str,
    to_zone: str | None,
    fold: str,
    mapping: Path | None,
    to_mapping: Path | None,
    directions: tuple[str, ...],
    refused: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Convert a file of vehicle records into another format; exit code 3 when some records were refused.

    Formats: MON, CASTOR, BeDIT, DITIS, FHWA's W record (tmg), Chinese station JSON (json: a document, jsonl: one
    record a line), CSV and Parquet. docs/scale-formats.md says what each of them holds.
    """
    from citywatch.app.scale_convert import convert_file

    sys.exit(
        convert_file(
            source,
            target,
            from_kind=from_kind,
            to_kind=to_kind,
            station=station,
            zone=zone,
            to_zone=to_zone,
            fold=fold,
            mapping=mapping,
            to_mapping=to_mapping,
            directions=directions,
            refused=refused,
            overwrite=overwrite,
            as_json=as_json,
        )
    )


@scale.command("accept")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--standard", required=True, type=click.Choice(["cost323", "e1318", "r134"]))
@click.option("--n", "n", multiple=True, help="COST 323 without a file: runs of a criterion; `name=value` or in order.")
@click.option("--mean", multiple=True, help="... mean of its errors, % of the reference.")
@click.option("--sd", multiple=True, help="... their standard deviation, %.")
@click.option(
    "--criterion",
    multiple=True,
    help="... names them: gross, group, single_axle, axle_of_group (the order without this option).",
)
@click.option(
    "--repeatability",
    type=click.Choice(
        [
            *("r1", "r2", "R1", "R2", "full_repeatability", "extended_repeatability"),
            *("limited_reproducibility", "full_reproducibility"),
        ]
    ),
    help="COST 323: the conditions of the runs.  [default: R2]",
)
@click.option(
    "--environment",
    type=click.Choice(["I", "II", "III"]),
    help="COST 323: how much the surroundings changed during the runs.  [default: I]",
)
@click.option("--initial", is_flag=True, help="Initial verification (COST 323, R134) instead of a check in service.")
@click.option("--class", "wanted", help="Exit code 3 unless this class or a stricter one is reached.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def scale_accept(
    file: Path | None,
    standard: str,
    n: tuple[str, ...],
    mean: tuple[str, ...],
    sd: tuple[str, ...],
    criterion: tuple[str, ...],
    repeatability: str | None,
    environment: str | None,
    initial: bool,
    wanted: str | None,
    as_json: bool,
) -> None:
    """Accuracy class of a scale by reference runs: FILE is a CSV table with run,criterion,reference,measured."""
    from citywatch.app.scale_accept import accept

    sys.exit(
        accept(
            standard,
            file,
            summary={"n": n, "mean": mean, "sd": sd, "criterion": criterion},
            repeatability=repeatability,
            environment=environment,
            initial=initial,
            wanted=wanted,
            as_json=as_json,
        )
    )


@scale.command("health")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--from", "kind", type=RECORD_KIND, help="Format of the files.  [default: by their names]")
@STATION
@TIME_ZONE
@FOLD
@click.option("--mapping", type=click.Path(path_type=Path), help="CSV: how the files are written.")
@click.option(
    "--axles", type=click.IntRange(3, 40), default=6, show_default=True, help="Axles of the reference population."
)
@click.option(
    "--from-gross-kg", type=click.IntRange(1), default=30_000, show_default=True, help="... which weigh at least this."
)
@click.option(
    "--steering-kg", type=click.FloatRange(1), help="What their steering axles weigh by a scale that is right."
)
@click.option("--tandem-mm", type=click.FloatRange(1), help="... the spacing of their drive tandems.")
@click.option(
    "--left-right", type=click.FloatRange(0.1, 10), help="... the load of the left wheels over the right ones."
)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def scale_health(
    files: tuple[Path, ...],
    kind: str | None,
    station: str,
    time_zone: str,
    fold: str,
    mapping: Path | None,
    axles: int,
    from_gross_kg: int,
    steering_kg: float | None,
    tandem_mm: float | None,
    left_right: float | None,
    as_json: bool,
) -> None:
    """Judge scales by the vehicles in their files: levels, steps with date and size, bad records, silences.

    Exit code 3 when a step, a fault or a silence was found. The order of the lines does not matter. With --steering-kg
    and its like a scale that weighs wrong from the beginning is a fault, too.
    """
    from citywatch.app.scale_health import scale_health as health

    sys.exit(
        health(
            files,
            kind=kind,
            station=station,
            time_zone=time_zone,
            fold=fold,
            mapping=mapping,
            axles=axles,
            from_gross_kg=from_gross_kg,
            steering_kg=steering_kg,
            tandem_mm=tandem_mm,
            left_right=left_right,
            as_json=as_json,
        )
    )
