from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.store import encode
from iterpref.suites.base import load_suite
from iterpref.types import Case, Task, Tests

CALLS = {"kind": "calls", "entry_point": "f", "cases": [{"args": {"$tuple": [1]}, "expected": 2}]}


def written(folder: Path, *rows: Any) -> str:
    path = folder / "mine.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def test_tasks_are_read_and_judged(tmp_path: Path, sandbox: Sandbox) -> None:
    row = {"id": "a", "prompt": "Write f(x), which adds one.", "tests": CALLS, "features": ["sums"]}
    suite = load_suite("jsonl", written(tmp_path, row))
    (item,) = suite.items
    assert (suite.name, suite.scores) == ("mine", {"tests": "mine"})
    assert item.task.features == ("sums",)
    for style, answer in (
        ("instruct", "Sure:\n```python\ndef f(x):\n    return x + 1\n```"),
        ("complete", "\ndef f(x):\n    return x + 1\n"),
    ):
        assert sandbox.judge(suite.program(item, answer, style), item.parts["tests"]).passed  # type: ignore[arg-type]


def test_a_prompt_that_begins_a_program_is_continued(tmp_path: Path, sandbox: Sandbox) -> None:
    suite = load_suite("jsonl", written(tmp_path, {"id": "a", "prompt": "def f(x):\n", "tests": CALLS}))
    (item,) = suite.items
    assert sandbox.judge(suite.program(item, "    return x + 1\n", "complete"), item.parts["tests"]).passed


def test_what_a_run_stores_can_be_read_again(tmp_path: Path) -> None:
    tests = Tests("calls", cases=(Case(({1: (2, 3)},), {4}),), entry_point="f", tolerance=0.5)
    task = Task("t", "Do.", tests, "def f(x): return {4}", ("a",), "here")
    assert load_suite("jsonl", written(tmp_path, encode(task))).items[0].task == task


def test_a_script_is_taken_whole(tmp_path: Path, sandbox: Sandbox) -> None:
    tests = {"kind": "stdio", "cases": [{"args": "3\n", "expected": "6\n"}]}
    suite = load_suite("jsonl", written(tmp_path, {"id": "a", "prompt": "Double it.", "tests": tests}))
    (item,) = suite.items
    program = suite.program(item, "```python\nprint(2 * int(input()))\n```\nDone.", "instruct")
    assert sandbox.judge(program, item.parts["tests"]).passed


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": "a", "prompt": "p"}, "line 1: the field 'tests' is missing"),
        ({"prompt": "p", "tests": CALLS}, "line 1: the field 'id' is wrong"),
        ({"id": "a", "prompt": 3, "tests": CALLS}, "line 1: the field 'prompt' is wrong"),
        ({"id": "a", "promt": "p", "tests": CALLS}, "line 1: the field 'promt' is unknown"),
        ({"id": "a", "prompt": "p", "tests": {**CALLS, "kind": "call"}}, "line 1: the field 'tests.kind' is wrong"),
        ({"id": "a", "prompt": "p", "tests": {**CALLS, "time": 1}}, "line 1: the field 'tests.time' is unknown"),
        (
            {"id": "a", "prompt": "p", "tests": {**CALLS, "cases": [{"input": 1}]}},
            r"line 1: the field 'tests.cases\[0\].input' is unknown",
        ),
        ({"id": "a", "prompt": "p", "tests": {"kind": "calls", "cases": [{}]}}, "'tests.entry_point' is missing"),
        ({"id": "a", "prompt": "p", "tests": {"kind": "stdio"}}, "'tests.cases' is missing"),
        ({"id": "a", "prompt": "p", "tests": {"kind": "asserts"}}, "'tests.code' is missing"),
        ({"id": "a", "prompt": "p", "tests": {"kind": "asserts", "code": "assert ("}}, "line 1: .*does not parse"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_suite("jsonl", written(tmp_path, row))


def test_ids_must_differ(tmp_path: Path) -> None:
    row = {"id": "a", "prompt": "p", "tests": CALLS}
    with pytest.raises(InputError, match="2 tasks have the id 'a'; ids must differ"):
        load_suite("jsonl", written(tmp_path, row, row))


def test_the_documented_tasks_are_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "evaluation-functions.md").read_text(encoding="utf-8")
    (lines,) = (block.partition("```")[0] for block in text.split("```json\n")[1:])
    path = tmp_path / "tasks.jsonl"
    path.write_text(lines)
    assert [item.task.id for item in load_suite("jsonl", str(path)).items] == ["add", "sum", "echo"]


def test_the_score_can_be_named_and_the_path_is_no_option(tmp_path: Path) -> None:
    path = written(tmp_path, {"id": "a", "prompt": "Write f.", "tests": CALLS})
    assert load_suite("jsonl", path, name="mine").scores == {"tests": "mine"}
    with pytest.raises(InputError, match="no option; give it as --path"):
        load_suite("jsonl", path, path="b")


def test_a_path_is_needed() -> None:
    with pytest.raises(InputError, match="name the file of tasks as its path"):
        load_suite("jsonl")
