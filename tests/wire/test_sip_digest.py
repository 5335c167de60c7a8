"""Digest: the vectors of the standards, and that an answer is good once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras.challenge import Credentials
from citywatch.wire.sip_digest import Algorithm, Challenger, Verdict, expected_response, parse_answer

S = 10**9
RFC_2617 = (
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"'
)
RFC_7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}"'
)
SHA = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize(
    ("header", "password"),
    [
        (RFC_2617, "Circle Of Life"),
        (RFC_7616.format(algorithm="MD5", response="8ca523f5e9506fed4657c9700eebdbec"), "Circle of Life"),
        (RFC_7616.format(algorithm="SHA-256", response=SHA), "Circle of Life"),
    ],
)
def test_vectors_of_the_standards(header, password):
    answer = parse_answer(header)
    assert expected_response(answer, "GET", password) == answer.response


def challenger(**options):
    return Challenger("3402000000", **{"lifetime_ns": 60 * S, "most_nonces": 100} | options)


def answered(challenges, user="u", password="p", uses=1):
    credentials = Credentials(user, password)
    assert credentials.accept(challenges)
    for _ in range(uses):
        header = credentials.header("REGISTER", "sip:x")
    return header


def password_of(user):
    return "p" if user == "u" else None


def judge(who, header, now_ns=0):
    return who.judge(header, "REGISTER", password_of, now_ns)[0]


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_right_answer_is_good_once(algorithm):
    who = challenger()
    header = answered(who.challenge(0, [algorithm]))
    assert [judge(who, header), judge(who, header)] == [Verdict.GOOD, Verdict.REPLAYED]


def test_counts_go_up():
    who = challenger()
    offers = who.challenge(0, [Algorithm.MD5])
    fifth, second = answered(offers, uses=5), answered(offers, uses=2)
    assert [judge(who, fifth), judge(who, second)] == [Verdict.GOOD, Verdict.REPLAYED]


def test_without_qop_a_nonce_is_good_for_one_request():
    who = challenger()
    header = answered([who.challenge(0, [Algorithm.MD5])[0].replace(', qop="auth"', "")])
    assert "qop" not in header
    assert [judge(who, header), judge(who, header)] == [Verdict.GOOD, Verdict.REPLAYED]


def test_wrong_unknown_stale_foreign():
    who = challenger()
    offers = who.challenge(0, [Algorithm.MD5])
    assert judge(who, answered(offers, password="x")) is Verdict.WRONG
    assert judge(who, answered(offers, user="v")) is Verdict.WRONG
    assert judge(who, answered(offers), 61 * S) is Verdict.STALE
    assert judge(who, answered(offers), -1) is Verdict.STALE
    assert judge(who, None) is Verdict.MISSING
    assert judge(who, "Basic dTpw") is Verdict.MALFORMED
    assert judge(who, answered(challenger().challenge(0, [Algorithm.MD5]))) is Verdict.STALE, "not ours"
    assert judge(Challenger("other", lifetime_ns=S, most_nonces=9), answered(offers)) is Verdict.MISSING
    assert ", stale=true" in who.challenge(0, [Algorithm.MD5], stale=True)[0]


def test_when_too_many_are_in_use_old_ones_are_stale_and_never_good_again():
    who = challenger(most_nonces=3)
    headers = [answered(who.challenge(n * S, [Algorithm.MD5])) for n in range(5)]
    assert [judge(who, header, 5 * S) for header in headers] == [Verdict.GOOD] * 5
    assert judge(who, headers[0], 5 * S) is Verdict.STALE
    assert judge(who, headers[1], 5 * S) is Verdict.STALE
    assert judge(who, headers[4], 5 * S) is Verdict.REPLAYED


@given(st.text(max_size=200) | st.text(max_size=80).map(lambda text: f"Digest {text}"))
def test_any_header_gets_a_verdict(text):
    assert judge(challenger(), text) in set(Verdict) - {Verdict.GOOD}
