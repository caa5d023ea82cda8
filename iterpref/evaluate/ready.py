"""Samples that somebody else made: read, and checked against the benchmark before anything is run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from iterpref.errors import InputError
from iterpref.evaluate.benchmark import Answer
from iterpref.suites.base import Item, Suite

__all__ = ["ready_answers"]


def ready_answers(path: str, suite: Suite, items: Sequence[Item]) -> list[Answer]:
    """Answers to ``items`` from a samples file, in its order; those to other tasks of the benchmark are left out.

    Raises:
        InputError: no such file, a malformed line, an unknown task, or a task without a sample.
    """
    known = {item.task.id: item for item in suite.items}
    counts: dict[str, int] = {}
    answers = []
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            id, code = row["task_id"], row.get("solution") or known[row["task_id"]].task.prompt + row["completion"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}, line {number}: malformed.") from None
        counts[id] = counts.get(id, 0) + 1
        answers.append(Answer(id, counts[id] - 1, "", program=code))
    wanted = {item.task.id for item in items}
    missing = [id for id in wanted if id not in counts]
    if missing:
        raise InputError(
            f"{path} has no sample for {len(missing)} of {len(wanted)} tasks, such as {missing[0]}; complete it."
        )
    return [answer for answer in answers if answer.task_id in wanted]
