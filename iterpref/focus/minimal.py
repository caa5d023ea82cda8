"""Delta debugging: a 1-minimal part of a set that still does what the whole set does.

Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), algorithm ddmin, with the roles of
passing and failing exchanged: the set is a list of differences, and what it does is to make a program pass.

Asking costs a program run, so nothing here asks. A search is a generator that yields what it wants to know and is sent
the answer; its caller decides how many searches share one sandbox.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from typing import TypeVar

__all__ = ["OutOfBudget", "minimal_subset"]

T = TypeVar("T", bound=Hashable)


class OutOfBudget(Exception):
    """Thrown into a search by its caller: nothing more can be asked."""


def minimal_subset(items: Sequence[T]) -> Generator[tuple[T, ...], bool, tuple[tuple[T, ...], bool]]:
    """A subset, in order, that is sufficient and (second value) 1-minimal: without any one item it is not sufficient.

    ``items`` as a whole must be sufficient, and nothing at all must not be; neither is asked. Nothing is asked twice.
    If :class:`OutOfBudget` is thrown in, the smallest sufficient subset so far is returned, with False.
    """
    known: dict[tuple[T, ...], bool] = {tuple(items): True, (): False}
    current = tuple(items)
    parts = 2
    try:
        while len(current) > 1:
            chunks = [current[len(current) * n // parts : len(current) * (n + 1) // parts] for n in range(parts)]
            subsets = chunks
            if parts > 2:  # of two halves, each is what the other leaves
                subsets = chunks + [tuple(item for item in current if item not in set(chunk)) for chunk in chunks]
            for number, subset in enumerate(subsets):
                if subset not in known:
                    known[subset] = yield subset
                if known[subset]:
                    current = subset
                    parts = min(2 if number < parts else max(parts - 1, 2), len(subset))
                    break
            else:
                if parts == len(current):
                    break
                parts = min(2 * parts, len(current))
    except OutOfBudget:
        return current, False
    return current, True
