"""Local mistakes in statements and their order, and how to undo them (search teacher)."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from iterpref.teachers.expression_edits import ARITHMETIC, Proposal, exchange
from iterpref.teachers.source import Source, is_docstring

__all__ = ["STATEMENTS", "statements"]

_NOT_MOVED = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def assign(source: Source, node: ast.Assign, parent: Any) -> Iterator[Proposal]:
    start = source.span(node.targets[-1])[1]
    at = source.text.find("=", start, source.span(node.value)[0])
    if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and at >= 0:
        yield (at, at), "+", "assign"


def augmented(source: Source, node: ast.AugAssign, parent: Any) -> Iterator[Proposal]:
    sign = ARITHMETIC[type(node.op)][0] if type(node.op) in ARITHMETIC else "@"
    at = source.text.find(f"{sign}=", source.span(node.target)[1])
    for text in ("+=", "-=", "*=", "//=", "="):
        yield (at, at + len(sign) + 1), text, "assign"


def statements(source: Source, block: list[ast.stmt]) -> Iterator[Proposal]:
    """Statements deleted, exchanged, moved out of their block; or into the one before; jumps replaced."""
    simple = [node for node in block if not isinstance(node, _NOT_MOVED)]
    for node in simple:
        start, end = source.span(node)
        if len(block) == 1:
            yield node, "pass", "delete"
        else:
            yield (source.line_start(start), source.line_end(end)), "", "delete"
        for old, new in (("break", "continue"), ("continue", "break"), ("break", "return"), ("pass", "continue")):
            if source.of(node) == old:
                yield node, new, "jump"
        if source.of(node).startswith("if "):
            yield (start, start + 2), "while", "jump"
    for first, second in itertools.pairwise(simple):
        yield from exchange(source, first, second, "move")
    if simple and block[-1] is simple[-1] and len(block) > 1:
        start = source.span(simple[-1])[0]
        line = source.line_start(start)
        indent = source.text[line:start]
        if len(indent) > 4 and not indent.strip() and "\n" not in source.of(simple[-1]):
            yield (line, start), indent[:-4], "move"  # out of the block
    for node in simple[1:]:
        start = source.span(node)[0]
        line = source.line_start(start)
        before = block[block.index(node) - 1]
        if isinstance(before, ast.If | ast.For | ast.While) and "\n" not in source.of(node):
            yield (line, start), source.text[line:start] + "    ", "move"  # into the block before it


def function(source: Source, node: ast.FunctionDef, parent: Any) -> Iterator[Proposal]:
    body = node.body[1:] if is_docstring(node.body[0]) else node.body
    if not body:
        return
    start = source.span(body[0])[0]
    indent = source.text[source.line_start(start) : start]
    end = source.span(body[-1])[1]
    if not isinstance(body[-1], ast.Return | ast.Raise):
        for name in source.visible(end)[:12]:
            yield (end, end), f"\n{indent}return {name}", "return"
    for arg in node.args.args:
        for test in (f"not {arg.arg}", f"{arg.arg} is None"):
            for value in ("0", "[]", "None", "''", "False", "True", "-1", "{}"):
                yield (start, start), f"if {test}:\n{indent}    return {value}\n{indent}", "guard"


def loop(source: Source, node: ast.For, parent: Any) -> Iterator[Proposal]:
    start = source.span(node.body[0])[0]
    indent = source.text[source.line_start(start) : start]
    for name in ast.walk(node.target):
        if isinstance(name, ast.Name):
            for test in (f"{name.id} is None", f"not {name.id}"):
                yield (start, start), f"if {test}:\n{indent}    continue\n{indent}", "guard"


STATEMENTS: Mapping[type[ast.AST], Callable[[Source, Any, Any], Iterator[Proposal]]] = {
    ast.Assign: assign,
    ast.AugAssign: augmented,
    ast.FunctionDef: function,
    ast.For: loop,
}
"""Operators by the type of the node; each takes the source, the node and its parent."""
