"""Deciding without a city: `replay` reads foreign files, `rerun` the recorded log."""

from __future__ import annotations

from pathlib import Path

import click

from citywatch.cli.options import CONFIG, DATA_DIR, FOLD, RECORD_KIND, STATION, TIME_ZONE

_LAW_FILES = click.option(
    "--law-file",
    "law_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A law file beside ours (TOML): a law of one's own, or a later version of ours; may be given again.",
)
_SUMMARY = click.option(
    "--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write the counts here, as JSON."
)
_EVENTS = click.option(
    "--events", type=click.Path(path_type=Path, dir_okay=False), help="Write the events here, as JSON lines."
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--law", help="Law that decides: cn-gross, cn-full, eu-full, us-full.  [default: --config's, or cn-gross]"
)
@_LAW_FILES
@CONFIG
@_SUMMARY
@_EVENTS
@DATA_DIR
@STATION
@TIME_ZONE
@FOLD
@click.option(
    "--from",
    "kind",
    type=RECORD_KIND,
    help="Format of the files.  [default: by the end of their names, else mon]",
)
@click.option("--mapping", type=click.Path(path_type=Path), help="CSV: how it is written; see configs/scale-csv.yaml.")
def replay(
    files: tuple[Path, ...],
    law: str | None,
    law_files: tuple[Path, ...],
    config: Path | None,
    summary: Path | None,
    events: Path | None,
    data_dir: Path,
    station: str,
    time_zone: str,
    fold: str,
    kind: str | None,
    mapping: Path | None,
) -> None:
    """Read weigh-in-motion files (MON and others, see `scale convert`) and decide every pass."""
    from citywatch.app.offline import replay_files

    replay_files(
        files,
        law=law,
        law_files=law_files,
        config=config,
        summary=summary,
        events=events,
        data_dir=data_dir,
        station=station,
        time_zone=time_zone,
        fold=fold,
        kind=kind,
        mapping=mapping,
    )


@click.command()
@DATA_DIR
@CONFIG
@click.option(
    "--recording", default="latest", show_default=True, help="A recording of `replay`; `live` for the city's own log."
)
@click.option("--law", help="Law that decides; without it the one that has decided.")
@_LAW_FILES
@_SUMMARY
@_EVENTS
def rerun(
    data_dir: Path,
    config: Path | None,
    recording: str,
    law: str | None,
    law_files: tuple[Path, ...],
    summary: Path | None,
    events: Path | None,
) -> None:
    """Decide the recorded log once more: the same rows give the same events, byte for byte."""
    from citywatch.app.offline import rerun_recording

    rerun_recording(
        data_dir, config=config, recording=recording, law=law, law_files=law_files, summary=summary, events=events
    )
