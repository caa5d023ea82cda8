"""Returned values as exact built-in types, without running a line of the program.

An ``IntEnum`` member, a ``Counter``, a ``namedtuple``, a ``defaultdict`` or one of numpy's numbers equals the plain
value it is made of, and a test says so. Only methods of the base class are used: an overridden ``__iter__`` or
``__eq__`` has no say.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["LARGEST_VALUE", "PACKED_FROM", "to_plain"]

LARGEST_VALUE = 64 << 20  # bytes of one returned value as JSON
PACKED_FROM = 1 << 16  # bytes from which a value is compressed


def to_plain(value: Any) -> Any:
    """``value`` rebuilt from plain types; what has no plain base is returned as it is.

    Raises:
        RecursionError: the value is nested too deeply, or contains itself.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes, complex):
        return value
    if issubclass(kind, list):
        return [to_plain(item) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        return tuple([to_plain(item) for item in tuple.__iter__(value)])
    if issubclass(kind, dict):
        return {to_plain(key): to_plain(item) for key, item in dict.items(value)}
    if issubclass(kind, set):
        return {to_plain(item) for item in set.__iter__(value)}
    if issubclass(kind, frozenset):
        return frozenset([to_plain(item) for item in frozenset.__iter__(value)])
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    if issubclass(kind, complex):
        return complex.__add__(value, 0)
    scalar = getattr(sys.modules.get("numpy"), "generic", None)
    return scalar.item(value) if scalar is not None and isinstance(value, scalar) else value
