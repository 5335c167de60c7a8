"""A whole running city: cameras come by three doors while it runs, are looked at at once, and their passwords are
found nowhere: not in the data directory, its archive, logs, metrics, answers, command lines or environments.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import cv2
import httpx
import pyarrow.parquet as pq
from benchmarks._city import City

from citywatch.adapters.cameras.registry import described_by, read
from citywatch.adapters.secrets import load_sealer
from citywatch.adapters.store.sql import SqlStore
from citywatch.testing.cameras import SnapshotServer
from citywatch.testing.scenes import Street

COMMAND = [sys.executable, "-m", "citywatch"]
PASSWORDS = {
    "of-config": "Zq-Blaubeere/01",
    "of-file": "Zq-Heidelbeere:02",
    "of-api": "Zq-Preiselbeere@03",
    "of-line": "Zq-Stachelbeere 04",
}
REFUSED = "Zq-Vogelbeere-05"
USER = "zq-watchkeeper"


@contextmanager
def snapshots() -> Iterator[dict[str, str]]:
    """A camera for each password that wants it; {camera: address without user and password}."""
    picture = cv2.imencode(".jpg", Street(3, 320, 180).picture(0.0))[1].tobytes()
    servers = {
        camera: SnapshotServer({"now.jpg": picture}, username=USER, password=password, authentication="digest")
        for camera, password in PASSWORDS.items()
    }
    ready, stop, addresses = threading.Event(), threading.Event(), {}

    async def serve() -> None:
        for camera, server in servers.items():
            await server.__aenter__()
            addresses[camera] = f"127.0.0.1:{server.port}/now.jpg"
        ready.set()
        await asyncio.to_thread(stop.wait)
        for server in servers.values():
            await server.__aexit__(None, None, None)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield addresses
    finally:
        stop.set()
        thread.join(10)


def spellings() -> list[bytes]:
    """Every way in which one of them might be written down."""
    found = []
    for secret in (*PASSWORDS.values(), REFUSED, USER):
        texts = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
        found += [text.encode() for text in texts]
        found += [base64.b64encode(f"{USER}:{secret}".encode()).rstrip(b"="), secret.encode("utf-16-le")]
    return found


def told_by_processes(root: int) -> bytes:
    """Command lines and environments of a process and of all below it."""
    parents = {}
    for folder in Path("/proc").iterdir():
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (ValueError, OSError, IndexError):
            continue
    family, told = {root}, b""
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    for pid in family:
        for name in ("cmdline", "environ"):
            try:
                told += Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:
                continue
    assert len(family) >= 6, "supervisor, log server, three parts and their decoders"
    return told


def configure(folder: Path, addresses: dict[str, str]) -> None:
    def at(camera: str) -> str:
        return f"http://{USER}:{quote(PASSWORDS[camera], safe='')}@{addresses[camera]}"

    (folder / "city.yaml").write_text(
        "fleet_file: fleet.csv\narchive: {seal_seconds: 1}\n"
        f"cameras:\n  - {{camera: of-config, url: '{at('of-config')}', visit_seconds: 2}}\n"
    )
    (folder / "fleet.csv").write_text(f"camera,url\nof-file,{at('of-file')}\n")


def test_cameras_come_and_go_while_it_runs_and_their_passwords_are_nowhere(tmp_path: Path) -> None:
    arguments = ("--config", "city.yaml", "--data-dir", "data", "--log-level", "debug")
    data, token_file = tmp_path / "data", tmp_path / "token"
    data.mkdir(mode=0o700)
    with snapshots() as addresses:
        configure(tmp_path, addresses)
        city = City(COMMAND, tmp_path, *arguments)
        try:
            token_file.write_text(city.wait("a token", 120, lambda: "cw_" in city.text() and city.token()))
            headers = {"Authorization": f"Bearer {token_file.read_text()}"}
            with httpx.Client(base_url=city.url, headers=headers, timeout=20, trust_env=False) as client:
                answers = [added_by_all_doors(city, client, tmp_path, token_file, addresses)]
                for path in ("cameras", "cameras/of-api", "devices", "alerts", "patrol", "openapi.json", "overview"):
                    answers.append(client.get(f"/api/v1/{path}").content)
                answers.append(client.get("/metrics").content)
                assert client.delete("/api/v1/cameras/of-line").status_code == 204
                (tmp_path / "fleet.csv").write_text("camera,url\n")
                city.wait("the removal", 30, lambda: client.get("/api/v1/cameras/of-file").status_code == 404)
                city.wait("a sealed command", 30, lambda: list(data.glob("segments/commands/**/*.parquet")))
            seen = told_by_processes(city.process.pid)
            city.stop()
        except BaseException:
            city.failure("test failed")
            raise
        outputs = city.text().encode()
        rerun = subprocess.run(
            [*COMMAND, "rerun", "--config", "city.yaml", "--recording", "live", "--events", "e.jsonl"],
            cwd=tmp_path, capture_output=True, check=True, timeout=120,
            env={**os.environ, "CITYWATCH_DATA_DIR": "data"},
        )  # fmt: skip
        outputs += rerun.stdout + rerun.stderr + (tmp_path / "e.jsonl").read_bytes()
        assert b'"camera_put"' in outputs

        names = [path for path in data.rglob("*") if path.is_file() and "cache" not in path.parts]
        archived = b"".join(
            str(pq.read_table(path).to_pydict()).encode() for path in names if path.suffix == ".parquet"
        )
        assert b"put_camera" in archived
        places = {path.name: path.read_bytes() for path in names}
        places |= {"archive": archived, "outputs": outputs, "processes": seen, "answers": b"".join(answers)}
        for place, content in places.items():
            assert not [spelling for spelling in spellings() if spelling in content], place

        assert (data / "secrets.key").stat().st_mode & 0o777 == 0o600
        store = SqlStore.open(data / "citywatch.sqlite")
        opened = read(described_by(store.camera("of-api")), load_sealer(data / "secrets.key"))
        store.close()
        assert opened.address().password == PASSWORDS["of-api"]


def added_by_all_doors(
    city: City, client: httpx.Client, folder: Path, token_file: Path, addresses: dict[str, str]
) -> bytes:
    """Add the other cameras by API and command line; what was answered. Each has been looked at when this returns."""
    begun = time.monotonic()
    body = {"url": f"http://{addresses['of-api']}", "username": USER, "password": PASSWORDS["of-api"]}
    said = client.put("/api/v1/cameras/of-api", json=body)
    assert said.status_code == 200, said.text
    city.wait("the first look", 30, lambda: seen_well(client, "of-api"))
    live_after_s = time.monotonic() - begun
    print(f"live after {live_after_s:.2f} s")
    refused = client.put("/api/v1/cameras/of-api", json={**body, "password": REFUSED, "look": "stare"})
    assert refused.status_code == 422
    (folder / "secret").write_text(PASSWORDS["of-line"] + "\n")
    line = subprocess.run(
        [*COMMAND, "cameras", "add", "of-line", f"http://{addresses['of-line']}", "--username", USER, "--password-file",
         str(folder / "secret"), "--token-file", str(token_file), "--api", city.url],
        capture_output=True, check=True, timeout=60, env={**os.environ, "CITYWATCH_TOKEN": ""},
    )  # fmt: skip
    for camera in PASSWORDS:
        city.wait(f"a look at {camera}", 30, lambda camera=camera: seen_well(client, camera))
    return said.content + refused.content + line.stdout + line.stderr


def seen_well(client: httpx.Client, camera: str) -> bool:
    answer = client.get(f"/api/v1/cameras/{camera}")
    look = answer.json().get("last_look") if answer.status_code == 200 else None
    return look is not None and look["outcome"] == "picture"
