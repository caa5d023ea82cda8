"""How deeply JSON is nested, and how much it holds, found before it is read.

Python's own limit is counted from where the caller stands, and a caller who has raised it would be ended by what a
hostile program wrote. So this takes time and memory in proportion to the text, whatever it is. Where it is no JSON,
what is said holds for the part before the first fault, which is all that is read of it.
"""

from __future__ import annotations

__all__ = ["MOST_LEVELS", "MOST_PARTS", "deeper_than", "parts_of"]

MOST_LEVELS = 2_000  # of lists and objects: reading more could end a process that has raised Python's own limit
MOST_PARTS = 2_000_000  # lists and objects that are read of one run: a few bytes of text make an object of a hundred
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ROUNDS = 4


def deeper_than(levels: int, text: bytes) -> bool:
    """Whether lists and objects are nested in more than ``levels`` (five at least), or up to four less. UTF-8."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    brackets = _brackets(text)
    if brackets is None:
        return True
    for _ in range(_ROUNDS):  # most are not nested deeper, and this is faster than to count them
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    depth = 0
    for bracket in brackets:
        depth += _STEP[bracket]
        if depth < 0:
            return False  # the first fault
        if depth > levels - _ROUNDS:
            return True
    return False


def parts_of(text: bytes) -> int:
    """How many lists and objects JSON holds; where that is few, perhaps counting too many."""
    found = text.count(b"[") + text.count(b"{")
    if found > MOST_PARTS and (brackets := _brackets(text)) is not None:
        found = brackets.count(b"[") + brackets.count(b"{")
    return found


def _brackets(text: bytes) -> bytes | None:
    """Those that stand in no string; None where too many strings hold some."""
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS).replace(b'""', b"")
    if bare.count(b'"') > MOST_PARTS:
        return None
    return b"".join(bare.split(b'"')[::2])
