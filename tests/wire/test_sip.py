"""SIP as bytes: whatever comes is a message, an error, or need-more; and what is written can be read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from citywatch.wire.sip import (
    Limits,
    MalformedSip,
    Party,
    Request,
    Response,
    Stream,
    Uri,
    Via,
    parameters,
    parse_datagram,
    split_list,
    write_request,
    write_response,
)

HEADERS = [
    ("Via", "SIP/2.0/UDP 192.0.2.50:5060;rport;branch=z9hG4bKabc"),
    ("From", '"cam, 1" <sip:34020000001320000001@3402000000>;tag=17'),
    ("To", "<sip:34020000001320000001@3402000000>"),
    ("Call-ID", "xyz@192.0.2.50"),
    ("CSeq", "7 MESSAGE"),
]
MESSAGE = write_request("MESSAGE", "sip:34020000002000000001@3402000000", HEADERS, b"<a/>", "text/xml")
COMPACT = (
    b"REGISTER sip:x SIP/2.0\r\nv: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1,SIP/2.0/UDP h\r\nf: sip:a@b;tag=1\r\n"
    b"t: <sip:a@b>\r\ni: 1\r\nCSeq:  1\r\n\t REGISTER\r\nm: <sip:a@b>;expires=60\r\nl: 0\r\n\r\n"
)
WORDS = [
    MESSAGE,
    COMPACT,
    b"\r\n",
    b"SIP/2.0 200 OK\r\n",
    b"Via: ",
    b"\r\n\r\n",
    b"l: 5",
    b"\xff",
    b" ",
    b"CSeq: 1 X\r\n",
]

anything = st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=8).map(b"".join)


def outcome(data):
    try:
        return parse_datagram(data)
    except MalformedSip as error:
        return error.reason


@given(anything)
@example(b"")
@example(MESSAGE[:-1])
def test_any_datagram_is_a_message_an_error_or_nothing(data):
    found = outcome(data)
    assert found is None or isinstance(found, str | Request | Response)


def read(pieces):
    """Messages of a stream, and the reason why it was lost ('' when it was not)."""
    stream, found = Stream(), []
    for piece in pieces:
        stream.feed(piece)
        try:
            for message in stream.messages():
                found.append(message)
        except MalformedSip as error:
            return found, error.reason
    return found, ""


@given(anything, st.lists(st.integers(1, 60), max_size=12))
def test_a_stream_is_read_alike_however_it_is_cut(data, sizes):
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    pieces.append(data[at:])
    assert read(pieces) == read([data])


def test_one_byte_at_a_time_with_a_tail():
    data = b"\r\n\r\n" + MESSAGE + b"\r\n" + COMPACT + MESSAGE[:50]
    found, reason = read([data[i : i + 1] for i in range(len(data))])
    assert [message.method for message in found] == ["MESSAGE", "REGISTER"]
    assert (found[0].body, reason) == (b"<a/>", "")


def test_what_is_written_is_read():
    message = parse_datagram(MESSAGE)
    assert (message.method, message.uri) == ("MESSAGE", "sip:34020000002000000001@3402000000")
    assert message.sender == Party(Uri("34020000001320000001", "3402000000"), {"tag": "17"})
    assert (message.cseq, message.call_id, message.via.branch) == ((7, "MESSAGE"), "xyz@192.0.2.50", "z9hG4bKabc")
    assert message.header("content-type") == "text/xml"
    answer = parse_datagram(
        write_response(message, 200, to_tag="t", received=("198.51.100.7", 6060), headers=[("Expires", "60")])
    )
    assert (answer.status, answer.reason, answer.recipient.tag) == (200, "OK", "t")
    assert answer.via.parameters["rport"] == "6060"
    assert answer.via.parameters["received"] == "198.51.100.7"
    assert (answer.sender, answer.call_id, answer.cseq) == (message.sender, message.call_id, message.cseq)


def test_compact_names_folding_and_lists():
    message = parse_datagram(COMPACT)
    assert message.via == Via("TCP", "2001:db8::1", 5060, {"branch": "z9hG4bK1"})
    assert [v.partition(" ")[2] for v in message.all("via")][1] == "h"
    assert message.cseq == (1, "REGISTER")
    assert Party.parse(message.all("contact")[0]).parameters == {"expires": "60"}
    assert message.sender.tag == "1"


def test_bytes_that_are_no_utf_8_come_back_as_they_were():
    name = "摄像机".encode("gb18030")
    data = MESSAGE.replace(b"cam, 1", name)
    assert b'"' + name + b'"' in write_response(parse_datagram(data), 200)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"7 MESSAGE", b"7 REGISTER"), "cseq"),
        ((b"CSeq: 7 MESSAGE\r\n", b""), "header_missing"),
        ((b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia"), "first_line"),
        ((b"Content-Length: 4", b"Content-Length: 5"), "truncated"),
        ((b"Content-Length: 4", b"Content-Length: 4\r\nl: 3"), "length"),
        ((b"Content-Length: 4", b"Content-Length: -4"), "length"),
        ((b"Content-Length: 4", b"Content-Length: 999999"), "too_large"),
        ((b"Call-ID: ", b"Call-ID: a\x00b"), "control_character"),
        ((b"Via: SIP/2.0/UDP", b"Via: UDP"), "via"),
        ((b"To: <sip:", b"To: <tel:"), "uri"),
        ((b"To: <sip:34020000001320000001@3402000000>", b"To: <sip:a@b"), "address"),
        ((b"Via: ", b" folded\r\nVia: "), "folding"),
        ((b"Via: ", b"no header\r\nVia: "), "header"),
        ((b"Via: ", b"X: y\r\n" * 100 + b"Via: "), "headers"),
        ((b"Via: ", b"X: " + b"y" * 17_000 + b"\r\nVia: "), "head"),
        ((b"192.0.2.50:5060;rport", b"192.0.2.50:70000;rport"), "via"),
    ],
)
def test_each_damage_has_its_word(change, reason):
    assert change[0] in MESSAGE
    assert outcome(MESSAGE.replace(change[0], change[1], 1)) == reason


def test_a_long_body_that_drips_in_is_looked_at_once():
    data = write_request("MESSAGE", "sip:a@b", HEADERS, b"x" * 200_000)
    stream = Stream()
    looked = 0
    for at in range(0, len(data), 20):
        stream.feed(data[at : at + 20])
        looked += len(list(stream.messages()))
    assert (looked, stream.waiting) == (1, 0)


def test_a_stream_needs_a_length_and_keeps_its_limits():
    assert read([MESSAGE.replace(b"Content-Length: 4\r\n", b"")])[1] == "length_missing"
    assert read([b"x" * 20_000])[1] == "head"
    stream = Stream(Limits(head_bytes=600, headers=20, body_bytes=3))
    stream.feed(MESSAGE)
    with pytest.raises(MalformedSip, match="limit"):
        list(stream.messages())


def test_a_header_cannot_break_out_of_its_line():
    with pytest.raises(ValueError, match="control character"):
        write_request("MESSAGE", "sip:a@b", [("X", "a\r\nInjected: 1")])


def test_transactions_are_told_apart():
    def request(text):
        return parse_datagram(text).transaction()

    first = request(MESSAGE)
    assert request(MESSAGE) == first
    assert request(MESSAGE.replace(b"z9hG4bKabc", b"z9hG4bKabd")) != first
    assert request(MESSAGE.replace(b"CSeq: 7", b"CSeq: 8")) != first, "a branch that is used again"
    old = MESSAGE.replace(b"z9hG4bKabc", b"1")
    assert request(old) != request(old.replace(b"tag=17", b"tag=18"))


def test_small_parts():
    assert split_list('a, "b,c" <sip:x,y>;q=1 ,, d') == ["a", '"b,c" <sip:x,y>;q=1', "d"]
    assert split_list('"a\\",b", c') == ['"a\\",b"', "c"]
    assert parameters(';a=1;B="x\\"y";c') == {"a": "1", "b": 'x"y', "c": ""}
    assert str(Uri.parse("sip:1@[2001:db8::1]:5061;transport=tcp")) == "sip:1@[2001:db8::1]:5061;transport=tcp"
    assert parse_datagram(b"\r\n\r\n") is None
    for text in ("http://a", "sip:", "sip:a@b:99999", "sip:a b@c", "sip:a@\udcff", "sip:a@摄像机"):
        with pytest.raises(MalformedSip):
            Uri.parse(text)
