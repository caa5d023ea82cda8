"""MBPP (Austin et al. 2021): 974 small functions, judged by three asserts each; or the 427 of its sanitized version.

A base model is asked as in the paper, after three worked examples (tasks 2, 3 and 4, as far as the file has them). An
instruct model is asked as EvalPlus asks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from iterpref.errors import InputError
from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.extract import program_in
from iterpref.suites.files import File, Hub, Place, Row, read, version_of
from iterpref.suites.humaneval import ANSWER_STOPS, PREFILL, STOPS, instruction
from iterpref.syntax import parse
from iterpref.types import Task, Tests

__all__ = ["load"]

_RAW = "https://github.com/google-research/google-research/raw/master/mbpp/"
_ALL = "train+test+validation+prompt"
PLACES = {
    "full": Place(
        name="MBPP",
        get="name the file mbpp.jsonl of github.com/google-research/google-research (mbpp/) as its path",
        cache="iterpref/mbpp.jsonl",
        url=_RAW + "mbpp.jsonl",
        hub=Hub("google-research-datasets/mbpp", _ALL, "full"),
    ),
    "sanitized": Place(
        name="MBPP",
        get="name the file sanitized-mbpp.json of github.com/google-research/google-research (mbpp/) as its path",
        cache="evalplus/sanitized-mbpp.json",
        url=_RAW + "sanitized-mbpp.json",
        hub=Hub("google-research-datasets/mbpp", _ALL, "sanitized"),
    ),
}
VERSIONS = {
    "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f": "full",
    "8ac32b2799150228e2d745aed09c870b7e4444246d4727d1004576207ef40769": "sanitized",
}
# By number, as the data set's authors divide it; the first ten are for prompts.
SPLITS = {
    "test": range(11, 511),
    "validation": range(511, 601),
    "train": range(601, 975),
    "prompt": range(1, 11),
    "all": range(1, 975),
}
EXAMPLES = (2, 3, 4)
_BEGIN, _DONE = "[BEGIN]", "[DONE]"


def load(path: str = "", split: str = "test", form: str = "") -> Suite:
    """MBPP, one ``split`` of it. ``form`` (full, sanitized) says which file to look for where no path is given: full.

    Raises:
        InputError: there is no such split, form or file, or the file is of another form.
    """
    if split not in SPLITS:
        raise InputError(f"MBPP has no split {split!r}; known: {', '.join(SPLITS)}.")
    if form and form not in PLACES:
        raise InputError(f"MBPP has no form {form!r}; known: {', '.join(PLACES)}.")
    file = read(PLACES[form or "full"], path)
    found = "full" if "text" in file.rows[0].data else "sanitized"
    if form and form != found:
        raise InputError(f"{file.path}: this is MBPP's {found} form, not {form}; name another file or leave form out.")
    numbers = [row.take("task_id", int) for row in file.rows]
    shots = "".join(_asked(row) + f"{_code(row)}\n{_DONE}\n\n" for row in _examples(file, numbers))
    rows = [row for row, number in zip(file.rows, numbers, strict=True) if number in SPLITS[split]]
    if not rows:
        raise InputError(f"{file.path}: it holds no task of the split {split!r}; choose another.")
    return Suite(
        name="mbpp",
        version=version_of(file, VERSIONS),
        path=file.path,
        sha256=file.sha256,
        items=tuple(_item(row, shots) for row in rows),
        scores={"base": "mbpp"},
        program=_program,
        stops=(_DONE,),
        answer_stops=STOPS + ANSWER_STOPS,
        options={"split": split},
    )


def _examples(file: File, numbers: Sequence[int]) -> list[Row]:
    return [row for row, number in zip(file.rows, numbers, strict=True) if number in EXAMPLES]


def _item(row: Row, shots: str) -> Item:
    tests, code = row.take("test_list", list), _code(row)
    setup = [row.take("test_setup_code", str, ""), *row.take("test_imports", list, [])]
    text = "\n".join([*setup, *tests]).replace("\r\n", "\n")
    judged = Tests("asserts", text, entry_point=_entry_point(row, code, tests))
    asked = instruction('"""\n' + "\n".join([_text(row), *tests]) + '\n"""')
    task = Task(f"Mbpp/{row.data['task_id']}", shots + _asked(row), judged, code, source="mbpp")
    return Item(task, {"base": judged}, asked, PREFILL)


def _text(row: Row) -> str:
    """The problem: ``text`` in the full form, ``prompt`` in the sanitized one."""
    text: str = row.take("text" if "text" in row.data else "prompt")
    return text


def _code(row: Row) -> str:
    code: str = row.take("code")
    return code.replace("\r\n", "\n")


def _asked(row: Row) -> str:
    tests = "\n".join(row.take("test_list", list))
    return (
        f"You are an expert Python programmer, and here is your task: {_text(row)} "
        f"Your code should pass these tests:\n\n{tests}\n{_BEGIN}\n"
    )


def _entry_point(row: Row, code: str, tests: list[str]) -> str:
    """The function of the reference that the tests call first."""
    try:
        defined = {node.name for node in ast.walk(parse(code)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        called = [node for test in tests for node in ast.walk(parse(test)) if isinstance(node, ast.Name)]
    except SyntaxError as error:
        raise row.fault(f"the code or a test does not parse ({error.msg})") from None
    found = next((name.id for name in called if name.id in defined), "")
    if not found:
        raise row.fault("the tests call no function that the code defines")
    return found


def _program(item: Item, text: str, style: Style) -> str:
    tests = item.task.tests
    assert tests is not None
    answer = text.partition(_DONE)[0] if style == "complete" else text
    return program_in(answer, tests.entry_point, also=set(re.findall(r"\w+", tests.code)))
