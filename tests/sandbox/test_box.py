"""The pool: streaming, back-pressure, faults of our own, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

import iterpref
import iterpref.sandbox
from iterpref.sandbox import Sandbox
from iterpref.sandbox.seccomp import NUMBERS
from iterpref.types import Outcome, Tests

ONE = Tests("asserts", "assert x == 1")
SOURCE = str(Path(iterpref.__file__).parent.parent)


def test_public_names() -> None:
    assert iterpref.sandbox.__all__ == ["Isolation", "Sandbox", "probe"]


def test_map_yields_every_index_once(box: Sandbox) -> None:
    verdicts = dict(box.map((f"x = {i % 2}", ONE) for i in range(20)))
    assert sorted(verdicts) == list(range(20))
    assert [verdicts[i].passed for i in range(20)] == [i % 2 == 1 for i in range(20)]


def test_map_reads_only_a_little_ahead(box: Sandbox) -> None:
    taken = 0

    def jobs() -> Iterator[tuple[str, Tests]]:
        nonlocal taken
        while True:
            taken += 1
            yield "x = 1", ONE

    for done, _ in enumerate(box.map(jobs()), start=1):
        assert taken <= done + 2 * box.workers
        if done == 10:
            break


def test_map_passes_on_a_fault_of_the_iterable(box: Sandbox) -> None:
    def jobs() -> Iterator[tuple[str, Tests]]:
        yield "x = 1", ONE
        raise KeyError("jobs")

    with pytest.raises(KeyError, match="jobs"):
        list(box.map(jobs()))


def test_async_calls_give_the_same_verdicts(box: Sandbox) -> None:
    async def work() -> dict[int, bool]:
        assert (await box.ajudge("x = 1", ONE)).passed
        return {index: verdict.passed async for index, verdict in box.amap((f"x = {i % 2}", ONE) for i in range(6))}

    assert asyncio.run(work()) == {i: i % 2 == 1 for i in range(6)}


def test_async_calls_leave_the_event_loop_free(box: Sandbox) -> None:
    async def work() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await box.ajudge("import time\ntime.sleep(0.5)\nx = 1", ONE)
        ticking.cancel()
        return ticks

    assert asyncio.run(work()) >= 3


def test_async_map_may_be_left_early(box: Sandbox) -> None:
    async def work() -> int:
        async for index, _ in box.amap(("x = 1", ONE) for _ in range(10**9)):
            return index
        return -1

    assert asyncio.run(work()) >= 0
    assert box.judge("x = 1", ONE).passed


def test_signal_to_the_own_process_group_reaches_no_server(box: Sandbox) -> None:
    verdict = box.judge("import os, signal\nos.kill(0, signal.SIGKILL)\nx = 1", ONE)
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "SIGKILL")


@pytest.mark.parametrize(
    "call", ["keyctl", "bpf", "perf_event_open", "userfaultfd", "ptrace", "io_uring_setup", "setns"]
)
def test_system_call_that_no_program_needs_is_denied(box: Sandbox, call: str) -> None:
    number = NUMBERS[call][("x86_64", "aarch64").index(platform.machine())]
    denied = f"libc.syscall({number}, 0, 0, 0, 0, 0), ctypes.get_errno()"
    program = f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nx = ({denied})"
    assert box.judge(program, Tests("asserts", "assert x == (-1, 1)")).passed


def test_sandbox_needs_neither_torch_nor_another_package() -> None:
    code = "import sys; import iterpref.sandbox; print([n for n in ('torch', 'pydantic', 'numpy') if n in sys.modules])"
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {SOURCE!r}); {code}"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == "[]\n"


def test_judge_from_many_threads() -> None:
    with Sandbox(workers=2) as box, ThreadPoolExecutor(8) as pool:
        tests = [Tests("asserts", f"assert x == {i}") for i in range(16)]
        assert all(verdict.passed for verdict in pool.map(box.judge, [f"x = {i}" for i in range(16)], tests))


def test_killed_server_is_replaced() -> None:
    with Sandbox(workers=1) as box:
        os.kill(server_pid(box), signal.SIGKILL)
        assert box.judge("x = 1", ONE).passed


def test_server_killed_again_and_again_is_no_label() -> None:
    slow = Tests("asserts", "assert True", cpu_seconds=20)
    with Sandbox(workers=1) as box, ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(box.judge, "import time\ntime.sleep(60)", slow)
        while not verdict.done():
            with contextlib.suppress(StopIteration):  # the next one is not there yet
                os.kill(server_pid(box), signal.SIGKILL)
            wait([verdict], timeout=0.3)
        assert verdict.result().outcome is Outcome.INFRA
        assert box.judge("x = 1", ONE).passed


def server_pid(box: Sandbox) -> int:
    return next(iter(list(box._pool.servers))).pid


def program_pid(box: Sandbox) -> int:
    """The process of the program that runs in a sandbox of one worker: the youngest of the server's."""
    return max(below(server_pid(box)))


