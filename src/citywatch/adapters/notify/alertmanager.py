"""Alertmanager's API v2: alerts are pushed when they change, and again before they would end by themselves."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from citywatch.adapters.notify.outcome import DELIVERED, Outcome
from citywatch.adapters.notify.webhook import json_client, post
from citywatch.domain.instants import NS_PER_S, format_instant

MOST_AT_ONCE = 1000
ENDS_AFTER = 4
"""An alert that we do not send again ends after so many times the pause between two sendings."""


class Alertmanager:
    """One Alertmanager. `title` makes the summary of an alert's view, `link` its address in the console."""

    def __init__(
        self,
        url: str,
        *,
        token: str,
        timeout_s: float,
        resend_s: float,
        tls: ssl.SSLContext | None,
        now_ns: Callable[[], int],
        title: Callable[[Mapping[str, Any]], str],
        link: Callable[[Mapping[str, Any]], str],
    ) -> None:
        self._url = url.rstrip("/") + "/api/v2/alerts"
        self._resend_s = resend_s
        self._now_ns = now_ns
        self._title = title
        self._link = link
        self._client = json_client(token, timeout_s, tls)

    def send(self, document: Mapping[str, Any]) -> Outcome:
        """What changed; tickets and repeats are none of Alertmanager's business. A test is an alert that is over."""
        if document["kind"] == "test":
            return self._push([_test(document, self._now_ns())])
        return self.refresh(item["alert"] for item in document["items"] if "alert" in item and item["changes"])

    def refresh(self, views: Iterable[Mapping[str, Any]]) -> Outcome:
        """These alerts as they are now."""
        alerts = [self._alert(view) for view in views]
        outcome = DELIVERED
        for start in range(0, len(alerts), MOST_AT_ONCE):
            outcome = self._push(alerts[start : start + MOST_AT_ONCE])
            if outcome.result != "delivered":
                break
        return outcome

    def close(self) -> None:
        self._client.close()

    def _push(self, alerts: Sequence[Mapping[str, Any]]) -> Outcome:
        return post(self._client, self._url, json.dumps(alerts, ensure_ascii=False).encode())

    def _alert(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Labels never change while an alert is open: by them Alertmanager knows it again."""
        labels = {name: value for name, value in view["labels"].items() if value and name != "alert"}
        ends_ns = self._now_ns() + round(ENDS_AFTER * self._resend_s * NS_PER_S)
        link = self._link(view)
        return {
            "labels": {**labels, "alertname": view["kind"], "citywatch_alert": view["id"]},
            "annotations": {"summary": self._title(view), "state": view["state"]},
            "startsAt": view["opened_at"],
            "endsAt": view["resolved_at"] or format_instant(ends_ns),
            **({"generatorURL": link} if link else {}),
        }


def _test(document: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
    at = format_instant(now_ns)
    labels = {"alertname": "CitywatchTest", "receiver": document["receiver"]}
    return {"labels": labels, "annotations": {}, "startsAt": at, "endsAt": at}
