"""Webhooks: a delivery's document as JSON by POST, signed, with its id as Idempotency-Key."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from citywatch import __version__
from citywatch.adapters.notify.outcome import Outcome, of_error, of_status

Sign = Callable[[Sequence[str], int, bytes], Mapping[str, str]]
"""The headers of a signature: secrets, timestamp in seconds, body."""


class Webhook:
    """One address. Redirects are not followed: what was signed is for this address alone."""

    def __init__(
        self,
        url: str,
        *,
        sign: Sign,
        secrets: Sequence[str],
        token: str,
        timeout_s: float,
        tls: ssl.SSLContext | None,
        now_s: Callable[[], int],
    ) -> None:
        self._url = url
        self._sign = sign
        self._secrets = tuple(secrets)
        self._now_s = now_s
        self._client = json_client(token, timeout_s, tls)

    def send(self, document: Mapping[str, Any]) -> Outcome:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Idempotency-Key": document["delivery"]}
        if self._secrets:
            headers |= self._sign(self._secrets, self._now_s(), body)
        return post(self._client, self._url, body, headers)

    def close(self) -> None:
        self._client.close()


def json_client(token: str, timeout_s: float, tls: ssl.SSLContext | None) -> httpx.Client:
    """A client that pushes JSON, follows no redirect and does not log whom it asks."""
    for name in ("httpx", "httpcore"):
        # They tell of every request with its whole address, and of its headers.
        logging.getLogger(name).setLevel(logging.WARNING)
    headers = {"Content-Type": "application/json", "User-Agent": f"citywatch/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(timeout=timeout_s, headers=headers, follow_redirects=False, verify=tls or True)


def post(client: httpx.Client, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Outcome:
    """One POST. Of the answer only its head is read."""
    try:
        with client.stream("POST", url, content=body, headers=headers) as answer:
            return of_status(answer.status_code, answer.headers.get("Retry-After", ""))
    except httpx.HTTPError as error:
        return of_error(error)
