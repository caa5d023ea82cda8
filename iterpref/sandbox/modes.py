"""How a fork server shuts itself and its programs in: three modes, from the strongest to none.

``full``: namespaces, an empty root, no capabilities, a filter of system calls. The server is process 1 of its process
namespace, so that a signal to all processes ends whatever a program has started, and only that; it keeps its
capabilities, so that the programs, which have none, can neither trace it nor see it.

``restricted``: where namespaces are forbidden. Landlock hides the files, a filter of system calls forbids sockets,
signals to others and further processes; the one process that is left has a limit of memory and is killed at the end.
Whoever sets out for another process, by making a semaphore for it too, ends by SIGSYS: it cannot be judged here.

``unsafe``: resource limits only.
"""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from os import kill, rmdir
from typing import Protocol

from iterpref.sandbox import jail, landlock, seccomp
from iterpref.sandbox.jail import look_of_tmp, new_tmp
from iterpref.sandbox.system import die_with_parent, no_new_privileges

__all__ = ["MODES", "Mode"]

FILES_MB = 64  # the largest file
PROCESSES = 128  # processes and threads of one program
OPEN_FILES = 256
_SIGKILL = int(signal.SIGKILL)  # without a detour through enumerations


class Mode(Protocol):
    """Each method may raise OSError. ``home`` is an empty folder for one program."""

    home: str
    counts_memory: bool  # whether the memory of all processes of a program together can be seen

    def __init__(self, parent_pid: int, readable: list[str], base: str) -> None: ...

    def shut_in(self) -> None:
        """The last step before the server serves: what it imports may need more than its programs."""

    def prepare(self) -> None:
        """Make ``home`` anew, in the server."""

    def give_up(self) -> None:
        """Give up what the server has and a program must not have, in a child that waits for one."""

    def become_program(self, parent: int) -> None:
        """Give up the rest, in each of the child's processes; ``parent`` is the process that started it."""

    def kill(self, pid: int) -> None:
        """End ``pid``, a child that was not waited for yet, and all that it has started."""

    def clean(self) -> None:
        """Remove what the server has made outside its own name spaces."""


class Full:
    home = "/tmp"
    counts_memory = True

    def __init__(self, parent_pid: int, readable: list[str], base: str) -> None:
        jail.enter(readable, parent_pid)
        self._kept = sorted(path for path in readable if path.startswith("/tmp/"))
        self._used = False
        self._look: tuple[object, ...] = ()
        self.prepare()

    def shut_in(self) -> None:
        if seccomp.SUPPORTED:
            seccomp.install(seccomp.jailed())
        limit(resource.RLIMIT_NPROC, PROCESSES)

    def prepare(self) -> None:
        """Make /tmp as new: by a new file system only where something was left, as the kernel takes long to unmount."""
        if self._used and not self._kept:
            with suppress(OSError):
                rmdir(f"{self.home}/work")
            if look_of_tmp() == self._look:
                return
        new_tmp(self._kept, self._used)
        self._look, self._used = look_of_tmp(), True

    give_up = staticmethod(jail.drop_capabilities)

    def become_program(self, parent: int) -> None:
        """The name spaces and the server's own filter hold already."""

    def kill(self, pid: int) -> None:
        try:  # noqa: SIM105  # no context manager: see the server's docstring
            kill(-1, _SIGKILL)
        except ProcessLookupError:
            pass

    def clean(self) -> None:
        """The kernel does it with the last process."""


class Unsafe:
    counts_memory = False

    def __init__(self, parent_pid: int, readable: list[str], base: str) -> None:
        self.base = base
        self.home = f"{base}/home"
        if os.geteuid() == 0 and jail.knows_nobody():
            os.chown(base, jail.NOBODY, jail.NOBODY)
            jail.become_nobody()
        self.prepare()

    def shut_in(self) -> None:
        """Nothing holds here."""

    def prepare(self) -> None:
        jail.remove(self.home)
        os.mkdir(self.home)

    def give_up(self) -> None:
        """There is nothing to give up."""

    def become_program(self, parent: int) -> None:
        with suppress(AttributeError, OSError):  # only Linux can
            die_with_parent()

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # it may not have come to have a group of its own

    def clean(self) -> None:
        jail.remove(self.base)  # what a killed server leaves, its parent removes


class Restricted(Unsafe):
    def __init__(self, parent_pid: int, readable: list[str], base: str) -> None:
        parent = os.pidfd_open(parent_pid)
        jail.leave_watchman(parent, base)  # Landlock lets no one below remove ``base`` itself
        os.setsid()
        super().__init__(parent_pid, readable, base)
        die_with_parent()  # after the change of uid, which forgets it
        self.readable = readable
        no_new_privileges()

    def shut_in(self) -> None:
        from iterpref.sandbox import processless

        landlock.restrict(self.readable, [self.base])
        processless.take_away()

    give_up = staticmethod(jail.drop_capabilities)

    def become_program(self, parent: int) -> None:
        die_with_parent()
        if os.getppid() != parent:
            os._exit(0)
        seccomp.install(seccomp.confined(os.getpid()))

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


MODES: dict[str, type[Mode]] = {"full": Full, "restricted": Restricted, "unsafe": Unsafe}


def limit(which: int, soft: int, hard: int | None = None) -> None:
    """Set a resource limit, as far as the present ceiling allows."""
    hard = soft if hard is None else hard
    try:
        resource.setrlimit(which, (soft, hard))
    except ValueError:
        _, ceiling = resource.getrlimit(which)
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        with suppress(ValueError):  # macOS takes no limit below the present size
            resource.setrlimit(which, (soft, hard))
