"""Gathers single requests for a teacher that answers in batches.

A model on this machine is fast when its batches are full, and the search teacher learns from what has passed so far. So
a batch begins when no session can go on without one: everybody who is at work is waiting at a desk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from iterpref.teachers.base import Reply, Request, Teacher

__all__ = ["Desk", "Quiet"]


class Quiet:
    """Counts who is at work and who waits; opens a desk when all of them wait."""

    def __init__(self) -> None:
        self._live = 0
        self._waiting = 0
        self._busy = False
        self._desks: list[Desk] = []

    def add(self, desk: Desk) -> None:
        self._desks.append(desk)

    @contextmanager
    def live(self) -> Iterator[None]:
        self._live += 1
        try:
            yield
        finally:
            self._live -= 1
            self._soon()

    @contextmanager
    def waits(self) -> Iterator[None]:
        self._waiting += 1
        self._soon()
        try:
            yield
        finally:
            self._waiting -= 1

    def closed(self) -> None:
        """A desk has answered its batch."""
        self._busy = False
        self._soon()

    def _soon(self) -> None:
        """Look again when everybody who can go on now has gone on."""
        if self._desks:
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        if self._busy or self._waiting < self._live:
            return
        desk = next((desk for desk in self._desks if desk.waiting), None)
        if desk is not None:
            self._busy = True
            desk.open()


class Desk:
    """One teacher's waiting room. For one event loop."""

    def __init__(self, teacher: Teacher, quiet: Quiet) -> None:
        self._teacher = teacher
        self._quiet = quiet
        self.waiting: list[tuple[Request, asyncio.Future[Reply]]] = []
        self._stop = threading.Event()
        quiet.add(self)

    async def ask(self, request: Request) -> Reply:
        """The reply, after the next batch."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.waiting.append((request, answer))
        with self._quiet.waits():
            return await answer

    def open(self) -> None:
        """Hand all that wait to the teacher, in a thread of its own."""
        batch, self.waiting = self.waiting, []
        loop = asyncio.get_running_loop()

        def tell(answer: asyncio.Future[Reply], reply: Reply | None, error: BaseException | None) -> None:
            if not answer.done():
                if reply is not None:
                    answer.set_result(reply)
                else:
                    answer.set_exception(error or RuntimeError(f"the teacher {self._teacher.name} left a request out"))

        def write() -> None:
            error: BaseException | None = None
            try:
                for index, reply in self._teacher.write([request for request, _ in batch]):
                    loop.call_soon_threadsafe(tell, batch[index][1], reply, None)
                    if self._stop.is_set():
                        break
            except BaseException as raised:
                error = raised
            for _, answer in batch:
                loop.call_soon_threadsafe(tell, answer, None, error)
            loop.call_soon_threadsafe(self._quiet.closed)

        loop.run_in_executor(None, write)

    def close(self) -> None:
        """Let a batch under way end after its next reply."""
        self._stop.set()
