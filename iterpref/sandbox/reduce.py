"""Turns asserts into calls whose results are compared outside the program's process, where nothing can be forged.

``assert f(1, 2) == 3`` needs only what ``f(1, 2)`` returns. Most tests of MBPP and many of HumanEval are of this kind:
straight-line asserts over calls of the program with literal arguments, literal values and a few builtins. What they
compare with never enters the process. Tests with one statement of another kind are left as they are (None): loops,
helpers, values that are no plain data, results of one call handed to the next.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any

from iterpref.plain import scattered, to_json
from iterpref.sandbox.describe import clip
from iterpref.sandbox.literals import NotLiteral, is_literal, literal
from iterpref.sandbox.names import parse, scan
from iterpref.types import Tests

__all__ = ["Call", "Check", "Reduced", "reduce_tests"]


@dataclass(frozen=True)
class Call:
    """One call of a function of the program."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    node: ast.Call | None = None

    @property
    def text(self) -> str:
        return clip(" ".join(ast.unparse(self.node).split()), 900) if self.node else self.function


@dataclass(frozen=True)
class Check:
    """One assert: an expression over the values of ``calls`` (indices), which stand in it as ``_0``, ``_1`` ..."""

    source: str
    node: ast.Assert
    calls: tuple[int, ...]
    holds: CodeType
    equation: tuple[ast.expr, ast.expr] | None  # what is computed and what is expected
    message: str = ""

    @property
    def text(self) -> str:
        """The statement on one line."""
        return clip(" ".join((ast.get_source_segment(self.source, self.node) or "").split()), 600)

    @property
    def sides(self) -> tuple[CodeType, CodeType] | None:
        return self.equation and (_compile(self.equation[0]), _compile(self.equation[1]))


@dataclass(frozen=True)
class Reduced:
    """Tests as calls and checks. ``imports`` are statements of the tests, run in the program's namespace."""

    calls: tuple[Call, ...]
    checks: tuple[Check, ...]
    imports: str = ""


class _Irreducible(Exception):
    """This statement has to run beside the program."""


def reduce_tests(tests: Tests, program: str) -> Reduced | None:
    """The calls and checks that tests of kind ``asserts`` or ``check`` are made of; None where they are of more."""
    if tests.kind not in ("asserts", "check"):
        return None
    try:
        mentioned = _names_in(tests.code)
        tree = parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bound, used, stars = scan(tree)
    if stars:
        return None
    return _reduce(tests.kind, tests.code, tests.entry_point, frozenset(bound & mentioned), frozenset(used & mentioned))


@lru_cache(256)
def _names_in(code: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(parse(code)) if isinstance(node, ast.Name))


