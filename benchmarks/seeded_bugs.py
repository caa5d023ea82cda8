"""Pairs of programs in which it is known which lines are wrong, for measuring focus against the truth.

A clean solution gets 0 to 5 irrelevant rewrites on one side (benchmarks/rewrites.py); the failing side gets 1 to 3
bugs, planted last, so their lines in y- are known exactly. Everything is run: after each rewrite the tests still pass,
each bug makes them fail on its own, and so do all together. Bugs by which a program never ends are left out: they show
nothing more, and every run of them costs the time limit. A bug that only takes a line away leaves no line of y- that is
wrong; such pairs are made apart (``missing``), with this one bug each.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rewrites import REWRITES
from search_repair import plant, rows

from iterpref import micro
from iterpref.micro.programs import idioms_of, program
from iterpref.sandbox import Sandbox
from iterpref.types import Outcome, Task, Tests, Verdict

__all__ = ["Bug", "SeededPair", "humaneval", "line_edit", "micro_world", "seed_pair", "seeded_pairs"]

MAX_BUGS, MAX_REWRITES = 3, 5
TRIES = 60  # edits that are tried for one pair
Judge = Callable[[str, Tests], Verdict]


@dataclass(frozen=True)
class Bug:
    """One fault of y-. Lines count from 0.

    A doubled line may be either of the two, and of two lines that changed places either may be called the wrong one:
    ``choices`` holds each such set of lines. It is empty where code is missing from y-; then ``place`` is the line
    before which it is missing.
    """

    choices: tuple[tuple[int, ...], ...]
    place: int


@dataclass(frozen=True)
class SeededPair:
    """``rewritten`` names the side with the rewrites."""

    task: Task
    chosen: str
    rejected: str
    rewritten: str  # y+ or y-
    rewrites: tuple[str, ...]
    bugs: tuple[Bug, ...]


@dataclass(frozen=True)
class _Edit:
    """``lines`` stand in the place of lines ``start`` to ``end``."""

    start: int
    end: int
    lines: tuple[str, ...]


def humaneval() -> list[Task]:
    """HumanEval's tasks with their solutions, from the folder that ITERPREF_TEST_DATA names."""
    found = []
    for row in rows("humaneval/HumanEval.jsonl.gz"):
        tests = Tests("check", code=str(row["test"]), entry_point=str(row["entry_point"]), cpu_seconds=2.0)
        solution = f"{row['prompt']}{row['canonical_solution']}"
        found.append(Task(str(row["task_id"]), str(row["prompt"]), tests, solution, source="humaneval"))
    return found


def micro_world(count: int, seed: int) -> list[Task]:
    """Micro-world tasks, their solutions spread over the idioms in which they can be written."""
    rng = random.Random(f"idioms {seed}")
    found = []
    for task in micro.tasks("train", count, seed):
        spec = micro.Spec.from_id(task.id)
        solution = program(spec, rng.choice(idioms_of(spec))) + "\n"
        found.append(Task(task.id, task.prompt, task.tests, solution, task.features, "micro"))
    return found


def seeded_pairs(box: Sandbox, tasks: list[Task], count: int, seed: int, missing: bool = False) -> Iterator[SeededPair]:
    """``count`` pairs, going round the tasks; where a task does not lend itself, the next is taken."""

    def one(number: int) -> SeededPair | None:
        return seed_pair(tasks[number % len(tasks)], box.judge, random.Random(f"{seed} {number}"), missing)

    made = number = 0
    with ThreadPoolExecutor(box.workers) as pool:
        while made < count and number < 20 * count:
            batch = range(number, number + 4 * box.workers)
            number = batch.stop
            for pair in pool.map(one, batch):
                if pair is not None and made < count:
                    made += 1
                    yield pair


