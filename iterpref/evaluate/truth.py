"""How many of a benchmark's own solutions pass on this machine: what a perfect model could score here.

Libraries, versions and limits differ from those of the published harness, so this stands beside every score. It is
remembered in the user's cache folder, by the benchmark's checksum and all that a verdict may depend on, each verdict
the moment it is there.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from iterpref import __version__, kept
from iterpref.evaluate.benchmark import Judge, judge_parts, passed_parts, undecided
from iterpref.records import fingerprint
from iterpref.suites.base import Item, Suite
from iterpref.types import Verdict

__all__ = ["Truth", "environment", "ground_truth"]

_WORDS = 160  # characters kept of an error


@dataclass(frozen=True)
class Truth:
    """For each score, the tasks whose own solution passes; ``kinds`` says how the others ended."""

    passed: Mapping[str, int]  # by the name of the score
    count: int  # tasks with a solution of their own that were judged
    kinds: Mapping[str, str]  # task -> how its solution failed, with the last words of the error
    without: int  # tasks without a solution, or without a verdict on it


def ground_truth(
    suite: Suite,
    items: Sequence[Item],
    judge: Judge,
    workers: int,
    environment: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Truth:
    """Judge the solutions of ``items``, as far as they are not known in this :func:`environment`."""
    solved = {item.task.id: item for item in items if item.task.solution is not None}
    file = kept.cache_folder("ground-truth") / f"{_key(suite, environment)}.jsonl"
    known = {id: found for id, found in kept.read(file).items() if id in solved}
    left = sorted((item for id, item in solved.items() if id not in known), key=lambda item: -item.seconds)

    def judge_one(item: Item) -> dict[str, str] | None:
        verdicts = judge_parts(item.task.solution or "", item.parts, judge)
        return None if undecided(verdicts) else {part: _ended(each) for part, each in verdicts.items()}

    if solved:
        progress(len(known), len(solved))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="solutions")
    try:
        tasks = {pool.submit(judge_one, item): item.task.id for item in left}
        for future in as_completed(tasks):
            if (kinds := future.result()) is not None:
                known[tasks[future]] = kinds
                kept.add(file, tasks[future], kinds)
                progress(len(known), len(solved))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after a fault or Ctrl-C the sandbox is closed
    passed = dict.fromkeys(suite.scores.values(), 0)
    for id, kinds in known.items():
        for part in passed_parts(suite, solved[id], {part: kind == "passes" for part, kind in kinds.items()}):
            passed[suite.scores[part]] += 1
    ended = {id: list(known[id].values())[-1] for id in solved if id in known}
    failed = {id: last for id, last in ended.items() if last != "passes"}
    return Truth(passed, len(known), failed, len(items) - len(known))


def _ended(verdict: Verdict) -> str:
    last = verdict.feedback.strip().rpartition("\n")[2][:_WORDS]
    return verdict.kind if verdict.passed or not last else f"{verdict.kind}: {last}"


def environment(mode: str) -> str:
    """A digest of what a verdict may depend on beside program and tests: Python, all that is installed, the sandbox.

    ``mode`` is the sandbox's.
    """
    installed = sorted({f"{each.name} {each.version}" for each in importlib.metadata.distributions()})
    return fingerprint(__version__, platform.python_version(), platform.machine(), mode, installed)


def _key(suite: Suite, environment: str) -> str:
    return f"{suite.name}-{fingerprint(suite.sha256, dict(suite.options), list(suite.scores), environment)}"
