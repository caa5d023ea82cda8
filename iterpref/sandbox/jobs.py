"""From a program and its tests to jobs for a worker: what the process is told, and what stays here."""

from __future__ import annotations

import dataclasses
import itertools
import marshal
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from iterpref.plain import NotPlain, to_json
from iterpref.sandbox.checks import Reduced
from iterpref.sandbox.compare import input_of
from iterpref.sandbox.equality import BY_DIGEST, EQUALITIES
from iterpref.sandbox.reduce import reduce_tests
from iterpref.types import Case, Tests

__all__ = ["BadTestsError", "Job", "Way", "make_jobs", "other_job", "together"]

_KINDS = ("calls", "asserts", "check", "unittest", "stdio")
_TESTS = "tests.py"
_SHORT = 1 << 13  # characters of tests that are compiled in some milliseconds
_LOAD_SECONDS = 5  # CPU time for what tests do that talk to the program through a pipe

Way = Literal["outside", "together", "reduced", "beside", "canary", "apart"]


class BadTestsError(Exception):
    """The tests cannot decide anything; the message says why."""


@dataclass(frozen=True)
class Job:
    """One run of a program: all tests of most kinds, one case of ``stdio``, or several of its cases ``together``.

    ``way`` is how it is judged: by values that are compared ``outside``; by those that asserts were ``reduced`` to; by
    tests ``beside`` the program in its process, altered ones (``canary``), or tests in a process ``apart``.
    """

    payload: bytes
    nonce: str
    tests: Tests
    program: str
    way: Way
    stdin: bytes = b""
    case: Case | None = None
    reduced: Reduced | None = None

    @property
    def limits(self) -> bytes:
        """What the fork server may know of the job: memory, CPU time, whether standard error is kept, its way."""
        stderr, apart = self.tests.kind != "stdio", self.way == "apart"
        return f"{self.tests.memory_mb} {self.cpu_seconds} {stderr:d} {apart:d}\n".encode()

    @property
    def cpu_seconds(self) -> float:
        limit = self.tests.cpu_seconds
        if self.way == "canary":
            return limit + min(limit, _LOAD_SECONDS)
        return limit + (_LOAD_SECONDS if self.way in ("apart", "together") else 0)

    @property
    def wall_seconds(self) -> float:
        """Loose, as a correct program may have to share its core: CPU time is what is limited."""
        if self.way == "together":  # it begins no input after half of this
            return 2 * _wall(self.tests.cpu_seconds)
        return _wall(self.cpu_seconds)


def _wall(cpu_seconds: float) -> float:
    return 5 * cpu_seconds + 2


def make_jobs(program: str, tests: Tests) -> list[Job]:
    """Raises BadTestsError where the tests cannot be used."""
    _check(tests)
    program = program.removeprefix("\ufeff")  # a mark that Python passes over at the start of a file
    if tests.kind == "stdio":
        one = _job(program, tests, "outside")
        return [dataclasses.replace(one, stdin=input_of(case), case=case) for case in tests.cases]
    if tests.kind == "calls":
        return [_job(program, tests, "outside")]
    reduced = reduce_tests(tests, program)
    return [_job(program, tests, "reduced" if reduced else "beside", reduced)]


def together(jobs: list[Job]) -> Job:
    """One job for many cases of ``stdio``; :func:`.verdict.judge_together` reads what it left."""
    more = {
        "inputs": [len(job.stdin) for job in jobs],
        "cpu_seconds": jobs[0].cpu_seconds,
        "wall_seconds": jobs[0].wall_seconds,
    }
    one = _job(jobs[0].program, jobs[0].tests, "together", more=more)
    return dataclasses.replace(one, stdin=b"".join(job.stdin for job in jobs))


def other_job(job: Job, way: Way) -> Job:
    """The same program and tests, judged another way."""
    return _job(job.program, job.tests, way)


def _job(
    program: str, tests: Tests, way: Way, reduced: Reduced | None = None, more: dict[str, Any] | None = None
) -> Job:
    nonce = secrets.token_hex(16)
    content: dict[str, Any] = {
        "kind": "calls" if reduced else str(tests.kind),
        "program": program,
        "setup": str(tests.setup),  # marshal takes no subclasses
        "files": {str(path): str(text) for path, text in tests.files.items()},
        "entry_point": str(tests.entry_point),
        "nonce": nonce,
        # Expected values stay here.
        "code": "" if reduced else str(tests.code),
        "compiled": _compiled_again(tests.code) if tests.kind == "unittest" and way != "canary" else b"",
        "canary": way == "canary",
        **(more or {}),
    }
    if reduced or tests.kind == "calls":
        try:
            content["calls"] = reduced.told if reduced else _encoded(tests)
        except (NotPlain, TypeError, RecursionError) as error:
            raise BadTestsError(f"the arguments of a case are not plain data: {error}") from error
        content |= {
            "call_seconds": float(tests.call_seconds),
            "digests": tests.equality in BY_DIGEST,
            "exact": bool(reduced),
            "imports": reduced.imports if reduced else "",
        }
    try:
        payload = marshal.dumps(content)
    except ValueError as error:
        raise BadTestsError(f"the arguments of a case are nested too deeply: {error}") from error
    return Job(payload, nonce, tests, program, way, reduced=reduced)


def _compiled_again(code: str) -> bytes:
    """Test code as Python's own, from the second program on: the first compiles it in its process, beside others.

    Not where that would count within its limits.
    """
    return _compiled(code) if len(code) > _SHORT or next(_times(code)) else b""


@lru_cache(256)
def _times(code: str) -> Iterator[int]:
    """Counts how often these tests are met."""
    return itertools.count()


@lru_cache(64)
def _compiled(code: str) -> bytes:
    """None where it does not compile, which the process then says."""
    try:
        # Whatever this interpreter was started with, the tests' asserts stay.
        return marshal.dumps(compile(code, _TESTS, "exec", dont_inherit=True, optimize=0))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return b""


# What a compiler warns of in somebody else's tests is no warning to the caller.
warnings.filterwarnings("ignore", category=SyntaxWarning, module=r"tests\Z")
warnings.filterwarnings("ignore", message="invalid ", category=DeprecationWarning, module=r"tests\Z")


def _encoded(tests: Tests) -> list[tuple[str, Any, Any]]:
    return [("", to_json(list(case.args)), to_json(case.kwargs)) for case in tests.cases]


def _check(tests: Tests) -> None:
    if tests.kind not in _KINDS:
        raise BadTestsError(f"unknown kind of tests {tests.kind!r}")
    if tests.kind in ("calls", "stdio") and not tests.cases:
        raise BadTestsError("the tests hold no case")
    if tests.reference:
        raise BadTestsError("the expected values are those of a reference program, which has not been run yet")
    if tests.equality and tests.equality not in EQUALITIES:
        raise BadTestsError(f"there is no equality {tests.equality!r}; known: {', '.join(EQUALITIES)}")
    if tests.kind in ("calls", "check") and not tests.entry_point:
        raise BadTestsError(f"tests of kind {tests.kind!r} need an entry point")
    for path in tests.files:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith("/") or "\0" in path:
            raise BadTestsError(f"the file {path!r} lies outside the working directory")
