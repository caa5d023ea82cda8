"""Any tasks of your own, one JSON object a line with the fields of :class:`iterpref.types.Task`.

``id``, ``prompt`` and ``tests`` are needed; ``tests`` has a ``kind`` and what that kind needs. Nothing is added to a
prompt, so it may be a text to continue or a request.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iterpref.errors import InputError
from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.extract import program_in, script_in
from iterpref.suites.files import File, Row, read_file, version_of
from iterpref.syntax import parse
from iterpref.types import Case, Task, Tests

__all__ = ["load"]

_TASK: TypeAdapter[Task] = TypeAdapter(Task)


def load(path: str = "", name: str = "") -> Suite:
    """The tasks of a file; ``name`` is what their score is called (default: the file's name).

    Raises:
        InputError: no path, a field that is missing, unknown or of another type, tests that do not parse, or two tasks
            with one id.
    """
    if not path:
        raise InputError("jsonl: name the file of tasks as its path.")
    file = read_file(path)
    name = name or Path(path).name.split(".")[0]
    items = tuple(_item(row) for row in file.rows)
    _distinct(file, items)
    return Suite(
        name=name,
        version=version_of(file, {}),
        path=file.path,
        sha256=file.sha256,
        items=items,
        scores={"tests": name},
        program=_program,
    )


def _item(row: Row) -> Item:
    tests: dict[str, Any] = row.take("tests", dict)
    _only_known(row, row.data, Task, "")
    _only_known(row, tests, Tests, "tests.")
    for number, case in enumerate(tests.get("cases") or ()):
        if isinstance(case, dict):
            _only_known(row, case, Case, f"tests.cases[{number}].")
    try:
        task = _TASK.validate_python(row.data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise row.fault(f"the field {field!r} is wrong ({first['msg'][:1].lower()}{first['msg'][1:]})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise row.fault(f"a value in 'tests' cannot be decoded ({error})") from None
    assert task.tests is not None
    if task.tests.kind in ("calls", "check") and not task.tests.entry_point:
        raise row.fault(f"the field 'tests.entry_point' is missing, which tests of kind {task.tests.kind!r} need")
    if task.tests.kind in ("calls", "stdio") and not task.tests.cases:
        raise row.fault(f"the field 'tests.cases' is missing, which tests of kind {task.tests.kind!r} need")
    if task.tests.kind not in ("calls", "stdio") and not task.tests.code.strip():
        raise row.fault(f"the field 'tests.code' is missing, which tests of kind {task.tests.kind!r} need")
    try:
        parse(task.tests.code)
    except (SyntaxError, ValueError) as error:
        raise row.fault(f"the field 'tests.code' does not parse ({error.args[0]})") from None
    return Item(task, {"tests": task.tests}, task.prompt)


def _only_known(row: Row, given: Iterable[str], kind: type, prefix: str) -> None:
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    for field in given:
        if field not in known:
            raise row.fault(f"the field {prefix + field!r} is unknown (known: {', '.join(known)})")


def _distinct(file: File, items: tuple[Item, ...]) -> None:
    ((id, count),) = Counter(item.task.id for item in items).most_common(1)
    if count > 1:
        raise InputError(f"{file.path}: {count} tasks have the id {id!r}; ids must differ.")


def _program(item: Item, text: str, style: Style) -> str:
    """The program in an answer. A prompt that begins a program is continued by a base model."""
    tests = item.task.tests
    assert tests is not None
    if tests.kind == "stdio" or not tests.entry_point:
        return script_in(text)
    used = set(re.findall(r"\w+", tests.code))
    begins = style == "complete" and re.search(rf"\b{re.escape(tests.entry_point)}\b", item.task.prompt)
    answer = item.task.prompt + text if begins else text
    return program_in(answer, tests.entry_point, also=used)
