"""Intervals for pass rates, and for differences between two models on the same tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

__all__ = ["Estimate", "Paired", "compare", "pass_rate", "share"]

_Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval, over ``count`` tasks."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Paired:
    """Difference of two pass rates on the same tasks, with its 95 % interval and the tasks that flipped."""

    difference: Estimate
    won: tuple[str, ...]  # passed by the second model only
    lost: tuple[str, ...]  # passed by the first model only


def share(passed: int, count: int) -> Estimate:
    """``passed`` of ``count``, with Wilson's score interval (right also near 0 and 1).

    Raises:
        ValueError: there is no task.
    """
    if count == 0:
        raise ValueError("a pass rate needs at least one task")
    p, n = passed / count, count
    centre = (p + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 / (1 + _Z95**2 / n) * math.sqrt(p * (1 - p) / n + _Z95**2 / (4 * n * n))
    return Estimate(p, centre - half, centre + half, n)


def pass_rate(passed: Mapping[str, bool]) -> Estimate:
    """Share of tasks passed, by task id, with its interval.

    Raises:
        ValueError: there is no task.
    """
    return share(sum(passed.values()), len(passed))


def compare(first: Mapping[str, bool], second: Mapping[str, bool]) -> Paired:
    """Second minus first, over the tasks that both have, from the per-task differences (normal approximation).

    Pairing removes the variance between easy and hard tasks, so the interval is narrower than two intervals compared.

    Raises:
        ValueError: fewer than two tasks in common.
    """
    common = [task for task in first if task in second]
    differences = [int(second[task]) - int(first[task]) for task in common]
    mean = fmean(differences) if differences else 0.0
    half = _Z95 * stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    if math.isnan(half):
        raise ValueError("a paired comparison needs at least two common tasks")
    return Paired(
        Estimate(mean, mean - half, mean + half, len(common)),
        won=tuple(task for task in common if second[task] and not first[task]),
        lost=tuple(task for task in common if first[task] and not second[task]),
    )
