"""HumanEval+ and MBPP+ (Liu et al. 2023): the functions of both benchmarks with many more inputs.

A task has a reference solution and two lists of inputs, ``base`` and ``plus``. What the reference returns is what an
answer must return, so the items are complete only after the reference has been run (``truth.established``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from iterpref.errors import InputError
from iterpref.suites import humaneval
from iterpref.suites.base import Item, Suite
from iterpref.suites.files import File, Place, Row, read, version_of
from iterpref.suites.mbpp_inputs import arguments_of
from iterpref.types import Case, Task, Tests

__all__ = ["load_humaneval", "load_mbpp"]

HUMANEVAL = Place(
    name="HumanEval+",
    get="name the file HumanEvalPlus.jsonl.gz, of the releases of github.com/evalplus/humanevalplus_release, as its "
    "path or in HUMANEVAL_OVERRIDE_PATH",
    variable="HUMANEVAL_OVERRIDE_PATH",
    cache="evalplus/HumanEvalPlus-v0.1.10.jsonl",
    url="https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
)
MBPP = Place(
    name="MBPP+",
    get="name the file MbppPlus.jsonl.gz, of the releases of github.com/evalplus/mbppplus_release, as its path or in "
    "MBPP_OVERRIDE_PATH (the Hub's evalplus/mbppplus has another form)",
    variable="MBPP_OVERRIDE_PATH",
    cache="evalplus/MbppPlus-v0.2.0.jsonl",
    url="https://github.com/evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
)
VERSIONS = {
    "42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f": "v0.1.10",
    "b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad": "v0.2.0",
}
_IDS = {"humaneval+": "HumanEval/", "mbpp+": "Mbpp/"}  # what the ids of their tasks begin with
MBPP_STOPS = ('\n"""', "\nassert")
MEMORY_MB = 4096  # as EvalPlus allows; a few inputs ask for results of hundreds of megabytes

# MBPP tasks by entry point: several answers are right, or the order does not count (EvalPlus 0.3.1).
AS_SETS = frozenset(
    {
        *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"),
        *("intersection_array", "find_dissimilar", "Diff"),
    }
)
IS_SOMETHING = frozenset({"check_str", "text_match_three", "text_starta_endb"})
ANYTHING = frozenset({"are_equivalent"})


# Their references return match objects: what counts is whether there is one.
_WHETHER_SOMETHING = """
_reference = {name}


def {name}(*arguments):
    return _reference(*arguments) is not None
"""


def _upright_surface(edge: float, height: float) -> int:
    """Surface of a square pyramid whose height is measured from the base to the apex."""
    return round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))


def _padded_distance(one: int, other: int) -> int:
    """Sum of the differences of digits, the shorter number padded with zeros."""
    texts = str(one), str(other)
    width = max(map(len, texts))
    return sum(abs(int(a) - int(b)) for a, b in zip(*(text.zfill(width) for text in texts), strict=True))


ALSO: dict[str, Callable[..., Any]] = {
    "sum_div": lambda number: 0,
    "surface_Area": _upright_surface,
    "digit_distance_nums": _padded_distance,
}


def load_humaneval(path: str = "") -> Suite:
    """HumanEval+, also older or smaller releases by path.

    Raises:
        InputError: there is no file, or it is of another form or of the other benchmark.
    """
    file = read(HUMANEVAL, path)
    names = {"base": "humaneval", "plus": "humaneval+"}
    return _suite("humaneval+", file, names, humaneval.COMPLETION_STOPS, _humaneval_item)


def load_mbpp(path: str = "") -> Suite:
    """MBPP+, also older releases by path.

    Raises:
        InputError: there is no file, or it is of another form or of the other benchmark.
    """
    return _suite("mbpp+", read(MBPP, path), {"base": "mbpp", "plus": "mbpp+"}, MBPP_STOPS, _mbpp_item)


def _suite(name: str, file: File, scores: dict[str, str], stops: tuple[str, ...], item: Callable[[Row], Item]) -> Suite:
    id = file.rows[0].take("task_id")
    for other, beginning in _IDS.items():
        if other != name and id.startswith(beginning):
            raise InputError(f"{file.path}: these are tasks of {other}; name that benchmark, or another file.")
    return Suite(
        name=name,
        version=version_of(file, VERSIONS),
        path=file.path,
        sha256=file.sha256,
        items=tuple(item(row) for row in file.rows),
        scores=scores,
        program=humaneval.program,
        stops=humaneval.STOPS + stops,
        answer_stops=humaneval.STOPS + humaneval.ANSWER_STOPS,
    )


def _humaneval_item(row: Row) -> Item:
    equality = "root" if row.take("entry_point") == "find_zero" else "close"
    return _item(row, equality, lambda values: Case(tuple(values)))


def _mbpp_item(row: Row) -> Item:
    entry_point = row.take("entry_point")
    number = row.take("task_id").rpartition("/")[2]
    if not number.isdigit():
        raise row.fault(f"the field 'task_id' must end in MBPP's number, not {number!r}")
    also = ALSO.get(entry_point)

    def case(values: list[Any]) -> Case:
        arguments = arguments_of(int(number), values)
        return Case(arguments, [also(*arguments)] if also else None)

    if entry_point in IS_SOMETHING:
        return _item(row, "is something", case)
    if entry_point in ANYTHING:
        return _item(row, "anything", case)
    return _item(row, "as sets" if entry_point in AS_SETS else "any of" if also else "close", case)


def _item(row: Row, equality: str, case: Callable[[list[Any]], Case]) -> Item:
    prompt, entry_point = row.take("prompt"), row.take("entry_point")
    solution = prompt + row.take("canonical_solution")
    reference = solution + _WHETHER_SOMETHING.format(name=entry_point) if equality == "is something" else solution
    parts: dict[str, Tests] = {}
    for part in ("base", "plus"):
        try:
            cases = tuple(map(case, _lists(row, f"{part}_input")))
        except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
            raise row.fault(f"the field '{part}_input' does not hold the arguments of this task ({error})") from None
        if not cases:
            continue  # Mbpp/793 has no further inputs
        parts[part] = Tests(
            "calls",
            cases=cases,
            entry_point=entry_point,
            tolerance=float(row.take("atol", (int, float))),
            memory_mb=MEMORY_MB,
            equality=equality,
            reference=reference,
        )
    asked = prompt.strip() + "\n"  # as it is put to a model
    if "base" not in parts:
        raise row.fault("the field 'base_input' is empty, so nothing decides")
    task = Task(row.take("task_id"), asked, parts["base"], solution, source="evalplus")
    return Item(task, parts, humaneval.instruction(prompt), humaneval.PREFILL)


def _lists(row: Row, name: str) -> list[list[Any]]:
    inputs = row.take(name, (list, dict)) or []  # one task without inputs has {} in their place
    if not isinstance(inputs, list) or not all(isinstance(values, list) for values in inputs):
        raise row.fault(f"the field {name!r} must be a list of argument lists")
    return list(inputs)
