from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.suites.base import load_suite
from iterpref.suites.mbpp import load


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "task_id": number,
        "text": f"Write a function to add {number}.",
        "code": f"def helper(x):\r\n  return x\r\ndef add{number}(x):\r\n  return helper(x) + {number}",
        "test_list": [f"assert set([add{number}(0)]) == {{{number}}}", f"assert add{number}(1) == {number + 1}"],
        "test_setup_code": "",
        "challenge_test_list": [],
        **fields,
    }


def written(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "mbpp.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return str(path)


def test_the_splits_are_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, *map(row, (1, 10, 11, 510, 511, 600, 601, 974)))
    ids = {split: [item.task.id for item in load(path, split=split).items] for split in ("test", "validation", "train")}
    assert ids == {
        "test": ["Mbpp/11", "Mbpp/510"],
        "validation": ["Mbpp/511", "Mbpp/600"],
        "train": ["Mbpp/601", "Mbpp/974"],
    }
    assert len(load(path, split="prompt").items) == 2
    assert len(load(path, split="all").items) == 8


def test_a_base_model_sees_three_worked_examples(tmp_path: Path) -> None:
    (item,) = load(written(tmp_path, *map(row, (2, 3, 4, 5, 11)))).items
    asked = "You are an expert Python programmer, and here is your task: Write a function to add {0}. Your code should "
    asked += "pass these tests:\n\nassert set([add{0}(0)]) == {{{0}}}\nassert add{0}(1) == {1}\n[BEGIN]\n"
    shot = "def helper(x):\n  return x\ndef add{0}(x):\n  return helper(x) + {0}\n[DONE]\n\n"
    shots = [(asked + shot).format(number, number + 1) for number in (2, 3, 4)]
    shots = [text.replace(f"{{{{{n}}}}}", f"{{{n}}}") for n, text in zip((2, 3, 4), shots, strict=True)]
    assert item.task.prompt == "".join(shots) + asked.format(11, 12)


def test_an_answer_ends_at_done_and_is_judged(tmp_path: Path, sandbox: Sandbox) -> None:
    suite = load(written(tmp_path, row(11)))
    (item,) = suite.items
    assert item.task.entry_point == "add11"
    text = "def add11(n):\n    return n + 11\n[DONE]\n\nYou are an expert Python programmer"
    assert sandbox.judge(suite.program(item, text, "complete"), item.parts["base"]).passed
    assert not sandbox.judge("def add11(n):\n    return 11", item.parts["base"]).passed


def test_set_up_code_comes_before_the_tests(tmp_path: Path, sandbox: Sandbox) -> None:
    made = row(11, test_setup_code="one = add11(-10)", test_list=["assert add11(one) == 12"])
    (item,) = load(written(tmp_path, made)).items
    assert sandbox.judge(item.task.solution or "", item.parts["base"]).passed


def test_the_sanitized_form_is_read(tmp_path: Path, sandbox: Sandbox) -> None:
    made = row(11, prompt="Write it.", test_imports=["import math"], test_list=["assert add11(math.floor(1.5)) == 12"])
    del made["text"], made["test_setup_code"]
    path = tmp_path / "sanitized-mbpp.json"
    path.write_text(json.dumps([made]))
    (item,) = load_suite("mbpp", str(path)).items
    assert 'problem in a markdown code block:\n```\n"""\nWrite it.\nassert add11(' in item.instruction
    assert sandbox.judge(item.task.solution or "", item.parts["base"]).passed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split": "dev"}, "no split 'dev'"),
        ({"form": "raw"}, "no form 'raw'"),
        ({"form": "sanitized"}, "this is MBPP's full form, not sanitized"),
        ({"split": "train"}, "no task of the"),
    ],
)
def test_a_wrong_choice_is_told(tmp_path: Path, options: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_suite("mbpp", written(tmp_path, row(11)), **options)


def test_tests_that_call_nothing_of_the_program_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: the tests call no function that the code defines"):
        load(written(tmp_path, row(11, test_list=["assert True"])))
