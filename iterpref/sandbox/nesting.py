"""How deeply JSON is nested, found before it is read: Python's own limit is counted from where the caller stands, and a
caller who has raised it would be ended by what a hostile program wrote."""

from __future__ import annotations

import re
from itertools import accumulate

__all__ = ["deeper_than", "without_strings"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ROUNDS = 4


def deeper_than(levels: int, text: bytes) -> bool:
    """Whether lists and objects are nested in more than so many ``levels``, a few more or less."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    brackets = without_strings(text).translate(None, _OTHERS)
    for _ in range(_ROUNDS):  # most are not nested deeper, and this is faster than to count them
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > levels - _ROUNDS


def without_strings(text: bytes) -> bytes:
    """JSON without the texts in it."""
    return _STRING.sub(b"", text)
