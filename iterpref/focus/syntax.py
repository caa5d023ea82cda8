"""What the parser says about a program: its tree, where nodes stand in the text, and which names are bound where."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from typing import Any

from iterpref import syntax

__all__ = [
    "FUNCTIONS",
    "Function",
    "Positions",
    "function_names",
    "module_names",
    "names_from_outside",
    "outermost_functions",
    "parse",
]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Positions:
    """Characters of a text by the parser's line (from 1) and UTF-8 column."""

    def __init__(self, text: str) -> None:
        self._text = text
        # the parser ends a line at \n, \r\n and \r only, unlike str.splitlines
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
        self._ascii = text.isascii()

    def of(self, node: ast.AST) -> tuple[int, int]:
        """Start and end of a node that has positions."""
        place: Any = node
        return self._at(place.lineno, place.col_offset), self._at(place.end_lineno, place.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        if self._ascii:
            return start + column
        return start + len(self._text[start : start + column].encode()[:column].decode(errors="ignore"))


def parse(code: str) -> ast.Module | None:
    """The syntax tree, or None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the program are none of our concern
            return syntax.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def names_from_outside(code: str) -> set[str]:
    """Names that ``code`` may take from the program it stands beside: all but the locals of its functions.

    Names of keyword arguments are among them. All words, where the code does not parse.
    """
    tree = parse(code)
    if tree is None:
        return set(re.findall(r"[^\W\d]\w*", code))
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = [symtable.symtable(code, "<tests>", "exec")]
    for table in tables:
        tables += table.get_children()
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() or table is tables[0]}
    return names


def outermost_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions and methods that are in no other function."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, FUNCTIONS):
                yield node
            elif isinstance(node, ast.stmt):
                waiting.append(node)


def module_names(tree: ast.Module) -> set[str]:
    """Functions, classes and variables of the module."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return names


def function_names(function: Function) -> set[str]:
    """Parameters, variables and inner functions, of inner functions too; without what is declared global."""
    names: set[str] = set()
    outside: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)) and node is not function:
            names.add(node.name or "")
        elif isinstance(node, ast.Global):
            outside.update(node.names)
    return names - outside - {""}
