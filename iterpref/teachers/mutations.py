"""Edits that a program alone suggests: one operator for each kind of local mistake that people and models make.

Nothing here knows the task or the tests. Which edit is tried first is decided in :mod:`.candidates`, from the
likelihoods in :data:`PRIOR` among others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from iterpref.teachers.expression_edits import EXPRESSIONS, Proposal, anywhere
from iterpref.teachers.source import Edit, Source, is_docstring
from iterpref.teachers.statement_edits import STATEMENTS, statements

__all__ = ["PRIOR", "mutations"]

PRIOR: dict[str, float] = {
    "compare": 3.0,
    "number": 2.0,
    "off_by_one": 1.5,
    "arithmetic": 2.0,
    "group": 2.0,
    "syntax": 2.0,
    "boolean": 2.0,
    "call": 2.0,
    "method": 1.5,
    "name": 1.0,
    "negate": 1.5,
    "range": 2.0,
    "slice": 2.0,
    "swap": 1.0,
    "wrap": 0.7,
    "unwrap": 1.0,
    "keyword": 1.5,
    "constant": 1.0,
    "assign": 2.0,
    "delete": 0.7,
    "move": 0.7,
    "jump": 0.7,
    "guard": 0.5,
    "return": 1.0,
}
"""How likely each operator is to be the right one, relative to the others."""

_OPERATORS = {**EXPRESSIONS, **STATEMENTS}


def mutations(source: Source) -> Iterator[Edit]:
    """All edits, in the order of the tree, or of the lines where the text does not parse. Duplicates are possible."""
    if source.tree is None:
        yield from _syntax(source)
        return
    for place, text, kind in _proposals(source, source.tree):
        start, end = place if isinstance(place, tuple) else source.span(place)
        if source.text[start:end] != text:
            yield Edit(start, end, text, kind)


def _proposals(source: Source, tree: ast.Module) -> Iterator[Proposal]:
    for block in source.blocks():
        yield from statements(source, block)
    yield from _visit(source, tree, None)


def _visit(source: Source, node: ast.AST, parent: ast.AST | None) -> Iterator[Proposal]:
    """The node's own edits, then its children's. Docstrings, imports and annotations are left alone."""
    if is_docstring(node) or isinstance(node, ast.Import | ast.ImportFrom):
        return
    if type(node) in _OPERATORS:
        yield from _OPERATORS[type(node)](source, node, parent)
    if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        yield from anywhere(source, node, parent)
    if isinstance(node, ast.JoinedStr):
        return  # before Python 3.12 the nodes inside carry wrong positions
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                yield from _visit(source, child, node)


def _syntax(source: Source) -> Iterator[Edit]:
    """What may make a text parse again: indentation, colons, brackets, quotes; a line less."""
    start = 0
    for raw in source.text.splitlines(keepends=True):
        line = raw.rstrip()
        first, end = start + len(line) - len(line.lstrip()), start + len(line)
        if line:
            yield Edit(start, start, "    ", "syntax")
            if line.startswith("    "):
                yield Edit(start, start + 4, "", "syntax")
            for missing in (":", ")", "]", "}", "):", "'", '"'):
                yield Edit(end, end, missing, "syntax")
            for place in range(first, end):
                if source.text[place] in "()[]{}:,'\"":
                    yield Edit(place, place + 1, "", "syntax")
            yield Edit(start, start + len(raw), "", "delete")
        start += len(raw)
