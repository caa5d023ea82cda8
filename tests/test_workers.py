"""Workers end together."""

from __future__ import annotations

import asyncio

import pytest

from iterpref.workers import work_together


def test_a_failure_ends_the_others_before_it_is_raised() -> None:
    ended: list[str] = []
    numbers = iter(range(3))

    async def work() -> None:
        if next(numbers) == 1:
            raise ValueError("mine")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(work_together(work, 3))
    assert ended == ["cancelled", "cancelled"]


def test_all_of_them_work() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    asyncio.run(work_together(work, 3))
    assert done == [1, 1, 1]
