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


def spent(from_ns: int, to_ns: int, always: bool) -> int:
    """Nanoseconds of the calendar in [from_ns, to_ns), second by second."""
    total = 0
    for second in range(from_ns // S, -(-to_ns // S)):
        if always or is_open(second):
            total += max(0, min(to_ns, (second + 1) * S) - max(from_ns, second * S))
    return total


def passed_at(from_ns: int, length_ns: int, always: bool) -> int:
    """The instant at which so much of the calendar has passed."""
    at_ns = from_ns
    while length_ns > 0:
        end_ns = (at_ns // S + 1) * S
        if always or is_open(at_ns // S):
            step = min(length_ns, end_ns - at_ns)
            length_ns -= step
            at_ns = at_ns + step if length_ns == 0 else end_ns
        else:
            at_ns = end_ns
    return at_ns


@dataclass
class Clock:
    """When it started and stood, as a list; nothing is summed up before it is asked."""

    within_ns: int
    always: bool
    runs: list[list[int | None]] = field(default_factory=list)
    warned: bool = False
    out_ns: int | None = None
    told: int = 0
    over: bool = False

    def used(self, at_ns: int) -> int:
        return sum(
            spent(run[0], at_ns if run[1] is None else min(run[1], at_ns), self.always)
            for run in self.runs
            if run[0] < at_ns
        )

    def instant(self, length_ns: int) -> int | None:
        """When so much of it has passed, or will have as things stand."""
        for from_ns, to_ns in self.runs:
            mine = None if to_ns is None else spent(from_ns, to_ns, self.always)
            if mine is None or (length_ns <= mine and (length_ns > 0 or to_ns > from_ns)):
                return passed_at(from_ns, length_ns, self.always)
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
            ahead = [one for one in ahead if one[0] <= now_ns]
            if not ahead:
                break
            at_ns, _, name, due = min(ahead, key=lambda one: one[:2])
            if name == "hold":
                found += self.resume(at_ns)
            elif name == "unverified":
                found += self.send_back(at_ns)
            else:
                getattr(self, name).tell()
                found.append((due[1], at_ns, f"{name} {due[2]}" if due[1] == "breached" else name))
        return found

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
        told = ("verified", at_ns, f"{self.response.verdict} {self.repair.verdict}")
        return [told, ("closed", at_ns, "verified")]

    def close(self, at_ns: int, end: str) -> list[tuple[str, int, str]]:
        at_ns = self.step(at_ns)
        for clock in (self.response, self.repair):
            if not clock.over:
                clock.stand(at_ns)
        self.state, self.hold, self.handled_ns, self.end, self.closed_ns = "closed", None, None, end, at_ns
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
        return [("reopened", at_ns, why), ("dispatched", at_ns, "")]


def filed(cause: str, at_ns: int) -> tuple[Ticket, list[tuple[str, int, str]]]:
    ticket = Ticket(
        cause,
        "dispatched",
        at_ns,
        Clock(RESPONSE_S * S, True, [[at_ns, None]]),
        Clock(REPAIR_S * S, False, [[at_ns, None]]),
    )
    return ticket, [("filed", at_ns, ""), ("dispatched", at_ns, "")]
