"""Work spread over a few processes: spawned, never forked, with a line for each part that is done."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

_TASKS_EACH = 8
"""A process that has done so many gives way to a new one. (By multiprocessing's own pool: the one of
concurrent.futures, Python 3.11, may wait for ever when its processes give way.)"""


def in_processes(
    function: Callable[[Any], Any], tasks: Sequence[Any], processes: int, name: Callable[[Any], str]
) -> list[Any]:
    """function(task) of every task, in order; in this process when `processes` is 1."""
    began = time.perf_counter()

    def say(done: int, task: Any) -> None:
        print(f"  {done}/{len(tasks)} {name(task)}  {time.perf_counter() - began:.0f} s", flush=True)

    answers: list[Any] = [None] * len(tasks)
    if processes <= 1:
        for number, task in enumerate(tasks):
            answers[number] = function(task)
            say(number + 1, task)
        return answers
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, maxtasksperchild=_TASKS_EACH) as pool:
        answered = pool.imap_unordered(partial(_numbered, function), enumerate(tasks))
        for done, (number, answer) in enumerate(answered, 1):
            answers[number] = answer
            say(done, tasks[number])
    return answers


def _numbered(function: Callable[[Any], Any], task: tuple[int, Any]) -> tuple[int, Any]:
    return task[0], function(task[1])
