"""Values of literal expressions in tests, arithmetic among them included: ``[0] * 5``, ``10**9 + 7``, ``set()``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

__all__ = ["NotLiteral", "is_literal", "literal"]

_LARGEST = 100_000  # bits of a number, or items, that an expression may make


class NotLiteral(Exception):
    """The expression is of another kind, or too large."""


def literal(node: ast.expr) -> Any:
    """The value of an expression of literals, small whatever it says.

    Raises:
        NotLiteral: the expression is of another kind, too large, or holds a NaN, or one object at two places.
    """
    if isinstance(node, ast.Constant) and node.value is not Ellipsis:
        return node.value
    if isinstance(node, ast.List):
        return [literal(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(literal(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {literal(item) for item in node.elts}
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {literal(key): literal(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.UnaryOp):
        operand = literal(node.operand)
        for kind, apply in _UNARY.items():
            if isinstance(node.op, kind):
                return apply(operand)
    if isinstance(node, ast.BinOp):
        return _arithmetic(node.op, literal(node.left), literal(node.right))
    if isinstance(node, ast.Slice):
        return slice(*(None if part is None else literal(part) for part in (node.lower, node.upper, node.step)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords and not node.args:
        empty = {"set": set, "list": list, "dict": dict, "tuple": tuple}.get(node.func.id)
        if empty:
            return empty()
    raise NotLiteral


_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: lambda x: -x,
    ast.UAdd: lambda x: +x,
    ast.Invert: lambda x: ~x,
    ast.Not: lambda x: not x,
}


def _arithmetic(operator: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(operator, ast.Mult) and isinstance(left, (str, list, tuple, bytes)) and type(right) is int:
        if len(left) * right > _LARGEST or not all(type(item) in (int, float, str, bool, type(None)) for item in left):
            raise NotLiteral
        return left * right
    if isinstance(operator, ast.Add) and type(left) is type(right) and isinstance(left, (str, list, tuple)):
        return left + right
    if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
        raise NotLiteral
    if isinstance(operator, ast.Pow):
        if isinstance(left, int) and isinstance(right, int) and abs(right) * left.bit_length() > _LARGEST:
            raise NotLiteral
        return left**right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Div):
        return left / right
    if isinstance(operator, ast.FloorDiv):
        return left // right
    if isinstance(operator, ast.Mod):
        return left % right
    raise NotLiteral


def is_literal(node: ast.expr) -> bool:
    try:
        literal(node)
    except NotLiteral:
        return False
    return True
