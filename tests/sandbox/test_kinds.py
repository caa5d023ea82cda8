"""Each kind of tests: pass, failure, error, and how many tests passed."""

from __future__ import annotations

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Outcome, Tests

SQUARE = "def square(x):\n    return x * x\n"
DOUBLE = "def square(x):\n    return x + x\n"


def calls(*cases: tuple[object, object], tolerance: float = 0.0) -> Tests:
    return Tests("calls", cases=tuple(Case((a,), e) for a, e in cases), entry_point="square", tolerance=tolerance)


def returning(expression: str) -> str:
    return f"def square(x):\n    return {expression}\n"


# calls


def test_calls_pass(box: Sandbox) -> None:
    verdict = box.judge(SQUARE, calls((2, 4), (-3, 9)))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 2, 2)
    assert verdict.protections == ("files", "network", "processes", "memory", "kill", "syscalls")


def test_calls_count_passed_cases_after_a_failure(box: Sandbox) -> None:
    verdict = box.judge(DOUBLE, calls((3, 9), (2, 4), (0, 0)))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.WRONG, 2, 3)
    assert verdict.feedback == "Test failed: square(3)\nactual: 6\nexpected: 9"


def test_calls_error_names_the_line_of_the_program(box: Sandbox) -> None:
    verdict = box.judge("def square(x):\n    return x / 0\n", calls((1, 1)))
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "ZeroDivisionError")
    assert 'File "program.py", line 2, in square' in verdict.feedback
    assert "/iterpref/" not in verdict.feedback


@pytest.mark.parametrize(
    ("expression", "expected", "passes"),
    [
        ("True", 1, True),  # Python's ==
        ("1.0", 1, True),
        ("[1, 2]", (1, 2), False),
        ("float('nan')", float("nan"), True),
        ("float('inf')", float("inf"), True),
        ("{1, 2}", {2, 1}, True),
        ("{1: [(2,)]}", {1: [(2,)]}, True),
        pytest.param("10 ** 5000", 10**5000, True, id="5000 digits"),
        pytest.param("'\\ud800'", "\ud800", True, id="surrogate"),
        ("b'\\x00'", b"\0", True),
        ("range(3)", [0, 1, 2], False),
        ("object()", None, False),
        ("None", None, True),
    ],
)
def test_calls_compare_as_python_does(box: Sandbox, expression: str, expected: object, passes: bool) -> None:
    verdict = box.judge(returning(expression), calls((0, expected)))
    assert verdict.outcome is (Outcome.PASS if passes else Outcome.WRONG)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("enum.IntEnum('Colour', 'RED GREEN').GREEN", 2),
        ("collections.Counter('aab')", {"a": 2, "b": 1}),
        ("collections.namedtuple('Point', 'x y')(1, 2)", (1, 2)),
        ("collections.defaultdict(list, a=[1])", {"a": [1]}),
        ("collections.OrderedDict(a=1)", {"a": 1}),
        ("type('Text', (str,), {})('abc')", "abc"),
        ("type('Real', (float,), {})(1.5)", 1.5),
        ("type('Raw', (bytes,), {})(b'ab')", b"ab"),
        ("[type('Items', (list,), {})([1])]", [[1]]),
    ],
)
def test_calls_take_subclasses_for_the_value_they_hold(box: Sandbox, expression: str, expected: object) -> None:
    assert box.judge("import collections, enum\n" + returning(expression), calls((0, expected))).passed


def test_calls_tolerance_is_absolute(box: Sandbox) -> None:
    assert box.judge(returning("[x + 1e-7]"), calls((1.0, [1.0]), tolerance=1e-6)).passed
    assert box.judge(returning("[x + 1e-5]"), calls((1.0, [1.0]), tolerance=1e-6)).outcome is Outcome.WRONG


def test_calls_keyword_arguments(box: Sandbox) -> None:
    tests = Tests("calls", cases=(Case((7,), 3, {"by": 2}),), entry_point="divide")
    assert box.judge("def divide(x, *, by):\n    return x // by\n", tests).passed


def test_two_surrogates_are_no_character(box: Sandbox) -> None:
    for literal, passes in (("'\\ud83d\\ude00'", False), ("'\\U0001f600'", True), ("chr(0x1f600)", True)):
        assert box.judge(returning(literal), calls((0, "\U0001f600"))).passed is passes
        assert box.judge(returning(literal), Tests("asserts", "assert square(0) == '\U0001f600'")).passed is passes
        assert box.judge(returning(f"{literal} * 99_999"), calls((0, "\U0001f600" * 99_999))).passed is passes


def test_calls_cyclic_value_is_wrong(box: Sandbox) -> None:
    verdict = box.judge("def square(x):\n    y = []\n    y.append(y)\n    return y\n", calls((0, [])))
    assert verdict.outcome is Outcome.WRONG


# asserts


def test_asserts_pass(box: Sandbox) -> None:
    verdict = box.judge(SQUARE, Tests("asserts", "assert square(2) == 4\nassert square(3) == 9"))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 2, 2)


