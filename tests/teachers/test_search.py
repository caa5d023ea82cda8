"""Test-guided repair, with the real sandbox."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.search import SearchTeacher
from iterpref.types import Attempt, Case, Outcome, Task, Tests, Verdict

CASES = tuple(
    Case(([3, 8, -2, 5, 0, 8][:count], 5), sum(x for x in [3, 8, -2, 5, 0, 8][:count] if x >= 5)) for count in range(7)
)
TASK = Task("sum", "Add up the numbers that are at least the limit.", Tests("calls", cases=CASES, entry_point="total"))
RIGHT = '''def total(numbers, limit):
    """Add up."""
    result = 0  # so far

    for number in numbers:
        if number >= limit:
            result += number
    return result
'''


def attempt(sandbox: Sandbox, task: Task, code: str, index: int = 0) -> Attempt:
    assert task.tests is not None
    return Attempt(index, code, sandbox.judge(code, task.tests))


def repair(sandbox: Sandbox, code: str, task: Task = TASK, max_runs: int = 200) -> list[Attempt]:
    """The debugging loop: at most five repairs."""
    teacher = SearchTeacher(sandbox.map, max_runs=max_runs)
    attempts = [attempt(sandbox, task, code)]
    while len(attempts) <= 5 and not attempts[-1].verdict.passed:
        ((_, reply),) = teacher.write([Request(task, tuple(attempts))])
        if reply.code is None:
            break
        attempts.append(attempt(sandbox, task, reply.code, len(attempts)))
    return attempts


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("number >= limit", "number > limit"), ("result = 0 ", "result = 1 "), ("return result", "return number")],
)
def test_one_fault_is_mended_in_place_and_all_else_stays(sandbox: Sandbox, right: str, wrong: str) -> None:
    assert repair(sandbox, RIGHT.replace(right, wrong))[-1].code == RIGHT


def test_a_text_that_does_not_parse_is_mended(sandbox: Sandbox) -> None:
    assert repair(sandbox, RIGHT.replace("limit:", "limit"))[-1].code == RIGHT


def test_two_faults_are_mended_and_each_version_passes_more_tests(sandbox: Sandbox) -> None:
    broken = RIGHT.replace("number >= limit", "number > limit").replace("result = 0 ", "result = 1 ")
    attempts = repair(sandbox, broken)
    assert attempts[-1].verdict.passed
    passed = [each.verdict.tests_passed for each in attempts]
    assert passed == sorted(set(passed))


@pytest.mark.parametrize("kind", ["asserts", "check", "unittest", "stdio"])
def test_tests_of_every_kind_guide_the_search(sandbox: Sandbox, kind: str) -> None:
    codes = {
        "asserts": "assert double(2) == 4\nassert double(5) == 10",
        "check": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(5) == 10",
        "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test_two(self):\n"
        "        self.assertEqual(double(2), 4)\n    def test_five(self):\n        self.assertEqual(double(5), 10)",
        "stdio": "",
    }
    cases = (Case("2\n", "4\n"), Case("5\n", "10\n")) if kind == "stdio" else ()
    tests = Tests(kind, code=codes[kind], cases=cases, entry_point="double")  # type: ignore[arg-type]
    wrong = "print(int(input()) + 2)\n" if kind == "stdio" else "def double(x):\n    return x + 2\n"
    assert repair(sandbox, wrong, Task("double", "double it", tests))[-1].code == wrong.replace("+", "*")


def test_a_missing_condition_comes_from_passing_programs_of_similar_tasks(sandbox: Sandbox) -> None:
    def filtered(id: str, number: int, condition: str) -> tuple[Task, str]:
        code = f"def pick(items):\n    chosen = [item for item in items if {condition}]\n    return chosen\n"
        return Task(id, f"keep what {'divides by' if '%' in condition else 'exceeds'} {number}, in order"), code

    known = [filtered(f"a{n}", n, f"item % {n} == 0") for n in range(3, 9)]
    known += [filtered(f"b{n}", n, f"item > {n}") for n in range(3, 9)]
    cases = tuple(Case((list(range(stop)),), [x for x in range(stop) if x % 11 == 0]) for stop in (1, 12, 30))
    task = Task("new", "keep what divides by 11, in order", Tests("calls", cases=cases, entry_point="pick"))
    wrong = "def pick(items):\n    chosen = [item for item in items]\n    return chosen\n"
    teacher = SearchTeacher(sandbox.map, lambda: known)
    ((_, reply),) = teacher.write([Request(task, (attempt(sandbox, task, wrong),))])
    assert reply.code == wrong.replace("]", " if item % 11 == 0]")


class Recorder:
    """Judges by a rule instead of running, and keeps what it was asked."""

    def __init__(self, right: str = "", passed: int = 0) -> None:
        self.right = right
        self.passed = passed
        self.asked: list[str] = []
        self.tests: list[Tests] = []

    def __call__(self, items: Iterable[tuple[str, Tests]]) -> Iterator[tuple[int, Verdict]]:
        for index, (code, tests) in reversed(list(enumerate(items))):
            self.asked.append(code)
            self.tests.append(tests)
            outcome = Outcome.PASS if code == self.right else Outcome.WRONG
            yield index, Verdict(outcome, tests_passed=self.passed, tests_total=7)


FAILED = Attempt(0, RIGHT.replace(">=", ">"), Verdict(Outcome.WRONG, tests_passed=3, tests_total=7, cpu_seconds=0.01))


def answer(judge: Recorder, *requests: Request, max_runs: int = 100) -> list[Reply]:
    replies = dict(SearchTeacher(judge, max_runs=max_runs).write(requests))
    return [replies[index] for index in range(len(requests))]


def test_no_more_programs_are_run_than_allowed_and_none_twice() -> None:
    judge = Recorder(passed=3)
    (reply,) = answer(judge, Request(TASK, (FAILED,)), max_runs=37)
    assert reply.code is None
    assert reply.usage.runs == len(judge.asked) == len(set(judge.asked)) == 37
    assert FAILED.code not in judge.asked


def test_versions_tried_before_are_not_tried_again() -> None:
    judge = Recorder(right=RIGHT, passed=3)
    earlier = replace(FAILED, index=1, code=RIGHT.replace("# so far", "# differs in a comment only"))
    answer(judge, Request(TASK, (FAILED, earlier)), max_runs=40)
    assert RIGHT not in judge.asked


@pytest.mark.parametrize(
    ("outcome", "own", "limit"),
    [
        (Outcome.WRONG, 0.01, 0.25),
        (Outcome.WRONG, 3.0, 12.0),
        (Outcome.WRONG, 30.0, 60.0),
        (Outcome.TIMEOUT, 60.0, 0.5),
    ],
)
def test_an_endless_candidate_does_not_cost_the_tasks_whole_limit(outcome: Outcome, own: float, limit: float) -> None:
    judge = Recorder()
    slow = replace(TASK, tests=replace(TASK.tests, cpu_seconds=60.0))  # type: ignore[type-var]
    start = replace(FAILED, verdict=replace(FAILED.verdict, outcome=outcome, cpu_seconds=own))
    answer(judge, Request(slow, (start,)), max_runs=8)
    assert {tests.cpu_seconds for tests in judge.tests} == {limit}


def test_replies_do_not_depend_on_how_requests_are_grouped() -> None:
    others = [Request(TASK, (replace(FAILED, code=RIGHT.replace("result = 0", f"result = {n}")),)) for n in range(70)]
    wanted = Request(TASK, (FAILED,))
    alone = answer(Recorder(right=RIGHT), wanted)[0]
    among = answer(Recorder(right=RIGHT), *others, wanted, *others)[70]
    assert (alone.code, alone.usage.runs) == (among.code, among.usage.runs) == (RIGHT, alone.usage.runs)


def test_of_several_versions_the_best_one_is_repaired() -> None:
    judge = Recorder(passed=0)
    worse = Attempt(
        1, "def total(numbers, limit):\n    return 0\n", Verdict(Outcome.WRONG, tests_passed=1, tests_total=7)
    )
    answer(judge, Request(TASK, (FAILED, worse)), max_runs=8)
    for code in judge.asked:
        assert difflib.SequenceMatcher(None, code, FAILED.code).ratio() > 0.8


def test_a_program_nested_too_deeply_gets_no_repair_and_stops_nobody() -> None:
    deep = f"def total(numbers, limit):\n    return {' + '.join(['1'] * 3000)}\n"
    replies = answer(Recorder(right=RIGHT), Request(TASK, (replace(FAILED, code=deep),)), Request(TASK, (FAILED,)))
    assert [reply.code for reply in replies] == [None, RIGHT]


def test_faults_of_the_machine_are_no_progress() -> None:
    def broken(items: Iterable[tuple[str, Tests]]) -> Iterator[tuple[int, Verdict]]:
        for index, _ in enumerate(items):
            yield index, Verdict(Outcome.INFRA, tests_passed=7, tests_total=7)

    ((_, reply),) = SearchTeacher(broken, max_runs=16).write([Request(TASK, (FAILED,))])
    assert reply.code is None


@pytest.mark.parametrize("request_", [Request(TASK), Request(replace(TASK, tests=None), (FAILED,))])
def test_a_draft_or_a_task_without_tests_is_refused(request_: Request) -> None:
    with pytest.raises(InputError, match="task sum: the search teacher repairs programs by running them"):
        list(SearchTeacher(Recorder()).write([request_]))


def test_settings_without_a_sandbox_are_refused() -> None:
    with pytest.raises(InputError, match="needs a sandbox"):
        SearchTeacher.from_settings(Settings())
