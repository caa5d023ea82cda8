"""Answers and verdicts are kept as they come, and nothing is asked or judged twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from iterpref.evaluate.benchmark import (
    Answer,
    Judge,
    Judged,
    answer_all,
    answers_of,
    judge_parts,
    judged_of,
    passed_parts,
    store_answers,
)
from iterpref.sandbox import Sandbox
from iterpref.store import Run
from iterpref.suites.base import Style
from iterpref.types import UNDECIDED, Outcome, Tests, Verdict
from tests.evaluate.suites import Writer, item, judge, suite


def right(n: int, sample: int) -> str:
    return f"    return {n}\n"


def go(
    run: Run, writer: Writer, count: int, samples: int = 1, judge: Judge = judge, style: Style = "complete"
) -> dict[str, int]:
    items = suite(count).items
    many = {item.task.id: samples for item in items}
    return answer_all(run, "e", "here", suite(count), items, many, style, lambda: writer, judge, 2)


def test_a_real_sandbox_judges_part_after_part(tmp_path: Path, sandbox: Sandbox) -> None:
    writer = Writer(lambda n, _: ("    return 0\n", "    return 2\n", "    return 2.0\n")[n])
    with Run(tmp_path) as run:
        go(run, writer, 3, judge=sandbox.judge)
        found = judged_of(run, "e", "here")
    ended = {key: [verdict.outcome.value for verdict in each.verdicts.values()] for key, each in found.items()}
    assert ended == {("T/0", 0): ["pass", "pass"], ("T/1", 0): ["wrong"], ("T/2", 0): ["pass", "wrong"]}
    items = suite(3).items
    passed = {id: found[id, 0].passed(suite(3), item) for item in items if (id := item.task.id)}
    assert passed == {"T/0": ["base", "plus"], "T/1": [], "T/2": ["base"]}
    assert found["T/1", 0].program == "def f():\n    # returns 1\n    return 2\n"


def test_more_tasks_and_more_samples_go_on_where_it_ended(tmp_path: Path) -> None:
    first, second, third = Writer(right), Writer(right), Writer(right)
    with Run(tmp_path) as run:
        go(run, first, 2)
        go(run, second, 3)
        go(run, third, 3, samples=2)
        assert first.asked == [("T/0", 0), ("T/1", 0)]
        assert second.asked == [("T/2", 0)]
        assert third.asked == [("T/0", 1), ("T/1", 1), ("T/2", 1)]
        assert len(judged_of(run, "e", "here")) == 6

        def never() -> Writer:
            raise AssertionError("a finished evaluation needs no model")

        answer_all(run, "e", "here", suite(1), suite(1).items, {"T/0": 2}, "complete", never, judge, 2)


def test_an_instruct_model_is_asked_its_own_way(tmp_path: Path) -> None:
    writer = Writer(lambda n, _: f"```python\ndef f():\n    return {n}\n```")
    with Run(tmp_path) as run:
        go(run, writer, 2, style="instruct")
        assert writer.prompts == ["Return 0.", "Return 1."]
        assert all(each.verdict.passed for each in judged_of(run, "e", "here").values())


def test_a_question_without_an_answer_is_asked_again(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        go(run, Writer(lambda n, _: None if n == 1 else "    return 0\n"), 3)
        assert set(answers_of(run, "e")) == {("T/0", 0), ("T/2", 0)}
        again = Writer(right)
        go(run, again, 3)
        assert again.asked == [("T/1", 0)]


@pytest.mark.parametrize("outcome", [Outcome.INFRA, Outcome.UNSUPPORTED])
def test_what_says_nothing_of_the_program_is_judged_again(tmp_path: Path, outcome: Outcome) -> None:
    def faulty(program: str, tests: Tests) -> Verdict:
        return Verdict(outcome, feedback="why") if "returns 1" in program else judge(program, tests)

    with Run(tmp_path) as run:
        assert go(run, Writer(right), 3, judge=faulty) == {"why": 1}
        assert set(judged_of(run, "e", "here")) == {("T/0", 0), ("T/2", 0)}
        again = Writer(right)
        go(run, again, 3)
        assert again.asked == []
        assert len(judged_of(run, "e", "here")) == 3


def test_ctrl_c_does_not_wait_for_a_program_that_runs(tmp_path: Path) -> None:
    begun, free = threading.Event(), threading.Event()

    def endless(program: str, tests: Tests) -> Verdict:
        begun.set()
        free.wait(60)
        return judge(program, tests)

    def says(n: int, sample: int) -> str:
        if n == 1:
            begun.wait(60)
            raise KeyboardInterrupt
        return right(n, sample)

    with Run(tmp_path) as run:
        with pytest.raises(KeyboardInterrupt):
            go(run, Writer(says), 2, judge=endless)
        assert not free.is_set()
        free.set()
        assert set(answers_of(run, "e")) == {("T/0", 0)}


def test_what_no_machine_can_decide_counts_as_not_passed(tmp_path: Path) -> None:
    def torn(program: str, tests: Tests) -> Verdict:
        return Verdict(Outcome.UNSUPPORTED, UNDECIDED) if "returns 1" in program else judge(program, tests)

    with Run(tmp_path) as run:
        assert go(run, Writer(right), 3, judge=torn) == {}
        judged = judged_of(run, "e", "here")
        assert {key for key, each in judged.items() if each.verdict.passed} == {("T/0", 0), ("T/2", 0)}
        assert len(judged) == 3


def test_a_fault_of_ours_ends_it_and_keeps_the_answers(tmp_path: Path) -> None:
    def broken(program: str, tests: Tests) -> Verdict:
        raise RuntimeError("no sandbox")

    with Run(tmp_path) as run:
        with pytest.raises(RuntimeError, match="no sandbox"):
            go(run, Writer(right), 3, judge=broken)
        assert len(answers_of(run, "e")) == 3
        assert judged_of(run, "e", "here") == {}


def test_a_program_that_was_handed_in_is_judged_as_it_is(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        store_answers(run, "e", [Answer("T/0", 0, "", program="def f():\n    return 0\n")])
        go(run, Writer(right), 1)
        assert judged_of(run, "e", "here")["T/0", 0] == Judged(
            "T/0", 0, "def f():\n    return 0\n", {"base": Verdict(Outcome.PASS), "plus": Verdict(Outcome.PASS)}
        )


def test_of_answers_that_wait_those_to_the_longest_tasks_are_judged_first(tmp_path: Path) -> None:
    items = [replace(item(n), seconds=seconds) for n, seconds in enumerate((0.1, 5.0, 1.0))]
    judged: list[str] = []

    def remembering(program: str, tests: Tests) -> Verdict:
        judged.append(program)
        return judge(program, tests)

    with Run(tmp_path) as run:
        store_answers(run, "e", [Answer(f"T/{n}", 0, "", program=f"def f():\n    return {n}\n") for n in range(3)])
        many = {item.task.id: 1 for item in items}
        answer_all(run, "e", "here", suite(3), items, many, "complete", lambda: Writer(right), remembering, 1)
    assert [program[-2] for program in dict.fromkeys(judged)] == ["1", "2", "0"]


def test_evaluations_with_a_common_beginning_are_apart(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        store_answers(run, "small", [Answer("T/0", 0, "a")])
        store_answers(run, "small+", [Answer("T/0", 0, "b")])
        store_answers(run, "base/small", [Answer("T/0", 0, "c")])
        assert [each.text for each in answers_of(run, "small").values()] == ["a"]


def test_the_first_part_that_is_not_passed_ends_the_judging() -> None:
    parts = item(1).parts
    assert list(judge_parts("def f(): return 2", parts, judge)) == ["base"]
    assert list(judge_parts("def f(): return 1", parts, judge)) == ["base", "plus"]


def test_a_part_that_a_task_does_not_have_asks_nothing_of_it() -> None:
    whole = item(1)
    base_only = replace(whole, parts={"base": whole.parts["base"]})
    assert passed_parts(suite(1), base_only, {"base": True}) == ["base", "plus"]
    assert passed_parts(suite(1), base_only, {"base": False}) == []
    assert passed_parts(suite(1), whole, {"base": False, "plus": True}) == []


def test_another_environment_judges_again_and_asks_nothing(tmp_path: Path) -> None:
    made, writer = suite(2), Writer(right)
    with Run(tmp_path) as run:
        go(run, writer, 2)
        many = {"T/0": 1, "T/1": 1}
        answer_all(
            run, "e", "there", made, made.items, many, "complete", lambda: writer, lambda *_: Verdict(Outcome.WRONG), 1
        )
        assert len(writer.asked) == 2
        assert [each.verdict.passed for each in judged_of(run, "e", "there").values()] == [False, False]
        assert [each.verdict.passed for each in judged_of(run, "e", "here").values()] == [True, True]
