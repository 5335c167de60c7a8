"""A simulated ONVIF device on loopback: device, media and event services behind WS-Security, with faults to order.

It is a device's side written from the ONVIF specifications, with the standard library alone, so that it shares no
code with the client under test.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_MOST_REQUEST = 1 << 16
_WSDL = {
    "device": "http://www.onvif.org/ver10/device/wsdl",
    "media": "http://www.onvif.org/ver10/media/wsdl",
    "events": "http://www.onvif.org/ver10/events/wsdl",
    "ptz": "http://www.onvif.org/ver20/ptz/wsdl",
}
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa="http://www.w3.org/2005/08/addressing" '
    'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tns1="http://www.onvif.org/ver10/topics">'
    "<s:Body>{body}</s:Body></s:Envelope>"
)


@dataclass
class SimulatedDevice:
    """What the device is like; it may be changed while it runs.

    ahead_s          how far its clock is ahead of ours
    stream_url       what it says of its media; with a host of its own choice, as devices behind routers do
    mode             `sound`, `garbage`, `endless` (an answer that never ends), `redirect`, `silent`, `no_events`,
                     `no_snapshot`, `clock_needs_password`
    """

    username: str = "operator"
    password: str = "correct horse"  # noqa: S105  (a simulated device's)
    ahead_s: float = 0.0
    stream_url: str = "rtsp://192.0.2.7:8554/stream1?profile=main"
    snapshot_url: str = "http://192.0.2.7/snapshot.jpg"
    manufacturer: str = "Example & Sons"
    pan_tilt_zoom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moving: bool = False
    presets: Mapping[str, tuple[float, float, float]] = field(
        default_factory=lambda: {"north": (0.5, -0.1, 0.2), "gate": (-0.25, 0.0, 0.0)}
    )
    mode: str = "sound"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    subscriptions: int = 0
    renewals: int = 0
    _events: deque[str] = field(default_factory=deque)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    def notice(self, topic: str, active: bool, *, operation: str = "Changed", name: str = "State") -> None:
        """The device has noticed something, for instance `tns1:VideoSource/ImageTooDark/ImagingService`."""
        when = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        state = "true" if active else "false"
        message = (
            "<wsnt:NotificationMessage>"
            f'<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">{topic}</wsnt:Topic>'
            f'<wsnt:Message><tt:Message UtcTime="{when}" PropertyOperation="{operation}">'
            '<tt:Source><tt:SimpleItem Name="Source" Value="VideoSource_1"/></tt:Source>'
            f'<tt:Data><tt:SimpleItem Name="{name}" Value="{state}"/></tt:Data>'
            "</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
        )
        with self._news:
            self._events.append(message)
            self._news.notify_all()

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def knows(self, envelope: Element) -> bool:
        """WS-Security UsernameToken with a password digest (OASIS WSS UsernameToken Profile 1.0)."""
        parts = {
            element.tag.rpartition("}")[2]: element.text or ""
            for element in envelope.iter()
            if element.tag.rpartition("}")[2] in ("Username", "Password", "Nonce", "Created")
        }
        if set(parts) != {"Username", "Password", "Nonce", "Created"}:
            return False
        secret = base64.b64decode(parts["Nonce"]) + (parts["Created"] + self.password).encode()
        digest = base64.b64encode(hashlib.sha1(secret).digest()).decode()  # noqa: S324  (the profile's own choice)
        return parts["Username"] == self.username and parts["Password"] == digest

    def answer(self, action: str, envelope: Element) -> str:
        """The body of the answer to a request."""
        self.asked.append(action)
        open_to_all = action == "GetSystemDateAndTime" and self.mode != "clock_needs_password"
        if not open_to_all and not self.knows(envelope):
            return _fault("ter:NotAuthorized", "Sender not Authorized")
        answers: dict[str, Callable[[], str]] = {
            "GetSystemDateAndTime": self._date,
            "GetDeviceInformation": self._information,
            "GetServices": self._services,
            "GetProfiles": self._profiles,
            "GetStreamUri": lambda: _uri("GetStreamUri", self.stream_url),
            "GetSnapshotUri": self._snapshot,
            "GetStatus": self._status,
            "GetPresets": self._presets,
            "CreatePullPointSubscription": self._subscribe,
            "PullMessages": self._pull,
            "Renew": self._renew,
            "Unsubscribe": lambda: "<wsnt:UnsubscribeResponse/>",
        }
        known = answers.get(action)
        return known() if known else _fault("ter:ActionNotSupported", "Optional Action Not Implemented")

    def _date(self) -> str:
        now = self._now()
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time>"
            f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _information(self) -> str:
        maker = self.manufacturer.replace("&", "&amp;")
        return (
            f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{maker}</tds:Manufacturer>"
            "<tds:Model>Dome 4</tds:Model><tds:FirmwareVersion>1.2.3</tds:FirmwareVersion>"
            "<tds:SerialNumber>SN-7</tds:SerialNumber>"
            "<tds:HardwareId>H1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def _services(self) -> str:
        names = [name for name in _WSDL if not (name == "events" and self.mode == "no_events")]
        services = "".join(
            f"<tds:Service><tds:Namespace>{_WSDL[name]}</tds:Namespace>"
            f"<tds:XAddr>http://192.0.2.7:{self.port}/onvif/{name}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version></tds:Service>"
            for name in names
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def _profiles(self) -> str:
        encoder = (
            '<tt:VideoEncoderConfiguration token="enc"><tt:Name>enc</tt:Name><tt:UseCount>1</tt:UseCount>'
            "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height>"
            "</tt:Resolution><tt:Quality>5</tt:Quality>"
            "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
            "<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
            "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
        )
        profile = f'<trt:Profiles token="main" fixed="true"><tt:Name>Main</tt:Name>{encoder}</trt:Profiles>'
        return f"<trt:GetProfilesResponse>{profile}</trt:GetProfilesResponse>"

    def _snapshot(self) -> str:
        if self.mode == "no_snapshot":
            return _fault("ter:ActionNotSupported", "Snapshots are not supported")
        return _uri("GetSnapshotUri", self.snapshot_url)

    def _status(self) -> str:
        move = "MOVING" if self.moving else "IDLE"
        return (
            f"<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position>{_place(self.pan_tilt_zoom)}</tt:Position>"
            f"<tt:MoveStatus><tt:PanTilt>{move}</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
            f"<tt:UtcTime>{_stamp(self._now())}</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>"
        )

    def _presets(self) -> str:
        presets = "".join(
            f'<tptz:Preset token="{name}"><tt:Name>{name}</tt:Name><tt:PTZPosition>{_place(place)}</tt:PTZPosition>'
            "</tptz:Preset>"
            for name, place in self.presets.items()
        )
        return f"<tptz:GetPresetsResponse>{presets}</tptz:GetPresetsResponse>"

    def _subscribe(self) -> str:
        self.subscriptions += 1
        now = self._now()
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa:Address>http://192.0.2.7:{self.port}/onvif/subscription</wsa:Address></tev:SubscriptionReference>"
            f"{_lifetime(now)}</tev:CreatePullPointSubscriptionResponse>"
        )

    def _pull(self) -> str:
        with self._news:
            self._news.wait_for(lambda: bool(self._events), timeout=1.0)
            messages = "".join(self._events)
            self._events.clear()
        now = self._now()
        times = (
            f"<tev:CurrentTime>{_stamp(now)}</tev:CurrentTime><tev:TerminationTime>{_stamp(now)}</tev:TerminationTime>"
        )
        return f"<tev:PullMessagesResponse>{times}{messages}</tev:PullMessagesResponse>"

    def _renew(self) -> str:
        self.renewals += 1
        now = self._now()
        return (
            f"<wsnt:RenewResponse><wsnt:TerminationTime>{_stamp(now)}</wsnt:TerminationTime>"
            f"<wsnt:CurrentTime>{_stamp(now)}</wsnt:CurrentTime></wsnt:RenewResponse>"
        )


@contextmanager
def simulated_device(device: SimulatedDevice | None = None) -> Iterator[SimulatedDevice]:
    """The device, answering on a free port of loopback until the end of the block."""
    device = device or SimulatedDevice()
    server = _Server(("127.0.0.1", 0), _handler(device))
    server.daemon_threads = True
    device.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        device.mode = "garbage"  # an endless answer ends
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up in the middle of an answer is part of the play."""


