"""How many requests are under way at once: additive increase, multiplicative decrease in proportion to the overload.

The limit begins small and doubles with each round of answers until the server asks for less. From then on it grows by
one a round, and a round in which the server asks for less cuts it by half the share of answers that did so of late, as
DCTCP does (RFC 8257): a server that refuses everything halves it, one that stumbles now and then hardly slows the rest.
A ``Retry-After`` holds everybody back until then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Pace"]

_FIRST = 8
_MEMORY = 32  # answers over which the share of overload is averaged


class Pace:
    """Lets at most ``most`` requests through at once. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self.limit = float(min(_FIRST, self._most))
        self.running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._doubling = True
        self._overload = 1.0  # share of answers of late; the first cut halves, as nothing is known yet
        self._cut_at = float("-inf")
        self._closed_until = float("-inf")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a place. Yields the loop's time at which it was given, for :meth:`cut`."""
        loop = asyncio.get_running_loop()
        if self._waiting or not self._room(loop.time()):
            place: asyncio.Future[None] = loop.create_future()
            self._waiting.append(place)
            self._wake()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():  # given and never used
                    self.running -= 1
                    self._wake()
                raise
        else:
            self.running += 1
        try:
            yield loop.time()
        finally:
            self.running -= 1
            self._wake()

    def grow(self) -> None:
        """An answer came."""
        if not self._doubling:
            self._overload -= self._overload / _MEMORY
        self.limit = min(float(self._most), self.limit + (1.0 if self._doubling else 1.0 / self.limit))

    def cut(self, begun: float) -> bool:
        """A request that began at ``begun`` overloaded the server. False if that was before the last cut: no news."""
        self._overload += (1.0 - self._overload) / _MEMORY
        if begun <= self._cut_at:
            return False
        self._cut_at = asyncio.get_running_loop().time()
        self._doubling = False
        self.limit = max(1.0, self.limit * (1.0 - self._overload / 2))
        return True

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        loop = asyncio.get_running_loop()
        self._closed_until = max(self._closed_until, loop.time() + seconds)
        loop.call_later(seconds + 0.001, self._wake)

    def _room(self, now: float) -> bool:
        return self.running < int(self.limit) and now >= self._closed_until

    def _wake(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._waiting and self._room(now):
            place = self._waiting.popleft()
            if not place.done():
                self.running += 1
                place.set_result(None)
