"""y+ in the forms of y-: only where that brings the two closer, and never with another meaning."""

from __future__ import annotations

import pytest

from iterpref.focus.forms import align_forms

LOOP = """\
def f(xs):
    kept = []
    for x in xs:
        if x > 0:
            kept.append(x + 1)
    return sum(kept)
"""
LISTED = """\
def f(xs):
    kept = [x + 1 for x in xs if x > 0]
    return sum(kept)
"""


def test_a_comprehension_becomes_the_loop_of_y_minus() -> None:
    assert align_forms(LOOP.replace("x > 0", "x >= 0"), LISTED) == LOOP


def test_a_loop_becomes_the_comprehension_of_y_minus() -> None:
    assert align_forms(LISTED.replace("x > 0", "x >= 0"), LOOP) == LISTED


def test_a_returned_comprehension_becomes_a_loop_under_the_name_of_y_minus() -> None:
    chosen = "def f(xs):\n    return [x for x in xs]\n"
    rejected = "def f(xs):\n    out = []\n    for x in xs:\n        out.append(-x)\n    return out\n"
    assert align_forms(rejected, chosen) == rejected.replace("-x", "x")


def test_a_result_is_named_or_not_as_in_y_minus() -> None:
    named = "def f(a, b):\n    answer = a + b\n    return answer\n"
    bare = "def f(a, b):\n    return a + b\n"
    assert align_forms(named.replace("a + b", "a - b"), bare) == named
    assert align_forms(bare.replace("a + b", "a - b"), named) == bare


def test_a_name_that_y_minus_does_not_return_names_no_result() -> None:
    chosen = "def f(x):\n    return x + 1\n"
    assert align_forms("def f(x):\n    n = len(str(x))\n    return x - 1\n", chosen) == chosen


def test_a_name_that_y_plus_uses_is_not_taken() -> None:
    chosen = "def f(answer):\n    return answer + 1\n"
    assert align_forms("def f(answer):\n    answer = 2\n    return answer\n", chosen) == chosen


@pytest.mark.parametrize("rejected", ["", "def f(:", LISTED, "while True:\n    pass\n"])
def test_without_another_form_nothing_changes(rejected: str) -> None:
    assert align_forms(rejected, LISTED) == LISTED
    assert align_forms(rejected, "def f(:") == "def f(:"


def test_a_loop_that_does_more_than_append_stays() -> None:
    chosen = LOOP.replace("            kept", "            print(x)\n            kept")
    assert align_forms(LISTED, chosen) == chosen
    assert align_forms(LISTED, LOOP.replace("    return", "    else:\n        pass\n    return")).count("for") == 1
