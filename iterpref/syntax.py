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

# What a compiler warns of in somebody else's program is no warning to the caller.
warnings.filterwarnings("ignore", module="<judged>")


def parse(code: str) -> ast.Module:
    """The tree; raises as ``ast.parse`` does for programs that have none."""
    for _ in range(_TRIES - 1):
        try:
            return ast.parse(code, "<judged>")
        except SystemError:
            continue
    return ast.parse(code, "<judged>")
