"""The registrar: who registers, who says that it lives, what their catalogues and alarms claim. Without I/O of its own:
messages and the time are handed in, what leaves goes through a Wire.

Silence is only silence while we listen: when time has gone by without us (a stop, a stalled machine, a clock that was
set), every deadline moves by as much, and nobody is claimed missing for it.
"""

from __future__ import annotations

import heapq
import secrets
import zlib
from collections.abc import Callable
from enum import StrEnum
from zoneinfo import ZoneInfo

from citywatch.adapters.gb28181.asking import Asker, Wire
from citywatch.adapters.gb28181.book import Book, Peer, Registrant
from citywatch.adapters.gb28181.claims import Claims
from citywatch.adapters.gb28181.config import Passwords, RegistrarConfig
from citywatch.adapters.gb28181.limits import Buckets
from citywatch.adapters.gb28181.outbox import Outbox
from citywatch.domain.instants import NS_PER_S
from citywatch.ports import Meter
from citywatch.wire.gb28181 import (
    VERSION_HEADER,
    Alarm,
    Body,
    Catalogue,
    DeviceInfo,
    DeviceStatus,
    Form,
    Keepalive,
    MalformedBody,
    is_code,
    parse_body,
    write_time,
)
from citywatch.wire.sip import (
    DEFAULT_PORT,
    MalformedSip,
    Party,
    Request,
    Response,
    Uri,
    parse_datagram,
    write_response,
)
from citywatch.wire.sip_digest import Algorithm, Challenger, Verdict
from citywatch.wire.sip_transactions import Answers

GAP_NS = 5 * NS_PER_S
"""So long may we not have looked at the time before it counts as not having listened."""
_NONCE_NS = 300 * NS_PER_S
_DEFAULT_EXPIRES_S = 3600
_ALLOW = "REGISTER, MESSAGE, NOTIFY, OPTIONS"
_METHODS = frozenset(
    ["REGISTER", "MESSAGE", "NOTIFY", "OPTIONS", "SUBSCRIBE", "INVITE", "BYE", "CANCEL", "INFO", "PUBLISH", "UPDATE"]
)


class Refusal(StrEnum):
    """Why a request was refused; a bounded set, used as a metric label."""

    NO_CODE = "no_code"
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  (a word, no password)
    GUESSING = "guessing"
    TOO_BRIEF = "too_brief"
    FULL = "full"
    MALFORMED = "malformed"
    NOT_REGISTERED = "not_registered"
    OTHER_SOURCE = "other_source"
    BODY = "body"
    NO_DIALOG = "no_dialog"
    METHOD = "method"


