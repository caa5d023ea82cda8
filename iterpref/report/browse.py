"""The trajectories that the page lets a person walk through: which ones, and each as compact data.

A large run is sampled: the page is one file, and nobody reads 50,000 sessions. Sessions are put into strata (round,
how the first version ended, versions written, solved) and every stratum gives the same number while it lasts, so that
rare kinds are not drowned. Inside a stratum a hash of the id decides, so a page is the same whenever it is made.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from iterpref.focus import Differ, token_weights
from iterpref.records import mark, trajectories, trajectory
from iterpref.report.marks import unpenalised
from iterpref.report.scores import Flip
from iterpref.store import Drop, Run
from iterpref.types import Attempt, Pair, Span, Trajectory

__all__ = ["Survey", "flip_data", "session_data", "survey"]

MAX_CODE, MAX_TEXT = 20_000, 4_000  # characters shown of a program, and of a prompt, feedback or message


@dataclass
class Survey:
    """One reading of all sessions: what the page counts, and which it shows."""

    sessions: int = 0
    first: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # round -> how version 0 ended
    last: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # round -> the end result
    passing: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))  # first passing index
    written: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # versions in the longest session
    chosen: list[tuple[int, str]] = field(default_factory=list)  # (round, session)

    def solved_by_version(self, round: int) -> list[tuple[int, int, int]]:
        """(versions written, sessions that pass by then, sessions): pass rate by iteration (paper, section 3.1)."""
        found, total = self.passing[round], sum(self.first[round].values())
        return [(n, sum(found[i] for i in range(n)), total) for n in range(1, self.written[round] + 1)]


def survey(run: Run, limit: int) -> Survey:
    """Read every complete session once; memory holds at most ``limit`` ids a stratum."""
    found = Survey()
    strata: dict[tuple[Any, ...], list[tuple[int, int, int, str]]] = defaultdict(list)
    for round in run.rounds():
        for id, session in trajectories(run, round):
            found.sessions += 1
            kinds = [attempt.verdict.kind for attempt in session.attempts] or ["no answer"]
            found.first[round][kinds[0]] += 1
            found.last[round]["passes" if session.solved else kinds[-1]] += 1
            found.written[round] = max([found.written[round], *(attempt.index + 1 for attempt in session.attempts)])
            first = next((attempt.index for attempt in session.attempts if attempt.verdict.passed), None)
            if first is not None:
                found.passing[round][first] += 1
            stratum = strata[round, kinds[0], min(len(kinds), 6), session.solved]
            rank = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big")
            heapq.heappush(stratum, (-rank, round, found.sessions, id))
            if len(stratum) > limit:
                heapq.heappop(stratum)
    found.chosen = _share_out(list(strata.values()), limit)
    return found


def _share_out(strata: list[list[tuple[int, int, int, str]]], limit: int) -> list[tuple[int, str]]:
    """``limit`` members, equally many of each stratum while it lasts, in the order in which they were read."""
    kept: list[tuple[int, int, int, str]] = []
    for index, stratum in enumerate(sorted(strata, key=len)):
        quota = (limit - len(kept)) // (len(strata) - index)
        kept += sorted(stratum, reverse=True)[:quota]
    return [(round, id) for _, round, _, id in sorted(kept, key=lambda each: each[2])]


def session_data(
    run: Run, chosen: Sequence[tuple[int, str]], differ: Differ, tokenizer: Any | None
) -> Iterator[dict[str, Any]]:
    """Each chosen session as JSON data; positions count characters (code points) of the code text."""
    for round, id in chosen:
        found = trajectory(run, id, round)
        if found is not None:
            yield _session(run, round, id, found, differ, tokenizer)


def _session(run: Run, round: int, id: str, found: Trajectory, differ: Differ, tokenizer: Any | None) -> dict[str, Any]:
    final = found.final
    versions = []
    for place, attempt in enumerate(found.attempts):
        version = _version(attempt)
        version["mark"] = mark(found.attempts[:place], attempt)
        pair = run.get("pair", f"{id}/{attempt.index}", Pair, round)
        drop = run.get("drop", f"pairs:{id}/{attempt.index}", Drop, round)
        rejected: Sequence[Span] = ()
        if pair is not None and pair.rejected is not None:
            rejected = pair.rejected_spans
            version["pair"] = pair.id
            version["plus"] = _spans(pair.chosen_spans)
            if final is not None and pair.chosen != final.code:
                version["chosen"] = pair.chosen[:MAX_CODE]
        elif final is not None and attempt is not final:
            hunks = differ(attempt.code, final.code)
            rejected = [Span(hunk.rejected_start, hunk.rejected_end, 0.0, "changed") for hunk in hunks]
            version["plus"] = _spans(_ranges((hunk.chosen_start, hunk.chosen_end) for hunk in hunks))
        elif pair is not None:
            version["anchor"] = pair.id
        if drop is not None:
            version["drop"] = drop.reason
        version["minus"] = _spans(rejected)
        version["irrelevant"] = unpenalised(rejected)
        if tokenizer is not None:
            version["tokens"] = _tokens(attempt.code, rejected, tokenizer)
        versions.append({key: value for key, value in version.items() if value not in ("", [], None)})
    return {
        "id": id,
        "round": round,
        "prompt": found.task.prompt[:MAX_TEXT],
        "source": found.task.source,
        "features": found.task.features,
        "teacher": found.teacher,
        "final": found.attempts.index(final) if final is not None else -1,
        "versions": versions,
    }


def flip_data(found: Sequence[Flip], differ: Differ) -> list[dict[str, Any]]:
    """Flips as JSON data: both answers, and where they differ."""
    data = []
    for flip in found:
        hunks = differ(flip.base.attempt.code, flip.tuned.attempt.code)
        base, tuned = _version(flip.base.attempt), _version(flip.tuned.attempt)
        base["minus"] = _spans(_ranges((hunk.rejected_start, hunk.rejected_end) for hunk in hunks))
        tuned["minus"] = _spans(_ranges((hunk.chosen_start, hunk.chosen_end) for hunk in hunks))
        data.append({"id": flip.task_id, "features": flip.tuned.features, "base": base, "tuned": tuned})
    return data


def _version(attempt: Attempt) -> dict[str, Any]:
    verdict = attempt.verdict
    return {
        "index": attempt.index,
        "code": attempt.code[:MAX_CODE],
        "cut": max(0, len(attempt.code) - MAX_CODE),
        "kind": verdict.kind,
        "outcome": verdict.outcome.value,
        "feedback": verdict.feedback[:MAX_TEXT],
        "message": attempt.message[:MAX_TEXT],
        "tests": [verdict.tests_passed, verdict.tests_total] if verdict.tests_total else None,
        "seconds": round(verdict.wall_seconds, 2),
    }


def _ranges(ranges: Iterable[tuple[int, int]]) -> list[Span]:
    return [Span(start, end, 0.0, "differs") for start, end in ranges if start < end]


def _spans(spans: Sequence[Span]) -> list[list[Any]]:
    shown = [span for span in spans if span.start <= MAX_CODE]
    return [[span.start, min(span.end, MAX_CODE), span.weight, span.reason] for span in shown]


def _tokens(code: str, spans: Sequence[Span], tokenizer: Any) -> dict[str, Any]:
    """Tokens of a program as lengths of consecutive pieces (negative: no token covers it), and which are penalised.

    Tokens that are parts of one character become one piece; the counts are those of the tokens themselves.
    """
    offsets: list[tuple[int, int]] = tokenizer.encode(code, add_special_tokens=False).offsets
    weights = token_weights(code, offsets, spans)
    lengths: list[int] = []
    penalised: list[int] = []
    at = 0
    for (start, end), weight in zip(offsets, weights, strict=False):
        if start > at:
            lengths.append(at - start)
            at = start
        if end > at:
            lengths.append(end - at)
            at = end
        if weight > 0 and lengths and (not penalised or penalised[-1] != len(lengths) - 1):
            penalised.append(len(lengths) - 1)
    return {
        "pieces": lengths,
        "on": penalised,
        "count": len(offsets),
        "penalised": sum(weight > 0 for weight in weights[:-1]),
        "end": weights[-1] > 0,
    }
