"""Reading of the people side: ways to devices, photos of repairs, the log of shifts, exercises; the end of photos."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, exists, select, tuple_

from citywatch.adapters.store.questions import Questions
from citywatch.adapters.store.schema import DEVICE_ACCESS, EXERCISES, SHIFT_LOG, TICKET_PHOTOS, TICKETS
from citywatch.ports import Row

_PHOTOS_AT_A_TIME = 200


class PeopleReading(Questions):
    """The part of the store that the people side reads. Mixed into SqlStore."""

    def device_access(self, device: str) -> Row | None:
        """How to get to a device; None where nobody has written anything."""
        return self._row(select(DEVICE_ACCESS).where(DEVICE_ACCESS.c.device == device))

    def ticket_photos(self, ticket: str) -> list[Row]:
        """Photos of a ticket, in the order in which they were taken in."""
        c = TICKET_PHOTOS.c
        return self._rows(select(TICKET_PHOTOS).where(c.ticket == ticket).order_by(c.at_ns, c.id))

    def shift_log(self, *, before: tuple[int, str] | None, limit: int) -> list[Row]:
        """Newest first by (at_ns, id)."""
        c = SHIFT_LOG.c
        query = select(SHIFT_LOG).order_by(c.at_ns.desc(), c.id.desc()).limit(limit)
        return self._rows(query if before is None else query.where(tuple_(c.at_ns, c.id) < before))

    def shift_entry(self, entry: str) -> Row | None:
        return self._row(select(SHIFT_LOG).where(SHIFT_LOG.c.id == entry))

    def exercises(self, *, lasting: bool, before: tuple[int, str] | None, limit: int) -> list[Row]:
        """Newest first by (started_at_ns, id); `lasting` leaves out those that are over."""
        c = EXERCISES.c
        query = select(EXERCISES).order_by(c.started_at_ns.desc(), c.id.desc()).limit(limit)
        if lasting:
            query = query.where(c.ended_at_ns.is_(None))
        return self._rows(query if before is None else query.where(tuple_(c.started_at_ns, c.id) < before))

    def exercise(self, exercise: str) -> Row | None:
        return self._row(select(EXERCISES).where(EXERCISES.c.id == exercise))

    def drill(self, drill: str) -> list[Row]:
        """The exercises of a drill, by device."""
        c = EXERCISES.c
        return self._rows(select(EXERCISES).where(c.drill == drill).order_by(c.device))

    def end_photos(self, before_ns: int, release: Callable[[str], object]) -> int:
        """Forget photos that are older and whose ticket is forgotten; `release` is called with what nobody shows any
        more, before its row goes: who is cut short releases it again. How many rows went.
        """
        c = TICKET_PHOTOS.c
        mine = TICKET_PHOTOS.alias("other").c
        old = (
            select(c.id, c.photo)
            .where(c.at_ns < before_ns, ~exists().where(TICKETS.c.id == c.ticket))
            .order_by(c.at_ns, c.id)
            .limit(_PHOTOS_AT_A_TIME)
        )
        gone = 0
        while True:
            with self.reading() as connection:
                rows = connection.execute(old).all()
                kept = set(
                    connection.scalars(
                        select(mine.photo).where(
                            mine.photo.in_([row.photo for row in rows]), mine.id.not_in([row.id for row in rows])
                        )
                    )
                )
            for row in rows:
                if row.photo not in kept:
                    release(row.photo)
            with self.writing() as connection:
                connection.execute(delete(TICKET_PHOTOS).where(c.id.in_([row.id for row in rows])))
            gone += len(rows)
            if len(rows) < _PHOTOS_AT_A_TIME:
                return gone
