"""How records fit together: marks of versions, and trajectories of tries that are no repairs of each other."""

from __future__ import annotations

from pathlib import Path

from iterpref.records import End, attempt_id, mark, trajectory
from iterpref.store import Run
from iterpref.types import Attempt, Outcome, Task, Trajectory, Verdict


def attempt(index: int, code: str, passed: int, outcome: Outcome = Outcome.WRONG) -> Attempt:
    return Attempt(index, code, Verdict(outcome, tests_passed=passed, tests_total=3))


def test_marks_by_hand() -> None:
    a, b, c = attempt(0, "a", 1), attempt(1, "b", 2), attempt(2, "c", 1)
    done = attempt(3, "d", 3, Outcome.PASS)
    assert mark([], a) == ""
    assert mark([a], b) == ""
    assert mark([a, b], c) == "regression"
    assert mark([a, b], attempt(2, "c", 2)) == ""
    assert mark([a, b, c], attempt(3, "a", 1)) == "repeat"
    assert mark([done], attempt(4, "e", 3)) == "regression"  # all tests passed before, and now it does not pass


def test_of_sampled_versions_every_failure_stands_before_the_passes(tmp_path: Path) -> None:
    tries = [
        attempt(0, "a", 0),
        attempt(1, "b", 3, Outcome.PASS),
        attempt(2, "c", 1),
        attempt(4, "d", 3, Outcome.PASS),
    ]
    for sampled, order in ((False, [0, 1, 2, 4]), (True, [0, 2, 1, 4])):
        with Run(tmp_path / str(sampled)) as run:
            run.put("source", "t", Trajectory(Task("t", ""), ()))
            run.put_many(("attempt", attempt_id("t", each.index), each) for each in tries)
            run.put("end", "t", End("t", "chat", "solved", sampled))
            made = trajectory(run, "t")
        assert made is not None
        assert [each.index for each in made.attempts] == order
        assert {each.index for each in made.failures} == {0, 2}
