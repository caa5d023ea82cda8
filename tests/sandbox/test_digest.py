from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.plain import NotPlain
from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import answers
from iterpref.sandbox.digest import LARGE, digest_of, is_digest, marker, weight
from iterpref.types import Case, Outcome, Tests

leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5, 10**30, 1e30]) | st.text("ab")
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=6)


@given(values, values)
def test_digests_are_equal_just_where_values_are(one: Any, other: Any) -> None:
    assert (digest_of(one) == digest_of(other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 2.0, True], [1.0, 2, 1]), ({1: "a", 2.0: "b"}, {2: "b", 1.0: "a"}), ({1, 2}, {2.0, 1}), ([], [])],
)
def test_equal_values_of_other_types_have_one_digest(one: Any, other: Any) -> None:
    assert one == other
    assert digest_of(one) == digest_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], (1,)),
        (-1, -2),  # which have one hash
        ([0, -1, -2], [0, -2, -1]),
        ((-1, False), (-2, False)),
        ({-1}, {-2}),
        (["ab", ""], ["a", "b"]),
        ([["a"], []], [[], ["a"]]),
        ("1", 1),
        (b"a", "a"),
        ([None], [0]),
        ({}, set()),
    ],
)
def test_values_that_differ_have_other_digests(one: Any, other: Any) -> None:
    assert digest_of(one) != digest_of(other)


def test_a_marker_stands_for_its_value() -> None:
    assert is_digest(marker("x"))
    assert digest_of(marker(digest_of([1, 2]))) == digest_of([1, 2])
    assert not is_digest(("x", "y"))


def test_what_is_not_plain_has_none() -> None:
    with pytest.raises(NotPlain):
        digest_of([object()])


def test_weight_counts_elements_and_characters() -> None:
    assert weight([0] * 5) == 5
    assert weight("ab") == 2
    assert weight([(1, 2), "abc", 4]) == 3 + 2 + 3
    assert weight(2**4000) == 1000
    assert weight(None) == weight({}) == weight(3.5) == 0


BIG = LARGE + 1


def test_a_large_answer_is_compared_by_its_digest(sandbox: Sandbox) -> None:
    program = "def f(n):\n    return list(range(n))"
    job = (program, Tests("calls", cases=(Case((BIG,)), Case((2,))), entry_point="f", equality="close"))
    ((_, (large, small)),) = answers(sandbox, [job])
    assert large is not None
    assert small is not None
    assert is_digest(large[0])
    assert small[0] == [0, 1]
    tests = Tests("calls", cases=(Case((BIG,), large[0]), Case((2,), small[0])), entry_point="f", equality="close")
    assert sandbox.judge("def f(n):\n    return [float(k) for k in range(n)]", tests).passed
    wrong = sandbox.judge("def f(n):\n    return [k if k < 9 else 0 for k in range(n)]", tests)
    assert wrong.outcome is Outcome.WRONG
    assert wrong.tests_passed == 1


def test_a_large_answer_of_many_strings_needs_no_pipe(sandbox: Sandbox) -> None:
    program = "def f(n):\n    return [('abc',) * 20 for _ in range(n)]"
    tests = Tests("calls", cases=(Case((BIG,)),), entry_point="f", memory_mb=2048, equality="close")
    ((_, (answer,)),) = answers(sandbox, [(program, tests)])
    assert answer is not None
    assert answer[0] == marker(digest_of([("abc",) * 20] * BIG))


def test_other_equalities_see_a_large_answer_itself(sandbox: Sandbox) -> None:
    program = "def f(n):\n    return list(range(n, 0, -1))"
    expected = list(range(1, BIG + 1))
    tests = Tests("calls", cases=(Case((BIG,), expected),), entry_point="f", equality="as sets")
    assert sandbox.judge(program, tests).passed
    ((_, (answer,)),) = answers(sandbox, [(program, tests)])
    assert answer is not None
    assert sorted(answer[0]) == expected
