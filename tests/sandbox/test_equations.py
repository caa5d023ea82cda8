"""The quick reading of plain asserts says what the syntax tree says, or nothing."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iterpref.plain import from_json
from iterpref.sandbox import Sandbox
from iterpref.sandbox.checks import Equation, Equations, Reduced, Statements
from iterpref.sandbox.equations import equations
from iterpref.sandbox.reduce import _reduce, reduce_tests
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


def by_tree(code: str, entry_point: str) -> Statements | None:
    kind = "check" if entry_point else "asserts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "1(2)" is written so by nobody
        # The syntax tree alone: ``reduce_tests`` would ask the quick reading first.
        return _reduce.__wrapped__(kind, code, entry_point, frozenset(), frozenset())


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


def agrees(code: str, entry_point: str = "") -> bool:
    """Whether ``code`` was read quickly; if so, as the syntax tree reads it."""
    quick = equations(code, entry_point)
    if quick is None:
        return False
    slow = by_tree(code, entry_point)
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
        "assert f(1) == 2, 'message'",
        "assert f('x') == (1, 2) , \"it (is) T\"",
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
        "assert f(1) == 2, 2",
        "assert f(1) == 2, 'a', 'b'",
        "assert f(1) == 2,",
        "assert f(1) ==",
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
        "assert f(" + "[" * 60 + "]" * 60 + ") == 1",
        "assert f(" + "[" * 100_000 + "]" * 100_000 + ") == 1",
        "assert f(" + "1" * 5_000 + ") == 1",
    ],
)
def test_other_tests_are_left_to_the_syntax_tree(code: str) -> None:
    assert equations(code) is None


CHECK = "def check(candidate):\n    assert candidate(1) == 2\n"


@pytest.mark.parametrize(
    "code",
    [
        CHECK,
        CHECK + "    assert candidate([]) == None, 'm'\n\n\n",
        CHECK + "check(f)",
        CHECK + "\n\ncheck(f)\n",
        "\n\nMETADATA = {\n    'author': 'jt',\n    'dataset': 'test'\n}\n\n\n" + CHECK,
        "METADATA = {}\n" + CHECK,
        "def check(candidate):\n\n    # simple cases\n    assert candidate(1) == 2\n    \n    # others\n",
    ],
)
def test_a_check_of_its_candidate_is_read_quickly(code: str) -> None:
    assert agrees(code, "f")
    assert equations(code) is None


@pytest.mark.parametrize(
    "code",
    [
        "assert candidate(1) == 2",
        CHECK + "    assert True\n",
        CHECK + "    assert g(1) == 2\n",
        CHECK + "        assert candidate(1) == 2\n",
        CHECK + "assert candidate(1) == 2\n",
        CHECK + "check(g)",
        CHECK + "check(f)\ncheck(f)",
        CHECK + "check(f)\n    assert candidate(1) == 2",
        CHECK + CHECK,
        "METADATA = {'author': f()}\n" + CHECK,
        "METADATA = {'a': 'b' 'c': 'd'}\n" + CHECK,
        "OTHER = {}\n" + CHECK,
        "import math\n" + CHECK,
        "def check(candidate):\n",
        "def check(candidate):\n    # nothing\ncheck(f)",
        CHECK.replace("candidate", "function"),
        CHECK.replace("(candidate)", "(candidate, more)"),
        "@skip\n" + CHECK,
        "  " + CHECK,  # Python refuses these
        "  METADATA = {}\n" + CHECK,
        "\v" + CHECK,
        "\x1c" + CHECK,
        CHECK[:-1] + "\v\n",
        CHECK + "  \x1c  ",
        "METADATA = {}\v\n" + CHECK,
        "METADATA = {'a': 'b', \x1c}\n" + CHECK,
        CHECK + "    # a\0b\n",
    ],
)
def test_other_checks_are_left_to_the_syntax_tree(code: str) -> None:
    assert equations(code, "f") is None


def test_a_program_that_knows_what_the_tests_bind_is_read_with_care() -> None:
    tests = Tests("check", "METADATA = {}\n" + CHECK, entry_point="f")
    assert isinstance(reduce_tests(tests, "def f(x): pass"), Equations)
    assert reduce_tests(tests, "def f(x): return METADATA") is None
    assert reduce_tests(tests, "def f(x): return METADAT\uff21") is None  # the same name to Python


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


def test_more_than_half_of_humaneval_is_read_quickly(data: Path) -> None:
    with gzip.open(data / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        tasks = [json.loads(line) for line in file]
    assert sum(agrees(task["test"], task["entry_point"]) for task in tasks) > 0.5 * len(tasks)
