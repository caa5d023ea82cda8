"""What training and evaluation left in a run folder: curves, pass@1 with intervals, differences to base, flips."""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iterpref.stats import Estimate, Paired, compare, pass_rate
from iterpref.store import Run
from iterpref.types import Score

__all__ = ["BASE", "Flip", "Result", "by_learning_rate", "curves", "flips", "results_of", "thin"]

BASE = "base"  # the variant that every other is compared with: the model before training, scored in round 1


@dataclass(frozen=True)
class Result:
    """One model on one set of held-out tasks. ``paired`` is None for the base model, and where it was not scored."""

    round: int
    split: str
    variant: str
    rate: Estimate
    paired: Paired | None
    kinds: Counter[str]  # how the answers ended


@dataclass(frozen=True)
class Flip:
    """A task that only one of two models passes, with both answers."""

    task_id: str
    base: Score
    tuned: Score


def results_of(run: Run) -> list[Result]:
    """Every model's result, in the order of splits (test first), rounds and first answers."""
    passed: dict[tuple[str, int, str], dict[str, bool]] = defaultdict(dict)
    kinds: dict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    for round in run.rounds():
        for id, score in run.items("score", Score, round):
            key = (score.suite, round, id.removesuffix(f"/{score.suite}/{score.task_id}"))
            passed[key][score.task_id] = score.attempt.verdict.passed
            kinds[key][score.attempt.verdict.kind] += 1
    found = []
    for key in sorted(passed, key=lambda key: (key[0] != "test", key[0], key[1], key[2] != BASE)):
        split, round, variant = key
        base = passed.get((split, 1, BASE), {})
        comparable = key != (split, 1, BASE) and len(base.keys() & passed[key].keys()) > 1
        paired = compare(base, passed[key]) if comparable else None
        found.append(Result(round, split, variant, pass_rate(passed[key]), paired, kinds[key]))
    return found


def flips(run: Run, result: Result, tasks: Sequence[str], limit: int) -> list[Flip]:
    """Both answers to ``tasks``; of more than ``limit`` tasks those of the smallest hash, the same on every run."""
    found = []
    for task in heapq.nsmallest(limit, tasks, key=lambda id: hashlib.sha256(id.encode()).digest()):
        base = run.get("score", f"{BASE}/{result.split}/{task}", Score, 1)
        tuned = run.get("score", f"{result.variant}/{result.split}/{task}", Score, result.round)
        if base and tuned:
            found.append(Flip(task, base, tuned))
    return found


def curves(run: Run, round: int = 1) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Logged numbers as key -> variant -> (step, value), steps in order. Values that are not finite are left out."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    numbers: type[dict[str, Any]] = dict
    for id, logged in run.items("metric", numbers, round):
        variant, _, step = id.rpartition("/")
        for key, value in logged.items():
            if isinstance(value, int | float) and math.isfinite(value):
                found[key][variant].append((float(step), float(value)))
    return {key: {name: sorted(points) for name, points in named.items()} for key, named in found.items()}


def by_learning_rate(
    run: Run, results: Sequence[Result], split: str
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """What a learning rate does to a method: number -> method -> (log10 of the rate, value), rates in order.

    A method is all variants of round 1 that differ in nothing else; one that was trained at a single rate is left out.
    Numbers are ``pass@1`` on ``split``, and ``drift``: log p(y+) at the end against the start, in nats a token.
    """
    rates = {result.variant: result.rate.value for result in results if result.split == split and result.round == 1}
    drifts = {name: points[-1][1] for name, points in curves(run).get("logps/chosen_drift", {}).items() if points}
    records: type[dict[str, Any]] = dict
    methods: dict[str, list[tuple[float, str]]] = defaultdict(list)
    names: dict[str, str] = {}
    for variant, trained in run.items("trained", records):
        config = {key: value for key, value in trained["config"].items() if key != "learning_rate"}
        method = json.dumps(config, sort_keys=True)
        methods[method].append((math.log10(trained["config"]["learning_rate"]), variant))
        names[method] = config["loss_type"] + (" and passing programs" if config["use_anchors"] else "")
    found: dict[str, dict[str, list[tuple[float, float]]]] = {"pass@1": {}, "drift": {}}
    for method, tried in methods.items():
        for number, values in (("pass@1", rates), ("drift", drifts)):
            points = [(rate, values[variant]) for rate, variant in sorted(tried) if variant in values]
            if len(points) > 1:
                found[number][names[method]] = points
    return found


def thin(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """At most ``most`` points: means of neighbours, equally many for each."""
    width = math.ceil(len(points) / most) or 1
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
