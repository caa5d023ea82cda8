"""The micro-world as a benchmark."""

from __future__ import annotations

import pytest

from iterpref.errors import InputError
from iterpref.micro import hidden_tests, tasks
from iterpref.sandbox import Sandbox
from iterpref.suites.base import load_suite


def test_its_tasks_are_those_of_the_test_split_with_hidden_cases_behind() -> None:
    suite = load_suite("micro", count="3")
    made = tasks("test", 3)
    assert [item.task.id for item in suite.items] == [task.id for task in made]
    for item, task in zip(suite.items, made, strict=True):
        assert item.task.prompt == task.prompt + "\n"
        assert item.parts == {"visible": task.tests, "hidden": hidden_tests(task.id)}
        assert item.tags["source"] == (task.id.split("/")[1],)
    assert suite.scores == {"visible": "micro", "hidden": "micro+"}


def test_its_checksum_is_of_what_is_asked_and_judged() -> None:
    two, same, three, other = (
        load_suite("micro", count=count, seed=seed).sha256
        for count, seed in (("2", "0"), ("2", "0"), ("3", "0"), ("2", "1"))
    )
    assert two == same
    assert len({two, three, other}) == 3


def test_solutions_pass_both_parts(sandbox: Sandbox) -> None:
    for item in load_suite("micro", count="4").items:
        assert all(sandbox.judge(item.task.solution or "", tests).passed for tests in item.parts.values())


def test_the_program_is_all_of_a_completion_and_the_block_of_an_answer() -> None:
    suite = load_suite("micro", count="1")
    code = "def f():\n    return 1"
    assert suite.program(suite.items[0], code, "complete") == code
    assert suite.program(suite.items[0], f"So:\n```python\n{code}\n```\nDone.", "instruct") == code


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "dev"}, "no split 'dev'"),
        ({"count": "-1"}, "count is '-1'"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"release": "5"}, "takes no option 'release'"),
    ],
)
def test_bad_options_are_one_sentence(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_suite("micro", **options)


def test_a_file_is_not_read() -> None:
    with pytest.raises(InputError, match="reads no file"):
        load_suite("micro", "x.jsonl")
