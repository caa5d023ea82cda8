"""What altered tests (``canary``) need while they run: other values than expected ones, and a count of what fell.

An assertion that is met again and again is altered the first times, then ever more rarely by chance, and else run as
it is: its canary costs about as much as the tests themselves, and ends where they end.
"""

from __future__ import annotations

import functools
import inspect
import os
import unittest
from collections import Counter
from collections.abc import Callable
from typing import Any

__all__ = ["DECOY", "FELL", "NEVER", "NOBODY", "Fallen", "below", "decoy", "tools"]

DECOY, NOBODY, NEVER, FELL = "_sandbox_decoy", "_sandbox_nobody", "_sandbox_never", "_sandbox_fell"
_ALTERED = 10  # times that one assertion is altered in any case
_random_bytes = os.urandom  # bound here, as are the types below: a program must not be able to spoil a decoy


class _Nobody:
    """Equals nothing but itself."""


class _NeverError(Exception):
    """Nobody raises it."""


def below(limit: int) -> int:
    """A number from 0 on that nobody can foresee."""
    return int.from_bytes(_random_bytes(8), "little") % limit


def decoy(value: Any) -> Any:
    """Another value than ``value``, of the same type where that is easy."""
    kind, step = type(value), 1000 + below(10**6)
    if kind is bool:
        return not value
    if kind is int:
        return value + step * max(1, abs(value))
    if kind in (float, complex):
        # Far away also where a tolerance is relative; and other than infinity, to which nothing can be added.
        other = value + step * max(1.0, abs(value))
        return kind(step) if other == value else other
    if kind is str:
        return f"{value}{step}"
    if kind is bytes:
        return value + str(step).encode()
    if kind is list:
        return [*value, step]
    if kind is tuple:
        return (*value, step)
    if kind in (set, frozenset):
        return kind([*value, step])
    if kind is dict:
        return {**value, step: step}
    if kind.__name__ == "ndarray" and kind.__module__ == "numpy" and value.dtype.kind in "biufc":
        return [*value.ravel().tolist(), step]  # of another shape: no array equals every value of its kind
    return _Nobody()


class Fallen:
    """Notes which altered assertions were asked, and whether one held."""

    silent = unittest.case._ShouldStop  # type: ignore[attr-defined]  # unittest takes it for no failure

    def __init__(self) -> None:
        self.held = 0
        self.asked = False  # since the last test
        self.ever_asked = False
        self._below = self._ended = False  # asked below a context manager of the program's, and its end reached
        self._times: Counter[int] = Counter()

    def more(self, place: int) -> bool:
        """Whether the assertion at this place is to be altered once more."""
        self._times[place] += 1
        times = self._times[place]
        return (times <= _ALTERED or below(times) < _ALTERED) and self.ask()

    def ask(self) -> bool:
        self.asked = self.ever_asked = self._below = True
        return True

    def take(self) -> bool:
        """Whether anything was asked since the last time."""
        asked, self.asked = self.asked, False
        return asked

    def hold(self) -> None:
        self.held += 1

    def enter(self) -> None:
        self._below = self._ended = False

    def through(self) -> None:
        self._ended = True

    def leave(self) -> None:
        """After a context manager: what was asked below had to fall, and nothing else to keep it from being asked."""
        self.held += self._below or not self._ended

    def end(self) -> None:
        """End a test method: it fails, unless an altered assertion of it held."""
        held, self.held = self.held, 0
        if not held:
            raise AssertionError("every altered assertion fell")

    def ending(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """``method``, which then has to fail, however it returns."""

        async def wait(*args: Any) -> None:
            try:
                await method(*args)
            finally:
                self.end()

        def run(*args: Any) -> None:
            try:
                method(*args)
            finally:
                self.end()

        return functools.wraps(method)(wait if inspect.iscoroutinefunction(method) else run)


def tools(fallen: Fallen) -> dict[str, Any]:
    """The names that altered tests need."""
    return {DECOY: decoy, NOBODY: _Nobody, NEVER: _NeverError, FELL: fallen}
