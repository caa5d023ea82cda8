"""Planted bugs: where they are is known, and each is a bug."""

from __future__ import annotations

import random
from typing import Any

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Span, Task, Tests


@pytest.fixture(scope="module")
def pairs(sandbox: Sandbox) -> list[Any]:
    from seeded_bugs import micro_world, seeded_pairs

    return list(seeded_pairs(sandbox, micro_world(30, 1), 12, 1))


def test_the_clean_side_passes_and_the_other_fails(pairs: list[Any], sandbox: Sandbox) -> None:
    assert len(pairs) == 12
    for pair in pairs:
        assert sandbox.judge(pair.chosen, pair.task.tests).passed
        assert sandbox.judge(pair.rejected, pair.task.tests).failed
        assert 1 <= len(pair.bugs) <= 3
        assert len(pair.rewrites) <= 5


def test_rewrites_are_on_the_side_that_is_named(pairs: list[Any]) -> None:
    rewritten = [pair for pair in pairs if pair.rewrites and pair.rewritten == "y+"]
    assert rewritten
    assert all(pair.chosen != pair.task.solution for pair in rewritten)
    assert all(pair.chosen == pair.task.solution for pair in pairs if pair.rewritten == "y-")


def test_without_rewrites_a_wrong_line_is_one_that_the_clean_program_has_not_there(pairs: list[Any]) -> None:
    plain = [pair for pair in pairs if not pair.rewrites]
    assert plain
    for pair in plain:
        rejected, chosen = pair.rejected.split("\n"), pair.chosen.split("\n")
        for bug in pair.bugs:
            for line in (line for lines in bug.choices for line in lines):
                assert line >= len(chosen) or rejected[: line + 1] != chosen[: line + 1]


def test_the_smallest_block_of_lines() -> None:
    from seeded_bugs import line_edit

    assert line_edit("a\nb\nc", "a\nb\nc") is None
    changed, doubled, gone = (line_edit("a\nb\nc", after) for after in ("a\nx\nc", "a\nb\nb\nc", "a\nc"))
    assert changed is not None
    assert doubled is not None
    assert gone is not None
    assert (changed.start, changed.end, changed.lines) == (1, 2, ("x",))
    assert (doubled.start, doubled.end, doubled.lines) == (2, 2, ("b",))
    assert (gone.start, gone.end, gone.lines) == (1, 2, ())


def test_a_bug_that_the_tests_do_not_see_is_not_planted(sandbox: Sandbox) -> None:
    from seeded_bugs import seed_pair

    blind = Tests("calls", cases=(Case((1,), None),), entry_point="f")
    task = Task("blind", "", blind, "def f(x):\n    a = x + 1\n    b = a * 2\n")

    found = [seed_pair(task, sandbox.judge, random.Random(seed)) for seed in range(4)]
    for pair in filter(None, found):
        assert not sandbox.judge(pair.rejected, blind).passed  # what was planted raises: a name that is none


def test_lines_in_focus_are_those_with_more_than_blanks_that_a_weight_touches() -> None:
    from focus_truth import lines_of

    text = "a\n  b\n\nc\n"
    assert lines_of(text, [Span(2, 7)]) == {1}
    assert lines_of(text, [Span(3, 4), Span(7, 8)]) == {1, 3}
    assert lines_of(text, [Span(0, 9, 0.0), Span(2, 2)]) == set()


def test_of_two_equal_choices_the_one_in_focus_is_meant() -> None:
    from focus_truth import compare, rates
    from seeded_bugs import Bug, SeededPair

    bugs = (Bug(((0,), (1,)), 0), Bug(((3,),), 3), Bug((), 4))
    pair = SeededPair(Task("t", ""), "x\ny\nz\n", "x\nx\ny\nw\n", "y-", (), bugs)

    found = compare(pair, (Span(2, 6),))  # the second x, and y
    assert (found.hits, found.extra, found.missed) == ({1}, {2}, {3})
    assert rates([found])["precision"][0] == 0.5
    assert rates([found])["recall"][0] == 0.5
