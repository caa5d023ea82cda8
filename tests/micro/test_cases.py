"""Tests of tasks: right programs pass them all, each kind of mistake is caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from itertools import islice
from typing import Any

from iterpref import types
from iterpref.micro.cases import hidden_cases, visible_cases
from iterpref.micro.programs import bugs_of, idioms_of, program
from iterpref.micro.spec import Spec, draw

_SPECS = list(islice(draw("test", "cases"), 400))
_VISIBLE = {spec.id: visible_cases(spec) for spec in _SPECS}
_HIDDEN = {spec.id: hidden_cases(spec) for spec in _SPECS}


def _passes(text: str, tests: types.Tests) -> bool:
    """A judge for programs of this package's own making."""
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    function: Callable[..., Any] = namespace[tests.entry_point]
    try:
        return all(
            abs(function(*deepcopy(case.args)) - case.expected) <= tests.tolerance
            if isinstance(case.expected, float)
            else function(*deepcopy(case.args)) == case.expected
            for case in tests.cases
        )
    except (TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError):
        return False


def test_all_idioms_of_a_task_pass_its_visible_and_hidden_tests() -> None:
    for spec in _SPECS:
        for idiom in idioms_of(spec):
            assert _passes(program(spec, idiom), _VISIBLE[spec.id]), (spec.id, idiom)
            assert _passes(program(spec, idiom), _HIDDEN[spec.id]), (spec.id, idiom)


def test_each_kind_of_bug_is_caught_by_the_visible_tests() -> None:
    """Of programs that some input shows to be wrong, at least 99 in 100 fail the visible tests."""
    made, caught = Counter[str](), Counter[str]()
    for spec in _SPECS:
        for idiom in idioms_of(spec):
            for bug in bugs_of(spec):
                text = program(spec, idiom, [bug])
                seen = not _passes(text, _VISIBLE[spec.id])
                if seen or not _passes(text, _HIDDEN[spec.id]):
                    made[bug] += 1
                    caught[bug] += seen
    assert len(made) == 18
    assert {bug: caught[bug] / made[bug] for bug in made if caught[bug] < 0.99 * made[bug]} == {}


def test_a_task_has_six_to_ten_visible_cases_and_many_hidden_ones() -> None:
    assert all(6 <= len(tests.cases) <= 10 for tests in _VISIBLE.values())
    assert all(len(tests.cases) >= 15 for tests in _HIDDEN.values())


def test_hidden_inputs_are_new_but_for_those_the_guard_rules_speak_of() -> None:
    spec = Spec("numbers", "above", "square", "sum", ("3",), none_rule="zero", empty_rule="minus")
    visible = {repr(case.args) for case in visible_cases(spec).cases}
    hidden = {repr(case.args) for case in hidden_cases(spec).cases}
    assert visible & hidden == {"(None,)", "([],)"}


def test_the_inputs_lie_on_the_boundary_of_the_condition() -> None:
    spec = Spec("numbers", "above", "same", "count", ("7",))
    assert any(7 in case.args[0] for case in visible_cases(spec).cases)


def test_no_case_holds_none_items_unless_the_task_speaks_of_them() -> None:
    with_rule = Spec("numbers", "all", "same", "sum", none_rule="skip")
    without = Spec("numbers", "all", "same", "sum")
    assert any(None in case.args[0] for case in visible_cases(with_rule).cases)
    assert not any(None in case.args[0] for case in (*visible_cases(without).cases, *hidden_cases(without).cases))
