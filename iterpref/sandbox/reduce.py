"""Turns asserts into calls whose results are compared outside the program's process, where nothing can be forged.

``assert f(1, 2) == 3`` needs only what ``f(1, 2)`` returns. Most tests of MBPP and many of HumanEval are of this kind:
straight-line asserts over calls of the program with literal arguments, literal values and a few builtins. What they
compare with never enters the process. Tests with one statement of another kind are left as they are (None): loops,
helpers, values that are no plain data, results of one call handed to the next.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from iterpref.plain import to_json
from iterpref.sandbox.checks import (
    OF_LIBRARIES,
    PURE,
    TYPES,
    Call,
    Check,
    Equation,
    Equations,
    Expression,
    Reduced,
    Statements,
)
from iterpref.sandbox.equations import equations
from iterpref.sandbox.literals import NotLiteral, is_literal, literal
from iterpref.sandbox.names import identifiers, imports_stars, parse, scan
from iterpref.types import Tests

__all__ = ["reduce_tests"]

_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_ASSIGNED = re.compile(r"\b(\w+)\s*=(?!=)")  # keywords of calls too
_FAULTS = (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError)


class _Irreducible(Exception):
    """This statement has to run beside the program."""


def reduce_tests(tests: Tests, program: str) -> Reduced | None:
    """The calls and checks that tests of kind ``asserts`` or ``check`` are made of; None where they are of more."""
    if tests.kind not in ("asserts", "check"):
        return None
    if found := _quickly(tests, program):
        return found
    bound = used = frozenset[str]()
    try:
        ambiguous = _ambiguous(tests.code)
        shared = ambiguous and ambiguous & identifiers(program)
        if shared or not program.isascii() or imports_stars(program):  # else its text is not looked at any further
            names_bound, names_used, stars = scan(parse(program))
            if stars:
                return None
            mentioned = identifiers(tests.code)
            bound, used = frozenset(names_bound & mentioned), frozenset(names_used & mentioned)
    except _FAULTS:
        return None
    return _reduce(tests.kind, tests.code, tests.entry_point, bound, used)


def _quickly(tests: Tests, program: str) -> Equations | None:
    if tests.kind == "asserts":
        return equations(tests.code)
    if "METADATA" in program or not program.isascii():
        return None
    return equations(tests.code, tests.entry_point)


@lru_cache(256)
def _ambiguous(code: str) -> frozenset[str]:
    """Names of the tests whose meaning depends on whether the program binds or uses them."""
    assigned = frozenset(_ASSIGNED.findall(code) if "=" in code.replace("==", "") else ())
    return assigned | (OF_LIBRARIES & identifiers(code))


@lru_cache(256)  # many programs are judged by the same tests
def _reduce(kind: str, code: str, entry_point: str, bound: frozenset[str], used: frozenset[str]) -> Statements | None:
    """``bound`` and ``used`` are those names of the tests that the program binds and mentions."""
    try:
        tree = parse(code)
        reducer = _Reducer(code, entry_point, bound, used)
        if kind == "check":
            reducer.module(tree)
        else:
            reducer.block(tree.body)
    except (_Irreducible, NotLiteral, *_FAULTS):
        return None
    if not reducer.checks or not reducer.calls:
        return None
    return Statements(tuple(reducer.calls), tuple(reducer.checks), "\n".join(reducer.imports))


@dataclass
class _Reducer:
    code: str
    entry_point: str
    bound: frozenset[str]
    used: frozenset[str]
    calls: list[Call] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)  # of the tests, and their values
    constants: dict[str, Any] = field(default_factory=dict)  # of one assert
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
            if name in self.variables or name == self.candidate:
                raise _Irreducible
            if not self.candidate and name in self.bound | self.used:
                raise _Irreducible  # the program would see it
            self.variables[name] = literal(node.value)
        elif not (isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))):
            raise _Irreducible

    def check(self, node: ast.Assert) -> None:
        message = ""
        if node.msg is not None:
            if not (isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str)):
                raise _Irreducible
            message = node.msg.value
        first = len(self.calls)
        self.constants = {}
        test = self.expression(node.test)
        calls = tuple(range(first, len(self.calls)))
        if _is_equation(test) and len(calls) == len(self.constants) == 1:
            (expected,) = self.constants.values()
            self.checks.append(Equation(self.code, node, calls, message, expected))
        else:
            self.checks.append(Expression(self.code, node, calls, message, test, self.constants))

    def expression(self, node: ast.expr) -> ast.expr:
        """``node`` with calls of the program, and constants, replaced by names of their values."""
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.Name):
            return self.constant(self.variable(node))
        if isinstance(node, ast.Subscript):
            index = self.constant(literal(node.slice))
            return ast.Subscript(self.expression(node.value), index, ast.Load())
        try:
            return self.constant(literal(node))
        except NotLiteral:
            pass
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            return ast.UnaryOp(node.op, self.expression(node.operand))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            return ast.BinOp(self.expression(node.left), node.op, self.expression(node.right))
        if isinstance(node, (ast.List, ast.Tuple)):
            return type(node)([self.expression(item) for item in node.elts], ast.Load())
        if isinstance(node, ast.Call):
            return self.call(node)
        raise _Irreducible

    def constant(self, value: Any) -> ast.expr:
        name = f"_constant_{len(self.constants)}"
        self.constants[name] = value
        return _name(name)

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
        if len(operands) > 2 and len([part for part in operands if not is_literal(part)]) > 1:
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
        name = "" if function.id == self.candidate else function.id
        if (name or self.entry_point) in {*self.variables, "check"}:
            raise _Irreducible
        if any(keyword.arg is None for keyword in node.keywords):
            raise _Irreducible
        args = [self.argument(argument) for argument in node.args]
        kwargs = {str(keyword.arg): self.argument(keyword.value) for keyword in node.keywords}
        self.calls.append(Call(name, to_json(args), to_json(kwargs), node))
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
        if isinstance(node, ast.Name) and node.id in TYPES and node.id not in self.bound:
            return _name(f"_type_{node.id}")
        raise _Irreducible

    def argument(self, node: ast.expr) -> Any:
        return self.variable(node) if isinstance(node, ast.Name) else literal(node)

    def variable(self, node: ast.Name) -> Any:
        """The value of a variable of the tests. It is used once only: the program may change what it is handed."""
        try:
            return self.variables.pop(node.id)
        except KeyError:
            raise _Irreducible from None


def _is_equation(test: ast.expr) -> bool:
    """Whether it compares a value with a constant, and does nothing else."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.left, ast.Name)
        and isinstance(test.comparators[0], ast.Name)
    )


def _name(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())
