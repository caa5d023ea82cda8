"""The sandbox: a pool of fork servers that judges programs."""

from __future__ import annotations

import dataclasses
import itertools
import os
import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import TracebackType

from iterpref.errors import InputError
from iterpref.sandbox.isolation import remedy
from iterpref.sandbox.verdict import BadTestsError, Job, judge_run, make_jobs
from iterpref.sandbox.worker import Refused, Worker, WorkerLost
from iterpref.types import Outcome, Tests, Verdict

__all__ = ["Sandbox"]

_TRIES = 3  # before a fault of ours is reported as INFRA
_FATAL = frozenset({Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT})


class Sandbox:
    """Runs untrusted programs and judges them.

    Usable from several threads; use it as a context manager, or call :meth:`close`. ``workers`` is the number of
    programs that run at once (default: the number of cores). Without isolation on this machine, construction is refused
    unless ``allow_unsafe_exec`` is set: programs then run as the calling user, with resource limits only, and every
    verdict's ``protections`` is empty.

    Raises:
        InputError: this machine isolates nothing, and ``allow_unsafe_exec`` is not set.
    """

    def __init__(self, workers: int | None = None, allow_unsafe_exec: bool = False) -> None:
        self.workers = workers or _cores()
        if self.workers < 1:
            raise InputError(f"sandbox: workers must be at least 1, not {workers}.")
        self._isolate = True
        try:
            first = Worker(isolate=True)
        except (Refused, WorkerLost) as error:
            if not allow_unsafe_exec:
                raise InputError(remedy(str(error))) from error
            self._isolate = False
            first = Worker(isolate=False)
        self.protections = first.protections
        self._load = _Load()
        self._closed = False
        self._lock = threading.Lock()
        self._all: set[Worker] = {first}
        # None stands for a server that is started when it is first needed.
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(self.workers - 1):
            self._idle.put(None)
        self._idle.put(first)

    def judge(self, program: str, tests: Tests) -> Verdict:
        """Run ``program`` against ``tests``. Blocks; may be called from any thread."""
        if self._closed:
            raise RuntimeError("this sandbox is closed")
        try:
            jobs = make_jobs(program, tests)
        except BadTestsError as error:
            return Verdict(Outcome.INVALID, feedback=str(error), protections=self.protections)
        verdicts: list[Verdict] = []
        for job in jobs:
            verdicts.append(self._judge_job(job))
            if verdicts[-1].outcome in _FATAL | {Outcome.INFRA, Outcome.INVALID}:
                break  # the other cases would only cost as much again
        return dataclasses.replace(_together(verdicts, len(jobs)), protections=self.protections)

    def map(self, jobs: Iterable[tuple[str, Tests]]) -> Iterator[tuple[int, Verdict]]:
        """Judge many programs; yields (index, verdict) as they finish.

        ``jobs`` is read as the work goes on, never more than a few items ahead of it.
        """
        numbered = enumerate(jobs)
        pending: dict[Future[Verdict], int] = {}
        with ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox") as pool:
            try:
                while True:
                    for index, (program, tests) in itertools.islice(numbered, 2 * self.workers - len(pending)):
                        pending[pool.submit(self.judge, program, tests)] = index
                    if not pending:
                        return
                    for future in wait(pending, return_when=FIRST_COMPLETED).done:
                        yield pending.pop(future), future.result()
            finally:
                for future in pending:
                    future.cancel()

    def _judge_job(self, job: Job) -> Verdict:
        faults: list[str] = []
        alone = False
        while len(faults) < _TRIES:
            try:
                with self._load.share(alone), self._worker() as worker:
                    run = worker.run(job.payload, job.stdin, job.limits, job.wall_seconds)
            except (Refused, WorkerLost) as error:
                faults.append(str(error))
                continue
            if run.stopped == "wall" and run.cpu_seconds < job.tests.cpu_seconds and not alone:
                alone = True  # it may only have waited for its turn
                continue
            return judge_run(job, run)
        return Verdict(Outcome.INFRA, feedback=f"the sandbox failed {_TRIES} times, at last: {faults[-1]}")

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._idle.get()
        try:
            if worker is None:
                worker = self._start()
            yield worker
        except BaseException:
            # Its state is unknown: a fresh one takes its place.
            if worker is not None:
                self._drop(worker)
                worker = None
            raise
        finally:
            self._idle.put(worker)

    def _start(self) -> Worker:
        worker = Worker(self._isolate)
        with self._lock:
            closed = self._closed
            self._all.add(worker)
        if closed:
            self._drop(worker)
            raise WorkerLost("the sandbox is closed")
        return worker

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.close()

    def close(self) -> None:
        """End all servers and whatever they run. A closed sandbox judges nothing any more."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
        for worker in workers:
            self._drop(worker)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Load:
    """Lets many runs share the machine, and one run have it alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._alone = False

    @contextmanager
    def share(self, alone: bool) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            if alone:
                self._alone = True  # from now on no other starts
                self._changed.wait_for(lambda: self._running == 0)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._alone = self._alone and not alone
                self._changed.notify_all()


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


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
