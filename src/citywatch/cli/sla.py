"""`sla`: histories of states and the figures of contracts."""

from __future__ import annotations

from pathlib import Path

import click

from citywatch.cli.options import CONFIG, DATA_DIR

_CONTRACT = click.option("--contract", required=True, help="A name in sla/contracts/, a file, or `reference`.")
_BEGIN = click.option(
    "--from", "begin", required=True, metavar="T", help="An instant, or a day of the contract's time zone."
)
_END = click.option("--to", "end", required=True, metavar="T", help="Not included.")


@click.group()
def sla() -> None:
    """Service levels: histories of states and the figures of contracts. No city needs to run.

    What is imported lies in sla/history/ of the data directory, one file an import, never changed; contracts lie in
    sla/contracts/NAME.yaml.
    """


@sla.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@DATA_DIR
@click.option("--time-zone", default="UTC", show_default=True, help="IANA zone of instants without an offset.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def sla_import(file: Path, data_dir: Path, time_zone: str, as_json: bool) -> None:
    """Take in a history of states: FILE is a CSV table with device,state,from,to,cause[,known_at][,evidence].

    States are up, degraded, down, unknown, externally_disabled and retired; an empty `to` has not ended. Over the same
    time the row that was known later wins; a row without known_at was known all along. The rows go to a new file in
    sla/history/ of the data directory; rows that are there already are left out. With any mistake nothing is taken.
    """
    from citywatch.app.sla import import_history

    import_history(data_dir, file, time_zone=time_zone, as_json=as_json)


@sla.command("report")
@_CONTRACT
@_BEGIN
@_END
@click.option("--as-known-at", metavar="T", help="The figure as it was known then.  [default: as known now]")
@click.option("--json", "json_file", is_flag=False, flag_value="-", metavar="FILE", help="Everything, for scripts.")
@click.option("--html", "html_file", is_flag=False, flag_value="-", metavar="FILE", help="One page, for people.")
@click.option("--pdf", "pdf_file", is_flag=False, flag_value="-", metavar="FILE", help="The same on paper.")
@click.option("--csv", "csv_file", is_flag=False, flag_value="-", metavar="FILE", help="The intervals that make it.")
@click.option("--parquet", "parquet_file", is_flag=False, flag_value="-", metavar="FILE", help="The same as columns.")
@click.option(
    "--source",
    type=click.Choice(["all", "import", "city"]),
    default="all",
    show_default=True,
    help="Imported histories, the city's own states, or both: then what was imported corrects the city's.",
)
@DATA_DIR
@CONFIG
def sla_report(
    contract: str,
    begin: str,
    end: str,
    as_known_at: str | None,
    json_file: str | None,
    html_file: str | None,
    pdf_file: str | None,
    csv_file: str | None,
    parquet_file: str | None,
    source: str,
    data_dir: Path,
    config: Path | None,
) -> None:
    """The figures of a contract over a window, each with the intervals that make it. FILE - is standard output."""
    from citywatch.app.sla import report

    report(
        data_dir,
        config=config,
        contract=contract,
        begin=begin,
        end=end,
        as_known_at=as_known_at,
        source=source,
        outputs={"json": json_file, "html": html_file, "pdf": pdf_file, "csv": csv_file, "parquet": parquet_file},
    )


@sla.command("explain")
@_CONTRACT
@_BEGIN
@_END
@click.option("--as-known-at", metavar="T", help="As it was known then.  [default: as known now]")
@click.option("--device", default="", help="Only of this device.")
@click.option("--contractor", default="", help="Only of the devices that this contractor answers for.")
@click.option("--area", default="", help="Only of this area.")
@click.option("--class", "klass", default="", help="Only of this class.")
@click.option("--department", default="", help="Only of this department.")
@click.option("--site", default="", help="Only of this site.")
@click.option("--parent", default="", help="Only of what hangs on this device.")
@click.option("--cause", default="", help="Only this cause, in its very words; - for none told.")
@click.option(
    "--counts-as", type=click.Choice(["up", "down", "unknown", "excluded", "retired"]), help="Only what counts so."
)
@click.option("--reading", type=click.Choice(["worst", "best"]), default="worst", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Most intervals.")
@click.option("--source", type=click.Choice(["all", "import", "city"]), default="all", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@DATA_DIR
@CONFIG
def sla_explain(
    contract: str,
    begin: str,
    end: str,
    as_known_at: str | None,
    counts_as: str | None,
    limit: int,
    source: str,
    as_json: bool,
    data_dir: Path,
    config: Path | None,
    **selection: str,
) -> None:
    """The stretches of time that make a figure, to the second, and what they add up to."""
    from citywatch.app.sla import explain

    explain(
        data_dir,
        config=config,
        contract=contract,
        begin=begin,
        end=end,
        as_known_at=as_known_at,
        source=source,
        selection={**selection, "counts_as": counts_as or ""},
        most=limit,
        as_json=as_json,
    )
