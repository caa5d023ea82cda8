"""Tests that must fail: the same tests with another expectation, run on a program that has passed them.

A program that passes whatever is asked passes these too, and is found out. Every assertion is altered:

- an equation gets another expected value, of the same type where that is possible (``f(1) == 2`` becomes
  ``f(1) == 1730``): the side without a call of a function is replaced, else the right one;
- a comparison that names no expected value asks the opposite (``<`` becomes ``>=``, ``not x`` becomes ``x``,
  ``assertTrue`` becomes ``assertFalse``), membership is asked of values that nothing is among;
- ``assertRaises`` waits for an exception that nobody raises;
- any other assertion is negated.

In unittest methods the altered assertions are run one by one, and a method all of whose assertions fell, or that has
none, ends with a failure. An assertion below a context manager of the program's is caught outside it, as the manager
may swallow it. A program that is honest therefore passes not one test here.

This file alters the tests; what they need while they run is in ``decoy``.
"""

# ruff: noqa: SIM905
from __future__ import annotations

import ast
import builtins
import copy

from iterpref.sandbox.decoy import DECOY, FELL, NEVER, NOBODY

__all__ = ["alter_asserts", "alter_methods", "asserting_lines"]

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
    "assert_equal assert_array_equal assert_allclose assert_almost_equal assert_array_almost_equal assert_array_less "
    "assert_approx_equal assert_string_equal assert_array_almost_equal_nulp assert_array_max_ulp "
    "assert_frame_equal assert_series_equal assert_index_equal assert_extension_array_equal assert_close".split()
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


def alter_asserts(tree: ast.Module) -> None:
    """Alter every assertion of test code in place: those that are a test by themselves raise."""
    _Alterer(tree, "raise").visit(tree)
    ast.fix_missing_locations(tree)


def alter_methods(tree: ast.Module) -> None:
    """The same for unittest classes: each altered assertion is caught; each test method is to be run by ``ending``."""
    _Alterer(tree, "catch").visit(tree)
    ast.fix_missing_locations(tree)


class _Alterer(ast.NodeTransformer):
    """``how`` an altered assertion falls: it may ``raise``, or the next one is run too (``catch``).

    ``below`` a context manager of the program's it raises, and is caught outside.
    """

    def __init__(self, tree: ast.Module, how: str) -> None:
        self.how = how
        self.places = 0
        self.altered = 0
        self.known = {"self", *vars(builtins)}  # whose context managers swallow no failure
        for node in ast.walk(tree):
            if isinstance(node, ast.alias):
                self.known.add((node.asname or node.name).partition(".")[0])

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        altered = _altered(copy.deepcopy(node.test))
        if self.how == "raise":
            node.test = ast.IfExp(self.more(), altered, node.test)
            return node
        return self.either(ast.copy_location(ast.Assert(altered, None), node), node)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        altered = copy.deepcopy(node)
        if not (isinstance(altered.value, ast.Call) and _alter_call(altered.value)):
            return node
        if self.how == "raise":
            return [ast.Expr(_call(f"{FELL}.ask")), altered]
        return self.either(altered, node)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> ast.stmt:
        original = copy.deepcopy(node)
        managers = [item.context_expr for item in node.items]
        if sum(_alter_raises(manager) for manager in managers if isinstance(manager, ast.Call)):
            return self.either(node, original)
        foreign = not all(_root(manager) in self.known for manager in managers)
        before, self.how = self.how, "below" if foreign or self.how == "below" else "catch"
        altered = self.altered
        self.generic_visit(node)
        self.how = before
        if foreign and self.how != "below" and self.altered > altered:
            node.body.append(_statement(f"{FELL}.through()"))
            chosen = ast.If(self.more(), [_statement(f"{FELL}.enter()"), _caught(node, "leave")], [original])
            return ast.copy_location(chosen, node)
        return node

    visit_AsyncWith = visit_With  # noqa: N815

    def either(self, altered: ast.stmt, original: ast.stmt) -> ast.stmt:
        """Run the altered statement, or after some times the original."""
        self.altered += 1
        if self.how == "below":
            return ast.copy_location(ast.If(_call(f"{FELL}.ask"), [altered], []), original)
        return ast.copy_location(ast.If(self.more(), [_caught(altered, "hold")], [original]), original)

    def more(self) -> ast.expr:
        self.places += 1
        return _call(f"{FELL}.more", ast.Constant(self.places))


def asserting_lines(tree: ast.Module) -> set[int]:
    """Where tests assert something below a context manager that may be the program's: the lines that call it."""
    known = _Alterer(tree, "raise").known
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.With, ast.AsyncWith))
        if not all(_root(item.context_expr) in known for item in node.items)
        if any(_asserts(part) for statement in node.body for part in ast.walk(statement))
        for line in range(node.lineno, node.body[0].lineno + 1)
    }


def _asserts(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Attribute) and node.attr.startswith(("assert", "fail"))
    )


def _root(node: ast.expr) -> str:
    """The name that an expression starts with: ``mock`` of ``mock.patch("a")``."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


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
            test.left = _call(DECOY, test.left)
        else:
            test.comparators[0] = _call(DECOY, right)
    elif isinstance(operator, ast.In):
        if _calls(right) and not _calls(test.left):
            test.left = _call(DECOY, test.left)
        else:
            test.comparators[0] = ast.List([_call(NOBODY)], ast.Load())
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
            call.args[1] = _call(DECOY, call.args[1])
        return True
    if name == "assertIn" and len(call.args) > 1:
        if _calls(call.args[1]) and not _calls(call.args[0]):
            call.args[0] = _call(DECOY, call.args[0])
        else:
            call.args[1] = ast.List([_call(NOBODY)], ast.Load())
        return True
    if name in _EQUATIONS and len(call.args) > 1:
        which = 0 if _calls(call.args[1]) and not _calls(call.args[0]) else 1
        call.args[which] = _call(DECOY, call.args[which])
        return True
    return _alter_raises(call)


def _alter_raises(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _RAISES and call.args:
        call.args[0] = ast.Name(NEVER, ast.Load())
        return True
    return False


def _caught(node: ast.stmt, held: str) -> ast.stmt:
    """Run an altered assertion; that it holds is noted, that it fails is as it should be."""
    tried: ast.Try = ast.parse(
        f"try: pass\nexcept {FELL}.silent: {FELL}.{held}()\nexcept Exception: pass\nelse: {FELL}.{held}()"
    ).body[0]  # type: ignore[assignment]
    tried.body = [node]
    return ast.copy_location(tried, node)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    function = ast.parse(name, mode="eval").body
    return ast.Call(function, list(arguments), [])


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]
