"""Files of LiveCodeBench: what its custom evaluator reads, and the graded rows that it writes.

The evaluator wants one object a problem, of the whole benchmark: ``[{"question_id": ..., "code_list": [...]}]``. It
writes ``..._eval_all.json``: a row a problem with its texts, answers, programs, grades and ``pass@1``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iterpref.errors import InputError
from iterpref.suites.base import Suite
from iterpref.suites.files import read_file
from iterpref.suites.livecodebench import tags_of
from iterpref.suites.livecodebench_tests import lines_of
from iterpref.suites.official import Judged, Sample, write_file
from iterpref.types import Outcome, Verdict
from iterpref.wording import counted

__all__ = ["Graded", "read_custom", "read_eval_all", "write_custom", "write_eval_all"]

_TEXTS = (
    *("question_title", "question_content", "platform", "question_id", "contest_id", "contest_date", "starter_code"),
    "difficulty",
)
# The official code and message of an outcome.
_ERRORS = {
    Outcome.WRONG: (-2, "Wrong Answer"),
    Outcome.TIMEOUT: (-3, "Time Limit Exceeded"),
    Outcome.INFRA: (-5, "TestRunnerError"),
    Outcome.INVALID: (-5, "TestRunnerError"),
    Outcome.UNSUPPORTED: (-5, "TestRunnerError"),
}
_RUNTIME_ERROR = (-4, "Runtime Error")


@dataclass(frozen=True)
class Graded:
    """A problem's samples as they were graded: ``passed[i]`` is of ``programs[i]``, taken from ``answers[i]``."""

    task_id: str
    answers: tuple[str, ...]
    programs: tuple[str, ...]
    passed: tuple[bool, ...]
    tags: Mapping[str, tuple[str, ...]]


def write_custom(path: str | Path, suite: Suite, programs: Mapping[str, Sequence[str]]) -> Path:
    """Write programs by problem for the custom evaluator (``--custom_output_file``).

    Raises:
        InputError: a problem of the benchmark has none, which the evaluator does not take.
    """
    ids = sorted(item.task.id for item in suite.items)
    missing = [id for id in ids if not programs.get(id)]
    if missing:
        raise InputError(
            f"{path}: no program for {counted(len(missing), 'problem')}, such as {missing[0]!r}; add them first."
        )
    return write_file(path, json.dumps([{"question_id": id, "code_list": list(programs[id])} for id in ids], indent=4))


def read_custom(path: str | Path) -> Iterator[Sample]:
    """Samples of the custom evaluator's input, or of the graded rows that it writes.

    Raises:
        InputError: it is no such file.
    """
    for row in read_file(path).rows:
        id = row.take("question_id")
        for number, program in enumerate(row.take("code_list", list)):
            yield id, number, str(program), True


def write_eval_all(
    path: str | Path, suite: Suite, judged: Iterable[Judged], answers: Mapping[tuple[str, int], str]
) -> Path:
    """Write the graded rows. ``answers`` are the models' texts, by problem and sample, else the program stands there.

    Raises:
        InputError: the benchmark's file is not where it was read any more.
    """
    found: dict[str, list[Judged]] = {}
    for each in sorted(judged, key=lambda each: each.sample):
        found.setdefault(each.task_id, []).append(each)
    texts = {}
    for file in suite.path.split(", "):
        for _, _, text in lines_of(file):
            row = json.loads(text)
            texts[row["question_id"]] = {name: row.get(name, "") for name in _TEXTS}
    rows = [_graded_row(texts[id], found[id], answers) for id in sorted(found)]
    return write_file(path, json.dumps(rows, indent=4))


def read_eval_all(path: str | Path) -> Iterator[Graded]:
    """Graded problems, with the tags that the loader gives them.

    Raises:
        InputError: it is no such file.
    """
    for row in read_file(path).rows:
        programs, passed = (tuple(row.take(name, list)) for name in ("code_list", "graded_list"))
        if len(programs) != len(passed) or not all(isinstance(grade, bool) for grade in passed):
            raise row.fault("'graded_list' must hold true or false for each of 'code_list'")
        yield Graded(row.take("question_id"), tuple(row.take("output_list", list)), programs, passed, tags_of(row))


def _graded_row(
    texts: Mapping[str, Any], samples: Sequence[Judged], answers: Mapping[tuple[str, int], str]
) -> dict[str, Any]:
    passed = [each.verdicts["tests"].passed for each in samples]
    return {
        **texts,
        "output_list": [answers.get((each.task_id, each.sample), each.program) for each in samples],
        "code_list": [each.program for each in samples],
        "graded_list": passed,
        "pass@1": sum(passed) / len(passed),
        "metadata": [json.dumps(_about(each.verdicts["tests"])) for each in samples],
    }


def _about(verdict: Verdict) -> dict[str, Any]:
    if verdict.passed:
        return {"execution time": verdict.cpu_seconds}
    code, message = _ERRORS.get(verdict.outcome, _RUNTIME_ERROR)
    return {"error": verdict.feedback, "error_code": code, "error_message": message}
