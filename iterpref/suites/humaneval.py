"""HumanEval (Chen et al. 2021): 164 functions to complete, judged by ``check(candidate)`` in 3 seconds.

Asked as EvalPlus asks, which is what today's published figures are made with; ``program`` also does as it does.
"""

from __future__ import annotations

import re

from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.extract import program_in
from iterpref.suites.files import Hub, Place, Row, read, version_of
from iterpref.types import Task, Tests

__all__ = ["INSTRUCTION", "PREFILL", "STOPS", "instruction", "load", "program"]

PLACE = Place(
    name="HumanEval",
    get="name the file HumanEval.jsonl.gz of github.com/openai/human-eval (data/) as its path",
    cache="evalplus/HumanEval.jsonl",
    url="https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    hub=Hub("openai/openai_humaneval", "test"),
)
VERSIONS = {"1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2": "1.0"}

# Prompts and stop texts of EvalPlus 0.3.1, which its users' figures depend on.
INSTRUCTION = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
)
PREFILL = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
    "\n```python\n"
)
STOPS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
COMPLETION_STOPS = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
ANSWER_STOPS = ("\n```\n",)


def load(path: str = "") -> Suite:
    """HumanEval from a file, the cache, its repository or the Hub.

    Raises:
        InputError: there is no file, or it is of another form.
    """
    file = read(PLACE, path)
    return Suite(
        name="humaneval",
        version=version_of(file, VERSIONS),
        path=file.path,
        sha256=file.sha256,
        items=tuple(_item(row) for row in file.rows),
        scores={"base": "humaneval"},
        program=program,
        stops=STOPS + COMPLETION_STOPS,
        answer_stops=STOPS + ANSWER_STOPS,
    )


def program(item: Item, text: str, style: Style) -> str:
    """The program in an answer: a base model's continues the prompt, an instruct model's holds the function."""
    prompt, tests = item.task.prompt, item.task.tests
    used = set(re.findall(r"\w+", tests.code)) if tests else ()  # one function's tests call another of its prompt
    return program_in(prompt + text if style == "complete" else text, item.task.entry_point, prompt, used)


def instruction(prompt: str) -> str:
    """What an instruct model is asked."""
    return f"{INSTRUCTION}\n```\n{prompt.strip()}\n```\n"


def _item(row: Row) -> Item:
    prompt = row.take("prompt").strip() + "\n"  # as it is put to a model
    tests = Tests("check", row.take("test"), entry_point=row.take("entry_point"), cpu_seconds=3.0)
    task = Task(row.take("task_id"), prompt, tests, prompt + row.take("canonical_solution"), source="humaneval")
    return Item(task, {"base": tests}, instruction(prompt), PREFILL)
