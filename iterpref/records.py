"""The kinds of record a run folder holds, and how they fit together.

    kind        id                       record
    source      <session>                Trajectory as it was read: a task, and versions with the labels they came with
    attempt     <session>/<index>        Attempt with our own verdict
    end         <session>                End: the session is complete, and why
    ran         <digest>                 whether a program passed its tests, run for a focus; in round 0, for all rounds
    left        <stage>:<id>             Drop: a task or session that a teacher had no use for, and why
    new tests   <session>/<index>        what a teacher wrote beside a repair, and what running it said
    pair        <session>/<index>        Pair
    drop        <stage>:<id>             Drop
    complete    <what, and its settings> Finished
    stage       <stage>                  Finished
    metric      <variant>/<step>         numbers logged in training
    trained     <variant>                what training ended with
    score       <variant>/<split>/<task> Score
    evaluation  <evaluation>             everything that decides an answer to a benchmark
    answer      <evaluation>/<task>/<sample>  what a model wrote, or the program that was handed in
    judged      <evaluation>/<environment>/<task>/<sample>  the program in it, and a verdict for each part

A session is one trajectory in the making: ``<task>``, or ``<task>#<sample>`` where a task is drafted several times.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from iterpref.store import Run
from iterpref.types import Attempt, Trajectory

__all__ = ["End", "Finished", "Trained", "attempt_id", "fingerprint", "mark", "trajectories", "trajectory"]


@dataclass(frozen=True)
class End:
    """A session is complete. ``source`` is the id of the record it grew from."""

    source: str
    teacher: str
    reason: str  # solved | unsolved | no answer
    sampled: bool = False  # its versions are independent tries, not repairs of each other


@dataclass(frozen=True)
class Finished:
    """A piece of work is done, with everything that decided it."""

    fingerprint: str


@dataclass(frozen=True)
class Trained:
    """What a training run ended with, and the fingerprint of everything that decided it."""

    fingerprint: str
    model: str  # folder
    steps: int
    metrics: dict[str, float]
    pairs: int
    anchors: int
    dropped: dict[str, int]
    config: dict[str, Any]


def attempt_id(session: str, index: int) -> str:
    return f"{session}/{index:03d}"


def mark(earlier: Sequence[Attempt], attempt: Attempt) -> str:
    """``repeat``: word for word as one before it; ``regression``: passes fewer tests than one before it; or empty."""
    if any(attempt.code == each.code for each in earlier):
        return "repeat"
    best = max(((each.verdict.passed, each.verdict.tests_passed) for each in earlier), default=(False, 0))
    return "regression" if (attempt.verdict.passed, attempt.verdict.tests_passed) < best else ""


def trajectories(run: Run, round: int = 1) -> Iterator[tuple[str, Trajectory]]:
    """Every complete session as a trajectory with our verdicts, in the order of the sources.

    Sessions end in an order that depends on the machine; what is made from them must not.
    """
    sessions: dict[str, list[tuple[str, End]]] = {}
    for session, end in run.items("end", End, round):
        sessions.setdefault(end.source, []).append((session, end))
    for source in run.ids("source", round):
        for session, end in sorted(sessions.get(source, ()), key=lambda item: (len(item[0]), item[0])):
            yield session, _assemble(run, session, end, round)


def trajectory(run: Run, session: str, round: int = 1) -> Trajectory | None:
    """One complete session, or None."""
    end = run.get("end", session, End, round)
    return _assemble(run, session, end, round) if end else None


def _assemble(run: Run, session: str, end: End, round: int) -> Trajectory:
    source = run.get("source", end.source, Trajectory, round)
    assert source is not None, f"record {end.source!r} is missing"  # written before any session begins
    attempts = run.below("attempt", f"{session}/", Attempt, round)
    if end.sampled:  # any try that fails may be paired with one that passes: their order means nothing
        attempts.sort(key=lambda attempt: attempt.verdict.passed)
    return Trajectory(source.task, tuple(attempts), end.teacher)


def fingerprint(*parts: Any) -> str:
    """A short digest of everything that decided a piece of work."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:16]
