"""From Tests to jobs, and from what a job left to a Verdict. Pure: no process is touched here."""

from __future__ import annotations

import dataclasses
import json
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from iterpref.plain import NotPlain, to_json
from iterpref.sandbox.checks import Call, Reduced
from iterpref.sandbox.compare import (
    MOST_PARTS,
    Failure,
    input_of,
    judge_calls,
    judge_checks,
    judge_output,
    parts_of,
    unpacked,
    value_of,
)
from iterpref.sandbox.describe import clip
from iterpref.sandbox.equality import BY_DIGEST, EQUALITIES
from iterpref.sandbox.normal import LARGEST_VALUE
from iterpref.sandbox.reduce import reduce_tests
from iterpref.sandbox.worker import OUTPUT_BYTES, Run
from iterpref.types import Case, Outcome, Tests, Verdict

__all__ = [
    "REPLACED",
    "BadTestsError",
    "Job",
    "Way",
    "judge_run",
    "judge_together",
    "make_jobs",
    "other_job",
    "together",
    "values_of",
]

_KINDS = ("calls", "asserts", "check", "unittest", "stdio")
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
    def limits(self) -> dict[str, Any]:
        """What the fork server may know of the job."""
        return {
            "cpu": self.cpu_seconds,
            "memory_mb": self.tests.memory_mb,
            "stderr": self.tests.kind != "stdio",
            "apart": self.way == "apart",
        }

    @property
    def cpu_seconds(self) -> float:
        return self.tests.cpu_seconds + (_LOAD_SECONDS if self.way in ("apart", "together") else 0)

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
    """One job for many cases of ``stdio``; :func:`judge_together` reads what it left."""
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
        "kind": "calls" if reduced else tests.kind,
        "program": program,
        "setup": tests.setup,
        "files": dict(tests.files),
        "entry_point": tests.entry_point,
        "nonce": nonce,
        # Expected values stay here.
        "code": "" if reduced else tests.code,
        "canary": way == "canary",
        **(more or {}),
    }
    if reduced or tests.kind == "calls":
        try:
            content["calls"] = [
                (function, to_json(list(case.args)), to_json(case.kwargs))
                for function, case in (_calls(reduced) if reduced else _cases(tests))
            ]
        except (NotPlain, TypeError, RecursionError) as error:
            raise BadTestsError(f"the arguments of a case are not plain data: {error}") from error
        content |= {
            "call_seconds": tests.call_seconds,
            "digests": tests.equality in BY_DIGEST,
            "exact": bool(reduced),
            "imports": reduced.imports if reduced else "",
        }
    return Job(json.dumps(content).encode(), nonce, tests, program, way, reduced=reduced)


def _calls(reduced: Reduced) -> Iterator[tuple[str, Call]]:
    return ((call.function, call) for call in reduced.calls)


def _cases(tests: Tests) -> Iterator[tuple[str, Case]]:
    return ((tests.entry_point, case) for case in tests.cases)


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


_ANSWERS = frozenset({"value", "packed", "digest", "error", "odd"})


def judge_run(job: Job, run: Run) -> Verdict:
    """The verdict on one run, without the protections. UNSUPPORTED: it cannot be decided this way."""
    try:
        records, passed = _read(run.result)
    except (ValueError, RecursionError, MemoryError):
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED, 0, 0)
    answers = [record for record in records if not record.keys().isdisjoint(_ANSWERS)]
    failure = next((record["failure"] for record in records if "failure" in record), None)
    done = next((record for record in records if record.get("nonce") == job.nonce), None)
    meddled = next((record["meddled"] for record in records if record.get("meddled")), "")
    expected = 0
    if job.reduced:
        if any("odd" in answer for answer in answers[: len(job.reduced.calls)]):
            return _verdict(run, Outcome.UNSUPPORTED, "", "a value of no plain type was returned", 0, 0)
        wrong, passed = judge_checks(job.reduced, answers) if failure is None else (None, 0)
        failure, total, expected = failure or wrong, len(job.reduced.checks), len(job.reduced.calls)
    elif job.tests.kind == "calls":
        wrong, passed = judge_calls(job.tests, answers)
        failure, total, expected = failure or wrong, len(job.tests.cases), len(job.tests.cases)
    else:
        total = 1 if job.case else max((record.get("declared", 0) for record in records), default=0)
        if done:
            passed, total = done["passed"], done["total"]
    if len(answers) > expected or any(answer.get("greedy") for answer in answers):
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED if len(answers) > expected else _GREEDY, 0, total)
    if any(_is_forged(job, record) for record in records):
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED, 0, total)
    if invalid := next((record["invalid"] for record in records if "invalid" in record), None):
        return _verdict(run, Outcome.INVALID, "", clip(str(invalid)), 0, 0)
    if unsupported := next((record["unsupported"] for record in records if "unsupported" in record), None):
        return _verdict(run, Outcome.UNSUPPORTED, "", clip(str(unsupported)), 0, 0)
    if job.way == "canary":
        fell = done is not None and passed == 0 and total > 0 and failure is not None
        return _verdict(run, Outcome.PASS if fell else Outcome.TAMPER, "", "", passed, total)
    if failure is None and (job.case is None or run.exit != 0 or run.stopped):
        failure = _unfinished(job, run, done if len(answers) == expected else None)
    if failure is None and job.case is not None:
        failure = judge_output(job.tests, job.case, run.output)
        passed = int(failure is None)
    if failure is None and done and passed < total:
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED, passed, total)
    if failure is None:
        note = f"{REPLACED} {meddled!r}" if meddled and job.way == "beside" else ""
        return _verdict(run, Outcome.PASS, "", note, passed, total)
    outcome = Outcome(failure["outcome"])
    if meddled:
        return _verdict(run, Outcome.TAMPER, "", f"{REPLACED} {meddled!r}", passed, max(total, passed + 1))
    return _verdict(run, outcome, failure["error_type"], failure["feedback"], passed, max(total, passed + 1))


