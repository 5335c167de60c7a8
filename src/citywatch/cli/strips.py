"""`scale strips`: the vehicles in the raw signals of strips in the road."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click


@click.command("strips")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rate-hz", type=click.FloatRange(min=1), help="Samples a second.  [default: the file's sample_rate]")
@click.option("--positions-m", help="Places of the strips, such as 0,1,3.  [default: by the file's distances]")
@click.option("--calibration", help="Calibration constants, one a strip.  [default: the file's]")
@click.option(
    "--load-unit",
    type=click.Choice(["t", "kg"]),
    default="t",
    show_default=True,
    help="What the calibration constants make of volts.",
)
@click.option("--width-m", type=click.FloatRange(0.001, 2), default=0.053, show_default=True, help="Width of a strip.")
@click.option("--temperature-c", type=float, help="Of the road.  [default: the file's]")
@click.option(
    "--temperature-model",
    type=click.Choice(["none", "polymer-exponential", "polymer-offset"]),
    help="For all strips.  [default: by what each is made of]",
)
@click.option("--threshold-v", type=click.FloatRange(min=0, min_open=True), help="A pulse begins.  [default: by noise]")
@click.option(
    "--longest-spacing-m",
    type=click.FloatRange(1, 50),
    default=14.0,
    show_default=True,
    help="A longer gap between axles parts two vehicles.",
)
@click.option("--sides", help="Half of the lane that each strip lies in, such as left,right.  [default: full for each]")
@click.option("--slants", help="Metres that each strip advances per metre to the left, such as 0,0,0.3,0.3.")
@click.option("--lane-width-m", type=click.FloatRange(1, 10), default=3.75, show_default=True, help="With --sides.")
@click.option(
    "--track-m",
    type=click.FloatRange(0.5, 3),
    default=2.05,
    show_default=True,
    help="With --slants: middle to middle of a lorry's wheels.",
)
@click.option("--loop-at-m", type=float, help="Middle of the loop, where the file has one.  [default: the first strip]")
@click.option("--loop-length-m", type=click.FloatRange(0.1, 20), default=2.0, show_default=True, help="Of that loop.")
@click.option(
    "--passes", type=click.Path(path_type=Path), help="Write the vehicles here as records; kind by its ending."
)
@click.option("--start", help="With --passes: instant of the first sample, such as 2026-01-31T08:00:00Z.")
@click.option("--station", "station_code", default="station", show_default=True, help="With --passes: its code.")
@click.option("--direction", type=click.IntRange(0, 9), default=1, show_default=True, help="With --passes.")
@click.option("--lane", type=click.IntRange(0, 99), default=1, show_default=True, help="With --passes.")
@click.option("--raw", type=click.Path(path_type=Path), help="With --passes: keep raw strips in this object store.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def scale_strips(file: Path, **options: Any) -> None:
    """Weigh the vehicles in the raw signals of strips (HDF5): axles, areas, loads, speed, spacings."""
    from citywatch.app.scale_strips import weigh

    sys.exit(weigh(file, **options))
