"""What language models are told."""

from __future__ import annotations

import jinja2
import pytest

from iterpref.teachers import prompts
from iterpref.teachers.base import Request
from iterpref.types import Attempt, Outcome, Task, Verdict

TASK = Task("t", "\nAdd <one> & more.\n")


def test_a_draft_is_asked_with_the_tasks_own_words() -> None:
    assert prompts.draft_prompt(Request(TASK)).startswith(
        "Add <one> & more.\n\nAnswer with one complete Python program"
    )


def test_a_repair_is_asked_with_the_last_version_and_what_happened_to_it() -> None:
    old = Attempt(0, "old()", Verdict(Outcome.WRONG, feedback="older"))
    last = Attempt(1, "def f(x):\n    return x\n", Verdict(Outcome.WRONG, feedback="f(1)\nactual: 1\nexpected: 2"))
    text = prompts.repair_prompt(Request(TASK, (old, last)))
    assert "Add <one> & more.\n" in text
    assert "```python\ndef f(x):\n    return x\n```\n" in text
    assert "f(1)\nactual: 1\nexpected: 2\n" in text
    assert "old" not in text


def test_a_verdict_without_feedback_is_told_by_its_name() -> None:
    failed = Attempt(0, "x", Verdict(Outcome.TIMEOUT))
    assert "What happened:\n\ntimeout\n" in prompts.repair_prompt(Request(TASK, (failed,)))


def test_a_name_that_nobody_defines_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'code' is undefined"):
        prompts._template("repair.jinja").render(prompt="p")
