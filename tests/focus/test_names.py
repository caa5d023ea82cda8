"""y+ in the names of y-: the same program, as near to y- as renaming brings it."""

from __future__ import annotations

import pytest

from iterpref.focus import Hunk
from iterpref.focus.aligned import Aligned
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
    renamed = aligned.beside(rejected, diff_lines(rejected, aligned.text))
    assert [
        (rejected[each.rejected_start : each.rejected_end], chosen[each.chosen_start : each.chosen_end])
        for each in renamed
    ] == [("é", "ü_long"), ("t", "acc"), ("é", "ü_long")]


def test_a_name_that_lost_its_binding_is_still_a_name() -> None:
    rejected = "def f(l):\n    m = l[0]\n    for m in l:\n        if cur > m:\n            m = cur\n    return m\n"
    chosen = "def f(l):\n    m = l[0]\n    for e in l:\n        if e > m:\n            m = e\n    return m\n"
    assert align_names(rejected, chosen).text == rejected.replace("for m", "for cur")


def test_of_two_names_with_equal_claims_the_first_wins() -> None:
    rejected = "def f(number):\n    return number / 1.0\n"
    chosen = "def f(idx):\n    answer = idx % 1.0\n    return answer\n"
    assert align_names(rejected, chosen).text == "def f(number):\n    answer = number % 1.0\n    return answer\n"


def test_an_equivalent_text_leads_back_to_y_plus() -> None:
    rejected = "def f(a):\n    k = []\n    for x in a:\n        k.append(x + 2)\n    return k\n"
    chosen = "def f(b):\n    k = [x + 1 for x in b]\n    return k\n"
    named = align_names(rejected, chosen)
    form = rejected.replace("+ 2", "+ 1")
    aligned = named.rewritten(form, diff_lines(form, named.text))
    hunks = diff_lines(rejected, form)

    (wrong,) = aligned.hunks(hunks)
    assert chosen[wrong.chosen_start : wrong.chosen_end] == "    k = [x + 1 for x in b]\n"
    beside = [
        (rejected[hunk.rejected_start : hunk.rejected_end], hunk.reason) for hunk in aligned.beside(rejected, hunks)
    ]
    assert beside == [("a", "renamed"), ("    k = []\n    for x in a:\n", "irrelevant")]


def test_two_hunks_in_one_place_of_y_plus_share_it_and_the_one_that_counts_comes_first() -> None:
    chosen = "k = [x for x in a]\n"
    form = "k = []\nfor x in a:\n    k.append(x)\n"
    aligned = Aligned(chosen).rewritten(form, diff_lines(form, chosen))
    beside, wrong = Hunk(0, 7, 0, 7, "irrelevant"), Hunk(19, 30, 19, 35)

    assert [(h.chosen_start, h.chosen_end) for h in aligned.hunks([beside, wrong])] == [(19, 19), (0, 19)]
