"""The order in which edits are tried."""

from __future__ import annotations

import itertools

from iterpref.teachers.candidates import candidates
from iterpref.teachers.ingredients import Ingredients
from iterpref.types import Attempt, Outcome, Task, Verdict

CODE = "def f(xs):\n    first = xs[0]\n    total = sum(xs)\n    return total / first\n"


def place(wanted: str, feedback: str = "", prompt: str = "ratio") -> int:
    attempt = Attempt(0, CODE, Verdict(Outcome.ERROR, feedback=feedback))
    codes = [candidate.code for candidate in candidates(attempt, Task("t", prompt), Ingredients())]
    return codes.index(wanted)


def test_edits_on_the_line_that_raised_come_earlier() -> None:
    wanted = CODE.replace("total / first", "total // first")
    trace = 'Traceback (most recent call last):\n  File "program.py", line 4, in f\nZeroDivisionError: division by zero'
    assert place(wanted, trace) < place(wanted)


def test_edits_that_bring_in_a_number_of_the_prompt_come_earlier() -> None:
    wanted = CODE.replace("xs[0]", "xs[2]")
    assert place(wanted, prompt="ratio to number 2") < place(wanted)


def test_one_edit_counts_as_smaller_than_two() -> None:
    attempt = Attempt(0, CODE, Verdict(Outcome.WRONG))
    found = list(itertools.islice(candidates(attempt, Task("t", "ratio"), Ingredients()), 200))
    ones, twos = [c for c in found if c.size[0] == 1], [c for c in found if c.size[0] == 2]
    assert ones
    assert twos
    assert max(each.size for each in ones) < min(each.size for each in twos)
    assert all(" and " in each.message for each in twos)


def test_size_counts_the_characters_that_differ() -> None:
    attempt = Attempt(0, CODE, Verdict(Outcome.WRONG))
    found = {c.code: c.size for c in candidates(attempt, Task("t", "ratio"), Ingredients())}
    assert found[CODE.replace("sum", "max")] == (1, 6)
    assert found[CODE.replace("total / first", "total // first")] == (1, 1)
