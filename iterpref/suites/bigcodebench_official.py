"""Files of bigcodebench 0.2.5: ``<samples>_eval_results.json`` and ``<samples>_pass_at_k.json``, read and written.

The official harness takes an ``_eval_results.json`` that lies beside the samples for its own, and only counts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from iterpref.suites.base import Item, Suite
from iterpref.suites.bigcodebench import calibrated, plain
from iterpref.suites.files import read_file
from iterpref.suites.official import Judged, write_file
from iterpref.types import Outcome

__all__ = ["read_eval_results", "write_eval_results", "write_pass_at_k"]


def write_eval_results(path: str | Path, suite: Suite, judged: Iterable[Judged]) -> Path:
    """Write bigcodebench's result file. ``details`` of a failure is what the first failing test said."""
    items = {item.task.id: item for item in suite.items}
    tasks: dict[str, list[dict[str, Any]]] = {id: [] for id in items}
    for each in sorted(judged, key=lambda each: each.sample):
        tasks[each.task_id].append(_row(items[each.task_id], each))
    content = {
        "date": datetime.now().strftime("%Y-%m-%d %H:%M"),
        "eval": {id: samples for id, samples in tasks.items() if samples},
    }
    return write_file(path, json.dumps(content, indent=2))


def write_pass_at_k(
    path: str | Path, suite: Suite, scores: Mapping[str, float], model: str, ground_truth: Mapping[str, bool]
) -> Path:
    """Write the scores (``pass@1`` ..., from 0 to 1), and which tasks' own solutions pass on this machine."""
    failed = [id for id, passed in ground_truth.items() if not passed]
    content = {
        **scores,
        "model": model,
        "split": suite.options["split"],
        "subset": suite.options["subset"],
        "calibrated": True,
        "gt_pass_rate": 1 - len(failed) / len(ground_truth),
        "failed_tasks": failed,
    }
    return write_file(path, json.dumps(content, indent=2))


def read_eval_results(path: str | Path, suite: Suite) -> Iterator[tuple[str, int, str, dict[str, str]]]:
    """Task id, sample, program and status by part (pass, fail, timeout) of bigcodebench's result file.

    The program is without what calibration puts before it.

    Raises:
        InputError: it is no such file, or names a task that the benchmark has not.
    """
    items = {item.task.id: item for item in suite.items}
    (row, *_) = read_file(path).rows
    for id, results in row.take("eval", dict).items():
        if id not in items:
            raise row.fault(f"the benchmark has no task {id!r}; check that subset and version are the same")
        for sample, result in enumerate(results):
            try:
                program, status = plain(items[id], result["solution"]), result["status"]
            except (KeyError, AttributeError, TypeError):
                raise row.fault(f"the result {sample} of {id} lacks 'solution' or 'status'") from None
            if status not in ("pass", "fail", "timeout"):
                raise row.fault(f"the status of {id} must be pass, fail or timeout, not {status!r}")
            yield id, sample, program, {"tests": status}


def _row(item: Item, judged: Judged) -> dict[str, Any]:
    verdict = judged.verdicts["tests"]
    status = "pass" if verdict.passed else "timeout" if verdict.outcome is Outcome.TIMEOUT else "fail"
    return {
        "task_id": item.task.id,
        "solution": calibrated(item, judged.program),
        "status": status,
        "details": {"ALL": verdict.feedback or verdict.outcome.value} if status == "fail" else {},
    }
