"""y+ in the names of y-: the same program, as near to y- as renaming brings it."""

from __future__ import annotations

import pytest

from iterpref.focus.lines import diff_lines
from iterpref.focus.names import align_names


def test_parameters_locals_and_helpers_are_aligned() -> None:
    rejected = "def helper(v):\n    return v\n\ndef f(xs):\n    total = 0\n    return [helper(x) + total for x in xs]\n"
    chosen = "def aux(a):\n    return a\n\ndef f(items):\n    acc = 0\n    return [aux(item) + acc for item in items]\n"
    assert align_names(rejected, chosen).text == rejected


def test_a_name_may_change_in_one_function_and_stay_in_another() -> None:
    rejected = "def f(a):\n    r = a\n    return r\n\ndef g(a):\n    res = a + 1\n    return res\n"
    chosen = "def f(a):\n    res = a\n    return res\n\ndef g(a):\n    res = a + 1\n    return res\n"
    assert align_names(rejected, chosen).text == rejected


@pytest.mark.parametrize(
    ("rejected", "chosen"),
    [
        ("def f(x):\n    return max(x)\n", "def f(x):\n    return min(x)\n"),  # built-in names are no renames
        ("def f(x):\n    return x.a\n", "def f(x):\n    return x.b\n"),  # nor attributes
        ("import math as m\ndef f(x):\n    return m.pi\n", "import math\ndef f(x):\n    return math.pi\n"),
        ("def f(a, b):\n    return a\n", "def f(a, b):\n    return b\n"),  # both names are known to both
        ("def f(x:\n    return x\n", "def f(y:\n    return y\n"),  # y+ does not parse
    ],
)
def test_what_is_no_rename_stays(rejected: str, chosen: str) -> None:
    assert align_names(rejected, chosen).text == chosen


def test_a_name_that_the_tests_use_stays() -> None:
    rejected, chosen = "def solution(x):\n    return solution\n", "def solve(x):\n    return solve\n"
    assert align_names(rejected, chosen).text == rejected
    assert align_names(rejected, chosen, keep={"solve"}).text == chosen


def test_f_strings_except_and_global_names_follow() -> None:
    rejected = (
        "def f(x):\n    global count\n    try:\n        m = x\n    except ValueError as e:\n"
        "        m = f'{e} {x}'\n    count = m\n    return m\n"
    )
    chosen = rejected.replace("m = ", "msg = ").replace("= m", "= msg").replace("return m", "return msg")
    chosen = chosen.replace("as e", "as error").replace("{e}", "{error}").replace("{e ", "{error ")
    assert align_names(rejected, chosen).text == rejected


def test_y_minus_need_not_parse() -> None:
    rejected = "def f(xs):\n    total = 0\n    for x in xs\n        total += x\n    return total\n"
    chosen = "def f(xs):\n    acc = 0\n    for x in xs:\n        acc += x\n    return acc\n"
    assert align_names(rejected, chosen).text == chosen.replace("acc", "total")


def test_places_lead_back_to_the_text_as_it_was() -> None:
    rejected = "def f(é):\n    t = é\n    return t + 1\n"
    chosen = "def f(ü_long):\n    acc = ü_long\n    return acc\n"
    aligned = align_names(rejected, chosen)
    assert aligned.text == "def f(é):\n    t = é\n    return t\n"
    (hunk,) = aligned.hunks(diff_lines(rejected, aligned.text))
    assert chosen[hunk.chosen_start : hunk.chosen_end] == "    return acc\n"
    renamed = aligned.renamed(rejected, diff_lines(rejected, aligned.text))
    assert [
        (rejected[each.rejected_start : each.rejected_end], chosen[each.chosen_start : each.chosen_end])
        for each in renamed
    ] == [("é", "ü_long"), ("t", "acc"), ("é", "ü_long")]
