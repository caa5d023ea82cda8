"""The fork servers of a sandbox: which of them takes the next program, and when one more is started."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from iterpref.sandbox.worker import Worker, WorkerLost

__all__ = ["Pool", "cores"]


class Pool:
    """Fork servers of one mode, for ``workers`` programs at once. Thread-safe."""

    def __init__(self, mode: str, workers: int, first: Worker) -> None:
        self.servers = {first}
        self._mode = mode
        self._workers = workers
        self._idle = [first]  # the one that has rested longest is the first
        self._closed = False
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)  # also for ``_idle``
        self._running = 0
        self._one_alone = False  # from when it waits for the others to end until it ends itself

    @contextmanager
    def server(self, profile: str, alone: bool = False) -> Iterator[Worker]:
        """A server with the libraries of ``profile``; waits for a turn, or until no other program runs.

        Raises:
            Refused, WorkerLost: none could be started.
        """
        server, oldest = self._enter(profile, alone)
        idle = None
        try:
            if oldest is not None:
                self._drop(oldest)
            server = server or self._start(profile)
            try:
                yield server
            except BaseException:
                self._drop(server)  # its state is unknown
                raise
            idle = server
        finally:
            self._leave(idle, alone)

    def close(self) -> None:
        """End all servers and whatever they run."""
        with self._lock:
            self._closed = True
            self._idle.clear()
            servers = list(self.servers)
        for server in servers:
            self._drop(server)

    def _enter(self, profile: str, alone: bool) -> tuple[Worker | None, Worker | None]:
        """Wait for a turn; an idle server of this profile, and one that makes room where there is none."""
        with self._turn:
            self._turn.wait_for(lambda: not self._one_alone and self._running < self._workers)
            if alone:
                self._one_alone = True
                try:
                    self._turn.wait_for(lambda: self._running == 0)
                except BaseException:
                    self._one_alone = False
                    self._turn.notify_all()
                    raise
            self._running += 1
            for server in self._idle:
                if server.profile == profile:
                    self._idle.remove(server)
                    return server, None
            return None, self._idle.pop(0) if len(self.servers) >= self._most and self._idle else None

    def _leave(self, idle: Worker | None, alone: bool) -> None:
        with self._turn:
            if idle is not None:
                self._idle.append(idle)
            self._running -= 1
            self._one_alone = self._one_alone and not alone
            self._turn.notify_all()

    @property
    def _most(self) -> int:
        return 2 * self._workers + 1

    def _start(self, profile: str) -> Worker:
        server = Worker(self._mode, profile)
        with self._lock:
            if not self._closed:
                self.servers.add(server)
                return server
        server.close()
        raise WorkerLost("the sandbox is closed")

    def _drop(self, server: Worker) -> None:
        with self._lock:
            self.servers.discard(server)
        server.close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
