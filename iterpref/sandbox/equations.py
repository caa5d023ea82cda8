"""Reads the plainest tests without a syntax tree: lines of ``assert f(1, [2]) == "x"``, which most tests are.

What stands in brackets, and on the right, is text that JSON and Python read alike, but for a few words and quotes; a
reader of JSON takes a tenth of the time. Whatever is written in another way is left to ``reduce``, which says the same
about these lines.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from keyword import iskeyword
from typing import Any

from iterpref.plain import from_json
from iterpref.sandbox.checks import OF_LIBRARIES, Call, Equation, Reduced

__all__ = ["equations"]

_LINE = re.compile(r"assert ([A-Za-z_]\w*) *\((.*)\) *== *(.*)")
# JSON reads these otherwise than Python, for which the words are names; or they need a closer look.
_ELSEWHERE = ("\\", "\r", "true", "false", "null", "NaN", "Infinity", "$")
_WRITTEN = (("True", "true"), ("False", "false"), ("None", "null"), ("(", '{"$tuple":['), (")", "]}"))


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    """An object of JSON, which may be a tuple as ``plain.to_json`` encodes it."""
    if "$tuple" in found and len(found["$tuple"]) == 1:
        raise ValueError  # brackets around one value are no tuple
    return found


_decode = json.JSONDecoder(object_hook=_checked).raw_decode


@lru_cache(256)  # many programs are judged by the same tests
def equations(code: str) -> Reduced | None:
    """The calls and checks of tests that are such lines and nothing else; None for others."""
    if not code.isascii() or any(part in code for part in _ELSEWHERE):
        return None
    calls: list[Call] = []
    checks: list[Equation] = []
    try:
        for line in filter(None, code.split("\n")):
            parts = _LINE.fullmatch(line)
            if parts is None:
                return None
            name, arguments, expected = parts.groups()
            if name in OF_LIBRARIES or name == "check" or iskeyword(name):
                return None
            checks.append(Equation(line, None, (len(calls),), "", from_json(_read(expected))))
            calls.append(Call(name, _read(f"[{arguments}]"), {}, f"{name}({arguments})"))
    except (ValueError, RecursionError, MemoryError):
        return None
    return Reduced(tuple(calls), tuple(checks)) if checks else None


def _read(text: str) -> Any:
    """A literal's value, encoded. ValueError: it is none, or is not sure to be read as Python does."""
    if "'" in text:
        if '"' in text:
            raise ValueError
        text = text.replace("'", '"')
    if "(" in text or "T" in text or "F" in text or "N" in text:
        parts = text.split('"')
        for index in range(0, len(parts), 2):  # the others are texts
            for written, of_json in _WRITTEN:
                parts[index] = parts[index].replace(written, of_json)
        text = '"'.join(parts)
    text = text.strip(" ")
    value, end = _decode(text)
    if end < len(text):
        raise ValueError
    return value
