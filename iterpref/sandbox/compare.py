"""Compares what a program returned or printed with what its tests expect, in the caller's process.

Everything that comes in was written by a hostile process: it is plain data, decoded with a bound, and whatever is done
with it takes time in proportion to its size.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import zlib
from typing import Any

from iterpref.plain import from_json
from iterpref.sandbox.checks import Check, Equations, Reduced
from iterpref.sandbox.describe import clip, show, type_name
from iterpref.sandbox.digest import marker
from iterpref.sandbox.equality import EQUALITIES, NOT_PLAIN
from iterpref.sandbox.nesting import MOST_LEVELS, MOST_PARTS, deeper_than, parts_of
from iterpref.sandbox.normal import LARGEST_VALUE
from iterpref.types import Case, Tests

__all__ = [
    "MOST_PARTS",
    "Failure",
    "input_of",
    "judge_calls",
    "judge_checks",
    "judge_output",
    "unpacked",
    "value_of",
]

# RecursionError and MemoryError are not among them: they say something of where the caller stands.
_FAULTS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)

Failure = dict[str, str]
_TEXT_PART = 512  # bytes of text that count as one


def judge_calls(tests: Tests, answers: list[dict[str, Any]]) -> tuple[Failure | None, int]:
    """The first failure of the cases that were answered, and how many were answered rightly."""
    failure, passed, parts = None, 0, [MOST_PARTS]
    for case, answer in zip(tests.cases, answers, strict=False):
        wrong = _judge_value(tests, case, unpacked(answer, parts))
        passed += wrong is None
        failure = failure or wrong
    return failure, passed


def judge_checks(reduced: Reduced, answers: list[dict[str, Any]]) -> tuple[Failure | None, int]:
    """The same for asserts that were reduced to calls."""
    if isinstance(reduced, Equations) and answers == reduced.answers:
        return None, reduced.total
    failure, passed, parts = None, 0, [MOST_PARTS]
    for check in reduced.checks:
        if any(index >= len(answers) for index in check.calls):
            break
        wrong = _judge_check(reduced, check, answers, parts)
        passed += wrong is None
        failure = failure or wrong
    return failure, passed


def _judge_check(reduced: Reduced, check: Check, answers: list[dict[str, Any]], parts: list[int]) -> Failure | None:
    values = {}
    for index in check.calls:
        answer = unpacked(answers[index], parts)
        if "error" in answer:
            feedback = f"Test failed: {check.text}\n{answer['error']['feedback']}"
            return {**answer["error"], "feedback": clip(feedback)}
        try:
            values[f"_{index}"] = from_json(answer["value"])
        except _FAULTS:
            return _wrong(
                f"Test failed: {check.text}\n{reduced.calls[index].text} returned a value that cannot be read"
            )
    try:
        if check.holds(values):
            return None
        told = _told(reduced, check, values)
    except _FAULTS as error:
        told = f"{_told(reduced, check, values)}\n{type_name(error)}: {clip(str(error), 300)}"
        return {"outcome": "error", "error_type": type_name(error), "feedback": clip(told)}
    return _wrong(f"{told}\nAssertionError: {check.message}" if check.message else told)


def unpacked(answer: dict[str, Any], parts: list[int]) -> dict[str, Any]:
    """An answer whose value was compressed, as it was; one at a time, as they may be large.

    ``parts`` holds how many lists and objects may still be read, and is brought down.
    """
    if "packed" not in answer:
        return answer
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(answer["packed"]), LARGEST_VALUE)
        parts[0] -= parts_of(text) + len(text) // _TEXT_PART
        if parts[0] < 0:
            raise ValueError("too many parts")
        if deeper_than(MOST_LEVELS, text):
            raise RecursionError("too many levels")
        return {"value": json.loads(text.decode("utf-8", "surrogatepass"))["value"]}
    except (zlib.error, *_FAULTS):
        return {"value": {"$unreadable": None}}


def value_of(answer: dict[str, Any]) -> Any:
    """What a call returned: plain data, the marker of a large value's digest, or NOT_PLAIN."""
    if "digest" in answer:
        return marker(answer["digest"])
    return from_json(answer["value"]) if "value" in answer else NOT_PLAIN


