"""What names a program binds and uses, from its text.

Python takes some letters for others, a wide "l" for a plain one: ``identifiers`` tells all names of ASCII texts only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from iterpref.syntax import parse

__all__ = ["hides_names", "identifiers", "imports_stars", "library_imports", "module_names", "parse", "scan"]

# None of their public names is a builtin's, but for math.pow.
_HARMLESS_STARS = frozenset({"bisect", "collections", "functools", "heapq", "itertools", "math", "string", "typing"})
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_STAR = re.compile(r"import[\s\\]*\*")


def identifiers(code: str) -> frozenset[str]:
    """All that a text may name, its texts and comments included: much faster than a syntax tree, and never less."""
    return frozenset(_IDENTIFIER.findall(code))


def imports_stars(code: str) -> bool:
    """Whether it may import names that it does not tell."""
    return _STAR.search(code) is not None


def hides_names(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether it imports names that the text does not tell."""
    stars = any(alias.name == "*" for alias in node.names)
    return stars and isinstance(node, ast.ImportFrom) and node.module not in _HARMLESS_STARS


def scan(tree: ast.Module) -> tuple[set[str], set[str], bool]:
    """Names that a program may bind, at any depth; those it mentions; whether it imports names it does not tell."""
    bound: set[str] = set()
    used: set[str] = set()
    stars = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            used.add(node.id)
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            stars = stars or hides_names(node)
        elif isinstance(node, ast.Global):
            bound.update(node.names)
    return bound, used, stars


def module_names(tree: ast.Module, nodes: Iterable[ast.AST]) -> set[str]:
    """Names of the module itself: bound outside functions and classes, or declared global. ``nodes`` are all of it."""
    names = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    left: list[ast.AST] = list(tree.body)
    while left:
        node = left.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        left.extend(ast.iter_child_nodes(node))
    return names


def library_imports(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Name and statement of each import at the top of a module."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                one = ast.Import([alias]) if isinstance(node, ast.Import) else None
                statement = one or ast.ImportFrom(node.module, [alias], node.level)  # type: ignore[union-attr]
                yield (alias.asname or alias.name).partition(".")[0], statement
