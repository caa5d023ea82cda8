"""Intervals, against values computed by hand."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.stats import bootstrap, compare, mcnemar, pass_at_k, pass_rate, share


def test_wilson_interval_near_the_edges_and_in_the_middle() -> None:
    none = share(0, 10)  # z^2 / (n + z^2) = 3.8415 / 13.8415
    assert (none.value, none.low) == (0.0, pytest.approx(0.0, abs=1e-12))
    assert none.high == pytest.approx(0.27753, abs=1e-5)
    half = share(5, 10)  # 0.5 +- z / (2 sqrt(n + z^2)) = 0.5 +- 1.95996 / (2 * 3.72042)
    assert (half.low, half.high) == (pytest.approx(0.23659, abs=1e-5), pytest.approx(0.76341, abs=1e-5))
    assert half.count == 10


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_interval_lies_in_the_unit_range_around_the_value(count: int, part: float) -> None:
    found = share(int(part * count), count)
    assert -1e-12 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-12


@pytest.mark.parametrize("count", range(1, 40))
def test_no_interval_leaves_the_unit_range_by_rounding(count: int) -> None:
    assert math.copysign(1, share(0, count).low) == 1
    assert share(count, count).high <= 1


def test_pass_rate_counts_tasks() -> None:
    assert pass_rate({"a": True, "b": False, "c": True, "d": True}) == share(3, 4)
    with pytest.raises(ValueError, match="at least one task"):
        pass_rate({})


def test_a_paired_difference_by_hand() -> None:
    first = {"a": True, "b": False, "c": False, "d": True, "only": True}
    second = {"d": True, "c": True, "b": True, "a": False}
    found = compare(first, second)
    assert (found.won, found.lost) == (("b", "c"), ("a",))
    # differences -1, 1, 1, 0: mean 1/4, sample variance (1.5625 + 0.5625 + 0.5625 + 0.0625) / 3 = 11/12
    half = 1.959964 * math.sqrt(11 / 12 / 4)
    assert found.difference.value == 0.25
    assert found.difference.high - 0.25 == pytest.approx(half, abs=1e-6)
    assert found.difference.count == 4


def test_one_common_task_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two common tasks"):
        compare({"a": True}, {"a": False})


@pytest.mark.parametrize(
    ("count", "passed", "k", "expected"),
    [
        (1, 1, 1, 1.0),
        (5, 2, 1, 0.4),  # pass@1 is the share
        (5, 2, 3, 0.9),  # 1 - C(3, 3) / C(5, 3) = 1 - 1 / 10
        (5, 2, 4, 1.0),  # four of five always hold one of two
        (10, 3, 5, 11 / 12),  # 1 - C(7, 5) / C(10, 5) = 1 - 21 / 252
        (200, 0, 100, 0.0),
    ],
)
def test_pass_at_k_by_hand(count: int, passed: int, k: int, expected: float) -> None:
    assert pass_at_k(count, passed, k) == pytest.approx(expected, abs=1e-12)


@given(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.lists(st.booleans(), min_size=n, max_size=n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_pass(drawn: tuple[list[bool], int]) -> None:
    samples, k = drawn
    subsets = [any(subset) for subset in itertools.combinations(samples, k)]
    assert pass_at_k(len(samples), sum(samples), k) == pytest.approx(sum(subsets) / len(subsets), abs=1e-12)


@pytest.mark.parametrize("k", [0, 4])
def test_pass_at_k_needs_k_samples(k: int) -> None:
    with pytest.raises(ValueError, match="samples, there are 3"):
        pass_at_k(3, 1, k)


def test_a_bootstrap_of_two_tasks_takes_their_whole_range() -> None:
    found = bootstrap([0.0, 1.0])  # means 0, 1/2, 1 with shares 1/4, 1/2, 1/4
    assert (found.value, found.low, found.high, found.count) == (0.5, 0.0, 1.0, 2)


def test_a_bootstrap_of_many_tasks_is_near_the_normal_interval() -> None:
    found = bootstrap([1.0] * 300 + [0.0] * 100)  # standard error sqrt(3/16 / 400) = 0.021651
    assert found.low == pytest.approx(0.75 - 1.96 * 0.021651, abs=0.003)
    assert found.high == pytest.approx(0.75 + 1.96 * 0.021651, abs=0.003)
    assert bootstrap([1.0] * 300 + [0.0] * 100) == found
    assert bootstrap([0.25] * 7) == bootstrap([0.25] * 7, seed=5)
    with pytest.raises(ValueError, match="at least one task"):
        bootstrap([])


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 * 1/2
        (6, 0, 0.03125),  # 2 / 64
        (8, 2, 0.109375),  # 2 * (1 + 10 + 45) / 1024
        (5, 5, 1.0),  # twice a tail of more than one half
    ],
)
def test_mcnemar_by_hand(won: int, lost: int, p: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(p, abs=1e-12)
    assert mcnemar(lost, won) == mcnemar(won, lost)
