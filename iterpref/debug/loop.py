"""Iterative debugging: draft, run, repair, until the tests pass (paper, section 3.1).

A session starts from recorded versions or from a draft, and is repaired for a number of iterations. Every version is
committed to the run folder the moment it is judged, so a run that is killed goes on where it was: a session's state
*is* its committed attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from iterpref.records import End, attempt_id
from iterpref.store import Run
from iterpref.teachers.base import Reply, Request, Teacher
from iterpref.types import Attempt, Outcome, Task, Tests, Trajectory, Verdict

__all__ = ["JudgeMany", "Progress", "collect"]

JudgeMany = Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]]
Progress = Callable[[int, int], None]  # sessions complete, sessions in all

# Sessions that are worked on at a time: bounds memory, and keeps a model's batches full.
_WINDOW = 1024
# The task is at fault, or the machine: another version of the program would fare no better.
_HOPELESS = (Outcome.INVALID, Outcome.UNSUPPORTED)


@dataclass(eq=False)
class _Session:
    id: str
    source: str
    start: Trajectory
    sample: int
    attempts: list[Attempt]
    silent: bool = False  # the teacher had no answer

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
    broken = yield from _judge_recorded(run, window, judge_many, round)
    open_sessions = [session for session in window if session.id not in broken]
    while open_sessions:
        drafting: list[_Session] = []
        repairing: list[_Session] = []
        for session in open_sessions:
            if drafter is not None and not session.attempts and not session.silent:
                drafting.append(session)
            elif repairer is not None and _wants_repair(session, iterations):
                repairing.append(session)
            else:
                reason = "solved" if session.solved else "no answer" if session.silent else "unsolved"
                run.put("end", session.id, End(session.source, _author(session, drafter, repairer), reason), round)
                yield session.id
        open_sessions = []
        for teacher, sessions in ((drafter, drafting), (repairer, repairing)):
            if teacher is not None and sessions:
                broken = yield from _ask(run, teacher, sessions, judge_many, round)
                open_sessions += [session for session in sessions if session.id not in broken]


def _wants_repair(session: _Session, iterations: int) -> bool:
    if not session.attempts or session.solved or session.silent:
        return False
    repairs = len(session.attempts) - max(1, len(session.start.attempts))
    return repairs < iterations and session.attempts[-1].verdict.outcome not in _HOPELESS


def _author(session: _Session, drafter: Teacher | None, repairer: Teacher | None) -> str:
    first = session.start.teacher if session.start.attempts else drafter.name if drafter else ""
    return f"{first}+{repairer.name}" if repairer and repairer.name != first else first


def _judge_recorded(
    run: Run, sessions: Sequence[_Session], judge_many: JudgeMany, round: int
) -> Generator[None, None, set[str]]:
    """Run recorded versions again; where a task has no tests, its labels stand. Returns the sessions left broken."""
    waiting: list[tuple[_Session, Attempt]] = []
    broken: set[str] = set()

    def jobs() -> Iterator[tuple[str, Tests]]:
        for session in sessions:
            judged = {attempt.index for attempt in session.attempts}
            for attempt in session.start.attempts:
                if attempt.index in judged:
                    continue
                if session.task.tests is None:
                    _commit(run, session, attempt, round)
                else:
                    waiting.append((session, attempt))
                    yield attempt.code, session.task.tests

    for index, verdict in judge_many(jobs()):
        session, attempt = waiting[index]
        if verdict.outcome is Outcome.INFRA:
            broken.add(session.id)
            yield None
        else:
            _commit(run, session, replace(attempt, verdict=verdict), round)
    return broken


def _ask(
    run: Run, teacher: Teacher, sessions: Sequence[_Session], judge_many: JudgeMany, round: int
) -> Generator[None, None, set[str]]:
    """One request for each session, each answer judged as it arrives. Returns the sessions left broken."""
    requests = [Request(session.task, tuple(session.attempts), session.sample) for session in sessions]
    waiting: list[tuple[_Session, Reply]] = []
    broken: set[str] = set()

    def jobs() -> Iterator[tuple[str, Tests]]:
        for index, reply in teacher.write(requests):
            session = sessions[index]
            if reply.code is None:
                session.silent = True
                continue
            assert session.task.tests is not None, "a task that is to be debugged has tests"
            waiting.append((session, reply))
            yield reply.code, session.task.tests

    for index, verdict in judge_many(jobs()):
        session, reply = waiting[index]
        if verdict.outcome is Outcome.INFRA:
            broken.add(session.id)
            yield None
            continue
        assert reply.code is not None
        attempt = Attempt(len(session.attempts), reply.code, verdict, reply.message, reply.usage)
        _commit(run, session, attempt, round)
    return broken


def _commit(run: Run, session: _Session, attempt: Attempt, round: int) -> None:
    run.put("attempt", attempt_id(session.id, attempt.index), attempt, round)
    session.attempts.append(attempt)
    session.attempts.sort(key=lambda each: each.index)
