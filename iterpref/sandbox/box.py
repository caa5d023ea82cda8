"""The sandbox: a pool of fork servers that judges programs."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from iterpref.errors import InputError
from iterpref.sandbox.isolation import Isolation, canaries, remedy
from iterpref.sandbox.jobs import BadTestsError, Job, make_jobs, together
from iterpref.sandbox.pool import Pool, cores
from iterpref.sandbox.profiles import profile_of
from iterpref.sandbox.settle import settle
from iterpref.sandbox.stream import stream
from iterpref.sandbox.verdict import judge_run, judge_together
from iterpref.sandbox.worker import Refused, Run, Worker, WorkerLost, kernel_kills
from iterpref.types import Outcome, Tests, Verdict

__all__ = ["Sandbox"]

_TRIES = 3  # before a fault of ours is reported as INFRA
# After these the other cases of a task are not run: they would only cost as much again, or get the same.
_LAST = frozenset(
    {Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT, Outcome.INFRA, Outcome.INVALID, Outcome.UNSUPPORTED}
)
_NO_PROCESSES = "the program starts processes, which this machine cannot isolate"


class Sandbox:
    """Runs untrusted programs and judges them.

    Usable from several threads and from asyncio; use it as a context manager, or call :meth:`close`. ``workers`` is the
    number of programs that run at once (default: the number of cores). Programs are started by fork servers (``pool``),
    which have the libraries that programs import; servers are started when first needed.

    :attr:`isolation` says which protections hold on this machine, found by programs that try to break out. Where one
    is absent, construction is refused unless ``allow_unsafe_exec`` is set; where none can be had, programs then run
    with the rights of the calling user, within limits of resources.

    Raises:
        InputError: a protection is absent on this machine, and ``allow_unsafe_exec`` is not set.
    """

    def __init__(self, workers: int | None = None, allow_unsafe_exec: bool = False) -> None:
        self.workers = workers or cores()
        if self.workers < 1:
            raise InputError(f"sandbox: workers must be at least 1, not {workers}.")
        self._closed = False
        self._kernel_kills = kernel_kills()
        self._mode, first, faults = _first_worker(allow_unsafe_exec)
        self._pool = Pool(self._mode, self.workers, first)
        self.isolation = Isolation("unsafe", absent={"isolation": remedy(faults)})
        if self._mode != "unsafe":
            self.isolation = canaries(self, self._mode, faults)
            if self.isolation.absent and not allow_unsafe_exec:
                self.close()
                raise InputError(" ".join(self.isolation.absent.values()))

    @property
    def protections(self) -> tuple[str, ...]:
        """Those that hold; every verdict names them."""
        return self.isolation.held

    def judge(self, program: str, tests: Tests) -> Verdict:
        """Run ``program`` against ``tests``. Blocks; may be called from any thread."""
        if self._closed:
            raise RuntimeError("this sandbox is closed")
        try:
            jobs = make_jobs(program, tests)
        except BadTestsError as error:
            return Verdict(Outcome.INVALID, feedback=str(error), protections=self.protections)
        profile = profile_of(program, tests.setup, tests.code)
        verdicts: list[Verdict] = []
        for verdict in self._verdicts(jobs, profile):
            verdicts.append(verdict)
            if verdict.outcome in _LAST:
                break
        return dataclasses.replace(_together(verdicts, len(jobs)), protections=self.protections)

    def map(self, jobs: Iterable[tuple[str, Tests]]) -> Generator[tuple[int, Verdict], None, None]:
        """Judge many programs; yields (index, verdict) as they finish.

        ``jobs`` is read as the work goes on, never more than a few items ahead of it.
        """
        # One thread more than there are programs at once: it has the next one ready.
        return stream(lambda job: self.judge(*job), jobs, self.workers + 1, ahead=2 * self.workers)

    async def ajudge(self, program: str, tests: Tests) -> Verdict:
        """As :meth:`judge`, without blocking the event loop."""
        async for _, verdict in self.amap([(program, tests)]):
            return verdict
        raise AssertionError  # not reached

    async def amap(self, jobs: Iterable[tuple[str, Tests]]) -> AsyncIterator[tuple[int, Verdict]]:
        """As :meth:`map`, without blocking the event loop."""
        results = self.map(jobs)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="sandbox-map") as thread:
            try:
                while (found := await loop.run_in_executor(thread, next, results, None)) is not None:
                    yield found
            finally:
                thread.submit(results.close)

    def _verdicts(self, jobs: list[Job], profile: str) -> Iterator[Verdict]:
        left = jobs
        while left:
            if len(left) > 1 and self._mode == "full":
                found = self._judge_together(left, profile)
                yield from found
                left = left[len(found) :]
            if left:
                yield settle(left[0], lambda one: self._judge_job(one, profile))
                left = left[1:]

    def _judge_together(self, jobs: list[Job], profile: str) -> list[Verdict]:
        """Verdicts on the first of several inputs of one program, as far as one run of all finds them."""
        job = together(jobs)
        try:
            with self._pool.server(profile) as worker:
                run = worker.run(job.payload, job.stdin, job.limits, job.wall_seconds, output=False)
            return judge_together(jobs, run)
        except (Refused, WorkerLost):
            return []

    def _judge_job(self, job: Job, profile: str, judge: Callable[[Job, Run], Verdict] = judge_run) -> Verdict:
        faults: list[str] = []
        alone, kills = False, 0
        while len(faults) < _TRIES:
            try:
                with self._pool.server(profile, alone) as worker:
                    output = job.case is not None
                    run = worker.run(job.payload, job.stdin, job.limits, job.wall_seconds, output)
            except (Refused, WorkerLost) as error:
                faults.append(str(error))
                continue
            if run.stopped == "wall" and run.cpu_seconds < job.cpu_seconds and not alone:
                alone = True  # it may only have waited for its turn
                continue
            if run.exit == -signal.SIGKILL and not run.stopped and run.cpu_seconds < job.cpu_seconds:
                before, self._kernel_kills = self._kernel_kills, kernel_kills()
                if self._kernel_kills > before:
                    faults.append("the machine ran out of memory, and the kernel killed the program")
                    alone = True
                    continue
                kills += 1
                if kills < _TRIES:
                    continue  # perhaps it was killed from outside: a program that kills itself will do so again
            if run.exit == -signal.SIGSYS and self._mode == "restricted":
                return Verdict(Outcome.UNSUPPORTED, feedback=_NO_PROCESSES)
            return judge(job, run)
        return Verdict(Outcome.INFRA, feedback=f"the sandbox failed {_TRIES} times, at last: {faults[-1]}")

    def close(self) -> None:
        """End all servers and whatever they run. A closed sandbox judges nothing any more."""
        self._closed = True
        self._pool.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _first_worker(allow_unsafe_exec: bool) -> tuple[str, Worker, str]:
    """The strongest mode that this machine allows, a server in it, and why the stronger ones failed."""
    faults: list[str] = []
    for mode in ("full", "restricted", "unsafe"):
        if mode == "unsafe" and not allow_unsafe_exec:
            break
        try:
            return mode, Worker(mode), "; ".join(faults)
        except (Refused, WorkerLost) as error:
            faults.append(str(error))
    raise InputError(remedy("; ".join(faults)))


def _together(verdicts: list[Verdict], cases: int) -> Verdict:
    """One verdict for all cases: the first that did not pass decides."""
    decisive = next((verdict for verdict in verdicts if not verdict.passed), verdicts[0])
    if cases == 1:
        return decisive
    return dataclasses.replace(
        decisive,
        tests_passed=sum(verdict.tests_passed for verdict in verdicts),
        tests_total=cases,
        cpu_seconds=sum(verdict.cpu_seconds for verdict in verdicts),
        wall_seconds=sum(verdict.wall_seconds for verdict in verdicts),
    )
