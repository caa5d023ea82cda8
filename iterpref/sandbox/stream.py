"""Many judgements at once, as results are asked for.

Plain threads and two queues: an executor's futures, with a lock and a condition each, cost a small program's verdict
several hand-overs of Python's lock more.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

__all__ = ["stream"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def stream(
    judge: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int
) -> Generator[tuple[int, Result], None, None]:
    """Yields (index, result) as results are found; ``items`` is read no more than ``ahead`` of them.

    Whatever ``judge`` or ``items`` raise is raised here. Returns only once nothing is being judged any more.
    """
    numbered = enumerate(items)
    todo: SimpleQueue[tuple[int, Item] | None] = SimpleQueue()
    done: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while (task := todo.get()) is not None:
            index, item = task
            try:
                done.put((index, judge(item), None))
            except BaseException as error:
                done.put((index, None, error))

    # Daemons, as a caller who ends without leaving this must not wait for them for ever.
    workers = [Thread(target=work, name=f"sandbox-{number}", daemon=True) for number in range(threads)]
    started: list[Thread] = []
    pending = 0
    try:
        for worker in workers:
            worker.start()
            started.append(worker)
        while True:
            for task in itertools.islice(numbered, ahead - pending):
                pending += 1
                todo.put(task)
            if not pending:
                return
            index, result, error = done.get()
            pending -= 1
            if error is not None:
                raise error
            yield index, result
    finally:
        with contextlib.suppress(Empty):
            while True:
                todo.get_nowait()
        for _ in started:
            todo.put(None)
        for worker in started:
            worker.join()
