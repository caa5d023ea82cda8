"""What language models are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.errors import InputError
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


def test_a_name_that_nobody_defines_is_one_sentence_that_names_the_template(tmp_path: Path) -> None:
    (tmp_path / "repair.jinja").write_text("{{ prompt }} {{ cod }}")
    with pytest.raises(
        InputError, match=r"repair\.jinja: the template uses 'cod', which is not defined; known here: code"
    ):
        prompts.repair_prompt(Request(TASK, (Attempt(0, "x", Verdict(Outcome.WRONG)),)), str(tmp_path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ prompt.foo.bar }}", r"draft\.jinja: the template cannot be filled in \(.* has no attribute 'foo'\); mend"),
        ("{{ prompt + 1 }}", r"draft\.jinja: the template cannot be filled in"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_found_when_it_is_loaded(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "draft.jinja").write_text(text)
    with pytest.raises(InputError, match=sentence):
        prompts.load_templates(prompts.__name__, prompts.KINDS, str(tmp_path))


def test_a_template_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "draft.jinja").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=r"draft\.jinja: the template cannot be read .*save it as UTF-8 text"):
        prompts.load_templates(prompts.__name__, prompts.KINDS, str(tmp_path))


def test_a_template_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "draft.jinja").write_text("Mine: {{ prompt }}")
    assert prompts.draft_prompt(Request(TASK), str(tmp_path)) == "Mine: Add <one> & more."
    assert "old()" in prompts.repair_prompt(
        Request(TASK, (Attempt(0, "old()", Verdict(Outcome.WRONG)),)), str(tmp_path)
    )


@pytest.mark.parametrize(
    ("name", "text", "left_out"),
    [("draft", "Write a program.", "prompt"), ("repair", "{{ prompt }} fails: {{ feedback }}", "code")],
)
def test_a_template_that_asks_about_nothing_is_one_sentence(
    tmp_path: Path, name: str, text: str, left_out: str
) -> None:
    (tmp_path / f"{name}.jinja").write_text(text)
    with pytest.raises(InputError, match=rf"{name}\.jinja: the template leaves out '{left_out}'.* put {{{{ {left_out}"):
        prompts.load_templates(prompts.__name__, prompts.KINDS, str(tmp_path))


def test_what_fails_on_some_values_only_is_one_sentence_when_it_comes(tmp_path: Path) -> None:
    (tmp_path / "draft.jinja").write_text("{% if 'rare' in prompt %}{{ prompt.foo.bar }}{% endif %}{{ prompt }}")
    assert prompts.draft_prompt(Request(TASK), str(tmp_path)) == "Add <one> & more."
    with pytest.raises(InputError, match=r"draft\.jinja: the template cannot be filled in .* no attribute 'foo'"):
        prompts.draft_prompt(Request(Task("t", "a rare task")), str(tmp_path))


@pytest.mark.parametrize(
    ("told", "clean"),
    [
        ("<C object at 0x7f00aa11> != 3", "<C object> != 3"),
        ("No such file: '/tmp/iterpref-x1/work/data.txt'", "No such file: 'data.txt'"),
        ("Ran 3 tests in 0.004s", "Ran 3 tests in some time"),
        ("expected: 0.5\nactual: 0x1f", "expected: 0.5\nactual: 0x1f"),
    ],
)
def test_feedback_says_nothing_that_changes_from_run_to_run(told: str, clean: str) -> None:
    assert prompts.clean_feedback(told) == clean


@given(st.text(max_size=6000))
def test_feedback_is_bounded(text: str) -> None:
    assert len(prompts.clean_feedback(text)) <= prompts.FEEDBACK_CHARACTERS + 5
