"""Which runs a pass needs, where something is in the way of finding out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

from iterpref.sandbox import Sandbox
from iterpref.types import UNDECIDED, Outcome, Tests

Result = TypeVar("Result")

EQUALS_ALL = """
class Anything:
    def __eq__(self, other): return True
    __hash__ = None
def f(x): return Anything()
"""


def below(frames: int, function: Callable[[], Result]) -> Result:
    """``function`` called that many frames further down."""
    return below(frames - 1, function) if frames else function()


def test_a_forgery_passes_by_no_depth_of_the_caller(box: Sandbox) -> None:
    seen = set()
    for frames in range(0, 1_000, 10):
        tests = Tests("asserts", f"# {frames}\nfor i in range(2):\n    assert f(i) == i{' + 0' * 200}\n")
        try:
            seen.add(below(frames, lambda tests=tests: box.judge(EQUALS_ALL, tests)).outcome)
        except RecursionError:
            break  # there is no room for anything
        assert box.judge(EQUALS_ALL, tests).outcome is Outcome.TAMPER  # what happened down there is not remembered
    assert seen == {Outcome.TAMPER, Outcome.INVALID}


def test_a_pass_of_tests_that_cannot_be_read_here_is_none(box: Sandbox) -> None:
    for signs in range(2_800, 3_000, 20):  # Python compiles some of these, and makes no tree of them
        method = f"    def test_f(self):\n        self.assertEqual(f(7), 7 if 1 else {'- ' * signs}7)\n"
        tests = Tests("unittest", f"import unittest\nclass TestF(unittest.TestCase):\n{method}", entry_point="f")
        assert not box.judge(EQUALS_ALL, tests).passed


def test_warnings_that_a_caller_has_made_errors_decide_nothing(box: Sandbox) -> None:
    loop = "    for i in range(2):\n        assert re.match('\\d', str(candidate(i)))\n"
    tests = Tests("check", f"def check(candidate):\n    import re\n{loop}", entry_point="f")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert box.judge("def f(x): return x + 1", tests).passed
        assert box.judge("def f(x): return 'x'", tests).outcome is Outcome.WRONG


def test_whose_tests_run_out_of_memory_apart_is_not_accused(box: Sandbox) -> None:
    methods = "".join(f"    def test_{i}(self):\n        self.assertEqual(f({i}), {i})\n" for i in range(20_000))
    tests = Tests("unittest", f"import unittest\nclass TestF(unittest.TestCase):\n{methods}", memory_mb=128)
    verdict = box.judge("import inspect\ndef f(x): return x", tests)
    assert verdict.passed or verdict.error_type == UNDECIDED
