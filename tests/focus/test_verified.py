"""Proven focus on programs that are really run (in this process: they are ours)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iterpref.focus import DIFFERS, Verified, focus_spans, verified_focus, verify
from iterpref.focus.verified import reruns_agree

RIGHT = """\
def f(values, limit):
    acc = 0
    # add those that are small enough
    for value in values:
        if value <= limit:
            acc += value
    return acc
"""
WRONG = """\
def f(xs, k):
    total = 1
    for x in xs:
        if x < k:
            total += x
    print(total)
    return total
"""


def passes(program: str) -> bool:
    space: dict[str, Callable[[list[int], int], int]] = {}
    try:
        exec(program, {"print": lambda *_: None}, space)
        return [space["f"]([1, 2, 3], 2), space["f"]([], 0), space["f"]([5], 5)] == [3, 0, 5]
    except Exception:
        return False


def proven(rejected: str, chosen: str, differ: str = "lines", runs: int = 200) -> Verified:
    found = verified_focus(rejected, chosen, passes, differ=DIFFERS[differ], runs=runs)
    assert isinstance(found, Verified), found
    return found


def texts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_only_what_matters_is_focus_although_everything_was_renamed() -> None:
    found = proven(WRONG, RIGHT)
    rejected, chosen = focus_spans(found.hunks)
    assert texts(WRONG, [(span.start, span.end) for span in rejected if span.weight]) == [
        "    total = 1\n",
        "        if x < k:\n",
    ]
    assert texts(RIGHT, [(span.start, span.end) for span in chosen if span.weight]) == [
        "    acc = 0\n",
        "        if value <= limit:\n",
    ]
    beside = {span.reason: WRONG[span.start : span.end] for span in rejected if not span.weight}
    assert beside["irrelevant"] in ("", "    print(total)\n")
    assert beside["renamed"] in ("xs", "k", "x", "total")
    assert found.complete


def test_lexemes_go_below_the_line() -> None:
    found = proven(WRONG, RIGHT, "lexemes")
    rejected, _ = focus_spans(found.hunks)
    assert texts(WRONG, [(span.start, span.end) for span in rejected if span.weight]) == ["1", "<"]


@pytest.mark.parametrize("differ", sorted(DIFFERS))
def test_minimal_y_plus_passes_and_keeps_the_students_text(differ: str) -> None:
    found = proven(WRONG, RIGHT, differ)
    assert passes(found.minimal)
    assert found.minimal == WRONG.replace("= 1", "= 0").replace("x < k", "x <= k")
    for hunk in found.minimal_hunks:
        assert hunk.counts
        assert WRONG[hunk.rejected_start : hunk.rejected_end] != found.minimal[hunk.chosen_start : hunk.chosen_end]


def test_the_converse_is_recorded() -> None:
    found = proven(WRONG, RIGHT)
    assert [RIGHT[hunk.chosen_start : hunk.chosen_end] for hunk in found.necessary] == [
        "    acc = 0\n",
        "        if value <= limit:\n",
    ]
    assert set(found.necessary) <= set(found.hunks)


def test_where_one_of_two_changes_is_enough_neither_is_necessary() -> None:
    chosen = "def f(xs, k):\n    xs = [x for x in xs if x <= k]\n    return sum(x for x in xs if x <= k)\n"
    rejected = "def f(xs, k):\n    xs = [x for x in xs if x <= k + 9]\n    return sum(x for x in xs)\n"
    found = proven(rejected, chosen)
    assert len([hunk for hunk in found.hunks if hunk.counts]) == 1
    assert found.necessary == ()


def test_code_that_is_missing_is_found_as_missing() -> None:
    chosen = "def f(xs, k):\n    acc = 0\n    for x in xs:\n        if x <= k:\n            acc += x\n    return acc\n"
    rejected = chosen.replace("            acc += x\n", "            pass\n").replace(
        "    acc = 0\n", "    acc = 0\n    # n\n"
    )
    (span,) = [span for span in focus_spans(proven(rejected, chosen).hunks)[0] if span.weight]
    assert rejected[span.start : span.end] == "            pass\n"


def test_a_program_in_between_that_does_not_parse_is_not_run() -> None:
    rejected = "def f(xs, k):\n    return sum(x for x in xs if x <= k\n"
    chosen = "def f(xs, k):\n    return sum(x for x in xs if x <= k)\n"
    asked: list[str] = []

    def judge(program: str) -> bool:
        asked.append(program)
        return passes(program)

    found = verified_focus(rejected, chosen, judge)
    assert isinstance(found, Verified)
    assert asked == [chosen]
    assert found.runs == 1


def test_comments_alone_cost_no_run() -> None:
    asked: list[str] = []

    def judge(program: str) -> bool:
        asked.append(program)
        return passes(program)

    one = "def f(xs, k):\n    # one\n    return sum(x for x in xs if x < k)\n    # two\n"
    other = "def f(xs, k):\n    # 1\n    return sum(x for x in xs if x <= k)\n    # 2\n    # 3\n"
    found = verified_focus(one, other, judge)
    assert isinstance(found, Verified)
    assert len(asked) == found.runs == 2  # y- and y+; all others are one of the two in other words


def test_the_budget_bounds_the_runs() -> None:
    chosen = (
        "def f(xs, k):\n" + "".join(f"    a{n} = {n}\n" for n in range(30)) + "    a = sum(x for x in xs if x <= k)\n"
    )
    chosen += "    return a" + "".join(f" + a{n} - {n}" for n in range(30)) + "\n"
    rejected = chosen.replace(" = ", " = 1 + ").replace("a = 1 + sum", "a = sum")
    found = proven(rejected, chosen, runs=12)
    assert found.runs <= 12
    assert not found.complete
    assert passes(found.minimal)


@pytest.mark.parametrize(
    ("rejected", "chosen", "told"),
    [(RIGHT, RIGHT + "\n", "y- passes"), (WRONG, WRONG + "\n", "y\\+ fails")],
)
def test_a_pair_that_is_none_is_told(rejected: str, chosen: str, told: str) -> None:
    found = verified_focus(rejected, chosen, passes)
    assert isinstance(found, str)
    assert found.startswith(told.replace("\\", ""))


def answered(search: object, answer: Callable[[str, int], bool]) -> object:
    try:
        question = next(search)  # type: ignore[call-overload]
        while True:
            question = search.send(answer(question.program, question.again))  # type: ignore[attr-defined]
    except StopIteration as end:
        return end.value


def test_reruns_find_verdicts_that_change() -> None:
    assert answered(reruns_agree(WRONG, RIGHT, 2), lambda program, _: passes(program)) is True
    assert answered(reruns_agree(WRONG, RIGHT, 2), lambda program, again: passes(program) and again < 2) == (
        "y+ fails when it is run again"
    )
    assert answered(reruns_agree(WRONG, RIGHT, 2), lambda program, again: passes(program) or again == 1) == (
        "y- passes when it is run again"
    )
    flaky = answered(
        verify(WRONG, RIGHT, reruns=1), lambda program, again: passes(program) and not (again and "total" in program)
    )
    assert flaky == "a program between y- and y+ passes only at times"


def test_names_that_only_the_tests_know_are_not_aligned_away() -> None:
    chosen = "def f(xs, k):\n    return sum(x for x in xs if x <= k)\n"
    rejected = "def g(xs, k):\n    return sum(x for x in xs if x <= k)\n"
    (span,) = [span for span in focus_spans(proven(rejected, chosen).hunks)[0] if span.weight]
    assert rejected[span.start : span.end] == "def g(xs, k):\n"
