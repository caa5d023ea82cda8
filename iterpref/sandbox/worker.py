"""The parent's side of one fork server: start it, hand it a job, collect what comes back.

Everything that a child wrote is treated as hostile: read with a bound, never waited for beyond the job's time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

__all__ = ["Refused", "Run", "Worker", "WorkerLost", "kernel_kills"]

OUTPUT_BYTES = 16 << 20  # standard output and standard error together
RESULT_BYTES = 64 << 20
_SMALL, _PAUSE_MS = 1 << 14, 5  # a pipe holds four times as much
START_SECONDS = 60.0
STOP_SECONDS = 10.0

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Modules that programs use most are imported before the first fork. The package's own are found by path, without
# running iterpref/sandbox/__init__.py, which belongs to the parent.
_BOOT = """
import bisect, collections, copy, datetime, decimal, fractions, functools, heapq, itertools, json, math, operator
import random, re, statistics, string, sys, types, typing
package, *arguments = json.loads(sys.argv.pop())
for name, path in (("iterpref", package), ("iterpref.sandbox", package + "/sandbox")):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [path]
from iterpref.sandbox.server import main
main(*arguments)
"""
_ENVIRONMENT = {
    "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin",  # programs may start `python`
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "LD_BIND_NOW": "1",  # symbols that are looked up late would be looked up in every program anew
    # One core a worker; and threads of a library would not survive the fork.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}


class Refused(Exception):
    """The machine does not let the fork server shut itself in."""


class WorkerLost(Exception):
    """The fork server or the jail failed: not the program's doing."""


@dataclass(frozen=True)
class Run:
    """What a job left: exit status (negative: a signal), output and result bytes, and why it was stopped, if it was."""

    exit: int
    output: bytes
    result: bytes
    stopped: str  # "", "wall", "output", "result" or "memory"
    cpu_seconds: float
    wall_seconds: float


