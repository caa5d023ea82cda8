"""Delta debugging against a brute force on small sets."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from iterpref.focus.minimal import OutOfBudget, minimal_subset


def search(
    items: list[int], sufficient: Callable[[set[int]], bool], budget: int = 10_000
) -> tuple[list[int], bool, int]:
    """The subset, whether it is 1-minimal, and how many questions it took."""
    generator = minimal_subset(items)
    asked: list[tuple[int, ...]] = []
    try:
        question = next(generator)
        while True:
            assert question not in asked, "nothing is asked twice"
            assert question not in ((), tuple(items)), "what is known is not asked"
            if len(asked) == budget:
                question = generator.throw(OutOfBudget())
            asked.append(question)
            question = generator.send(sufficient(set(question)))
    except StopIteration as end:
        found, complete = end.value
        return list(found), complete, len(asked)


needed_sets = st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=4), min_size=1, max_size=3)


@given(needed_sets)
def test_the_result_is_sufficient_and_no_item_can_be_left_out(alternatives: list[set[int]]) -> None:
    def sufficient(subset: set[int]) -> bool:
        return any(needed <= subset for needed in alternatives)

    found, complete, _ = search(list(range(8)), sufficient)
    assert complete
    assert found == sorted(found)
    assert sufficient(set(found))
    assert not any(sufficient(set(found) - {item}) for item in found)


@given(st.sets(st.integers(0, 7), min_size=1), st.integers(0, 255))
def test_it_is_one_minimal_also_where_more_is_not_always_enough(needed: set[int], seed: int) -> None:
    def sufficient(subset: set[int]) -> bool:
        """Not monotone: some supersets of what is needed interact, and fail."""
        return subset == set(range(8)) or (needed <= subset and hash((frozenset(subset), seed)) % 3 > 0)

    found, _, _ = search(list(range(8)), sufficient)
    assert set(found) == set(range(8)) or sufficient(set(found))
    assert len(found) == 1 or not any(sufficient(set(found) - {item}) for item in found)


def test_one_of_many_is_found_in_few_questions() -> None:
    found, _, asked = search(list(range(64)), lambda subset: 41 in subset)
    assert found == [41]
    assert asked <= 12  # two questions for each halving


def test_a_single_item_needs_no_question() -> None:
    assert search([3], lambda subset: True) == ([3], True, 0)


def test_out_of_budget_the_smallest_so_far_is_returned() -> None:
    found, complete, asked = search(list(range(16)), lambda subset: {3, 12} <= subset, budget=8)
    assert not complete
    assert asked == 8
    assert {3, 12} <= set(found)
    assert len(found) < 16
