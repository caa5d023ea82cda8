"""Pass rates and their intervals, pass@k, and whether two models differ on the same tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

__all__ = ["Estimate", "Paired", "bootstrap", "compare", "mcnemar", "pass_at_k", "pass_rate", "share"]

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
    return Estimate(p, max(0.0, centre - half), min(1.0, centre + half), n)  # rounding may lead just outside


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


def pass_at_k(count: int, passed: int, k: int) -> float:
    """The unbiased estimate of "at least one of k samples passes", from ``passed`` of ``count`` samples of one task.

    1 - C(count - passed, k) / C(count, k) (Chen et al. 2021, arXiv 2107.03374, section 2.1), in exact integers.

    Raises:
        ValueError: k is below 1 or above ``count``.
    """
    if not 1 <= k <= count:
        raise ValueError(f"pass@{k} needs at least {max(k, 1)} samples, there are {count}")
    without: int = math.comb(count - passed, k)
    return 1 - without / math.comb(count, k)


def bootstrap(values: Sequence[float], seed: int = 0, resamples: int = 10_000) -> Estimate:
    """Mean of one value a task, with the 2.5 % and 97.5 % percentiles of the means of tasks drawn with replacement.

    Given the differences of two models by task, it is the paired bootstrap. The same seed gives the same interval.

    Raises:
        ValueError: there is no task.
    """
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one task")
    table = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    at_once = max(1, 1_000_000 // len(table))
    means = np.concatenate(
        [
            table[rng.integers(0, len(table), (min(at_once, resamples - done), len(table)))].mean(axis=1)
            for done in range(0, resamples, at_once)
        ]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(fmean(values), float(low), float(high), len(values))


def mcnemar(won: int, lost: int) -> float:
    """Exact two-sided p-value of McNemar's test: is a task that flips as likely to be won as to be lost?

    Tasks that both models pass, or both fail, say nothing of it. Without any flip it is 1.
    """
    flips = won + lost
    tail = sum(math.comb(flips, count) for count in range(min(won, lost) + 1))
    both: float = tail / 2 ** (flips - 1) if flips else 1.0
    return min(1.0, both)
