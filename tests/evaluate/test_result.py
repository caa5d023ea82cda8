"""The result document, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iterpref.evaluate.benchmark import Answer, Judged
from iterpref.evaluate.result import ks, result_of
from iterpref.evaluate.truth import Truth
from iterpref.stats import share
from iterpref.types import Outcome, Usage, Verdict
from tests.evaluate.suites import judge, suite

ABOUT = {"model": "m", "base_url": "", "temperature": 0.0}


def answered(
    programs: dict[tuple[str, int], str],
) -> tuple[dict[tuple[str, int], Answer], dict[tuple[str, int], Judged]]:
    answers, judged = {}, {}
    for (id, sample), program in programs.items():
        answers[id, sample] = Answer(id, sample, program, usage=Usage(5, 7))
        parts = suite(9).items[int(id[2:])].parts
        base = judge(program, parts["base"])
        verdicts = {"base": base, "plus": judge(program, parts["plus"])} if base.passed else {"base": base}
        judged[id, sample] = Judged(id, sample, program, verdicts)
    return answers, judged


def result(programs: dict[tuple[str, int], str], count: int, samples: int = 1, **more: Any) -> dict[str, Any]:
    answers, judged = answered(programs)
    made = suite(count)
    many = {item.task.id: samples for item in made.items}
    return result_of(made, 9, many, answers, {**judged, **more}, ABOUT, Truth({"small": 3}, 3, {}, 0))


def test_greedy_scores_by_hand() -> None:
    programs = {
        ("T/0", 0): "def f(): return 0",
        ("T/1", 0): "def f(): return 1.0",
        ("T/2", 0): "f = None",
        ("T/3", 0): "def f(): return 3",
    }
    found = result(programs, 4)
    assert found["complete"]
    assert found["scores"]["small"]["pass@1"] == vars(share(3, 4))
    assert found["scores"]["small+"]["pass@1"]["value"] == 0.5
    assert found["scores"]["small"]["interval"] == "Wilson"
    assert found["kinds"] == {"passes": 2, "wrong answer": 1, "TypeError": 1}
    assert (found["prompt_tokens"], found["completion_tokens"]) == (20, 28)
    assert found["tasks"][1]["samples"][0]["passed"] == ["base"]
    assert found["tasks"][1]["tags"] == {"parity": ["odd"]}
    assert found["benchmark"]["sha256"] == "00ff" * 16


def test_sampled_scores_by_hand() -> None:
    passes = {0: 0, 1: 1, 2: 3}  # of 3 samples each
    programs = {
        (f"T/{n}", sample): f"def f(): return {n if sample < count else 'None'}"
        for n, count in passes.items()
        for sample in range(3)
    }
    found = result(programs, 3, 3)["scores"]["small"]
    assert found["pass@1"]["value"] == pytest.approx((0 + 1 / 3 + 1) / 3)
    assert found["pass@3"]["value"] == pytest.approx((0 + 1 + 1) / 3)
    assert found["pass@1"]["low"] == 0.0
    assert found["interval"].startswith("bootstrap over tasks")


def test_which_k_are_reported() -> None:
    assert [ks(1), ks(5), ks(10), ks(200)] == [[1], [1, 5], [1, 10], [1, 10, 100, 200]]


def test_an_unfinished_evaluation_has_no_score() -> None:
    programs = {("T/0", 0): "def f(): return 0"}
    found = result(programs, 2)
    assert (found["complete"], found["unanswered"], found["scores"]) == (False, 1, {})
    answers, judged = answered({**programs, ("T/1", 0): "def f(): return 1"})
    del judged["T/1", 0]
    made = suite(2)
    found = result_of(made, 9, {"T/0": 1, "T/1": 1}, answers, judged, ABOUT, None)
    assert (found["complete"], found["without_verdict"], found["scores"]) == (False, 1, {})


def test_a_failure_is_measured_against_all_that_passes() -> None:
    near = "def f():\n    x = 1\n    return x + 1\n"
    programs = {("T/1", 0): near, ("T/1", 1): near.replace("+ 1", "+ 0"), ("T/1", 2): "def f(): raise KeyError"}
    answers, judged = answered(programs)
    made = suite(2)
    found = result_of(replace(made, items=made.items[1:]), 9, {"T/1": 3}, answers, judged, ABOUT, None)
    (task,) = found["tasks"]
    assert [each.get("hunks") for each in task["samples"]] == [1, None, None]


def test_tasks_without_every_sample_are_told_apart_from_failures() -> None:
    verdicts = {"base": Verdict(Outcome.TAMPER)}
    answers = {("T/0", 0): Answer("T/0", 0, "x", "cut off after 3 tokens")}
    made = suite(1)
    found = result_of(made, 9, {"T/0": 1}, answers, {("T/0", 0): Judged("T/0", 0, "x", verdicts)}, ABOUT, None)
    assert found["scores"]["small"]["pass@1"]["value"] == 0.0
    assert (found["kinds"], found["cut_off"]) == ({"tamper": 1}, 1)
    assert found["tampered"] == {"answers": 1, "pass@1_if_believed": {"small": 1.0, "small+": 1.0}}
