"""The command line: parse and delegate. A command imports what it needs when it runs, so that --help stays fast."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from citywatch import __version__

_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("citywatch-data"),
    envvar="CITYWATCH_DATA_DIR",
    show_default=True,
    help="Where everything of this city lies.",
)
_CONFIG = click.option("--config", type=click.Path(path_type=Path), help="The city's configuration, when it has one.")
_LAW_FILES = click.option(
    "--law-file",
    "law_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A law file beside ours (TOML): a law of one's own, or a later version of ours; may be given again.",
)
_PARTS = ("process", "serve", "patrol", "registrar", "scales", "notify")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="citywatch")
def app() -> None:
    """Watch a city's roadside cameras and weigh-in-motion scales."""


@app.command()
@click.option("--config", type=click.Path(path_type=Path), help="YAML file; without one a demonstration city plays.")
@_DATA_DIR
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API and the console.  [default: 8600]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--only", help="Run only these parts, separated by commas: patrol,process,serve,registrar.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="JSON logs on standard error from this level on.",
)
def run(
    config: Path | None, data_dir: Path, port: int | None, host: str | None, only: str | None, log_level: str
) -> None:
    """Watch a city until stopped: log server, processing, patrol, API and console in one command."""
    # Each once: two processors of one city would take turns at fencing each other.
    parts = _PARTS if only is None else tuple(dict.fromkeys(part.strip() for part in only.split(",") if part.strip()))
    unknown = sorted(set(parts) - set(_PARTS))
    if unknown or not parts:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from patrol, process, serve, registrar, scales, notify",
            param_hint="--only",
        )
    from citywatch.app.supervisor import supervise

    sys.exit(supervise(config, data_dir, port=port, host=host, parts=parts, log_level=log_level.upper()))


@app.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--law", help="Law that decides: cn-gross, cn-full, eu-full, us-full.  [default: --config's, or cn-gross]"
)
@_LAW_FILES
@_CONFIG
@click.option("--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write the counts here, as JSON.")
@click.option("--events", type=click.Path(path_type=Path, dir_okay=False), help="Write the events here, as JSON lines.")
@_DATA_DIR
@click.option("--station", default="station", show_default=True, help="Code of the station; part of each device's id.")
@click.option(
    "--time-zone", default="UTC", show_default=True, help="Zone of the file's local times: IANA name or +08:00."
)
@click.option(
    "--fold",
    type=click.Choice(["earlier", "later", "refuse"]),
    default="earlier",
    show_default=True,
    help="Which instant a local time means that the clock shows twice.",
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["mon", "castor", "bedit", "ditis", "tmg", "json", "jsonl", "csv", "parquet"]),
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


