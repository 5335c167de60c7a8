"""How many tickets are open, and of how many a clock is out: for those who watch the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citywatch.ports import Clock, Meter

if TYPE_CHECKING:
    from citywatch.adapters.store.sql import SqlStore


def tell(store: SqlStore, meter: Meter, clock: Clock) -> None:
    """Set the gauges as the store stands now. Blocking."""
    for state, number in store.open_tickets().items():
        meter.gauge("tickets_open", number, state=state)
    for name, number in store.overdue_tickets(clock.now_ns()).items():
        meter.gauge("tickets_overdue", number, clock=name)
