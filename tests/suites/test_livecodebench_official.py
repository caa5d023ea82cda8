"""Files of LiveCodeBench's custom evaluator, and its graded rows: o1-mini's breakdown by difficulty."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.suites.base import Suite, load_suite
from iterpref.suites.livecodebench_official import read_custom, read_eval_all, write_custom, write_eval_all
from iterpref.types import Outcome, Verdict
from tests.suites.test_bigcodebench_official import Judged
from tests.suites.test_livecodebench import METHOD, row, write


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    write(tmp_path / "test.jsonl", row(7))
    write(tmp_path / "test2.jsonl", row(1, **METHOD))
    return load_suite("livecodebench", str(tmp_path), release="release_v2")


def test_programs_are_written_for_the_custom_evaluator_and_read(tmp_path: Path, suite: Suite) -> None:
    path = write_custom(tmp_path / "own.json", suite, {"abc007_a": ["print(1)"], "3000": ["x = 1", "x = 2"]})
    assert json.loads(path.read_text()) == [
        {"question_id": "3000", "code_list": ["x = 1", "x = 2"]},
        {"question_id": "abc007_a", "code_list": ["print(1)"]},
    ]
    assert list(read_custom(path)) == [
        ("3000", 0, "x = 1", True),
        ("3000", 1, "x = 2", True),
        ("abc007_a", 0, "print(1)", True),
    ]


def test_the_evaluator_wants_every_problem(tmp_path: Path, suite: Suite) -> None:
    with pytest.raises(InputError, match="no program for 1 problem, such as '3000'"):
        write_custom(tmp_path / "own.json", suite, {"abc007_a": ["print(1)"], "3000": []})
    assert not (tmp_path / "own.json").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([{"question_id": "3000"}], "line 1: the field 'code_list' is missing"),
    ],
)
def test_another_form_is_told(tmp_path: Path, content: object, told: str) -> None:
    (tmp_path / "own.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=told):
        list(read_custom(tmp_path / "own.json"))


def test_graded_rows_are_written_and_read(tmp_path: Path, suite: Suite) -> None:
    judged = [
        Judged("3000", 1, "x = 2", {"tests": Verdict(Outcome.TIMEOUT, feedback="slow")}),
        Judged("3000", 0, "x = 1", {"tests": Verdict(Outcome.PASS, cpu_seconds=0.25)}),
        Judged("abc007_a", 0, "print(1)", {"tests": Verdict(Outcome.WRONG, feedback="Test failed")}),
    ]
    path = write_eval_all(tmp_path / "eval_all.json", suite, judged, {("3000", 0): "```python\nx = 1\n```"})
    first, second = json.loads(path.read_text())
    assert {key: first[key] for key in ("question_id", "code_list", "graded_list", "pass@1", "output_list")} == {
        "question_id": "3000",
        "code_list": ["x = 1", "x = 2"],
        "graded_list": [True, False],
        "pass@1": 0.5,
        "output_list": ["```python\nx = 1\n```", "x = 2"],
    }
    assert [json.loads(text) for text in first["metadata"]] == [
        {"execution time": 0.25},
        {"error": "slow", "error_code": -3, "error_message": "Time Limit Exceeded"},
    ]
    assert json.loads(second["metadata"][0])["error_code"] == -2
    graded = list(read_eval_all(path))
    assert [(each.task_id, each.passed) for each in graded] == [("3000", (True, False)), ("abc007_a", (False,))]
    assert graded[0].tags == suite.items[0].tags


def test_grades_must_be_as_many_as_programs(tmp_path: Path) -> None:
    (tmp_path / "eval_all.json").write_text(json.dumps([{"code_list": ["x"], "graded_list": []}]))
    with pytest.raises(InputError, match="line 1: 'graded_list' must hold true or false for each of 'code_list'"):
        list(read_eval_all(tmp_path / "eval_all.json"))


def test_o1_mini_by_difficulty_and_platform(data: Path) -> None:
    """The breakdown of the recorded grades: 602 of 880."""
    passed: dict[str, list[bool]] = defaultdict(list)
    for graded in read_eval_all(data / "livecodebench/o1-mini_release_v5_eval_all.json.gz"):
        for tag in ("difficulty", "platform"):
            passed[graded.tags[tag][0]].extend(graded.passed)
    assert {tag: (sum(found), len(found)) for tag, found in passed.items()} == {
        "easy": (265, 279),
        "medium": (243, 331),
        "hard": (94, 270),
        "codeforces": (7, 9),
        "leetcode": (287, 381),
        "atcoder": (308, 490),
    }


def test_the_rows_have_the_recorded_fields(tmp_path: Path, suite: Suite, data: Path) -> None:
    with gzip.open(data / "livecodebench/o1-mini_release_v5_eval_all.json.gz", "rt") as file:
        recorded = json.load(file)[0]
    judged = [Judged("3000", 0, "x", {"tests": Verdict(Outcome.PASS)})]
    (ours,) = json.loads(write_eval_all(tmp_path / "all.json", suite, judged, {}).read_text())
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in recorded.items()}