class Registrar:
    """One registrar. Not thread-safe: messages and time come from one event loop."""

    def __init__(
        self,
        config: RegistrarConfig,
        passwords: Passwords,
        book: Book,
        wire: Wire,
        outbox: Outbox,
        meter: Meter,
        *,
        now_ns: int,
        random_hex: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._config = config
        self._passwords = passwords
        self._book = book
        self._wire = wire
        self._meter = meter
        self._random_hex = random_hex
        self._zone = ZoneInfo(config.time_zone)
        self._claims = Claims(book, outbox, config.cameras, config.refresh_seconds * NS_PER_S)
        self._asker = Asker(
            config.code,
            book,
            wire,
            most=config.questions_max,
            subscription_s=config.subscription_seconds,
            on_catalogue=lambda result: meter.count("registrar_catalogues_total", result=result),
            random_hex=random_hex,
        )
        self._challenger = Challenger(
            config.used_realm, lifetime_ns=_NONCE_NS, most_nonces=2 * config.devices_max, random_hex=random_hex
        )
        self._answers = Answers(config.answers_max)
        self._rates = Buckets(config.requests_per_second, config.requests_burst)
        self._guesses = Buckets(config.wrong_passwords_per_minute / 60, config.wrong_passwords_per_minute)
        self._patience_ns = {
            device.code: device.keepalive_seconds * config.keepalives_missed * NS_PER_S
            for device in config.devices
            if device.keepalive_seconds is not None
        }
        self._last_ns = now_ns
        self._due: list[tuple[int, str]] = []
        self._next: dict[str, int] = {}
        for registrant in book:
            # What was remembered is said again when it has had the time to show itself.
            registrant.refresh_ns = now_ns + self._patience(registrant.code) + self._spread_ns(registrant.code)
            registrant.catalogue_ns = now_ns + self._spread_ns(registrant.code)
            self._plan(registrant)

    def _patience(self, code: str) -> int:
        usual = self._config.keepalive_seconds * self._config.keepalives_missed * NS_PER_S
        return self._patience_ns.get(code, usual)

    def _spread_ns(self, code: str) -> int:
        """A part of the time of a refresh, another one for each: a city does not speak all at once."""
        return zlib.crc32(code.encode()) % 1000 * self._config.refresh_seconds * NS_PER_S // 1000

    # what comes in

    def on_datagram(self, data: bytes, peer: Peer, now_ns: int) -> None:
        """One datagram, whatever it holds."""
        if not self.may_speak(peer, now_ns):
            return
        try:
            message = parse_datagram(data)
        except MalformedSip:
            self._meter.count("registrar_dropped_total", reason="malformed")
            return
        if message is not None:
            self.on_message(message, peer, now_ns)

    def may_speak(self, peer: Peer, now_ns: int) -> bool:
        """Whether this source has not spoken too much of late; to be asked once a message."""
        if self._rates.take(peer.host, now_ns):
            return True
        self._meter.count("registrar_dropped_total", reason="rate")
        return False

    def on_message(self, message: Request | Response, peer: Peer, now_ns: int) -> None:
        try:
            if isinstance(message, Response):
                code = self._asker.on_response(message, now_ns)
                registrant = None if code is None else self._book.get(code)
                if registrant is not None:
                    self._plan(registrant)
                elif code is None:
                    self._meter.count("registrar_dropped_total", reason="unasked")
            elif message.method != "ACK":
                self._on_request(message, peer, now_ns)
        except MalformedSip:
            # A header that only this request needs.
            self._meter.count("registrar_dropped_total", reason="malformed")

    def _on_request(self, request: Request, peer: Peer, now_ns: int) -> None:
        transaction = request.transaction()
        source = f"{peer.host}:{peer.port}"
        if peer.transport == "udp":
            before = self._answers.get(source, transaction, now_ns)
            if before is not None:
                self._wire.send(self._answer_to(request, peer), before)
                return
        status, headers, then = self._decide(request, peer, now_ns)
        if request.header("x-gb-ver") is not None:
            headers.append((VERSION_HEADER, Form.of_header(request.header("x-gb-ver")).version))
        data = write_response(
            request, status, to_tag=self._random_hex(6), received=(peer.host, peer.port), headers=headers
        )
        method = request.method if request.method in _METHODS else "OTHER"
        self._meter.count("registrar_requests_total", method=method, status=str(status))
        if peer.transport == "udp":
            self._answers.keep(source, transaction, data, now_ns)
        self._wire.send(self._answer_to(request, peer), data)
        if then is not None:
            then()  # what we ask of them follows our answer

    def _answer_to(self, request: Request, peer: Peer) -> Peer:
        """Where the answer goes (RFC 3261, 18.2.2; RFC 3581): back, or to the port that the sender itself names."""
        via = request.via
        if peer.transport == "tcp" or "rport" in via.parameters or via.host.lower() != peer.host.lower():
            return peer
        return Peer("udp", peer.host, via.port or DEFAULT_PORT)

    def _decide(self, request: Request, peer: Peer, now_ns: int) -> _Decision:
        match request.method:
            case "REGISTER":
                return self._register(request, peer, now_ns)
            case "MESSAGE":
                return self._message(request, peer, now_ns)
            case "NOTIFY":
                return self._notify(request, peer, now_ns)
            case "OPTIONS":
                return 200, [("Allow", _ALLOW)], None
            case _:
                return self._refused(405, Refusal.METHOD, [("Allow", _ALLOW)])

    def _refused(self, status: int, why: Refusal, headers: list[tuple[str, str]] | None = None) -> _Decision:
        self._meter.count("registrar_refused_total", reason=why.value)
        return status, headers or [], None

    # registration

    def _register(self, request: Request, peer: Peer, now_ns: int) -> _Decision:
        code = request.recipient.uri.user
        if not is_code(code):
            return self._refused(403, Refusal.NO_CODE)
        form = Form.of_header(request.header("x-gb-ver"))
        refused = self._authenticate(request, code, form, peer, now_ns)
        if refused is not None:
            return refused
        try:
            expires_s, contact = _wanted(request)
        except MalformedSip:
            return self._refused(400, Refusal.MALFORMED)
        if expires_s == 0:
            return self._unregister(code, now_ns)
        return self._bind(request, peer, code, form, contact, expires_s, now_ns)

    def _bind(
        self, request: Request, peer: Peer, code: str, form: Form, contact: Uri, expires_s: int, now_ns: int
    ) -> _Decision:
        if expires_s < self._config.expires_min_seconds:
            least = ("Min-Expires", str(self._config.expires_min_seconds))
            return self._refused(423, Refusal.TOO_BRIEF, [least])
        expires_s = min(expires_s, self._config.expires_max_seconds)
        try:
            then = self._registered(code, peer, contact, form, request.call_id, expires_s, now_ns)
        except ValueError:
            return self._refused(503, Refusal.FULL, [("Retry-After", "60")])
        headers = [
            ("Contact", f"<{contact}>;expires={expires_s}"),
            ("Expires", str(expires_s)),
            ("Date", write_time(now_ns, self._zone)),
        ]
        return 200, headers, then

    def _authenticate(self, request: Request, code: str, form: Form, peer: Peer, now_ns: int) -> _Decision | None:
        """None when it has shown that it knows the password of that code."""
        header = request.header("authorization")
        guess = (peer.host, code)
        if header is not None and self._guesses.level(guess, now_ns) < 1:
            return self._refused(403, Refusal.GUESSING)
        verdict, answer = self._challenger.judge(
            header, "REGISTER", lambda username: self._passwords.password(code, username), now_ns
        )
        if verdict is Verdict.GOOD and answer is not None:
            if not _same_address(answer.uri, request.uri):
                verdict = Verdict.WRONG
            elif self._config.digest == "sha-256" and answer.algorithm is not Algorithm.SHA256:
                verdict = Verdict.MISSING
        if verdict is Verdict.GOOD:
            return None
        if verdict is Verdict.WRONG:
            self._guesses.take(guess, now_ns)
            known = self._passwords.known(code)
            return self._refused(403, Refusal.WRONG_PASSWORD if known else Refusal.UNKNOWN_DEVICE)
        stale = verdict in (Verdict.STALE, Verdict.REPLAYED)
        offers = self._challenger.challenge(now_ns, self._algorithms(form), stale=stale)
        return 401, [("WWW-Authenticate", offer) for offer in offers], None

    def _algorithms(self, form: Form) -> tuple[Algorithm, ...]:
        match self._config.digest:
            case "md5":
                return (Algorithm.MD5,)
            case "sha-256":
                return (Algorithm.SHA256,)
            case _:
                # Devices take the first challenge, and some fail over a hash that they do not know: who wants SHA-256
                # finds it behind, and a city that insists on it says so in its settings.
                return (Algorithm.MD5, Algorithm.SHA256) if form is Form.GB2022 else (Algorithm.MD5,)

    def _registered(
        self, code: str, peer: Peer, contact: Uri, form: Form, call_id: str, expires_s: int, now_ns: int
    ) -> Callable[[], None]:
        """Note a registration; what is to follow our answer. ValueError when there is no room."""
        uri = str(Uri(code, contact.host, contact.port))
        expires_ns = now_ns + expires_s * NS_PER_S
        registrant = self._book.get(code)
        if registrant is None:
            registrant = Registrant(code, peer, uri, form, expires_ns, now_ns, registered=False, online=False)
            self._book.add(registrant)
            self._claims.introduce(registrant, now_ns)
        anew = not registrant.registered or registrant.call_id != call_id
        registrant.peer, registrant.uri, registrant.form, registrant.call_id = peer, uri, form, call_id
        registrant.expires_ns, registrant.heard_ns = expires_ns, now_ns
        self._book.changed = True
        if anew:
            registrant.catalogue_ns = now_ns + self._config.catalogue_seconds * NS_PER_S
        if not registrant.registered or not registrant.online:
            self._book.set_registered(registrant, True)
            self._claims.on(registrant, "register", now_ns)
            registrant.refresh_ns = now_ns + self._config.refresh_seconds * NS_PER_S
        self._count()
        self._plan(registrant)

        def then() -> None:
            if anew:
                self._asker.round(registrant, anew=True)
                self._asker.pump(now_ns)

        return then

    def _unregister(self, code: str, now_ns: int) -> _Decision:
        registrant = self._book.get(code)
        if registrant is not None and registrant.registered:
            self._off(registrant, "unregister", now_ns)
        return 200, [("Expires", "0"), ("Date", write_time(now_ns, self._zone))], None

    def _off(self, registrant: Registrant, reason: str, now_ns: int) -> None:
        self._book.set_registered(registrant, False)
        registrant.heard_ns = now_ns if reason == "unregister" else registrant.heard_ns
        self._asker.forget(registrant)
        self._claims.off(registrant, reason, now_ns)
        self._count()
        self._plan(registrant)

    def _count(self) -> None:
        self._meter.gauge("registrar_registered", self._book.registered)
        self._meter.gauge("registrar_channels", self._book.channels)

    # messages

    def _message(self, request: Request, peer: Peer, now_ns: int) -> _Decision:
        registrant, refused = self._speaker(request.sender.uri.user, peer)
        if registrant is None:
            return refused
        body, refused = self._body(request)
        if body is None:
            return refused
        self._heard(registrant, peer, now_ns)
        then: Callable[[], None] | None = None
        match body:
            case Keepalive():
                self._claims.keepalive(registrant, body.is_ok, frozenset(body.faulty), now_ns)
            case Alarm():
                alarm = body
                self._claims.alarm(registrant, alarm, now_ns)
                call_id = request.call_id

                def then() -> None:
                    self._asker.tell_alarm(registrant, alarm.sn_text, alarm.device, call_id, now_ns)

            case Catalogue():
                self._catalogue(registrant, body, now_ns)
            case DeviceInfo():
                name = body.name or " ".join(word for word in (body.manufacturer, body.model) if word)
                if body.device == registrant.code:
                    self._claims.describe_registrant(registrant, name, now_ns)
            case DeviceStatus():
                if body.device == registrant.code:
                    self._claims.status(registrant, body.is_ok, now_ns)
            case _:
                pass  # media status, answers to our answers: received, and of no concern
        return 200, [], then

    def _notify(self, request: Request, peer: Peer, now_ns: int) -> _Decision:
        dialog = self._asker.dialog(request.call_id)
        if dialog is None:
            return self._refused(481, Refusal.NO_DIALOG)
        code, job = dialog
        registrant, refused = self._speaker(code, peer)
        if registrant is None:
            return refused
        body: Body | None = None
        if request.body:
            body, refused = self._body(request)
            if body is None:
                return refused
        self._heard(registrant, peer, now_ns)
        if isinstance(body, Catalogue):
            self._catalogue(registrant, body, now_ns)
        elif isinstance(body, Alarm):
            self._claims.alarm(registrant, body, now_ns)
        if (request.header("subscription-state") or "").strip().lower().startswith("terminated"):
            self._asker.terminated(registrant, job)
        return 200, [], None

    def _speaker(self, code: str, peer: Peer) -> tuple[Registrant | None, _Decision]:
        """The registrant that speaks, when it may; else the refusal."""
        registrant = self._book.get(code)
        if registrant is None or not registrant.registered:
            # It registers anew when it hears that it is not.
            return None, self._refused(403, Refusal.NOT_REGISTERED)
        if self._config.check_source and peer.host != registrant.peer.host:
            return None, self._refused(403, Refusal.OTHER_SOURCE)
        return registrant, _NOTHING

    def _body(self, request: Request) -> tuple[Body | None, _Decision]:
        if "xml" not in (request.header("content-type") or "xml").lower():
            return None, self._refused(415, Refusal.BODY, [("Accept", "Application/MANSCDP+xml")])
        try:
            return parse_body(request.body, zone=self._zone), _NOTHING
        except MalformedBody:
            return None, self._refused(400, Refusal.BODY)

    def _heard(self, registrant: Registrant, peer: Peer, now_ns: int) -> None:
        registrant.heard_ns = now_ns
        registrant.peer = peer
        if not registrant.online:
            self._claims.on(registrant, "keepalive", now_ns)
            self._plan(registrant)

    def _catalogue(self, registrant: Registrant, part: Catalogue, now_ns: int) -> None:
        room = True
        for item in part.items:
            room = self._claims.item(registrant, item, now_ns) and room
        if not room:
            self._meter.count("registrar_dropped_total", reason="channels")
        if part.is_answer:
            whole = self._asker.part(registrant, part, now_ns)
            if whole is not None:
                for code in [code for code in registrant.channels if code not in whole]:
                    self._claims.left(registrant, code, now_ns)
        self._count()

    # time

    def on_time(self, now_ns: int) -> None:
        """To be called about once a second."""
        passed_ns = now_ns - self._last_ns
        self._last_ns = now_ns
        if not 0 <= passed_ns <= GAP_NS:
            self._shift(passed_ns)
        self._asker.on_time(now_ns)
        while self._due and self._due[0][0] <= now_ns:
            due_ns, code = heapq.heappop(self._due)
            registrant = self._book.get(code)
            if self._next.get(code) != due_ns:
                continue
            del self._next[code]
            if registrant is not None:
                self._look_at(registrant, now_ns)
                self._plan(registrant)

    def _look_at(self, registrant: Registrant, now_ns: int) -> None:
        if registrant.registered and registrant.expires_ns <= now_ns:
            self._off(registrant, "expired", now_ns)
        if registrant.registered and registrant.online and self._silent_from(registrant) <= now_ns:
            self._claims.off(registrant, "keepalive_missed", now_ns)
        if registrant.refresh_ns <= now_ns:
            registrant.refresh_ns = now_ns + self._config.refresh_seconds * NS_PER_S
            self._claims.refresh(registrant, now_ns)
        if registrant.registered and registrant.online:
            self._asker.renew(registrant, now_ns)
            if registrant.catalogue_ns <= now_ns:
                registrant.catalogue_ns = now_ns + self._config.catalogue_seconds * NS_PER_S
                self._asker.round(registrant, anew=False)
            self._asker.pump(now_ns)

    def _silent_from(self, registrant: Registrant) -> int:
        return registrant.heard_ns + self._patience(registrant.code)

    def _plan(self, registrant: Registrant) -> None:
        """When it is to be looked at next."""
        due_ns = registrant.refresh_ns
        if registrant.registered:
            due_ns = min(due_ns, registrant.expires_ns)
        if registrant.registered and registrant.online:
            due_ns = min(due_ns, self._silent_from(registrant), registrant.catalogue_ns)
            renewals = [s.renew_ns for s in registrant.subscriptions.values() if s.remote_to]
            due_ns = min(due_ns, *renewals) if renewals else due_ns
        if self._next.get(registrant.code) != due_ns:
            self._next[registrant.code] = due_ns
            heapq.heappush(self._due, (due_ns, registrant.code))

    def _shift(self, by_ns: int) -> None:
        """Nobody listened for that long: nothing that should have come in it counts as missing."""
        for registrant in self._book:
            registrant.heard_ns += by_ns
            registrant.expires_ns += by_ns
            registrant.refresh_ns += by_ns
            registrant.catalogue_ns += by_ns
            for subscription in registrant.subscriptions.values():
                subscription.renew_ns += by_ns
                subscription.until_ns += by_ns
        self._due = []
        self._next = {}
        for registrant in self._book:
            self._plan(registrant)


_Decision = tuple[int, list[tuple[str, str]], Callable[[], None] | None]
"""Status, headers, and what is to be done when the answer has left."""
_NOTHING: _Decision = (500, [], None)
"""Stands where there is nothing to refuse."""


def _wanted(request: Request) -> tuple[int, Uri]:
    """For how many seconds, and under which address. MalformedSip."""
    said = request.header("expires")
    contacts = request.all("contact")
    if len(contacts) > 1:
        raise MalformedSip("contact", "one Contact is wanted")
    if contacts and contacts[0] == "*":
        if said is None or _seconds(said) != 0:
            raise MalformedSip("contact", "Contact * goes with Expires: 0 alone")
        return 0, Uri("", "invalid")
    if not contacts or not contacts[0]:
        if said is not None and _seconds(said) == 0:
            return 0, Uri("", "invalid")
        raise MalformedSip("contact", "the header contact is missing")
    contact = Party.parse(contacts[0])
    said = contact.parameters.get("expires", said)
    return (_DEFAULT_EXPIRES_S if said is None else _seconds(said)), contact.uri


def _seconds(text: str) -> int:
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise MalformedSip("expires", "Expires is no number")
    return int(text)


def _same_address(answered: str, asked: str) -> bool:
    """Whether the digest was made for this registrar. Devices err in host, port and parameters; some leave out the
    user. A digest is good for one request whatever stands there."""
    if answered == asked:
        return True
    try:
        return Uri.parse(answered).user in ("", Uri.parse(asked).user)
    except MalformedSip:
        return False
