"""The search teacher: test-guided repair without a language model.

Takes the best failing version, tries local edits in the order of their likelihood, and hands back the first one that
passes, else the one that raises the number of passing tests most. Called again on the version it improved, it repairs
programs with several faults, and every version on the way is kept: the iterations of the paper's section 3.1, at the
cost of runs instead of tokens. Edits come from two places: operators on the program itself (:mod:`.mutations`) and
pieces of passing programs of similar tasks (:mod:`.ingredients`).

What a repair is worth depends on the tests alone, so a program can be made to pass weak tests by a wrong edit. Against
that: likely and small edits come first, and of those that pass, the smallest wins.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter

from iterpref.errors import InputError
from iterpref.syntax import parse
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.candidates import Candidate, candidates
from iterpref.teachers.ingredients import Ingredients
from iterpref.types import Attempt, Outcome, Task, Tests, Usage, Verdict

__all__ = ["JudgeMany", "SearchTeacher"]

JudgeMany = Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]]
"""Runs (code, tests) items, in parallel if it can, and yields (index, verdict) in any order."""
Passing = Callable[[], Iterable[tuple[Task, str]]]

_BATCH = 8  # programs run for a request before it is looked at again: more would be wasted when the first one passes
_LIVE = 64  # requests searched side by side, so that small batches keep many workers busy
_SLOWEST = 0.25  # CPU seconds that a candidate gets at least; edits make endless loops
_LOOPED = 0.5  # that it gets where the program to be repaired ran into its limit


class SearchTeacher:
    """Repairs programs by running edited versions.

    Args:
        judge_many: runs programs, for example ``Sandbox.map``.
        passing: programs that pass, of any tasks; asked anew at each :meth:`write`, for they grow while one collects.
        max_runs: programs run for one reply at most.

    A reply depends on its request and on what ``passing`` gave, not on how requests are grouped.
    """

    name = "search"

    def __init__(
        self,
        judge_many: JudgeMany,
        passing: Passing = tuple,
        max_runs: int = 100,
    ) -> None:
        self._judge_many = judge_many
        self._passing = passing
        self._max_runs = max_runs
        self._ingredients = Ingredients()

    @classmethod
    def from_settings(cls, settings: Settings) -> SearchTeacher:
        if settings.judge_many is None:
            raise InputError(
                "the search teacher repairs by running programs, so it needs a sandbox; it cannot be used here."
            )
        return cls(settings.judge_many, settings.passing)

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield (index, next version). ``code`` is None where no edit in ``max_runs`` runs passes one more test.

        Raises:
            InputError: a request has no attempt to repair, or its task no tests.
        """
        for task, code in self._passing():
            self._ingredients.add(task, code)
        waiting = iter(enumerate(requests))
        live: list[tuple[int, _Search]] = []
        while True:
            for index, request in itertools.islice(waiting, _LIVE - len(live)):
                live.append((index, _Search(request, self._ingredients, self._max_runs)))
            if not live:
                return
            sizes: list[int] = []
            verdicts = dict(self._judge_many(_programs(live, sizes)))
            position = 0
            still = []
            for (index, search), size in zip(live, sizes, strict=True):
                search.learn([verdicts[position + place] for place in range(size)])
                position += size
                if search.reply is None:
                    still.append((index, search))
                else:
                    yield index, search.reply
            live = still


def _programs(live: Sequence[tuple[int, _Search]], sizes: list[int]) -> Iterator[tuple[str, Tests]]:
    """The next batch of every search, made lazily, while others run; ``sizes`` gets how many each has."""
    for _, search in live:
        batch = search.batch()
        sizes.append(len(batch))
        yield from ((code, search.tests) for code in batch)


class _Search:
    """The search for one reply, fed batch by batch."""

    def __init__(self, request: Request, ingredients: Ingredients, max_runs: int) -> None:
        if not request.attempts or request.task.tests is None:
            raise InputError(
                f"task {request.task.id}: the search teacher repairs programs by running them, so it needs a first "
                "version and tests; let another teacher draft."
            )
        # The best version so far, of equally good ones the latest.
        start = max(request.attempts, key=lambda attempt: (attempt.verdict.tests_passed, attempt.index))
        self.tests = replace(request.task.tests, cpu_seconds=_limit(request.task.tests, start.verdict))
        self.reply: Reply | None = None
        self._passed = start.verdict.tests_passed
        self._candidates = _distinct(candidates(start, request.task, ingredients), request.attempts)
        self._batch: list[Candidate] = []
        self._best: Candidate | None = None
        self._left = max_runs
        self._runs = 0
        self._started = perf_counter()

    def batch(self) -> list[str]:
        """The programs to run next; may be empty."""
        self._batch = list(itertools.islice(self._candidates, min(_BATCH, self._left)))
        self._left -= len(self._batch)
        self._runs += len(self._batch)
        return [candidate.code for candidate in self._batch]

    def learn(self, verdicts: Sequence[Verdict]) -> None:
        """Take the batch's verdicts; sets :attr:`reply` when the search is over."""
        judged = list(zip(self._batch, verdicts, strict=True))
        passing = [candidate for candidate, verdict in judged if verdict.passed]
        if passing:
            self._finish(min(passing, key=lambda candidate: candidate.size))
            return
        for candidate, verdict in judged:
            if verdict.tests_passed > self._passed and verdict.outcome in (Outcome.WRONG, Outcome.ERROR):
                self._best, self._passed = candidate, verdict.tests_passed
        if not self._batch or not self._left:
            self._finish(self._best)

    def _finish(self, candidate: Candidate | None) -> None:
        usage = Usage(runs=self._runs, seconds=perf_counter() - self._started)
        self.reply = Reply(candidate.code if candidate else None, candidate.message if candidate else "", usage)


def _limit(tests: Tests, verdict: Verdict) -> float:
    """CPU seconds for candidates: a program that passes in less passes in the task's own limit too."""
    enough = _LOOPED if verdict.outcome is Outcome.TIMEOUT else max(_SLOWEST, 4 * verdict.cpu_seconds)
    return min(tests.cpu_seconds, enough)


def _distinct(found: Iterator[Candidate], attempts: Sequence[Attempt]) -> Iterator[Candidate]:
    """Candidates that parse, each tree once, without the versions already tried."""
    seen = {_shape(attempt.code) for attempt in attempts}
    for candidate in found:
        shape = _shape(candidate.code)
        if shape is not None and shape not in seen:
            seen.add(shape)
            yield candidate


def _shape(code: str) -> str | None:
    try:
        return ast.dump(parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
