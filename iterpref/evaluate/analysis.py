"""What evaluations say beside their scores: how programs failed, which tasks flipped, how near failures are to a pass.

Pure functions over result documents (:mod:`iterpref.evaluate.result`). The paper compares error types before and after
training on BigCodeBench (Table 18); :func:`error_types` is that table for any benchmark.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iterpref.focus import DIFFERS
from iterpref.stats import Estimate, bootstrap, mcnemar, pass_at_k, share
from iterpref.syntax import parse

__all__ = [
    "Difference",
    "Flip",
    "breakdown",
    "difference",
    "distance_to_a_pass",
    "error_types",
    "estimate",
    "flips",
    "near_passes",
    "solved",
    "tags_of",
]

Result = Mapping[str, Any]
# What stands before the exception, which is what a reader looks for.
_TRACEBACK = re.compile(r'^(?:Traceback \(most recent call last\):|File "[^\n]*)\n(?: [^\n]*\n)+', re.MULTILINE)
_LARGEST_SHARE = 0.5  # of a program's characters; one that is written anew is no small mistake


@dataclass(frozen=True)
class Difference:
    """Second minus first on the tasks that both have."""

    pass_at_1: Estimate  # paired bootstrap over tasks
    won: tuple[str, ...]
    lost: tuple[str, ...]
    p_value: float  # McNemar's exact test on won and lost


@dataclass(frozen=True)
class Flip:
    """A task that only one of two models solves: how each ended, their programs, and what the failing one was told."""

    task_id: str
    won: bool
    before: str
    after: str
    first: str
    second: str
    feedback: str


def estimate(passed: Sequence[Sequence[bool]], k: int, seed: int = 0) -> Estimate:
    """Pass@k with its interval; ``passed`` holds the samples of each task, at least k of them.

    The interval is a bootstrap over tasks; Wilson's where every task has the value 0 or 1, as with one sample each: of
    few such tasks, or of tasks that are all alike, a bootstrap has no width.
    """
    values = [pass_at_k(len(samples), sum(samples), k) for samples in passed]
    if all(value in (0.0, 1.0) for value in values):
        return share(sum(map(int, values)), len(values))
    return bootstrap(values, seed)


def solved(result: Result, part: str) -> dict[str, bool]:
    """By task, whether at least one sample passes ``part`` (with one sample: whether it does)."""
    return {task["task_id"]: any(part in each["passed"] for each in task["samples"]) for task in result["tasks"]}


def difference(first: Result, second: Result, part: str, seed: int = 0) -> Difference:
    """How the second model differs from the first on ``part``.

    The interval is of the difference of pass@1, by a bootstrap of the tasks' own differences. A task flips where one
    model solves it with at least one sample and the other with none.

    Raises:
        ValueError: they have no task in common.
    """
    rates = [_rates(result, part) for result in (first, second)]
    common = [task for task in rates[0] if task in rates[1]]
    before, after = solved(first, part), solved(second, part)
    won = tuple(task for task in common if after[task] and not before[task])
    lost = tuple(task for task in common if before[task] and not after[task])
    change = bootstrap([rates[1][task] - rates[0][task] for task in common], seed)
    return Difference(change, won, lost, mcnemar(len(won), len(lost)))


def _rates(result: Result, part: str) -> dict[str, float]:
    return {
        task["task_id"]: sum(part in each["passed"] for each in task["samples"]) / len(task["samples"])
        for task in result["tasks"]
        if task["samples"]
    }


def error_types(*results: Result) -> list[tuple[str, list[int]]]:
    """How answers ended, with a count for each result: passes first, then by how often it happened."""
    counts = [Counter(each["kind"] for task in result["tasks"] for each in task["samples"]) for result in results]
    total = sum(counts, start=Counter[str]())
    kinds = sorted(total, key=lambda kind: (kind != "passes", -total[kind], kind))
    return [(kind, [count[kind] for count in counts]) for kind in kinds]


def flips(first: Result, second: Result, part: str) -> list[Flip]:
    """Every task that flipped, won ones first, with how both ended."""
    found = difference(first, second, part)
    sides = [{task["task_id"]: task["samples"] for task in result["tasks"]} for result in (first, second)]
    listed = []
    for won, tasks in ((True, found.won), (False, found.lost)):
        for id in tasks:
            before, after = (_shown(side[id], part) for side in sides)
            told = str((before if won else after)["feedback"])
            listed.append(Flip(id, won, _ended(before), _ended(after), before["program"], after["program"], told))
    return listed


def _shown(samples: Sequence[Mapping[str, Any]], part: str) -> Mapping[str, Any]:
    """The sample that stands for a task: the first that passes, else the first."""
    return next((each for each in samples if part in each["passed"]), samples[0])


def _ended(sample: Mapping[str, Any]) -> str:
    kind, said = str(sample["kind"]), " ".join(_TRACEBACK.sub("", str(sample["feedback"])).split())
    return kind if not said or kind == "passes" else said if said.startswith(f"{kind}:") else f"{kind}: {said}"


def tags_of(result: Result) -> list[str]:
    """Names of what the tasks can be broken down by."""
    return list(dict.fromkeys(name for task in result["tasks"] for name in task["tags"]))


def breakdown(result: Result, part: str, tag: str) -> dict[str, Estimate]:
    """Pass@1 for each value of a tag, estimated as that of all tasks; a task may have several values."""
    groups: dict[str, list[list[bool]]] = {}
    for task in result["tasks"]:
        for value in task["tags"].get(tag, ()):
            groups.setdefault(value, []).append([part in each["passed"] for each in task["samples"]])
    return {value: estimate(group, 1) for value, group in sorted(groups.items())}


def distance_to_a_pass(program: str, passing: Sequence[str]) -> int | None:
    """In how many places ``program`` differs at least from one that passes, or None where none is near.

    Names, order, layout, comments and docstrings do not count (the tree differ, on what is left without them). A
    passing program is near if what differs is at most half of either.
    """
    found = []
    program = _bare(program)
    for other in dict.fromkeys(map(_bare, passing)):
        hunks = [hunk for hunk in DIFFERS["tree"](program, other) if hunk.counts]
        wrong = "".join(program[hunk.rejected_start : hunk.rejected_end] for hunk in hunks)
        right = "".join(other[hunk.chosen_start : hunk.chosen_end] for hunk in hunks)
        if hunks and all(
            _size(part) <= _LARGEST_SHARE * _size(text) for part, text in ((wrong, program), (right, other))
        ):
            found.append(len(hunks))
    return min(found, default=None)


def _bare(text: str) -> str:
    """The program without comments and docstrings; as it is where it does not parse."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"


def _size(text: str) -> int:
    return sum(not character.isspace() for character in text)


def near_passes(result: Result) -> tuple[int, int]:
    """(failing answers that differ from a pass in one place, failing answers)."""
    failing = [each for task in result["tasks"] for each in task["samples"] if each["kind"] != "passes"]
    return sum(each.get("hunks") == 1 for each in failing), len(failing)
