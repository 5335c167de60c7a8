"""WS-Discovery: the probe, its answers, and whoever else sends us datagrams."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.onvif.discovery import discover
from citywatch.errors import ConfigurationError, DataError
from citywatch.wire.ws_discovery import Discovered, probe, read_matches
from citywatch.wire.xml import parse_xml

MESSAGE = "urn:uuid:1"


def answer(relates: str, addresses: str = "http://10.0.0.5/onvif/device_service", name: str = "Gate%203") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">
<SOAP-ENV:Header><wsa:RelatesTo>{relates}</wsa:RelatesTo></SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>
<wsa:EndpointReference><wsa:Address>urn:uuid:5F5A69C2-E0AE-504F-829B-00FCFD000001</wsa:Address></wsa:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/name/{name} onvif://www.onvif.org/hardware/Dome4 other:scope</d:Scopes>
<d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>""".encode()


def test_an_answer_is_a_device():
    assert read_matches(answer(MESSAGE, "http://10.0.0.5/a file:///etc/passwd https://[fe80::1]/b"), MESSAGE) == (
        Discovered(
            "5f5a69c2-e0ae-504f-829b-00fcfd000001", ("http://10.0.0.5/a", "https://[fe80::1]/b"), "Gate 3", "Dome4"
        ),
    )


@pytest.mark.parametrize(
    "datagram",
    [answer("urn:uuid:2"), answer(MESSAGE, "file:///x"), b"", b"<a/>", answer(MESSAGE)[:-20], b"\x00" * 70_000],
)
def test_what_is_no_answer_to_us_is_refused(datagram):
    with pytest.raises(DataError):
        read_matches(datagram, MESSAGE)


@given(st.binary(max_size=400) | st.integers(0, len(answer(MESSAGE)) - 1).map(lambda cut: answer(MESSAGE)[:cut]))
def test_any_bytes_are_refused_in_words(datagram):
    with pytest.raises(DataError):
        read_matches(datagram, MESSAGE)


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a/>',
        b"<a>" * 65 + b"</a>" * 65,
        b"<a>" + b"<b/>" * 50_001 + b"</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a>&x;</a>",
    ],
)
def test_xml_that_is_not_tame_is_refused(content):
    with pytest.raises(DataError):
        parse_xml(content, most_bytes=1 << 20)


def test_control_letters_of_a_name_are_left_out():
    (device,) = read_matches(answer(MESSAGE, name="Ga%0Ate%1b[31m"), MESSAGE)
    assert device.name == "Gate[31m"


@contextmanager
def responder() -> Iterator[int]:
    """Answers every probe twice, and sends rubbish before."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                datagram, asker = own.recvfrom(65_535)
                if datagram == b"stop":
                    return
                message = re.search(rb"MessageID>([^<]+)<", datagram)
                assert message is not None
                for content in (b"rubbish", answer("urn:uuid:not-yours"), *[answer(message.group(1).decode())] * 2):
                    own.sendto(content, asker)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = own.getsockname()[1]
        try:
            yield port
        finally:
            own.sendto(b"stop", ("127.0.0.1", port))
            thread.join()


def test_devices_are_found_once():
    with responder() as port:
        found = asyncio.run(discover(wait_s=0.3, targets=["127.0.0.1"], port=port))
    assert [device.addresses for device in found] == [("http://10.0.0.5/onvif/device_service",)]


def test_an_interface_that_is_not_ours_is_named():
    with pytest.raises(ConfigurationError, match="192\\.0\\.2\\.1"):
        asyncio.run(discover(wait_s=0.1, interface="192.0.2.1"))


def test_the_probe_asks_for_video_devices():
    root = parse_xml(probe(MESSAGE), most_bytes=2000)
    types = next(element for element in root.iter() if element.tag.endswith("}Types"))
    assert types.text == "dn:NetworkVideoTransmitter"
