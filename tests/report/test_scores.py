"""Figures of training and evaluation, counted by hand."""

from __future__ import annotations

from pathlib import Path

from iterpref.report.scores import by_learning_rate, curves, flips, results_of, thin
from iterpref.store import Run
from iterpref.types import Attempt, Outcome, Score, Verdict

PASS = Verdict(Outcome.PASS)


def put(run: Run, variant: str, split: str, answers: dict[str, str], round: int = 1) -> None:
    verdicts = {"+": PASS, "-": Verdict(Outcome.WRONG), "k": Verdict(Outcome.ERROR, "KeyError")}
    for task, answer in answers.items():
        score = Score(split, task, 0, Attempt(0, f"{variant} {task}", verdicts[answer]))
        run.put("score", f"{variant}/{split}/{task}", score, round)


def test_results_are_paired_with_base_over_rounds(tmp_path: Path) -> None:
    with Run(tmp_path / "run") as run:
        put(run, "sft", "test", {"a/1": "+", "a/2": "+", "a/3": "-", "a/4": "-"})
        put(run, "base", "test", {"a/1": "+", "a/2": "-", "a/3": "k", "a/4": "+"})
        put(run, "sft", "test", {"a/1": "+", "a/2": "+", "a/3": "+", "a/4": "+"}, round=2)
        put(run, "sft", "validation", {"b": "+"})
        found = results_of(run)
    assert [(r.split, r.round, r.variant) for r in found] == [
        ("test", 1, "base"),
        ("test", 1, "sft"),
        ("test", 2, "sft"),
        ("validation", 1, "sft"),
    ]
    base, first, second, validation = found
    assert base.paired is None
    assert base.kinds == {"passes": 2, "wrong answer": 1, "KeyError": 1}
    assert first.paired is not None
    assert (first.paired.won, first.paired.lost, first.paired.difference.value) == (("a/2",), ("a/4",), 0.0)
    assert second.paired is not None
    assert (set(second.paired.won), second.paired.lost) == ({"a/2", "a/3"}, ())
    assert second.paired.difference.value == 0.5
    assert validation.paired is None  # the base model was not scored there


def test_flips_hold_both_programs(tmp_path: Path) -> None:
    with Run(tmp_path / "run") as run:
        put(run, "base", "test", {str(n): "-" for n in range(9)})
        put(run, "dpo", "test", {str(n): "+" for n in range(9)})
        result = results_of(run)[1]
        assert result.paired is not None
        some = flips(run, result, result.paired.won, 4)
        again = flips(run, result, tuple(reversed(result.paired.won)), 4)
    assert [flip.task_id for flip in some] == [flip.task_id for flip in again]
    assert len(some) == 4
    assert all(flip.base.attempt.code == f"base {flip.task_id}" for flip in some)
    assert all(flip.tuned.attempt.code == f"dpo {flip.task_id}" for flip in some)


def test_curves_are_in_order_of_steps_and_finite(tmp_path: Path) -> None:
    with Run(tmp_path / "run") as run:
        run.put("metric", "a/b/0000010", {"loss": 1.0, "note": "text"})
        run.put("metric", "a/b/0000002", {"loss": 2.0, "grad_norm": float("inf")})
        run.put("metric", "c/0000001", {"loss": 3})
        found = curves(run)
    assert found == {"loss": {"a/b": [(2.0, 2.0), (10.0, 1.0)], "c": [(1.0, 3.0)]}}


def test_long_curves_are_means_of_neighbours() -> None:
    points = [(float(step), float(step % 2)) for step in range(1, 9)]
    assert thin(points, 4) == [(1.5, 0.5), (3.5, 0.5), (5.5, 0.5), (7.5, 0.5)]
    assert thin(points, 8) == points
    assert thin([], 8) == []


def test_methods_trained_at_several_rates_are_drawn_over_the_rate(tmp_path: Path) -> None:
    tried = [("dpo", "dpo", 1e-4, "+-"), ("dpo fast", "dpo", 1e-3, "--"), ("sft", "sft", 1e-3, "++")]
    with Run(tmp_path / "run") as run:
        for variant, loss, rate, answers in tried:
            put(run, variant, "test", dict(zip("ab", answers, strict=True)))
            run.put("trained", variant, {"config": {"loss_type": loss, "learning_rate": rate, "use_anchors": False}})
            run.put("metric", f"{variant}/0000001", {"logps/chosen_drift": 0.1})
            run.put("metric", f"{variant}/0000002", {"logps/chosen_drift": -rate})
        found = by_learning_rate(run, results_of(run), "test")
    assert found == {"pass@1": {"dpo": [(-4, 0.5), (-3, 0.0)]}, "drift": {"dpo": [(-4, -1e-4), (-3, -1e-3)]}}
