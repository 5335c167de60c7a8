"""The main job, as a newcomer meets it: `citywatch run` from an empty directory, in an installed environment.

Usage: python smoke.py PATH_TO_CITYWATCH. Standard library only. Starts the demonstration city, waits until ready,
reads an alert with the printed token, interrupts it like Ctrl-C, and starts it again: the alert must still be there,
and the city must go on.
Prints one line a step; exit code 0 when all of it held.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._city import City

READY_S = 90.0
ALERT_S = 60.0


def main() -> None:
    citywatch = [str(Path(sys.argv[1]).absolute())]
    with tempfile.TemporaryDirectory(prefix="citywatch-smoke-") as name:
        first = City(citywatch, Path(name))
        print(f"ready: {first.until_ready(READY_S):.1f} s", flush=True)
        token = first.token()
        if first.get("/api/v1/alerts")[0] != 401:
            raise first.failure("alerts can be read without a token")
        alerts = first.wait("first alert", ALERT_S, lambda: (first.get("/api/v1/alerts", token)[1] or {}).get("items"))
        print(f"an alert: {alerts[-1]['kind']} of {alerts[-1]['device']}", flush=True)
        print(f"stopped: {first.stop():.1f} s", flush=True)

        second = City(citywatch, Path(name))
        print(f"ready a second time: {second.until_ready(READY_S):.1f} s", flush=True)
        status, found = second.get(f"/api/v1/alerts/{alerts[-1]['id']}", token)
        if status != 200 or found["id"] != alerts[-1]["id"]:
            raise second.failure(f"alert {alerts[-1]['id']} is not known any more (status {status})")
        known = {alert["id"] for alert in second.get("/api/v1/alerts", token)[1]["items"]}

        def another() -> list[str]:
            items = (second.get("/api/v1/alerts", token)[1] or {}).get("items", [])
            return [alert["kind"] for alert in items if alert["id"] not in known]

        print(f"the city goes on: {second.wait('new alert', ALERT_S, another)[0]}", flush=True)
        print(f"stopped: {second.stop():.1f} s", flush=True)
    print("smoke: all of it held")


if __name__ == "__main__":
    main()
