"""`cameras`: the cameras of a running city through its API, and the ONVIF devices of a network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from citywatch.cli.options import seconds_of


@click.group()
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
    "--freshness", metavar="TIME", callback=seconds_of, help="Also say what this target for every camera would need."
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
