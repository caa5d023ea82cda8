"""Turn a test's asserts into tests that are counted one by one.

A failing ``assert`` ends a test function, so that a program with one wrong case of fifty looks like one that does
nothing right. Each assert that ends only the test (at module level or in ``check``, in loops and branches too) becomes

    try: assert (left := ...) == (right := ...), message
    except BaseException as error: failed(error, left, right, line)
    else: passed()

Asserts inside ``try``, ``with`` and helper functions keep their meaning, as their failure may be caught; a statement
that calls such a helper, or a function named ``assert...``, counts as one test.
"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["FAILED", "LEFT", "PASSED", "RIGHT", "UNSET", "called", "count_asserts", "instrument"]

FAILED, PASSED, UNSET = "_sandbox_failed", "_sandbox_passed", "_sandbox_unset"
LEFT, RIGHT, _ERROR = "_sandbox_left", "_sandbox_right", "_sandbox_error"


def count_asserts(tree: ast.AST) -> int:
    """Number of assert statements, and of calls to functions named ``assert...``, anywhere in the tree."""
    return sum(isinstance(node, ast.Assert) or called(node).startswith("assert") for node in ast.walk(tree))


def instrument(tree: ast.Module, check: str = "") -> int:
    """Rewrite the tests of ``tree`` in place and return how many there are in the text.

    ``check`` names the function whose body holds tests as the module does; calls to it are not tests themselves.
    """
    helpers = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name != check and count_asserts(node)
    }
    instrumenter = _Instrumenter(helpers, check)
    tree.body = instrumenter.block(tree.body)
    ast.fix_missing_locations(tree)
    return instrumenter.tests


def called(node: ast.AST) -> str:
    """Name of the function that a call, or a statement made of one call, calls."""
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


class _Instrumenter:
    def __init__(self, helpers: set[str], check: str) -> None:
        self.helpers = helpers
        self.check = check
        self.tests = 0

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in body for new in self.statement(statement)]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        name = called(node)
        if isinstance(node, ast.Assert) or (name and (name in self.helpers or name.startswith("assert"))):
            self.tests += 1
            return _counted(node)
        if isinstance(node, (ast.For, ast.While, ast.If)):
            node.body, node.orelse = self.block(node.body), self.block(node.orelse)
        elif isinstance(node, ast.FunctionDef) and node.name == self.check:
            node.body = self.block(node.body)
        return [node]


def _counted(node: ast.stmt) -> list[ast.stmt]:
    compared = isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1
    if compared and isinstance(node.test.ops[0], (ast.Eq, ast.Is)):  # type: ignore[attr-defined]
        test: Any = node.test  # type: ignore[attr-defined]
        test.left = ast.NamedExpr(target=_name(LEFT, ast.Store()), value=test.left)
        test.comparators = [ast.NamedExpr(target=_name(RIGHT, ast.Store()), value=test.comparators[0])]
    reset = ast.Assign(targets=[_name(LEFT, ast.Store()), _name(RIGHT, ast.Store())], value=_name(UNSET))
    handler = ast.ExceptHandler(
        type=ast.Attribute(value=_name(UNSET), attr="caught", ctx=ast.Load()),
        name=_ERROR,
        body=[_call(FAILED, _name(_ERROR), _name(LEFT), _name(RIGHT), ast.Constant(node.lineno))],
    )
    tried = ast.Try(body=[node], handlers=[handler], orelse=[_call(PASSED)], finalbody=[])
    return [ast.copy_location(reset, node), ast.copy_location(tried, node)]


def _name(name: str, context: ast.expr_context | None = None) -> ast.Name:
    return ast.Name(id=name, ctx=context or ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.Expr:
    return ast.Expr(value=ast.Call(func=_name(function), args=list(arguments), keywords=[]))
