"""Single requests, answered in batches when nobody can go on without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from iterpref.debug.desk import Desk, Quiet
from iterpref.teachers.base import Reply, Request
from iterpref.types import Task


class Echo:
    name = "echo"

    def __init__(self, *, forgets: bool = False, fails: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.forgets = forgets
        self.fails = fails

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        self.batches.append([request.task.id for request in requests])
        if self.fails:
            raise ValueError("broken")
        for index, request in enumerate(requests[: -1 if self.forgets else None]):
            yield index, Reply(request.task.id)


async def _session(quiet: Quiet, desks: Sequence[Desk], id: str, busy: float) -> list[str | None]:
    said = []
    with quiet.live():
        for desk in desks:
            await asyncio.sleep(busy)
            said.append((await desk.ask(Request(Task(id, "")))).code)
    return said


def test_a_batch_waits_for_all_who_are_at_work_and_no_longer() -> None:
    first, second = Echo(), Echo()

    async def run() -> list[list[str | None]]:
        quiet = Quiet()
        one, two = Desk(first, quiet), Desk(second, quiet)
        return await asyncio.gather(
            _session(quiet, [one, two], "a", 0.0),
            _session(quiet, [one], "b", 0.05),
            _session(quiet, [one, two], "c", 0),
        )

    assert asyncio.run(run()) == [["a", "a"], ["b"], ["c", "c"]]
    assert [sorted(batch) for batch in first.batches] == [["a", "b", "c"]]
    assert [sorted(batch) for batch in second.batches] == [["a", "c"]]


@pytest.mark.parametrize(("echo", "error"), [(Echo(forgets=True), RuntimeError), (Echo(fails=True), ValueError)])
def test_a_teacher_that_forgets_or_fails_leaves_nobody_waiting(echo: Echo, error: type[Exception]) -> None:
    async def run() -> list[object]:
        quiet = Quiet()
        desk = Desk(echo, quiet)
        sessions = [_session(quiet, [desk], id, 0) for id in "ab"]
        return await asyncio.wait_for(asyncio.gather(*sessions, return_exceptions=True), 5)

    assert isinstance(asyncio.run(run())[-1], error)
