"""Evaluation keeps every judged answer, and generates only what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from iterpref.evaluate import evaluate
from iterpref.sandbox import Sandbox
from iterpref.store import Run
from iterpref.teachers.base import Reply, Request
from iterpref.types import Score, Task, Tests

TASKS = [Task(f"t{n}", "p", Tests("asserts", code=f"assert f() == {n}", entry_point="f")) for n in range(6)]


class Writer:
    """Right for even tasks, wrong for task 1, silent for the rest."""

    name = "writer"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, request in enumerate(requests):
            self.asked.append(request.task.id)
            n = int(request.task.id[1:])
            yield index, Reply(f"def f(): return {n + (n == 1)}" if n % 2 == 0 or n == 1 else None)


def test_answers_are_judged_and_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    writer = Writer()
    with Run(tmp_path / "r") as run:
        passed = evaluate(run, "m", "test", TASKS, lambda: writer, sandbox.map)
        assert passed == {f"t{n}": n % 2 == 0 for n in range(6)}
        assert run.count("score") == 6


def test_only_what_is_missing_is_generated(tmp_path: Path, sandbox: Sandbox) -> None:
    first, second = Writer(), Writer()
    with Run(tmp_path / "r") as run:
        evaluate(run, "m", "test", TASKS[:4], lambda: first, sandbox.map)
        passed = evaluate(run, "m", "test", TASKS, lambda: second, sandbox.map)
        assert second.asked == ["t4", "t5"]
        assert len(passed) == 6

        def never() -> Writer:
            raise AssertionError("a finished evaluation needs no model")

        assert evaluate(run, "m", "test", TASKS, never, sandbox.map) == passed  # type: ignore[arg-type]


def test_models_and_splits_are_apart(tmp_path: Path, sandbox: Sandbox) -> None:
    with Run(tmp_path / "r") as run:
        evaluate(run, "m", "test", TASKS[:2], Writer, sandbox.map)
        evaluate(run, "m2", "test", TASKS[:3], Writer, sandbox.map)
        evaluate(run, "m", "validation", TASKS[:1], Writer, sandbox.map)
        prefixes = ("m/test/", "m2/test/", "m/validation/")
        assert [len(run.below("score", prefix, Score)) for prefix in prefixes] == [2, 3, 1]