def test_asserts_count_on_after_a_failure(box: Sandbox) -> None:
    code = "assert square(3) == 9, 'three'\nassert square(2) == 4\nassert square(0) == 0"
    verdict = box.judge(DOUBLE, Tests("asserts", code))
    assert (verdict.outcome, verdict.error_type) == (Outcome.WRONG, "AssertionError")
    assert (verdict.tests_passed, verdict.tests_total) == (2, 3)
    assert verdict.feedback == (
        "Test failed: assert square(3) == 9, 'three'\nactual: 6\nexpected: 9\nAssertionError: three"
    )


def test_asserts_program_exception_is_an_error_of_its_type(box: Sandbox) -> None:
    verdict = box.judge("def square(x):\n    return {}[x]\n", Tests("asserts", "assert square(1) == 1"))
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "KeyError")
    assert "return {}[x]" in verdict.feedback


def test_asserts_in_a_caught_block_keep_their_meaning(box: Sandbox) -> None:
    code = "try:\n    assert square(2) == 5\nexcept AssertionError:\n    pass\nassert square(2) == 4"
    assert box.judge(SQUARE, Tests("asserts", code)).passed


def test_asserts_setup_runs_first_and_files_are_there(box: Sandbox) -> None:
    program = "TEXT = open(f'{FOLDER}/a.txt').read()\n"
    tests = Tests("asserts", "assert TEXT == 'hello'", setup="FOLDER = 'data'", files={"data/a.txt": "hello"})
    assert box.judge(program, tests).passed


def test_program_may_start_the_interpreter_by_its_name(box: Sandbox) -> None:
    program = (
        "import subprocess\n"
        "def f():\n"
        "    done = subprocess.run(['python', '-c', 'import numpy; print(6 * 7)'], capture_output=True, text=True)\n"
        "    return done.stdout"
    )
    verdict = box.judge(program, Tests("asserts", "assert f() == '42\\n'"))
    assert verdict.passed, verdict.feedback


def test_asserts_that_never_run_are_invalid(box: Sandbox) -> None:
    assert box.judge(SQUARE, Tests("asserts", "def unused():\n    assert False")).outcome is Outcome.INVALID


# check


def test_check_counts_loop_rounds(box: Sandbox) -> None:
    code = "METADATA = {}\ndef check(candidate):\n    for i in range(5):\n        assert candidate(i) == i * i\n"
    verdict = box.judge(DOUBLE, Tests("check", code, entry_point="square"))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.WRONG, 2, 5)  # 0 and 2
    assert verdict.feedback.endswith("actual: 2\nexpected: 1")


def test_check_called_by_the_test_text_is_not_called_again(box: Sandbox) -> None:
    code = "def check(candidate):\n    assert candidate(2) == 4\n\ncheck(square)\n"
    verdict = box.judge(SQUARE, Tests("check", code, entry_point="square"))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 1, 1)


def test_check_counts_calls_of_asserting_helpers(box: Sandbox) -> None:
    code = (
        "def same(a, b):\n    assert a == b, f'{a} is not {b}'\n"
        "def check(candidate):\n    for x, y in [(2, 4), (3, 9)]:\n        same(candidate(x), y)\n"
    )
    verdict = box.judge(DOUBLE, Tests("check", code, entry_point="square"))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.WRONG, 1, 2)
    assert "6 is not 9" in verdict.feedback


def test_check_without_the_entry_point_is_a_name_error(box: Sandbox) -> None:
    tests = Tests("check", "def check(candidate):\n    assert candidate(1) == 1", entry_point="cube")
    verdict = box.judge(SQUARE, tests)
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "NameError")


def test_check_of_the_program_is_replaced_by_that_of_the_tests(box: Sandbox) -> None:
    tests = Tests("check", "def check(candidate):\n    assert candidate(3) == 9", entry_point="square")
    program = "def check(candidate):\n    return True\ndef square(x):\n    return x\n"
    assert box.judge(program, tests).outcome is Outcome.WRONG


REBOUND = "def f(x):\n    global f\n    f = lambda x: x + 1\n    return x\n"


def test_check_and_calls_keep_the_function_that_they_were_given(box: Sandbox) -> None:
    for second, passes in ((1, True), (2, False)):
        check = f"def check(candidate):\n    assert candidate(1) == 1\n    assert candidate(1) == {second}\n"
        both = check.replace(f"candidate(1) == {second}", f"f(1) == {second}")
        assert box.judge(REBOUND, Tests("check", both, entry_point="f")).passed is not passes  # that names it, too
        calls = Tests("calls", cases=(Case((1,), 1), Case((1,), second)), entry_point="f")
        asserts = f"assert f(1) == 1\nassert f(1) == {second}\n"
        assert box.judge(REBOUND, Tests("check", check, entry_point="f")).passed is passes
        assert (
            box.judge(REBOUND, Tests("check", check.replace("== 1\n", "in [1]\n", 1), entry_point="f")).passed is passes
        )
        assert box.judge(REBOUND, calls).passed is passes
        assert box.judge(REBOUND, Tests("asserts", asserts)).passed is not passes  # these name it each time


