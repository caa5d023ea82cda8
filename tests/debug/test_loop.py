"""Iterative debugging with the real sandbox: what is kept, when it ends, how it resumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from iterpref.debug import collect
from iterpref.records import End, trajectories
from iterpref.sandbox import Sandbox
from iterpref.store import Run
from iterpref.teachers.base import Reply, Request
from iterpref.types import Attempt, Outcome, Task, Tests, Trajectory, Verdict

TESTS = Tests("asserts", code="assert f(1) == 2\nassert f(0) == 1", entry_point="f")
RIGHT = "def f(x):\n    return x + 1\n"
HALF = "def f(x):\n    return 2 * x\n"
WRONG = "def f(x):\n    return 9\n"


class Writer:
    """Says the next of its lines for each task, by the number of attempts."""

    def __init__(self, name: str, lines: dict[str, list[str | None]]) -> None:
        self.name = name
        self.lines = lines
        self.asked: list[tuple[str, int]] = []

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, request in reversed(list(enumerate(requests))):
            self.asked.append((request.task.id, len(request.attempts)))
            yield index, Reply(self.lines[request.task.id][len(request.attempts)])


def tasks(run: Run, *ids: str, versions: tuple[str, ...] = ()) -> None:
    unknown = Verdict(Outcome.INFRA, feedback="not judged")
    attempts = tuple(Attempt(index, code, unknown) for index, code in enumerate(versions))
    run.put_many(("source", id, Trajectory(Task(id, "add one", TESTS), attempts, "log")) for id in ids)


def codes(run: Run) -> dict[str, list[tuple[str, str]]]:
    return {
        id: [(attempt.code, attempt.verdict.outcome.value) for attempt in made.attempts]
        for id, made in trajectories(run)
    }


def test_recorded_versions_are_run_again(tmp_path: Path, sandbox: Sandbox) -> None:
    with Run(tmp_path / "r") as run:
        tasks(run, "a", versions=(WRONG, HALF, RIGHT))
        assert collect(run, sandbox.judge) == 0
        assert codes(run) == {"a": [(WRONG, "wrong"), (HALF, "wrong"), (RIGHT, "pass")]}
        graded = [attempt.verdict.tests_passed for _, made in trajectories(run) for attempt in made.attempts]
        assert graded == [0, 1, 2]


def test_drafts_are_repaired_until_they_pass_or_the_iterations_end(tmp_path: Path, sandbox: Sandbox) -> None:
    writer = Writer("w", {"a": [WRONG, HALF, RIGHT], "b": [RIGHT], "c": [WRONG, HALF, WRONG], "d": [WRONG, None]})
    with Run(tmp_path / "r") as run:
        tasks(run, "a", "b", "c", "d")
        collect(run, sandbox.judge, drafter=writer, repairer=writer, iterations=2)
        ends = {id: end.reason for id, end in run.items("end", End)}
        assert ends == {"a": "solved", "b": "solved", "c": "unsolved", "d": "no answer"}
        assert {id: len(versions) for id, versions in codes(run).items()} == {"a": 3, "b": 1, "c": 3, "d": 1}


def test_several_drafts_of_a_task_are_sessions_of_their_own(tmp_path: Path, sandbox: Sandbox) -> None:
    writer = Writer("w", {"a": [WRONG]})
    with Run(tmp_path / "r") as run:
        tasks(run, "a")
        collect(run, sandbox.judge, drafter=writer, samples=3)
        assert sorted(codes(run)) == ["a#0", "a#1", "a#2"]


def test_nothing_committed_is_asked_for_again(tmp_path: Path, sandbox: Sandbox) -> None:
    class Stop(Exception):
        pass

    lines: dict[str, list[str | None]] = {id: [WRONG, HALF, RIGHT] for id in "abcdef"}
    first, second = Writer("w", lines), Writer("w", lines)
    judged = 0

    def judge_then_die(code: str, tests: Tests) -> Verdict:
        nonlocal judged
        judged += 1
        if judged > 9:
            raise Stop
        return sandbox.judge(code, tests)

    with Run(tmp_path / "r") as run:
        tasks(run, *"abcdef")
        with pytest.raises(Stop):
            collect(run, judge_then_die, workers=1, drafter=first, repairer=first)
        kept = run.ids("attempt")
        assert len(kept) == 9
    with Run(tmp_path / "r") as run:
        collect(run, sandbox.judge, drafter=second, repairer=second)
        asked_again = {f"{id}/{count:03d}" for id, count in second.asked} & set(kept)
        assert asked_again == set()
        assert codes(run) == {id: [(WRONG, "wrong"), (HALF, "wrong"), (RIGHT, "pass")] for id in "abcdef"}


def test_a_failure_of_the_machine_is_no_label_and_is_retried(tmp_path: Path, sandbox: Sandbox) -> None:
    def broken(code: str, tests: Tests) -> Verdict:
        return Verdict(Outcome.INFRA, feedback="the jail did not start")

    with Run(tmp_path / "r") as run:
        tasks(run, "a", versions=(WRONG, RIGHT))
        assert collect(run, broken) == 1
        assert run.count("attempt") == run.count("end") == 0
        assert collect(run, sandbox.judge) == 0
        assert codes(run) == {"a": [(WRONG, "wrong"), (RIGHT, "pass")]}


def test_labels_stand_where_there_are_no_tests(tmp_path: Path, sandbox: Sandbox) -> None:
    pair = (Attempt(0, WRONG, Verdict(Outcome.WRONG)), Attempt(1, RIGHT, Verdict(Outcome.PASS)))
    with Run(tmp_path / "r") as run:
        run.put("source", "a", Trajectory(Task("a", "add one"), pair))
        collect(run, sandbox.judge)
        assert codes(run) == {"a": [(WRONG, "wrong"), (RIGHT, "pass")]}


def test_sampled_tries_are_numbered_apart_and_see_no_earlier_one(tmp_path: Path, sandbox: Sandbox) -> None:
    class Sampler(Writer):
        def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
            for index, request in enumerate(requests):
                assert request.attempts == ()
                self.asked.append((request.task.id, request.sample))
                yield index, Reply(RIGHT if request.sample % 2 else WRONG)

    writer = Sampler("w", {})
    with Run(tmp_path / "r") as run:
        tasks(run, "a")
        collect(run, sandbox.judge, drafter=writer, sampling=True, iterations=2, samples=2)
        assert sorted(writer.asked) == [("a", number) for number in range(6)]
        assert codes(run)["a#0"] == [(WRONG, "wrong"), (WRONG, "wrong"), (RIGHT, "pass")]  # failures first