class Worker:
    """One fork server. Not thread-safe: one job at a time."""

    def __init__(self, mode: str, profile: str = "plain") -> None:
        """Raises Refused or WorkerLost."""
        self.profile = profile
        # The programs' folder, for modes that have no file system of their own.
        self._base = "" if mode == "full" else tempfile.mkdtemp(prefix="iterpref-")
        self._control, theirs = socket.socketpair()
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)
        # Programs print into a pipe. Python finds out at its start whether it can seek in its output: not in a pipe.
        reading, writing = os.pipe()
        with theirs:
            arguments = [theirs.fileno(), os.getpid(), mode, profile, self._base, _interpreter_folders()]
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, json.dumps([_PACKAGE, *arguments])],
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                start_new_session=True,  # a Ctrl-C is for the parent, which then closes us
            )
        os.close(reading)
        os.close(writing)
        try:
            self._control.setblocking(False)
            greeting = json.loads(self._answer())
        except BaseException:
            self.close()
            raise
        if "refused" in greeting:
            self.close()
            raise Refused(greeting["refused"])

    def run(self, job: bytes, stdin: bytes, limits: bytes, wall_seconds: float, output: bool) -> Run:
        """Run one job to its end, or to ``wall_seconds``. What it prints is kept only where ``output`` is wanted.

        Raises:
            WorkerLost: the server, or the set-up of the jail, failed.
        """
        started = time.perf_counter()
        output_r, output_w = os.pipe()
        result_r, result_w = os.pipe()
        job_fd, stdin_fd = _as_file(job), _as_file(stdin)
        try:
            sent = [job_fd, stdin_fd, output_w, result_w]
            try:
                socket.send_fds(self._control, [limits], sent)
            except OSError as error:
                raise WorkerLost(f"the fork server is gone: {error}") from error
            finally:
                for fd in sent:
                    os.close(fd)
            printed, result = _Stream(output_r, OUTPUT_BYTES, keep=output), _Stream(result_r, RESULT_BYTES)
            stopped = self._attend(printed, result, started + wall_seconds)
            answer = self._answer()
            # All writers are dead by now, so what is there is all there will be.
            printed.drain()
            result.drain()
        finally:
            os.close(output_r)
            os.close(result_r)
        if answer.startswith(b"{"):
            raise WorkerLost(f"the jail could not be set up: {json.loads(answer)['fault']}")
        status, cpu_seconds, killed = answer.decode().rstrip("\n").split(" ")
        return Run(
            exit=int(status),
            output=bytes(printed.data),
            result=bytes(result.data),
            stopped=stopped or ("output" if printed.full else "result" if result.full else killed),
            cpu_seconds=float(cpu_seconds),
            wall_seconds=time.perf_counter() - started,
        )

    def _attend(self, output: _Stream, result: _Stream, deadline: float) -> str:
        """Drain the streams until the server answers; returns why the job was stopped, if it was."""
        stopped = ""
        if self._poll.poll(_PAUSE_MS):
            return stopped  # most programs have ended by then
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        streams = {stream.fd: stream for stream in (output, result)}
        for fd in streams:
            poll.register(fd, select.POLLIN)
        while True:
            left = deadline - time.perf_counter()
            ready = [fd for fd, _ in poll.poll(max(left, 0) * 1000 + 1)]
            amount = 0
            for fd in ready:
                if fd in streams:
                    read = streams[fd].read_some()
                    amount += read
                    if read == 0:
                        poll.unregister(fd)
            if 0 < amount < _SMALL:
                self._poll.poll(_PAUSE_MS)  # to be woken for every line of a program would cost more than the line
            if self._control.fileno() in ready:
                return stopped
            if not stopped:
                stopped = "output" if output.full else "result" if result.full else "wall" if left <= 0 else ""
                if stopped:
                    with contextlib.suppress(OSError):
                        self._control.sendall(b"kill\n")
                    deadline = time.perf_counter() + STOP_SECONDS
            elif left <= 0:
                raise WorkerLost("the fork server does not answer")

    def _answer(self) -> bytes:
        """One line."""
        data = b""
        try:
            while not data.endswith(b"\n"):
                try:
                    part = self._control.recv(4096)
                except BlockingIOError:
                    if not self._poll.poll(START_SECONDS * 1000):
                        raise
                    continue
                if not part:
                    raise WorkerLost("the fork server ended")
                data += part
        except OSError as error:
            raise WorkerLost(f"the fork server does not answer: {error}") from error
        return data

    def close(self) -> None:
        """End the server and everything below it."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # also wakes a thread that waits for an answer
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        if self._base:
            shutil.rmtree(self._base, ignore_errors=True)

    @property
    def pid(self) -> int:
        return self._process.pid


class _Stream:
    """A pipe read without blocking; where more than a limit comes, nothing of it is kept."""

    def __init__(self, fd: int, limit: int, keep: bool = True) -> None:
        self.fd = fd
        self.data = bytearray()
        self.full = False
        self._keep = keep
        self._room = limit
        os.set_blocking(fd, False)

    def read_some(self) -> int:
        """Read once; returns the number of bytes, 0 at the end, -1 where nothing is there."""
        try:
            part = os.read(self.fd, 1 << 18)
        except BlockingIOError:
            return -1
        self._room -= len(part)
        if self._room < 0:
            self.full = True
            self.data.clear()
        elif self._keep:
            self.data += part
        return len(part)

    def drain(self) -> None:
        """Read what is there. A pipe that gives little need not be empty, as a program may have set O_DIRECT."""
        while self.read_some() > 0:
            pass


def kernel_kills() -> int:
    """How many processes of the whole machine the kernel has killed for want of memory (0 where it does not say)."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0


def _as_file(data: bytes) -> int:
    """An open file that holds ``data`` and lies nowhere."""
    if not data:
        return os.open(os.devnull, os.O_RDONLY)
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("job")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    written = 0
    while written < len(data):  # a system call writes 2 GiB at most
        written += os.pwrite(fd, memoryview(data)[written:] if written else data, written)
    return fd


def _interpreter_folders() -> list[str]:
    """What the interpreter needs to run, also where it lives in a virtual environment or a private home."""
    folders = {os.path.dirname(os.path.abspath(sys.executable))}
    for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix):
        folders |= {os.path.abspath(prefix), os.path.realpath(prefix)}
    return sorted(folder for folder in folders if folder != "/")