def test_program_killed_from_outside_is_run_again() -> None:
    program = "import time\ntime.sleep(0.5)\nx = 1"
    with Sandbox(workers=1) as box, ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(box.judge, program, ONE)
        wait([verdict], timeout=0.25)
        os.kill(program_pid(box), signal.SIGKILL)
        assert verdict.result().passed


def test_waiting_process_killed_from_outside_is_replaced() -> None:
    with Sandbox(workers=1) as box:
        for _ in range(3):
            wait_until(lambda: len(below(server_pid(box))) >= 2)
            os.kill(program_pid(box), signal.SIGKILL)
            assert box.judge("x = 1", ONE).passed


GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group (version 1) whose processes get 150 MiB together."""
    group = GROUPS / f"iterpref-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(150 << 20))
    except OSError:
        pytest.skip("no control group can be made here")
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def test_program_killed_by_the_kernel_for_want_of_memory_is_no_label(small_group: Path) -> None:
    """The machine's memory ends before the program's limit does."""
    with Sandbox(workers=1) as box:
        wait_until(lambda: len(below(server_pid(box))) >= 2)  # the next program's process is there
        for pid in below(server_pid(box)) | {server_pid(box)}:
            (small_group / "cgroup.procs").write_text(str(pid))
        verdict = box.judge("x = len(b'x' * (400 << 20))", Tests("asserts", "assert x == 1", memory_mb=1024))
        assert verdict.outcome is Outcome.INFRA
        assert "memory" in verdict.feedback
        assert box.judge("x = 1", ONE).passed


def test_closed_sandbox_refuses() -> None:
    box = Sandbox(workers=1)
    box.close()
    with pytest.raises(RuntimeError, match="closed"):
        box.judge("x = 1", ONE)


def test_close_leaves_no_process_and_no_descriptor() -> None:
    before, files = below(os.getpid()), os.listdir("/proc/self/fd")
    with Sandbox(workers=2) as box:
        list(box.map(("x = 1", ONE) for _ in range(6)))
        assert len(below(os.getpid())) > len(before)
    assert below(os.getpid()) == before
    assert len(os.listdir("/proc/self/fd")) == len(files)


LEAVER = """
import signal, sys
sys.path.insert(0, sys.argv[1])
from iterpref.sandbox import Sandbox
from iterpref.types import Tests
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs in the background ignores it
box = Sandbox(workers=1)
print(box.judge("x = 1", Tests("asserts", "assert x == 1")).outcome.value, flush=True)
box.judge("import time\\ntime.sleep(100)", Tests("asserts", "assert True", cpu_seconds=30))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_the_caller(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LEAVER, SOURCE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"pass\n"
        wait_until(lambda: len(below(process.pid)) >= 3)  # watchman, server, program
        children = below(process.pid)
        process.send_signal(number)
    wait_until(lambda: not any(alive(pid) for pid in children))


UNPRIVILEGED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from iterpref.sandbox import Sandbox, probe
from iterpref.types import Tests
print(os.getuid(), *probe().held)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_ordinary_user_has_every_protection() -> None:
    python = "/usr/bin/python3"
    if not os.path.exists(python):
        pytest.skip("no interpreter that every user can read")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*user, "test", "-r", os.path.join(SOURCE, "iterpref")], check=False).returncode:
        pytest.skip("the source lies in a folder that not every user can read")
    command = [*user, python, "-B", "-c", UNPRIVILEGED, SOURCE]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.stdout.split() == ["65534", "files", "network", "processes", "memory", "kill", "syscalls"], done.stderr


def below(pid: int) -> set[int]:
    """All descendants of a process that still run."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= new
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
