"""The fork server: one process per worker that forks a shut-in child for every program, before it is there.

Started with ``python -I`` and an empty environment; standard library only, and the libraries of its profile. It never
sees a program or a test: they come as an open file that only the forked child reads. The control socket carries one
line per job, its limits, with four files attached (job, standard input, output, result), and one line back: exit
status, CPU seconds, why the job was ended; or a JSON object that says what went wrong. The line ``kill`` ends the
running job.

After each fork every page that this process touches is copied: what it does for each job is as little as can be.
"""

from __future__ import annotations

import _socket
import gc
import json
import os
import resource
import select
import socket
import sys
from collections.abc import Callable
from marshal import dumps
from os import close, waitpid, waitstatus_to_exitcode
from resource import RUSAGE_CHILDREN, getrusage
from select import POLLIN

from iterpref.sandbox import modes, profiles
from iterpref.sandbox.begin import FILES, FILES_ROOM, Setting, begin
from iterpref.sandbox.holes import fill
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.memory import address_space_mb, used_mb
from iterpref.sandbox.rehearsal import rehearse
from iterpref.sandbox.system import fork

__all__ = ["main"]

CHECK_MS = 50  # of the memory of many processes, as RLIMIT_AS counts each alone
SOL_SOCKET, SCM_RIGHTS = int(socket.SOL_SOCKET), socket.SCM_RIGHTS
_SPARE = 64 << 20  # memory above the limit in which a MemoryError can be reported
_FAULT = b"fault"
# Sockets without what the class of module ``socket`` does at its start and its end.
_socketpair: Callable[[], tuple[socket.socket, socket.socket]] = _socket.socketpair  # type: ignore[assignment]
_pidfd_open: Callable[[int], int] | None = getattr(os, "pidfd_open", None)  # Linux alone has it


def main(control_fd: int, parent_pid: int, mode_name: str, profile: str, base: str, readable: list[str]) -> None:
    """Shut this process in, report, then serve until the control socket closes or the parent ends."""
    control = socket.socket(fileno=control_fd)
    del os.environ["LD_BIND_NOW"]
    try:
        mode = modes.MODES[mode_name](parent_pid, readable, base)
        os.environ["HOME"] = os.environ["TMPDIR"] = mode.home
        profiles.load(profile)
        rehearse()
        mode.prepare()
        mode.shut_in()
    except OSError as error:
        control.sendall(_line({"refused": error.strerror or str(error)}))
        return
    modes.limit(resource.RLIMIT_FSIZE, modes.FILES_MB << 20)
    modes.limit(resource.RLIMIT_NOFILE, modes.OPEN_FILES)
    modes.limit(resource.RLIMIT_CORE, 0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "iterpref"]:
        del sys.modules[name]  # programs find a clean interpreter
    gc.collect()
    filled = fill()
    server = _Server(control, mode)
    gc.freeze()  # a collection in a child must not copy the server's pages
    control.sendall(_line({}))
    try:
        server.serve()
    finally:
        mode.clean()
        del filled


