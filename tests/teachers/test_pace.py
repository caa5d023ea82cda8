"""How many requests go out at once, on an event loop of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

from iterpref.teachers.pace import Pace


def run(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(make())


def test_the_limit_doubles_with_each_round_until_the_server_asks_for_less() -> None:
    async def body() -> None:
        pace = Pace(64)
        assert pace.limit == 8
        for _ in range(8):
            pace.grow()
        assert pace.limit == 16
        pace.cut(asyncio.get_running_loop().time() + 1)
        assert pace.limit == 8
        for _ in range(8):
            pace.grow()
        assert 8.9 < pace.limit < 9.0  # one more a round

    run(body)


def test_what_began_before_a_cut_does_not_cut_again() -> None:
    async def body() -> None:
        pace = Pace(64)
        begun = asyncio.get_running_loop().time()
        for _ in range(5):
            pace.cut(begun)
        assert pace.limit == 4

    run(body)


def test_a_server_that_stumbles_now_and_then_hardly_slows_the_rest() -> None:
    async def body() -> None:
        pace = Pace(128)
        loop = asyncio.get_running_loop()
        limits = []
        for number in range(20_000):
            if number % 33 == 32:  # three in a hundred, each in a round of its own
                pace.cut(loop.time() + number)
            else:
                pace.grow()
            limits.append(pace.limit)
        late = limits[10_000:]
        assert min(late) > 25  # one cut in 33 answers; cuts by half would leave it near 8
        assert max(late) <= 128

    run(body)


def test_a_server_that_refuses_everything_halves_the_limit_each_round() -> None:
    async def body() -> None:
        pace = Pace(128)
        loop = asyncio.get_running_loop()
        for _ in range(500):
            pace.grow()
        assert pace.limit == 128
        pace.cut(loop.time() + 1)
        assert pace.limit == 64
        for _ in range(200):  # all is well for a while
            pace.grow()
        limits = []
        for number in range(5):  # then not at all
            limits.append(pace.limit)
            for _ in range(128):
                pace.cut(loop.time() - 1)
            pace.cut(loop.time() + number + 2)
        assert all(later < 0.52 * before for before, later in itertools.pairwise(limits))

    run(body)


def test_never_more_than_the_limit_at_once_and_nobody_is_forgotten() -> None:
    async def body() -> None:
        pace = Pace(3)
        now = most = finished = 0

        async def work(number: int) -> None:
            nonlocal now, most, finished
            async with pace.slot():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.001 * (number % 3))
                now -= 1
                finished += 1

        tasks = [asyncio.create_task(work(number)) for number in range(40)]
        await asyncio.sleep(0.002)
        for task in tasks[20:30]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most == 3
        assert finished >= 30
        assert pace.running == 0

    run(body)


def test_retry_after_holds_everybody_back() -> None:
    async def body() -> None:
        pace = Pace(8)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        pace.hold(0.05)
        async with pace.slot():
            assert loop.time() - begun >= 0.05

    run(body)
