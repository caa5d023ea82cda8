"""A trajectory chooses by verdict, not by position."""

from __future__ import annotations

import pytest

from iterpref.types import Attempt, Outcome, Task, Trajectory, Verdict


def trajectory(*versions: tuple[str, Outcome]) -> Trajectory:
    attempts = tuple(Attempt(index, code, Verdict(outcome)) for index, (code, outcome) in enumerate(versions))
    return Trajectory(Task("t", "p"), attempts)


def test_final_is_the_last_version_that_passes() -> None:
    made = trajectory(
        ("a", Outcome.WRONG), ("b", Outcome.PASS), ("c", Outcome.ERROR), ("d", Outcome.PASS), ("e", Outcome.WRONG)
    )
    assert made.final is not None
    assert made.final.code == "d"
    assert [attempt.code for attempt in made.failures] == ["a", "c"]


def test_failures_are_distinct_and_only_the_programs_own() -> None:
    made = trajectory(
        ("a", Outcome.WRONG), ("a", Outcome.WRONG), ("b", Outcome.TAMPER), ("c", Outcome.INFRA), ("d", Outcome.TIMEOUT),
        ("e", Outcome.PASS),
    )  # fmt: skip
    assert [attempt.index for attempt in made.failures] == [0, 4]


def test_without_a_pass_there_is_no_final_and_every_failure_counts() -> None:
    made = trajectory(("a", Outcome.WRONG), ("b", Outcome.MEMORY))
    assert made.final is None
    assert not made.solved
    assert len(made.failures) == 2


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict(Outcome.PASS), "passes"),
        (Verdict(Outcome.WRONG, "AssertionError"), "wrong answer"),
        (Verdict(Outcome.ERROR, "KeyError"), "KeyError"),
        (Verdict(Outcome.ERROR), "error"),
        (Verdict(Outcome.TIMEOUT, "SIGXCPU"), "timeout"),
    ],
)
def test_kinds_are_named(verdict: Verdict, kind: str) -> None:
    assert verdict.kind == kind
