"""EvalPlus' meanings of equality; the numbers by hand, the rules by numpy where it is installed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.sandbox import Sandbox
from iterpref.sandbox.equality import EQUALITIES, NOT_PLAIN
from iterpref.types import Case, Outcome, Tests


def equal(name: str, value: Any, expected: Any, tolerance: float = 0.0, plain: bool = True, args: Any = ()) -> bool:
    return EQUALITIES[name](value, Case(args, expected), tolerance, plain)


@pytest.mark.parametrize(
    ("value", "expected", "tolerance", "same"),
    [
        (1, 1.0, 0.0, True),  # ==
        (True, 1, 0.0, True),
        ((1, 2), [1, 2], 1.0, False),  # a list is no tuple
        (1.0 + 9e-7, 1.0, 1e-6, True),
        (1.0 + 2e-6, 1.0, 1e-6, False),
        (1e9 + 50, 1e9, 1e-6, True),  # 1e-7 of the expected value
        (1e9 + 200, 1e9, 1e-6, False),
        (1, 1.0000001, 1e-6, False),  # of another type
        ([1.0, 2.0], [1.0, 2.0 + 9e-7], 1e-6, True),
        ([1.0], [1.0, 2.0], 1e-6, False),
        ([[1.0], [2.0]], [[1.0], [2.0 + 9e-7]], 1e-6, True),
        (math.nan, math.nan, 1e-6, False),
        (math.inf, math.inf, 1e-6, True),
        (-math.inf, math.inf, 1e-6, False),
        ([math.inf, 1.0], [math.inf, 1.0 + 9e-7], 1e-6, True),
        (["a"], ["b"], 1e-6, False),
        ({"a": 1.0}, {"a": 1.0 + 9e-7}, 1e-6, False),  # no array
        (None, 1.0, 1e-6, False),
        (10**30, 10**30 + 1, 1e-6, False),  # too large a number for an array
        (1j, 1j + 9e-7, 1e-6, True),
    ],
)
def test_close(value: Any, expected: Any, tolerance: float, same: bool) -> None:
    assert equal("close", value, expected, tolerance) is same


numbers = st.integers(-(10**6), 10**6) | st.floats(allow_nan=True)


@given(st.lists(numbers, max_size=3), st.lists(numbers, max_size=3), st.sampled_from([1e-6, 1e-4]))
def test_close_says_what_numpy_says(value: list[Any], expected: list[Any], tolerance: float) -> None:
    numpy = pytest.importorskip("numpy")
    if len(value) == len(expected):
        theirs = value == expected or bool(numpy.allclose(value, expected, rtol=1e-07, atol=tolerance))
        assert equal("close", value, expected, tolerance) is theirs


def test_a_subclass_has_no_tolerance() -> None:
    assert equal("close", 1.0, 1.0 + 9e-7, 1e-6)
    assert not equal("close", 1.0, 1.0 + 9e-7, 1e-6, plain=False)
    assert equal("close", 1.0, 1.0, 1e-6, plain=False)


def test_any_of_several() -> None:
    assert equal("any of", 0, [7, 0])
    assert equal("any of", 7, [7, 0])
    assert equal("any of", 7.0 + 1e-7, [7.0, 0], 1e-6)
    assert not equal("any of", 1, [7, 0])


def test_as_sets() -> None:
    assert equal("as sets", [3, 1, 1], (1, 3))
    assert not equal("as sets", [3], (1, 3))
    with pytest.raises(TypeError):
        equal("as sets", [[3]], (3,))


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [(True, True, True), (False, True, False), (None, False, True), ("Found!", True, True), (NOT_PLAIN, True, True)],
)
def test_is_something(value: Any, expected: bool, same: bool) -> None:
    assert equal("is something", value, expected) is same


def test_a_root_of_the_polynomial() -> None:
    """(x - 1)(x - 2) = 2 - 3x + x^2."""
    args = ([2, -3, 1],)
    assert equal("root", 1.0, None, 1e-4, args=args)
    assert equal("root", 2, 99, 1e-4, args=args)
    assert not equal("root", 1.5, 1.0, 1e-4, args=args)


def test_the_sandbox_compares_as_it_is_told(sandbox: Sandbox) -> None:
    program = "def f(x):\n    return [x, x + 1]"
    case = (Case((1,), (2, 1)),)
    assert sandbox.judge(program, Tests("calls", cases=case, entry_point="f")).outcome is Outcome.WRONG
    assert sandbox.judge(program, Tests("calls", cases=case, entry_point="f", equality="as sets")).passed


def test_a_match_object_is_something_and_equals_nothing(sandbox: Sandbox) -> None:
    program = "import re\ndef f(x):\n    return re.search('a', x)"
    cases = (Case(("ab",), True), Case(("b",), False))
    assert sandbox.judge(program, Tests("calls", cases=cases, entry_point="f", equality="is something")).passed
    wrong = sandbox.judge(program, Tests("calls", cases=cases[:1], entry_point="f", equality="close"))
    assert wrong.outcome is Outcome.WRONG
    assert "of type re.Match" in wrong.feedback or "of type Match" in wrong.feedback


def test_numbers_of_numpy_are_numbers_but_have_no_tolerance(sandbox: Sandbox) -> None:
    pytest.importorskip("numpy")
    program = "import numpy as np\ndef f(x):\n    return np.int64(x) if x < 9 else [np.float64(x), np.bool_(True)]"
    cases = (Case((5,), 5), Case((9,), [9.0, True]))
    assert sandbox.judge(program, Tests("calls", cases=cases, entry_point="f", equality="close")).passed
    near = "import numpy as np\ndef f(x):\n    return np.float64(x + 1e-7)"
    tests = Tests("calls", cases=(Case((1.0,), 1.0),), entry_point="f", equality="close", tolerance=1e-6)
    assert sandbox.judge(near, tests).outcome is Outcome.WRONG
    assert sandbox.judge(near.replace("np.float64", "float"), tests).passed


def test_an_unknown_equality_and_a_reference_that_was_not_run_are_invalid(sandbox: Sandbox) -> None:
    cases = (Case((1,), 1),)
    for tests, told in (
        (Tests("calls", cases=cases, entry_point="f", equality="odd"), "there is no equality 'odd'"),
        (Tests("calls", cases=cases, entry_point="f", reference="def f(x): return x"), "has not been run yet"),
    ):
        verdict = sandbox.judge("def f(x):\n    return x", tests)
        assert verdict.outcome is Outcome.INVALID
        assert told in verdict.feedback


def test_one_call_has_its_own_limit(sandbox: Sandbox) -> None:
    program = "def f(x):\n    while x:\n        pass\n    return x"
    tests = Tests("calls", cases=(Case((0,), 0), Case((1,), 1)), entry_point="f", cpu_seconds=30, call_seconds=0.2)
    verdict = sandbox.judge(program, tests)
    assert verdict.outcome is Outcome.TIMEOUT
    assert verdict.tests_passed == 1
    assert verdict.cpu_seconds < 5
    assert "one call used more than 0.2 s" in verdict.feedback


def test_many_short_calls_are_within_the_limit_of_one(sandbox: Sandbox) -> None:
    program = "from time import process_time as t\ndef f(x):\n    e = t() + 0.02\n    while t() < e: pass\n    return x"
    cases = tuple(Case((n,), n) for n in range(20))
    tests = Tests("calls", cases=cases, entry_point="f", cpu_seconds=60, call_seconds=0.3)
    verdict = sandbox.judge(program, tests)
    assert verdict.passed
    assert verdict.cpu_seconds > 0.3
