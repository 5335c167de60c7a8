"""The running city: a record published at a broker becomes an alert, and a message on a sign."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import httpx
from benchmarks._city import City
from intake_kit import Station
from test_mqtt_intake import record
from test_signs import controller, url

__all__ = ["controller"]


def test_from_a_broker_to_alert_and_sign(broker, controller, tmp_path):
    config = tmp_path / "city.yaml"
    sign = {"name": "s1", "station": "CS01", "direction": 1, "url": url(controller)}
    intake = {"mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}"}}
    scales = [{"station": "CS01", "direction": 1, "lane": 2}]
    config.write_text(json.dumps({"intake": intake, "signs": [sign], "scales": scales}))
    city = City([sys.executable, "-m", "citywatch"], tmp_path, "--config", str(config), "--data-dir", "data")
    try:
        city.until_ready(120)
        assert city.get("/readyz")[1]["parts"]["scales"] == "ok"
        now = datetime.now(UTC).astimezone(timezone(timedelta(hours=8)))
        date = now.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        station = Station(broker.port, "station")
        axles = {f"axle{axle}Weight": 10_000 for axle in range(1, 7)}
        heavy = record(1, previewDate=date, axisNum=6, totalWeight=60_000, licenseCodeFront="湘A12345", **axles)
        station.say("citywatch/v1/CS01/passes", heavy)
        station.close()
        with httpx.Client(base_url=city.url, headers={"Authorization": f"Bearer {city.token()}"}) as client:
            alerts = "/api/v1/alerts?kind=overloaded"
            (alert,) = city.wait("the alert", 30, lambda: client.get(alerts).json()["items"])
            assert alert["device"] == "CS01/d1/l2"
            told = city.wait("the sign", 30, lambda: controller.told)
            assert told[0][0]["plate"] == "湘A12345"
            figures = client.get("/metrics").text
            assert "citywatch_pass_to_sign_seconds_count 1.0" in figures
    finally:
        if city.process.poll() is None:
            city.stop()
