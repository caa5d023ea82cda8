"""The fork server: one process per worker that forks a jailed child for every program.

Started with ``python -I`` and an empty environment; standard library only. It never sees a program or a test: they
come as an open file that only the forked child reads. The control socket carries one JSON line per job, with four
files attached (job, standard input, output, result), and one line back; the line ``kill`` ends the running job.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
from typing import Any, NoReturn

from iterpref.sandbox import jail
from iterpref.sandbox.harness import run_job

__all__ = ["main"]

PROTECTIONS = ("files", "network", "processes", "memory", "kill")
FILES_MB = 64  # the largest file
PROCESSES = 128  # processes and threads of one program
OPEN_FILES = 256
MEMORY_CHECK_MS = 50  # for programs of many processes: RLIMIT_AS counts each alone
_SPARE_MB = 64  # memory above the limit in which a MemoryError can be reported


def main(control_fd: int, parent_pid: int, readable: list[str], isolate: bool) -> None:
    """Shut this process in, report, then serve until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    try:
        if isolate:
            jail.enter(readable, parent_pid)
    except OSError as error:
        _send(control, {"refused": error.strerror or str(error)})
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "iterpref"]:
        del sys.modules[name]  # programs find a clean interpreter
    gc.collect()
    gc.freeze()  # a collection in a child must not copy the server's pages
    _send(control, {"protections": PROTECTIONS if isolate else ()})
    _Server(control, isolate).serve()


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


class _Server:
    def __init__(self, control: socket.socket, isolate: bool) -> None:
        self.control = control
        self.isolate = isolate
        self.self_fd = os.pidfd_open(os.getpid()) if isolate else -1
        self.own_mb = _address_space_mb()

    def serve(self) -> None:
        descriptor_bytes = 4 * array.array("i").itemsize
        while True:
            line, ancillary, _, _ = self.control.recvmsg(4096, socket.CMSG_SPACE(descriptor_bytes))
            if not line:
                return
            files = array.array("i")
            for _, _, data in ancillary:
                files.frombytes(data)
            if files:  # a ``kill`` that crossed the end of its job may come alone, or before the next one
                _send(self.control, self.run(json.loads(line.splitlines()[-1]), list(files)))

    def run(self, limits: dict[str, Any], files: list[int]) -> dict[str, Any]:
        """Run one job in a child and say how it ended."""
        status_r, status_w = os.pipe()
        home = "" if self.isolate else tempfile.mkdtemp(prefix="iterpref-")
        try:
            pid = jail.fork_in_new_namespace(self.self_fd) if self.isolate else os.fork()
            if pid == 0:
                _init(self, limits, files, status_w, home)
            for fd in (*files, status_w):
                os.close(fd)
            report = self._wait(pid, status_r, limits["memory_mb"])
            if not self.isolate:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            _, _, usage = os.wait4(pid, 0)
        finally:
            os.close(status_r)
            if home:
                shutil.rmtree(home, ignore_errors=True)
        report["cpu"] = usage.ru_utime + usage.ru_stime
        return report

    def _wait(self, pid: int, status_r: int, memory_mb: int) -> dict[str, Any]:
        """Wait for the job's report; ``killed`` says why there is none."""
        killed = ""
        poll = select.poll()
        poll.register(status_r, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll(MEMORY_CHECK_MS if self.isolate and not killed else None)]
            if status_r in ready:
                data = os.read(status_r, 4096)
                return {**(json.loads(data) if data else {}), "killed": killed}
            if ready:
                killed = "stopped"
            elif self._used_mb() > memory_mb:
                killed = "memory"
            if killed:
                _kill(pid, self.isolate)
            if ready and not self.control.recv(4096):
                os._exit(0)  # the parent is gone, and nothing may outlive it

    def _used_mb(self) -> int:
        """Memory of all processes of the job together, without what they share with this server."""
        base, total = _private_pages("self"), 0
        for entry in os.listdir("/proc"):
            if entry.isdigit() and entry != "1":
                total += max(0, _private_pages(entry) - base)
        return total * resource.getpagesize() >> 20


def _private_pages(process: str) -> int:
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as file:
            _, resident, shared, *_ = file.read().split()
    except OSError:  # it has just ended
        return 0
    return int(resident) - int(shared)


def _kill(pid: int, isolate: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL) if isolate else os.killpg(pid, signal.SIGKILL)


def _address_space_mb() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize() >> 20
    except OSError:
        return 0


def _init(server: _Server, limits: dict[str, Any], files: list[int], status_w: int, home: str) -> NoReturn:
    """Process 1 of the job: mount, fork the program, reap what it leaves, report how it ended.

    It keeps its capabilities, so that the program, which has none, can neither trace it nor read its memory.
    """
    try:
        server.control.close()
        if server.isolate:
            jail.private_mounts()
            os.close(server.self_fd)
        else:
            os.setpgid(0, 0)
        pid = os.fork()
        if pid == 0:
            _program(server, limits, files, status_w, home or "/tmp")
        for fd in files:
            os.close(fd)
        while True:
            child, status, _ = os.wait4(-1, 0)
            if child == pid:
                break
        os.write(status_w, json.dumps({"exit": os.waitstatus_to_exitcode(status)}).encode())
    except BaseException as error:
        os.write(status_w, json.dumps({"fault": f"{type(error).__name__}: {error}"}).encode())
    os._exit(0)


def _program(server: _Server, limits: dict[str, Any], files: list[int], status_w: int, home: str) -> NoReturn:
    """Give up every privilege and become the program."""
    job, stdin, output, result = files
    try:
        os.mkdir(f"{home}/work", 0o755)
        os.chdir(f"{home}/work")
        os.environ["HOME"] = os.environ["TMPDIR"] = home
        tempfile.tempdir = None
        os.dup2(stdin, 0)
        os.dup2(output, 1)
        if limits["stderr"]:
            os.dup2(output, 2)
        _limit(limits, server)
        if server.isolate:
            jail.drop_capabilities()
        gc.enable()
    except BaseException as error:
        os.write(status_w, json.dumps({"fault": f"{type(error).__name__}: {error}"}).encode())
        os._exit(0)
    text = _read_all(job)
    low, high = sorted((job, result))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, OPEN_FILES)
    os.close(job)
    run_job(json.loads(text), result)


def _limit(limits: dict[str, Any], server: _Server) -> None:
    cpu = int(-(-limits["cpu"] // 1))
    soft_mb = server.own_mb + limits["memory_mb"]
    _set_limit(resource.RLIMIT_CPU, cpu, cpu + 1)
    _set_limit(resource.RLIMIT_AS, soft_mb << 20, (soft_mb + _SPARE_MB) << 20)
    _set_limit(resource.RLIMIT_FSIZE, FILES_MB << 20, FILES_MB << 20)
    _set_limit(resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES)
    _set_limit(resource.RLIMIT_CORE, 0, 0)
    if server.isolate:  # elsewhere the user's other processes would count
        _set_limit(resource.RLIMIT_NPROC, PROCESSES, PROCESSES)
    # Whole seconds are too coarse for short limits: this one kills (SIGPROF) at the very limit.
    signal.setitimer(signal.ITIMER_PROF, limits["cpu"])


def _set_limit(which: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    with contextlib.suppress(ValueError):  # macOS takes no limit below the present size
        resource.setrlimit(which, (soft, hard))


def _read_all(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)
