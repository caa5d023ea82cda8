"""Mode restricted, where no program may start a process: whoever sets out for one ends by SIGSYS, at the first step.

Imported in that mode alone: it brings much of ``multiprocessing``, which every fork would have to copy.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]
import _posixshmem  # type: ignore[import-not-found]
import errno
import os
import signal
from multiprocessing import heap
from typing import NoReturn

__all__ = ["take_away"]


class _NoSemaphore:
    """In place of the semaphores of multiprocessing, which lie in a folder that programs must not write to."""

    SEM_VALUE_MAX = _multiprocessing.SemLock.SEM_VALUE_MAX

    def __init__(self, *_: object) -> None:
        _needs_processes()


def _needs_processes(*_: object, **__: object) -> NoReturn:
    """End as for an attempt to start a process: an exception could be caught, and told as the program's failure."""
    os.kill(os.getpid(), signal.SIGSYS)
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def take_away() -> None:
    """Replace what programs call before they start a process, and would fail at already."""
    _multiprocessing.SemLock = _NoSemaphore
    _posixshmem.shm_open = _needs_processes
    os.openpty = os.forkpty = _needs_processes
    heap.Arena._dir_candidates = []  # type: ignore[attr-defined]  # the folder for temporary files will do
