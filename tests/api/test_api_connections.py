"""Connections of people who mean no good, or of machines that do not know better: bounded in number and in time."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import httpx
import pytest
from api_kit import serving, until


@contextlib.contextmanager
def connected(served, text=b""):
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.sendall(text)
        yield caller


def is_over(caller):
    caller.settimeout(10)
    try:
        return caller.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("text", [b"", b"GET /healthz HTTP/1.1\r\nX: "])
def test_who_does_not_say_what_he_wants_is_not_waited_for(tmp_path, text):
    with serving(tmp_path, head_timeout_seconds=0.3) as served:
        begun = time.monotonic()
        with connected(served, text) as caller:
            assert is_over(caller)
        assert time.monotonic() - begun < 5


def test_a_second_request_may_not_dawdle_either(tmp_path):
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(tmp_path, head_timeout_seconds=0.3) as served, connected(served, whole) as caller:
        assert b"200 OK" in caller.recv(4096)
        caller.sendall(b"GET /healthz HT")
        assert is_over(caller)


def test_a_body_that_nobody_wants_is_not_read_for_ever(tmp_path):
    with serving(tmp_path, head_timeout_seconds=0.3) as served:
        head = b"POST /api/v1/ingest/passes HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        with connected(served, head) as caller:
            assert b"401 Unauthorized" in caller.recv(4096)
            assert is_over(caller)


def test_slow_answers_and_streams_are_no_slow_heads(tmp_path):
    with (
        serving(tmp_path, head_timeout_seconds=0.3, live_heartbeat_seconds=0.5) as served,
        served.client("viewer") as client,
        client.stream("GET", "/api/v1/live/alerts") as answer,
    ):
        comments = (line for line in answer.iter_lines() if line.startswith(":"))
        assert [next(comments) for _ in range(2)] == [": still here"] * 2


def test_idle_connections_do_not_shut_the_door(tmp_path):
    with serving(tmp_path, connections_max=16, head_timeout_seconds=1) as served, contextlib.ExitStack() as opened:
        crowd = [opened.enter_context(connected(served)) for _ in range(40)]
        assert sum(is_over(caller) for caller in crowd[20:]) == 20
        with served.client() as client:

            def answered():
                with contextlib.suppress(httpx.TransportError):
                    return client.get("/healthz").status_code == 200
                return False

            until(answered)


@pytest.mark.parametrize(
    "text", [b"GETT / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_gets_a_problem_too(tmp_path, text):
    with serving(tmp_path) as served, connected(served, text) as caller:
        answer = b""
        while chunk := caller.recv(4096):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["type"] == "urn:citywatch:problem:not_http"
