"""Basic and Digest answers, against the examples of the standards."""

import re

from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras import challenge
from citywatch.adapters.cameras.challenge import Credentials, parse_challenges


def test_basic_as_in_rfc_7617():
    credentials = Credentials("Aladdin", "open sesame")
    assert credentials.header("GET", "/") is None
    assert credentials.accept(['Basic realm="WallyWorld"'])
    assert credentials.header("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_digest_as_in_rfc_2617_without_quality():
    # The figures of RFC 2069 as corrected by its errata: no qop.
    credentials = Credentials("Mufasa", "CircleOfLife")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert credentials.accept([f'Digest realm="testrealm@host.com", nonce="{nonce}", opaque="5ccc"'])
    header = credentials.header("GET", "/dir/index.html")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert 'opaque="5ccc"' in header


def test_digest_as_in_rfc_7616(monkeypatch):
    monkeypatch.setattr(challenge.secrets, "token_hex", lambda size: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    shared = 'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
    offers = [f"Digest {shared}, algorithm=MD5", f"Digest {shared}, algorithm=SHA-256"]
    credentials = Credentials("Mufasa", "Circle of Life")
    assert credentials.accept(offers)
    header = credentials.header("GET", "/dir/index.html")
    assert "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" in header
    assert "nc=00000001" in header
    assert credentials.accept(offers[:1])
    assert "8ca523f5e9506fed4657c9700eebdbec" in credentials.header("GET", "/dir/index.html")


def test_the_count_of_a_nonce_rises():
    credentials = Credentials("u", "p")
    credentials.accept(['Digest realm="r", nonce="n", qop="auth"'])
    counts = [re.search(r"nc=(\d+)", credentials.header("GET", "/")).group(1) for _ in range(2)]
    assert counts == ["00000001", "00000002"]


def test_several_challenges_in_one_header():
    found = parse_challenges(
        ['Basic realm="a, Digest b", Digest realm="x", nonce="n", qop="auth,auth-int", stale=TRUE']
    )
    assert [one.scheme for one in found] == ["basic", "digest"]
    assert found[1].parameters == {"realm": "x", "nonce": "n", "qop": "auth,auth-int", "stale": "TRUE"}


def test_what_cannot_be_answered_is_not_answered():
    assert not Credentials("", "").accept(['Basic realm="x"'])
    assert not Credentials("u", "p").accept([])
    assert not Credentials("u", "p").accept(["Negotiate"])
    assert not Credentials("u", "p").accept(['Digest realm="x", nonce="n", algorithm=SHA-512-256'])
    assert not Credentials("u", "p").accept(['Digest realm="x", nonce="n", qop="auth-int"'])


def test_a_second_refusal_is_final_unless_the_nonce_was_stale():
    credentials = Credentials("u", "p")
    assert credentials.accept(['Digest realm="r", nonce="1"'])
    assert not credentials.accept(['Digest realm="r", nonce="2"'], again=True)
    assert credentials.accept(['Digest realm="r", nonce="2", stale=true'], again=True)


def test_credentials_print_nothing():
    assert "S3CR3T" not in repr(Credentials("u", "S3CR3T"))


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_header_is_read_or_left_out(headers):
    credentials = Credentials("u", "p")
    if credentials.accept(headers):
        assert "\n" not in credentials.header("GET", "/")
