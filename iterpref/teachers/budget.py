"""What may still be spent. The most that a request may cost is set aside before it leaves, so the sum never exceeds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from iterpref.teachers.ledger import Answer
from iterpref.teachers.prices import Price

__all__ = ["Budget", "OutOfBudget"]


class OutOfBudget(Exception):
    """The next request might cost more than is left. Nothing is under way any more."""


class Budget:
    """``limit`` and ``spent`` in USD. For one event loop."""

    def __init__(self, limit: float, price: Price, spent: float) -> None:
        self._limit = limit
        self._price = price
        self._spent = spent
        self._reserved = 0.0
        self._under_way = 0
        self._freed = asyncio.Condition()

    async def reserve(self, body: Mapping[str, Any]) -> float:
        """Set aside what a request may cost; wait while what is under way may leave enough. USD.

        Raises:
            OutOfBudget: it would not be enough, and nothing is under way.
        """
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        size = sum(len(str(message.get("content")).encode()) for message in body["messages"])
        worst = self._price.cost(size / 2 + 20, limit)  # text and code have fewer than a token in two bytes
        async with self._freed:
            while self._spent + self._reserved + worst > self._limit:
                if not self._under_way:
                    raise OutOfBudget(f"{self._spent:.4f} of {self._limit:.4f} USD are spent")
                await self._freed.wait()
            self._reserved += worst
            self._under_way += 1
        return worst

    async def settle(self, worst: float, answer: Answer | None) -> None:
        """Give back what was set aside, less what the answer cost."""
        async with self._freed:
            self._reserved -= worst
            self._under_way -= 1
            if answer is not None:
                self._spent += self._price.cost(
                    answer.prompt_tokens or 0, answer.completion_tokens or 0, answer.cached_tokens or 0
                )
            self._freed.notify_all()
