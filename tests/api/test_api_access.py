"""Nothing is open that is not on the list, and every role can do what the table says and nothing else."""

from __future__ import annotations

import re

import pytest
from api_kit import ROLES, serving, until
from starlette.routing import Route

from citywatch.api import access
from citywatch.api.access import PUBLIC, GuardedRoute

SOME_ID = "0123456789abcdef0123456789abcdef"


def routes(app):
    return [(method, route.path) for route in app.routes for method in route.methods]


def address(path):
    path = path.replace("{device:path}", "CS01/d1/l2").replace("{name}", SOME_ID * 2)
    return re.sub(r"\{\w+\}", SOME_ID, path)


def test_every_route_is_guarded_and_in_the_table(served):
    for route in served.city.app.routes:
        assert isinstance(route, Route)
        assert isinstance(route, GuardedRoute), f"{route.path} is open"
    found = set(routes(served.city.app))
    assert found == set(access.ROLES) | PUBLIC


def test_without_a_token_only_the_public_routes_answer(served):
    with served.client() as client:
        for method, path in routes(served.city.app):
            answer = client.request(method, address(path))
            if (method, path) in PUBLIC:
                assert answer.status_code in (200, 404), path
            else:
                assert answer.status_code == 401, f"{method} {path}"
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"


def test_public_routes_hold_no_data(served):
    with served.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert set(client.get("/readyz").json()) == {"status", "parts"}
        assert client.get("/").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_table_says(served, role):
    with served.client(role) as client:
        for (method, path), allowed in access.ROLES.items():
            if path == "/api/v1/live/alerts":
                with client.stream(method, path) as answer:
                    status = answer.status_code
            else:
                status = client.request(method, address(path)).status_code
            assert (status == 403) == (role not in allowed), f"{role} {method} {path}: {status}"
            assert status != 401


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "Bearer wrong", "Bearer " + "x" * 600, "bearer cw_\xe9"])
def test_wrong_tokens_are_refused_in_one_way(served, header):
    with served.client() as client:
        answer = client.get("/api/v1/overview", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["type"] in ("urn:citywatch:problem:no_token", "urn:citywatch:problem:wrong_token")
    assert "x" * 20 not in answer.text


def test_a_token_in_the_query_opens_nothing(served):
    with served.client() as client:
        assert client.get("/api/v1/overview", params={"token": served.city.tokens["admin"]}).status_code == 401


def test_a_revoked_token_is_shut_out_within_the_cache_time(served):
    token = served.city.give_token("leaver", "viewer")
    with served.client(Authorization=f"Bearer {token}") as client:
        assert client.get("/api/v1/whoami").json() == {"name": "leaver", "role": "viewer", "team": ""}
        served.city.store.revoke_token("leaver")
        until(lambda: client.get("/api/v1/whoami").status_code == 401, seconds=3)


def test_the_token_cache_is_bounded(tmp_path):
    with serving(tmp_path, token_cache_entries=5) as served, served.client() as client:
        for number in range(20):
            assert client.get("/api/v1/whoami", headers={"Authorization": f"Bearer {number}"}).status_code == 401
        assert len(served.city.app.state.tokens._known) == 5


def test_headers_for_browsers(served):
    with served.client("viewer") as client:
        for path in ("/api/v1/overview", "/api/v1/nothing", "/", "/healthz"):
            answer = client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in answer.headers
        assert client.get("/api/v1/overview").headers["cache-control"] == "no-store"


def test_other_origins_are_told_nothing(served):
    with served.client() as client:
        answer = client.options(
            "/api/v1/alerts", headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
        )
        assert answer.status_code == 405
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_the_access_log_holds_neither_token_nor_query(served, caplog):
    token = served.city.tokens["viewer"]
    with caplog.at_level("INFO", logger="citywatch.api.access"), served.client("viewer") as client:
        client.get("/api/v1/alerts", params={"device": "secret-lane"}, headers={"X-Request": "x"})
        record = until(lambda: next((r for r in caplog.records if r.route == "/api/v1/alerts"), None))
    assert (record.status, record.caller, record.method) == (200, "viewer-1", "GET")
    assert token not in str(record.__dict__)
    assert "secret-lane" not in str(record.__dict__)
