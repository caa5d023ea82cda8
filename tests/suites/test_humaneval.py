from __future__ import annotations

import json
from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.suites.base import Suite, load_suite

ROW = {
    "task_id": "HumanEval/0",
    "prompt": '\n\ndef half(x):\n    """Half."""\n    return x / 2\n\n\ndef whole(x):\n    """Twice half of x."""\n',
    "entry_point": "whole",
    "canonical_solution": "    return 2 * half(x)\n",
    "test": "def check(candidate):\n    assert candidate(3) == 3\n    assert candidate(half(3)) == 1.5\n",
}


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "HumanEval.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    return load_suite("humaneval", str(path))


def test_a_continuation_becomes_a_program_that_is_judged(suite: Suite, sandbox: Sandbox) -> None:
    (item,) = suite.items
    right = suite.program(item, "    return x\n\n\ndef another():\n    return whole(", "complete")
    assert "another" not in right
    assert sandbox.judge(right, item.parts["base"]).passed
    assert not sandbox.judge(suite.program(item, "    return x + 1\n", "complete"), item.parts["base"]).passed


def test_an_answer_becomes_a_program_with_what_the_tests_call(suite: Suite, sandbox: Sandbox) -> None:
    (item,) = suite.items
    answer = "```python\ndef half(x):\n    return x / 2\n\n\ndef whole(x):\n    return x\n```"
    assert sandbox.judge(suite.program(item, answer, "instruct"), item.parts["base"]).passed


def test_the_solution_is_a_whole_program(suite: Suite, sandbox: Sandbox) -> None:
    (item,) = suite.items
    assert sandbox.judge(item.task.solution or "", item.parts["base"]).passed
    assert item.parts["base"].cpu_seconds == 3.0


def test_an_option_that_it_has_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the benchmark humaneval takes no option 'split'"):
        load_suite("humaneval", str(tmp_path), split="test")
