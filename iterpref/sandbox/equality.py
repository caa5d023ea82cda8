"""What it means that a value or an output is the expected one, where it is not ``==``: EvalPlus, LiveCodeBench.

EvalPlus 0.3.1 compares with ``==`` and, where the task has a tolerance or expects floats, also as ``numpy.allclose``
does. A few tasks have an oracle of their own. LiveCodeBench compares printed lines as texts and as numbers, and takes
a returned tuple for a list. ``Tests.equality`` names one of these functions; each takes the value (of ``stdio`` tests
the output), the case, the absolute tolerance, and whether the value was ``plain``: not of a subclass nor one of numpy's
numbers, for which EvalPlus has no tolerance. A value is data of a hostile program, or :data:`NOT_PLAIN`: what a
function does with it takes time in proportion to its size, and may raise (then the answer is wrong).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from iterpref.plain import scattered
from iterpref.sandbox.digest import digest_of, is_digest
from iterpref.types import Case

__all__ = ["BY_DIGEST", "EQUALITIES", "NOT_PLAIN"]

NOT_PLAIN = object()  # stands for a value that is no plain data
_RELATIVE = 1e-7
_LARGEST = 2**64  # integers from here on are no numbers to numpy


def _close(value: Any, case: Case, tolerance: float, plain: bool) -> bool:
    """Equal, or of the same type and length with numbers within the tolerance; NaN equals nothing."""
    return _equal_or_close(value, case.expected, tolerance if plain else 0.0)


def _any_of(value: Any, case: Case, tolerance: float, plain: bool) -> bool:
    """``expected`` is a list: the reference's answer, and others that are right as well."""
    first, *others = case.expected
    return any(value == other for other in others) or _equal_or_close(value, first, tolerance if plain else 0.0)


def _as_sets(value: Any, case: Case, _tolerance: float, _plain: bool) -> bool:
    return set(scattered(list(value))) == set(case.expected)


def _is_something(value: Any, case: Case, _tolerance: float, _plain: bool) -> bool:
    """``expected`` says whether the reference's answer is anything but None; a bool must be the same one."""
    return bool((value if isinstance(value, bool) else value is not None) == case.expected)


def _anything(_value: Any, _case: Case, _tolerance: float, _plain: bool) -> bool:
    return True


def _root(value: Any, case: Case, tolerance: float, _plain: bool) -> bool:
    """The argument is a polynomial's coefficients from the lowest on, the value one of its roots."""
    (coefficients,) = case.args
    at = sum(coefficient * math.pow(value, power) for power, coefficient in enumerate(coefficients))
    return bool(abs(at) <= tolerance)


def _lines(output: Any, case: Case, _tolerance: float, _plain: bool) -> bool:
    """Line by line, white space around each and around all apart: the same text, or the same numbers one by one."""
    printed, expected = (str(text).strip().split("\n") for text in (output, case.expected))
    return len(printed) == len(expected) and all(map(_same_line, printed, expected))


def _list(value: Any, case: Case, _tolerance: float, _plain: bool) -> bool:
    return bool((list(value) if isinstance(value, tuple) else value) == case.expected)


EQUALITIES: dict[str, Callable[[Any, Case, float, bool], bool]] = {
    "close": _close,
    "any of": _any_of,
    "as sets": _as_sets,
    "is something": _is_something,
    "anything": _anything,
    "any answer": _anything,
    "root": _root,
    "lines": _lines,
    "list": _list,
}


BY_DIGEST = frozenset({"close", "any answer"})
"""Those that need no more of a large value than its digest (``digest``)."""


def _same_line(printed: str, expected: str) -> bool:
    if printed.strip() == expected.strip():
        return True
    words, wanted = printed.split(), expected.split()
    return len(words) == len(wanted) and all(map(_same_number, words, wanted))


def _same_number(word: str, wanted: str) -> bool:
    return Decimal(word) == Decimal(wanted)


def _equal_or_close(value: Any, expected: Any, tolerance: float) -> bool:
    if is_digest(value) or is_digest(expected):
        return digest_of(value) == digest_of(expected)  # too large a value for a tolerance
    if value == expected:
        return True
    return tolerance > 0 and type(value) is type(expected) and _all_close(value, expected, tolerance)


def _all_close(value: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(expected)
            and all(_all_close(one, other, tolerance) for one, other in zip(value, expected, strict=True))
        )
    if not (_is_number(value) and _is_number(expected)):
        return False
    return bool(value == expected or abs(value - expected) <= tolerance + _RELATIVE * abs(expected) < math.inf)


def _is_number(value: Any) -> bool:
    return isinstance(value, (float, complex)) or (isinstance(value, int) and abs(value) < _LARGEST)