def _told(reduced: Reduced, check: Check, values: dict[str, Any]) -> str:
    start = f"Test failed: {check.text}"
    with contextlib.suppress(*_FAULTS):
        if sides := check.sides(values):
            return f"{start}\nactual: {show(sides[0])}\nexpected: {show(sides[1])}"
    returned = [f"{reduced.calls[index].text} returned {show(values[f'_{index}'])}" for index in check.calls]
    return "\n".join([start, *returned])


def _wrong(feedback: str) -> Failure:
    return {"outcome": "wrong", "error_type": "AssertionError", "feedback": clip(feedback)}


def _judge_value(tests: Tests, case: Case, answer: dict[str, Any]) -> Failure | None:
    if "error" in answer:
        error: Failure = answer["error"]
        call = _call_text(tests.entry_point, case)
        return {**error, "feedback": clip(f"{call} raised an exception\n{error['feedback']}")}
    shown = str(answer.get("shown"))
    if "odd" in answer:
        shown = f"{shown} (of type {answer['odd']}, which no expected value can equal)"
    if "odd" not in answer or tests.equality:
        try:
            value = value_of(answer)
            if tests.equality:
                plain = answer.get("of") in (None, "list", "tuple")
                equal = EQUALITIES[tests.equality](value, case, tests.tolerance, plain)
            else:
                equal = value == case.expected or _same(value, case.expected, tests.tolerance)
            if equal:
                return None
            shown = shown if "odd" in answer else show(value)
        except _FAULTS:
            shown = shown if "odd" in answer else "<a value that cannot be read>"
    call = _call_text(tests.entry_point, case)
    return _wrong(f"Test failed: {call}\nactual: {shown}\nexpected: {show(case.expected)}")


def _call_text(entry_point: str, case: Case) -> str:
    arguments = [show(value) for value in case.args] + [f"{key}={show(value)}" for key, value in case.kwargs.items()]
    return clip(f"{entry_point}({', '.join(arguments)})", 900)


def _same(actual: Any, expected: Any, tolerance: float) -> bool:
    """Python's ``==``, except that NaN equals NaN and floats may differ by ``tolerance``."""
    if isinstance(expected, float) and isinstance(actual, (int, float)):
        if math.isnan(expected):
            return math.isnan(actual)
        return actual == expected or (tolerance > 0 and abs(actual - expected) <= tolerance)
    if isinstance(expected, (list, tuple)):
        return (
            type(actual) is type(expected)
            and len(actual) == len(expected)
            and all(_same(a, e, tolerance) for a, e in zip(actual, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(_same(actual[key], value, tolerance) for key, value in expected.items())
        )
    return bool(actual == expected)


def input_of(case: Case) -> bytes:
    """Standard input of one ``stdio`` case."""
    text = case.args if isinstance(case.args, str) else "".join(str(part) for part in case.args)
    return text.encode("utf-8", "surrogateescape")


def judge_output(tests: Tests, case: Case, output: bytes) -> Failure | None:
    """Whether the printed lines are those expected, white space at their ends and empty lines at the end apart."""
    actual = output.decode("utf-8", "replace")
    try:
        if tests.equality:
            equal = EQUALITIES[tests.equality](actual, case, tests.tolerance, True)
        else:
            equal = _stripped(actual) == _stripped(str(case.expected))
    except _FAULTS:
        equal = False
    if equal:
        return None
    given = clip(input_of(case).decode("utf-8", "replace"), 500)
    feedback = f"Test failed: input\n{given}\nactual output:\n{clip(actual, 600)}\nexpected output:\n"
    return _wrong(feedback + clip(str(case.expected), 600))


def _stripped(text: str) -> list[str]:
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip().split("\n")