@app.command()
@_DATA_DIR
@_CONFIG
@click.option(
    "--recording", default="latest", show_default=True, help="A recording of `replay`; `live` for the city's own log."
)
@click.option("--law", help="Law that decides; without it the one that has decided.")
@_LAW_FILES
@click.option("--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write the counts here, as JSON.")
@click.option("--events", type=click.Path(path_type=Path, dir_okay=False), help="Write the events here, as JSON lines.")
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


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Seconds, written as 90s, 10m, 2h."""
    if value is None:
        return None
    from citywatch.app.durations import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@app.command()
@click.argument("urls", nargs=-1)
@click.option(
    "--fleet", type=click.Path(path_type=Path), help="CSV file of cameras, visited by the schedule instead of URLS."
)
@click.option(
    "--for", "for_s", metavar="TIME", callback=_seconds, help="With --fleet: how long, such as 90s, 10m or 2h."
)
@click.option("--config", type=click.Path(path_type=Path), help="With --fleet: whose section `patrol` holds.")
@click.option("--decoders", type=click.IntRange(1, 64), help="With --fleet: decoder processes.  [default: 2]")
@click.option(
    "--freshness",
    metavar="TIME",
    callback=_seconds,
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


@app.group()
def cameras() -> None:
    """The cameras of a running city: add, remove, list, import and report on them through its API."""


def _city(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the city answers and who asks: the same for every command about cameras."""
    options = (
        click.option(
            "--api",
            envvar="CITYWATCH_API",
            default="http://127.0.0.1:8600",
            show_default=True,
            help="Address of the city's API; CITYWATCH_API in the environment.",
        ),
        click.option(
            "--token-file",
            envvar="CITYWATCH_TOKEN_FILE",
            type=click.Path(path_type=Path),
            help="File that holds an access token; else the token stands in CITYWATCH_TOKEN.",
        ),
        click.option(
            "--ca-file", type=click.Path(path_type=Path), help="Certificates (PEM) that an https:// is trusted by."
        ),
        click.option("--json", "as_json", is_flag=True, help="JSON on standard output."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@cameras.command("add")
@click.argument("camera")
@click.argument("url")
@click.option("--name", help="Name for people.")
@click.option("--place", help="Where it is.")
@click.option("--kind", type=click.Choice(["camera", "switch", "power", "recorder"]), help="[default: camera]")
@click.option("--site", help="What shares a line or a place.")
@click.option("--class", "camera_class", help="Class of the patrol: its freshness target.  [default: standard]")
@click.option("--parent", help="The switch, power box or recorder that it hangs on.")
@click.option("--look", type=click.Choice(["visit", "key_frames", "all_frames"]), help="[default: visit]")
@click.option("--visit-seconds", type=float, help="So long from visit to visit, instead of the class's target.")
@click.option("--transport", type=click.Choice(["tcp", "udp"]), help="For RTSP.  [default: tcp]")
@click.option("--onvif-url", help="Address of its ONVIF device service, without a password.")
@click.option(
    "--preset", "presets", multiple=True, help="A preset of its plan, such as north@06:00+08:00; may be repeated."
)
@click.option("--no-tls-verify", is_flag=True, help="Take any certificate of an https:// camera.")
@click.option("--username", help="User of the camera.")
@click.option("--ask-password", is_flag=True, help="Ask for the camera's password, without showing it.")
@click.option("--password-file", type=click.Path(path_type=Path), help="File of this machine that holds it.")
@click.option("--secret-file", help="File of the city's machine that holds it, read at each visit.")
@_city
def cameras_add(
    camera: str,
    url: str,
    no_tls_verify: bool,
    ask_password: bool,
    password_file: Path | None,
    secret_file: str | None,
    api: str,
    token_file: Path | None,
    ca_file: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Add a camera, or describe it anew: CAMERA is its id, URL its address (- reads it from standard input)."""
    from citywatch.app.cameras import City, add_camera, read_password

    if sum((ask_password, password_file is not None, secret_file is not None)) > 1:
        raise click.UsageError("give the password in one way: --ask-password, --password-file or --secret-file")
    password = None
    if ask_password:
        password = click.prompt("Password", hide_input=True, err=True)
    elif password_file is not None:
        password = read_password(password_file)
    settings |= {"password_file": secret_file, "tls_verify": False if no_tls_verify else None}
    add_camera(City(api, token_file, ca_file), camera, url, settings, password=password, as_json=as_json)


@cameras.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="CAMERA...")
@_city
def cameras_remove(
    names: tuple[str, ...], api: str, token_file: Path | None, ca_file: Path | None, as_json: bool
) -> None:
    """Watch cameras no longer: what is open about them ends, their history stays."""
    from citywatch.app.cameras import City, remove_cameras

    sys.exit(remove_cameras(City(api, token_file, ca_file), names, as_json=as_json))


@cameras.command("list")
@click.option("--state", help="up, down or unknown.")
@click.option("--fault", help="Only cameras with this fault.")
@click.option("--site", help="Only cameras of this site.")
@click.option("--class", "camera_class", help="Only cameras of this class.")
@click.option("--kind", help="Only these: camera, switch, power or recorder.")
@click.option("--search", help="Sought in id, name and site.")
@_city
def cameras_list(
    state: str | None,
    fault: str | None,
    site: str | None,
    camera_class: str | None,
    kind: str | None,
    search: str | None,
    api: str,
    token_file: Path | None,
    ca_file: Path | None,
    as_json: bool,
) -> None:
    """List cameras with state, faults and the age of the last look; with --json one object a line."""
    from citywatch.app.cameras import City, list_cameras

    filters = {"state": state, "fault": fault, "site": site, "class": camera_class, "kind": kind, "q": search}
    list_cameras(City(api, token_file, ca_file), filters, as_json=as_json)


@cameras.command("report")
@click.option(
    "--freshness", metavar="TIME", callback=_seconds, help="Also say what this target for every camera would need."
)
@_city
def cameras_report(
    freshness: float | None, api: str, token_file: Path | None, ca_file: Path | None, as_json: bool
) -> None:
    """How fresh the looks are at this moment, visits a second, what they cost, and what the targets need."""
    from citywatch.app.cameras import City, report_patrol

    report_patrol(City(api, token_file, ca_file), freshness, as_json=as_json)


@cameras.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check it and say what would change; nothing is written.")
@_city
def cameras_import(
    file: Path, dry_run: bool, api: str, token_file: Path | None, ca_file: Path | None, as_json: bool
) -> None:
    """Add or change all cameras of a CSV table; with any mistake nothing is taken, and every mistake is told."""
    from citywatch.app.cameras import City, import_cameras

    sys.exit(import_cameras(City(api, token_file, ca_file), file, dry_run=dry_run, as_json=as_json))


@cameras.command("discover")
@click.option("--wait", "wait_s", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="Seconds.")
@click.option("--interface", default="", help="IPv4 address of the network interface to ask on.")
@click.option("--target", "targets", multiple=True, help="Ask this host directly; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def cameras_discover(wait_s: float, interface: str, targets: tuple[str, ...], as_json: bool) -> None:
    """Ask the network for ONVIF devices; no city needs to run."""
    from citywatch.app.onvif import discover_devices

    sys.exit(discover_devices(wait_s=wait_s, interface=interface, targets=targets, as_json=as_json))


@cameras.command("ask")
@click.argument("url")
@click.option("--username", default="", help="User; better than in the address, which others can see.")
@click.option("--password-file", type=click.Path(path_type=Path), help="A file that holds the password alone.")
@click.option("--no-tls-verify", is_flag=True, help="Take any certificate.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def cameras_ask(url: str, username: str, password_file: Path | None, no_tls_verify: bool, as_json: bool) -> None:
    """Ask one ONVIF device (onvif://HOST) what it is, what time it has and where its pictures are."""
    from citywatch.app.onvif import ask_device

    sys.exit(
        ask_device(url, username=username, password_file=password_file, tls_verify=not no_tls_verify, as_json=as_json)
    )


@app.group()
def scale() -> None:
    """Weigh-in-motion scales: their records, their signals, their accuracy and their health. No city needs to run."""


_RECORD_KINDS = ["mon", "castor", "bedit", "ditis", "tmg", "json", "jsonl", "csv", "parquet"]
_STATION = click.option(
    "--station", default="station", show_default=True, help="Code of the station; part of each device's id."
)
_FOLD = click.option(
    "--fold",
    type=click.Choice(["earlier", "later", "refuse"]),
    default="earlier",
    show_default=True,
    help="Which instant a local time means that the clock shows twice.",
)


@scale.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "from_kind", type=click.Choice(_RECORD_KINDS), help="Format of IN.  [default: by its name]")
@click.option("--to", "to_kind", type=click.Choice(_RECORD_KINDS), help="Format of OUT.  [default: by its name]")
@_STATION
@click.option(
    "--zone", "--time-zone", "zone", default="UTC", show_default=True, help="Zone of local times: IANA name or +08:00."
)
@click.option("--to-zone", help="Zone of the local times of OUT.  [default: that of IN]")
@_FOLD
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


@scale.command("strips")
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


@scale.command("health")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from", "kind", type=click.Choice(_RECORD_KINDS), help="Format of the files.  [default: by their names]"
)
@_STATION
@click.option(
    "--time-zone", default="UTC", show_default=True, help="Zone of the file's local times: IANA name or +08:00."
)
@_FOLD
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


@app.group()
def sla() -> None:
    """Service levels: histories of states and the figures of contracts. No city needs to run.

    What is imported lies in sla/history/ of the data directory, one file an import, never changed; contracts lie in
    sla/contracts/NAME.yaml.
    """


@sla.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_DATA_DIR
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
@click.option("--contract", required=True, help="A name in sla/contracts/, a file, or `reference`.")
@click.option("--from", "begin", required=True, metavar="T", help="An instant, or a day of the contract's time zone.")
@click.option("--to", "end", required=True, metavar="T", help="Not included.")
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
@_DATA_DIR
@_CONFIG
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


@app.group()
def notify() -> None:
    """Receivers of notifications."""


@notify.command("test")
@click.argument("receiver")
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The city's configuration.")
def notify_test(receiver: str, config: Path) -> None:
    """Send RECEIVER a message that says it is a test, now and once. No city need run. Exit code 1: it was not taken."""
    from citywatch.app.notify import try_receiver

    sys.exit(try_receiver(config, receiver))


@sla.command("explain")
@click.option("--contract", required=True, help="A name in sla/contracts/, a file, or `reference`.")
@click.option("--from", "begin", required=True, metavar="T", help="An instant, or a day of the contract's time zone.")
@click.option("--to", "end", required=True, metavar="T", help="Not included.")
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
@_DATA_DIR
@_CONFIG
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


@app.group()
def deadletter() -> None:
    """What was refused, with its reason."""


@deadletter.command("list")
@_DATA_DIR
@_CONFIG
@click.option("--source", help="Only from this source.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a letter.")
def deadletter_list(data_dir: Path, config: Path | None, source: str | None, limit: int, as_json: bool) -> None:
    """List refused input, the city's and that of replays, oldest first; contents, which may hold plates, are hidden."""
    from citywatch.app.offline import list_dead_letters

    list_dead_letters(data_dir, config=config, source=source, limit=limit, as_json=as_json)


@deadletter.command("retry")
@_DATA_DIR
@_CONFIG
@click.option("--source", help="Only from this source.")
@click.argument("numbers", nargs=-1, type=int)
def deadletter_retry(data_dir: Path, config: Path | None, source: str | None, numbers: tuple[int, ...]) -> None:
    """Hand refused input in again, after a fix: the letters named by NUMBER, or all."""
    from citywatch.app.offline import retry_dead_letters

    sys.exit(retry_dead_letters(data_dir, config=config, source=source, numbers=numbers))


@app.group()
def token() -> None:
    """Access tokens of the API and the console."""


@token.command("create")
@_DATA_DIR
@_CONFIG
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, operator, crew, ingest, metrics or admin.")
@click.option("--team", default="", help="A crew's team: it repairs and sees the tickets of this one alone.")
def token_create(data_dir: Path, config: Path | None, name: str, role: str, team: str) -> None:
    """Make a token; it is shown once."""
    from citywatch.app.offline import create_token

    create_token(data_dir, config, name, role, team)


@token.command("list")
@_DATA_DIR
@_CONFIG
def token_list(data_dir: Path, config: Path | None) -> None:
    """Names and roles; the tokens themselves are not stored."""
    from citywatch.app.offline import list_tokens

    list_tokens(data_dir, config)


@token.command("revoke")
@_DATA_DIR
@_CONFIG
@click.argument("name")
def token_revoke(data_dir: Path, config: Path | None, name: str) -> None:
    """Make a token worthless from now on."""
    from citywatch.app.offline import revoke_token

    revoke_token(data_dir, config, name)


@app.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check a configuration, and the fleet file, register, law and contract files that it names; every mistake is told
    with its line."""
    from citywatch.app.cameras import check_fleet_file
    from citywatch.app.contracts import check_contract_files
    from citywatch.app.register import read_register
    from citywatch.app.steps import law_of
    from citywatch.settings import load_settings

    settings = load_settings(file)
    cameras = len(settings.cameras) + check_fleet_file(file, settings)
    read_register(settings, file.absolute().parent)
    law_of(settings)
    check_contract_files(settings, file.absolute().parent)
    click.echo(f"{file}: in order ({cameras} cameras, {len(settings.scales)} scale lanes)")


@app.command("check-rules")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The configuration; without it the one FILE names.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here, too.")
def check_rules(file: Path, config: Path | None, as_json: bool, junit: Path | None) -> None:
    """Live through the scripted days of FILE with the rules of a configuration: did what was expected come of them?

    Exit code 1 when an expectation does not hold, 2 for a file that is wrong.
    """
    from citywatch.app.check_rules import check_rules as check

    sys.exit(check(file, config=config, as_json=as_json, junit=junit))


@app.command(hidden=True)
@click.argument("name")
def part(name: str) -> None:
    """One part of `run`, started by the supervisor."""
    from citywatch.app.parts import run_part

    sys.exit(run_part(name))
