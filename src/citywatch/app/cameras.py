"""`citywatch cameras ...`: a client of a running city's API. Light: nothing of the city itself is loaded.

And the check of a fleet file, for `citywatch check-config`.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from citywatch.errors import CitywatchError, ConfigurationError, DescriptionRefused, OutsideError

if TYPE_CHECKING:
    from citywatch.adapters.cameras.config import CameraSettings
    from citywatch.settings import Settings

TOKEN_VARIABLE = "CITYWATCH_TOKEN"  # noqa: S105  (the name of a variable)
_TIMEOUT_S = 60.0
_DECIDED_WITHIN_S = 30.0
_LOOK_AGAIN_S = 0.2
_MOST_TOKEN_BYTES = 4096
_MOST_PASSWORD_BYTES = 4096
_PAGE = 500
_OVERLOADED = 1.01


@dataclass(frozen=True, slots=True)
class City:
    """Where a city answers, and who asks."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None

    def client(self) -> httpx.Client:
        """ConfigurationError without an address that can be one, or without a token."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigurationError("--api: give the address of a city's API, such as http://127.0.0.1:8600")
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self._token()}"},
            timeout=_TIMEOUT_S,
            verify=True if self.ca_file is None else _trusting(self.ca_file),
            trust_env=False,
        )

    def _token(self) -> str:
        if self.token_file is None:
            token = os.environ.get(TOKEN_VARIABLE, "").strip()
        else:
            token = _first_line(self.token_file, "--token-file", _MOST_TOKEN_BYTES).strip()
        if not token or not token.isascii() or not token.isprintable():
            raise ConfigurationError(
                f"a token is needed: --token-file FILE, or {TOKEN_VARIABLE} in the environment; "
                "make one with: citywatch token create NAME --role admin"
            )
        return token


def add_camera(
    city: City, camera: str, url: str, settings: Mapping[str, Any], *, password: str | None, as_json: bool
) -> None:
    """Add a camera, or describe it anew. `settings` are those of the API; `password` goes into the body alone."""
    if urlsplit_password(url) or urlsplit_password(settings.get("onvif_url") or ""):
        raise ConfigurationError(
            "the address holds a password, which everybody on this machine can read in the list of processes: "
            "give it with --ask-password or --password-file, or the whole address on standard input, as -"
        )
    body = {name: value for name, value in settings.items() if value not in (None, ())}
    body["url"] = sys.stdin.readline().strip() if url == "-" else url
    if password is not None:
        body["password"] = password
    with city.client() as client:
        answer = _asked(client, "PUT", _path(camera), json=body, headers=_key())
        view = _decided(client, answer) or _asked(client, "GET", _path(camera)).json()
    print(json.dumps(view, ensure_ascii=False) if as_json else f"{view['camera']}: watched at {view['url']}")


def remove_cameras(city: City, cameras: Sequence[str], *, as_json: bool) -> int:
    """Remove cameras, each for itself; exit code 1 when any could not be removed."""
    failed = 0
    with city.client() as client:
        for camera in cameras:
            problem = ""
            try:
                _decided(client, _asked(client, "DELETE", _path(camera), headers=_key()))
            except Refused as refused:
                failed, problem = 1, str(refused)
            if as_json:
                line = {"camera": camera, "removed": not problem, "problem": problem}
                print(json.dumps(line, ensure_ascii=False))
            elif problem:
                print(f"{camera}: {problem}", file=sys.stderr)
            else:
                print(f"{camera}: removed")
    return failed


def list_cameras(city: City, filters: Mapping[str, str | None], *, as_json: bool) -> None:
    """Print what is watched: one JSON object a line, or a table."""
    wanted = {name: value for name, value in filters.items() if value}
    with city.client() as client:
        cameras = _all(client, wanted)
        if as_json:
            for camera in cameras:
                print(json.dumps(camera, ensure_ascii=False))
            return
        _table(list(cameras))


def report_patrol(city: City, target_s: float | None, *, as_json: bool) -> None:
    """Print how fresh the looks are, what they cost, and what the targets, and a stated one, need."""
    with city.client() as client:
        params = {} if target_s is None else {"target_seconds": str(target_s)}
        report = _asked(client, "GET", "/api/v1/patrol", params=params).json()
    print(json.dumps(report, ensure_ascii=False) if as_json else "\n".join(_report_in_words(report)))


def import_cameras(city: City, file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Import a CSV table; exit code 1 when the city would not take some of it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; name a readable CSV file") from error
    with city.client() as client:
        answer = _asked(
            client,
            "POST",
            "/api/v1/cameras/import",
            content=content,
            params={"dry_run": "true"} if dry_run else {},
            headers={"Content-Type": "text/csv", **_key()},
        )
    result = answer.json()
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        would = "would be " if dry_run else ""
        waiting = f", {result['pending']} not decided yet" if result["pending"] else ""
        print(
            f"{result['cameras']} cameras: {would}{result['added']} added, {result['changed']} changed, "
            f"{result['unchanged']} unchanged{waiting}"
        )
        for refused in result["refused"]:
            print(f"{refused['camera']}: refused: {refused['reason']}", file=sys.stderr)
    return 1 if result["refused"] else 0


def check_fleet_file(config: Path, settings: Settings) -> int:
    """How many cameras the fleet file of a configuration names. ConfigurationError names every mistake in it."""
    return len(fleet_of(config.absolute().parent, settings))


def fleet_of(beside: Path | None, settings: Settings) -> Sequence[CameraSettings]:
    """The cameras of the fleet file, which lies `beside` the configuration. ConfigurationError as above."""
    from citywatch.adapters.cameras.fleet_file import parse_fleet  # noqa: PLC0415

    if settings.fleet_file is None:
        return ()
    file = (beside or Path()) / settings.fleet_file
    try:
        cameras = parse_fleet(file.read_bytes(), settings.patrol.classes)
    except OSError as error:
        raise ConfigurationError(f"fleet file {file}: {error.strerror}; name a readable CSV file") from error
    except DescriptionRefused as refused:
        raise ConfigurationError("\n".join(f"fleet file {file}: {mistake}" for mistake in refused.mistakes)) from None
    taken = {camera.camera for camera in settings.cameras} | {scale.device for scale in settings.scales}
    double = [camera.camera for camera in cameras if camera.camera in taken]
    if double:
        raise ConfigurationError(
            "\n".join(f"fleet file {file}: {name} is in the configuration, too" for name in double)
        )
    return cameras


def read_password(file: Path) -> str:
    """The first line of a file of this machine."""
    return _first_line(file, "--password-file", _MOST_PASSWORD_BYTES)


def urlsplit_password(url: str) -> str:
    """The password in an address, '' without one or for what is no address: the city says what is wrong with that."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


