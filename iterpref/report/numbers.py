"""Every figure that a summary or page shows, as a function of the run folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from iterpref.focus import token_weights
from iterpref.records import End, attempt_id, trajectories
from iterpref.store import Run
from iterpref.types import Attempt, Outcome, Pair, Trajectory, Verdict

__all__ = ["Agreement", "Focus", "Funnel", "agreement", "focus_of", "funnel", "solved_by_version"]


@dataclass(frozen=True)
class Funnel:
    """How many of each there are, and why the rest is not."""

    sources: int
    sessions: int
    attempts: int
    solved: int
    outcomes: Counter[str]
    pairs: int
    anchors: int
    dropped: Counter[str]


@dataclass(frozen=True)
class Agreement:
    """Our verdicts against the labels that recorded attempts came with."""

    labelled: int
    agreed: int
    disagreements: tuple[tuple[str, str, str, str], ...]  # attempt id, label, our outcome, the reason

    @property
    def share(self) -> float:
        return self.agreed / self.labelled if self.labelled else 1.0


@dataclass(frozen=True)
class Focus:
    """How many tokens of y- carry the penalty, under one tokenizer (end token counted)."""

    pairs: int
    tokens: int
    penalised: int
    empty: int  # pairs without any penalised token
    whole: int  # pairs in which every token is penalised

    @property
    def share(self) -> float:
        return self.penalised / self.tokens if self.tokens else 0.0


def funnel(run: Run, round: int = 1) -> Funnel:
    outcomes = Counter(attempt.verdict.outcome.value for _, attempt in run.items("attempt", Attempt, round))
    pairs = Counter(pair.rejected is None for _, pair in run.items("pair", Pair, round))
    return Funnel(
        sources=run.count("source", round),
        sessions=run.count("end", round),
        attempts=sum(outcomes.values()),
        solved=sum(end.reason == "solved" for _, end in run.items("end", End, round)),
        outcomes=outcomes,
        pairs=pairs[False],
        anchors=pairs[True],
        dropped=run.drops("pairs", round),
    )


def agreement(run: Run, round: int = 1) -> Agreement:
    """Compare pass or fail with the recorded label, wherever a labelled attempt was run again."""
    labelled = agreed = 0
    different: list[tuple[str, str, str, str]] = []
    for id, source in run.items("source", Trajectory, round):
        if source.task.tests is None or not source.attempts or source.attempts[0].verdict.feedback == "not judged":
            continue
        ours = {attempt.index: attempt for attempt in run.below("attempt", f"{id}/", Attempt, round)}
        for recorded in source.attempts:
            if recorded.index not in ours:
                continue
            labelled += 1
            label, verdict = recorded.verdict, ours[recorded.index].verdict
            if label.passed == verdict.passed:
                agreed += 1
                continue
            told = "pass" if label.passed else f"{label.error_type or label.outcome.value} {label.feedback}".strip()
            reason = _reason(label, verdict)
            different.append((attempt_id(id, recorded.index), told, verdict.outcome.value, reason))
    return Agreement(labelled, agreed, tuple(different))


def _reason(label: Verdict, verdict: Verdict) -> str:
    """Why a label and our verdict may differ, as far as the two tell."""
    said = " ".join(f"{verdict.error_type} {verdict.feedback}".split())
    if verdict.passed:
        if label.error_type in ("ModuleNotFoundError", "ImportError"):
            return "a module that was missing when it was recorded is installed here"
        if label.outcome is Outcome.TIMEOUT:
            return "it was recorded as too slow; here it ends within the limit"
        return "every test passes here; the recorded run had other tests, versions or state"
    if verdict.outcome in (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT):
        return f"a limit of the sandbox ({verdict.outcome.value}): {said}"
    if verdict.error_type in ("ModuleNotFoundError", "ImportError"):
        return f"a module is missing here: {said}"
    return f"it fails here: {said}"


def solved_by_version(run: Run, round: int = 1) -> list[tuple[int, int, int]]:
    """(versions written, sessions that pass by then, sessions): the paper's pass rate by iteration (section 3.1)."""
    firsts: Counter[int] = Counter()
    longest = sessions = 0
    for _, trajectory in trajectories(run, round):
        sessions += 1
        longest = max([longest, *(attempt.index + 1 for attempt in trajectory.attempts)])
        passing = next((attempt.index for attempt in trajectory.attempts if attempt.verdict.passed), None)
        if passing is not None:
            firsts[passing] += 1
    return [(index + 1, sum(firsts[i] for i in range(index + 1)), sessions) for index in range(longest)]


def focus_of(pairs: Iterable[Pair], tokenizer: Any) -> Focus:
    """Penalised tokens of y- under a ``tokenizers.Tokenizer``."""
    count = tokens = penalised = empty = whole = 0
    for pair in pairs:
        if pair.rejected is None:
            continue
        offsets = tokenizer.encode(pair.rejected, add_special_tokens=False).offsets
        weights = token_weights(pair.rejected, offsets, pair.rejected_spans)
        on = sum(weight > 0 for weight in weights)
        count += 1
        tokens += len(weights)
        penalised += on
        empty += on == 0
        whole += on >= len(offsets)
    return Focus(count, tokens, penalised, empty, whole)
