"""Tasks as a teacher writes them: what is read, what is refused, and which tests test something."""

from __future__ import annotations

import pytest

from iterpref.sandbox import Sandbox
from iterpref.tasks.written import NewTests, Unusable, check_tests, parse_task, review_tests, stubs
from iterpref.types import Tests

SOLUTION = """\
LIMIT = 3

def clip(x: int) -> int:
    return min(x, LIMIT)

class Box:
    def __init__(self, n):
        self.n = n
    def size(self):
        return self.n
"""
ASSERTS = """\
from solution import clip, Box as Kiste

assert clip(5) == 3
assert clip(1) == 1
assert Kiste(2).size() == 2"""
UNITTEST = (
    "import unittest\nfrom solution import clip\n\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    "        self.assertEqual(clip(5), 3)\n\nif __name__ == '__main__':\n    unittest.main()"
)
PYTEST = "from solution import clip\n\ndef test_a():\n    assert clip(5) == 3\n\ndef test_b():\n    assert clip(0) == 0"
LISTING = '{"file_names": ["solution.py", "test_solution.py"], "packages": []}'


def answer(tests: str = ASSERTS, solution: str = SOLUTION, listing: str = LISTING, instruction: str = "Clip.") -> str:
    return (
        f"<instruction>\n{instruction}\n</instruction>\n\n<file>solution.py</file>\n```python\n{solution}```\n\n"
        f"<file>test_solution.py</file>\n```python\n{tests}\n```\n\n```json\n{listing}\n```\n"
    )


@pytest.mark.parametrize(("tests", "kind"), [(ASSERTS, "asserts"), (UNITTEST, "unittest"), (PYTEST, "asserts")])
def test_a_solution_passes_its_tests_in_one_namespace(tests: str, kind: str, sandbox: Sandbox) -> None:
    task = parse_task(answer(tests), "function")
    assert task.instruction == "Clip."
    assert task.tests.kind == kind
    assert sandbox.judge(task.solution, task.tests).passed
    assert check_tests(task.solution, task.tests, sandbox.judge) == ""


def test_functions_that_a_test_runner_would_call_are_called(sandbox: Sandbox) -> None:
    task = parse_task(answer(PYTEST), "function")
    assert task.tests.code.endswith("test_a()\ntest_b()\n")
    assert not sandbox.judge("def clip(x):\n    return 3\n", task.tests).passed


def test_a_contest_problem_is_judged_by_its_output(sandbox: Sandbox) -> None:
    text = (
        "<think>let me see</think><instruction>Double it.</instruction>\n<file>solution.py</file>\n"
        "```python\nprint(2 * int(input()))\n```\n<file>tests.json</file>\n```json\n"
        '[{"input": "2\\n", "output": "4\\n"}, {"input": "0\\n", "output": "0\\n"}]\n```\n'
        '{"file_names": ["tests.json", "solution.py"], "packages": []}'
    )
    task = parse_task(text, "contest")
    assert task.tests.kind == "stdio"
    assert sandbox.judge(task.solution, task.tests).passed
    assert check_tests(task.solution, task.tests, sandbox.judge) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I cannot do that.", "no instruction"),
        (answer() + "<instruction>again</instruction>", "no instruction"),
        (answer().replace("<file>solution.py</file>", ""), "not two files"),
        (answer().replace("```json", "<file>more.py</file>\n```json"), "not two files"),
        (answer(listing="{}"), "no list of files and packages"),
        (answer(listing=LISTING.replace("[]", '["no_such_package"]')), "needs packages"),
        (answer(listing=LISTING.replace("test_solution", "test_other")), "no list of files and packages"),
        (answer("assert clip(5) =="), "tests do not parse"),
        (answer("import solution\nassert solution.clip(5) == 3"), "tests import the module whole"),
        (answer("from solution import clip\nclip(5)"), "tests assert nothing"),
        (answer(solution="def clip(x):\n    raise NotImplementedError\n"), "solution is a placeholder"),
        (answer(solution="def clip(x):\n    ...\n"), "solution is a placeholder"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        parse_task(text, "function")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("assert True", "tests pass on a stub"),
        ("assert clip(5) is None or clip(5) == 3", "tests pass on a stub"),
        ("assert clip(5)", "tests pass on a stub"),  # an object that goes along with everything is true
        ("x = clip(5) + undefined\nassert x == 3", "no assertion of the tests was reached on a stub"),
        ("if clip(5) == 3:\n    assert clip(5) == 3", "tests cannot be used: no assert of the tests was run"),
        ("assert clip(5) == 3", ""),
        ("assert len(clip([1])) == 1", ""),  # reached with the object, not with None
    ],
)
def test_tests_are_worth_something_if_a_stub_fails_in_a_comparison(code: str, why: str, sandbox: Sandbox) -> None:
    assert check_tests(SOLUTION, Tests("asserts", code=code), sandbox.judge) == why


def test_an_expected_exception_that_a_stub_does_not_raise_is_a_test(sandbox: Sandbox) -> None:
    code = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    code += "        with self.assertRaises(ValueError):\n            clip('a')\n"
    assert check_tests(SOLUTION, Tests("unittest", code=code), sandbox.judge) == ""


def test_a_solution_that_does_not_parse_has_stubs_by_the_names_its_tests_use(sandbox: Sandbox) -> None:
    tests = Tests("asserts", code="assert clip(5) == 3")
    assert all("def clip(*args, **kwargs)" in stub for stub in stubs("def clip(x:\n", tests))
    assert check_tests("def clip(x:\n", tests, sandbox.judge) == ""


def test_new_tests_are_judged_and_decide_nothing(sandbox: Sandbox) -> None:
    frozen = parse_task(answer(), "function").tests
    wrong = "def clip(x):\n    return x\n"
    easier = "from solution import clip\nassert clip(1) == 1"
    assert review_tests(frozen, SOLUTION, wrong, easier, sandbox.judge) == NewTests(easier, "", "pass")
    emptied = "from solution import clip\nassert True"
    assert review_tests(frozen, SOLUTION, wrong, emptied, sandbox.judge) == NewTests(
        emptied, "tests pass on a stub", ""
    )
    assert review_tests(frozen, SOLUTION, wrong, ASSERTS, sandbox.judge) is None
