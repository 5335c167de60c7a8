"""The one way of the API into the log."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from citywatch.api.shared import Api
from citywatch.domain.columns import Batch
from citywatch.errors import LogError, LogFull


async def append(api: Api, batch: Batch) -> None:
    """Append in a thread; the rows are on disk when this returns. LogError otherwise, counted by reason."""
    try:
        await run_in_threadpool(api.door.append, batch)
    except LogError as error:
        api.meter.count("appends_refused_total", reason="full" if isinstance(error, LogFull) else "unavailable")
        raise