def _handler(device: SimulatedDevice) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(min(int(self.headers["Content-Length"]), _MOST_REQUEST))
            if device.mode == "endless":
                self._endless()
            elif device.mode == "redirect":
                self.send_response(307)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif device.mode == "garbage":
                self._send(200, b"<s:Envelope><not closed")
            elif device.mode == "silent":
                while device.mode == "silent":
                    time.sleep(0.02)
                self.close_connection = True
            else:
                envelope = ElementTree.fromstring(request)  # noqa: S314  (our own client's)
                body = next(element for element in envelope if element.tag.endswith("}Body"))
                answer = device.answer(body[0].tag.rpartition("}")[2], envelope)
                self._send(400 if answer.startswith("<s:Fault") else 200, _ENVELOPE.format(body=answer).encode())

        def _endless(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/soap+xml")
            self.end_headers()
            self.close_connection = True
            while device.mode == "endless":
                try:
                    self.wfile.write(b"<x>" * 10_000)
                except OSError:
                    return

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on our streams."""

    return Handler


def _uri(action: str, url: str) -> str:
    plain = url.replace("&", "&amp;")
    return (
        f"<trt:{action}Response><trt:MediaUri><tt:Uri>{plain}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        f"<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:{action}Response>"
    )


def _place(place: tuple[float, float, float]) -> str:
    pan, tilt, zoom = place
    return f'<tt:PanTilt x="{pan}" y="{tilt}"/><tt:Zoom x="{zoom}"/>'


def _lifetime(now: datetime) -> str:
    until = _stamp(now + timedelta(minutes=10))
    return f"<wsnt:CurrentTime>{_stamp(now)}</wsnt:CurrentTime><wsnt:TerminationTime>{until}</wsnt:TerminationTime>"


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _fault(code: str, reason: str) -> str:
    return (
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
    )
