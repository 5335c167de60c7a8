"""The alert desk in the plainest words: everything is looked at again at every tick, nothing is indexed.

It knows no rooms, rows or dues; it keeps an Alert object for every alert that ever was, and the past of openings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass
class Alert:
    first_cause: str
    device: str
    kind: str
    opened_s: int
    steps: list[tuple[int, str]]
    expires_s: int | None
    state: str = "open"
    flapping: bool = False
    openings: int = 1
    open_causes: set[str] = field(default_factory=set)
    quiet_since_s: int | None = None
    level: int = 0
    not_before_s: int = 0
    history: list[int] = field(default_factory=list)


@dataclass
class Window:
    pattern: str
    from_s: int
    to_s: int
    ended: bool = False


@dataclass
class SlowDesk:
    """`told` collects (what, first cause of the alert, detail) since it was last emptied."""

    flap_openings: int
    flap_within_s: int
    flap_quiet_s: int
    steps: dict[str, list[tuple[int, str]]]
    moment_s: int
    now_s: int = 0
    alerts: list[Alert] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    past: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    told: list[tuple[str, str, object]] = field(default_factory=list)

    def opens(self, device: str, kind: str, cause: str) -> None:
        if self._in_window(device):
            self.held[cause] = (device, kind)
            return
        standing = self._flapping(device, kind)
        if standing is not None:
            standing.openings += 1
            standing.open_causes.add(cause)
            if standing.quiet_since_s is not None:
                standing.quiet_since_s = None
                standing.not_before_s = self.now_s + 1
            self.told.append(("flapping", standing.first_cause, standing.openings))
            return
        alert = Alert(cause, device, kind, self.now_s, list(self.steps.get(kind, [])), None, open_causes={cause})
        past = [at for at in self.past.get((device, kind), []) if at > self.now_s - self.flap_within_s]
        alert.history = [*past, self.now_s]
        self.past[device, kind] = []
        self.alerts.append(alert)
        self.told.append(("opened", cause, kind))
        if len(alert.history) >= self.flap_openings:
            alert.flapping, alert.openings = True, self.flap_openings
            self.told.append(("flapping", cause, alert.openings))

    def passes(self, device: str, cause: str) -> None:
        """A moment."""
        if not self._in_window(device):
            expires = self.now_s + self.moment_s
            self.alerts.append(
                Alert(cause, device, "overloaded", self.now_s, list(self.steps.get("overloaded", [])), expires)
            )
            self.told.append(("opened", cause, "overloaded"))

    def clears(self, cause: str) -> None:
        if self.held.pop(cause, None) is not None:
            return
        for alert in self._standing():
            if cause in alert.open_causes:
                alert.open_causes.remove(cause)
                if not alert.flapping:
                    self._resolve(alert, "cleared")
                    self.past.setdefault((alert.device, alert.kind), []).extend(alert.history)
                elif not alert.open_causes:
                    alert.quiet_since_s = self.now_s

    def acknowledges(self, first_cause: str) -> bool:
        for alert in self._standing():
            if alert.first_cause == first_cause and alert.state == "open":
                alert.state = "acknowledged"
                self.told.append(("acknowledged", first_cause, None))
                return True
        return False

    def removes(self, device: str) -> None:
        for alert in self._standing():
            if alert.device == device:
                self._resolve(alert, "device_removed")
        self.held = {cause: about for cause, about in self.held.items() if about[0] != device}

    def ticks(self, now_s: int) -> None:
        self.now_s = now_s
        for cause, (device, kind) in list(self.held.items()):
            if not self._in_window(device):
                del self.held[cause]
                self.opens(device, kind, cause)
        for alert in self._standing():
            if alert.expires_s is not None and alert.expires_s <= now_s:
                self._resolve(alert, "expired")
            elif alert.quiet_since_s is not None:
                if alert.quiet_since_s + self.flap_quiet_s <= now_s:
                    self._resolve(alert, "quiet")
            elif alert.state == "open":
                while alert.level < len(alert.steps):
                    after_s, to = alert.steps[alert.level]
                    if max(alert.opened_s + after_s, alert.not_before_s) > now_s:
                        break
                    alert.level += 1
                    self.told.append(("escalated", alert.first_cause, (alert.level, to)))

    def _resolve(self, alert: Alert, why: str) -> None:
        alert.state = "resolved"
        self.told.append(("resolved", alert.first_cause, why))

    def _standing(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.state != "resolved"]

    def _flapping(self, device: str, kind: str) -> Alert | None:
        return next((a for a in self._standing() if a.flapping and (a.device, a.kind) == (device, kind)), None)

    def _in_window(self, device: str) -> bool:
        return any(
            not one.ended and one.from_s <= self.now_s < one.to_s and fnmatchcase(device, one.pattern)
            for one in self.windows
        )