class Refused(CitywatchError):
    """The city would not do it."""


def _first_line(file: Path, option: str, most: int) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(most)
        return content.decode().splitlines()[0]
    except OSError as error:
        raise ConfigurationError(f"{option} {file}: {error.strerror}") from error
    except (UnicodeDecodeError, IndexError) as error:
        raise ConfigurationError(f"{option} {file}: one line of text is wanted") from error


def _trusting(ca_file: Path) -> Any:
    import ssl  # noqa: PLC0415

    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"--ca-file {ca_file}: certificates in PEM are wanted ({error})") from error


def _path(camera: str) -> str:
    return f"/api/v1/cameras/{quote(camera, safe='/:')}"


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


def _asked(client: httpx.Client, method: str, path: str, **arguments: Any) -> httpx.Response:
    """The answer; Refused, ConfigurationError or OutsideError in words for people otherwise."""
    try:
        answer = client.request(method, path, **arguments)
    except httpx.TransportError as error:
        raise OutsideError(
            "unavailable", f"{client.base_url} does not answer ({error}); is the city running there?", retry=True
        ) from error
    if answer.is_success:
        return answer
    try:
        document = answer.json()
        words = str(document["detail"])
        told = [_mistake(item) for item in document.get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        words, told = f"it answered {answer.status_code}; is this the address of a city?", []
    if told:
        words = "\n".join([f"{document.get('mistakes', len(told))} mistakes:", *told] if len(told) > 1 else told)
    if answer.status_code >= 500:
        raise OutsideError("unavailable", words, retry=True)
    if answer.status_code in (404, 409):
        raise Refused(words)
    raise ConfigurationError(words)


def _mistake(item: Mapping[str, Any]) -> str:
    place = f"line {item['line']}, column {item['column']}: " if item.get("line") else ""
    field = str(item["field"]).removeprefix("body.").removeprefix("table").lstrip(".")
    return f"{place}{field}: {item['message']}" if field else f"{place}{item['message']}"


def _decided(client: httpx.Client, answer: httpx.Response) -> dict[str, Any] | None:
    """The answer's document; for a 202 wait for the verdict and give None."""
    if answer.status_code != 202:
        return dict(answer.json()) if answer.content else None
    deadline = time.monotonic() + _DECIDED_WITHIN_S
    while True:
        verdict = _asked(client, "GET", answer.headers["Location"]).json()
        if verdict["state"] == "refused":
            raise Refused(f"refused: {verdict['reason']}")
        if verdict["state"] == "accepted":
            return None
        if time.monotonic() > deadline:
            raise OutsideError(
                "pending", f"written down, and not decided yet: look at {answer.headers['Location']}", retry=True
            )
        time.sleep(_LOOK_AGAIN_S)


def _all(client: httpx.Client, wanted: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        query = {**wanted, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
        page = _asked(client, "GET", "/api/v1/cameras", params=query).json()
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _table(cameras: Sequence[Mapping[str, Any]]) -> None:
    rows = [("CAMERA", "STATE", "FAULTS", "LAST LOOK", "SITE", "NAME", "ADDRESS")]
    for camera in cameras:
        look = camera["last_look"]
        rows.append(
            (
                camera["camera"],
                camera["state"],
                ",".join(fault["fault"] for fault in camera["faults"]) or "-",
                "-" if look is None else f"{_age(look['age_s'])} ago",
                camera["site"] or "-",
                camera["name"] or "-",
                camera["url"],
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))
    print(f"{len(cameras)} cameras", file=sys.stderr)


def _report_in_words(report: Mapping[str, Any]) -> Iterator[str]:
    """`patrol --fleet` says the same of a fleet without a city (app/patrol_fleet.py)."""
    yield f"{report['cameras']} cameras, {report['failing']} do not answer, {report['suspects']} suspects"
    if report["decoder_cpu_s"] is not None:
        yield (
            f"in the last {report['over_s']:.0f} s {report['visits_per_s']:.2f} visits a second, "
            f"{report['failing_share']:.1%} of them failing; processor: {report['decoder_cpu_s'] * 1e3:.1f} ms a visit "
            f"in the decoder, {report['patrol_cpu_s'] * 1e3:.1f} ms in the patrol"
        )
    for ages in report["ages"]:
        if ages["cameras"]:
            yield (
                f"{ages['camera_class']}: {ages['cameras']} cameras, age of the last look: half at most "
                f"{ages['p50_s']:.1f} s, 90 % {ages['p90_s']:.1f} s, 99 % {ages['p99_s']:.1f} s, all "
                f"{ages['max_s']:.1f} s; {ages['over_target']} over the target of {ages['target_s']:g} s"
            )
    for needs in (report["needs"], report.get("needs_of_target")):
        if needs and needs["processors"] is not None:
            target = f"a look every {needs['target_s']:g} s" if needs["target_s"] else "the targets of the classes"
            yield (
                f"{target}: {needs['visits_per_s']:.2f} visits a second need {needs['processors']:.2f} processors, "
                f"{needs['decoders']} decoders, {needs['in_flight']} visits side by side; here a look every "
                f"{needs['possible_s']:.1f} s is possible"
            )
    if report["stretch"] > _OVERLOADED:
        yield f"overloaded: every pause is {report['stretch']:.2f} times as long as the targets ask for"


def _age(seconds: float) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
