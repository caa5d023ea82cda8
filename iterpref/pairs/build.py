"""Trajectories to focal preference pairs (paper, sections 3.1 and 3.2).

y+ is the final passing version; y- an earlier failing one: each of them (paper v1, the default), or one (v3). Programs
that passed at once become anchors for the NLL term. Whatever is left out is returned with its reason.

The steps are streams, one after the other: versions are paired, filtered by their texts, their focus is found (by the
differ, or by running), filtered by that, judged by a language model if one is asked for, and made pairs.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from iterpref.config import PairsConfig
from iterpref.errors import InputError
from iterpref.focus import Differ, Search, Verified, focus_spans, reruns_agree, resolve_differ, resolve_style, verify
from iterpref.focus.syntax import names_from_outside
from iterpref.pairs.cosmetic import AskMany, cosmetic_question, is_cosmetic
from iterpref.pairs.filters import Candidate, Filter, focus_filters, identical, keywords_of, policies, text_filters
from iterpref.pairs.running import Job, Runner, searched
from iterpref.store import Drop
from iterpref.types import Attempt, Outcome, Pair, Tests, Trajectory

__all__ = ["FAULT", "build_pairs", "choose_negatives", "needs_running"]

_BATCH = 64  # pairs that the language model is asked about together
FAULT = "the machine failed while the pair was run; run `iterpref pairs` again"


def needs_running(config: PairsConfig) -> bool:
    """Whether programs are run to make the pairs."""
    return config.focus == "verified" or config.reruns > 0


def choose_negatives(failures: tuple[Attempt, ...], how: str, seed: str) -> tuple[Attempt, ...]:
    """Which failing versions are paired. ``seed`` makes ``random`` the same on every run.

    ``hardest`` passes the largest share of the tests that were counted; of several, the last.
    """
    if how == "each" or not failures:
        return failures
    if how == "random":
        return (random.Random(seed).choice(failures),)
    if how == "hardest":
        return (max(reversed(failures), key=_passed),)
    return (failures[0] if how == "first" else failures[-1],)


def _passed(attempt: Attempt) -> float:
    return attempt.verdict.tests_passed / max(1, attempt.verdict.tests_total)


def as_samples(trajectories: Iterable[tuple[str, Trajectory]]) -> Iterator[tuple[str, Trajectory]]:
    """The paper's baseline of sampling: first drafts of one task, each that fails against the first that passes.

    Sessions of a task follow each other. What was repaired later is not looked at.
    """
    for _, group in groupby(trajectories, key=lambda item: item[1].task.id):
        sessions = [(id, session, session.attempts[:1]) for id, session in group]
        passing = next((draft for _, _, drafts in sessions for draft in drafts if draft.verdict.passed), None)
        for id, session, drafts in sessions:
            fails = passing is not None and not any(draft.verdict.passed for draft in drafts)
            yield id, replace(session, attempts=(*drafts, passing) if fails and passing else drafts)


@dataclass(frozen=True)
class _Case:
    """A version on its way to being a pair."""

    key: str
    session: str
    trajectory: Trajectory
    attempt: Attempt
    final: Attempt
    pair: Candidate
    told: dict[str, object] = field(default_factory=dict)  # what goes into the provenance

    @property
    def tests(self) -> Tests | None:
        return self.trajectory.task.tests


Step = tuple[str, Pair | Drop] | _Case


def build_pairs(
    trajectories: Iterable[tuple[str, Trajectory]],
    config: PairsConfig,
    *,
    seed: int = 0,
    count_tokens: Callable[[str], int] | None = None,
    runner: Runner | None = None,
    ask_many: AskMany | None = None,
) -> Iterator[tuple[str, Pair | Drop]]:
    """Yield (id, pair or anchor, or the reason why there is none) for every version that is not y+.

    Ids are ``<trajectory>/<attempt index>``, so every attempt is accounted for once, in the order of the input. Without
    a focus proven by running (or where a task has no tests), nothing is run. ``ask_many`` is the language model of
    ``pairs.judge``.

    Raises:
        InputError: settings that exclude each other.
    """
    if config.preferred == "minimal" and config.focus != "verified":
        raise InputError("pairs.preferred: minimal is found by running, so it needs pairs.focus: verified.")
    if needs_running(config) and runner is None:
        raise ValueError("these settings run programs: build_pairs needs a runner")
    differ, style = resolve_differ(config.differ), resolve_style(config.style)
    verified = config.focus == "verified"
    of_texts, of_focus = text_filters(config, count_tokens), focus_filters(config)
    early = [identical, *of_texts] if verified else [identical, *of_focus, *of_texts, *policies(config)]
    late = [*of_focus, *policies(config)]
    versions = as_samples(trajectories) if config.source == "samples" else trajectories
    steps = _filtered(_paired(versions, config, differ, seed), early)
    if runner is not None and needs_running(config):
        steps = _run(steps, config, differ, runner)
        steps = _filtered(steps, late) if verified else steps
    if ask_many is not None:
        steps = _judged(steps, ask_many)
    seen: set[str] = set()
    for step in steps:
        if not isinstance(step, _Case):
            yield step
            continue
        made = _pair(step, config)
        if made.id in seen:
            yield step.key, Drop("pairs", "the same pair is there already")
            continue
        seen.add(made.id)
        rejected_spans, chosen_spans = style(made.rejected or "", made.chosen, made.rejected_spans, made.chosen_spans)
        yield step.key, replace(made, rejected_spans=rejected_spans, chosen_spans=chosen_spans)


def _paired(
    trajectories: Iterable[tuple[str, Trajectory]], config: PairsConfig, differ: Differ, seed: int
) -> Iterator[Step]:
    """Versions that may be pairs, anchors, and what can be neither."""
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
            keywords = keywords_of(trajectory.task.tests)
            candidate = Candidate(final.code, attempt.code, differ(attempt.code, final.code), keywords)
            yield _Case(key, id, trajectory, attempt, final, candidate)


def _filtered(steps: Iterable[Step], checks: Sequence[Filter]) -> Iterator[Step]:
    for step in steps:
        reason = next(filter(None, (check(step.pair) for check in checks)), None) if isinstance(step, _Case) else None
        yield (step.key, Drop("pairs", reason)) if isinstance(step, _Case) and reason else step


def _run(steps: Iterable[Step], config: PairsConfig, differ: Differ, runner: Runner) -> Iterator[Step]:
    """Prove the focus, or (``focus: diff``) only that the verdicts stand."""

    def jobs() -> Iterator[tuple[Step, Job | None]]:
        for step in steps:
            if isinstance(step, _Case) and step.tests is not None:
                # ten times what y+ took is enough for a program that does the same, and ends endless loops early
                seconds = max(1.0, 10 * step.final.verdict.cpu_seconds)
                yield step, Job(_search(step, step.tests, config, differ), step.tests, seconds)
            else:
                yield step, None

    for step, result in searched(jobs(), runner):
        if not isinstance(step, _Case) or step.tests is None:
            yield step
        elif result is None:
            yield step.key, Drop("pairs", FAULT)
        elif isinstance(result, str):
            yield step.key, Drop("pairs", result)
        elif isinstance(result, Verified):
            yield _proven(step, result, config)
        else:
            yield step


def _search(case: _Case, tests: Tests, config: PairsConfig, differ: Differ) -> Search:
    if config.focus == "diff":
        return reruns_agree(case.pair.rejected, case.pair.chosen, config.reruns)
    keep = {tests.entry_point, *names_from_outside(tests.code)}
    return verify(
        case.pair.rejected, case.pair.chosen, differ=differ, runs=config.runs, reruns=config.reruns, keep=keep
    )


def _proven(case: _Case, found: Verified, config: PairsConfig) -> _Case:
    minimal = config.preferred == "minimal"
    told: dict[str, object] = {
        "focus": "verified",
        "focus_runs": found.runs,
        "focus_complete": found.complete,
        "focus_necessary": [[hunk.rejected_start, hunk.rejected_end] for hunk in found.necessary],
    }
    irrelevant = [hunk for hunk in found.hunks if not hunk.counts]
    hunks = found.minimal_hunks if minimal else found.hunks
    pair = replace(case.pair, chosen=found.minimal if minimal else case.pair.chosen, hunks=hunks)
    return replace(case, pair=pair, told={**told, "focus_irrelevant": len(irrelevant)})


def _judged(steps: Iterable[Step], ask_many: AskMany) -> Iterator[Step]:
    """Drop what the language model calls cosmetic; keep, and mark, what it does not answer."""
    waiting: list[Step] = []

    def settle() -> Iterator[Step]:
        cases = [step for step in waiting if isinstance(step, _Case)]
        questions = [cosmetic_question(case.trajectory.task.prompt, case.pair) for case in cases]
        answers = iter([*ask_many(questions)] if questions else [])
        for step in waiting:
            if not isinstance(step, _Case):
                yield step
                continue
            cosmetic = is_cosmetic(next(answers))
            if cosmetic:
                yield step.key, Drop("pairs", "the language model calls the difference cosmetic")
            else:
                yield replace(step, told={**step.told, "judge": "no answer" if cosmetic is None else "functional"})
        waiting.clear()

    for step in steps:
        waiting.append(step)
        if len(waiting) >= _BATCH:
            yield from settle()
    yield from settle()


def _pair(case: _Case, config: PairsConfig) -> Pair:
    rejected_spans, chosen_spans = focus_spans(case.pair.hunks, config.deletions)
    share = case.pair.share
    if config.rewrites == "weight" and share > config.max_share:
        # K- of a whole rewrite then weighs as much as that of a focus that is just not one
        rejected_spans = tuple(replace(span, weight=span.weight * config.max_share / share) for span in rejected_spans)
    prompt = case.trajectory.task.prompt
    return Pair(
        id=_digest(prompt, case.pair.chosen, case.pair.rejected),
        prompt=prompt,
        chosen=case.pair.chosen,
        rejected=case.pair.rejected,
        chosen_spans=chosen_spans,
        rejected_spans=rejected_spans,
        provenance={**_provenance(case.session, case.trajectory, case.attempt, case.final), **case.told},
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
