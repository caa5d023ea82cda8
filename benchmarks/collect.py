"""What collecting costs beside waiting for the endpoint: CPU a call against the bare client, memory over many tasks.

python benchmarks/collect.py                 # both, about five minutes on two cores; benchmarks/results/collect.txt
python benchmarks/collect.py --tasks 5000    # a quick look

The endpoint is a process of its own on loopback that answers at once. The peer is ``openai.AsyncOpenAI`` used bare,
with the same bodies at the same concurrency; both are measured in turn (A B A B), in blocks of 200 calls, by process
CPU time. Programs are judged by a function that counts, so that no sandbox is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import itertools
import json
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from iterpref.debug import collect
from iterpref.store import Run
from iterpref.teachers.base import Request
from iterpref.teachers.chat import ChatTeacher
from iterpref.teachers.client import Client
from iterpref.teachers.ledger import Ledger
from iterpref.types import Outcome, Task, Tests, Trajectory, Verdict

CONCURRENCY = 32
BLOCK = 200
TEXT = "Here it is.\n\n```python\n" + "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(20)) + "```\n"
PROMPT = "Write a function that adds a number to x, and mind the edge cases. " * 12
TESTS = Tests("asserts", code="assert f1(1) == 2", entry_point="f1")


def endpoint(port: Any) -> None:
    """Answer every request at once, with the same program."""
    message = {"role": "assistant", "content": TEXT}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 300, "total_tokens": 500},
    }
    models = {"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "me"}]}

    def packet(what: object) -> bytes:
        data = json.dumps(what).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        return head.encode() + data

    answers = {b"GET": packet(models), b"POS": packet(body)}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        await reader.readexactly(int(line[15:]))
                writer.write(answers[head[:3]])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def header() -> str:
    """What was measured, and where."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("iterpref", "openai"))
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{packages}; {python}; load at the start: {load}"


def requests(first: int, count: int) -> list[Request]:
    return [Request(Task(f"t{n}", f"{PROMPT} Number {n}.", TESTS)) for n in range(first, first + count)]


async def _all(work: Iterator[Any]) -> None:
    async def take() -> None:
        for each in work:
            await each

    await asyncio.gather(*(take() for _ in range(CONCURRENCY)))


def bare(url: str, asked: Sequence[Request]) -> list[float]:
    """CPU milliseconds a call, one figure a block."""

    async def run() -> list[float]:
        async with AsyncOpenAI(api_key="EMPTY", base_url=url, max_retries=0) as client:

            def calls(block: Sequence[Request]) -> Iterator[Any]:
                for request in block:
                    yield client.chat.completions.create(
                        model="m",
                        messages=[{"role": "user", "content": request.task.prompt}],
                        temperature=0.8,
                        max_tokens=512,
                        seed=0,
                    )

            return [await _timed(_all(calls(block))) for block in _blocks(asked)]

    return asyncio.run(run())


def ours(url: str, asked: Sequence[Request], folder: Path) -> list[float]:
    async def run() -> list[float]:
        with Ledger(folder) as ledger:
            async with ChatTeacher(Client("m", url, ledger=ledger, concurrency=CONCURRENCY)) as teacher:
                return [await _timed(_all(teacher.ask(request) for request in block)) for block in _blocks(asked)]

    return asyncio.run(run())


def _blocks(asked: Sequence[Request]) -> Iterator[Sequence[Request]]:
    for start in range(0, len(asked), BLOCK):
        yield asked[start : start + BLOCK]


async def _timed(work: Any) -> float:
    begun = time.process_time()
    await work
    return (time.process_time() - begun) * 1000 / BLOCK


def overhead(url: str, calls: int) -> None:
    print("| CPU ms a call | bare client | ours | more | ratio |\n| --- | --- | --- | --- | --- |")
    extra, ratios = [], []
    for turn in range(4):
        asked = requests(turn * calls, calls)
        with tempfile.TemporaryDirectory() as folder:
            alone = statistics.median(bare(url, asked))
            with_us = statistics.median(ours(url, asked, Path(folder)))
        extra.append(with_us - alone)
        ratios.append(with_us / alone)
        print(f"| turn {turn + 1} | {alone:.2f} | {with_us:.2f} | {extra[-1]:.2f} | {ratios[-1]:.2f} |", flush=True)
    print(f"| median | | | {statistics.median(extra):.2f} | {statistics.median(ratios):.2f} |\n")


def memory(url: str, tasks: int) -> None:
    """Collect ``tasks`` sessions, one of four with a repair, and look at the memory on the way.

    The run folder lies in memory (/dev/shm, not counted below), so that the disk of this machine is not measured.
    """

    judged = itertools.count(1)

    def judge(code: str, tests: Tests) -> Verdict:
        return Verdict(Outcome.WRONG if next(judged) % 5 == 0 else Outcome.PASS, feedback="expected: 2")

    marks: list[tuple[int, float]] = []

    def progress(done: int, total: int) -> None:
        if done % max(1, total // 10) == 0 and (not marks or marks[-1][0] != done):
            marks.append((done, _resident()))

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, Run(folder) as run, Ledger(Path(folder)) as ledger:
        for start in range(0, tasks, 1000):
            block = requests(start, min(1000, tasks - start))
            run.put_many(("source", each.task.id, Trajectory(each.task, ())) for each in block)
        teacher = ChatTeacher(Client("m", url, ledger=ledger, concurrency=CONCURRENCY))
        begun, cpu = time.monotonic(), time.process_time()
        left = collect(run, judge, drafter=teacher, repairer=teacher, progress=progress)
        wall, cpu = time.monotonic() - begun, time.process_time() - cpu
        answers = sum(each.answers for each in ledger.spent())
        attempts = run.count("attempt")
    print("| sessions complete | resident MiB |\n| --- | --- |")
    for done, resident in marks:
        print(f"| {done:,} | {resident:.0f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{tasks:,} tasks, {attempts:,} programs, {answers:,} answers, {left} left open; peak {peak:.0f} MiB")
    print(
        f"a program: {cpu / attempts * 1000:.2f} ms CPU, {wall / attempts * 1000:.2f} ms, journal and client included"
    )


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000, help="calls in each turn of the overhead")
    parser.add_argument("--tasks", type=int, default=50_000, help="tasks over which memory is watched")
    options = parser.parse_args()
    print(f"{header()}\n", flush=True)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=endpoint, args=(there,), daemon=True)
    process.start()
    address = f"http://127.0.0.1:{here.recv()}/v1"
    try:
        overhead(address, options.calls)
        memory(address, options.tasks)
    finally:
        process.terminate()
