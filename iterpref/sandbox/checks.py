"""What asserts are reduced to: calls of the program, and checks of what they return, made in the caller's process.

A check never runs anything of the program's. The values that it looks at are plain data, and the few functions that it
applies to them take no more time than is in proportion to their size.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any, ClassVar, NamedTuple

from iterpref.plain import from_json, scattered
from iterpref.sandbox.describe import clip
from iterpref.syntax import parse

__all__ = [
    "OF_LIBRARIES",
    "PURE",
    "TYPES",
    "Call",
    "Check",
    "Equation",
    "Equations",
    "Expression",
    "Reduced",
    "Statements",
]


def _set_of(make: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda items=(): make(scattered(list(items)))


# What tests do with a value. A hostile value costs each of these no more than time in proportion to its size.
PURE: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "bool": bool,
    "float": float,
    "frozenset": _set_of(frozenset),
    "int": int,
    "isinstance": isinstance,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "round": round,
    "set": _set_of(set),
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
}
# The values' own types, as no program can replace them.
TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, dict, float, int, list, set, str, tuple)}
OF_LIBRARIES = frozenset({*PURE, *TYPES, "math"})  # names that mean something of their own in tests
_NAMES: dict[str, Any] = {
    "__builtins__": {},
    "_pure_isclose": math.isclose,
    **{f"_pure_{name}": function for name, function in PURE.items()},
    **{f"_type_{name}": kind for name, kind in TYPES.items()},
}


class Call(NamedTuple):
    """One call of a function of the program, its arguments encoded (``plain.to_json``).

    No name is that of what ``check`` was handed. ``source`` is its text, or what that can be made from.
    """

    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    source: ast.expr | str

    @property
    def text(self) -> str:
        node = parse(self.source) if isinstance(self.source, str) else self.source
        return clip(" ".join(ast.unparse(node).split()), 900)


class Equation(NamedTuple):
    """``f(1) == 2``, or the other way round: most asserts are of this kind, and need no more than Python's ``==``.

    An assert over the values of ``calls`` (indices); ``_0``, ``_1`` ... are their names. ``source`` is the text of the
    tests, of which ``node`` is one statement; where that is None, the statement itself.
    """

    source: str
    node: ast.Assert | None
    calls: tuple[int, ...]
    message: str
    expected: Any

    @property
    def text(self) -> str:
        return _text(self.source, self.node)

    def holds(self, values: Mapping[str, Any]) -> bool:
        return bool(values[f"_{self.calls[0]}"] == self.expected)

    def sides(self, values: Mapping[str, Any]) -> tuple[Any, Any]:
        """What was computed and what is expected."""
        return values[f"_{self.calls[0]}"], self.expected


@dataclass(frozen=True)
class Expression:
    """Any other assert: an expression over values and ``constants``, both by name, and functions of ``PURE``."""

    source: str
    node: ast.Assert
    calls: tuple[int, ...]
    message: str
    test: ast.expr
    constants: Mapping[str, Any]

    @property
    def text(self) -> str:
        return _text(self.source, self.node)

    @cached_property
    def _code(self) -> CodeType:
        return _compile(self.test)

    def holds(self, values: Mapping[str, Any]) -> bool:
        return bool(eval(self._code, _NAMES, {**self.constants, **values}))

    def sides(self, values: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """The same, where the expression is an equation."""
        test = self.test
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.Is))):
            return None
        pair = [test.left, test.comparators[0]]
        if not _looks_at(pair[0], values) and _looks_at(pair[1], values):
            pair.reverse()
        computed, expected = (eval(_compile(side), _NAMES, {**self.constants, **values}) for side in pair)
        return computed, expected


Check = Equation | Expression


@dataclass(frozen=True)
class Statements:
    """Tests as calls and checks. ``imports`` are statements of the tests, run in the program's namespace."""

    calls: tuple[Call, ...]
    checks: tuple[Check, ...]
    imports: str = ""

    @property
    def told(self) -> list[tuple[str, Any, Any]]:
        """The calls as the process is told of them."""
        return [call[:3] for call in self.calls]

    @property
    def total(self) -> int:
        return len(self.checks)


@dataclass(frozen=True)
class Equations:
    """The same for lines that each say what one call returns; a passing program needs no more than two comparisons.

    ``parts`` are each line's function, its arguments, and what follows the sign, as written; ``told`` is what the
    process is told, ``answers`` what it answers if all is right.
    """

    lines: list[str]
    parts: list[tuple[str, str, str]]
    told: list[tuple[str, Any, Any]]
    answers: list[dict[str, Any]]
    messages: list[str]
    imports: ClassVar[str] = ""

    @property
    def total(self) -> int:
        return len(self.lines)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        texts = (f"{function}({arguments})" for function, arguments, _ in self.parts)
        return tuple(Call(*told, text) for told, text in zip(self.told, texts, strict=True))

    @cached_property
    def checks(self) -> tuple[Equation, ...]:
        expected = [from_json(answer["value"]) for answer in self.answers]
        columns = enumerate(zip(self.lines, self.messages, expected, strict=True))
        return tuple(Equation(line, None, (i,), message, value) for i, (line, message, value) in columns)


Reduced = Statements | Equations


def _text(source: str, node: ast.Assert | None) -> str:
    """The statement on one line."""
    statement = ast.get_source_segment(source, node) if node else source
    return clip(" ".join((statement or "").split()), 600)


def _looks_at(node: ast.expr, values: Mapping[str, Any]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in values for part in ast.walk(node))


def _compile(node: ast.expr) -> CodeType:
    return compile(ast.fix_missing_locations(ast.Expression(node)), "tests.py", "eval", dont_inherit=True)
