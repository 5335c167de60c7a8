"""The one way of the API into the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from citywatch.api.shared import Api
from citywatch.domain.columns import Batch
from citywatch.errors import LogError, LogFull, RepeatedWord

_T = TypeVar("_T")


async def append(api: Api, batch: Batch) -> None:
    """Append in a thread; the rows are on disk when this returns. LogError otherwise, counted by reason."""
    await _counted(api, lambda: api.door.append(batch))


async def broadcast(api: Api, batch: Batch) -> None:
    """The same rows to every partition, as `append`."""
    await _counted(api, lambda: api.door.broadcast(batch))


async def append_once(api: Api, batch: Batch, *, word: str, content: str) -> bool:
    """The same under a word of the sender's: False when the rows are there already. RepeatedWord for other rows."""
    return await _counted(api, lambda: api.door.append_once(batch, word=word, content=content))


async def _counted(api: Api, call: Callable[[], _T]) -> _T:
    try:
        return await run_in_threadpool(call)
    except RepeatedWord:
        raise
    except LogError as error:
        api.meter.count("appends_refused_total", reason="full" if isinstance(error, LogFull) else "unavailable")
        raise
