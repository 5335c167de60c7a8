"""A progress bar on the terminal's error stream, and nothing at all where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(label: str, total_bytes: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Gives a function to be called with the number of bytes just done. `total_bytes` 0: nobody knows."""
    if not shown:
        yield lambda _count: None
        return
    from rich.console import Console  # noqa: PLC0415  (heavy, and only people at a terminal need it)
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import TransferSpeedColumn as Speed  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total_bytes or None)
        yield lambda count: progress.advance(task, count)
