"""Runs a program as a script: with one standard input, or with many, each in a process of its own.

For many inputs the program is compiled once. This process, the *driver*, runs no line of it: it forks for every input,
waits, kills whatever was started, and removes all files. The program can neither trace the driver nor reach its files,
so that no run leaves anything to the next one. The driver stops where a run did not simply end: such an input is run
again, in a job of its own. What was printed is judged in the caller's process.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Mapping
from types import CodeType
from typing import Any, NoReturn

from iterpref.sandbox.loading import compile_code, compile_program, new_module
from iterpref.sandbox.results import PROGRAM, SETUP, Results
from iterpref.sandbox.system import prctl

__all__ = ["run_inputs", "run_script", "write_files"]

OUTPUT_BYTES, RESULT_BYTES = 16 << 20, 1 << 16  # of one input
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
_LAST_FD = 256
_NAMELESS = os.O_TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC


def write_files(files: Mapping[str, str]) -> None:
    """Put a task's files into the working directory."""
    for path, text in files.items():
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)


def run_script(job: dict[str, Any], results: Results, code: CodeType | None = None) -> None:
    """Run the program in this process; all that is said of it here is what it raised."""
    run_exit_functions = atexit._run_exitfuncs
    sys.argv = [PROGRAM]
    code = code or compile_program(job["program"], results)
    if code is None:
        return
    namespace = new_module("__main__")
    try:
        try:
            if job["setup"]:
                exec(compile_code(job["setup"], SETUP), namespace)
            exec(code, namespace)
        finally:
            if "threading" in sys.modules:  # not imported before the program: it makes every fork dearer
                sys.modules["threading"]._shutdown()
            run_exit_functions()
            _flush(namespace)
    except SystemExit as error:
        if error.code not in (None, 0):
            results.failed(error)
    except BaseException as error:
        results.failed(error)


def _flush(namespace: Mapping[str, Any]) -> None:
    """Write what waits in open files, as an interpreter does at its end."""
    for file in (sys.stdout, *[value for value in namespace.values() if isinstance(value, io.IOBase)]):
        if file is not None and not getattr(file, "closed", False):
            file.flush()


def run_inputs(job: dict[str, Any], results: Results) -> None:
    """Run the program once for each input; standard input holds them one after another.

    One value is handed out for each: exit status (negative: a signal), "wall" or "output" where it was stopped, CPU and
    wall time in seconds, what was printed, and what the process itself has to say.
    """
    prctl("prctl dumpable", _PR_SET_DUMPABLE, 0)  # the program has the same uid: it must not reach this process
    prctl("prctl subreaper", _PR_SET_CHILD_SUBREAPER, 1)
    home, kept = os.path.dirname(os.getcwd()), set(os.listdir("..")) - {"work"}
    code: CodeType | None = None
    with contextlib.suppress(BaseException):  # otherwise each run says what is wrong with it
        code = compile_code(job["program"], PROGRAM)
    started, offset = time.monotonic(), 0
    for size in job["inputs"]:
        given, printed, told = (os.open(home, _NAMELESS, 0o600) for _ in range(3))  # they count as the program's files
        os.pwrite(given, os.pread(0, size, offset), 0)
        offset += size
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _become_script(job, results, code, given, printed, told)
        stopped = _wait(pid, job["wall_seconds"])
        ended, cpu = _end_all(pid)
        if os.fstat(printed).st_size > OUTPUT_BYTES:
            stopped = stopped or "output"
        output = "" if stopped else os.pread(printed, OUTPUT_BYTES, 0).decode("utf-8", "surrogateescape")
        said = os.pread(told, RESULT_BYTES, 0).decode("utf-8", "surrogateescape")
        results.returned([ended, stopped, cpu, time.monotonic() - start, output, said])
        for fd in (given, printed, told):
            os.close(fd)
        if stopped or ended < 0 or time.monotonic() - started > job["wall_seconds"]:
            break
        _clear(home, kept)
        write_files(job["files"])


def _become_script(
    job: dict[str, Any], results: Results, code: CodeType | None, given: int, printed: int, told: int
) -> NoReturn:
    """Be the process of one input."""
    prctl("prctl dumpable", _PR_SET_DUMPABLE, 1)
    os.setsid()
    os.dup2(given, 0)
    os.dup2(printed, 1)
    os.dup2(told, results.fd, inheritable=False)
    os.closerange(results.fd + 1, _LAST_FD)
    seconds = job["cpu_seconds"]
    whole = int(-(-seconds // 1))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    results.begin()
    run_script(job, results, code)
    results.exit(0)
    raise AssertionError  # not reached


def _wait(pid: int, seconds: float) -> str:
    """Wait for the end of a process; "wall" if it does not come in time."""
    watched = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    ended = poll.poll(seconds * 1000)
    os.close(watched)
    return "" if ended else "wall"


def _end_all(pid: int) -> tuple[int, float]:
    """Kill what a run has left, all but this process; exit status of ``pid``, and the CPU time of all."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    exit_status, cpu = 0, 0.0
    while True:
        try:
            child, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return os.waitstatus_to_exitcode(exit_status), cpu
        cpu += usage.ru_utime + usage.ru_stime
        if child == pid:
            exit_status = status


def _clear(home: str, kept: set[str]) -> None:
    """Remove all files that were made, and stand in an empty working directory."""
    os.chdir(home)
    os.chmod(home, 0o755)
    for name in set(os.listdir(home)) - kept:
        path = os.path.join(home, name)
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil  # rare, and each fork would copy it

            shutil.rmtree(path)
        else:
            os.unlink(path)
    os.mkdir("work")
    os.chdir("work")
