"""Settings of notifications: receivers, routes, words. Light: the supervisor reads them, too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from citywatch.alerts.config import Match
from citywatch.domain.instants import NS_PER_S, check_zone
from citywatch.domain.labels import LABELS, Matcher
from citywatch.notifications.news import CHANGES, USUAL
from citywatch.notifications.routes import EACH, Route, Timing

MOST_RECEIVERS = 100
MOST_ROUTES = 500
_NAME = r"^[A-Za-z0-9._-]{1,48}$"
_DEEPEST = 6

Kind = Literal["apprise", "webhook", "mqtt", "alertmanager"]
_Seconds = Annotated[float | None, Field(ge=0, le=604_800)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class ReceiverSettings(_Part):
    """Somebody, or something, that is told. What holds a password is never shown again."""

    name: Annotated[str, Field(pattern=_NAME, description="Name of the receiver; routes use it, metrics show it")]
    kind: Annotated[Kind, Field(description="How it is reached")]
    url: Annotated[
        SecretStr | None,
        Field(description="Its address: one of Apprise, http(s):// of a webhook or Alertmanager, mqtt(s)://"),
    ] = None
    url_file: Annotated[
        Path | None, Field(description="A file with the address alone, where that holds a password or token")
    ] = None
    secret_file: Annotated[
        Path | None, Field(description="webhook: the secret of its signatures; two lines while it is being changed")
    ] = None
    token_file: Annotated[Path | None, Field(description="webhook, alertmanager: a bearer token")] = None
    username: Annotated[str, Field(max_length=256, description="mqtt: user at the broker")] = ""
    password_file: Annotated[Path | None, Field(description="mqtt: a file with its password alone")] = None
    ca_file: Annotated[Path | None, Field(description="Certificates (PEM) that TLS is trusted by")] = None
    client_id: Annotated[str, Field(max_length=128, description="mqtt: our name; without one, from the receiver's")] = (
        ""
    )
    topic: Annotated[str, Field(max_length=200, description="mqtt: every delivery is published here")] = ""
    state_topic: Annotated[
        str, Field(max_length=200, description="mqtt: below it each open alert is retained under its id, until it ends")
    ] = ""
    language: Annotated[Literal["en", "zh"] | None, Field(description="Of its texts; without one, the city's")] = None
    form: Annotated[
        Literal["full", "title"], Field(description="apprise: `title` sends the one line alone, as for SMS")
    ] = "full"
    timeout_seconds: Annotated[float, Field(gt=0, le=120, description="Patience for one attempt")] = 10.0
    retry_seconds: Annotated[float, Field(gt=0, le=3600, description="Pause before the second attempt; it doubles")] = (
        5.0
    )
    retry_seconds_max: Annotated[float, Field(gt=0, le=86_400, description="... up to this")] = 600.0
    give_up_hours: Annotated[float, Field(gt=0, le=720, description="A delivery that is older is given up")] = 24.0
    waiting_max: Annotated[
        int, Field(ge=1, le=1_000_000, description="So many may wait; then the oldest are dropped, and counted")
    ] = 10_000
    resend_seconds: Annotated[
        float,
        Field(ge=1, le=3600, description="alertmanager: open alerts are sent again so often; they end after four"),
    ] = 60.0

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ReceiverSettings:
        if (self.url is None) == (self.url_file is None):
            raise ValueError(f"receiver {self.name!r}: give either url or url_file")
        if self.url is not None:
            check_address(self.name, self.kind, self.url.get_secret_value())
        needs = {"mqtt": ("topic",)}.get(self.kind, ())
        for key in needs:
            if not getattr(self, key):
                raise ValueError(f"receiver {self.name!r}: kind {self.kind} needs `{key}`")
        foreign = {
            "secret_file": ("webhook",),
            "token_file": ("webhook", "alertmanager"),
            "username": ("mqtt",),
            "password_file": ("mqtt",),
            "client_id": ("mqtt",),
            "topic": ("mqtt",),
            "state_topic": ("mqtt",),
            "ca_file": ("mqtt", "webhook", "alertmanager"),
        }
        for key, kinds in foreign.items():
            if getattr(self, key) and self.kind not in kinds:
                raise ValueError(f"receiver {self.name!r}: `{key}` is for kind {' or '.join(kinds)}")
        if any(sign in self.topic + self.state_topic for sign in "+#\0"):
            raise ValueError(f"receiver {self.name!r}: a topic that is published to holds no + and #")
        return self


class RouteSettings(_Part):
    """A branch. What it does not say itself it has from the one above it."""

    match: Annotated[Match, Field(description="Labels and patterns; without any, everything")] = Matcher()
    escalation: Annotated[int, Field(ge=0, le=10, description="Only what has come to this step")] = 0
    receivers: Annotated[tuple[str, ...] | None, Field(max_length=MOST_RECEIVERS, description="Who is told")] = None
    changes: Annotated[tuple[str, ...] | None, Field(max_length=40, description="What is told of")] = None
    group_by: Annotated[
        tuple[str, ...] | None, Field(max_length=12, description=f"Labels that make a group, or `{EACH}` alert alone")
    ] = None
    group_wait_seconds: Annotated[_Seconds, Field(description="So long a new group waits for more")] = None
    group_interval_seconds: Annotated[
        Annotated[float | None, Field(ge=1, le=604_800)], Field(description="Between two messages about one group")
    ] = None
    repeat_seconds: Annotated[
        _Seconds, Field(description="Told again while open and not acknowledged; 0 for never")
    ] = None
    mute: Annotated[tuple[str, ...] | None, Field(max_length=20, description="Calendars in whose hours it waits")] = (
        None
    )
    goes_on: Annotated[bool, Field(alias="continue", description="Look at the branches behind this one, too")] = False
    routes: Annotated[tuple[RouteSettings, ...], Field(max_length=MOST_ROUTES, description="Branches below it")] = ()

    @field_validator("changes")
    @classmethod
    def _words(cls, changes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for change in changes or ():
            if change not in CHANGES:
                raise ValueError(f"{change}: nothing of that name happens; there are {', '.join(CHANGES)}")
        return changes

    @field_validator("group_by")
    @classmethod
    def _labels(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if name not in LABELS and name != EACH:
                raise ValueError(f"{name}: no such label; there are {', '.join(LABELS)}, and {EACH}")
        return names


def _calendars(value: Any) -> Any:
    """Checked when there are any: what they need is not light."""
    if isinstance(value, dict):
        from citywatch.sla.contracts import CalendarTerms  # noqa: PLC0415

        for terms in value.values():
            CalendarTerms.model_validate(terms)
    return value


class NotificationSettings(_Part):
    """Who is told of alerts and tickets."""

    receivers: Annotated[tuple[ReceiverSettings, ...], Field(max_length=MOST_RECEIVERS, description="Who is told")] = ()
    default: Annotated[
        tuple[str, ...], Field(max_length=MOST_RECEIVERS, description="Told of what no route is about")
    ] = ()
    routes: Annotated[tuple[RouteSettings, ...], Field(max_length=MOST_ROUTES, description="The first that fits")] = ()
    calendars: Annotated[
        dict[str, dict[str, Any]],
        BeforeValidator(_calendars),
        Field(description="Hours by name, as a contract's calendars, in time_zone; for `mute`"),
    ] = {}
    language: Annotated[Literal["en", "zh"], Field(description="Of the texts")] = "en"
    time_zone: Annotated[str, Field(description="Of times in texts, and of calendars")] = "UTC"
    public_url: Annotated[
        str, Field(max_length=200, description="Address of the console for links, such as https://city.example")
    ] = ""
    templates: Annotated[Path | None, Field(description="Directory with en.yaml or zh.yaml, for texts of your own")] = (
        None
    )
    catch_up_seconds: Annotated[
        int, Field(ge=0, le=604_800, description="At the very first start, what happened so shortly before is told")
    ] = 600

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return check_zone(name)

    @field_validator("public_url")
    @classmethod
    def _public(cls, url: str) -> str:
        if url:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
                raise ValueError("an http:// or https:// address without user and password is wanted")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _names_exist(self) -> NotificationSettings:
        names = [receiver.name for receiver in self.receivers]
        if len(set(names)) < len(names):
            raise ValueError("two receivers have the same name; give each its own")
        if self.routes and not names:
            raise ValueError("routes need receivers")
        for name in self.default:
            _known(name, names, "default")
        _check_routes(self.routes, names, self.calendars, 1)
        return self

    def root(self) -> Route:
        """The tree that the settings mean."""
        match = Matcher()
        top = RouteSettings(
            match=match, receivers=self.default, changes=USUAL, group_by=("alert", "severity", "area"), mute=()
        )
        usual = Timing()
        return _route(top, Route(match, (), frozenset(), ("alert",), usual), self.routes)


def check_address(name: str, kind: str, url: str) -> None:
    """ValueError, which does not repeat the address, where it cannot be one of this kind."""
    schemes = {"webhook": ("http", "https"), "alertmanager": ("http", "https"), "mqtt": ("mqtt", "mqtts")}.get(kind)
    try:
        parts = urlsplit(url)
        port = parts.port if schemes else None
    except ValueError:
        raise ValueError(f"receiver {name!r}: this is no address") from None
    if schemes is None:
        if "://" not in url:
            raise ValueError(f"receiver {name!r}: an address of Apprise is wanted, such as mailtos://...")
    elif parts.scheme not in schemes or not parts.hostname or port == 0:
        raise ValueError(f"receiver {name!r}: an address with {' or '.join(f'{one}://' for one in schemes)} is wanted")
    elif parts.username is not None or parts.password is not None:
        raise ValueError(f"receiver {name!r}: user and password do not belong into the address; use the keys for them")


def _known(name: str, names: list[str], where: str) -> None:
    if name not in names:
        raise ValueError(f"{where}: there is no receiver {name!r}; there are {', '.join(names) or 'none'}")


def _check_routes(
    routes: tuple[RouteSettings, ...], names: list[str], calendars: dict[str, dict[str, Any]], depth: int
) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"routes are nested more than {_DEEPEST} deep")
    for route in routes:
        for name in route.receivers or ():
            _known(name, names, "routes")
        for calendar in route.mute or ():
            if calendar not in calendars:
                raise ValueError(f"routes: there is no calendar {calendar!r} to mute by; add it to `calendars`")
        _check_routes(route.routes, names, calendars, depth + 1)


def _route(said: RouteSettings, above: Route, branches: tuple[RouteSettings, ...]) -> Route:
    def or_above(seconds: float | None, ns: int) -> int:
        return ns if seconds is None else round(seconds * NS_PER_S)

    timing = Timing(
        or_above(said.group_wait_seconds, above.timing.wait_ns),
        or_above(said.group_interval_seconds, above.timing.interval_ns),
        or_above(said.repeat_seconds, above.timing.repeat_ns),
    )
    own = Route(
        said.match,
        above.receivers if said.receivers is None else said.receivers,
        above.changes if said.changes is None else frozenset(said.changes),
        above.group_by if said.group_by is None else said.group_by,
        timing,
        said.escalation,
        above.mute if said.mute is None else said.mute,
        said.goes_on,
    )
    below = tuple(_route(branch, own, branch.routes) for branch in branches)
    return Route(own.match, own.receivers, own.changes, own.group_by, timing, own.level, own.mute, own.goes_on, below)
