"""HTTP as cameras speak it: lengths told, chunked and not at all, many parts, refusals over one connection, TLS."""

import asyncio
import datetime
import ipaddress
import ssl

import pytest
from camera_kit import ask, config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citywatch.adapters.cameras.answers import Still, VisitFailure
from citywatch.adapters.cameras.visit import Visitor
from citywatch.domain.pictures import VisitReason
from citywatch.testing.cameras import SnapshotServer, TcpServer, saying

OK = b"HTTP/1.1 200 OK\r\n"


def chunked(content, size=1000):
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def parts(content):
    head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content)
    return b"\r\n--frame\r\n" + head + content + b"\r\n--frame\r\n" + head + content


WAYS = {
    "a length": lambda jpeg: OK + b"Content-Length: %d\r\n\r\n" % len(jpeg) + jpeg,
    "chunks": lambda jpeg: OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(jpeg),
    "many parts": lambda jpeg: OK + b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n" + parts(jpeg),
    "a word before": lambda jpeg: b"HTTP/1.1 100 Continue\r\n\r\n" + WAYS["a length"](jpeg),
    "an old server": lambda jpeg: b"HTTP/1.0 200\nContent-Length: %d\n\n" % len(jpeg) + jpeg,
}


async def asked(server, **options):
    try:
        return (await ask(server.url("s.jpg"), **{"media_timeout_seconds": 1} | options)).media
    except VisitFailure as failure:
        return failure.reason


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_send_a_picture(runner, jpeg, way):
    async def fetch():
        async with saying(WAYS[way](jpeg), "http") as camera:
            return await asked(camera)

    assert runner.run(fetch()) == Still(jpeg)


def test_a_picture_that_ends_with_the_connection(runner, jpeg):
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\n" + jpeg)
        await writer.drain()

    async def fetch():
        async with TcpServer(handle, "http") as camera:
            return await asked(camera)

    assert runner.run(fetch()) == Still(jpeg)


BROKEN = {
    "cut short": lambda jpeg: (OK + b"Content-Length: 99999\r\n\r\n" + jpeg, VisitReason.NO_FRAMES),
    "no number": lambda jpeg: (OK + b"Content-Length: many\r\n\r\n" + jpeg, VisitReason.PROTOCOL),
    "bad chunks": lambda jpeg: (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + jpeg, VisitReason.PROTOCOL),
    "large chunk": lambda jpeg: (OK + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", VisitReason.TOO_LARGE),
    "no parts": lambda jpeg: (
        OK + b"Content-Type: multipart/x-mixed-replace\r\n\r\n" + b"\r\n" * 200, VisitReason.PROTOCOL),
    "a line without an end": lambda jpeg: (OK + b"X: " + b"y" * 2_000_000, VisitReason.PROTOCOL),
}  # fmt: skip


@pytest.mark.parametrize("way", BROKEN)
def test_answers_that_are_broken(runner, jpeg, way):
    content, reason = BROKEN[way](jpeg)

    async def fetch():
        async with saying(content, "http") as camera:
            return await asked(camera, media_timeout_seconds=0.6)

    assert runner.run(fetch()) == reason


@pytest.mark.parametrize(("close", "connections"), [(b"", 1), (b"Connection: close\r\n", 2)])
def test_a_refusal_is_answered_over_the_same_connection_where_that_lasts(runner, jpeg, close, connections):
    async def handle(reader, writer):
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if b"Authorization: Basic" in request:
                writer.write(OK + b"Content-Length: %d\r\n\r\n" % len(jpeg) + jpeg)
            else:
                writer.write(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\n' + close)
                writer.write(b"Content-Length: 2\r\n\r\nno")
                if close:
                    return

    async def fetch():
        async with TcpServer(handle, "http") as camera:
            return await asked(camera, username="viewer"), camera.connections

    assert runner.run(fetch()) == (Still(jpeg), connections)


def test_tls_is_checked_unless_told_otherwise(runner, jpeg, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "camera.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "camera.pem")

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WAYS["a length"](jpeg))
        await writer.drain()
        writer.close()

    async def fetch(verify):
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/s.jpg"
        async with server:
            try:
                return (await ask(url, tls_verify=verify)).media
            except VisitFailure as failure:
                return failure.reason

    assert runner.run(fetch(False)) == Still(jpeg)
    assert runner.run(fetch(True)) == VisitReason.PROTOCOL


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_answer_is_a_picture_or_a_reason(runner, data):
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + data)

    async def fetch():
        async with TcpServer(handle, "http") as camera:
            return await asked(camera)

    found = runner.run(fetch())
    assert isinstance(found, Still) or found in list(VisitReason)


async def asked_again(camera, times, passwords=("S3CR3T",)):
    """What so many visits of one visitor brought, and how many requests each took."""
    found, requests = [], []
    async with Visitor() as visitor:
        for number in range(times):
            before = len(camera.requests)
            try:
                url = camera.url("s.jpg", f"viewer:{passwords[number % len(passwords)]}@")
                found.append((await visitor.ask(config(url, f"c{number}"))).media)
            except VisitFailure as failure:
                found.append(failure.reason)
            requests.append(len(camera.requests) - before)
    return found, requests


@pytest.mark.parametrize(
    ("authentication", "nonce", "requests"),
    [
        ("basic", {}, [2, 1, 1, 1, 1]),
        ("digest-sha-256", {}, [2, 1, 1, 1, 1]),
        ("digest", {"nonce_uses": 2}, [2, 1, 2, 1, 2]),
        ("digest", {"nonce_uses": 1}, [2, 2, 2, 2, 2]),
        ("digest", {"nonce_uses": 1, "says_stale": False}, [2, 2, 2, 2, 2]),
    ],
)
def test_a_challenge_is_answered_ahead_at_the_next_visit(runner, jpeg, authentication, nonce, requests):
    async def fetch():
        secrets = {"username": "viewer", "password": "S3CR3T"}
        async with SnapshotServer({"s.jpg": jpeg}, **secrets, authentication=authentication, **nonce) as camera:
            found = await asked_again(camera, 5)
            return found, ["authorization:" in request.lower() for request in camera.requests]

    (found, asked_for), ahead = runner.run(fetch())
    assert found == [Still(jpeg)] * 5
    assert asked_for == requests
    if not nonce.get("says_stale", True):  # two answers ahead were wrong; then it is asked first again
        assert ahead == [False, True, True, True, True, True, False, True, False, True]


def test_a_wrong_password_is_answered_ahead_once_and_then_waits_to_be_asked(runner, jpeg):
    async def fetch():
        secrets = {"username": "viewer", "password": "S3CR3T", "authentication": "digest"}
        async with SnapshotServer({"s.jpg": jpeg}, **secrets) as camera:
            return await asked_again(camera, 6, ("S3CR3T", "wrong", "wrong"))

    found, asked_for = runner.run(fetch())
    assert found == [Still(jpeg), VisitReason.AUTHENTICATION, VisitReason.AUTHENTICATION] * 2
    assert asked_for == [2, 2, 2, 2, 2, 2]


def test_a_long_line_and_a_body_in_many_pieces(runner, jpeg):
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"X-Padding: " + b"x" * 30_000 + b"\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
        for at in range(0, len(jpeg), 997):
            writer.write(jpeg[at : at + 997])
            await writer.drain()

    async def fetch():
        async with TcpServer(handle, "http") as camera:
            return await asked(camera)

    assert runner.run(fetch()) == Still(jpeg)
