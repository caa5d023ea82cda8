"""Intervals, against values computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.stats import compare, pass_rate, share


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
