"""Reads the plainest tests without a syntax tree: lines of ``assert f(1, [2]) == "x", "message"``, as most tests are.

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

from iterpref.sandbox.checks import OF_LIBRARIES, Equations
from iterpref.sandbox.nesting import deeper_than

__all__ = ["equations"]

_LINE = re.compile(r"^assert ([A-Za-z_]\w*) *\((.*)\) *== *(.*)$", re.MULTILINE)
# JSON reads these otherwise than Python, for which the words are names; or they need a closer look.
_ELSEWHERE = ("\\", "\r", "\0", "true", "false", "null", "NaN", "Infinity", "$")
_WRITTEN = (("True", "true"), ("False", "false"), ("None", "null"), ("(", '{"$tuple":['), (")", '],"$":0}'))
_BRACKETS = {"$tuple", "$"}
_MOST_LEVELS = 50  # Python reads some 200, and what is compared must not depend on how deep a caller stands
_END = "$"  # stands in no literal
_CANDIDATE = "candidate"
_ENTRY = r"'\w*': '[\w .@/:-]*'"
_METADATA = rf"METADATA = \{{[ \n]*(?:{_ENTRY},[ \n]*)*(?:{_ENTRY}[ \n]*)?\}} *\n+"
_HEAD = re.compile(rf"\n*(?:{_METADATA})?def check\(candidate\): *\n")
_OTHERS = OF_LIBRARIES | {"check"}  # what calls of these mean depends on the program


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    """An object of JSON; what stood in round brackets as ``plain.to_json`` encodes a tuple."""
    if found.keys().isdisjoint(_BRACKETS):
        return found
    if found.keys() != _BRACKETS or len(found["$tuple"]) == 1:
        raise ValueError  # brackets of two kinds; or they are around one value, which makes no tuple
    return {"$tuple": found["$tuple"]}


_decode = json.JSONDecoder(object_hook=_checked).decode


@lru_cache(256)  # many programs are judged by the same tests
def equations(code: str, entry_point: str = "") -> Equations | None:
    """The calls and checks of tests that are such lines and nothing else; None for others.

    With an ``entry_point`` they are those of a function ``check(candidate)``, which calls it. The program must not know
    the name METADATA then, which such tests may bind.
    """
    if not code.isascii() or any(part in code for part in _ELSEWHERE):
        return None
    lines = [line for line in (_body(code, entry_point) if entry_point else code).split("\n") if line]
    parts: list[tuple[str, str, str]] = _LINE.findall("\n".join(lines))
    functions = {function for function, _, _ in parts}
    if not lines or len(parts) < len(lines) or any(map(iskeyword, functions)) or not functions.isdisjoint(_OTHERS):
        return None
    if entry_point and functions != {_CANDIDATE}:
        return None
    try:
        found = _read([f"[{part}]" for _, *both in parts for part in both])
    except (ValueError, RecursionError, MemoryError):
        return None
    arguments, right = found[::2], found[1::2]
    if not all(len(part) == 1 or (len(part) == 2 and type(part[1]) is str) for part in right):
        return None
    told: list[tuple[str, Any, Any]] = [
        ("" if entry_point else part[0], values, {}) for part, values in zip(parts, arguments, strict=True)
    ]
    messages = [part[1] if len(part) == 2 else "" for part in right]
    return Equations(lines, parts, told, [{"value": part[0]} for part in right], messages)


def _body(code: str, entry_point: str) -> str:
    """The lines of ``check(candidate)``, without indentation and comments; none where something else is there too."""
    head = _HEAD.match(code)
    lines = code[head.end() :].rstrip(" \n").split("\n") if head and entry_point not in _OTHERS else []
    if lines and lines[-1] == f"check({entry_point})":
        del lines[-1]
    lines = [line for line in lines if line.strip(" ")]
    if not all(line.startswith("    ") for line in lines):
        return ""
    return "\n".join(line[4:] for line in lines if not line.startswith("    #"))


def _read(literals: list[str]) -> list[Any]:
    """Their values, encoded. ValueError: one is no literal, or is not sure to be read as Python does."""
    text = f',"{_END}",'.join(literals)
    if "'" in text:
        if any("'" in literal and '"' in literal for literal in literals):
            raise ValueError
        text = text.replace("'", '"')
    if "(" in text or "T" in text or "F" in text or "N" in text:
        parts = text.split('"')
        for index in range(0, len(parts), 2):  # the others are texts
            for written, of_json in _WRITTEN:
                parts[index] = parts[index].replace(written, of_json)
        text = '"'.join(parts)
    if deeper_than(_MOST_LEVELS, text.encode()):
        raise ValueError
    found: list[Any] = _decode(f"[{text}]")
    # Were a bracket open at the end of a literal, or one more closed, some end would not be where it belongs.
    if len(found) != 2 * len(literals) - 1 or found[1::2] != [_END] * (len(literals) - 1):
        raise ValueError
    return found[::2]
