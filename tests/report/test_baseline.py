"""Two runs on the same tasks side by side, in figures made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iterpref.config import Recipe
from iterpref.records import End, attempt_id
from iterpref.report.baseline import beside
from iterpref.report.costs import costs
from iterpref.store import Run
from iterpref.teachers.ledger import Answer, Ledger
from iterpref.teachers.prices import Price
from iterpref.types import Attempt, Outcome, Pair, Task, Tests, Trajectory, Verdict

PRICES = {"m": Price(input=1_000_000.0, output=0.0)}  # a token sent costs a dollar
FAIL, PASS = Verdict(Outcome.WRONG), Verdict(Outcome.PASS)


def task(name: str) -> Task:
    return Task(name, f"Write {name}.", Tests("asserts", code=f"assert {name}() == 1"))


def made(folder: Path, sessions: dict[str, Sequence[Verdict]], calls: dict[tuple[str, str], int], sampled: bool) -> Run:
    """A run with these verdicts by task, and so many calls by (purpose, task)."""
    run = Run(folder)
    run.write_manifest(Recipe(run=str(folder)))
    for name, verdicts in sessions.items():
        run.put("source", name, Trajectory(task(name), ()))
        for index, verdict in enumerate(verdicts):
            run.put("attempt", attempt_id(name, index), Attempt(index, f"{name}{index}", verdict))
        solved = any(verdict.passed for verdict in verdicts)
        run.put("end", name, End(name, "chat", "solved" if solved else "unsolved", sampled))
        failures = [index for index, verdict in enumerate(verdicts) if not verdict.passed]
        for index in failures if solved else ():
            run.put(
                "pair", attempt_id(name, index), Pair(f"{name}{index}", "p", "y", "n", provenance={"task_id": name})
            )
    with Ledger(folder) as ledger:
        for (purpose, name), count in calls.items():
            for number in range(count):
                answer = Answer("x", "stop", "m", prompt_tokens=2, completion_tokens=3)
                ledger.commit(f"{purpose}/{name}/{number}", "{}", answer, model="m", purpose=purpose, subject=name)
    return run


def test_calls_money_solved_and_pairs_on_the_tasks_that_both_have(tmp_path: Path) -> None:
    debugged = made(
        tmp_path / "deb",
        {"a": [FAIL, PASS], "b": [PASS], "c": [FAIL, FAIL, FAIL], "mine": [FAIL, PASS]},
        {
            ("task", "a"): 1,
            ("task", "b"): 1,
            ("task", "c"): 2,
            ("repair", "a"): 1,
            ("repair", "c"): 2,
            ("draft", "mine"): 9,
        },
        sampled=False,
    )
    sampled = made(
        tmp_path / "sam",
        {"a": [PASS, FAIL, FAIL], "b": [FAIL, FAIL, FAIL], "c": [FAIL, FAIL, PASS]},
        {("draft", "a"): 3, ("draft", "b"): 3, ("draft", "c"): 3},
        sampled=True,
    )
    sampled.close()
    figures, rates = beside(debugged, str(tmp_path / "sam"), PRICES)
    assert figures.title == "debugging (deb) beside sampling (sam)"
    assert figures.head[:3] == ("3 tasks that both have", "debugging (deb)", "sampling (sam)")
    assert {row[0]: row[1:3] for row in figures.rows} == {
        "calls that wrote the tasks": ("4", "0"),
        "calls for drafts and repairs": ("3", "9"),
        "tokens sent": ("14", "18"),
        "tokens answered": ("21", "27"),
        "USD": ("14.00", "18.00"),
        "programs run": ("6", "9"),
        "tasks solved": ("2 (66.7%)", "2 (66.7%)"),
        "pairs": ("1", "4"),
        "calls per pair": ("7.0", "2.2"),
        "the same, without writing tasks": ("3.0", "2.2"),
        "calls per solved task": ("3.5", "4.5"),
    }
    assert dict(zip(figures.head, next(row for row in figures.rows if row[0] == "calls per pair"), strict=True))[
        "paper, sampling"
    ] == ("100 x tests")
    assert [row[:3] for row in rates.rows] == [
        ("1", "33.3%", "33.3%"),
        ("2", "66.7%", "33.3%"),
        ("3", "66.7%", "66.7%"),
    ]
    assert rates.rows[0][3:] == ("36.7%", "")
    debugged.close()


def test_a_run_without_anything_to_compare_with_says_so(tmp_path: Path) -> None:
    run = made(tmp_path / "one", {"a": [PASS]}, {}, sampled=False)
    made(tmp_path / "two", {"b": [PASS]}, {}, sampled=False).close()
    assert "has no task in common with this run" in beside(run, str(tmp_path / "two"), PRICES)[0].note
    assert "Nothing to compare with: nowhere: there is no run here" in "\n".join(costs(run, PRICES, "nowhere"))
    assert beside(run, "", PRICES) == []
    run.close()


def test_a_task_that_was_changed_is_not_the_same(tmp_path: Path) -> None:
    run = made(tmp_path / "one", {"a": [PASS]}, {}, sampled=False)
    other = Run(tmp_path / "two")
    other.put("source", "a", Trajectory(Task("a", "Write a.", Tests("asserts", code="assert a() == 2")), ()))
    other.close()
    assert "has no task in common" in beside(run, str(tmp_path / "two"), PRICES)[0].note
    run.close()
