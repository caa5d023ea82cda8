"""Local mistakes in expressions, and how to undo them (search teacher).

Each function yields proposals for one node: (node or character positions, new text, operator).
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from iterpref.teachers.source import Source

__all__ = ["ARITHMETIC", "EXPRESSIONS", "Proposal", "anywhere", "exchange"]

_NO_NUMBER = (ast.Constant, ast.Compare, ast.BoolOp, ast.ListComp, ast.List, ast.JoinedStr)

Proposal = tuple[ast.AST | tuple[int, int], str, str]

_COMPARE: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">", ">=", "==", "!="),
    ast.LtE: ("<", ">=", ">", "==", "!="),
    ast.Gt: (">=", "<", "<=", "==", "!="),
    ast.GtE: (">", "<=", "<", "==", "!="),
    ast.Eq: ("!=", "<=", ">=", "<", ">"),
    ast.NotEq: ("==", "<", ">", "<=", ">="),
    ast.In: ("not in", "=="),
    ast.NotIn: ("in", "!="),
    ast.Is: ("is not", "=="),
    ast.IsNot: ("is", "!="),
}
_COMPARE_TEXT = re.compile(r"is\s+not\b|not\s+in\b|is\b|in\b|[<>=!]=|[<>]")
ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-", "*")),
    ast.Sub: ("-", ("+", "*")),
    ast.Mult: ("*", ("+", "**", "/", "//", "-")),
    ast.Div: ("/", ("//", "*", "%", "-")),
    ast.FloorDiv: ("//", ("/", "%", "*")),
    ast.Mod: ("%", ("//", "/")),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|", "^")),
    ast.BitOr: ("|", ("&", "^")),
    ast.BitXor: ("^", ("&", "|")),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
}
_CALLS = (
    ("sum", "max", "min", "len", "sorted"),
    ("list", "set", "sorted", "tuple"),
    ("any", "all"),
    ("int", "float", "str", "round", "abs"),
    ("range", "enumerate", "reversed"),
    ("math.floor", "math.ceil", "round", "int"),
)
_METHODS = (
    ("append", "extend", "add", "insert"),
    ("lower", "upper", "title", "capitalize", "swapcase"),
    ("islower", "isupper", "isalpha", "isdigit", "isalnum", "isnumeric", "isspace"),
    ("startswith", "endswith"),
    ("strip", "lstrip", "rstrip"),
    ("find", "rfind", "index", "rindex", "count"),
    ("keys", "values", "items"),
    ("remove", "discard", "pop"),
    ("union", "intersection", "difference", "symmetric_difference"),
)
_WRAPPERS = ("len", "abs", "int", "str", "sorted", "list", "set", "sum", "max", "min", "round", "float", "tuple")
_TIGHT = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Attribute, ast.Starred, ast.Await)
_LOOSE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)


def compare(source: Source, node: ast.Compare, parent: Any) -> Iterator[Proposal]:
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        start, end = between(source, left, right)
        match = _COMPARE_TEXT.search(source.text, start, end)
        for text in _COMPARE[type(operator)] if match else ():
            yield (match.start(), match.end()), text, "compare"  # type: ignore[union-attr]
        left = right
    if len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.In):
        yield from exchange(source, node.left, node.comparators[0])


def arithmetic(source: Source, node: ast.BinOp, parent: Any) -> Iterator[Proposal]:
    if type(node.op) not in ARITHMETIC:
        return
    sign, others = ARITHMETIC[type(node.op)]
    start, end = between(source, node.left, node.right)
    at = source.text.find(sign, start, end)
    for text in others if at >= 0 else ():
        yield (at, at + len(sign)), text, "arithmetic"
    if not isinstance(node.op, ast.Add | ast.Mult):
        yield from exchange(source, node.left, node.right)
    for side in (node.left, node.right):
        yield node, fit(source, side, parent), "unwrap"
    # a + b * c  ->  (a + b) * c, and a * b + c  ->  a * (b + c)
    (start, _), (_, end) = source.span(node.left), source.span(node.right)
    if isinstance(node.right, ast.BinOp) and source.text[source.span(node.right)[0] - 1] != "(":
        middle = source.span(node.right.left)[1]
        yield (start, middle), f"({source.text[start:middle]})", "group"
    if isinstance(node.left, ast.BinOp) and source.text[source.span(node.left)[1]] != ")":
        middle = source.span(node.left.right)[0]
        yield (middle, end), f"({source.text[middle:end]})", "group"


def boolean(source: Source, node: ast.BoolOp, parent: Any) -> Iterator[Proposal]:
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in itertools.pairwise(node.values):
        start, end = between(source, left, right)
        match = re.compile(rf"\b{old}\b").search(source.text, start, end)
        if match:
            yield (match.start(), match.end()), new, "boolean"
        yield (source.span(left)[0], source.span(right)[0]), "", "boolean"
        yield (source.span(left)[1], source.span(right)[1]), "", "boolean"


def unary(source: Source, node: ast.UnaryOp, parent: Any) -> Iterator[Proposal]:
    yield node, fit(source, node.operand, parent), "negate"


def constant(source: Source, node: ast.Constant, parent: Any) -> Iterator[Proposal]:
    value = node.value
    if isinstance(value, bool) or value is None:
        for text in ("True", "False", "None", "0", "[]", "-1", "''"):
            yield node, text, "constant"
    elif isinstance(value, int):
        for number in dict.fromkeys((value + 1, value - 1, 0, 1, -1, 2)):
            yield node, str(number), "number"
        yield node, f"-{source.of(node)}", "number"
        for text in ("None", "float('inf')", "''", "[]", "True", "False"):
            if not isinstance(parent, ast.BinOp | ast.Subscript | ast.Slice | ast.Compare):
                yield node, text, "constant"
    elif isinstance(value, float):
        for text in (str(value / 10), str(value * 10), str(value + 1), str(value - 1), f"-{value}", str(int(value))
                     if value == value and abs(value) < 1e15 else "0"):  # fmt: skip
            yield node, text, "number"
    elif isinstance(value, str):
        for text in (
            "''",
            "' '",
            "','",
            "', '",
            "None",
            repr(value.lower()),
            repr(value.upper()),
            repr(value.strip()),
        ):
            yield node, text, "constant"


def name(source: Source, node: ast.Name, parent: Any) -> Iterator[Proposal]:
    if isinstance(node.ctx, ast.Store):
        return
    if isinstance(parent, ast.Call) and parent.func is node:
        for family in _CALLS:
            if node.id in family:
                for name in family:
                    yield node, name, "call"
        return
    for name in source.visible(source.span(node)[0])[:12]:
        yield node, name, "name"


def attribute(source: Source, node: ast.Attribute, parent: Any) -> Iterator[Proposal]:
    end = source.span(node)[1]
    for family in _METHODS:
        if node.attr in family:
            for name in family:
                yield (end - len(node.attr), end), name, "method"
    if isinstance(parent, ast.Call) and parent.func is node:
        for family in _CALLS:
            if source.of(node) in family:
                for name in family:
                    yield node, name, "call"


def call(source: Source, node: ast.Call, parent: Any) -> Iterator[Proposal]:
    for first, second in itertools.pairwise(node.args):
        yield from exchange(source, first, second)
    if node.args and not isinstance(node.args[0], ast.Starred):
        yield node, fit(source, node.args[0], parent), "unwrap"
    if isinstance(node.func, ast.Attribute):
        yield node, source.of(node.func.value), "unwrap"
    end = source.span(node)[1]
    before = source.span(node.args[-1])[1] if node.args else end - 1
    for keyword in node.keywords:
        yield (before, source.span(keyword)[1]), "", "keyword"
        before = source.span(keyword)[1]
    name = source.of(node.func)
    given = {keyword.arg for keyword in node.keywords}
    if name in ("sorted", "max", "min") or name.endswith(".sort"):
        extras = (
            "reverse=True",
            "key=len",
            "key=abs",
            "key=lambda x: x[1]",
            "key=str",
            "default=0",
            "default=None",
        )
        for extra in extras:
            key = extra.split("=")[0]
            fits = key == "key" or (key == "default") == (name in ("max", "min"))
            if fits and key not in given:
                yield (end - 1, end - 1), f", {extra}" if node.args or node.keywords else extra, "keyword"
    if name == "range" and len(node.args) < 3:
        low, high = ["0", "0", *(source.of(arg) for arg in node.args)][-2:]
        bounds = [(low, f"{high} + 1"), (low, f"{high} - 1"), ("1", f"{high} + 1"), ("1", high), ("2", high)]
        for lower, upper in (*bounds, (f"{low} + 1", high)):
            yield node, f"range({upper})" if lower == "0" else f"range({lower}, {upper})", "range"
    if name == "round" and len(node.args) == 1:
        yield (end - 1, end - 1), ", 2", "keyword"


def subscript(source: Source, node: ast.Subscript, parent: Any) -> Iterator[Proposal]:
    if isinstance(node.ctx, ast.Store | ast.Del):
        return
    whole = source.of(node.value)
    if isinstance(node.slice, ast.Slice):
        parts = [source.of(part) if part else "" for part in (node.slice.lower, node.slice.upper, node.slice.step)]
        low, high, step = parts
        tail = f":{step}" if step else ""
        options = [f"{low}:{tail}", f":{high}{tail}", f"{low}:{high}", f"{low}:{high}:-1", f"{low}:{high}:2"]
        if low:
            options += [f"{low} + 1:{high}{tail}", f"{low} - 1:{high}{tail}"]
        else:
            options += [f"1:{high}{tail}"]
        if high:
            options += [f"{low}:{high} + 1{tail}", f"{low}:{high} - 1{tail}"]
        else:
            options += [f"{low}:-1{tail}"]
        for text in options:
            yield node, f"{whole}[{text}]", "slice"
    yield node, whole, "slice"


def comprehension(source: Source, node: Any, parent: Any) -> Iterator[Proposal]:
    for generator in node.generators:
        before = source.span(generator.iter)[1]
        for test in generator.ifs:
            end = source.span(test)[1]
            yield (before, end), "", "delete"
            before = end


def conditional(source: Source, node: ast.IfExp, parent: Any) -> Iterator[Proposal]:
    yield from exchange(source, node.body, node.orelse)
    yield node, fit(source, node.body, parent), "unwrap"
    yield node, fit(source, node.orelse, parent), "unwrap"


def anywhere(source: Source, node: ast.expr, parent: Any) -> Iterator[Proposal]:
    """Edits that suit any expression in a place of its kind."""
    field = next((name for name, value in ast.iter_fields(parent) if value is node), "") if parent else ""
    text = source.of(node)
    if field == "test":
        yield node, f"not ({text})" if isinstance(node, _LOOSE) else f"not {text}", "negate"
    countable = not isinstance(node, ast.Constant | ast.Compare | ast.BoolOp | ast.ListComp | ast.List | ast.JoinedStr)
    if countable and (
        isinstance(parent, ast.Compare | ast.Return | ast.Slice)
        or (isinstance(parent, ast.Subscript) and field == "slice" and not isinstance(node, ast.Slice | ast.Tuple))
    ):
        body = f"({text})" if isinstance(node, ast.IfExp) else text
        yield node, f"{body} + 1", "off_by_one"
        yield node, f"{body} - 1", "off_by_one"
    if field in ("value", "elt") and isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.ListComp):
        wrapped = [f"{name}({text})" for name in _WRAPPERS] if not isinstance(node, ast.Constant) else []
        if isinstance(parent, ast.Return) and not isinstance(node, ast.Constant):
            tight = f"({text})" if isinstance(node, _LOOSE) else text
            wrapped += [f"{tight}[::-1]", f"not {tight}", f"-{tight}", f"round({text}, 2)", f"''.join({text})"]
            wrapped += [f"sorted({text}, reverse=True)"]
        for option in wrapped:
            yield node, option, "wrap"
    if field == "iter" and isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
        for option in (f"sorted({text})", f"set({text})", f"reversed({text})", f"{text}[1:]", f"{text}[:-1]",
                       f"range(len({text}))", f"enumerate({text})"):  # fmt: skip
            yield node, option, "wrap"


def between(source: Source, left: ast.AST, right: ast.AST) -> tuple[int, int]:
    """The positions of what stands between two nodes."""
    return source.span(left)[1], source.span(right)[0]


def exchange(source: Source, first: ast.AST, second: ast.AST, kind: str = "swap") -> Iterator[Proposal]:
    """Two nodes change places; what stands between them stays."""
    (start, middle), (resume, end) = source.span(first), source.span(second)
    yield (start, end), source.of(second) + source.text[middle:resume] + source.of(first), kind


def fit(source: Source, node: ast.expr, parent: ast.AST | None) -> str:
    """The text of a part that is to stand where the whole stood, in brackets where the place binds tighter."""
    return f"({source.of(node)})" if isinstance(parent, _TIGHT) and isinstance(node, _LOOSE) else source.of(node)


EXPRESSIONS: Mapping[type[ast.AST], Callable[[Source, Any, Any], Iterator[Proposal]]] = {
    ast.Compare: compare,
    ast.BinOp: arithmetic,
    ast.BoolOp: boolean,
    ast.UnaryOp: unary,
    ast.Constant: constant,
    ast.Name: name,
    ast.Attribute: attribute,
    ast.Call: call,
    ast.Subscript: subscript,
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.DictComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.IfExp: conditional,
}
"""Operators by the type of the node; each takes the source, the node and its parent."""
