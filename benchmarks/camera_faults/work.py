"""Work spread over a few processes: spawned, never forked, with a line for each part that is done."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any


def in_processes(
    function: Callable[[Any], Any], tasks: Sequence[Any], processes: int, name: Callable[[Any], str]
) -> list[Any]:
    """function(task) of every task, in order; in this process when `processes` is 1."""
    began = time.perf_counter()

    def say(done: int, task: Any) -> None:
        print(f"  {done}/{len(tasks)} {name(task)}  {time.perf_counter() - began:.0f} s", flush=True)

    if processes <= 1:
        answers = []
        for number, task in enumerate(tasks, 1):
            answers.append(function(task))
            say(number, task)
        return answers
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, max_tasks_per_child=8) as pool:
        running = {pool.submit(function, task): number for number, task in enumerate(tasks)}
        answers = [None] * len(tasks)
        for done, future in enumerate(as_completed(running), 1):
            answers[running[future]] = future.result()
            say(done, tasks[running[future]])
    return answers
