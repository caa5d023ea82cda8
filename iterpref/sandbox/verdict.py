"""From what a job left to a Verdict. Pure: no process is touched here."""

from __future__ import annotations

import signal
from typing import Any

from iterpref.sandbox.compare import Failure, judge_calls, judge_checks, judge_output, unpacked, value_of
from iterpref.sandbox.describe import clip
from iterpref.sandbox.jobs import Job
from iterpref.sandbox.nesting import MOST_PARTS
from iterpref.sandbox.records import ANSWERS, read_records
from iterpref.sandbox.worker import OUTPUT_BYTES, Run
from iterpref.types import UNDECIDED, Outcome, Verdict

__all__ = ["REPLACED", "judge_run", "judge_together", "values_of"]


def judge_run(job: Job, run: Run) -> Verdict:
    """The verdict on one run, without the protections. UNSUPPORTED: it cannot be decided this way."""
    try:
        return _judge_run(job, run)
    except (RecursionError, MemoryError):
        told = "what it returned is too large, or too deeply nested, to be read"
        return _verdict(run, Outcome.UNSUPPORTED, UNDECIDED, told, 0, 0)


def _judge_run(job: Job, run: Run) -> Verdict:
    try:
        records, passed = read_records(run.result)
    except ValueError:
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED, 0, 0)
    answers = [record for record in records if "value" in record or not record.keys().isdisjoint(ANSWERS)]
    others = [record for record in records if len(record) > 1 or "value" not in record]  # most say nothing else
    failure = next((record["failure"] for record in others if "failure" in record), None)
    done = next((record for record in others if record.get("nonce") == job.nonce), None)
    meddled = next((record["meddled"] for record in others if record.get("meddled")), "")
    expected = 0
    if job.reduced:
        if any("odd" in answer for answer in answers[: len(job.reduced.told)]):
            return _verdict(run, Outcome.UNSUPPORTED, "", "a value of no plain type was returned", 0, 0)
        wrong, passed = judge_checks(job.reduced, answers) if failure is None else (None, 0)
        failure, total, expected = failure or wrong, job.reduced.total, len(job.reduced.told)
    elif job.tests.kind == "calls":
        wrong, passed = judge_calls(job.tests, answers)
        failure, total, expected = failure or wrong, len(job.tests.cases), len(job.tests.cases)
    else:
        total = 1 if job.case else max((record.get("declared", 0) for record in others), default=0)
        if done:
            passed, total = done["passed"], done["total"]
    if len(answers) > expected or any(answer.get("greedy") for answer in answers):
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED if len(answers) > expected else _GREEDY, 0, total)
    if any(_is_forged(job, record) for record in others):
        return _verdict(run, Outcome.TAMPER, "", _MEDDLED, 0, total)
    if invalid := next((record["invalid"] for record in others if "invalid" in record), None):
        return _verdict(run, Outcome.INVALID, "", clip(str(invalid)), 0, 0)
    if unsupported := next((record["unsupported"] for record in others if "unsupported" in record), None):
        told = f"{unsupported}\n{failure['feedback']}" if failure else str(unsupported)
        return _verdict(run, Outcome.UNSUPPORTED, "", clip(told), 0, 0)
    if job.way == "canary":
        fell = done is not None and passed == 0 and total > 0 and failure is not None
        outcome = Outcome.TAMPER if passed else Outcome.PASS if fell else Outcome.UNSUPPORTED
        return _verdict(run, outcome, "", "", passed, total)
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
    records, _ = read_records(run.result)
    return [value_of(unpacked(record, [MOST_PARTS])) for record in records if not record.keys().isdisjoint(ANSWERS)]


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
        for job, answer in zip(jobs, read_records(run.result)[0], strict=False):
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
