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
import fcntl
import gc
import json
import marshal
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from iterpref.sandbox import modes, profiles
from iterpref.sandbox.apart import Link, split
from iterpref.sandbox.harness import run_job
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.memory import address_space_mb, used_mb
from iterpref.sandbox.rehearsal import rehearse
from iterpref.sandbox.remote import serve
from iterpref.sandbox.system import fork

__all__ = ["main"]

CHECK_MS = 50  # of the memory of many processes, as RLIMIT_AS counts each alone
_SPARE_MB = 64  # memory above the limit in which a MemoryError can be reported
_FIRST_FD = 3
_set_handler = getattr(sys.modules.get("_signal"), "signal", signal.signal)  # without a detour through enumerations
# Sockets without what the class of module ``socket`` does at its start and its end.
_socketpair: Callable[[], tuple[socket.socket, socket.socket]] = _socket.socketpair  # type: ignore[assignment]


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
    server = _Server(control, mode)
    gc.collect()
    gc.freeze()  # a collection in a child must not copy the server's pages
    control.sendall(_line({}))
    try:
        server.serve()
    finally:
        mode.clean()


def _line(message: dict[str, str]) -> bytes:
    return json.dumps(message).encode() + b"\n"


_FILES = struct.Struct("4i")
_ROOM = socket.CMSG_SPACE(_FILES.size)


def _receive(connection: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    """Text and the four files that came with it, or none; as ``socket.recv_fds``, which costs several times as much."""
    text, attached, _, _ = connection.recvmsg(4096, _ROOM)
    return text, _FILES.unpack(attached[0][2]) if attached else ()


class _Limits(NamedTuple):
    memory_mb: int
    cpu_seconds: float
    stderr: bool  # whether it is kept
    apart: bool  # whether the tests have a process of their own


def _limits(line: bytes) -> _Limits:
    memory_mb, cpu_seconds, stderr, apart = line.splitlines()[-1].split()
    return _Limits(int(memory_mb), float(cpu_seconds), stderr == b"1", apart == b"1")


class _ParentGone(Exception):
    """The control socket was closed."""


@dataclass(frozen=True)
class _Child:
    pid: int
    jobs: socket.socket  # it gets its job here, and waits for it

    def start(self, line: bytes, files: tuple[int, ...]) -> bool:
        """Hand the job over; False where the process is gone."""
        try:
            self.jobs.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _FILES.pack(*files))])
        except OSError:
            return False
        return True


class _Server:
    def __init__(self, control: socket.socket, mode: modes.Mode) -> None:
        self.control = control
        self.mode = mode
        self.pid = os.getpid()
        self.own_mb = address_space_mb()
        self.integrity = Integrity()  # made once: in each program it would copy many pages
        # What goes wrong before a program has started; no program ever holds its end.
        self.fault_r, self.fault_w = os.pipe()
        os.set_blocking(self.fault_r, False)

    def serve(self) -> None:
        child: _Child | None = None
        try:
            while True:
                child = child or self.fork()  # the next program's, while the parent judges the last one
                line, files = _receive(self.control)
                if not line:
                    return
                if files:  # a ``kill`` that crossed the end of its job may come alone, or before the next one
                    started = child.start(line, files)
                    while not started:  # it was killed from outside while it waited
                        self.end(child)
                        self.mode.prepare()
                        child = self.fork()
                        started = child.start(line, files)
                    for fd in files:
                        os.close(fd)
                    self.control.sendall(self.attend(child, _limits(line).memory_mb))
                    child = None
                    self.mode.prepare()
        except _ParentGone:
            return
        finally:
            if child:
                self.end(child)

    def fork(self) -> _Child:
        """A process that waits for a job, and then becomes its program."""
        ours, theirs = _socketpair()
        pid = fork()
        if pid == 0:
            ours.close()
            _program(self, theirs)
        theirs.close()
        return _Child(pid, ours)

    def attend(self, child: _Child, memory_mb: int) -> bytes:
        """Wait for the end of a job and say how it ended. All that it started is dead then."""
        killed = b""
        try:
            killed = self._wait(child.pid, memory_mb)
        finally:
            status, cpu = self.end(child)
        try:
            return _line({"fault": os.read(self.fault_r, 4096).decode()})
        except BlockingIOError:
            return b"%d %f %s\n" % (os.waitstatus_to_exitcode(status), cpu, killed)

    def end(self, child: _Child) -> tuple[int, float]:
        child.jobs.close()
        self.mode.kill(child.pid)
        return _reap(child.pid)

    def _wait(self, pid: int, memory_mb: int) -> bytes:
        """Wait for the end of a job, or end it; returns why it was ended, if it was.

        Raises:
            _ParentGone: nothing may outlive the parent.
        """
        killed = b""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        watched = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        try:
            if watched is not None:
                poll.register(watched, select.POLLIN)
            while True:
                ready = [fd for fd, _ in poll.poll(CHECK_MS)]
                if watched in ready or (watched is None and _has_ended(pid)):
                    return killed
                if ready:
                    if not self.control.recv(4096):
                        raise _ParentGone
                    killed = killed or b"stopped"
                elif self.mode.counts_memory and used_mb() > memory_mb:
                    killed = killed or b"memory"
                if killed:
                    self.mode.kill(pid)
        finally:
            if watched is not None:
                os.close(watched)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(pid: int) -> tuple[int, float]:
    """Wait for all children, which are dying; returns the exit status of ``pid`` and the CPU time of all."""
    exit_status, cpu = 0, 0.0
    while True:
        try:
            child, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return exit_status, cpu
        cpu += usage.ru_utime + usage.ru_stime
        if child == pid:
            exit_status = status