def seed_pair(task: Task, judge: Judge, rng: random.Random, missing: bool = False) -> SeededPair | None:
    """One pair, or None where the task's solution fails or too few bugs can be planted in it."""
    clean, tests = task.solution, task.tests
    assert clean is not None
    assert tests is not None
    wanted = 1 if missing else rng.randint(1, MAX_BUGS)
    if not judge(clean, tests).passed:
        return None
    rewritten, names = _rewrite(clean, tests, judge, rng, rng.randint(0, MAX_REWRITES))
    side = rng.choice(("y+", "y-"))
    base, chosen = (rewritten, clean) if side == "y-" else (clean, rewritten)
    edits = _bugs(base, task, judge, rng, wanted, missing)
    if len(edits) < wanted:
        return None
    rejected, bugs = _apply(base, edits)
    if not judge(rejected, tests).failed:
        return None
    return SeededPair(task, chosen, rejected, side, tuple(names), bugs)


def _rewrite(code: str, tests: Tests, judge: Judge, rng: random.Random, wanted: int) -> tuple[str, list[str]]:
    names: list[str] = []
    for _ in range(TRIES):
        if len(names) == wanted:
            break
        name = rng.choice(sorted(REWRITES.keys() - names))  # each kind once: a second one might undo the first
        changed = REWRITES[name](code, rng)
        if changed is not None and changed != code and judge(changed, tests).passed:
            code = changed
            names.append(name)
    return code, names


def _bugs(base: str, task: Task, judge: Judge, rng: random.Random, wanted: int, missing: bool) -> list[_Edit]:
    """Edits that touch different lines, each of which alone makes the tests fail."""
    assert task.tests is not None
    start = _body(base, task.entry_point)
    edits: list[_Edit] = []
    for _ in range(TRIES):
        if len(edits) == wanted:
            break
        changed = plant(base, start, rng)
        edit = line_edit(base, changed)
        if edit is None or missing != (not edit.lines):
            continue
        if any(edit.start <= other.end and other.start <= edit.end for other in edits):
            continue
        verdict = judge(changed, task.tests)
        if verdict.failed and verdict.outcome is not Outcome.TIMEOUT:
            edits.append(edit)
    return sorted(edits, key=lambda edit: edit.start)


def _body(code: str, entry_point: str) -> int:
    """Character at which the function's body begins, after its docstring."""
    tree = ast.parse(code)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry_point)
    first = function.body[1 if ast.get_docstring(function) is not None else 0]
    return sum(len(line) + 1 for line in code.split("\n")[: first.lineno - 1])


def line_edit(before: str, after: str) -> _Edit | None:
    """The smallest block of lines by which one text becomes the other, or None where they are equal."""
    if before == after:
        return None
    old, new = before.split("\n"), after.split("\n")
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    rest = min(len(old), len(new)) - same
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    return _Edit(same, len(old) - tail, tuple(new[same : len(new) - tail]))


def _apply(base: str, edits: list[_Edit]) -> tuple[str, tuple[Bug, ...]]:
    """The text with all edits made, and where their lines are in it."""
    old, new, bugs, at = base.split("\n"), [], [], 0
    spans = []
    for edit in edits:
        new += old[at : edit.start]
        spans.append((edit, len(new)))
        new += edit.lines
        at = edit.end
    new += old[at:]
    for edit, first in spans:
        bugs.append(Bug(_choices(new, first, edit, old), first))
    return "\n".join(new), tuple(bugs)


def _choices(new: list[str], first: int, edit: _Edit, old: list[str]) -> tuple[tuple[int, ...], ...]:
    lines = range(first, first + len(edit.lines))
    if not lines:
        return ()
    if edit.start == edit.end and len(lines) == 1:  # a line too many: any one of those around it that are equal
        equal = [n for n in range(max(0, first - 2), min(len(new), first + 3)) if new[n] == new[first]]
        return tuple((n,) for n in equal)
    if len(lines) == 2 and list(edit.lines) == old[edit.start : edit.end][::-1]:
        return tuple((n,) for n in lines)
    return (tuple(lines),)
