"""Generate answers to held-out tasks, judge them, keep each the moment it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from iterpref.store import Run
from iterpref.teachers.base import Reply, Request, Teacher
from iterpref.types import Attempt, Outcome, Score, Task, Tests, Verdict

__all__ = ["evaluate", "results"]

JudgeMany = Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]]


def evaluate(
    run: Run,
    model: str,
    split: str,
    tasks: Sequence[Task],
    teacher: Callable[[], Teacher],
    judge_many: JudgeMany,
    *,
    round: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, bool]:
    """One greedy answer a task, by id whether it passed. What is in the run folder already is not generated again.

    ``teacher`` is called only if something is left to generate, so a finished evaluation loads no model. A verdict of
    outcome ``infra`` is not kept: run again to complete the evaluation.
    """
    prefix = f"{model}/{split}/"
    done = {score.task_id for score in run.below("score", prefix, Score, round)}
    left = [task for task in tasks if task.id not in done]
    progress(len(tasks) - len(left), len(tasks))
    if left:
        replies: list[tuple[Task, Reply]] = []

        def jobs() -> Iterator[tuple[str, Tests]]:
            for index, reply in teacher().write([Request(task) for task in left]):
                task = left[index]
                assert task.tests is not None, "a benchmark task has tests"
                replies.append((task, reply))
                yield reply.code or "", task.tests

        for judged, (index, verdict) in enumerate(judge_many(jobs()), 1):
            task, reply = replies[index]
            if verdict.outcome is not Outcome.INFRA:
                attempt = Attempt(0, reply.code or "", verdict, reply.message, reply.usage)
                score = Score(split, task.id, 0, attempt, task.features)
                run.put("score", prefix + task.id, score, round)
            progress(len(tasks) - len(left) + judged, len(tasks))
    wanted = {task.id for task in tasks}
    return {task: passed for task, passed in results(run, model, split, round).items() if task in wanted}


def results(run: Run, model: str, split: str, round: int = 1) -> dict[str, bool]:
    """Whether each task of a split was passed, from the run folder."""
    scores = run.below("score", f"{model}/{split}/", Score, round)
    return {score.task_id: score.attempt.verdict.passed for score in scores}
