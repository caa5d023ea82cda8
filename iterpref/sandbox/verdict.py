"""From Tests to jobs, and from what a job left to a Verdict. Pure: no process is touched here."""

from __future__ import annotations

import json
import math
import secrets
import signal
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from iterpref.plain import NotPlain, from_json, to_json
from iterpref.sandbox.describe import clip, show
from iterpref.sandbox.worker import OUTPUT_BYTES, Run
from iterpref.types import Case, Outcome, Tests, Verdict

__all__ = ["BadTestsError", "Job", "judge_run", "make_jobs"]

_KINDS = ("calls", "asserts", "check", "unittest", "stdio")


class BadTestsError(Exception):
    """The tests cannot decide anything; the message says why."""


@dataclass(frozen=True)
class Job:
    """One run of a program: all tests of most kinds, one case of ``stdio``."""

    payload: bytes
    nonce: str
    tests: Tests
    stdin: bytes = b""
    case: Case | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """What the fork server may know of the job."""
        return {
            "cpu": self.tests.cpu_seconds,
            "memory_mb": self.tests.memory_mb,
            "stderr": self.tests.kind != "stdio",
        }

    @property
    def wall_seconds(self) -> float:
        """Loose, as a correct program may have to share its core: CPU time is what is limited."""
        return 5 * self.tests.cpu_seconds + 2


def make_jobs(program: str, tests: Tests) -> list[Job]:
    """Raises BadTestsError where the tests cannot be used."""
    _check(tests)
    nonce = secrets.token_hex(16)
    job: dict[str, Any] = {
        "kind": tests.kind,
        "program": program,
        "code": tests.code,
        "setup": tests.setup,
        "files": dict(tests.files),
        "entry_point": tests.entry_point,
        "nonce": nonce,
    }
    if tests.kind == "stdio":
        payload = json.dumps(job).encode()
        return [Job(payload, nonce, tests, _input(case), case) for case in tests.cases]
    try:
        # The expected values stay here.
        job["cases"] = [{"args": to_json(tuple(c.args)), "kwargs": to_json(c.kwargs)} for c in tests.cases]
    except (NotPlain, TypeError, RecursionError) as error:
        raise BadTestsError(f"the arguments of a case are not plain data: {error}") from error
    return [Job(json.dumps(job).encode(), nonce, tests)]


def _check(tests: Tests) -> None:
    if tests.kind not in _KINDS:
        raise BadTestsError(f"unknown kind of tests {tests.kind!r}")
    if tests.kind in ("calls", "stdio") and not tests.cases:
        raise BadTestsError("the tests hold no case")
    if tests.kind in ("calls", "check") and not tests.entry_point:
        raise BadTestsError(f"tests of kind {tests.kind!r} need an entry point")
    for path in tests.files:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith("/") or "\0" in path:
            raise BadTestsError(f"the file {path!r} lies outside the working directory")


def _input(case: Case) -> bytes:
    text = case.args if isinstance(case.args, str) else "".join(str(part) for part in case.args)
    return text.encode("utf-8", "surrogateescape")


def judge_run(job: Job, run: Run) -> Verdict:
    """The verdict on one run, without the protections."""
    try:
        records, passed = _read(run.result)
    except (ValueError, RecursionError):
        return _verdict(run, Outcome.TAMPER, "", "the program wrote to the channel that carries the test results", 0, 0)
    if job.tests.kind == "calls":
        total = len(job.tests.cases)
        failure, passed = _judge_calls(job, records)
    else:
        total = 1 if job.case else max((record.get("declared", 0) for record in records), default=0)
        failure = next((record["failure"] for record in records if "failure" in record), None)
    done = next((record for record in records if record.get("nonce") == job.nonce), None)
    if done and job.tests.kind != "calls":
        passed, total = done["passed"], done["total"]
    if invalid := next((record["invalid"] for record in records if "invalid" in record), None):
        return _verdict(run, Outcome.INVALID, "", clip(str(invalid)), 0, 0)
    if failure is None and (job.case is None or run.exit != 0 or run.stopped):
        failure = _unfinished(job, run, done)
    if failure is None and job.case is not None:
        failure = _judge_output(job.case, run)
        passed = int(failure is None)
    if failure is None:
        return _verdict(run, Outcome.PASS, "", "", passed, total)
    outcome = Outcome(failure["outcome"])
    return _verdict(run, outcome, failure["error_type"], failure["feedback"], passed, max(total, passed + 1))


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