def _line(message: dict[str, str]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _receive(connection: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    """Text and the four files that came with it, or none; as ``socket.recv_fds``, which costs several times as much."""
    text, attached, _, _ = connection.recvmsg(4096, FILES_ROOM)
    return text, FILES.unpack(attached[0][2]) if attached else ()


class _ParentGone(Exception):
    """The control socket was closed."""


class _Server:
    def __init__(self, control: socket.socket, mode: modes.Mode) -> None:
        self.control = control
        self.mode = mode
        self.own_mb = address_space_mb()
        self.spent = 0.0  # CPU seconds of all programs so far
        self.child = 0  # the process that waits for a job, or has one
        self.jobs = control  # where it gets it
        # What goes wrong before a program has started; no program ever holds its end.
        self.faults, faults = os.pipe()
        os.set_blocking(self.faults, False)
        self.poll = select.poll()
        self.poll.register(control, POLLIN)
        self.poll.register(self.faults, POLLIN)
        self.setting = Setting(
            control=control.fileno(),
            faults=faults,
            pid=os.getpid(),
            folder=f"{mode.home}/work",
            give_up=mode.give_up,
            become_program=mode.become_program,
            reseed=profiles.seeders(),
            integrity=Integrity(),  # made once: in each program it would copy many pages
        )

    def serve(self) -> None:
        self.fork()
        try:
            while True:
                line, files = _receive(self.control)
                if not line:
                    return
                if files:  # a ``kill`` that crossed the end of its job may come alone, or before the next one
                    self.control.sendall(self.run(line, files))
                    self.mode.prepare()
                    self.fork()  # for the next program, while the parent judges the last one
        except _ParentGone:
            return
        finally:
            self.end()

    def fork(self) -> None:
        """Start a process that waits for a job, and then becomes its program."""
        self.jobs, theirs = _socketpair()
        setting, server_end, receive = self.setting, self.jobs.fileno(), theirs.recvmsg
        pid = fork()
        if pid == 0:
            begin(setting, server_end, receive)
        theirs.close()
        self.child = pid

    def run(self, line: bytes, files: tuple[int, ...]) -> bytes:
        """Run a job and say how it ended. All that it started is dead then."""
        memory_mb, cpu_seconds, stderr, apart = line.splitlines()[-1].split()
        seconds, memory = float(cpu_seconds), self.own_mb + int(memory_mb) << 20
        limits = dumps((memory, memory + _SPARE, int(-(-seconds // 1)), seconds, stderr == b"1", apart == b"1"))
        attached = FILES.pack(*files)
        while not self.hand_over(limits, attached):  # it was killed from outside while it waited
            self.end()
            if fault := self.fault():
                return fault
            self.mode.prepare()
            self.fork()
        for fd in files:
            close(fd)
        killed = b""
        try:
            killed = self.wait(int(memory_mb))
        finally:
            status, cpu = self.end()
        if killed == _FAULT:
            return self.fault()
        return b"%d %f %s\n" % (waitstatus_to_exitcode(status), cpu, killed)

    def hand_over(self, limits: bytes, files: bytes) -> bool:
        """Give the waiting process its job; False where it is gone."""
        try:
            self.jobs.sendmsg([limits], [(SOL_SOCKET, SCM_RIGHTS, files)])
        except OSError:
            return False
        return True

    def wait(self, memory_mb: int) -> bytes:
        """Wait for the end of a job, or end it; returns why it was ended, if it was.

        Raises:
            _ParentGone: nothing may outlive the parent.
        """
        killed, pid, poll, control = b"", self.child, self.poll.poll, self.control.fileno()
        watched = _pidfd_open(pid) if _pidfd_open else -1
        try:
            if watched >= 0:
                self.poll.register(watched, POLLIN)
            while True:
                ready = dict(poll(CHECK_MS))
                if self.faults in ready:
                    return _FAULT
                if watched in ready or (watched < 0 and _has_ended(pid)):
                    return killed
                if control in ready:
                    if not self.control.recv(4096):
                        raise _ParentGone
                    killed = killed or b"stopped"
                elif self.mode.counts_memory and used_mb() > memory_mb:
                    killed = killed or b"memory"
                if killed:
                    self.mode.kill(pid)
        finally:
            if watched >= 0:
                self.poll.unregister(watched)
                close(watched)

    def fault(self) -> bytes:
        """The answer where something kept a program from starting; nothing where nothing did."""
        try:
            return _line({"fault": os.read(self.faults, 4096).decode()})
        except BlockingIOError:
            return b""

    def end(self) -> tuple[int, float]:
        """Kill the process that has or awaits a job, and what it started: its exit status, and the CPU time of all."""
        pid, self.child, exit_status = self.child, 0, 0
        self.jobs.close()
        if pid:
            self.mode.kill(pid)
        while True:
            try:
                child, status = waitpid(-1, 0)
            except ChildProcessError:
                break
            if child == pid:
                exit_status = status
        usage = getrusage(RUSAGE_CHILDREN)
        before, self.spent = self.spent, usage.ru_utime + usage.ru_stime
        return exit_status, self.spent - before


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
