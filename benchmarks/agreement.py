"""Judges real completions again and compares with the verdicts that the official harness gave them, sample by sample.

    python benchmarks/agreement.py DATA > benchmarks/results/agreement-functions.txt

DATA is a folder with HumanEval, HumanEval+, MBPP and MBPP+ (humaneval/, humanevalplus/, mbpp/, mbppplus/) and with
completions and EvalPlus' verdicts on them (samples_*/humaneval, mbpp). Every disagreement is listed. Where a task is
compared in a way of its own, it is also judged in the ordinary way: if that gives the official verdict, EvalPlus came
to compare it so after the official verdicts were given. At the end the benchmarks' own solutions are judged.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import answers
from iterpref.suites.base import Item, Suite, load_suite
from iterpref.suites.official import read_eval_results
from iterpref.suites.truth import established
from iterpref.types import Outcome, Tests, Verdict

FILES = {
    "humaneval": "humaneval/HumanEval.jsonl.gz",
    "humaneval+": "humanevalplus/HumanEvalPlus.jsonl.gz",
    "mbpp": "mbpp/mbpp.jsonl",
    "mbpp+": "mbppplus/MbppPlus.jsonl.gz",
}
VERDICTS = {"humaneval+": "humaneval", "mbpp+": "mbpp"}

Verdicts = dict[str, Verdict]


def judge(box: Sandbox, work: Sequence[tuple[Mapping[str, Tests], str]]) -> list[Verdicts]:
    """By program, the verdicts up to the first part that it does not pass."""
    found: list[Verdicts] = [{} for _ in work]
    left = list(range(len(work)))
    for part in ("base", "plus"):
        left = [place for place in left if part in work[place][0]]
        jobs = [(work[place][1], work[place][0][part]) for place in left]
        verdicts = dict(box.map(jobs))
        for number, place in enumerate(left):
            found[place][part] = verdicts[number]
        left = [place for number, place in enumerate(left) if verdicts[number].passed]
    return found


def passes(verdicts: Verdicts, parts: Mapping[str, Tests]) -> tuple[bool, bool]:
    """Base, and base with plus."""
    base = verdicts["base"].passed
    return base, base and ("plus" not in parts or verdicts["plus"].passed)


def ordinary(parts: Mapping[str, Tests]) -> dict[str, Tests]:
    return {name: dataclasses.replace(tests, equality="close") for name, tests in parts.items()}


def compare(box: Sandbox, suite: Suite, file: Path) -> None:
    official: dict[str, tuple[str, dict[str, str]]] = {}
    for task, sample, program, parts in read_eval_results(file):
        if sample == 0:
            official[task] = (program, parts)
    items = [item for item in suite.items if item.task.id in official]
    work = [(item.parts, official[item.task.id][0]) for item in items]
    verdicts = judge(box, work)
    ours = [passes(each, item.parts) for each, item in zip(verdicts, items, strict=True)]
    theirs = []
    for item in items:
        status = official[item.task.id][1]
        theirs.append((status["base"] == "pass", status["base"] == status["plus"] == "pass"))
    print(f"\n{suite.name} {suite.version}: {len(items)} tasks, of {len(official)} with an official verdict")
    if left_out := suite.options.get("inputs_left_out"):
        print(f"  inputs left out, as the reference's answer is no plain data: {left_out}")
    for name, values in (("official", theirs), ("iterpref", ours)):
        base, plus = (100 * sum(value[place] for value in values) / len(items) for place in (0, 1))
        print(f"  {name}  base {base:5.1f}  plus {plus:5.1f}")
    outcomes = [verdict.outcome for each in verdicts for verdict in each.values()]
    print(f"  programs that interfered with their tests: {outcomes.count(Outcome.TAMPER)}; ", end="")
    print(f"verdicts that could not be had: {outcomes.count(Outcome.INFRA) + outcomes.count(Outcome.UNSUPPORTED)}")
    apart = [place for place in range(len(items)) if ours[place] != theirs[place]]
    print(f"  disagreements: {len(apart)}")
    for place in apart:
        explain(box, items[place], work[place][1], theirs[place], ours[place], verdicts[place])


def explain(
    box: Sandbox, item: Item, program: str, theirs: tuple[bool, bool], ours: tuple[bool, bool], verdicts: Verdicts
) -> None:
    words = [f"base {'pass' if base else 'fail'}, plus {'pass' if plus else 'fail'}" for base, plus in (theirs, ours)]
    print(f"    {item.task.id} ({item.task.entry_point}): official {words[0]}; iterpref {words[1]}")
    equality = item.parts["base"].equality
    if equality != "close":
        parts = ordinary(item.parts)
        (again,) = judge(box, [(parts, program)])
        if passes(again, parts) == theirs:
            print(f"      cause: a test that changed; EvalPlus compares this task's answers {equality!r} since then")
            return
    last = list(verdicts.values())[-1]
    print(f"      cause unknown: {last.outcome.value} {last.feedback[:300]!r}")


def solutions(box: Sandbox, suite: Suite) -> None:
    verdicts = judge(box, [(item.parts, item.task.solution or "") for item in suite.items])
    good = [passes(each, item.parts)[1] for each, item in zip(verdicts, suite.items, strict=True)]
    print(f"  {suite.name:11s} {sum(good)} of {len(good)}")
    for item, each, passed in zip(suite.items, verdicts, good, strict=True):
        if not passed:
            last = list(each.values())[-1]
            print(f"    {item.task.id} {list(each)[-1]}: {last.outcome.value} {last.feedback[:200]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=FILES, default=None)
    options = parser.parse_args()
    data: Path = options.data
    wanted = [options.only] if options.only else list(FILES)
    print(f"Python {platform.python_version()}")
    with Sandbox(workers=2) as box:
        suites = {}
        for name in wanted:
            split = {"split": "all"} if name == "mbpp" else {}
            suites[name] = established(load_suite(name, str(data / FILES[name]), **split), partial(answers, box))
        for name in wanted:
            for file in sorted(data.glob(f"samples_*/{VERDICTS.get(name)}/generated_eval_results.json.gz")):
                compare(box, suites[name], file)
        print("\nthe benchmarks' own solutions that pass")
        for suite in suites.values():
            solutions(box, suite)


if __name__ == "__main__":
    main()
