"""MBPP+'s inputs as its functions take them: JSON has no tuples, sets or complex numbers, and the file does not say.

Which argument of which task is which is a fact of the data set (EvalPlus 0.3.1, ``mbpp_deserialize_inputs``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["arguments_of"]

Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _tuples(values: Any) -> list[Any]:
    return [tuple(value) for value in values]


def _tuple_of_tuples(values: Any) -> tuple[Any, ...]:
    return tuple(_tuples(values))


def _tuple_of_some_tuples(values: Any) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _deep_tuple(value: Any) -> Any:
    return tuple(map(_deep_tuple, value)) if isinstance(value, list) else value


def _sets(values: Any) -> list[Any]:
    return [set(value) if isinstance(value, list) and value else {} for value in values]


def _dict_of_tuples(values: Any) -> dict[Any, Any]:
    return {key: tuple(value) for key, value in values.items()}


# Tasks all of whose arguments are of one form.
_ALL: dict[Convert, tuple[int, ...]] = {
    tuple: (
        *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596),
        *(616, 630, 726, 740, 744, 809),
    ),
    _tuples: (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),
    _tuple_of_tuples: (259, 401, 445),
    _tuple_of_some_tuples: (278,),
    _deep_tuple: (580, 615, 791),
}
# The form of each argument; those left out are as they are.
_EACH: dict[tuple[Convert, ...], tuple[int, ...]] = {
    (tuple,): (250, 307, 405, 446, 617, 720, 763, 808),
    (_tuples,): (75, 413, 444, 753),
    (_same, tuple): (106, 750),
    (_sets,): (115,),
    (float, complex): (124,),
    (complex,): (252,),
    (_dict_of_tuples,): (722,),
}
_ALL_OF = {task: convert for convert, tasks in _ALL.items() for task in tasks}
_EACH_OF = {task: converts for converts, tasks in _EACH.items() for task in tasks}


def arguments_of(number: int, values: list[Any]) -> tuple[Any, ...]:
    """The arguments of one call of task ``number``, from the file's JSON."""
    if number in _ALL_OF:
        return tuple(map(_ALL_OF[number], values))
    converts = _EACH_OF.get(number, ())
    return tuple(converts[place](value) if place < len(converts) else value for place, value in enumerate(values))
