"""The expected values of a benchmark that gives a reference solution in their place, run once and kept on disk.

Kept under the checksum of the benchmark's file and the version of these rules, below the user's cache folder, each the
moment it is known. With the answers goes the time that the reference took: an answer may take 4 times as long on an
input, and at least a second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from iterpref import kept
from iterpref.plain import from_json, to_json
from iterpref.suites.base import Item, Suite
from iterpref.types import Case, Tests

__all__ = ["established"]

RULES = 3  # raised where the answers to the same file would be kept differently
REFERENCE_SECONDS = 300.0  # CPU time of a reference for all inputs of a part
# As EvalPlus 0.3.1 has them; its limits are of wall time.
LEAST_SECONDS, TIMES_REFERENCE, MOST_SECONDS = 1.0, 4.0, 60.0
FLOAT_TOLERANCE = 1e-6  # where floats are expected and the task has no tolerance of its own


Answers = Sequence["tuple[Any, float] | None"]
"""By case: what the reference returned, and its CPU time in seconds; None where it is no plain data."""

Run = Callable[[Sequence[tuple[str, Tests]]], Iterable[tuple[int, Answers]]]
"""Runs programs on the cases of their tests, (index, answers) as they end: ``sandbox.answers.answers``."""


def established(suite: Suite, run: Run, folder: Path | None = None) -> Suite:
    """``suite`` with the expected values of its tests; the suite itself where they are known already.

    Inputs whose answer is no plain data are left out; ``options["inputs_left_out"]`` counts them by task. ``folder`` is
    where answers are kept (default: ``iterpref/truth`` below the user's cache folder). What ``run`` raises is raised: a
    reference that fails is a fault of the file or of this machine.
    """
    waiting = list(_waiting(suite))
    if not waiting:
        return suite
    path = (folder or kept.cache_folder("truth")) / f"{suite.name}-{suite.sha256[:16]}-{RULES}.jsonl"
    known = {key: from_json(value) for key, value in kept.read(path).items()}
    missing = [each for each in waiting if _key(*each[:2]) not in known]
    jobs = [(tests.reference, dataclasses.replace(tests, cpu_seconds=REFERENCE_SECONDS)) for *_, tests in missing]
    for index, answers in run(jobs) if jobs else ():
        key = _key(*missing[index][:2])
        known[key] = [answer and list(answer) for answer in answers]
        kept.add(path, key, to_json(known[key]))
    asked = sorted(_key(*each[:2]) for each in waiting)
    left_out = [f"{key}: {known[key].count(None)}" for key in asked if None in known[key]]
    return dataclasses.replace(
        suite,
        items=tuple(_complete(item, known) for item in suite.items),
        options={**suite.options, "inputs_left_out": ", ".join(left_out)} if left_out else suite.options,
    )


def _waiting(suite: Suite) -> Iterator[tuple[str, str, Tests]]:
    for item in suite.items:
        for part, tests in item.parts.items():
            if tests.reference:
                yield item.task.id, part, tests


def _key(task: str, part: str) -> str:
    return f"{task}#{part}"


def _complete(item: Item, known: dict[str, Any]) -> Item:
    parts, seconds = {}, 0.0
    for part, tests in item.parts.items():
        answers = known[_key(item.task.id, part)] if tests.reference else []
        parts[part] = _with(tests, answers) if tests.reference else tests
        seconds += sum(answer[1] for answer in answers if answer)
    task = dataclasses.replace(item.task, tests=next(iter(parts.values())))
    return dataclasses.replace(item, task=task, parts=parts, seconds=seconds)


def _with(tests: Tests, answers: Answers) -> Tests:
    answered = [(case, *answer) for case, answer in zip(tests.cases, answers, strict=True) if answer]
    cases = tuple(Case(case.args, _expected(tests, case, value), case.kwargs) for case, value, _ in answered)
    limits = [max(LEAST_SECONDS, TIMES_REFERENCE * seconds) for *_, seconds in answered]
    floats = tests.tolerance == 0 and any(_is_floats(value) for _, value, _ in answered)
    return dataclasses.replace(
        tests,
        cases=cases,
        tolerance=FLOAT_TOLERANCE if floats else tests.tolerance,
        call_seconds=max(limits),
        cpu_seconds=max(min(MOST_SECONDS, sum(limits)), max(limits)) + 1,
        reference="",
    )


def _expected(tests: Tests, case: Case, value: Any) -> Any:
    if tests.equality == "any of":
        return [value, *case.expected]
    return value


def _is_floats(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(each, float) for each in value)
    return isinstance(value, float)
