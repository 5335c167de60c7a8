"""The running city: a record published at a broker becomes an alert, a message on a sign, and one at the broker."""

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


def test_from_a_broker_to_alert_sign_and_back(broker, controller, tmp_path):
    config = tmp_path / "city.yaml"
    sign = {"name": "s1", "station": "CS01", "direction": 1, "url": url(controller)}
    intake = {"mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}"}}
    scales = [{"station": "CS01", "direction": 1, "lane": 2}]
    bus = {"name": "bus", "kind": "mqtt", "url": f"mqtt://127.0.0.1:{broker.port}", "topic": "city/told"}
    people = {"receivers": [bus], "default": ["bus"], "routes": [{"group_wait_seconds": 0}]}
    said = {"intake": intake, "signs": [sign], "scales": scales, "notifications": people}
    config.write_text(json.dumps(said))
    city = City([sys.executable, "-m", "citywatch"], tmp_path, "--config", str(config), "--data-dir", "data")
    try:
        city.until_ready(120)
        parts = city.get("/readyz")[1]["parts"]
        assert (parts["scales"], parts["notify"]) == ("ok", "ok")
        now = datetime.now(UTC).astimezone(timezone(timedelta(hours=8)))
        date = now.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        station = Station(broker.port, "station")
        heard = []
        reader = Station(broker.port, "reader")
        reader.client.on_message = lambda _client, _data, message: heard.append(json.loads(message.payload))
        reader.client.subscribe("city/told", 1)
        axles = {f"axle{axle}Weight": 10_000 for axle in range(1, 7)}
        heavy = record(1, previewDate=date, axisNum=6, totalWeight=60_000, licenseCodeFront="湘A12345", **axles)
        station.say("citywatch/v1/CS01/passes", heavy)
        station.close()
        with httpx.Client(base_url=city.url, headers={"Authorization": f"Bearer {city.token()}"}) as client:
            alerts = "/api/v1/alerts?kind=overloaded"
            (alert,) = city.wait("the alert", 30, lambda: client.get(alerts).json()["items"])
            assert alert["device"] == "CS01/d1/l2"
            shown = city.wait("the sign", 30, lambda: [told for told, _ in controller.told if told["lines"]])
            assert shown[0]["plate"] == "湘A12345"
            (document,) = city.wait("the message", 30, lambda: heard)
            assert document["items"][0]["subject"] == f"alert/{alert['id']}"
            assert document["items"][0]["alert"]["figures"]["plate"] == "湘A*****"
            told = "/api/v1/deliveries?state=delivered"
            (delivery,) = city.wait("the log", 30, lambda: client.get(told).json()["items"])
            assert (delivery["id"], delivery["receiver"]) == (document["delivery"], "bus")
            reader.close()
            figures = client.get("/metrics").text
            assert "citywatch_pass_to_sign_seconds_count 1.0" in figures
    finally:
        if city.process.poll() is None:
            city.stop()