def values_of(run: Run) -> list[Any]:
    """By call, what it returned; None where that is no plain data. ValueError: what was written is no harness's."""
    records, _ = _read(run.result)
    return [value_of(unpacked(record, [MOST_PARTS])) for record in records if not record.keys().isdisjoint(_ANSWERS)]


def _is_forged(job: Job, record: dict[str, Any]) -> bool:
    """Whether it says what only a program can have written: a harness has no fault to find with tests that it lacks."""
    if "unsupported" in record and job.way != "apart":
        return True
    return "invalid" in record and job.way in ("outside", "reduced") and not job.tests.setup


def judge_together(jobs: list[Job], run: Run) -> list[Verdict]:
    """The verdicts on the first of ``jobs``, as far as ``run``, which is of all of them, decides.

    An input is left open where its process was killed, or stopped otherwise than by its limit of CPU time.
    """
    verdicts: list[Verdict] = []
    try:
        for job, answer in zip(jobs, _read(run.result)[0], strict=False):
            ended, stopped, cpu, wall, output, said = unpacked(answer, [MOST_PARTS])["value"]
            timed_out = -ended in (signal.SIGPROF, signal.SIGXCPU) or (ended < 0 and cpu >= job.cpu_seconds)
            if stopped or (ended < 0 and not timed_out):
                break
            texts = [text.encode("utf-8", "surrogateescape") for text in (output, said)]
            verdicts.append(judge_run(job, Run(ended, texts[0], texts[1], "", cpu, wall)))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError):
        pass  # the process that ran them was itself ended
    return verdicts


_MEDDLED = "the program wrote to the channel that carries the test results"
REPLACED = "the program replaced what tests rely on:"
_GREEDY = "the program returned an object that equals whatever it is compared with"


def _verdict(run: Run, outcome: Outcome, error_type: str, feedback: str, passed: int, total: int) -> Verdict:
    return Verdict(
        outcome=outcome,
        error_type=_storable(error_type),
        feedback=_storable(feedback),
        tests_passed=passed,
        tests_total=total,
        cpu_seconds=round(run.cpu_seconds, 6),
        wall_seconds=round(run.wall_seconds, 6),
    )


def _storable(text: str) -> str:
    """Text that any file or database takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _read(result: bytes) -> tuple[list[dict[str, Any]], int]:
    """Records and number of passed tests. A line cut off by the end of the process is left out."""
    if parts_of(result) + result.count(b"\n") > MOST_PARTS:
        raise ValueError("too many parts")
    lines = result.split(b"\n")[:-1]
    told = [line for line in lines if line != b"+"]
    if told and max(map(len, told)) > LARGEST_VALUE:
        raise ValueError("too long a line")
    records = _DECODER.decode(f"[{b','.join(told).decode()}]")
    if not all(isinstance(record, dict) and _well_formed(record) for record in records):
        raise ValueError("not a record")
    return records, len(lines) - len(told)


_RECORDS = _ANSWERS | {"invalid", "declared", "unsupported", "meddled"}


def _well_formed(record: dict[str, Any]) -> bool:
    if len(record) == 1 and "value" in record:
        return True  # most are of this kind
    if type(record.get("meddled", "")) is not str or type(record.get("digest", "")) is not str:
        return False
    if any(type(record.get(key, 0)) is not int for key in ("declared", "passed", "total")):
        return False
    if "nonce" in record:
        return record.keys() >= {"passed", "total"}
    if "failure" in record or "error" in record:
        body = record.get("failure", record.get("error"))
        outcomes = ("wrong", "error", "memory")
        return (
            isinstance(body, dict)
            and body.get("outcome") in outcomes
            and all(isinstance(body.get(key), str) for key in ("error_type", "feedback"))
        )
    return not record.keys().isdisjoint(_RECORDS)


def _unfinished(job: Job, run: Run, done: dict[str, Any] | None) -> Failure | None:
    """Why a run without a recorded failure still has not passed; None if it has."""
    limit = job.cpu_seconds
    if run.stopped in ("output", "result"):
        return _failure("output", "", f"the program wrote more than {OUTPUT_BYTES >> 20} MiB")
    if run.stopped == "memory":
        used = f"the program's processes used more than {job.tests.memory_mb} MiB together"
        return _failure("memory", "MemoryError", used)
    if done and run.exit == 0 and not run.stopped:
        return None
    if run.stopped == "wall":
        waited = f"the program did not end within {job.wall_seconds:g} s (it used {run.cpu_seconds:.1f} s of CPU time)"
        return _failure("timeout", "TimeoutError", waited)
    if run.exit == -signal.SIGVTALRM and job.tests.call_seconds:
        return _failure("timeout", "TimeoutError", f"one call used more than {job.tests.call_seconds:g} s of CPU time")
    if -run.exit in (signal.SIGPROF, signal.SIGXCPU) or (-run.exit == signal.SIGKILL and run.cpu_seconds >= limit):
        return _failure("timeout", "TimeoutError", f"the program used more than {limit:g} s of CPU time")
    if run.exit < 0:
        name = _signal_name(-run.exit)
        return _failure("error", name, f"the program was ended by the signal {name}")
    if job.case is not None and run.exit == 0:
        return None
    ended = f"the program ended the process (exit code {run.exit}) before the tests were finished"
    return _failure("error", "SystemExit", ended if job.case is None else f"exit code {run.exit}")


def _failure(outcome: str, error_type: str, feedback: str) -> Failure:
    return {"outcome": outcome, "error_type": error_type, "feedback": feedback}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
