"""How many failing programs the search teacher repairs, in how many runs, and whether the repairs hold on hidden tests.

    python benchmarks/search_repair.py micro|real|planted [--limit N] [--max-runs N] [--seed N]

``micro``: failing drafts of the shipped model; hidden tests are fresh cases of the same tasks.
``real``: failing versions written by GPT-4, GPT-3.5, CodeLlama and StarCoder (llm_debugging.jsonl.gz); ingredients are
    passing programs of other functions only; hidden tests are those of HumanEval+ where the task is of HumanEval.
``planted``: one and two token-level faults in HumanEval's own solutions; hidden tests as above.
The last two read the folder that ITERPREF_TEST_DATA names. Results: docs/search-teacher.md.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import re
import statistics
import time
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from iterpref.sandbox import Sandbox
from iterpref.teachers.base import Request
from iterpref.teachers.search import SearchTeacher
from iterpref.types import Attempt, Task, Tests, Verdict

ITERATIONS = 5  # paper, section 3.1
FOLDS = 5


@dataclass
class Failing:
    task: Task
    attempts: list[Attempt]
    hidden: Tests | None
    group: str  # programs of the same group never lend each other ingredients
    runs: int = 0
    ended: bool = False

    @property
    def fixed(self) -> bool:
        return self.attempts[-1].verdict.passed


Passing = list[tuple[str, Task, str]]  # (group, task, code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=("micro", "real", "planted"))
    parser.add_argument("--limit", type=int, default=300, help="failing programs at most")
    parser.add_argument("--max-runs", type=int, default=100, help="programs run for each repair")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    make = {"micro": micro, "real": real, "planted": planted}[options.what]
    with Sandbox() as box:
        for title, failing, passing in make(box, options.limit, options.seed):
            repair(box, failing, passing, options.max_runs)
            report(box, title, failing)


def repair(box: Sandbox, failing: list[Failing], passing: Passing, max_runs: int) -> None:
    """Debug every program; those of one fold share a teacher that has seen no program of their groups."""
    groups = sorted({item.group for item in failing})
    folds = [set(groups)] if "" in groups else [set(groups[first::FOLDS]) for first in range(FOLDS)]
    for fold in folds:
        known = [(task, code) for group, task, code in passing if not group or group not in fold]
        teacher = SearchTeacher(box.map, known.copy, max_runs)
        open_items = [item for item in failing if item.group in fold]
        for _ in range(ITERATIONS):
            requests = [Request(item.task, tuple(item.attempts)) for item in open_items]
            for index, reply in teacher.write(requests):
                item = open_items[index]
                item.runs += reply.usage.runs
                if reply.code is None:
                    item.ended = True
                else:
                    verdict = box.judge(reply.code, tests_of(item.task))
                    item.attempts.append(Attempt(len(item.attempts), reply.code, verdict, reply.message, reply.usage))
            open_items = [item for item in open_items if not item.fixed and not item.ended]


def report(box: Sandbox, title: str, failing: list[Failing]) -> None:
    fixed = [item for item in failing if item.fixed]
    hidden = [item for item in fixed if item.hidden]
    held = sum(verdict.passed for _, verdict in box.map((item.attempts[-1].code, item.hidden) for item in hidden))
    steps = Counter(len(item.attempts) - 1 for item in fixed)
    print(f"{title}: {len(fixed)} of {len(failing)} repaired ({len(fixed) / len(failing):.1%})")
    print("  versions written: " + ", ".join(f"{count} x {number}" for number, count in sorted(steps.items())))
    if fixed:
        last = [item.attempts[-1].usage.runs for item in fixed]
        print(f"  runs for the passing version: median {statistics.median(last):.0f}, mean {statistics.mean(last):.0f}")
    print(f"  runs for all failing programs: mean {statistics.mean(item.runs for item in failing):.0f}")
    print(f"  repairs that pass hidden tests: {held} of {len(hidden)} that have some")
    kinds = Counter(item.attempts[-1].message for item in fixed)
    print("  edits that passed: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(12)), flush=True)


def tests_of(task: Task) -> Tests:
    assert task.tests is not None
    return task.tests


def judged(box: Sandbox, items: list[tuple[Task, str]]) -> list[Verdict]:
    verdicts = dict(box.map((code, tests_of(task)) for task, code in items))
    return [verdicts[index] for index in range(len(items))]


def micro(box: Sandbox, limit: int, seed: int) -> Iterator[tuple[str, list[Failing], Passing]]:
    from iterpref.micro import base_path, hidden_tests, tasks
    from iterpref.teachers.local import LocalTeacher

    drafter = LocalTeacher(str(base_path()), temperature=0.8, max_new_tokens=160, seed=seed)
    requests = [Request(task) for task in tasks("train", 4 * limit, seed)]
    drafts = [
        (requests[index].task, reply.code or "")
        for index, reply in sorted(drafter.write(requests), key=lambda item: item[0])
    ]
    failing, passing = [], []
    for (task, code), verdict in zip(drafts, judged(box, drafts), strict=True):
        if verdict.passed:
            passing.append(("", task, code))
        elif verdict.failed and len(failing) < limit:
            failing.append(Failing(task, [Attempt(0, code, verdict)], hidden_tests(task.id), ""))
    yield "micro-world drafts", failing, passing


def data_folder() -> Path:
    folder = os.environ.get("ITERPREF_TEST_DATA")
    if not folder:
        raise SystemExit("set ITERPREF_TEST_DATA to the folder with humaneval, humanevalplus and trajectories")
    return Path(folder)


def rows(name: str) -> Iterable[dict[str, object]]:
    with gzip.open(data_folder() / name, "rt", encoding="utf-8") as handle:
        yield from map(json.loads, handle)


def humaneval_plus() -> dict[str, Tests]:
    """Entry point -> the cases that HumanEval+ adds, answered by its own solution."""
    found = {}
    for row in rows("humanevalplus/HumanEvalPlus.jsonl.gz"):
        solution = f"{row['prompt']}{row['canonical_solution']}"
        entry, inputs = str(row["entry_point"]), list(row["plus_input"])[:40]  # type: ignore[call-overload]
        code = (
            f"_expected = {{}}\nexec({solution!r}, _expected)\n"
            f"for _args in {inputs!r}:\n"
            f"    _want = _expected[{entry!r}](*__import__('copy').deepcopy(_args))\n"
            f"    _got = {entry}(*__import__('copy').deepcopy(_args))\n"
            "    assert _got == _want or (isinstance(_want, float) and abs(_got - _want) < 1e-6)\n"
        )
        found[entry] = Tests("asserts", code=code, entry_point=entry, cpu_seconds=20.0)
    return found


def real(box: Sandbox, limit: int, seed: int) -> Iterator[tuple[str, list[Failing], Passing]]:
    hidden = humaneval_plus()
    versions: dict[tuple[str, str], tuple[str, Task]] = {}
    for row in rows("trajectories/llm_debugging.jsonl.gz"):
        entry, test = str(row["entry_point"]), str(row["test"])
        kind = "check" if "def check(" in test else "asserts"
        tests = Tests("check" if kind == "check" else "asserts", code=test, entry_point=entry)
        suite = "HumanEval" if "HumanEval" in str(row["task_id"]) else "MBPP"
        task = Task(f"{suite}/{entry}", str(row["prompt"]), tests)
        for code in row["attempts"]:  # type: ignore[attr-defined]
            if re.search(rf"def {re.escape(entry)}\b", code):  # some sessions hold versions of another task
                versions.setdefault((entry, code.strip()), (code, task))
    items = [(task, code) for code, task in versions.values()]
    by_suite: dict[str, list[Failing]] = {"HumanEval": [], "MBPP": []}
    passing: Passing = []
    for (task, code), verdict in zip(items, judged(box, items), strict=True):
        entry = task.entry_point
        suite = task.id.split("/")[0]
        if verdict.passed:
            passing.append((entry, task, code))
        elif verdict.failed and len(by_suite[suite]) < limit:
            by_suite[suite].append(
                Failing(task, [Attempt(0, code, verdict)], hidden.get(entry) if suite == "HumanEval" else None, entry)
            )
    for suite, failing in by_suite.items():
        yield f"failing versions by language models, {suite}", failing, passing


def planted(box: Sandbox, limit: int, seed: int) -> Iterator[tuple[str, list[Failing], Passing]]:
    hidden = humaneval_plus()
    problems = []
    for row in rows("humaneval/HumanEval.jsonl.gz"):
        tests = Tests("check", code=str(row["test"]), entry_point=str(row["entry_point"]), cpu_seconds=2.0)
        solution = f"{row['prompt']}{row['canonical_solution']}"
        problems.append(Task(str(row["task_id"]), str(row["prompt"]), tests, solution))
    passing = [(task.id, task, str(task.solution)) for task in problems]
    for faults in (1, 2):
        rng = random.Random(f"{seed} {faults}")
        failing = []
        while len(failing) < limit:
            task = rng.choice(problems)
            code = str(task.solution)
            for _ in range(faults):
                code = plant(code, len(task.prompt), rng)
            verdict = box.judge(code, tests_of(task))
            if verdict.failed:
                failing.append(Failing(task, [Attempt(0, code, verdict)], hidden.get(task.entry_point), task.id))
        yield f"{faults} planted fault{'s' * (faults > 1)} in HumanEval solutions", failing, passing


OPERATORS = ("<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "//", "%", "and", "or", "in", "is", "+=", "-=", "*=")


def plant(code: str, start: int, rng: random.Random) -> str:
    """Plant one fault after ``start``, by tokens and lines, without a syntax tree.

    Half of the faults replace an operator, number or name by another, whether that makes sense or not; the others take
    a line away, write it twice, let it change places with the next, or shift its indentation. The kinds overlap with
    the teacher's operators (comparison, arithmetic, numbers, names, deletion, order); the changes are drawn apart.
    """
    for _ in range(1000):
        try:
            changed = (plant_token if rng.random() < 0.5 else plant_line)(code, start, rng)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is planted need not make sense
                compile(changed, "planted", "exec")
        except (SyntaxError, ValueError, IndexError):
            continue  # not a program any more, or nothing left to change
        if changed != code:
            return changed
    return code


def plant_token(code: str, start: int, rng: random.Random) -> str:
    lines = code.splitlines(keepends=True)
    offsets = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    tokens = [
        (offsets[token.start[0] - 1] + token.start[1], token.string)
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type in (tokenize.OP, tokenize.NAME, tokenize.NUMBER)
    ]
    names = sorted({text for place, text in tokens if place >= start and text.isidentifier() and text not in OPERATORS})
    place, text = rng.choice([token for token in tokens if token[0] >= start])
    if text in OPERATORS:
        new = rng.choice(OPERATORS)
    elif text.isdigit():
        new = str(max(0, int(text) + rng.choice((-2, -1, 1, 2, 10))))
    elif text in names:
        new = rng.choice(names)
    else:
        new = ""
    return code[:place] + new + code[place + len(text) :]


def plant_line(code: str, start: int, rng: random.Random) -> str:
    head, lines = code[:start], code[start:].splitlines(keepends=True)
    place = rng.randrange(len(lines))
    change: Callable[[], list[str]] = rng.choice(
        (
            lambda: [*lines[:place], *lines[place + 1 :]],
            lambda: [*lines[: place + 1], *lines[place:]],
            lambda: [*lines[:place], *lines[place + 1 : place + 2], lines[place], *lines[place + 2 :]],
            lambda: [*lines[:place], f"    {lines[place]}", *lines[place + 1 :]],
            lambda: [*lines[:place], lines[place].removeprefix("    "), *lines[place + 1 :]],
        )
    )
    return head + "".join(change())


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began:.0f} s")
