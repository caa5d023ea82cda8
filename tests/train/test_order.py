from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iterpref.train.order import GlobalBatches


def ranks(trajectories: Sequence[Any], world: int, **options: Any) -> list[list[list[int]]]:
    """The micro-batches of every process."""
    given: dict[str, Any] = {"size": 4, "accumulation": 1, "seed": 0, "cost": len, **options}
    return [[row for (row,) in GlobalBatches(trajectories, rank=rank, world=world, **given)] for rank in range(world)]


@pytest.mark.parametrize("epoch", [0, 1])
def test_single_pairs_come_in_the_order_of_torchs_random_sampler(epoch: int) -> None:
    batches = GlobalBatches(range(10), size=4, accumulation=1, rank=0, world=1, seed=7, cost=len)
    batches.set_epoch(epoch)

    expected = torch.randperm(10, generator=torch.Generator().manual_seed(7 + epoch)).tolist()
    assert list(batches) == [[expected[:4]], [expected[4:8]], [expected[8:]]]
    assert len(batches) == 3


def test_the_pairs_of_a_trajectory_meet() -> None:
    ((first, second, third),) = ranks("aabbccaaddbb", 1)

    assert {len(first), len(second), len(third)} == {4}
    assert sorted(first + second + third) == list(range(12))
    order = "".join("aabbccaaddbb"[number] for number in first + second + third)
    assert len([1 for before, after in pairwise(order) if before != after]) == 3


@given(
    trajectories=st.lists(st.integers(0, 9), min_size=4, max_size=40),
    size=st.integers(1, 4),
    accumulation=st.integers(1, 3),
    world=st.integers(1, 4),
)
def test_every_pair_is_met_once_and_processes_keep_step(
    trajectories: list[int], size: int, accumulation: int, world: int
) -> None:
    found = ranks(trajectories, world, size=size, accumulation=accumulation)

    assert sorted(number for rank in found for batch in rank for number in batch) == list(range(len(trajectories)))
    assert len({len(rank) for rank in found}) == 1
    assert all(batch for rank in found for batch in rank)
    sampler = GlobalBatches(trajectories, size=size, accumulation=accumulation, rank=0, world=world, seed=0, cost=len)
    assert len(sampler) == len(found[0])
    step = size * accumulation * world
    for begin in range(0, len(trajectories) // step - 1):
        batches = [batch for rank in found for batch in rank[begin * accumulation : (begin + 1) * accumulation]]
        assert sum(map(len, batches)) == step


def test_processes_get_about_as_many_tokens() -> None:
    tokens = [100, 90, 80, 10, 10, 10, 10, 10]
    ((first,), (second,)) = ranks(range(8), 2, cost=lambda numbers: sum(tokens[number] for number in numbers))

    loads = [sum(tokens[number] for number in batch) for batch in (first, second)]
    assert sorted(loads) == [150, 170]  # four each, by place, would be anything up to 280 and 40


def test_a_last_step_too_small_for_all_processes_joins_the_one_before() -> None:
    found = ranks(range(13), 3)

    assert [[len(batch) for batch in rank] for rank in found] == [[5], [4], [4]]


def in_rows(trajectories: Sequence[Any], budget: int, tokens: Sequence[int]) -> list[list[list[list[int]]]]:
    """The rows of every micro-batch of two processes, six examples each."""
    options: dict[str, Any] = {"size": 6, "accumulation": 1, "seed": 0, "budget": budget}
    cost = lambda numbers: sum(tokens[number] for number in numbers)  # noqa: E731
    return [list(GlobalBatches(trajectories, rank=rank, world=2, cost=cost, **options)) for rank in range(2)]


def test_rows_keep_to_their_budget_of_tokens() -> None:
    tokens = [10] * 12
    found = in_rows(range(12), 30, tokens)

    assert [[len(row) for row in batch] for rank in found for batch in rank] == [[3, 3], [3, 3]]
    assert sorted(number for rank in found for batch in rank for row in batch for number in row) == list(range(12))


def test_processes_have_as_many_rows_though_only_one_needs_them() -> None:
    found = in_rows(range(12), 60, [100] + [10] * 11)  # one example is over the budget by itself

    assert [[len(row) for row in batch] for rank in found for batch in rank] == [[1, 1], [5, 5]]
    assert [0] in [row for rank in found for batch in rank for row in batch]


def test_a_trajectory_is_split_only_where_the_budget_asks_for_it() -> None:
    found = in_rows("aaabbbaaabbb", 60, [10] * 12)

    rows = [row for rank in found for batch in rank for row in batch]
    assert [len({"aaabbbaaabbb"[number] for number in row}) for row in rows] == [1, 1]
    assert {len(row) for batch in in_rows("aaabbbaaabbb", 20, [10] * 12) for rows in batch for row in rows} <= {1, 2}


@given(budget=st.integers(1, 200), tokens=st.lists(st.integers(1, 50), min_size=12, max_size=30))
def test_every_pair_is_in_one_row_and_all_micro_batches_of_a_step_have_as_many(budget: int, tokens: list[int]) -> None:
    first, second = in_rows(range(len(tokens)), budget, tokens)

    rows = [row for batch in first + second for row in batch]
    assert sorted(number for row in rows for number in row) == list(range(len(tokens)))
    assert all(rows)
    assert [len(batch) for batch in first] == [len(batch) for batch in second]