def _read(result: bytes) -> tuple[list[dict[str, Any]], int]:
    """Records and number of passed tests. A line cut off by the end of the process is left out."""
    records: list[dict[str, Any]] = []
    passed = 0
    for line in result.split(b"\n")[:-1]:
        if line == b"+":
            passed += 1
            continue
        record = json.loads(line, parse_constant=_refuse_constant)
        if not isinstance(record, dict) or not _well_formed(record):
            raise ValueError("not a record")
        records.append(record)
    return records, passed


def _well_formed(record: dict[str, Any]) -> bool:
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
    return not record.keys().isdisjoint({"value", "odd", "invalid", "declared"})


def _judge_calls(job: Job, records: list[dict[str, Any]]) -> tuple[dict[str, str] | None, int]:
    answers = [record for record in records if record.keys() & {"value", "error", "odd"}]
    failure = next((record["failure"] for record in records if "failure" in record), None)
    passed = 0
    for case, answer in zip(job.tests.cases, answers, strict=False):
        wrong = _judge_value(job.tests, case, answer)
        passed += wrong is None
        failure = failure or wrong
    return failure, passed


def _judge_value(tests: Tests, case: Case, answer: dict[str, Any]) -> dict[str, str] | None:
    call = _call_text(tests.entry_point, case)
    if "error" in answer:
        error: dict[str, str] = answer["error"]
        return {**error, "feedback": clip(f"{call} raised an exception\n{error['feedback']}")}
    shown = str(answer.get("shown"))
    if "value" in answer:
        try:
            value = from_json(answer["value"])
            if _same(value, case.expected, tests.tolerance):
                return None
            shown = show(value)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError):
            shown = "<a value that cannot be read>"
    else:
        shown = f"{shown} (of type {answer['odd']}, which no expected value can equal)"
    feedback = clip(f"Test failed: {call}\nactual: {shown}\nexpected: {show(case.expected)}")
    return {"outcome": "wrong", "error_type": "AssertionError", "feedback": feedback}


def _call_text(entry_point: str, case: Case) -> str:
    arguments = [show(value) for value in case.args] + [f"{key}={show(value)}" for key, value in case.kwargs.items()]
    return clip(f"{entry_point}({', '.join(arguments)})", 900)


def _same(actual: Any, expected: Any, tolerance: float) -> bool:
    """Python's ``==``, except that NaN equals NaN and floats may differ by ``tolerance``."""
    if isinstance(expected, float) and isinstance(actual, (int, float)):
        if math.isnan(expected):
            return math.isnan(actual)
        return actual == expected or (tolerance > 0 and abs(actual - expected) <= tolerance)
    if isinstance(expected, (list, tuple)):
        return (
            type(actual) is type(expected)
            and len(actual) == len(expected)
            and all(_same(a, e, tolerance) for a, e in zip(actual, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(_same(actual[key], value, tolerance) for key, value in expected.items())
        )
    return bool(actual == expected)


def _judge_output(case: Case, run: Run) -> dict[str, str] | None:
    actual = run.output.decode("utf-8", "replace")
    if _stripped(actual) == _stripped(str(case.expected)):
        return None
    given = clip(_input(case).decode("utf-8", "replace"), 500)
    feedback = f"Test failed: input\n{given}\nactual output:\n{clip(actual, 600)}\nexpected output:\n"
    return {
        "outcome": "wrong",
        "error_type": "AssertionError",
        "feedback": clip(feedback + clip(str(case.expected), 600)),
    }


def _stripped(text: str) -> list[str]:
    """Lines without trailing white space, and without empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip().split("\n")


def _unfinished(job: Job, run: Run, done: dict[str, Any] | None) -> dict[str, str] | None:
    """Why a run without a recorded failure still has not passed; None if it has."""
    limit = job.tests.cpu_seconds
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
    if -run.exit in (signal.SIGPROF, signal.SIGXCPU) or (-run.exit == signal.SIGKILL and run.cpu_seconds >= limit):
        return _failure("timeout", "TimeoutError", f"the program used more than {limit:g} s of CPU time")
    if run.exit < 0:
        name = _signal_name(-run.exit)
        return _failure("error", name, f"the program was ended by the signal {name}")
    if job.case is not None and run.exit == 0:
        return None
    ended = f"the program ended the process (exit code {run.exit}) before the tests were finished"
    return _failure("error", "SystemExit", ended if job.case is None else f"exit code {run.exit}")


def _failure(outcome: str, error_type: str, feedback: str) -> dict[str, str]:
    return {"outcome": outcome, "error_type": error_type, "feedback": feedback}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
