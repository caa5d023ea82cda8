from __future__ import annotations

import threading

import pytest

from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import Unanswered, answers
from iterpref.types import Case, Tests


def asked(*arguments: object) -> Tests:
    return Tests("calls", cases=tuple(Case((each,)) for each in arguments), entry_point="f", reference="any")


def test_values_come_back_with_their_types_and_times(sandbox: Sandbox) -> None:
    program = "def f(x):\n    for _ in range(3_000_000 if x == 2 else 0):\n        pass\n    return (x, {x}, 10**40)"
    ((_, (first, second)),) = answers(sandbox, [(program, asked(1, 2))])
    assert first is not None
    assert second is not None
    assert first[0] == (1, {1}, 10**40)
    assert second[0] == (2, {2}, 10**40)
    assert 0 <= first[1] < second[1]


def test_each_programs_answers_come_with_its_number_as_they_end(sandbox: Sandbox) -> None:
    slow = "def f(x):\n    for _ in range(20_000_000):\n        pass\n    return 0"
    jobs = [(slow, asked(1)), *((f"def f(x):\n    return x + {number}", asked(1)) for number in range(1, 5))]
    found = {number: answered[0][0] for number, answered in answers(sandbox, jobs) if answered[0]}
    assert found == {0: 0, 1: 2, 2: 3, 3: 4, 4: 5}
    if sandbox.workers > 1:
        assert next(iter(found)) != 0


def test_nobody_waits_for_a_program_whose_answer_is_not_wanted_any_more() -> None:
    endless = "def f(x):\n    while True:\n        pass"
    with Sandbox(workers=2) as box:
        found = answers(box, [("def f(x):\n    return x", asked(1)), (endless, asked(1))])
        next(found)
        found.close()
        assert any(thread.name.startswith("answers") for thread in threading.enumerate())


def test_what_is_no_plain_data_is_none(sandbox: Sandbox) -> None:
    ((_, (first, second)),) = answers(sandbox, [("def f(x):\n    return object() if x else 5", asked(1, 0))])
    assert first is None
    assert second is not None
    assert second[0] == 5


@pytest.mark.parametrize("program", ["def f(x):\n    return 1 / x", "def g(x): pass", "def f(x:"])
def test_a_program_that_fails_is_told(sandbox: Sandbox, program: str) -> None:
    with pytest.raises(Unanswered):
        list(answers(sandbox, [(program, asked(0))]))
