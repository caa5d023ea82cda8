"""Somebody else's programs as syntax trees, from several threads at a time.

Where a collection of garbage comes while one thread builds a tree, and another begins one meanwhile, CPython 3.11 and
3.12 raise SystemError ("AST constructor recursion depth mismatch"). It says nothing about the program: parsing it again
helps. The sandbox uses this too, so nothing in here may import more than the standard library.
"""

from __future__ import annotations

import ast
import warnings

__all__ = ["parse"]

_TRIES = 50


def parse(code: str) -> ast.Module:
    """The tree; raises as ``ast.parse`` does for programs that have none."""
    try:
        return _parse(code)
    except SyntaxError:
        if warnings.filters[0] == _first_filter:
            raise
    _ignore_warnings()  # perhaps it is a warning, which somebody has made an error meanwhile
    return _parse(code)


def _parse(code: str) -> ast.Module:
    for _ in range(_TRIES - 1):
        try:
            return ast.parse(code, "<judged>")
        except SystemError:
            continue
    return ast.parse(code, "<judged>")


def _ignore_warnings() -> None:
    """What a compiler warns of in somebody else's program is no warning to the caller, whatever else he filters."""
    global _first_filter
    warnings.filterwarnings("ignore", module="<judged>")
    _first_filter = warnings.filters[0]


_first_filter: object = None
_ignore_warnings()
