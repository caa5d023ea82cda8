"""Tests that must fail: the same tests with another expectation, run on a program that has passed them.

A program that passes whatever is asked passes these too, and is found out. Every assertion is altered:

- an equation gets another expected value, of the same type where that is possible (``f(1) == 2`` becomes
  ``f(1) == 1730``): the side without a call of a function is replaced, else the right one;
- a comparison that names no expected value asks the opposite (``<`` becomes ``>=``, ``not x`` becomes ``x``,
  ``assertTrue`` becomes ``assertFalse``), membership is asked of values that nothing is among;
- ``assertRaises`` waits for an exception that nobody raises;
- any other assertion is negated.

In unittest methods the altered assertions are run one by one, and a method all of whose assertions fell, or that has
none, ends with a failure. A program that is honest therefore passes not one test here.
"""

# ruff: noqa: SIM905
from __future__ import annotations

import ast
import random
import unittest
from typing import Any

__all__ = ["alter_asserts", "alter_methods", "decoy"]

_DECOY, _NOBODY, _NEVER, _FELL = "_sandbox_decoy", "_sandbox_nobody", "_sandbox_never", "_sandbox_fell"
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.IsNot: ast.Is,
    ast.NotIn: ast.In,
}
_EQUATIONS = frozenset(
    "assertEqual assertEquals assertIs assertListEqual assertTupleEqual assertDictEqual assertSetEqual "
    "assertSequenceEqual assertMultiLineEqual assertCountEqual assertAlmostEqual assertAlmostEquals "
    "assert_equal assert_array_equal assert_allclose assert_almost_equal assert_array_almost_equal".split()
)
_PAIRS = (
    ("assertTrue", "assertFalse"),
    ("assertIsNone", "assertIsNotNone"),
    ("assertIsInstance", "assertNotIsInstance"),
    ("assertGreater", "assertLessEqual"),
    ("assertLess", "assertGreaterEqual"),
    ("assertRegex", "assertNotRegex"),
)
_OPPOSITES = dict(_PAIRS) | {b: a for a, b in _PAIRS}
_OPPOSITES |= {"assertNotEqual": "assertEqual", "assertIsNot": "assertIs", "assertNotIn": "assertIn"}
_OPPOSITES |= {"assertNotAlmostEqual": "assertAlmostEqual"}
_RAISES = frozenset({"assertRaises", "assertRaisesRegex", "assertWarns", "assertWarnsRegex"})


class _Nobody:
    """Equals nothing but itself."""


class _NeverError(Exception):
    """Nobody raises it."""


def decoy(value: Any) -> Any:
    """Another value than ``value``, of the same type where that is easy."""
    kind, step = type(value), random.SystemRandom().randrange(1000, 10**6)
    if kind is bool:
        return not value
    if kind in (int, float, complex):
        return value + step
    if kind is str:
        return f"{value}{step}"
    if kind is bytes:
        return value + str(step).encode()
    if kind is list:
        return [*value, step]
    if kind is tuple:
        return (*value, step)
    if kind in (set, frozenset):
        return kind([*value, step])
    if kind is dict:
        return {**value, step: step}
    return _Nobody()


class _Fallen:
    """Ends a test method: it fails, unless an altered assertion of it held."""

    silent = unittest.case._ShouldStop  # type: ignore[attr-defined]  # unittest takes it for no failure

    def __init__(self) -> None:
        self.held = 0

    def hold(self) -> None:
        self.held += 1

    def end(self) -> None:
        held, self.held = self.held, 0
        if not held:
            raise AssertionError("every altered assertion fell")


def _tools() -> dict[str, Any]:
    return {_DECOY: decoy, _NOBODY: _Nobody, _NEVER: _NeverError, _FELL: _Fallen()}


def alter_asserts(tree: ast.Module) -> dict[str, Any]:
    """Alter every assertion of test code in place; returns the names that it then needs."""
    _Alterer().visit(tree)
    ast.fix_missing_locations(tree)
    return _tools()


def alter_methods(tree: ast.Module) -> dict[str, Any]:
    """The same for unittest classes: each altered assertion is caught, and each test method has to fail."""
    for part in tree.body:
        if isinstance(part, ast.ClassDef):
            for node in part.body:
                if isinstance(node, ast.FunctionDef):
                    _Catcher().generic_visit(node)
                    if node.name.startswith("test"):
                        node.body.append(_statement(f"{_FELL}.end()"))
    ast.fix_missing_locations(tree)
    return _tools()


class _Alterer(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        node.test = _altered(node.test)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if isinstance(node.value, ast.Call):
            _alter_call(node.value)
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        if not any(isinstance(item.context_expr, ast.Call) and _alter_raises(item.context_expr) for item in node.items):
            self.generic_visit(node)
        return node


class _Catcher(_Alterer):
    """Alters, and puts each altered statement into a ``try``, so that the next one is run too."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        return _caught(super().visit_Assert(node))

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        return _caught(node) if isinstance(node.value, ast.Call) and _alter_call(node.value) else node

    def visit_With(self, node: ast.With) -> ast.stmt:
        if any(isinstance(item.context_expr, ast.Call) and _alter_raises(item.context_expr) for item in node.items):
            return _caught(node)
        self.generic_visit(node)
        return node


def _altered(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return ast.UnaryOp(ast.Not(), test)
    operator, right = test.ops[0], test.comparators[0]
    if isinstance(operator, (ast.Eq, ast.Is, ast.NotEq)):
        if isinstance(operator, ast.NotEq):
            test.ops[0] = ast.Eq()
        if _calls(right) and not _calls(test.left):
            test.left = _call(_DECOY, test.left)
        else:
            test.comparators[0] = _call(_DECOY, right)
    elif isinstance(operator, ast.In):
        if _calls(right) and not _calls(test.left):
            test.left = _call(_DECOY, test.left)
        else:
            test.comparators[0] = ast.List([_call(_NOBODY)], ast.Load())
    else:
        test.ops[0] = _OPPOSITE[type(operator)]()
    return test


def _alter_call(call: ast.Call) -> bool:
    """Alter an ``assert...`` call in place; False where it is none that is known."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _OPPOSITES and isinstance(function, ast.Attribute):
        function.attr = _OPPOSITES[name]
        if name in ("assertNotEqual", "assertNotAlmostEqual") and len(call.args) > 1:
            call.args[1] = _call(_DECOY, call.args[1])
        return True
    if name == "assertIn" and len(call.args) > 1:
        if _calls(call.args[1]) and not _calls(call.args[0]):
            call.args[0] = _call(_DECOY, call.args[0])
        else:
            call.args[1] = ast.List([_call(_NOBODY)], ast.Load())
        return True
    if name in _EQUATIONS and len(call.args) > 1:
        which = 0 if _calls(call.args[1]) and not _calls(call.args[0]) else 1
        call.args[which] = _call(_DECOY, call.args[which])
        return True
    return _alter_raises(call)


def _alter_raises(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _RAISES and call.args:
        call.args[0] = ast.Name(_NEVER, ast.Load())
        return True
    return False


def _caught(node: ast.stmt) -> ast.stmt:
    """Run an altered assertion; that it holds is noted, that it fails is as it should be."""
    tried: ast.Try = ast.parse(
        f"try: pass\nexcept {_FELL}.silent: {_FELL}.hold()\nexcept Exception: pass\nelse: {_FELL}.hold()"
    ).body[0]  # type: ignore[assignment]
    tried.body = [node]
    return ast.copy_location(tried, node)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]
