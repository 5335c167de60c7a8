"""Reading of the log of deliveries, for people; and the one thing that they may do to it: ask for another attempt."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, tuple_, update

from citywatch.adapters.store.questions import Questions
from citywatch.adapters.store.schema import DELIVERIES, DELIVERY_ATTEMPTS
from citywatch.ports import Row

AGAIN = ("failed", "dropped")
"""States of a delivery that can be tried again on demand; one that waits is tried at once."""
_MOST_ATTEMPTS = 1000


class DeliveryReading(Questions):
    """The part of the store that knows what was told. Mixed into SqlStore."""

    def deliveries(
        self,
        *,
        receiver: str | None,
        state: str | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[Row]:
        """Newest first by (planned_at_ns, id); `before` is the cursor."""
        c = DELIVERIES.c
        query = select(DELIVERIES).order_by(c.planned_at_ns.desc(), c.id.desc()).limit(limit)
        for column, value in ((c.receiver, receiver), (c.state, state)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(tuple_(c.planned_at_ns, c.id) < before)
        return self._rows(query)

    def delivery(self, delivery: str) -> Row | None:
        return self._row(select(DELIVERIES).where(DELIVERIES.c.id == delivery))

    def delivery_attempts(self, delivery: str) -> Sequence[Row]:
        """Oldest first; of many the newest thousand."""
        c = DELIVERY_ATTEMPTS.c
        query = select(DELIVERY_ATTEMPTS).where(c.delivery == delivery).order_by(c.seq.desc()).limit(_MOST_ATTEMPTS)
        return self._rows(query)[::-1]

    def retry_delivery(self, delivery: str, at_ns: int) -> bool:
        """Have a delivery tried once more as soon as can be. False for one that was delivered, or kept quiet on
        purpose."""
        c = DELIVERIES.c
        wanted = update(DELIVERIES).where(c.id == delivery, c.state.in_(("waiting", *AGAIN)))
        values = {"state": "waiting", "reason": "", "detail": "", "next_ns": at_ns, "settled_at_ns": None}
        with self.writing() as connection:
            return connection.execute(wanted.values(values)).rowcount == 1
