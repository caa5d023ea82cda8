"""How many of a benchmark's own solutions pass on this machine: what a perfect model could score here.

Libraries, versions and limits differ from those of the published harness, so this stands beside every score. It is
remembered in the user's cache folder, by the benchmark's checksum and all that a verdict may depend on.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from iterpref import __version__
from iterpref.evaluate.benchmark import Judge, judge_parts, passed_parts, undecided
from iterpref.records import fingerprint
from iterpref.suites.base import Item, Suite
from iterpref.types import Verdict

__all__ = ["Truth", "cache_folder", "environment", "ground_truth"]


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
    file = cache_folder() / f"{_key(suite, environment)}.json"
    known = {id: found for id, found in _read(file).items() if id in solved}
    left = [item for id, item in solved.items() if id not in known]

    def judge_one(item: Item) -> tuple[str, dict[str, str] | None]:
        verdicts = judge_parts(item.task.solution or "", item.parts, judge)
        return item.task.id, None if undecided(verdicts) else {part: _ended(each) for part, each in verdicts.items()}

    progress(len(known), len(solved))
    with ThreadPoolExecutor(workers, thread_name_prefix="solutions") as pool:
        for id, kinds in pool.map(judge_one, left):
            if kinds is not None:
                known[id] = kinds
                progress(len(known), len(solved))
    if left:
        _write(file, {**_read(file), **known})
    passed = dict.fromkeys(suite.scores.values(), 0)
    for id, kinds in known.items():
        for part in passed_parts(suite, solved[id], {part: kind == "passes" for part, kind in kinds.items()}):
            passed[suite.scores[part]] += 1
    failed = {id: last for id, kinds in known.items() if (last := list(kinds.values())[-1]) != "passes"}
    return Truth(passed, len(known), failed, len(items) - len(known))


def _ended(verdict: Verdict) -> str:
    last = verdict.feedback.strip().rpartition("\n")[2][:_WORDS]
    return verdict.kind if verdict.passed or not last else f"{verdict.kind}: {last}"


def cache_folder() -> Path:
    """Where ground truths are remembered; any file of it may be removed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iterpref" / "ground-truth"


def environment(mode: str) -> str:
    """A digest of what a verdict may depend on beside program and tests: Python, all that is installed, the sandbox.

    ``mode`` is the sandbox's.
    """
    installed = sorted({f"{each.name} {each.version}" for each in importlib.metadata.distributions()})
    return fingerprint(__version__, platform.python_version(), platform.machine(), mode, installed)


def _key(suite: Suite, environment: str) -> str:
    return f"{suite.name}-{fingerprint(suite.sha256, dict(suite.options), list(suite.scores), environment)}"


def _read(file: Path) -> dict[str, dict[str, str]]:
    try:
        found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or not readable: found out anew
        return {}
    return found


def _write(file: Path, known: Mapping[str, Mapping[str, str]]) -> None:
    """As a whole, so that a reader sees the old file or the new one; without a cache it is found out again."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as part:
            json.dump(known, part)
        os.replace(part.name, file)
    except OSError:
        return
