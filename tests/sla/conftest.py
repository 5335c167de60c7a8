"""What tests of service levels share: short ways to facts, contracts and reports."""

import pytest

from citywatch.domain.instants import parse_instant
from citywatch.domain.service import NEVER_NS, ServiceState, fact
from citywatch.sla.contracts import Contract
from citywatch.sla.history import History
from citywatch.sla.report import Report


class Kit:
    """Instants are hours of 2026-03-02T00:00Z, a Monday."""

    START = parse_instant("2026-03-02T00:00:00Z")
    HOUR = 3600 * 1_000_000_000

    def at(self, hours):
        return self.START + round(hours * self.HOUR)

    def fact(self, device, state, begin, end=None, cause="", known=None, **more):
        return fact(
            device,
            ServiceState(state),
            self.at(begin),
            NEVER_NS if end is None else self.at(end),
            cause,
            **({} if known is None else {"known_ns": self.at(known)}),
            **more,
        )

    def contract(self, **terms):
        intact = {"target_percent": 95, **terms.pop("intact", {})}
        return Contract.model_validate({"name": "c", "intact": intact, **terms})

    def report(self, facts, begin, end, *, contract=None, register=None, known_at=None, known_until=None, devices=()):
        return Report.of(
            History.of_facts(facts, devices=devices),
            contract or self.contract(),
            register or {},
            self.at(begin),
            self.at(end),
            as_known_at_ns=None if known_at is None else self.at(known_at),
            known_until_ns=NEVER_NS if known_until is None else self.at(known_until),
        )

    def hours(self, report, worst=True):
        """Hours by what they count as; only those that are not nought."""
        tally = report.window.figure().worst if worst else report.window.figure().best
        parts = {
            "up": tally.up_ns,
            "down": tally.down_ns,
            "unknown": tally.unknown_ns,
            "excluded": tally.excluded_ns,
            "retired": tally.retired_ns,
        }
        return {name: ns / self.HOUR for name, ns in parts.items() if ns}


@pytest.fixture(scope="session")
def kit():
    return Kit()
