"""The quick reading of plain asserts says what the syntax tree says, or nothing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iterpref.plain import from_json
from iterpref.sandbox import Sandbox
from iterpref.sandbox.checks import Equation, Reduced, Statements
from iterpref.sandbox.equations import equations
from iterpref.sandbox.reduce import _reduce
from iterpref.types import Tests

WRITTEN = st.recursive(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False),
        st.booleans(),
        st.none(),
        st.text(),
        st.text("()[]{}'\",: TrueFalsNo#="),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("ab$'\"(", max_size=3), inner, max_size=3),
        st.sets(st.integers(), max_size=2),
    ),
    max_leaves=8,
)


def by_tree(code: str) -> Statements | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "1(2)" is written so by nobody
        # The syntax tree alone: ``reduce_tests`` would ask the quick reading first.
        return _reduce.__wrapped__("asserts", code, "f", frozenset(), frozenset())


def said(reduced: Reduced) -> list[Any]:
    """All that a verdict is made of, with the types of values."""
    assert all(isinstance(check, Equation) for check in reduced.checks)
    return [
        reduced.imports,
        [
            (call.function, repr(from_json(call.args)), repr(from_json(call.kwargs)), call.text)
            for call in reduced.calls
        ],
        [
            (repr(check.expected), check.calls, check.text, check.message)
            for check in reduced.checks
            if isinstance(check, Equation)
        ],
    ]


def agrees(code: str) -> bool:
    """Whether ``code`` was read quickly; if so, as the syntax tree reads it."""
    quick = equations(code)
    if quick is None:
        return False
    slow = by_tree(code)
    assert slow is not None, code
    assert said(quick) == said(slow), code
    return True


@settings(max_examples=300)
@given(st.lists(st.tuples(st.lists(WRITTEN, max_size=3), WRITTEN), min_size=1, max_size=3))
def test_whatever_is_read_quickly_is_read_right(written: list[tuple[list[Any], Any]]) -> None:
    agrees("\n".join(f"assert f({', '.join(map(repr, args))}) == {value!r}" for args, value in written))


@settings(max_examples=300)
@given(st.text("assert f(1,) == [2]{:}'\"TrueNo\n.e-#", max_size=12), st.text("1()[]{},'\" =T", max_size=12))
def test_no_text_is_read_otherwise(arguments: str, expected: str) -> None:
    agrees(f"assert f({arguments}) == {expected}")


@pytest.mark.parametrize(
    "code",
    [
        "assert f(1) == 2",
        "assert f() == []",
        "assert f( 1 , 2.5 )==  -3 ",
        "\nassert f(1) == 2\n\nassert g (2) == 3\n",
        "assert f((1, 2), ()) == (True, (False, None))",
        "assert f({'a': [1e3, -0.0]}) == {'b': {}}",
        "assert f('a) == (b') == 'True'",
        "assert f('#') == '== 1'",
        "assert f({'a': 1, 'b': 2, 'a': 3}) == 1",
        "assert f(1e999, 12345678901234567890123) == -1e999",
    ],
)
def test_plain_lines_are_read_quickly(code: str) -> None:
    assert agrees(code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "\n",
        "assert f(1)",
        "assert f(1) != 2",
        "assert f((1)) == 2",  # brackets around one value
        "assert f(1) == (2)",
        "assert f((1, 2]}) == 2",  # brackets of two kinds
        "assert f({'k': [3)) == 2",
        "assert f((1, 2]}, {'k': [3)) == 2",
        "assert f((1,)) == 2",  # a comma that JSON does not know
        "assert f([1, 2,]) == 2",
        "assert f(true) == 1",  # a name to Python
        "assert f(1) == null",
        "assert f(NaN) == Infinity",
        "assert not(1) == 2",
        "assert len([1]) == 1",  # means the builtin's function or the program's
        "assert sorted([1]) == [1]",
        "assert check(1) == 2",
        "assert f('\\n') == 1",
        'assert f("it\'s") == 1',
        "assert f('a' \"b\") == 1",
        "assert f('a' 'b') == 1",
        "assert f('''a''') == 1",
        "assert f({1: 2}) == 1",
        "assert f({1, 2}) == 1",
        "assert f({'$tuple': [1, 2]}) == 1",
        "assert f(0x10) == 1_000",
        "assert f(01) == 1",
        "assert f(- 1) == 1",
        "assert f(1 + 1) == 2",
        "assert f(k=1) == 2",
        "assert f(*[1]) == 2",
        "assert f(g(1)) == 2",
        "assert f(1) == g(2)",
        "assert f(1) == 2 == 2",
        "assert f(1) == 2, 'message'",
        "assert f(1) == 2  # said",
        "assert f(1) == 2; f(2)",
        "assert f(1) == 2 or f(2) == 3",
        "assert f(1], [2) == 2",
        "assert f(1) == 2\n    assert f(2) == 3",
        "assert f(1) == 2\nf(3)",
        "x = '''\nassert f(1) == 2\n'''",
        "assert f(1) == 2\r\nassert f(2) == 3",
        "assert f(1) == 'é'",
        "assert f(1) == '\t'",
        "assert f(" + "[" * 100_000 + "]" * 100_000 + ") == 1",
        "assert f(" + "1" * 5_000 + ") == 1",
    ],
)
def test_other_tests_are_left_to_the_syntax_tree(code: str) -> None:
    assert equations(code) is None


def test_infinities_reach_the_program() -> None:
    code = f"assert f(1e999, {10**2000}) == {10**2000}"
    assert equations(code)
    with Sandbox(workers=1) as sandbox:
        program = "def f(x, y):\n    return y if x == float('inf') else 0\n"
        assert sandbox.judge(program, Tests("asserts", code)).passed


def test_most_of_mbpp_is_read_quickly(data: Path) -> None:
    with (data / "mbpp" / "mbpp.jsonl").open(encoding="utf-8") as file:
        tasks = ["\n".join(json.loads(line)["test_list"]) for line in file]
    assert sum(map(agrees, tasks)) > 0.85 * len(tasks)