@lru_cache(256)  # many programs are judged by the same tests
def _reduce(kind: str, code: str, entry_point: str, bound: frozenset[str], used: frozenset[str]) -> Reduced | None:
    """``bound`` and ``used`` are those names of the tests that the program binds and mentions."""
    try:
        tree = parse(code)
        reducer = _Reducer(code, entry_point, bound, used)
        if kind == "check":
            reducer.module(tree)
        else:
            reducer.block(tree.body)
    except (_Irreducible, NotLiteral, SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
        return None
    if not reducer.checks or not reducer.calls:
        return None
    return Reduced(tuple(reducer.calls), tuple(reducer.checks), "\n".join(reducer.imports))


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
_MATH: dict[str, Callable[..., Any]] = {"isclose": math.isclose}
_TYPES = ("bool", "dict", "float", "int", "list", "set", "str", "tuple")
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
# The values' own types, as no program can replace them.
NAMES: dict[str, Any] = {
    "__builtins__": {},
    **{f"_pure_{name}": function for name, function in (PURE | _MATH).items()},
    **{f"_type_{name}": kind for name, kind in (("bool", bool), ("dict", dict), ("float", float), ("int", int))},
    **{f"_type_{name}": kind for name, kind in (("list", list), ("set", set), ("str", str), ("tuple", tuple))},
}


@dataclass
class _Reducer:
    code: str
    entry_point: str
    bound: frozenset[str]
    used: frozenset[str]
    calls: list[Call] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    literals: dict[str, ast.expr] = field(default_factory=dict)
    candidate: str = ""

    def module(self, tree: ast.Module) -> None:
        """A module that defines check(candidate), and perhaps calls it, once."""
        checks = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        rest = [node for node in tree.body if node not in checks]
        if len(checks) != 1 or checks[0].name != "check" or checks[0].decorator_list:
            raise _Irreducible
        arguments = checks[0].args
        if len(arguments.args) != 1 or arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise _Irreducible
        calls = [node for node in rest if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
        for node in calls:
            if len(calls) > 1 or ast.unparse(node) != f"check({self.entry_point})" or node is not rest[-1]:
                raise _Irreducible
        self.block([node for node in rest if node not in calls])
        self.candidate = arguments.args[0].arg
        self.block(checks[0].body)

    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assert):
            self.check(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and not self.candidate and not self.checks:
            self.imports.append(ast.unparse(node))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in self.literals or name == self.candidate:
                raise _Irreducible
            if not self.candidate and name in self.bound | self.used:
                raise _Irreducible  # the program would see it
            literal(node.value)
            self.literals[name] = node.value
        elif not (isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))):
            raise _Irreducible

    def check(self, node: ast.Assert) -> None:
        message = ""
        if node.msg is not None:
            if not (isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str)):
                raise _Irreducible
            message = node.msg.value
        first = len(self.calls)
        test = self.expression(node.test)
        sides = None
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.Is)):
            pair = [test.left, test.comparators[0]]
            if not _values(pair[0]) and _values(pair[1]):
                pair.reverse()
            sides = (pair[0], pair[1])
        calls = tuple(range(first, len(self.calls)))
        self.checks.append(Check(self.code, node, calls, _compile(test), sides, message))

    def expression(self, node: ast.expr) -> ast.expr:
        """``node`` with calls of the program replaced by names of their values."""
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            return ast.UnaryOp(node.op, self.expression(node.operand))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and not is_literal(node):
            return ast.BinOp(self.expression(node.left), node.op, self.expression(node.right))
        if isinstance(node, (ast.List, ast.Tuple)) and not is_literal(node):
            return type(node)([self.expression(item) for item in node.elts], ast.Load())
        if isinstance(node, ast.Subscript):
            literal(node.slice)
            return ast.Subscript(self.expression(node.value), node.slice, ast.Load())
        if isinstance(node, ast.Call) and not is_literal(node):
            return self.call(node)
        if isinstance(node, ast.Name):
            node = self.variable(node)
        literal(node)
        return _resolved(node)

    def comparison(self, node: ast.Compare) -> ast.expr:
        operands = [node.left, *node.comparators]
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.Is, ast.IsNot)):
                if not (isinstance(right, ast.Constant) and right.value in (None, True, False)):
                    raise _Irreducible
                if len(operands) > 2:
                    raise _Irreducible
            elif not isinstance(operator, _COMPARISONS):
                raise _Irreducible
        if len([part for part in operands if not is_literal(part)]) > 1 and len(operands) > 2:
            raise _Irreducible  # a chain that is false at its start calls no further
        first, *rest = [self.expression(part) for part in operands]
        return ast.Compare(first, node.ops, rest)

    def call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Attribute):
            if ast.unparse(function) == "math.isclose" and ("math" in self.bound or "import math" in self.imports):
                return self.pure("isclose", node)
            raise _Irreducible
        if not isinstance(function, ast.Name):
            raise _Irreducible
        if function.id == "isinstance" and "isinstance" not in self.bound and len(node.args) == 2:
            return ast.Call(_name("_pure_isinstance"), [self.expression(node.args[0]), self.kind(node.args[1])], [])
        if function.id in PURE and function.id not in self.bound and function.id != "isinstance":
            return self.pure(function.id, node)
        name = self.entry_point if function.id == self.candidate else function.id
        if name in self.literals or name == "check":
            raise _Irreducible
        if any(keyword.arg is None for keyword in node.keywords):
            raise _Irreducible
        args = tuple(self.argument(argument) for argument in node.args)
        kwargs = {str(keyword.arg): self.argument(keyword.value) for keyword in node.keywords}
        self.calls.append(Call(name, args, kwargs, node))
        return _name(f"_{len(self.calls) - 1}")

    def pure(self, name: str, node: ast.Call) -> ast.expr:
        keywords = []
        for keyword in node.keywords:
            if keyword.arg not in ("reverse", "ndigits", "rel_tol", "abs_tol"):
                raise _Irreducible
            keywords.append(ast.keyword(keyword.arg, self.expression(keyword.value)))
        return ast.Call(_name(f"_pure_{name}"), [self.expression(item) for item in node.args], keywords)

    def kind(self, node: ast.expr) -> ast.expr:
        """The second argument of isinstance."""
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self.kind(item) for item in node.elts], ast.Load())
        if isinstance(node, ast.Name) and node.id in _TYPES and node.id not in self.bound:
            return _name(f"_type_{node.id}")
        raise _Irreducible

    def argument(self, node: ast.expr) -> Any:
        value = literal(self.variable(node) if isinstance(node, ast.Name) else node)
        to_json(value)
        return value

    def variable(self, node: ast.Name) -> ast.expr:
        """The literal that a name stands for. It is used once only: the program may change what it is handed."""
        try:
            return self.literals.pop(node.id)
        except KeyError:
            raise _Irreducible from None


class _Resolver(ast.NodeTransformer):
    def visit_Name(self, name: ast.Name) -> ast.expr:
        return _name(f"_type_{name.id}")


def _resolved(node: ast.expr) -> ast.expr:
    """A literal expression without names: ``set()`` in it is the real one."""
    resolved = _Resolver().visit(node)
    assert isinstance(resolved, ast.expr)
    return resolved


def _values(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id[1:].isdigit() for part in ast.walk(node))


def _name(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def _compile(node: ast.expr) -> CodeType:
    return compile(ast.fix_missing_locations(ast.Expression(node)), "tests.py", "eval", dont_inherit=True)
