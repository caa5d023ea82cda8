"""BigCodeBench (Zhuo et al. 2024): 1,140 functions that call libraries, judged by unittest; 148 of them are *Hard*.

Asked in two ways: ``split=complete`` (a function's head and documentation) and ``split=instruct`` (prose, for instruct
models). Reads the schema of v0.1.4 and that of v0.1.0, whose texts are the same.

As in the official harness an answer is *calibrated*: the function's head with an empty body and its imports run before
it, in the same module, so that an answer may leave its imports out. Here that is the tests' set-up code. Where a
library of a task is not installed, its set-up fails and the verdict is ``INVALID``: this machine cannot judge it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from iterpref.errors import InputError
from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.extract import program_in
from iterpref.suites.files import File, Hub, Place, Row, read, version_of
from iterpref.suites.humaneval import ANSWER_STOPS, COMPLETION_STOPS, INSTRUCTION, PREFILL, STOPS, instruction
from iterpref.types import Task, Tests

__all__ = ["CPU_SECONDS", "HARD", "calibrated", "load", "plain"]

VERSION = "v0.1.4"  # what the Hub and the official cache are asked for
PLACES = {
    subset: Place(
        name=f"BigCodeBench-{subset.capitalize()}",
        get=f"name the data set bigcode/bigcodebench{hub} ({VERSION}), as JSON lines, as its path or in "
        "BIGCODEBENCH_OVERRIDE_PATH",
        variable="BIGCODEBENCH_OVERRIDE_PATH",
        cache=f"bigcodebench/BigCodeBench{cache}-{VERSION}.jsonl",
        hub=Hub(f"bigcode/bigcodebench{hub}", VERSION),
    )
    for subset, hub, cache in (("full", "", ""), ("hard", "-hard", "-Hard"))
}
HARD = frozenset(
    f"BigCodeBench/{number}"
    for number in (
        *(13, 15, 17, 19, 34, 37, 82, 89, 92, 93, 99, 100, 101, 108, 120, 123, 124, 129, 139, 147, 161, 162, 177, 184),
        *(187, 199, 208, 211, 214, 227, 239, 241, 267, 273, 274, 287, 302, 308, 310, 313, 324, 326, 341, 346, 360, 367),
        *(368, 374, 399, 401, 409, 417, 418, 424, 443, 445, 454, 458, 461, 477, 486, 492, 501, 502, 503, 509, 511, 513),
        *(526, 528, 530, 532, 553, 560, 567, 574, 579, 582, 583, 587, 590, 592, 593, 594, 618, 636, 637, 654, 655, 657),
        *(678, 720, 723, 752, 760, 763, 765, 771, 777, 785, 800, 826, 845, 854, 857, 865, 870, 879, 897, 906, 914, 915),
        *(916, 917, 928, 942, 945, 952, 955, 963, 964, 969, 971, 985, 988, 990, 998, 999, 1003, 1004, 1006, 1008, 1012),
        *(1013, 1015, 1019, 1020, 1022, 1039, 1040, 1042, 1053, 1057, 1077, 1085, 1124, 1129, 1137),
    )
)

# The official limit is 240 s of wall-clock time and 30 GiB. The sandbox lets a program have five times its CPU time,
# and 2 s, of wall-clock time, so this comes to the same for a program that waits; the longest reference solution
# computes for less than half of it.
CPU_SECONDS = 48.0
MEMORY_MB = 8192
# Names that the official harness puts into the module.
_NAMES = "import os\nimport sys\nfrom os import environ\n"
# Field by field: its name from v0.1.1 on, and in v0.1.0.
_NAME_OF = {"complete_prompt": "prompt", "instruct_prompt": "instruction", "code_prompt": "prompt_wo_doc"}


def load(path: str = "", subset: str = "", split: str = "complete") -> Suite:
    """BigCodeBench from a file, ``BIGCODEBENCH_OVERRIDE_PATH``, the official cache or the Hub.

    ``subset`` is ``full`` or ``hard``; by default what the file holds (without a file, ``full``). ``split`` is
    ``complete`` or ``instruct``.

    Raises:
        InputError: there is no file, or it is of another form; an option has another value.
    """
    if subset not in ("", *PLACES):
        raise InputError(f"bigcodebench: subset must be full or hard, not {subset!r}.")
    if split not in ("complete", "instruct"):
        raise InputError(f"bigcodebench: split must be complete or instruct, not {split!r}.")
    file = read(PLACES[subset or "full"], path)
    items = tuple(_items(_rows(file), split))
    if not subset:
        subset = "hard" if {item.task.id for item in items} <= HARD else "full"
    elif subset == "hard":
        items = tuple(item for item in items if item.task.id in HARD)
        if not items:
            raise InputError(f"{file.path}: none of its tasks belongs to BigCodeBench-Hard; leave subset=hard out.")
    elif len(items) <= len(HARD):
        raise InputError(f"{file.path}: {len(items)} tasks are not all of BigCodeBench; leave subset=full out.")
    return Suite(
        name="bigcodebench",
        version=VERSION if file.path.startswith("hf://") else version_of(file, {}),
        path=file.path,
        sha256=file.sha256,
        items=items,
        scores={"tests": f"bigcodebench{'-hard' if subset == 'hard' else ''}-{split}"},
        program=_program if split == "complete" else _answer,
        stops=STOPS + COMPLETION_STOPS,
        answer_stops=STOPS + ANSWER_STOPS,
        max_new_tokens=1280,
        options={"subset": subset, "split": split},
    )


def calibrated(item: Item, program: str) -> str:
    """The text that the official harness judges, and writes to its results."""
    return item.parts["tests"].setup.removeprefix(_NAMES) + program


def plain(item: Item, text: str) -> str:
    """The program in a calibrated text."""
    return text.removeprefix(calibrated(item, ""))


def _program(item: Item, text: str, style: Style) -> str:
    whole = item.task.prompt + text if style == "complete" else text
    return program_in(whole, item.task.entry_point, item.task.prompt)


def _answer(item: Item, text: str, style: Style) -> str:
    if style == "complete":
        raise InputError("bigcodebench: split=instruct is for instruct models; use split=complete with a base model.")
    return _program(item, text, style)


def _rows(file: File) -> Iterable[Row]:
    """The tasks, also of a file that is one object with a task a name."""
    first = file.rows[0]
    if len(file.rows) > 1 or "task_id" in first.data:
        return file.rows
    return [Row(first.path, first.line, data) for data in first.data.values() if isinstance(data, dict)] or file.rows


def _items(rows: Iterable[Row], split: str) -> Iterable[Item]:
    for row in rows:
        tests = Tests(
            "unittest",
            row.take("test"),
            entry_point=row.take("entry_point"),
            setup=f"{_NAMES}{_field(row, 'code_prompt')}\n    pass\n",
            cpu_seconds=CPU_SECONDS,
            memory_mb=MEMORY_MB,
        )
        prompt, prose = _field(row, "complete_prompt"), _field(row, "instruct_prompt")
        task = Task(
            id=row.take("task_id"),
            prompt=prompt,
            tests=tests,
            solution=f"{prompt}\n{row.take('canonical_solution')}",
            features=_libraries(row),
            source="bigcodebench",
        )
        asked = instruction(prompt) if split == "complete" else f"{INSTRUCTION}\n{prose.strip()}\n"
        yield Item(task, {"tests": tests}, asked, PREFILL, {"libs": task.features})


def _field(row: Row, name: str) -> str:
    old = _NAME_OF[name]
    return str(row.take(old if name not in row.data and old in row.data else name))


def _libraries(row: Row) -> tuple[str, ...]:
    """The libraries of a task: a list, or the text of one, as the Hub has it."""
    value = row.take("libs", (str, list), [])
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise row.fault("the field 'libs' must be a list of names, or the text of one") from None
    return tuple(str(name) for name in value)
