"""Iterative debugging: draft, run, repair, until the tests pass (paper, section 3.1).

A session starts from recorded versions or from a draft, and is repaired for a number of iterations. Every version is
committed to the run folder the moment it is judged, so a run that is killed goes on where it was: a session's state
*is* its committed attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from iterpref.records import End, attempt_id
from iterpref.store import Run
from iterpref.teachers.base import Request, Teacher
from iterpref.types import Attempt, Outcome, Task, Tests, Trajectory, Verdict

__all__ = ["JudgeMany", "Progress", "collect"]

JudgeMany = Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]]
Progress = Callable[[int, int], None]  # sessions complete, sessions in all

# Sessions that are worked on at a time: bounds memory, and keeps a model's batches full.
_WINDOW = 1024
# The task is at fault, or the machine: another version of the program would fare no better.
_UNKNOWN = Verdict(Outcome.INFRA, feedback="not judged")
_HOPELESS = (Outcome.INVALID, Outcome.UNSUPPORTED)


@dataclass(eq=False)
class _Session:
    id: str
    source: str
    start: Trajectory
    sample: int
    attempts: list[Attempt]
    silent: bool = False  # the teacher had no answer
    broken: bool = False  # a verdict failed for reasons of our own: left as it is until the stage is run again
    ended: bool = False

    @property
    def task(self) -> Task:
        return self.start.task

    @property
    def solved(self) -> bool:
        return any(attempt.verdict.passed for attempt in self.attempts)


def collect(
    run: Run,
    judge_many: JudgeMany,
    *,
    round: int = 1,
    drafter: Teacher | None = None,
    repairer: Teacher | None = None,
    iterations: int = 5,
    samples: int = 1,
    progress: Progress = lambda done, total: None,
) -> int:
    """Bring every source of the run to its end. Returns how many verdicts failed for reasons of our own (``infra``).

    Such attempts are not committed: they are tried again when the stage is run again.
    """
    ended = set(run.ids("end", round))
    sources = run.ids("source", round)
    total = len(sources) * samples
    infra = 0
    progress(len(ended), total)
    window: list[_Session] = []

    def finish() -> None:
        nonlocal infra
        for session in _advance(run, window, judge_many, drafter, repairer, iterations, round):
            if session is None:
                infra += 1
            else:
                ended.add(session)
                progress(len(ended), total)
        window.clear()

    for source in sources:
        for sample in range(samples):
            id = f"{source}#{sample}" if samples > 1 else source
            if id not in ended:
                start = run.get("source", source, Trajectory, round)
                assert start is not None
                window.append(_Session(id, source, start, sample, run.below("attempt", f"{id}/", Attempt, round)))
        if len(window) >= _WINDOW:
            finish()
    finish()
    return infra


def _advance(
    run: Run,
    window: Sequence[_Session],
    judge_many: JudgeMany,
    drafter: Teacher | None,
    repairer: Teacher | None,
    iterations: int,
    round: int,
) -> Iterator[str | None]:
    """Work a window of sessions to their ends. Yields a session's id when it has ended, None for a verdict of ours."""

    def next_author(session: _Session) -> Teacher | None:
        """Who is to write the next version; None at the session's end."""
        if session.silent or session.solved:
            return None
        if not session.attempts:
            return drafter
        repairs = len(session.attempts) - max(1, len(session.start.attempts))
        hopeless = session.attempts[-1].verdict.outcome in _HOPELESS
        return None if hopeless or repairs >= iterations else repairer

    def settle(session: _Session) -> Iterator[str]:
        """End a session that nobody is to write for."""
        all_there = len(session.attempts) >= len(session.start.attempts)
        if all_there and not session.ended and next_author(session) is None:
            session.ended = True
            reason = "solved" if session.solved else "no answer" if session.silent else "unsolved"
            run.put("end", session.id, End(session.source, _author(session, drafter, repairer), reason), round)
            yield session.id

    def judge(jobs: Iterable[_Job]) -> Iterator[str | None]:
        """Judge versions as they come, commit each, end what is done. What a teacher leaves unsaid needs no run."""
        waiting: list[_Job] = []

        def programs() -> Iterator[tuple[str, Tests]]:
            for job in jobs:
                if job.session.task.tests is None:  # a labelled pair: its labels stand
                    _commit(run, job.session, job.attempt, round)
                else:
                    waiting.append(job)
                    yield job.attempt.code, job.session.task.tests

        for index, verdict in judge_many(programs()):
            session, attempt = waiting[index].session, waiting[index].attempt
            if verdict.outcome is Outcome.INFRA:
                session.broken = True
                yield None
            else:
                _commit(run, session, replace(attempt, verdict=verdict), round)
                yield from settle(session)

    yield from judge(_recorded(window))
    for (
        session
    ) in window:  # those that ended without a run: labelled pairs, or killed between the last commit and the end
        yield from settle(session)
    open_sessions = [session for session in window if not session.broken]
    while open_sessions:
        asked: dict[int, tuple[Teacher, list[_Session]]] = {}
        for session in open_sessions:
            teacher = next_author(session)
            if teacher is not None:
                asked.setdefault(id(teacher), (teacher, []))[1].append(session)
        for teacher, sessions in asked.values():
            yield from judge(_answers(teacher, sessions))
            for session in sessions:
                yield from settle(session)
        open_sessions = [session for _, sessions in asked.values() for session in sessions if not session.broken]


@dataclass(frozen=True)
class _Job:
    session: _Session
    attempt: Attempt  # its verdict is yet to come


def _recorded(window: Sequence[_Session]) -> Iterator[_Job]:
    """Recorded versions that have not been run again yet."""
    for session in window:
        judged = {attempt.index for attempt in session.attempts}
        for attempt in session.start.attempts:
            if attempt.index not in judged:
                yield _Job(session, attempt)


def _answers(teacher: Teacher, sessions: Sequence[_Session]) -> Iterator[_Job]:
    """One request for each session; a job for each answer that holds a program."""
    requests = [Request(session.task, tuple(session.attempts), session.sample) for session in sessions]
    for index, reply in teacher.write(requests):
        session = sessions[index]
        if reply.code is None:
            session.silent = True
        else:
            yield _Job(session, Attempt(len(session.attempts), reply.code, _UNKNOWN, reply.message, reply.usage))


def _author(session: _Session, drafter: Teacher | None, repairer: Teacher | None) -> str:
    first = session.start.teacher if session.start.attempts else drafter.name if drafter else ""
    return f"{first}+{repairer.name}" if repairer and repairer.name != first else first


def _commit(run: Run, session: _Session, attempt: Attempt, round: int) -> None:
    run.put("attempt", attempt_id(session.id, attempt.index), attempt, round)
    session.attempts.append(attempt)
    session.attempts.sort(key=lambda each: each.index)
