"""Thousands of programs, many of them vicious, through one sandbox: are the verdicts right, and is nothing left?

    python benchmarks/soak.py [--programs 20000] [--seed 0] [--oversubscribe 1] [--kill]
    python benchmarks/soak.py --trivial 100000

A seeded generator makes mostly correct and wrong programs; one in ten crashes, floods, forks, leaves daemons, fills
memory over many processes or fills the disk, and one in two hundred runs into a short limit of time. Each carries the
outcome that it must get. ``--oversubscribe N`` runs N times as many workers as there are cores; ``--kill`` kills a fork
server at random every half second meanwhile. ``--trivial N`` shows that memory stays flat over many submissions.
It ends with exit code 1 where a verdict was wrong, or where a process, file, descriptor or control group is left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Outcome, Tests

GOOD = "def f(x):\n    total = {n}\n    for i in range(x):\n        total += i\n    return total\n"
TESTS = "assert f(1) == {n}\nassert f(4) == {n} + 6\n"
ODD: dict[str, tuple[str, set[Outcome]]] = {
    "crash": ("import os\nos.abort()", {Outcome.ERROR}),
    "segfault": ("import ctypes\nctypes.string_at(0)", {Outcome.ERROR}),
    "leave": ("import os\nos._exit(0)", {Outcome.ERROR}),
    "flood": ("import sys\nfor _ in range(40): sys.stdout.write('x' * 10 ** 6)", {Outcome.OUTPUT}),
    "recursion": ("def g(): return g()\ng()", {Outcome.ERROR}),
    "fork": ("import os\nfor _ in range(4):\n    if os.fork() == 0: os._exit(0)", {Outcome.PASS}),
    "daemon": ("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(900)", {Outcome.PASS}),
    "fork bomb": ("import os\nwhile True: os.fork()", {Outcome.ERROR, Outcome.TIMEOUT}),
    "memory": ("x = bytearray(1 << 30)", {Outcome.MEMORY}),
    "memory over processes": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        x = b'x' * (48 << 20)\n"
        "        time.sleep(60)\ntime.sleep(60)",
        {Outcome.MEMORY},
    ),
    "disk": ("import os\nfor i in range(9):\n    open(str(i), 'wb').write(b'x' * (16 << 20))", {Outcome.ERROR}),
    "inodes": ("import os\nfor i in range(10 ** 5): os.mkdir(str(i))", {Outcome.ERROR}),
    "signals": ("import os, signal\nos.kill(0, signal.SIGTERM)", {Outcome.ERROR}),
    "syntax": ("def g(:", {Outcome.ERROR}),
}
SLOW = ("while True: pass", {Outcome.TIMEOUT})
Sample = tuple[str, str, Tests, set[Outcome]]  # kind, program, tests, outcomes of which it must get one


def samples(seed: int, count: int) -> Iterator[Sample]:
    """``count`` programs; of every 200, 20 are odd, one is slow, and of the rest two in five are wrong."""
    generator = random.Random(seed)
    for _ in range(count):
        n, place = generator.randrange(10**6), generator.randrange(200)
        kind, prefix, outcomes, cpu_seconds = "right", "", {Outcome.PASS}, 10.0
        if place < 20:
            kind = generator.choice(list(ODD))
            prefix, outcomes = ODD[kind]
            cpu_seconds = 2.0 if kind == "fork bomb" else cpu_seconds
        elif place == 20:
            kind, (prefix, outcomes), cpu_seconds = "slow", SLOW, 0.2
        elif generator.random() < 0.4:
            kind, outcomes = "wrong", {Outcome.WRONG}
        if kind in ("right", "wrong") and generator.random() < 0.1:  # a script, with four inputs
            cases = tuple(Case(f"{x}\n", f"{x + n}\n") for x in range(4))
            tests = Tests("stdio", cases=cases, cpu_seconds=cpu_seconds, memory_mb=256)
            yield kind, f"print(int(input()) + {n + (kind == 'wrong')})", tests, outcomes
            continue
        program = GOOD.format(n=n + (kind == "wrong"))
        program = f"{prefix}\n{program}" if prefix else program
        code = TESTS.format(n=n)
        if generator.random() < 0.3:  # tests that run beside the program, with their canary
            lines = [line.removeprefix("assert ").split(" == ") for line in code.splitlines()]
            body = "".join(f"        self.assertEqual({left}, {right})\n" for left, right in lines)
            code = f"import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n{body}"
            tests = Tests("unittest", code, entry_point="f", cpu_seconds=cpu_seconds, memory_mb=256)
        else:
            tests = Tests("asserts", code, entry_point="f", cpu_seconds=cpu_seconds, memory_mb=256)
        yield kind, program, tests, outcomes


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def descendants() -> dict[int, str]:
    """Processes that this one has started, directly or not."""
    found: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            found[int(entry.name)] = (int(rest.split()[1]), name)
    family = {os.getpid()}
    while new := {pid for pid, (parent, _) in found.items() if parent in family} - family:
        family |= new
    return {pid: found[pid][1] for pid in family - {os.getpid()}}


def left_behind() -> dict[str, int]:
    """What a sandbox could leave: processes (orphans too), descriptors, files, mounts, control groups."""
    orphans = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            # A fork server, and what it forks, is started with the number of its parent.
            orphans += b"iterpref.sandbox.server" in command and f" {os.getpid()}, ".encode() in command
    groups = Path("/sys/fs/cgroup")
    return {
        "processes": len(descendants()) + orphans,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "files": len(list(Path(tempfile.gettempdir()).glob("iterpref-*"))),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "control groups": sum(1 for _ in groups.rglob("iterpref*")) if groups.is_dir() else 0,
    }


@contextmanager
def killer(box: Sandbox, seed: int, active: bool) -> Iterator[Counter[str]]:
    """Kill one of our processes at random, now and then."""
    stop, killed, generator = threading.Event(), Counter[str](), random.Random(seed)

    def work() -> None:
        while not stop.wait(generator.uniform(0.1, 1.0)):
            below = [pid for pid, name in descendants().items() if "(python" in name]
            if below:
                try:
                    os.kill(generator.choice(below), signal.SIGKILL)
                    killed["killed"] += 1
                except ProcessLookupError:
                    continue

    thread = threading.Thread(target=work)
    if active:
        thread.start()
    try:
        yield killed
    finally:
        stop.set()
        if active:
            thread.join()


def soak(count: int, seed: int, oversubscribe: int, kill: bool) -> bool:
    workers = oversubscribe * len(os.sched_getaffinity(0))
    before, told, wrong = left_behind(), Counter[str](), list[str]()
    waiting: dict[int, Sample] = {}

    def jobs() -> Iterator[tuple[str, Tests]]:
        for index, sample in enumerate(samples(seed, count)):
            waiting[index] = sample
            yield sample[1], sample[2]

    start, memory = time.perf_counter(), list[float]()
    with Sandbox(workers=workers) as box, killer(box, seed, kill) as killed:
        print(f"{count} programs, seed {seed}, {workers} workers, mode {box.isolation.mode}", flush=True)
        for done, (index, verdict) in enumerate(box.map(jobs()), start=1):
            kind, _, _, outcomes = waiting.pop(index)
            told[f"{kind}: {verdict.outcome.value}"] += 1
            # Killed three times in a row, a program cannot be told from one that kills itself.
            excused = kill and (verdict.outcome is Outcome.INFRA or verdict.error_type == "SIGKILL")
            if verdict.outcome not in outcomes and not excused:
                wrong.append(f"{kind} ({index}): {verdict.outcome.value} {verdict.error_type} {verdict.feedback[:300]}")
            if done % max(1, count // 10) == 0:
                memory.append(resident_mb())
                print(f"  {done} done, {time.perf_counter() - start:.0f} s, {memory[-1]:.1f} MiB", flush=True)
    seconds = time.perf_counter() - start
    for name, number in sorted(told.items()):
        print(f"  {name:40s} {number}")
    print("\n".join(wrong[:20]))
    after = left_behind()
    left = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    growth = memory[-1] - memory[len(memory) // 5]
    print(f"{count / seconds:.0f} programs a second; {len(wrong)} wrong verdicts; left behind: {left or 'nothing'};")
    print(f"the harness grew by {growth:.1f} MiB after its first fifth; {killed['killed']} processes killed")
    return not wrong and not left


def trivial(count: int) -> bool:
    start, memory, taken = time.perf_counter(), list[float](), 0
    tests = Tests("asserts", "assert x == 1")

    def jobs() -> Iterator[tuple[str, Tests]]:
        nonlocal taken
        for taken in range(1, count + 1):
            yield f"x = {taken % 2}", tests

    ahead = 0
    with Sandbox() as box:
        for done, (index, verdict) in enumerate(box.map(jobs()), start=1):
            assert verdict.passed == (index % 2 == 0), verdict
            ahead = max(ahead, taken - done)
            if done % max(1, count // 10) == 0:
                memory.append(resident_mb())
                print(f"  {done} done, {time.perf_counter() - start:.0f} s, {memory[-1]:.1f} MiB", flush=True)
    print(f"{count} programs submitted: never more than {ahead + 1} ahead; memory {memory[0]:.1f}", end=" ")
    print(f"-> {memory[-1]:.1f} MiB; {count / (time.perf_counter() - start):.0f} programs a second")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--oversubscribe", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--trivial", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        tempfile.tempdir = folder  # what is left in there is ours
        return run(options)


def run(options: argparse.Namespace) -> int:
    if options.trivial:
        return 0 if trivial(options.trivial) else 1
    return 0 if soak(options.programs, options.seed, options.oversubscribe, options.kill) else 1


if __name__ == "__main__":
    sys.exit(main())
