"""Trajectories to focal preference pairs (paper, sections 3.1 and 3.2).

y+ is the final passing version; y- an earlier failing one: each of them (paper v1, the default), or one (v3). Programs
that passed at once become anchors for the NLL term. Whatever is left out is returned with its reason.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator

from iterpref.config import PairsConfig
from iterpref.focus import focus_spans, resolve_differ
from iterpref.pairs.filters import Candidate, filters
from iterpref.store import Drop
from iterpref.types import Attempt, Outcome, Pair, Trajectory

__all__ = ["build_pairs", "choose_negatives"]


def choose_negatives(failures: tuple[Attempt, ...], how: str, seed: str) -> tuple[Attempt, ...]:
    """Which failing versions are paired. ``seed`` makes ``random`` the same on every run."""
    if how == "each" or not failures:
        return failures
    if how == "random":
        return (random.Random(seed).choice(failures),)
    return (failures[0] if how == "first" else failures[-1],)


def build_pairs(
    trajectories: Iterable[tuple[str, Trajectory]],
    config: PairsConfig,
    *,
    seed: int = 0,
    count_tokens: Callable[[str], int] | None = None,
) -> Iterator[tuple[str, Pair | Drop]]:
    """Yield (id, pair or anchor, or the reason why there is none) for every version that is not y+.

    Ids are ``<trajectory>/<attempt index>``, so every attempt is accounted for once.
    """
    differ = resolve_differ(config.differ)
    checks = filters(config, count_tokens)
    seen: set[str] = set()
    for id, trajectory in trajectories:
        final = trajectory.final
        for attempt in trajectory.attempts:
            reason = _unusable(trajectory, attempt, final)
            if reason:
                yield f"{id}/{attempt.index}", Drop("pairs", reason)
        if final is None:
            continue
        failures = trajectory.failures
        if not failures:
            off = Drop("pairs", "no failing version before it (anchors are off)")
            yield f"{id}/{final.index}", _anchor(id, trajectory, final) if config.anchors else off
            continue
        chosen_ones = choose_negatives(failures, config.negatives, f"{seed}/{id}")
        for attempt in failures:
            key = f"{id}/{attempt.index}"
            if attempt not in chosen_ones:
                yield key, Drop("pairs", f"not chosen as the {config.negatives} failing version")
                continue
            hunks = differ(attempt.code, final.code)
            candidate = Candidate(final.code, attempt.code, hunks)
            reason = next(filter(None, (check(candidate) for check in checks)), None)
            digest = _digest(trajectory.task.prompt, final.code, attempt.code)
            if reason is None and digest in seen:
                reason = "the same pair is there already"
            if reason:
                yield key, Drop("pairs", reason)
                continue
            seen.add(digest)
            rejected_spans, chosen_spans = focus_spans(hunks, config.deletions)
            yield (
                key,
                Pair(
                    id=digest,
                    prompt=trajectory.task.prompt,
                    chosen=final.code,
                    rejected=attempt.code,
                    chosen_spans=chosen_spans,
                    rejected_spans=rejected_spans,
                    provenance=_provenance(id, trajectory, attempt, final),
                ),
            )


def _unusable(trajectory: Trajectory, attempt: Attempt, final: Attempt | None) -> str | None:
    """Why an attempt can be neither y+ nor y-, or None."""
    verdict = attempt.verdict
    if attempt is final:
        return None
    if verdict.outcome in (Outcome.TAMPER, Outcome.INFRA, Outcome.INVALID, Outcome.UNSUPPORTED):
        return f"verdict {verdict.outcome.value}: says nothing that can be learnt"
    if final is None:
        return "no version of the task passes"
    if verdict.passed:
        return "passes, but is not the last version that does"
    if trajectory.attempts.index(attempt) > trajectory.attempts.index(final):
        return "regression: fails after the version that passes"
    if attempt not in trajectory.failures:
        return "repeats an earlier version word for word"
    return None


def _anchor(id: str, trajectory: Trajectory, final: Attempt) -> Pair:
    digest = _digest(trajectory.task.prompt, final.code, "")
    return Pair(digest, trajectory.task.prompt, final.code, provenance=_provenance(id, trajectory, final, final))


def _provenance(id: str, trajectory: Trajectory, attempt: Attempt, final: Attempt) -> dict[str, object]:
    return {
        "trajectory": id,
        "task_id": trajectory.task.id,
        "source": trajectory.task.source,
        "teacher": trajectory.teacher,
        "attempt": attempt.index,
        "final": final.index,
        "outcome": attempt.verdict.outcome.value,
        "error_type": attempt.verdict.error_type,
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
