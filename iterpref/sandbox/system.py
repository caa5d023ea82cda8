"""The kernel through ctypes: calls that the standard library does not wrap.

Runs in the fork server and in its children, so only the standard library may be imported.
"""

from __future__ import annotations

import ctypes
import os
import signal

__all__ = ["LIBC", "call", "die_with_parent", "failure", "fork", "long", "no_new_privileges", "prctl", "syscall"]

LIBC = ctypes.CDLL(None, use_errno=True)
hasattr(LIBC, "prctl")  # looked up before the first fork, as a look-up touches many pages
_fork = ctypes.PyDLL(None).fork

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


def call(step: str, function: str, *arguments: object) -> int:
    """Call a function of the C library; ``OSError`` names the ``step`` that the kernel refused."""
    result = int(getattr(LIBC, function)(*arguments))
    if result < 0:
        raise failure(step)
    return result


def failure(step: str) -> OSError:
    """What the kernel has just refused at ``step``."""
    code = ctypes.get_errno()
    return OSError(code, f"{step}: {os.strerror(code)}")


def fork() -> int:
    """As ``os.fork`` from a process of one thread, without the hooks of ``os.register_at_fork``.

    What they renew for threads (locks, lists of threads) needs no renewal where there is one thread, and copies up
    to 150 pages. Random generators are to be seeded anew by the caller.
    """
    pid: int = _fork()
    return pid if pid >= 0 else os.fork()  # which says what is wrong


def long(*values: int) -> list[ctypes.c_long]:
    return [ctypes.c_long(value) for value in values]


def syscall(step: str, number: int, *arguments: object) -> int:
    """Integers are passed as C longs, as system calls want them."""
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return call(step, "syscall", ctypes.c_long(number), *given)


def prctl(step: str, option: int, *values: int) -> int:
    return call(step, "prctl", option, *long(*values, *[0] * (4 - len(values))))


def no_new_privileges() -> None:
    """No set-uid file gives this process or its children anything, from now on."""
    prctl("no_new_privs", PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """Be killed when the thread that forked this process ends."""
    prctl("prctl pdeathsig", PR_SET_PDEATHSIG, signal.SIGKILL)
