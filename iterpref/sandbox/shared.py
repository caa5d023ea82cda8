"""Containers that both halves hold, where tests run in another process than the program.

A call gets copies of the lists, dicts and other containers that it is handed. What it changes in them is changed in the
tests' own afterwards, at any depth and in place, as in one process: both halves number the containers among the
arguments in the same order, and one that is found in another is told by its number.
"""

from __future__ import annotations

import array
import collections
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

__all__ = ["MOST", "Given", "containers", "contents", "is_container", "refill"]

MOST = 2000  # containers of one call that are followed
_MAPPINGS = (dict, collections.Counter, collections.OrderedDict, collections.defaultdict)
_SEQUENCES = (list, collections.deque)
_FILES = (io.StringIO, io.BytesIO)
_KINDS = frozenset({*_MAPPINGS, *_SEQUENCES, *_FILES, set, bytearray, array.array})


@dataclass(frozen=True)
class Given:
    """Stands for a container among the arguments."""

    number: int


def is_container(value: Any) -> bool:
    return type(value) in _KINDS or _is_ndarray(value)


def containers(values: Iterable[Any]) -> list[Any]:
    """Those at any depth, each before those that it holds."""
    return list(islice(_walk(values), MOST + 1))


def _walk(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        kind = type(value)
        if is_container(value):
            yield value
        if kind is tuple or kind in _SEQUENCES:
            yield from _walk(value)
        elif kind in _MAPPINGS:
            yield from _walk(value.values())


def contents(container: Any, numbers: dict[int, int]) -> Any:
    """What it holds, with a ``Given`` in place of what ``numbers`` (by id) has."""

    def named(value: Any) -> Any:
        return Given(numbers[id(value)]) if id(value) in numbers else value

    kind = type(container)
    if kind in _SEQUENCES:
        return [named(value) for value in container]
    if kind in _MAPPINGS:
        return {key: named(value) for key, value in container.items()}
    if kind in _FILES:
        return [container.getvalue(), container.tell()] if not container.closed else None
    return bytes(container) if kind is bytearray else list(container) if kind is array.array else container


def refill(container: Any, held: Any) -> None:
    """Make it hold that, in place. ValueError, TypeError: it cannot."""
    kind = type(container)
    fill: Callable[[Any], None]
    if kind in _SEQUENCES:
        fill = container.extend
    elif kind in _MAPPINGS or kind is set:
        fill = container.update
    elif kind in _FILES:
        _rewrite(container, held)
        return
    elif _is_ndarray(container):
        container[...] = held
        return
    else:
        container[:] = held if kind is bytearray else array.array(container.typecode, held)
        return
    if type(held) not in (list, dict, set):
        raise ValueError("no contents of a container")
    if kind is collections.Counter:
        fill = lambda counts: dict.update(container, counts)  # noqa: E731  # its own would add
    held = held.copy()
    container.clear()
    fill(held)


def _rewrite(file: Any, held: Any) -> None:
    if held is None:
        file.close()
        return
    file.seek(0)
    file.truncate()
    file.write(held[0])
    file.seek(held[1])


def _is_ndarray(value: Any) -> bool:
    kind = type(value)
    return kind.__name__ == "ndarray" and kind.__module__ == "numpy" and value.dtype.kind in "biufcSUmM"
