"""Many searches over one sandbox: each asks about one program at a time, together they keep every worker busy.

What was asked once is remembered by the program and its tests, in the run folder if the caller says so: a killed run
repeats nothing, and other settings of the same stage cost only what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TypeVar

from iterpref.focus import Question, Search, Verified
from iterpref.store import encode
from iterpref.types import Outcome, Tests, Verdict

__all__ = ["Job", "JudgeMany", "Runner", "searched"]

T = TypeVar("T")
Result = Verified | str | bool  # what a search ends with
JudgeMany = Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]]
_WIDTH = 64  # searches at once
_AHEAD = 512  # how far the stream is read before its first item must be done: bounds memory


@dataclass(frozen=True)
class Job:
    """A search about programs that face ``tests``. ``cpu_seconds`` bounds each run (0: as the tests say)."""

    search: Search
    tests: Tests
    cpu_seconds: float = 0.0

    def digest(self, question: Question) -> str:
        """The same for the same program, tests and repetition."""
        text = f"{self._tests_digest}\x00{question.again}\x00{question.program}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def bounded(self) -> Tests:
        """The tests with the time that a program of this search is given."""
        seconds = min(self.cpu_seconds, self.tests.cpu_seconds)
        return replace(self.tests, cpu_seconds=seconds) if self.cpu_seconds else self.tests

    @cached_property
    def _tests_digest(self) -> str:
        return hashlib.sha256(encode(self.tests).encode("utf-8", "surrogatepass")).hexdigest()


class Runner:
    """Answers questions by running programs, each once.

    ``recall`` and ``remember`` read and write what is known, by a digest of program, tests and repetition.
    """

    def __init__(
        self,
        judge_many: JudgeMany,
        recall: Callable[[str], bool | None] = lambda digest: None,
        remember: Callable[[Mapping[str, bool]], None] = lambda answers: None,
    ) -> None:
        self._judge_many = judge_many
        self._recall = recall
        self._remember = remember
        self.runs = 0

    def answer(self, asked: Sequence[tuple[Job, Question]]) -> list[bool | None]:
        """Whether each program passes; None where the machine failed, which says nothing about the program."""
        digests = [job.digest(question) for job, question in asked]
        known: dict[str, bool | None] = {digest: self._recall(digest) for digest in digests}
        new = {
            digest: (question.program, job.bounded)
            for digest, (job, question) in zip(digests, asked, strict=True)
            if known[digest] is None
        }
        order = list(new)
        found: dict[str, bool] = {}
        for index, verdict in self._judge_many(new.values()) if new else ():
            if verdict.outcome is not Outcome.INFRA:
                found[order[index]] = verdict.passed
        if found:
            self._remember(found)
        self.runs += len(new)
        known.update(found)
        return [known[digest] for digest in digests]


def searched(items: Iterable[tuple[T, Job | None]], runner: Runner) -> Iterator[tuple[T, Result | None]]:
    """Bring every search to its end. Yields (item, result) in the order of ``items``.

    An item without a job is passed through with None. None is also the result where the machine failed: nothing is
    known then, and the same search may be tried again another time.
    """
    stream = enumerate(items)
    active: dict[int, tuple[T, Job, Question]] = {}
    done: dict[int, tuple[T, Result | None]] = {}
    given = 0

    def advance(index: int, item: T, job: Job, answer: bool | None = None) -> None:
        try:
            active[index] = (item, job, next(job.search) if answer is None else job.search.send(answer))
        except StopIteration as end:
            active.pop(index, None)
            done[index] = (item, end.value)

    while True:
        for index, (item, job) in islice(stream, max(0, min(_WIDTH - len(active), _AHEAD - len(done)))):
            if job is None:
                done[index] = (item, None)
            else:
                advance(index, item, job)
        if not active and not done:  # nothing came, although there was room
            return
        answers = runner.answer([(job, question) for _, job, question in active.values()])
        for (index, (item, job, _)), answer in zip(list(active.items()), answers, strict=True):
            if answer is None:
                job.search.close()
                del active[index]
                done[index] = (item, None)
            else:
                advance(index, item, job, answer)
        while given in done:
            yield done.pop(given)
            given += 1
