"""Each filter: what it drops, and the nearest thing that it keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iterpref.config import PairsConfig
from iterpref.focus import Hunk, diff_lines
from iterpref.focus.tree import diff_tree
from iterpref.pairs.filters import (
    Candidate,
    beside_the_point,
    keywords_of,
    only_comments,
    policies,
    same_ast,
    same_but_for_names,
    text_filters,
)
from iterpref.types import Case, Tests


def test_a_pair_without_any_difference_that_counts_is_dropped() -> None:
    rejected, chosen = "def f(x):\n    return (x)\n", "def f(x):\n    return x\n"
    assert beside_the_point(Candidate(chosen, rejected, diff_tree(rejected, chosen))) == (
        "everything that differs is renamed, moved or formatting"
    )
    assert beside_the_point(candidate(rejected, chosen)) is None


def test_a_wrong_indentation_is_no_blank_line() -> None:
    rejected, chosen = "for x in y:\n    a\n    b\n", "for x in y:\n    a\nb\n"
    blanks = Hunk(18, 22, 18, 18)
    assert rejected[18:22] == "    "
    assert only_comments(Candidate(chosen, rejected, [blanks])) is None


def candidate(rejected: str, chosen: str) -> Candidate:
    return Candidate(chosen, rejected, diff_lines(rejected, chosen))


@pytest.mark.parametrize(
    ("rejected", "chosen", "reason"),
    [
        ("# one\nx = 1\n", "x = 1\n", "D- is only comments"),
        ("x = 1\n\n\ny = 2\n", "x = 1\ny = 2\n", "D- is only comments"),
        ('def f():\n    """One."""\n    return 1\n', "def f():\n    return 1\n", "D- is only comments and docstrings"),
        (
            'def f():\n    """One.\n\n    Two.\n    """\n    # three\n    return 1\n',
            'def f():\n    """One."""\n    return 1\n',
            "D- is only comments and docstrings",
        ),
        ('x = """One."""\n', 'x = """Two."""\n', None),  # a text, but no docstring
        ("x = 1  # one\n", "x = 2\n", None),
        ("x = 1\n", "x = 1\ny = 2\n", None),  # y- only lacks code: another matter
    ],
)
def test_only_comments(rejected: str, chosen: str, reason: str | None) -> None:
    assert only_comments(candidate(rejected, chosen)) == reason


@pytest.mark.parametrize(
    ("rejected", "chosen", "same"),
    [
        ("def f(x):\n    return (x)\n", "def f(x): return x\n", True),
        ("def f(x):\n    return x\n", "def f(y):\n    return y\n", False),
        ("x = 1\n", "x = 2\n", False),
        ("x = (\n", "x = (\n\n", False),
    ],
)
def test_same_ast(rejected: str, chosen: str, same: bool) -> None:
    assert (same_ast(candidate(rejected, chosen)) is not None) == same


@pytest.mark.parametrize(
    ("rejected", "chosen", "same"),
    [
        # parameters, locals, comprehensions, helpers, docstrings, layout
        (
            'def h(a):\n    return a\ndef f(xs):\n    """Doc."""\n    t = [h(x) for x in xs]\n    return t\n',
            "def g(b):\n    return (b)\ndef f(ys):\n    # sum\n    r = [g(y) for y in ys]\n    return r\n",
            True,
        ),
        ("def f(a, b):\n    return a - b\n", "def f(b, a):\n    return b - a\n", True),
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return b - a\n", False),
        ("def f(x):\n    return x\n", "def g(x):\n    return x\n", False),  # whoever calls f calls it by its name
        ("def f(x):\n    return min(x)\n", "def f(x):\n    return max(x)\n", False),
        ("def f(x):\n    return x.a\n", "def f(x):\n    return x.b\n", False),
        ("def f(x):\n    return g(k=x)\n", "def f(x):\n    return g(j=x)\n", False),
        ("def f(x):\n    return x\n", "def f(x):\n    return y\n", False),  # y is no name of the program's own
        ("n = 0\ndef f():\n    global n\n    n = n + 1\n", "m = 0\ndef f():\n    global m\n    m = m + 1\n", True),
        (
            "def f():\n    try:\n        pass\n    except E as e:\n        return e\n",
            "def f():\n    try:\n        pass\n    except E as x:\n        return x\n",
            True,
        ),
        ("def f(x:\n    return x\n", "def f(y:\n    return y\n", False),
    ],
)
def test_same_but_for_names(rejected: str, chosen: str, same: bool) -> None:
    assert (same_but_for_names(candidate(rejected, chosen)) is not None) == same
    assert (same_but_for_names(candidate(chosen, rejected)) is not None) == same


def test_length_is_judged_by_whoever_counts_tokens() -> None:
    pair = candidate("x = 1\n", "x = 12345\n")
    (length, *_), others = text_filters(PairsConfig(max_tokens=8), len), text_filters(PairsConfig(max_tokens=8), None)
    assert length(pair) == "y+ or y- has over 8 tokens"
    assert all(check(pair) is None for check in others)


def test_share_counts_characters_that_are_not_blank() -> None:
    assert candidate("a = 1\nbb = 22\n", "a = 1\nbb = 33\n").share == 5 / 8
    assert candidate("a = 1\n", "a = 1\nb = 2\n").share == 0


def test_rewrites_are_dropped_over_the_share_if_so_configured() -> None:
    pair = candidate("a = 1\nbb = 22\n", "a = 1\nbb = 33\n")
    assert [check(pair) for check in policies(PairsConfig(rewrites="drop"))] == ["D- is over 50% of y-"]
    assert [check(pair) for check in policies(PairsConfig(rewrites="drop", max_share=0.7))] == [None]
    assert policies(PairsConfig(rewrites="keep")) == []


def test_text_of_the_program_that_looks_like_comments_is_none() -> None:
    text = 'x = """\n# {}\n"""\n'
    assert only_comments(candidate(text.format("a"), text.format("b"))) is None
    blank = candidate('x = """\na\n\nb"""\n', 'x = """\na\nb"""\n')
    assert only_comments(blank) is None


def test_a_parameter_that_the_tests_name_is_no_mere_name() -> None:
    rejected, chosen = "def k(a):\n    return a\n", "def k(first):\n    return first\n"
    plain = candidate(rejected, chosen)
    assert same_but_for_names(plain) is not None
    named = keywords_of(Tests("asserts", code="assert k(first=1) == 1"))
    assert same_but_for_names(replace(plain, keywords=named)) is None
    assert keywords_of(Tests("calls", cases=(Case((), 1, {"first": 1}),), entry_point="k")) == named
    assert keywords_of(None) == frozenset()
