"""The plainest ticket desk: lists of what happened, clocks counted second by second. It shares nothing with ours."""

from __future__ import annotations

from dataclasses import dataclass, field

S = 1_000_000_000
RESPONSE_S, REPAIR_S, WARN_PERCENT = 100, 300, 75
ESCALATE_S = (50, 120)
REOPEN_S, UNVERIFIED_S = 600, 400
STOPS = {"awaiting_power", "weather"}
OPEN_MINUTES = (range(0, 2), range(3, 5), range(6, 60))
"""Of every hour, when the repair clock's calendar is open. The response clock always runs."""


def is_open(second: int) -> bool:
    return any(second // 60 % 60 in minutes for minutes in OPEN_MINUTES)


@dataclass
class Maintenance:
    """A window: it excuses from its declaration on, and until it is ended."""

    set_ns: int
    from_ns: int
    to_ns: int
    ended_ns: int | None = None

    def holds(self, at_ns: int) -> bool:
        ended = self.ended_ns is not None and self.ended_ns <= at_ns
        return max(self.set_ns, self.from_ns) <= at_ns < self.to_ns and not ended

    def edges(self) -> list[int]:
        return [edge for edge in (self.set_ns, self.from_ns, self.to_ns, self.ended_ns) if edge is not None]


Windows = list[Maintenance]


def excused(windows: Windows, at_ns: int) -> bool:
    return any(window.holds(at_ns) for window in windows)


def counts(at_ns: int, always: bool, windows: Windows) -> bool:
    """Whether an instant counts for a clock."""
    return (always or is_open(at_ns // S)) and not excused(windows, at_ns)


def next_edge(at_ns: int, windows: Windows) -> int:
    """The next instant at which that may change: each second, and every edge of a window."""
    return min([(at_ns // S + 1) * S, *(edge for window in windows for edge in window.edges() if edge > at_ns)])


def spent(from_ns: int, to_ns: int, always: bool, windows: Windows) -> int:
    """Nanoseconds of the calendar in [from_ns, to_ns), second by second."""
    total, at_ns = 0, from_ns
    while at_ns < to_ns:
        end_ns = min(next_edge(at_ns, windows), to_ns)
        if counts(at_ns, always, windows):
            total += end_ns - at_ns
        at_ns = end_ns
    return total


def passed_at(from_ns: int, length_ns: int, always: bool, windows: Windows) -> int:
    """The instant at which so much of the calendar has passed."""
    at_ns = from_ns
    while length_ns > 0:
        end_ns = next_edge(at_ns, windows)
        if counts(at_ns, always, windows):
            step = min(length_ns, end_ns - at_ns)
            length_ns -= step
            at_ns += step
        else:
            at_ns = end_ns
    return at_ns


@dataclass
class Clock:
    """When it started and stood, as a list; nothing is summed up before it is asked."""

    within_ns: int
    always: bool
    windows: Windows
    runs: list[list[int | None]] = field(default_factory=list)
    warned: bool = False
    out_ns: int | None = None
    told: int = 0
    over: bool = False

    def used(self, at_ns: int) -> int:
        return sum(
            spent(run[0], at_ns if run[1] is None else min(run[1], at_ns), self.always, self.windows)
            for run in self.runs
            if run[0] < at_ns
        )

    def instant(self, length_ns: int) -> int | None:
        """When so much of it has passed, or will have as things stand."""
        for from_ns, to_ns in self.runs:
            mine = None if to_ns is None else spent(from_ns, to_ns, self.always, self.windows)
            if mine is None or (length_ns <= mine and (length_ns > 0 or to_ns > from_ns)):
                return passed_at(from_ns, length_ns, self.always, self.windows)
            length_ns -= mine
        return None

    def next(self) -> tuple[int, str, int] | None:
        if self.over:
            return None
        if self.out_ns is not None:
            step = self.told - 1
            return (self.out_ns + ESCALATE_S[step] * S, "breached", self.told) if 0 <= step < len(ESCALATE_S) else None
        if not self.runs or self.runs[-1][1] is not None:
            return None
        if not self.warned:
            warn_ns = self.instant(self.within_ns * WARN_PERCENT // 100)
            assert warn_ns is not None
            return max(warn_ns, self.runs[-1][0]), "warned", 0
        due_ns = self.instant(self.within_ns)
        assert due_ns is not None
        return due_ns, "breached", 0

    def tell(self) -> None:
        found = self.next()
        assert found is not None
        if found[1] == "warned":
            self.warned = True
        else:
            if self.out_ns is None:
                self.out_ns = found[0]
            self.told += 1

    def stand(self, at_ns: int) -> None:
        if self.runs and self.runs[-1][1] is None and self.out_ns is None:
            self.runs[-1][1] = at_ns

    def run(self, at_ns: int) -> None:
        if self.out_ns is None and (not self.runs or self.runs[-1][1] is not None):
            self.runs.append([at_ns, None])

    def end(self, at_ns: int) -> None:
        """What happened before it was out counts, even where that became known only later."""
        self.over = True
        if self.out_ns is not None and at_ns <= self.out_ns:
            self.out_ns, self.told = None, 0
        if self.out_ns is None and self.runs and self.runs[-1][1] is None:
            self.runs[-1][1] = max(at_ns, self.runs[-1][0])

    def again(self, at_ns: int) -> None:
        self.over = False
        if self.out_ns is not None:
            self.told = -1
        else:
            self.runs.append([at_ns, None])

    @property
    def lives(self) -> bool:
        return not self.over and self.out_ns is None

    @property
    def verdict(self) -> str:
        return "broken" if self.out_ns is not None else "kept"


@dataclass
class Ticket:
    """One ticket; `told` is every event so far as (kind, at_ns, more)."""

    cause: str
    state: str
    at_ns: int
    response: Clock
    repair: Clock
    hold: dict[str, object] | None = None
    handled_ns: int | None = None
    outcome: str = ""
    end: str = ""
    closed_ns: int = 0
    verifiable: bool = True
    windows: Windows = field(default_factory=list)
    stopped: bool = False
    asked_ns: int = 0
    """Up to here it is known whether maintenance excuses it."""

    def told(self, now_ns: int) -> list[tuple[str, int, str]]:
        """What must have been told by an instant, in its order."""
        found: list[tuple[str, int, str]] = []
        while self.state not in ("closed", "verified"):
            ahead = []
            for name, clock in (("response", self.response), ("repair", self.repair)):
                if (due := clock.next()) is not None:
                    ahead.append((due[0], 2, name, due))
            if self.hold is not None and self.hold["until"] is not None:
                ahead.append((self.hold["until"], 0, "hold", None))
            unseen = self.handled_ns is not None and self.verifiable and self.outcome != "not_repairable"
            if unseen:
                ahead.append((self.handled_ns + UNVERIFIED_S * S, 1, "unverified", None))
            if (edge := self.turns()) is not None:
                ahead.append((edge, 3, "window", None))
            ahead = [one for one in ahead if one[0] <= now_ns]
            if not ahead:
                break
            at_ns, _, name, due = min(ahead, key=lambda one: one[:2])
            if name == "window":
                found += self.turn(at_ns)
            elif name == "hold":
                found += self.resume(at_ns)
            elif name == "unverified":
                found += self.send_back(at_ns)
            else:
                getattr(self, name).tell()
                found.append((due[1], at_ns, f"{name} {due[2]}" if due[1] == "breached" else name))
        return found

    def turns(self) -> int | None:
        """The next instant at which maintenance begins or ends to excuse it."""
        edges = {edge for window in self.windows for edge in window.edges() if edge >= self.asked_ns}
        for edge in sorted(edges):
            holds = excused(self.windows, edge)
            if holds != self.stopped and (self.stopped or self.response.lives or self.repair.lives):
                return edge
        return None

    def turn(self, at_ns: int) -> list[tuple[str, int, str]]:
        self.stopped, self.asked_ns = not self.stopped, at_ns
        return [("clocks_stopped" if self.stopped else "clocks_resumed", self.step(at_ns), "")]

    def began(self, at_ns: int) -> list[tuple[str, int, str]]:
        """It is filed, anew too: within maintenance its clocks do not even begin."""
        self.asked_ns = at_ns
        lives = self.response.lives or self.repair.lives
        return self.turn(at_ns) if lives and not self.stopped and excused(self.windows, at_ns) else []

    def step(self, at_ns: int) -> int:
        self.at_ns = max(self.at_ns, at_ns)
        return self.at_ns

    def resume(self, at_ns: int) -> list[tuple[str, int, str]]:
        assert self.hold is not None
        at_ns = self.step(at_ns)
        if self.hold["stops"]:
            self.repair.run(at_ns)
        self.state, self.hold = "accepted", None
        return [("resumed", at_ns, "")]

    def send_back(self, at_ns: int) -> list[tuple[str, int, str]]:
        at_ns = self.step(at_ns)
        self.state, self.handled_ns, self.outcome = "dispatched", None, ""
        return [("reopened", at_ns, "not_verified"), ("dispatched", at_ns, "")]

    def verify(self, at_ns: int, good_ns: int) -> list[tuple[str, int, str]]:
        at_ns = self.step(at_ns)
        for clock in (self.response, self.repair):
            if not clock.over:
                clock.end(min(good_ns, at_ns))
        self.state, self.hold, self.handled_ns, self.end, self.closed_ns = "closed", None, None, "verified", at_ns
        self.stopped = False
        told = ("verified", at_ns, f"{self.response.verdict} {self.repair.verdict}")
        return [told, ("closed", at_ns, "verified")]

    def close(self, at_ns: int, end: str) -> list[tuple[str, int, str]]:
        at_ns = self.step(at_ns)
        for clock in (self.response, self.repair):
            if not clock.over:
                clock.stand(at_ns)
        self.state, self.hold, self.handled_ns, self.end, self.closed_ns = "closed", None, None, end, at_ns
        self.stopped = False
        return [("closed", at_ns, end)]

    def reopen(self, at_ns: int, cause: str, why: str) -> list[tuple[str, int, str]]:
        at_ns = self.step(at_ns)
        if self.state == "closed":
            if why == "asked":
                self.verifiable = self.verifiable and self.end != "verified"
            if self.repair.over:
                self.repair.again(at_ns)
            else:
                self.repair.run(at_ns)
            if not self.response.over:
                self.response.run(at_ns)
        self.state, self.cause, self.end, self.outcome, self.handled_ns = "dispatched", cause, "", "", None
        return [("reopened", at_ns, why), ("dispatched", at_ns, ""), *self.began(at_ns)]


def filed(cause: str, at_ns: int, windows: Windows) -> tuple[Ticket, list[tuple[str, int, str]]]:
    """`windows` are those about its device, and may grow."""
    ticket = Ticket(
        cause,
        "dispatched",
        at_ns,
        Clock(RESPONSE_S * S, True, windows, [[at_ns, None]]),
        Clock(REPAIR_S * S, False, windows, [[at_ns, None]]),
        windows=windows,
    )
    return ticket, [("filed", at_ns, ""), ("dispatched", at_ns, ""), *ticket.began(at_ns)]
