"""Whether two programs are the same but for names, comments, docstrings and layout.

The paper asks a language model whether a difference is only formatting, comments or names (section 3.1, the last
filter). This decides it: both trees are written with numbers in the place of the names they bind themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from iterpref.focus.syntax import function_names, module_names, outermost_functions, parse

__all__ = ["definitions", "docstring", "normal_form", "shape"]

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def definitions(tree: ast.AST) -> Iterator[ast.AST]:
    """The module, its classes and its functions, at any depth."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DOCUMENTED):
            yield node
        waiting += (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))


def docstring(node: ast.AST) -> ast.Expr | None:
    """The docstring of a module, class or function."""
    if not isinstance(node, _DOCUMENTED) or not node.body:
        return None
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first
    return None


def shape(tree: ast.AST) -> Iterator[type[ast.AST]]:
    """The kinds of the nodes, without docstrings, in an order that depends on the tree alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield type(node)
        skipped = docstring(node)
        waiting += (child for child in ast.iter_child_nodes(node) if child is not skipped)


def normal_form(code: str, keep: Collection[str] = ()) -> str | None:
    """Equal for programs that differ only in such things; None if ``code`` does not parse.

    Local names, parameters, and functions that the program itself uses are numbered by where they first occur. A
    function that nobody in the program calls keeps its name, since others call it by that name; so do attributes,
    keywords of calls, imports and built-in names, and the names in ``keep``. Docstrings are left out.
    """
    tree = parse(code)
    if tree is None:
        return None
    for node in definitions(tree):
        if docstring(node) is not None:
            node.body = node.body[1:]  # type: ignore[attr-defined]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for function in outermost_functions(tree):
        _number(function, function_names(function) - set(keep), "local")
    _number(tree, module_names(tree) & used, "module")
    return ast.dump(tree)


def _number(scope: ast.AST, names: set[str], kind: str) -> None:
    numbers: dict[str, str] = {}

    def number(name: str) -> str:
        # a blank can be in no name, so that nothing is captured
        return numbers.setdefault(name, f"{kind} {len(numbers)}") if name in names else name

    for node in ast.walk(scope):
        if isinstance(node, ast.Name):
            node.id = number(node.id)
        elif isinstance(node, ast.arg):
            node.arg = number(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node is not scope:
                node.name = number(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            node.name = number(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [number(name) for name in node.names]
