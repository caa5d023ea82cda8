"""Notices that a server is gone, or at fault for every question, and ends all of them with one sentence.

A server that says nothing for a while is asked for its models: a slow one answers, a dead one does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

__all__ = ["Breaker"]


class Breaker:
    """For one event loop.

    Attributes:
        over: set when everything has stopped.
        under_way: requests that are cancelled then.
        there: the server listed its models since its last word to a question.
        last_word, last_answer: when anything, and when an answer, came last (or when asking began).
        ever: anything was answered since this was made.
        given_up: questions given up in a row, with no answer between them.
    """

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.under_way: set[asyncio.Future[Any]] = set()
        self.there = self.ever = False
        self.last_word = self.last_answer = monotonic()
        self.given_up = 0
        self._open = 0  # questions that have been asked and not answered yet, also those between two tries
        self._fatal: Exception | None = None

    @contextmanager
    def question(self) -> Iterator[None]:
        """Around all tries of one question."""
        if self._open == 0:
            self.last_word = self.last_answer = monotonic()
            self.there = False
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def heard(self, answer: bool = False) -> None:
        """The server said something: a fault, or an answer."""
        self.last_word, self.there = monotonic(), False
        if answer:
            self.last_answer = self.last_word

    def answered(self) -> None:
        """A question has its answer, and it is kept."""
        self.ever, self.given_up = True, 0

    def stop(self, error: Exception) -> Exception:
        """From now on every question ends with ``error``; returns the first one this was called with."""
        self._fatal = self._fatal or error
        self.over.set()
        for sent in self.under_way:
            sent.cancel()
        return self._fatal

    def go_on(self) -> None:
        """Raise what everything was stopped with."""
        if self._fatal is not None:
            raise self._fatal

    async def watch(self, silence: float, alive: Callable[[], Awaitable[bool]], gone: Exception) -> None:
        """Stop everything with ``gone`` where nothing is heard for ``silence`` seconds and ``alive`` says no, twice."""
        asked = 0
        while self._fatal is None:
            await asyncio.sleep(min(1.0, silence / 4))
            if not self._open or monotonic() - self.last_word < silence:
                asked = 0
                continue
            self.there = await alive()
            if self.there:
                self.last_word = monotonic()
            elif (asked := asked + 1) == 2:
                self.stop(gone)
