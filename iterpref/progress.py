"""Progress of long work: a rich bar with ETA on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["console", "progress_bar"]

console = Console(stderr=True, highlight=False)
_PLAIN_SECONDS = 10.0  # between two plain lines
_SHARE, _ENOUGH = 0.1, 100  # of all, or so many, are done before the time left is guessed


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with (done, total). What is known from an earlier run counts as done at once."""
    if not console.is_terminal:
        yield _plain(title)
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(title: str) -> Callable[[int, int], None]:
    begun = last = time.monotonic()
    first_done: int | None = None

    def update(done: int, total: int) -> None:
        nonlocal last, first_done
        now = time.monotonic()
        first_done = done if first_done is None else first_done
        if now - last < _PLAIN_SECONDS and done < total:
            return  # nothing is said, and no time guessed, from the first few
        last = now
        rate = (done - first_done) / max(now - begun, 1e-6)
        enough = done - first_done >= min(total * _SHARE, _ENOUGH)
        eta = f", about {(total - done) / rate:.0f} s left" if rate > 0 and enough and done < total else ""
        console.print(f"{title}: {done}/{total}{eta}")

    return update
