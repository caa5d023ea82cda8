"""What the benchmark's own solutions reach here, found out once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from iterpref.evaluate.truth import Truth, environment, ground_truth
from iterpref.kept import cache_folder
from iterpref.types import Outcome, Tests, Verdict
from tests.evaluate.suites import judge, suite


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def never(program: str, tests: Tests) -> Verdict:
    raise AssertionError("known already")


def test_it_counts_what_passes_and_names_what_does_not() -> None:
    made = suite(5)
    found = ground_truth(made, made.items, judge, 2, "full")
    assert found == Truth({"small": 4, "small+": 4}, 5, {"T/3": "wrong answer: no"}, 0)


def test_it_is_found_out_once_and_completed_for_more_tasks() -> None:
    made = suite(5)
    ground_truth(made, made.items[:2], judge, 1, "full")
    judged: list[str] = []

    def counting(program: str, tests: Tests) -> Verdict:
        judged.append(program)
        return judge(program, tests)

    ground_truth(made, made.items[:3], counting, 1, "full")
    assert set(judged) == {made.items[2].task.solution}
    assert ground_truth(made, made.items[:2], never, 1, "full").count == 2
    assert ground_truth(made, made.items[:3], never, 1, "full").count == 3


@pytest.mark.parametrize("changed", ["file", "mode", "options"])
def test_another_file_mode_or_selection_is_another_truth(changed: str) -> None:
    made = suite(1)
    ground_truth(made, made.items, judge, 1, "full")
    other = replace(made, sha256="11" * 32) if changed == "file" else made
    other = replace(made, options={"subset": "hard"}) if changed == "options" else other
    with pytest.raises(AssertionError, match="known already"):
        ground_truth(other, other.items, never, 1, "restricted" if changed == "mode" else "full")


def test_tasks_without_a_solution_or_verdict_are_told_apart() -> None:
    first, second, third = suite(3).items
    items = [first, replace(second, task=replace(second.task, solution=None)), third]

    def faulty(program: str, tests: Tests) -> Verdict:
        return Verdict(Outcome.INFRA) if "return 2" in program else judge(program, tests)

    found = ground_truth(suite(3), items, faulty, 1, "full")
    assert (found.passed["small"], found.count, found.without) == (1, 1, 2)
    assert ground_truth(suite(3), items, judge, 1, "full").count == 2  # a fault of ours is not remembered


def test_without_a_solution_nothing_is_told_of_progress() -> None:
    (first,) = suite(1).items
    told: list[tuple[int, int]] = []
    bare = [replace(first, task=replace(first.task, solution=None))]
    ground_truth(suite(1), bare, never, 1, "full", lambda *done: told.append(done))
    assert told == []


def test_each_verdict_is_kept_at_once(cache: Path) -> None:
    made = suite(5)
    judged: list[str] = []

    def killed(program: str, tests: Tests) -> Verdict:
        if "return 4" in program:
            raise KeyboardInterrupt
        return judge(program, tests)

    def counting(program: str, tests: Tests) -> Verdict:
        judged.append(program)
        return judge(program, tests)

    with pytest.raises(KeyboardInterrupt):
        ground_truth(made, made.items, killed, 1, "full")
    assert ground_truth(made, made.items, counting, 1, "full").count == 5
    assert set(judged) == {made.items[4].task.solution}


def test_ctrl_c_does_not_wait_for_a_solution_that_runs() -> None:
    made = suite(2)
    begun, free = threading.Event(), threading.Event()

    def one_endless(program: str, tests: Tests) -> Verdict:
        if "return 0" in program:
            begun.set()
            free.wait(60)
            return judge(program, tests)
        begun.wait(60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ground_truth(made, made.items, one_endless, 2, "full")
    assert not free.is_set()
    free.set()


def test_a_verdict_cut_off_in_the_cache_is_found_out_anew() -> None:
    made = suite(2)
    ground_truth(made, made.items, judge, 1, "full")
    (file,) = cache_folder("ground-truth").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    assert ground_truth(made, made.items, judge, 1, "full").count == 2
    assert ground_truth(made, made.items, never, 1, "full").count == 2


def test_the_longest_solutions_are_judged_first() -> None:
    items = [replace(item, seconds=seconds) for item, seconds in zip(suite(3).items, (0.1, 5.0, 1.0), strict=True)]
    judged: list[str] = []

    def remembering(program: str, tests: Tests) -> Verdict:
        judged.append(program)
        return judge(program, tests)

    ground_truth(suite(3), items, remembering, 1, "full")
    assert list(dict.fromkeys(judged)) == [items[n].task.solution for n in (1, 2, 0)]


def test_the_sandboxs_mode_is_part_of_the_environment() -> None:
    assert environment("full") == environment("full") != environment("restricted")
