"""When everything stops because a server is gone."""

from __future__ import annotations

import asyncio

import pytest

from iterpref.errors import InputError
from iterpref.teachers.breaker import Breaker

GONE = InputError("gone")


def watched(alive: list[bool], rounds: int, open_question: bool = True) -> Breaker:
    """A breaker after ``rounds`` looks at a server that says nothing, and lists its models as ``alive`` says."""
    answers = iter(alive)

    async def asked() -> bool:
        return next(answers)

    async def work() -> Breaker:
        breaker = Breaker()
        watch = asyncio.create_task(breaker.watch(0.02, asked, GONE))

        async def wait() -> None:
            for _ in range(rounds * 40):
                await asyncio.sleep(0.001)

        if open_question:
            with breaker.question():
                await wait()
        else:
            await wait()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        return breaker

    return asyncio.run(work())


def test_two_looks_that_find_nobody_stop_everything() -> None:
    breaker = watched([False, False], 3)
    assert breaker.over.is_set()
    with pytest.raises(InputError, match="gone"):
        breaker.go_on()


def test_a_server_that_is_there_is_waited_for() -> None:
    breaker = watched([False] + [True] * 200, 3)
    assert not breaker.over.is_set()
    assert breaker.there
    breaker.heard()
    assert not breaker.there


def test_nobody_is_asked_while_no_question_is_open() -> None:
    assert not watched([], 3, open_question=False).over.is_set()


def test_what_stopped_it_first_is_what_is_told_and_ends_what_is_under_way() -> None:
    async def work() -> tuple[Exception, bool]:
        breaker = Breaker()
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        breaker.under_way.add(sent)
        breaker.stop(GONE)
        return breaker.stop(InputError("later")), sent.cancelled()

    assert asyncio.run(work()) == (GONE, True)
