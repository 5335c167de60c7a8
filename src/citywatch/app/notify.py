"""The part `notify`: a planner, and a worker for each receiver. Also what `citywatch notify test` sends with."""

from __future__ import annotations

import json
import random
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from citywatch import console
from citywatch.adapters.notify.outcome import Sender
from citywatch.adapters.scales.config import read_secret
from citywatch.adapters.store.outbox import Outbox
from citywatch.app.clock import SystemClock
from citywatch.app.notify_planner import Planner, Plans
from citywatch.app.notify_workers import Worker
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.errors import ConfigurationError
from citywatch.notifications.config import NotificationSettings, ReceiverSettings, check_address
from citywatch.notifications.documents import test_document
from citywatch.notifications.signing import sign
from citywatch.notifications.texts import Language, TemplateRefused, Words, words
from citywatch.ports import Clock, Meter
from citywatch.settings import load_settings

_MUTE_AHEAD_NS = 8 * 86_400 * NS_PER_S
"""A calendar is looked at so far ahead: hours that last longer are looked at again then."""


class NotifyPart:
    """Everything of the part, built but not started. ConfigurationError when a secret, address or template is wrong."""

    def __init__(
        self,
        settings: NotificationSettings,
        beside: Callable[[Path], Path],
        outbox: Outbox,
        silences: Callable[[int], Sequence[Matcher]],
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._meter = meter
        self._senders = {one.name: sender(settings, one, beside, clock) for one in settings.receivers}
        self.workers = {
            one.name: Worker(
                one,
                self._senders[one.name],
                outbox,
                clock,
                meter,
                random.Random(),  # noqa: S311  (jitter)
                getattr(self._senders[one.name], "refresh", None),
            )
            for one in settings.receivers
        }
        most = {one.name: one.waiting_max for one in settings.receivers}
        plans = Plans(settings.root(), most, muted(settings))
        self._planner = Planner(outbox, plans, silences, clock, meter, self._wake)
        self._catch_up_ns = settings.catch_up_seconds * NS_PER_S

    def begin(self) -> None:
        self._planner.begin(self._catch_up_ns)

    def plan(self) -> bool:
        """One turn of the planner; False when there was nothing to do."""
        return self._planner.turn()

    def tell_figures(self) -> None:
        """How much waits, and for how long."""
        now_ns, waiting = self._clock.now_ns(), self._outbox.waiting()
        for name in self.workers:
            found = waiting.get(name)
            age_s = 0.0 if found is None else max(0.0, (now_ns - found.oldest_ns) / NS_PER_S)
            self._meter.gauge("deliveries_waiting", 0 if found is None else found.count, receiver=name)
            self._meter.gauge("delivery_oldest_seconds", age_s, receiver=name)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()

    def _wake(self, receivers: Collection[str]) -> None:
        for name in receivers:
            self.workers[name].wake()


def sender(
    settings: NotificationSettings, receiver: ReceiverSettings, beside: Callable[[Path], Path], clock: Clock
) -> Sender:
    """How a receiver is reached. ConfigurationError, without any secret in it."""
    of = f"receiver {receiver.name}"

    def secret(path: Path | None) -> str:
        return "" if path is None else read_secret(of, beside(path)).get_secret_value()

    url = receiver.url.get_secret_value() if receiver.url is not None else secret(receiver.url_file)
    try:
        check_address(receiver.name, receiver.kind, url)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    said = words_of(settings, receiver.language or settings.language, beside)
    tls = _trusted(of, receiver.ca_file, beside)
    if receiver.kind == "apprise":
        from citywatch.adapters.notify.by_apprise import ByApprise  # noqa: PLC0415  (slow to import)

        return ByApprise(
            receiver.name,
            url,
            title=said.title,
            text=said.text,
            is_brief=receiver.form == "title",
            timeout_s=receiver.timeout_seconds,
        )
    if receiver.kind == "webhook":
        from citywatch.adapters.notify.webhook import Webhook  # noqa: PLC0415

        return Webhook(
            url,
            sign=sign,
            secrets=_secrets(of, receiver.secret_file, beside),
            token=secret(receiver.token_file),
            timeout_s=receiver.timeout_seconds,
            tls=tls,
            now_s=lambda: clock.now_ns() // NS_PER_S,
        )
    if receiver.kind == "alertmanager":
        from citywatch.adapters.notify.alertmanager import Alertmanager  # noqa: PLC0415

        return Alertmanager(
            url,
            token=secret(receiver.token_file),
            timeout_s=receiver.timeout_seconds,
            resend_s=receiver.resend_seconds,
            tls=tls,
            now_ns=clock.now_ns,
            title=said.title_of_alert,
            link=said.link_of_alert,
        )
    from citywatch.adapters.notify.mqtt import MqttTopic  # noqa: PLC0415

    return MqttTopic(
        url,
        topic=receiver.topic,
        state_topic=receiver.state_topic,
        client_id=receiver.client_id or f"citywatch-notify-{receiver.name}",
        username=receiver.username,
        password=secret(receiver.password_file),
        timeout_s=receiver.timeout_seconds,
        tls=tls,
    )


def words_of(settings: NotificationSettings, language: Language, beside: Callable[[Path], Path]) -> Words:
    """The words of a language, a user's templates over ours."""
    # The console names every kind of alert in both languages; so do we.
    text = (Path(console.__file__).parent / "words.json").read_text(encoding="utf-8")
    known = {key: said[language] for key, said in json.loads(text).items() if language in said}
    kinds = {key.removeprefix("kind_"): text for key, text in known.items() if key.startswith("kind_")}
    severities = {key.removeprefix("severity_"): text for key, text in known.items() if key.startswith("severity_")}
    given: Mapping[str, Any] = {}
    path = None if settings.templates is None else beside(settings.templates) / f"{language}.yaml"
    if path is not None and path.exists():
        try:
            given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"templates {path}: {' '.join(str(error).split())[:200]}") from error
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"templates {path}: a mapping of templates is wanted, such as `title_alert: ...`")
    try:
        return words(language, given, kinds, severities, zone=settings.time_zone, public_url=settings.public_url)
    except TemplateRefused as error:
        raise ConfigurationError(f"templates {path}: {error}") from error


