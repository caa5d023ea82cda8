"""Recorded sessions, labelled pairs and tasks are read; what cannot be read is named by file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.tasks import read_recorded
from iterpref.types import Outcome, Trajectory

SESSION = {"task_id": "t1", "prompt": "add", "attempts": ["a", "b"], "tests": ["assert f(1) == 2"], "model": "m"}


def read(tmp_path: Path, *rows: Any, name: str = "x.jsonl") -> list[tuple[str, Trajectory]]:
    path = tmp_path / name
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return list(read_recorded(str(path)))


def test_a_session_with_labels(tmp_path: Path) -> None:
    labels = ["AssertionError|got 3", "pass"]
    [(id, made)] = read(tmp_path, {**SESSION, "verdicts": labels}, name="x.jsonl.gz")
    assert id.startswith("t1@")
    assert [attempt.code for attempt in made.attempts] == ["a", "b"]
    assert [attempt.verdict.outcome for attempt in made.attempts] == [Outcome.WRONG, Outcome.PASS]
    assert made.attempts[0].verdict.feedback == "got 3"
    assert made.teacher == "m"
    assert made.task.tests is not None
    assert made.task.tests.kind == "asserts"


def test_ids_follow_from_content_not_from_place(tmp_path: Path) -> None:
    other = {**SESSION, "attempts": ["c"]}
    forward = [id for id, _ in read(tmp_path, SESSION, other)]
    assert [id for id, _ in read(tmp_path, other, SESSION)] == forward[::-1]
    assert len(set(forward)) == 2


def test_a_labelled_pair_with_message_lists_and_a_fence(tmp_path: Path) -> None:
    row = {
        "prompt": [{"role": "system", "content": "You code."}, {"role": "user", "content": "add"}],
        "chosen": [{"role": "assistant", "content": "```python\nx = 2\n```"}],
        "rejected": "x = 1",
    }
    [(_, made)] = read(tmp_path, row)
    assert made.task.prompt == "You code.\n\nadd"
    assert [(attempt.code, attempt.verdict.passed) for attempt in made.attempts] == [("x = 1", False), ("x = 2", True)]
    assert made.task.tests is None


def test_the_kind_of_tests_is_recognised(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "entry_point": "f", "test": "def check(candidate):\n    assert candidate(1) == 2\n"},
        {"prompt": "p2", "test": "import unittest\nclass T(unittest.TestCase): ..."},
        {
            "prompt": "p3",
            "tests": {"kind": "calls", "entry_point": "g", "cases": [{"args": [1], "expected": {"$tuple": [2]}}]},
        },
        {"prompt": "p4", "tests": "assert f(1) == 2", "entry_point": "f"},
    ]
    tests = [made.task.tests for _, made in read(tmp_path, *rows)]
    assert [each.kind for each in tests if each] == ["check", "unittest", "calls", "asserts"]
    assert tests[2] is not None
    assert (tests[2].cases[0].args, tests[2].cases[0].expected) == ([1], (2,))


def test_parquet_and_dataset_folders_are_read_by_datasets(tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_list([{"prompt": "p", "chosen": "a", "rejected": "b"}] * 1)
    rows.to_parquet(str(tmp_path / "d" / "train.parquet"))
    [(_, from_file)] = read_recorded(str(tmp_path / "d" / "train.parquet"))
    [(_, from_folder)] = read_recorded(str(tmp_path / "d"))
    assert from_file == from_folder
    assert from_file.attempts[1].code == "a"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('{"prompt": ', r"x\.jsonl, line 2: not valid JSON"),
        ("[1]", r"line 2: a row is a JSON object"),
        ({**SESSION, "prompt": 5}, r"line 2: `prompt` is 5; it must be text"),
        ({key: value for key, value in SESSION.items() if key != "prompt"}, r"line 2: `prompt` is missing"),
        ({**SESSION, "prompt": "\ud800"}, r"line 2: a text holds half a character"),
        ({**SESSION, "attempts": []}, r"line 2: `attempts` must be a list"),
        ({**SESSION, "attempts": [1]}, r"line 2: `attempts\[0\]` must be text"),
        ({**SESSION, "verdicts": ["pass"]}, r"line 2: `verdicts` has 1 entries for 2 attempts"),
        ({**SESSION, "tests": None}, r"line 2: attempts can only be judged by tests"),
        ({**SESSION, "tests": "def check(c):\n  pass"}, r"line 2: .*need `entry_point`"),
        ({**SESSION, "tests": {"kind": "guess"}}, r"line 2: `tests\.kind` is 'guess'"),
        ({**SESSION, "tests": 7}, r"line 2: `tests` must be text"),
        ({"prompt": "p", "chosen": "a"}, r"line 2: `rejected` is missing"),
        ({"prompt": "p"}, r"line 2: a task needs `tests`"),
    ],
)
def test_one_sentence_with_the_line(tmp_path: Path, row: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, SESSION, row)


def test_files_that_are_not_there_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_recorded(str(tmp_path / "none.jsonl")))
    (tmp_path / "x.csv").write_text("a")
    with pytest.raises(InputError, match=r"files end in \.jsonl"):
        list(read_recorded(str(tmp_path / "x.csv")))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(SESSION).encode() * 50)[:-20])
    with pytest.raises(InputError, match="damaged or cut off"):
        list(read_recorded(str(tmp_path / "cut.jsonl.gz")))
    (tmp_path / "latin.jsonl").write_bytes(b'{"prompt": "\xe9"}\n')
    with pytest.raises(InputError, match="not UTF-8"):
        list(read_recorded(str(tmp_path / "latin.jsonl")))


def test_benchmarks_in_their_own_form_are_tasks(data: Path, sandbox: Sandbox) -> None:
    """HumanEval and both forms of MBPP: their own solutions pass."""
    files = {"humaneval/HumanEval.jsonl.gz": 164, "mbpp/mbpp.jsonl": 974, "mbpp/sanitized-mbpp.json": 427}
    for name, count in files.items():
        tasks = [source.task for _, source in read_recorded(str(data / name))]
        assert len(tasks) == count
        for task in tasks[:: count // 5]:
            assert task.solution is not None
            assert task.tests is not None
            assert sandbox.judge(task.solution, task.tests).passed, task.id


def test_a_data_set_of_the_datasets_library_is_a_source(tmp_path: Path) -> None:
    import datasets

    rows = [{"prompt": f"Add {n}.", "tests": [f"assert f(0) == {n}"]} for n in range(3)]
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "mine" / "train.parquet")
    found = [source.task for _, source in read_recorded(str(tmp_path / "mine"))]
    assert [(task.prompt, task.tests.code if task.tests else "") for task in found] == [
        (row["prompt"], row["tests"][0]) for row in rows
    ]
