"""Samples that somebody else made."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.evaluate.ready import ready_answers
from iterpref.suites.base import Suite
from tests.evaluate.suites import suite

SMALL = suite(3)


def write(tmp_path: Path, *rows: dict[str, Any], name: str = "samples.jsonl") -> str:
    path = tmp_path / name
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


def programs(path: str, made: Suite = SMALL, count: int = 3) -> list[tuple[str, int, str | None]]:
    return [(each.task_id, each.sample, each.program) for each in ready_answers(path, made, made.items[:count])]


def test_a_solution_stands_alone_and_a_completion_follows_its_prompt(tmp_path: Path) -> None:
    rows = [
        {"task_id": "T/1", "solution": "def f(): return 1"},
        {"task_id": "T/0", "completion": "    return 0\n"},
        {"task_id": "T/1", "solution": "def f(): return 2"},
        {"task_id": "T/2", "solution": ""},
    ]
    for name in ("samples.jsonl", "samples.jsonl.gz"):
        assert programs(write(tmp_path, *rows, name=name)) == [
            ("T/1", 0, "def f(): return 1"),
            ("T/0", 0, "def f():\n    # returns 0\n    return 0\n"),
            ("T/1", 1, "def f(): return 2"),
            ("T/2", 0, ""),
        ]


def test_tasks_beyond_the_limit_and_of_other_benchmarks_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, *({"task_id": f"T/{n}", "solution": "x"} for n in (0, 2, 7)))
    assert programs(path, count=1) == [("T/0", 0, "x")]
    assert "left out 1 task that the benchmark does not have: T/7" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(InputError, match=r"no sample for 1 of 3 tasks, such as T/1; complete it, .* \(--limit 1\)"):
        programs(path)
    with pytest.raises(InputError, match=r"no sample for 2 of 3 tasks, such as T/0; complete it\.$"):
        programs(write(tmp_path, {"task_id": "T/1", "solution": "x"}))
    with pytest.raises(InputError, match="no sample for any task of small; check that it is the right file"):
        programs(write(tmp_path, {"task_id": "T/9", "solution": "x"}))


def test_of_a_contest_benchmark_a_window_of_the_answers_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "o1_eval_all.json"
    path.write_text(json.dumps([{"question_id": f"T/{n}", "code_list": [f"p{n}", f"q{n}"]} for n in range(9)]))
    found = programs(str(path), replace(SMALL, name="livecodebench", items=SMALL.items[1:]), 2)
    assert found == [("T/1", 0, "p1"), ("T/1", 1, "q1"), ("T/2", 0, "p2"), ("T/2", 1, "q2")]


def test_of_many_tasks_that_are_left_out_the_first_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, *({"task_id": f"T/{n}", "solution": "x"} for n in range(100)))
    assert len(programs(path)) == 3
    assert capsys.readouterr().err.rstrip().endswith("does not have: T/3, T/4, T/5, T/6, T/7, ...")


@pytest.mark.parametrize(
    ("prompt", "follows"),
    [
        ("def f(x):\n", True),
        ('import math\n\ndef f(x):\n    """Adds one."""\n', True),
        ("Write f(x), which adds one.", False),
        ("You are an expert Python programmer, and here is your task:\n[BEGIN]\n", False),
    ],
)
def test_a_completion_does_not_follow_prose(tmp_path: Path, prompt: str, follows: bool) -> None:
    (item,) = suite(1).items
    made = replace(SMALL, items=(replace(item, task=replace(item.task, prompt=prompt)),))
    path = write(tmp_path, {"task_id": "T/0", "completion": "    return x + 1\n"})
    assert programs(path, made, 1) == [("T/0", 0, (prompt if follows else "") + "    return x + 1\n")]


def test_the_programs_of_a_result_file_are_judged_again(tmp_path: Path) -> None:
    results = {f"T/{n}": [{"solution": f"p{n}", "base_status": "pass", "plus_status": "fail"}] for n in range(3)}
    path = write(tmp_path, {"date": "", "hash": "", "eval": results}, name="samples_eval_results.json")
    assert programs(path) == [("T/0", 0, "p0"), ("T/1", 0, "p1"), ("T/2", 0, "p2")]


def test_livecodebench_hands_in_lists(tmp_path: Path) -> None:
    rows = [{"question_id": f"T/{n}", "code_list": [f"a{n}", f"b{n}"]} for n in range(3)]
    (tmp_path / "custom.json").write_text(json.dumps(rows))
    found = programs(str(tmp_path / "custom.json"), replace(SMALL, name="livecodebench"))
    assert found[:2] == [("T/0", 0, "a0"), ("T/0", 1, "b0")]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"task_id": "T/0"}, "line 1: there is neither a 'solution' nor a 'completion'"),
        ({"solution": "x"}, "line 1: the field 'task_id' is missing"),
        ({"task_id": "T/0", "solution": 3}, "line 1: the field 'solution' must be str, not int"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, row: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        programs(write(tmp_path, row))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        programs(str(tmp_path / "none.jsonl"))
