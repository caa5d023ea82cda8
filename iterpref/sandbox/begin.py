"""How the process of a program begins: forked before there is a job, it waits for one, and becomes its program.

Each process runs this once, so Python has nothing of it specialised or in its caches; and after a fork each object that
is looked at, as its count of references changes, is a page of memory copied. So the names of other modules are bound
here when the server starts, and what the server knows is bound before it forks.
"""

from __future__ import annotations

import fcntl
from _signal import (  # type: ignore[import-not-found]  # without detours through enumerations
    ITIMER_PROF,
    SIGINT,
    default_int_handler,
    setitimer,
    signal,
)
from collections.abc import Callable
from gc import enable
from marshal import loads
from os import _exit, chdir, close, closerange, dup2, lseek, mkdir, pread, setsid, write
from resource import RLIMIT_AS, RLIMIT_CPU
from socket import CMSG_SPACE
from struct import Struct
from typing import Any, NamedTuple, NoReturn

from iterpref.sandbox.apart import Link, split
from iterpref.sandbox.harness import run_job
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.modes import OPEN_FILES, limit
from iterpref.sandbox.remote import serve

__all__ = ["FILES", "FILES_ROOM", "Setting", "begin"]

FILES = Struct("4i")  # the files of a job: job, standard input, output, result
FILES_ROOM = CMSG_SPACE(FILES.size)
_FIRST_FD = 3
_TO_END = 2
_unpack = FILES.unpack


class Setting(NamedTuple):
    """What holds for all programs of a server. ``faults`` takes what goes wrong before a program has started."""

    control: int
    faults: int
    pid: int
    folder: str
    give_up: Callable[[], None]
    become_program: Callable[[int], None]
    reseed: tuple[Callable[[], object], ...]
    integrity: Integrity


def begin(setting: Setting, server_end: int, receive: Callable[[int, int], Any]) -> NoReturn:
    """Give up every privilege and become the program; or two processes, one for the tests and one for the program.

    ``receive`` is ``recvmsg`` of the socket that brings the job; ``server_end`` is its other end.
    """
    control, faults, server_pid, folder, give_up, become_program, reseed, integrity = setting
    try:
        close(server_end)
        close(control)
        setsid()
        mkdir(folder)
        chdir(folder)
        give_up()
        signal(SIGINT, default_int_handler)
        for seed in reseed:
            seed()
        enable()
        line, attached, _, _ = receive(4096, FILES_ROOM)
        if not line:  # the server is gone
            _exit(0)
        memory, most_memory, cpu, cpu_seconds, stderr, apart = loads(line)
        job, stdin, output, result = _unpack(attached[0][2])
        half = split() if apart else None
        limit(RLIMIT_CPU, cpu, cpu + 1)
        limit(RLIMIT_AS, memory, most_memory)
        # Whole seconds are too coarse for short limits: this one kills (SIGPROF) at the very limit.
        setitimer(ITIMER_PROF, cpu_seconds)
        become_program(half.parent if half else server_pid)
        data = b"" if half and half.is_program else _read_all(job)
        dup2(stdin, 0)
        dup2(output, 1)
        if stderr:
            dup2(output, 2)
        if half is None:
            dup2(result, _FIRST_FD, False)
            closerange(_FIRST_FD + 1, OPEN_FILES)
        else:
            _keep([half.link] if half.is_program else [result, half.link, half.child])
    except BaseException as error:
        write(faults, f"{type(error).__name__}: {error}".encode()[:4000])
        _exit(0)
    if half and half.is_program:
        serve(_FIRST_FD)
    run_job(loads(data), _FIRST_FD, integrity, Link(_FIRST_FD + 1, _FIRST_FD + 2) if half else None)


def _keep(files: list[int]) -> None:
    """Close all but these, which become the first after standard error."""
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, OPEN_FILES // 2) for fd in files]
    for number, fd in enumerate(aside, start=_FIRST_FD):
        dup2(fd, number, inheritable=False)
    closerange(_FIRST_FD + len(files), OPEN_FILES)


def _read_all(fd: int) -> bytes:
    """A whole file; a system call reads 2 GiB at most."""
    data = pread(fd, size := lseek(fd, 0, _TO_END), 0)
    while len(data) < size:
        data += pread(fd, size, len(data))
    return data
