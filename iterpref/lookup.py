"""Short name from a table, else ``my.module:Thing``: the whole extension mechanism."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from iterpref.errors import InputError

__all__ = ["lookup"]


def lookup(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """Import what ``name`` stands for. ``table`` maps short names to ``module:attribute``; modules load only on use.

    A dotted path is also looked for in the working directory, as by ``python -m``.

    Raises:
        InputError: no such short name, or the dotted path does not import.
    """
    target = table.get(name, name)
    module, colon, attribute = target.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(table))}."
        raise InputError(f"there is no {kind} named {name!r}; {hint} Your own is named by my.module:Thing.")
    if name not in table and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the {kind} {name!r} cannot be imported ({error}); check the path, or install the extra it needs."
        ) from None
