"""What the registrar asks of those who have registered: information, status, catalogue, subscriptions.

Jobs wait in line, so that a city that registers all at once is asked a bounded number of questions at a time. Whoever
does not answer one is not asked the rest until the next round.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from citywatch.adapters.gb28181.book import Book, Peer, Registrant, Subscription
from citywatch.domain.instants import NS_PER_S
from citywatch.wire.gb28181 import (
    CONTENT_TYPE,
    VERSION_HEADER,
    Catalogue,
    alarm_response,
    alarm_subscription,
    catalogue_query,
    device_info_query,
    device_status_query,
)
from citywatch.wire.sip import MAGIC_COOKIE, Response, write_request
from citywatch.wire.sip_transactions import Questions

_PART_WAIT_NS = 60 * NS_PER_S
_MOST_SN = 999_999
_RENEW_AT = 0.8


class Job(StrEnum):
    """What is asked, in the order in which one registrant is asked."""

    INFO = "info"
    CATALOGUE = "catalogue"
    SUBSCRIBE_CATALOGUE = "subscribe_catalogue"
    SUBSCRIBE_ALARMS = "subscribe_alarms"
    STATUS = "status"
    TELL = "tell"
    """The answer to an alarm; not a job of a round."""


_SUBSCRIPTIONS = (Job.SUBSCRIBE_CATALOGUE, Job.SUBSCRIBE_ALARMS)


@dataclass(frozen=True, slots=True)
class About:
    """Which registrant a question went to, and why."""

    code: str
    job: Job


@dataclass(slots=True)
class Assembly:
    """A catalogue on its way: `seen` codes of the entries that came, `total` how many there shall be."""

    sn: int
    until_ns: int
    total: int
    seen: set[str]


class Wire(Protocol):
    """How messages leave."""

    def send(self, peer: Peer, data: bytes) -> bool:
        """False when it cannot be sent (the connection is gone)."""
        ...

    def local(self, peer: Peer) -> tuple[str, int]:
        """Our own address as that peer reaches it."""
        ...


class Asker:
    """Our requests, the line of those still to be made, catalogues being assembled, and subscriptions."""

    def __init__(
        self,
        code: str,
        book: Book,
        wire: Wire,
        *,
        most: int,
        subscription_s: int,
        on_catalogue: Callable[[str], None],
        random_hex: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._code = code
        self._book = book
        self._wire = wire
        self._most = most
        self._subscription_s = subscription_s
        self._on_catalogue = on_catalogue
        self._random_hex = random_hex
        self._questions: Questions[About] = Questions(most)
        self._line: OrderedDict[tuple[str, Job], None] = OrderedDict()
        self._assemblies: dict[str, Assembly] = {}
        self._dialogs: dict[str, tuple[str, Job]] = {}
        self._sn = 0

    @property
    def waiting(self) -> int:
        """Jobs in the line and questions without an answer."""
        return len(self._line) + len(self._questions)

    # the line

    def round(self, registrant: Registrant, *, anew: bool) -> None:
        """Ask everything; `anew` when it has just registered, so that its subscriptions are gone."""
        if anew:
            self.end_subscriptions(registrant)
            self._assemblies.pop(registrant.code, None)
            self._want(registrant.code, Job.INFO)
        self._want(registrant.code, Job.CATALOGUE)
        if self._subscription_s:
            for job in _SUBSCRIPTIONS:
                if job not in registrant.subscriptions:
                    self._want(registrant.code, job)
        self._want(registrant.code, Job.STATUS)

    def renew(self, registrant: Registrant, now_ns: int) -> None:
        """Subscriptions that are to be renewed now."""
        for name, subscription in registrant.subscriptions.items():
            if subscription.remote_to and subscription.renew_ns <= now_ns:
                subscription.renew_ns = subscription.until_ns
                self._want(registrant.code, Job(name))

    def forget(self, registrant: Registrant) -> None:
        """It is registered no longer: nothing is asked of it, nothing awaited."""
        for job in Job:
            self._line.pop((registrant.code, job), None)
        self._assemblies.pop(registrant.code, None)
        self.end_subscriptions(registrant)

    def end_subscriptions(self, registrant: Registrant) -> None:
        for subscription in registrant.subscriptions.values():
            self._dialogs.pop(subscription.call_id, None)
        registrant.subscriptions.clear()

    def pump(self, now_ns: int) -> None:
        """Ask as much as may be asked at a time."""
        for _ in range(len(self._line)):
            if self._questions.full:
                return
            (code, job), _nothing = self._line.popitem(last=False)
            if job is Job.CATALOGUE and len(self._assemblies) >= self._most:
                self._line[code, job] = None  # to the end of the line: others need no place for parts
                continue
            registrant = self._book.get(code)
            if registrant is not None and registrant.registered:
                self._start(registrant, job, now_ns)

    def _want(self, code: str, job: Job) -> None:
        self._line.setdefault((code, job), None)

    def _start(self, registrant: Registrant, job: Job, now_ns: int) -> None:
        code, form, sn = registrant.code, registrant.form, self._next_sn()
        if job is Job.INFO:
            self._message(registrant, job, device_info_query(sn, code, form), now_ns)
        elif job is Job.STATUS:
            self._message(registrant, job, device_status_query(sn, code, form), now_ns)
        elif job is Job.CATALOGUE:
            if self._message(registrant, job, catalogue_query(sn, code, form), now_ns):
                self._assemblies[code] = Assembly(sn, now_ns + _PART_WAIT_NS, -1, set())
        else:
            alarms = job is Job.SUBSCRIBE_ALARMS
            body = alarm_subscription(sn, code, form) if alarms else catalogue_query(sn, code, form)
            self._subscribe(registrant, job, body, now_ns)

    # requests

    def tell_alarm(self, registrant: Registrant, sn_text: str, device: str, call_id: str, now_ns: int) -> None:
        """The answer to an alarm that came by MESSAGE: a MESSAGE of its own, under the Call-ID of what it answers."""
        if not self._questions.full:
            body = alarm_response(sn_text, device, registrant.form)
            self._message(registrant, Job.TELL, body, now_ns, call_id=call_id)

    def _message(self, registrant: Registrant, job: Job, body: bytes, now_ns: int, *, call_id: str = "") -> bool:
        headers = self._headers(registrant, "MESSAGE", call_id or self._random_hex(12), 1, self._random_hex(6), "")
        return self._ask(registrant, job, "MESSAGE", headers, body, now_ns)

    def _subscribe(self, registrant: Registrant, job: Job, body: bytes, now_ns: int) -> None:
        subscription = registrant.subscriptions.get(job)
        if subscription is None:
            # The alarms' event package is not named alike everywhere; `presence` is what devices in the field take.
            event = "presence" if job is Job.SUBSCRIBE_ALARMS else f"Catalog;id={int(self._random_hex(3), 16)}"
            subscription = Subscription(self._random_hex(12), self._random_hex(6), event)
            registrant.subscriptions[job] = subscription
            self._dialogs[subscription.call_id] = (registrant.code, job)
        else:
            subscription.cseq += 1
        headers = self._headers(
            registrant,
            "SUBSCRIBE",
            subscription.call_id,
            subscription.cseq,
            subscription.tag,
            subscription.remote_to,
        )
        headers += [("Event", subscription.event), ("Expires", str(self._subscription_s))]
        if not self._ask(registrant, job, "SUBSCRIBE", headers, body, now_ns):
            self._end(registrant, job)

    def _headers(
        self, registrant: Registrant, method: str, call_id: str, cseq: int, tag: str, remote_to: str
    ) -> list[tuple[str, str]]:
        host, port = self._wire.local(registrant.peer)
        shown = f"[{host}]" if ":" in host else host
        domain = self._code[:10]
        headers = [
            ("From", f"<sip:{self._code}@{domain}>;tag={tag}"),
            ("To", remote_to or f"<sip:{registrant.code}@{registrant.code[:10]}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{self._code}@{shown}:{port}>"),
            ("Max-Forwards", "70"),
        ]
        return [*headers, (VERSION_HEADER, registrant.form.version)]

    def _ask(
        self,
        registrant: Registrant,
        job: Job,
        method: str,
        headers: list[tuple[str, str]],
        body: bytes,
        now_ns: int,
    ) -> bool:
        peer = registrant.peer
        host, port = self._wire.local(peer)
        shown = f"[{host}]" if ":" in host else host
        branch = MAGIC_COOKIE + self._random_hex(12)
        via = f"SIP/2.0/{peer.transport.upper()} {shown}:{port};rport;branch={branch}"
        data = write_request(method, registrant.uri, [("Via", via), *headers], body, CONTENT_TYPE)
        if not self._wire.send(peer, data):
            return False
        reliable = peer.transport == "tcp"
        self._questions.ask(branch, data, About(registrant.code, job), reliable=reliable, now_ns=now_ns)
        return True

    # answers

    def on_response(self, response: Response, now_ns: int) -> str | None:
        """The code of the registrant that was asked; '' for an answer that is not the last word, None for no answer."""
        asked = self._questions.answered(response.via.branch, response.status)
        if asked is None:
            return "" if response.status < 200 else None
        registrant = self._book.get(asked.what.code)
        if registrant is not None:
            self._answered(registrant, asked.what.job, response, now_ns)
        self.pump(now_ns)
        return asked.what.code

    def _answered(self, registrant: Registrant, job: Job, response: Response, now_ns: int) -> None:
        refused = response.status >= 300
        if job is Job.CATALOGUE and refused:
            if self._assemblies.pop(registrant.code, None) is not None:
                self._on_catalogue("refused")
        elif job in _SUBSCRIPTIONS:
            subscription = registrant.subscriptions.get(job)
            if subscription is None or subscription.call_id != response.call_id:
                return
            if refused:
                again = response.status == 481 and bool(subscription.remote_to)
                self._end(registrant, job)
                if again:
                    self._want(registrant.code, job)
                return
            subscription.remote_to = response.need("to")
            granted = response.header("expires") or ""
            granted_s = int(granted) if granted.isascii() and granted.isdigit() and len(granted) < 8 else 0
            granted_s = min(granted_s or self._subscription_s, self._subscription_s)
            subscription.until_ns = now_ns + granted_s * NS_PER_S
            subscription.renew_ns = now_ns + round(_RENEW_AT * granted_s * NS_PER_S)

    def _end(self, registrant: Registrant, job: Job) -> None:
        subscription = registrant.subscriptions.pop(job, None)
        if subscription is not None:
            self._dialogs.pop(subscription.call_id, None)

    def on_time(self, now_ns: int) -> None:
        """Send again what was not answered, give up what never was, and go on with the line."""
        for asked, again in self._questions.due(now_ns):
            registrant = self._book.get(asked.what.code)
            if registrant is None:
                self._questions.drop(asked.branch)
            elif again:
                if not asked.reliable:
                    self._wire.send(registrant.peer, asked.data)
            else:
                self._given_up(registrant, asked.what.job)
        for code, assembly in list(self._assemblies.items()):
            if assembly.until_ns <= now_ns:
                del self._assemblies[code]
                self._on_catalogue("incomplete" if assembly.seen else "timed_out")
        self.pump(now_ns)

    def _given_up(self, registrant: Registrant, job: Job) -> None:
        if job is Job.CATALOGUE and self._assemblies.pop(registrant.code, None) is not None:
            self._on_catalogue("timed_out")
        if job in _SUBSCRIPTIONS:
            self._end(registrant, job)
        for other in Job:
            self._line.pop((registrant.code, other), None)

    # parts and dialogs

    def part(self, registrant: Registrant, part: Catalogue, now_ns: int) -> frozenset[str] | None:
        """A part of a catalogue: the codes of the whole when this one makes it complete, else None."""
        assembly = self._assemblies.get(registrant.code)
        if assembly is None or assembly.sn != part.sn:
            return None
        assembly.total = part.total
        assembly.until_ns = now_ns + _PART_WAIT_NS
        assembly.seen.update(item.code for item in part.items)
        if len(assembly.seen) < assembly.total:
            return None
        del self._assemblies[registrant.code]
        self._on_catalogue("complete")
        return frozenset(assembly.seen)

    def dialog(self, call_id: str) -> tuple[str, Job] | None:
        """Whose subscription, and which one, a NOTIFY belongs to."""
        return self._dialogs.get(call_id)

    def terminated(self, registrant: Registrant, job: Job) -> None:
        """The other side has ended a subscription; the next round asks for it again."""
        self._end(registrant, job)

    def _next_sn(self) -> int:
        self._sn = self._sn % _MOST_SN + 1
        return self._sn
