"""`citywatch run --only ...`: parts with supervisors of their own, around one log server and one data directory."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
from benchmarks._city import City, free_port

from citywatch.adapters.cameras.challenge import Credentials
from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.wire.sip import Response, parse_datagram, write_request

RECORD = {
    "previewStationCode": "ONLY",
    "previewDate": "2026-01-31 08:00:00.000",
    "laneNo": 1,
    "direction": 1,
    "axisNum": 2,
    "totalWeight": 30_000,
    "axle1Weight": 12_000,
    "axle2Weight": 18_000,
}
COMMAND = [sys.executable, "-m", "citywatch"]
OURS, CAMERA = "34020000002000000001", "34020000001320000001"


class SipCamera:
    """A GB/T 28181 device on a socket of its own."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.2)
        self.credentials = Credentials(CAMERA, "secret")
        self.cseq = 0

    def register(self) -> bool:
        """One try; whether the registrar is there and has let us in."""
        uri = f"sip:{OURS}@{OURS[:10]}"
        for proof in (False, True):
            self.cseq += 1
            host, port = self.socket.getsockname()
            headers = [
                ("Via", f"SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{self.cseq}"),
                ("From", f"<sip:{CAMERA}@{OURS[:10]}>;tag=1"),
                ("To", f"<sip:{CAMERA}@{OURS[:10]}>"),
                ("Call-ID", "only"),
                ("CSeq", f"{self.cseq} REGISTER"),
                ("Contact", f"<sip:{CAMERA}@{host}:{port}>"),
                ("Expires", "3600"),
            ]
            if proof:
                headers.append(("Authorization", self.credentials.header("REGISTER", uri) or ""))
            try:
                self.socket.send(write_request("REGISTER", uri, headers))
                answer = parse_datagram(self.socket.recv(65_535))
            except OSError:
                return False
            assert isinstance(answer, Response)
            if not proof:
                assert self.credentials.accept([text for name, text in answer.headers if name == "www-authenticate"])
        return answer.status == 200


def test_parts_apart_work_together(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "the-citys-own") as server:
        config, password, sip_port = tmp_path / "city.yaml", tmp_path / "password", free_port()
        password.write_text("secret\n")
        config.write_text(
            f"log: {{url: {json.dumps(server.url)}}}\nscales:\n  - {{station: ONLY, direction: 1, lane: 1}}\n"
            f'registrar: {{code: "{OURS}", port: {sip_port}, password_file: {password}}}\n'
        )
        shared = ("--config", str(config), "--data-dir", "data")
        processing = City(COMMAND, tmp_path, *shared, "--only", "process")
        serving = City(COMMAND, tmp_path, *shared, "--only", "serve")
        registering = City(COMMAND, tmp_path, *shared, "--only", "registrar")
        camera = SipCamera(sip_port)
        try:
            serving.until_ready(120)
            assert serving.get("/readyz")[1]["parts"]["registrar"] == "ok"
            twin = [*COMMAND, "run", *shared, "--only", "serve", "--port", "0"]
            refused = subprocess.run(twin, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert refused.returncode == 2
            assert "its part serve" in refused.stderr
            registering.wait("registration", 30, camera.register)
            client = httpx.Client(base_url=serving.url, headers={"Authorization": f"Bearer {serving.token()}"})
            with client:
                assert client.post("/api/v1/ingest/passes", json=RECORD).status_code == 200
                alerts = "/api/v1/alerts?kind=overloaded"
                serving.wait("the alert", 30, lambda: client.get(alerts).json()["items"])
                claims = f"/api/v1/devices/{CAMERA}/sources"
                (claim,) = serving.wait("the claim", 30, lambda: client.get(claims).json().get("sources"))
                assert (claim["source"], claim["claim"], claim["reason"]) == (f"gb28181:{CAMERA}", "online", "register")
                figures = client.get("/metrics").text
            assert "citywatch_entries_processed_total" in figures, "what the other container counts is scraped here"
            assert "citywatch_registrar_registered 1.0" in figures
        finally:
            camera.socket.close()
            for city in (serving, processing, registering):
                if city.process.poll() is None:
                    city.stop()
        assert CAMERA in (tmp_path / "data" / "registrar.json").read_text(), "it is remembered for the next start"