# unittest

SUITE = """
import unittest
class TestSquare(unittest.TestCase):
    def setUp(self):
        self.two = 2
    def test_two(self):
        self.assertEqual(square(self.two), 4)
    def test_three(self):
        self.assertEqual(square(3), 9)
    def test_many(self):
        for x in (0, 2, 5):
            with self.subTest(x=x):
                self.assertEqual(square(x), x * x)
"""


def test_unittest_pass(box: Sandbox) -> None:
    verdict = box.judge(SQUARE, Tests("unittest", SUITE, entry_point="square"))
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 3, 3)


def test_unittest_counts_methods_and_failed_subtests(box: Sandbox) -> None:
    verdict = box.judge(DOUBLE, Tests("unittest", SUITE, entry_point="square"))
    assert (verdict.outcome, verdict.error_type) == (Outcome.WRONG, "AssertionError")
    assert (verdict.tests_passed, verdict.tests_total) == (1, 3)


def test_unittest_program_exception_is_an_error(box: Sandbox) -> None:
    verdict = box.judge("def square(x):\n    raise KeyError(x)\n", Tests("unittest", SUITE, entry_point="square"))
    assert (verdict.outcome, verdict.error_type, verdict.tests_passed) == (Outcome.ERROR, "KeyError", 0)


def test_unittest_skip_is_a_failure(box: Sandbox) -> None:
    program = "import unittest\ndef square(x):\n    raise unittest.SkipTest('no')\n"
    verdict = box.judge(program, Tests("unittest", SUITE, entry_point="square"))
    assert verdict.failed
    assert verdict.tests_passed == 0


def test_unittest_ignores_classes_of_the_program(box: Sandbox) -> None:
    program = SQUARE + "import unittest\nclass Mine(unittest.TestCase):\n    def test_x(self):\n        self.fail()\n"
    verdict = box.judge(program, Tests("unittest", SUITE, entry_point="square"))
    assert (verdict.outcome, verdict.tests_total) == (Outcome.PASS, 3)


def test_unittest_failing_class_set_up_fails_its_tests(box: Sandbox) -> None:
    suite = SUITE.replace(
        "    def setUp", "    @classmethod\n    def setUpClass(cls):\n        square(1) + None\n    def setUp"
    )
    verdict = box.judge(SQUARE, Tests("unittest", suite, entry_point="square"))
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "TypeError")
    assert (verdict.tests_passed, verdict.tests_total) == (0, 3)


# stdio


def test_stdio_pass_ignores_trailing_white_space(box: Sandbox) -> None:
    program = "n = int(input())\nfor i in range(n):\n    print(i, end=' ')\nprint()\nprint()\n"
    tests = Tests("stdio", cases=(Case("3\n", "0 1 2"), Case("1\n", "0\n")))
    verdict = box.judge(program, tests)
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 2, 2)


def test_stdio_wrong_shows_input_and_outputs(box: Sandbox) -> None:
    tests = Tests("stdio", cases=(Case("3\n", "9"), Case("2\n", "4")))
    verdict = box.judge("x = int(input())\nprint(x + x)\n", tests)
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.WRONG, 1, 2)
    assert verdict.feedback == "Test failed: input\n3\n\nactual output:\n6\n\nexpected output:\n9"


def test_stdio_runs_the_main_guard_and_exit_functions(box: Sandbox) -> None:
    program = "import atexit\natexit.register(print, 'bye')\nif __name__ == '__main__':\n    print('hi')\n    exit(0)\n"
    assert box.judge(program, Tests("stdio", cases=(Case("", "hi\nbye"),))).passed


def test_stdio_error_exit_is_an_error(box: Sandbox) -> None:
    verdict = box.judge("print(1)\nraise SystemExit(3)\n", Tests("stdio", cases=(Case("", "1"),)))
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "SystemExit")


# what is nobody's test


@pytest.mark.parametrize(
    "tests",
    [
        Tests("asserts", "x = 1"),
        Tests("asserts", "assert (1 =="),
        Tests("check", "assert 1 == 1", entry_point="square"),
        Tests("unittest", "import unittest\nclass TestNothing(unittest.TestCase):\n    pass\n"),
        Tests("unittest", "x = 1"),
        Tests("calls", entry_point="square"),
        Tests("calls", cases=(Case((object(),), 1),), entry_point="square"),
        Tests("asserts", "assert True", setup="1 / 0"),
        Tests("asserts", "assert True", files={"../x": ""}),
        Tests("asserts", "assert True", files={"/etc/x": ""}),
    ],
)
def test_tests_that_decide_nothing_are_invalid(box: Sandbox, tests: Tests) -> None:
    verdict = box.judge(SQUARE, tests)
    assert verdict.outcome is Outcome.INVALID
    assert verdict.feedback
