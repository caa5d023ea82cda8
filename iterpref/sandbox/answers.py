"""Runs a program on inputs and hands back what it returned: a reference's answers are a benchmark's expected values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from iterpref.sandbox.box import Sandbox
from iterpref.sandbox.equality import BY_DIGEST, NOT_PLAIN
from iterpref.sandbox.jobs import BadTestsError, Job, make_jobs
from iterpref.sandbox.profiles import profile_of
from iterpref.sandbox.verdict import judge_run, values_of
from iterpref.sandbox.worker import Run
from iterpref.types import Case, Tests, Verdict

__all__ = ["Answers", "Unanswered", "answers"]

Answers = list[tuple[Any, float] | None]
"""By case: the value returned, and the CPU time that the call took, in seconds; None for what is no plain data.

In place of a large value stands the marker of its digest (``digest``), if the tests compare by that.
"""

# Times itself: the clock then starts and stops right at the call.
_TIMED = """

_seconds = []


def _timed(*arguments, **keywords):
    from time import process_time
    if arguments == ("{seconds}",):
        return _seconds
    started = process_time()
    value = {entry_point}(*arguments, **keywords)
    _seconds.append(process_time() - started)
    return value
"""
_SECONDS = "seconds of the calls"


class Unanswered(Exception):
    """The program failed; the message says how."""


def answers(box: Sandbox, jobs: Sequence[tuple[str, Tests]]) -> Iterator[tuple[int, Answers]]:
    """What each program returns for the cases of its tests (kind ``calls``); expected values are not looked at.

    Yields (index, answers) as the programs end.

    Raises:
        Unanswered: a program failed.
    """
    pool = ThreadPoolExecutor(box.workers, thread_name_prefix="answers")
    try:
        numbers = {pool.submit(_answers, box, *job): number for number, job in enumerate(jobs)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after a fault or Ctrl-C the sandbox is closed


def _answers(box: Sandbox, program: str, tests: Tests) -> Answers:
    cases = (*tests.cases, Case((_SECONDS,)))
    equality = "any answer" if tests.equality in BY_DIGEST else "anything"
    timed = dataclasses.replace(tests, cases=cases, entry_point="_timed", equality=equality, reference="")
    found: list[Any] = []

    def keep(job: Job, run: Run) -> Verdict:
        verdict = judge_run(job, run)
        found[:] = values_of(run) if verdict.passed else []
        return verdict

    try:
        (job,) = make_jobs(program + _TIMED.format(entry_point=tests.entry_point, seconds=_SECONDS), timed)
    except BadTestsError as error:
        raise Unanswered(str(error)) from None
    verdict = box._judge_job(job, profile_of(program), keep)
    if not verdict.passed:
        raise Unanswered(verdict.feedback or verdict.outcome.value)
    *values, seconds = found
    return [None if value is NOT_PLAIN else (value, float(took)) for value, took in zip(values, seconds, strict=True)]
