"""Fills the holes between the living objects of a process that is about to fork many times.

An allocator puts a new object where an old one was freed. After a start with many imports such holes are everywhere,
and a forked process that makes a few hundred objects writes to as many pages, each of which is copied first. With the
holes filled, new objects lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["fill"]

_OVERHEAD = b"".__sizeof__()
_SMALL, _STEP = 512, 16  # the largest object that CPython takes from a pool of its own, and what sizes are rounded to
_POOL, _POOL_HEADER = 1 << 14, 64  # bytes; where a pool begins, and how far its first object lies from there at most
_LARGE = 1 << 16  # what is larger is rarely made twice
_RUN = 4  # objects one after the other: no hole, but new memory
_MOST = 20_000  # objects of one size: where another allocator is in use, its addresses may tell nothing


def fill() -> list[bytes]:
    """Objects that lie where there was room; they must be kept."""
    filled: list[bytes] = []
    for size in range(_OVERHEAD + _STEP - _OVERHEAD % _STEP, _SMALL + 1, _STEP):
        filled += _until(size, lambda run, size: run[0] % _POOL < _POOL_HEADER and _side_by_side(run, size))
    top = 0

    def is_top(run: list[int], size: int) -> bool:
        nonlocal top
        top = top or (run[0] if _side_by_side(run, size) else 0)
        return run[0] >= top > 0

    for size in (*range(_LARGE, 8 * _SMALL, -1024), *range(8 * _SMALL, _SMALL, -_STEP)):
        filled += _until(size, is_top)
    return filled


def _side_by_side(run: list[int], size: int) -> bool:
    """Whether objects of this size lie at these addresses one after the other."""
    step = run[1] - run[0]
    return size <= step <= size + 2 * _STEP and run == list(range(run[0], run[-1] + 1, step))


def _until(size: int, is_new: Callable[[list[int], int], bool]) -> list[bytes]:
    """Objects of one size, up to those that lie in new memory, by the addresses of the last few."""
    pieces: list[bytes] = []
    while len(pieces) < _MOST:
        pieces.append(bytes(size - _OVERHEAD))
        if len(pieces) >= _RUN and is_new([id(piece) for piece in pieces[-_RUN:]], size):
            del pieces[-_RUN:]
            break
    return pieces
