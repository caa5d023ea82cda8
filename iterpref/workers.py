"""Several workers at once in one event loop; none outlives the others' failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["work_together"]


async def work_together(work: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    """Run ``count`` workers to their end. If one raises, the others are cancelled and waited for first."""
    workers = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