def _program(server: _Server, jobs: socket.socket) -> NoReturn:
    """Give up every privilege and become the program; or two processes, one for the tests and one for the program."""
    try:
        os.close(server.control.detach())
        os.setsid()
        os.mkdir(f"{server.mode.home}/work")
        os.chdir(f"{server.mode.home}/work")
        server.mode.give_up()
        _set_handler(signal.SIGINT, signal.default_int_handler)
        profiles.reseed()
        gc.enable()
        line, files = _receive(jobs)
        if not line:  # the server is gone
            os._exit(0)
        limits = _limits(line)
        job, stdin, output, result = files
        half = split() if limits.apart else None
        _limit(limits, server)
        server.mode.become_program(half.parent if half else server.pid)
        data = b"" if half and half.is_program else _read_all(job)
        os.dup2(stdin, 0)
        os.dup2(output, 1)
        if limits.stderr:
            os.dup2(output, 2)
        if half is None:
            os.dup2(result, _FIRST_FD, inheritable=False)
            os.closerange(_FIRST_FD + 1, modes.OPEN_FILES)
        else:
            _keep([half.link] if half.is_program else [result, half.link, half.child])
    except BaseException as error:
        os.write(server.fault_w, f"{type(error).__name__}: {error}".encode()[:4000])
        os._exit(0)
    if half and half.is_program:
        serve(_FIRST_FD)
    run_job(marshal.loads(data), _FIRST_FD, server.integrity, Link(_FIRST_FD + 1, _FIRST_FD + 2) if half else None)


def _keep(files: list[int]) -> None:
    """Close all but these, which become the first after standard error."""
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, modes.OPEN_FILES // 2) for fd in files]
    for number, fd in enumerate(aside, start=_FIRST_FD):
        os.dup2(fd, number, inheritable=False)
    os.closerange(_FIRST_FD + len(files), modes.OPEN_FILES)


def _limit(limits: _Limits, server: _Server) -> None:
    cpu = int(-(-limits.cpu_seconds // 1))
    soft_mb = server.own_mb + limits.memory_mb
    modes.limit(resource.RLIMIT_CPU, cpu, cpu + 1)
    modes.limit(resource.RLIMIT_AS, soft_mb << 20, (soft_mb + _SPARE_MB) << 20)
    # Whole seconds are too coarse for short limits: this one kills (SIGPROF) at the very limit.
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)


def _read_all(fd: int) -> bytes:
    """A whole file; a system call reads 2 GiB at most."""
    data = os.read(fd, size := os.fstat(fd).st_size)
    while len(data) < size:
        data += os.read(fd, size)
    return data
