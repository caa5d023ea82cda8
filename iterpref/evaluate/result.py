"""The result of an evaluation: one JSON document with scores, how they came about, and every verdict.

Pass@k is the unbiased estimate of Chen et al. (2021). Its 95 % interval is a bootstrap over tasks, or Wilson's where
every task has the value 0 or 1, as with one answer each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from iterpref.evaluate.analysis import breakdown, distance_to_a_pass, estimate, tags_of
from iterpref.evaluate.benchmark import Answer, Judged
from iterpref.evaluate.truth import Truth
from iterpref.suites.base import Item, Suite
from iterpref.suites.extract import program_in

__all__ = ["SCHEMA", "ks", "result_of"]

SCHEMA = 1
_FEEDBACK = 2000  # characters kept of what a failing test said
_SAMPLED = "bootstrap over tasks, seed 0, 10000 resamples; Wilson where every task has 0 or 1"
_KS = (1, 10, 100)  # as the official harnesses report


def ks(samples: int) -> list[int]:
    """Which pass@k are reported."""
    return sorted({k for k in (*_KS, samples) if k <= samples})


def result_of(
    suite: Suite,
    tasks_in_file: int,
    samples: Mapping[str, int],
    answers: Mapping[tuple[str, int], Answer],
    judged: Mapping[tuple[str, int], Judged],
    about: Mapping[str, Any],
    truth: Truth | None,
) -> dict[str, Any]:
    """The document on the items of ``suite``, which are all or the first of ``tasks_in_file``.

    ``samples`` says how many each task should have; with one missing there is no score.
    ``about`` is all that decided the answers and verdicts: model, style, limits, sandbox, versions.
    """
    keys = [(item.task.id, sample) for item in suite.items for sample in range(samples[item.task.id])]
    unanswered = sum(key not in answers for key in keys)
    open_verdicts = sum(key in answers and key not in judged for key in keys)
    complete = not unanswered and not open_verdicts
    tasks = [
        _task(suite, item, [judged.get((item.task.id, n)) for n in range(samples[item.task.id])])
        for item in suite.items
    ]
    known = [answers[key] for key in keys if key in answers]
    return {
        "schema": SCHEMA,
        "complete": complete,
        "unanswered": unanswered,
        "without_verdict": open_verdicts,
        "scores": _scores(suite, tasks) if complete and tasks else {},
        "tags": _by_tag(suite, tasks) if complete else {},
        "tampered": _tampered(suite, tasks) if complete else None,
        "ground_truth": None if truth is None else asdict(truth),
        "benchmark": {
            "name": suite.name,
            "version": suite.version,
            "path": suite.path,
            "sha256": suite.sha256,
            "options": dict(suite.options),
            "scores": dict(suite.scores),
            "tasks_in_file": tasks_in_file,
            "tasks": len(suite.items),
        },
        **about,
        "kinds": dict(Counter(each["kind"] for task in tasks for each in task["samples"]).most_common()),
        "cut_off": sum(bool(answer.message) for answer in known),
        "prompt_tokens": sum(answer.usage.prompt_tokens for answer in known),
        "completion_tokens": sum(answer.usage.completion_tokens for answer in known),
        "tasks": tasks,
    }


def _scores(suite: Suite, tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    fewest = min(len(task["samples"]) for task in tasks)
    single = all(len(task["samples"]) == 1 for task in tasks)
    found: dict[str, Any] = {}
    for part, label in suite.scores.items():
        passed = [[part in sample["passed"] for sample in task["samples"]] for task in tasks]
        found[label] = {f"pass@{k}": asdict(estimate(passed, k)) for k in ks(fewest)}
        found[label]["interval"] = "Wilson" if single else _SAMPLED
    return found


def _by_tag(suite: Suite, tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For each tag and value pass@1 of the last score."""
    part, found = list(suite.scores)[-1], {"tasks": tasks}
    return {tag: {value: asdict(rate) for value, rate in breakdown(found, part, tag).items()} for tag in tags_of(found)}


def _tampered(suite: Suite, tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Answers that interfered with their verdict, and pass@1 if every one of them were believed.

    Where the official harness does not look for that, its score lies between the two.
    """
    believed = {}
    for part, label in suite.scores.items():
        shares = [
            sum(part in each["passed"] or each["outcome"] == "tamper" for each in task["samples"])
            / len(task["samples"])
            for task in tasks
        ]
        believed[label] = fmean(shares) if shares else 0.0
    return {
        "answers": sum(each["outcome"] == "tamper" for task in tasks for each in task["samples"]),
        "pass@1_if_believed": believed,
    }


def _task(suite: Suite, item: Item, found: Sequence[Judged | None]) -> dict[str, Any]:
    passing = [each.program for each in found if each is not None and each.verdict.passed]
    if item.task.solution is not None:
        passing.append(item.task.solution)
    passing = [_core(item, program) for program in passing]
    return {
        "task_id": item.task.id,
        "tags": {name: list(values) for name, values in item.tags.items()},
        "samples": [_sample(item, each, each.passed(suite, item), passing) for each in found if each is not None],
    }


def _sample(item: Item, judged: Judged, passed: Sequence[str], passing: Sequence[str]) -> dict[str, Any]:
    verdict = judged.verdict
    sample = {
        "sample": judged.sample,
        "passed": list(passed),
        "kind": verdict.kind,
        "outcome": verdict.outcome.value,
        "feedback": verdict.feedback[:_FEEDBACK],
        "cpu_seconds": round(sum(each.cpu_seconds for each in judged.verdicts.values()), 3),
        "program": judged.program,
    }
    if not verdict.passed:
        sample["hunks"] = distance_to_a_pass(_core(item, judged.program), passing)
    return sample


def _core(item: Item, program: str) -> str:
    """What the entry point needs of a program: what runs on after it is no difference."""
    return program_in(program, item.task.entry_point) if item.task.entry_point else program
