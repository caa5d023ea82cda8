"""The micro-world as a benchmark: tasks of its test split, judged by visible and by further, hidden cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from iterpref.errors import InputError
from iterpref.micro.world import hidden_tests, tasks
from iterpref.store import encode
from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.rendering import program_in_fence
from iterpref.types import Task

__all__ = ["load"]

_TAGS = ("source", "reduce")
_COUNT = 200  # making a task and its two sets of tests takes milliseconds


def load(path: str = "", split: str = "test", count: str = "", seed: str = "0") -> Suite:
    """``count`` tasks of a split. ``visible`` is what a repairer would see, ``hidden`` are thirty further cases.

    Raises:
        InputError: a path, an unknown split, or a count or seed that is no number.
    """
    if path:
        raise InputError(f"the micro-world is made here and reads no file; take --path {path} away.")
    wanted = _number("count", count) if count else _COUNT
    made = tasks(cast(Any, split), wanted, seed=_number("seed", seed))
    items = tuple(_item(task) for task in made)
    text = "".join(encode(tests) + "\n" for item in items for tests in item.parts.values())
    prompts = "".join(item.task.prompt for item in items)
    return Suite(
        name="micro",
        version="",
        path="",
        sha256=hashlib.sha256((prompts + text).encode()).hexdigest(),
        items=items,
        scores={"visible": "micro", "hidden": "micro+"},
        program=_program,
        stops=("\ndef ", "\nclass ", "\nif __name__", "\nprint(", "\n# "),
        max_new_tokens=160,
        options={"split": split, "count": str(wanted), "seed": seed},
    )


def _item(task: Task) -> Item:
    assert task.tests is not None
    tags: Mapping[str, tuple[str, ...]] = {
        name: (value,) for name, _, value in (feature.partition(":") for feature in task.features) if name in _TAGS
    }
    instruction = f"{task.prompt}\n\nAnswer with the whole function in one Python code block."
    parts = {"visible": task.tests, "hidden": hidden_tests(task.id)}
    return Item(replace(task, prompt=task.prompt + "\n"), parts, instruction, tags=tags)


def _program(item: Item, answer: str, style: Style) -> str:
    return answer if style == "complete" else program_in_fence(answer)


def _number(name: str, text: str) -> int:
    if not text.isdigit():
        raise InputError(f"the micro-world's {name} is {text!r}; give a number.")
    return int(text)