def send_test(settings: NotificationSettings, name: str, beside: Callable[[Path], Path], clock: Clock) -> str:
    """Send a test to one receiver, now and once. What became of it: '' when it was taken, else the reason."""
    known = {receiver.name: receiver for receiver in settings.receivers}
    if name not in known:
        raise ConfigurationError(f"there is no receiver {name!r}; there are {', '.join(known) or 'none'}")
    now_ns = clock.now_ns()
    one = sender(settings, known[name], beside, clock)
    try:
        outcome = one.send(test_document(f"test-{now_ns}", name, now_ns))
    finally:
        one.close()
    return "" if outcome.result == "delivered" else f"{outcome.reason} {outcome.detail}".strip()


def try_receiver(config: Path, name: str) -> int:
    """What `citywatch notify test` does; returns the exit code."""
    settings = load_settings(config).notifications
    failed = send_test(settings, name, lambda path: config.parent / path, SystemClock())
    print(f"{name}: {failed}" if failed else f"{name} has taken the test message")
    return 1 if failed else 0


def muted(settings: NotificationSettings) -> Callable[[Collection[str], int], int]:
    """Until when one of the calendars of these names holds at an instant, -1 where none does."""
    if not settings.calendars:
        return lambda _names, _now_ns: -1
    from citywatch.sla.calendars import Calendar  # noqa: PLC0415  (numpy: only who mutes)
    from citywatch.sla.contracts import CalendarTerms  # noqa: PLC0415

    calendars = {}
    for name, raw in settings.calendars.items():
        terms = CalendarTerms.model_validate(raw)
        calendars[name] = Calendar(
            settings.time_zone,
            terms.days,
            tuple(sorted(terms.hours)),
            terms.holidays,
            terms.make_up_days,
            terms.closed,
            terms.open,
        )

    def until_ns(names: Collection[str], now_ns: int) -> int:
        ends = [-1]
        for name in names:
            hours = calendars[name].within(now_ns, now_ns + _MUTE_AHEAD_NS)
            ends += [int(hours.closes[0])] if len(hours.opens) and hours.opens[0] <= now_ns else []
        return max(ends)

    return until_ns


def _secrets(of: str, path: Path | None, beside: Callable[[Path], Path]) -> list[str]:
    """One line, or two while a secret is being changed."""
    if path is None:
        return []
    try:
        lines = beside(path).read_text(encoding="utf-8").split()
    except OSError as error:
        raise ConfigurationError(f"{of}: secret file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{of}: secret file {path}: not UTF-8 text") from None
    if not 1 <= len(lines) <= 2 or min(map(len, lines)) < 16:
        raise ConfigurationError(f"{of}: secret file {path}: one or two lines of at least 16 characters are wanted")
    return lines


def _trusted(of: str, path: Path | None, beside: Callable[[Path], Path]) -> ssl.SSLContext | None:
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=beside(path))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{of}: ca_file {path}: {error}") from error
