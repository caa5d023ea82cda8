from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from iterpref.train.tree import grow


def ints(values: list[int]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(values, np.int32)


def test_a_trajectory_by_hand() -> None:
    # prompt 1 2, y+ 3 4 5, y- 3 6 5 of which 6 is penalised, y- 3 4 7 8 of which 7 and 8 are
    sequences = [ints([1, 2, 3, 4, 5]), ints([1, 2, 3, 6, 5]), ints([1, 2, 3, 4, 7, 8])]
    tree = grow(sequences, [ints([2, 3, 4]), ints([3]), ints([4, 5])])

    # the last scored token of a branch is a target only, and what follows it is not there
    assert tree.ids.tolist() == [1, 2, 3, 4, 7]
    assert tree.depths.tolist() == [0, 1, 2, 3, 4]
    assert tree.ends.tolist() == [5, 5, 5, 5, 5]
    assert list(zip(tree.kept.tolist(), tree.targets.tolist(), strict=True)) == [
        (1, 3), (2, 4), (2, 6), (3, 5), (3, 7), (4, 8),
    ]  # fmt: skip
    assert [part.tolist() for part in tree.index] == [[0, 1, 3], [2], [4, 5]]


def test_branches_do_not_see_each_other() -> None:
    sequences = [ints([1, 2, 3, 4]), ints([1, 5, 6, 7])]
    tree = grow(sequences, [ints([1, 2, 3])] * 2)

    assert tree.ids.tolist() == [1, 2, 3, 5, 6]
    assert tree.ends.tolist() == [5, 3, 3, 5, 5]
    assert tree.depths.tolist() == [0, 1, 2, 1, 2]


def test_a_penalised_token_on_the_shared_beginning_is_scored_once_for_both() -> None:
    sequences = [ints([1, 2, 3]), ints([1, 2, 4])]
    tree = grow(sequences, [ints([1, 2]), ints([1])])

    assert [part.tolist() for part in tree.index] == [[0, 1], [0]]
    assert tree.ids.tolist() == [1, 2]


def test_a_sequence_of_which_nothing_is_scored_adds_nothing() -> None:
    tree = grow([ints([1, 2, 3]), ints([1, 9, 9])], [ints([1, 2]), ints([])])

    assert tree.ids.tolist() == [1, 2]
    assert tree.index[1].tolist() == []


cases = st.lists(
    st.lists(st.integers(0, 2), min_size=2, max_size=9).flatmap(
        lambda ids: st.tuples(st.just(ids), st.sets(st.integers(1, len(ids) - 1)).map(sorted))
    ),
    min_size=1,
    max_size=6,
)


@given(cases)
def test_every_scored_token_is_predicted_by_its_own_sequence(found: list[tuple[list[int], list[int]]]) -> None:
    tree = grow([ints(ids) for ids, _ in found], [ints(at) for _, at in found])
    nodes = np.arange(len(tree.ids))
    for (ids, scored), index in zip(found, tree.index, strict=True):
        for place, entry in zip(scored, index, strict=True):
            node = tree.kept[entry]
            ancestors = nodes[(nodes <= node) & (node < tree.ends)]
            assert tree.ids[ancestors].tolist() == ids[:place]
            assert tree.depths[ancestors].tolist() == list(range(place))
            assert tree.targets[entry] == ids[place]


@given(cases)
def test_no_token_is_computed_or_scored_twice(found: list[tuple[list[int], list[int]]]) -> None:
    tree = grow([ints(ids) for ids, _ in found], [ints(at) for _, at in found])
    needed = {tuple(ids[:end]) for ids, scored in found for last in scored[-1:] for end in range(1, last + 1)}
    wanted = {tuple(ids[: at + 1]) for ids, scored in found for at in scored}

    assert len(tree.ids) == len(needed)
    assert len(tree.kept) == len(wanted)
