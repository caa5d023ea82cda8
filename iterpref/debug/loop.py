"""Iterative debugging: draft, run, repair, until the tests pass (paper, section 3.1); and sampling, its baseline.

A session starts from recorded versions or from a draft, and is repaired for a number of iterations. Sessions go on
independently of each other. Every version is committed to the run folder the moment it is judged, so a run that is
killed goes on where it was: a session's state *is* its committed attempts. An attempt's index is its iteration; one in
which the author wrote no program leaves a gap.

Sampling writes independent versions of each task instead, as many as debugging may, whatever the tests say of them
(Code-Optimise): the comparison of the paper's section 3.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from iterpref.debug.desk import Desk, Quiet
from iterpref.records import End, attempt_id
from iterpref.store import Drop, Run
from iterpref.teachers.base import AskedTeacher, Reply, Request, Teacher
from iterpref.teachers.client import Unanswered
from iterpref.types import Attempt, Outcome, Task, Tests, Trajectory, Verdict
from iterpref.workers import work_together

__all__ = ["Judge", "Progress", "Review", "collect"]

Judge = Callable[[str, Tests], Verdict]
# Task, program, tests that its author wrote beside it -> what is recorded; None where there is nothing new in them.
Review = Callable[[Task, str, str], Any]
Progress = Callable[[int, int], None]  # sessions complete, sessions in all

# The task is at fault, or the machine: another version of the program would fare no better.
_HOPELESS = (Outcome.INVALID, Outcome.UNSUPPORTED)


@dataclass(eq=False)
class _Session:
    id: str
    source: str
    start: Trajectory
    sample: int
    attempts: list[Attempt]
    iteration: int  # of the version to be written next
    silent: str = ""  # why the author has nothing more to say
    told: str = ""  # with the last answer that held no program

    @property
    def task(self) -> Task:
        return self.start.task

    @property
    def solved(self) -> bool:
        return any(attempt.verdict.passed for attempt in self.attempts)


class _Broken(Exception):
    """Something of ours failed: the session is left as it is until the stage is run again."""


def collect(
    run: Run,
    judge: Judge,
    *,
    workers: int = 2,
    round: int = 1,
    drafter: Teacher | None = None,
    repairer: Teacher | None = None,
    sampling: bool = False,
    iterations: int = 5,
    samples: int = 1,
    window: int = 1024,
    review: Review | None = None,
    progress: Progress = lambda done, total: None,
) -> int:
    """Bring every source of the run to its end. Returns how many sessions were left for reasons that are not theirs.

    Such are verdicts that failed for reasons of the machine, and requests that an endpoint did not answer. They are
    tried again when the stage is run again.

    Args:
        judge: runs a program; called from ``workers`` threads.
        repairer: repairs; with ``sampling`` the drafter writes every version, ``iterations`` + 1 of them.
        window: sessions that are worked on at a time. Many keep a model's batches full; few are complete sooner, so
            that there is less half done when the work is stopped.
        review: is shown tests that an author wrote beside a repair. The session's own tests decide all the same.

    Raises:
        InputError, OutOfBudget: no author can go on. What is committed stays.
    """
    stage = _Stage(run, judge, workers, round, drafter, repairer, sampling, iterations, review)
    return asyncio.run(stage.work_off(samples, window, progress))


class _Stage:
    def __init__(
        self,
        run: Run,
        judge: Judge,
        workers: int,
        round: int,
        drafter: Teacher | None,
        repairer: Teacher | None,
        sampling: bool,
        iterations: int,
        review: Review | None,
    ) -> None:
        self._run = run
        self._judge = judge
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="judge")
        self._round = round
        self._drafter = drafter
        self._repairer = drafter if sampling else repairer
        self._sampling = sampling
        self._iterations = iterations
        self._review = review
        self._quiet = Quiet()
        self._desks: dict[int, Desk] = {}

    async def work_off(self, samples: int, window: int, progress: Progress) -> int:
        run, left = self._run, 0
        ended = set(run.ids("end", self._round))
        sources = run.ids("source", self._round)
        done, total = len(ended), len(sources) * samples
        progress(done, total)

        def open_sessions() -> Iterator[_Session]:
            for source in sources:
                for sample in range(samples):
                    id = f"{source}#{sample}" if samples > 1 else source
                    if id not in ended:
                        start = run.get("source", source, Trajectory, self._round)
                        assert start is not None
                        attempts = run.below("attempt", f"{id}/", Attempt, self._round)
                        iteration = attempts[-1].index + 1 if attempts else 0
                        yield _Session(id, source, start, sample, attempts, iteration)

        waiting = open_sessions()

        async def work() -> None:
            nonlocal done, left
            for session in waiting:  # shared: each worker takes the next one
                with self._quiet.live():
                    try:
                        await self._debug(session)
                    except (_Broken, Unanswered):
                        left += 1
                        continue
                done += 1
                progress(done, total)

        async with AsyncExitStack() as stack:
            stack.callback(self._pool.shutdown, cancel_futures=True)
            for teacher in {id(each): each for each in (self._drafter, self._repairer) if each}.values():
                if isinstance(teacher, AskedTeacher):
                    await stack.enter_async_context(teacher)
                else:
                    self._desks[id(teacher)] = desk = Desk(teacher, self._quiet)
                    stack.callback(desk.close)
            await work_together(work, min(window, total - done))
        return left

    async def _debug(self, session: _Session) -> None:
        """One session, from where it is to its end."""
        judged = {attempt.index for attempt in session.attempts}
        for attempt in session.start.attempts:  # recorded versions are run again, all of them
            if attempt.index not in judged:
                await self._judge_and_commit(session, attempt)
        session.iteration = max(session.iteration, len(session.start.attempts))
        while (author := self._next_author(session)) is not None:
            reply = await self._asked(author, self._request(session), session)
            if reply.code is not None:
                attempt = Attempt(session.iteration, reply.code, _UNJUDGED, reply.message, reply.usage)
                await self._judge_and_commit(session, attempt, reply.tests)
            else:
                session.told = reply.message or "nothing to say"
                session.silent = "" if reply.again else session.told
            session.iteration += 1
        self._end(session)

    def _request(self, session: _Session) -> Request:
        if not self._sampling:
            return Request(session.task, tuple(session.attempts), session.sample, session.iteration)
        return Request(session.task, (), session.sample * (self._iterations + 1) + session.iteration)

    def _end(self, session: _Session) -> None:
        why = session.silent or ("" if session.attempts else session.told)
        reason = "solved" if session.solved else "no answer" if why else "unsolved"
        first = session.start.teacher if session.start.attempts else self._drafter.name if self._drafter else ""
        second = self._repairer.name if self._repairer else ""
        author = f"{first}+{second}" if second and second != first else first
        end = End(session.source, author, reason, sampled=self._sampling)
        records: list[tuple[str, str, Any]] = [("end", session.id, end)]
        if reason == "no answer":
            records.append(("left", f"debug:{session.id}", Drop("debug", f"no answer: {why}")))
        self._run.put_many(records, self._round)

    def _next_author(self, session: _Session) -> Teacher | None:
        """Who is to write the next version; None at the session's end."""
        if session.silent:
            return None
        if session.attempts and session.attempts[-1].verdict.outcome in _HOPELESS:
            return None
        if session.solved and not self._sampling:
            return None
        begun = max(1, len(session.start.attempts))  # the draft is no repair
        if session.iteration - begun >= self._iterations:
            return None
        return self._repairer if session.attempts else self._drafter

    async def _asked(self, author: Teacher, request: Request, session: _Session) -> Reply:
        if not isinstance(author, AskedTeacher):
            return await self._desks[id(author)].ask(request)
        try:
            return await author.ask(request)
        except Unanswered as error:
            if error.final:
                return Reply(None, str(error))
            raise

    async def _judge_and_commit(self, session: _Session, attempt: Attempt, tests: str = "") -> None:
        """Run a version and commit it. A labelled pair comes without tests: its labels stand."""
        loop = asyncio.get_running_loop()
        records: list[tuple[str, str, Any]] = []
        if session.task.tests is not None:
            verdict = await loop.run_in_executor(self._pool, self._judge, attempt.code, session.task.tests)
            if verdict.outcome is Outcome.INFRA:
                raise _Broken
            attempt = replace(attempt, verdict=verdict)
            if tests and self._review is not None:
                seen = await loop.run_in_executor(self._pool, self._review, session.task, attempt.code, tests)
                if seen is not None:
                    records = [("new tests", attempt_id(session.id, attempt.index), seen)]
        records.append(("attempt", attempt_id(session.id, attempt.index), attempt))
        self._run.put_many(records, self._round)
        session.attempts.append(attempt)
        session.attempts.sort(key=lambda each: each.index)


_UNJUDGED = Verdict(Outcome.INFRA, feedback="not judged")
