"""The nouns of iterpref: what every stage takes in and hands on. Nothing here does any work.

A benchmark item is a :class:`Task`, an answer to it an :class:`Attempt`, for data and for evaluation alike.
The vocabulary follows the paper (arXiv 2503.02783, sections 3.1 and 3.2): a trajectory's final passing version is
y+ (``chosen``), an earlier failing one y- (``rejected``), and the spans are the critical differences D+ and D-.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from iterpref.plain import Plain

__all__ = [
    "Attempt",
    "Case",
    "Outcome",
    "Pair",
    "Score",
    "Span",
    "Task",
    "Tests",
    "Trajectory",
    "Usage",
    "Verdict",
]


class Outcome(str, Enum):
    """How a run ended. Only the first six say something about the program."""

    PASS = "pass"
    WRONG = "wrong"  # ran to the end, a test failed
    ERROR = "error"  # did not compile, raised, exited or crashed
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"  # wrote more than the cap
    TAMPER = "tamper"  # interfered with the verdict: a failure, never used in a pair
    INFRA = "infra"  # our fault: retried, never a label
    INVALID = "invalid"  # the task is bad: no test was declared, or the tests do not compile
    UNSUPPORTED = "unsupported"  # needs what this machine cannot isolate; or UNDECIDED, on any machine


UNDECIDED = "Undecided"
"""The ``error_type`` of an unsupported program that passes, but whose tests cannot be kept from its reach."""

FAILURES = frozenset({Outcome.WRONG, Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT})
"""Outcomes that make a program a y-."""


@dataclass(frozen=True)
class Case:
    """One call of the entry point with its expected value, or one standard input with its expected output.

    For ``stdio`` tests ``args`` holds the input text alone and ``expected`` is the output text.
    """

    args: Plain = ()  # a tuple of plain values
    expected: Plain = None
    kwargs: Plain = field(default_factory=dict)


@dataclass(frozen=True)
class Tests:
    """What decides whether a program is right.

    ``calls``: every case's return value is compared with its expected one, outside the child process.
    ``asserts``: ``code`` is statements, run after the program in its namespace.
    ``check``: ``code`` defines ``check(candidate)`` (HumanEval's form).
    ``unittest``: ``code`` is a module of ``TestCase`` classes.
    ``stdio``: the program is run as a script, once a case.
    """

    __test__ = False  # the name is no invitation to pytest

    kind: Literal["calls", "asserts", "check", "unittest", "stdio"]
    code: str = ""
    cases: tuple[Case, ...] = ()
    entry_point: str = ""
    tolerance: float = 0.0  # absolute, for floats in ``calls`` (0: exact)
    setup: str = ""  # run before the program, in its namespace
    files: Mapping[str, str] = field(default_factory=dict)  # relative path -> text, in the working directory
    cpu_seconds: float = 5.0
    memory_mb: int = 1024
    call_seconds: float = 0.0  # CPU time of one case of ``calls`` (0: only ``cpu_seconds`` holds)
    equality: str = ""  # how values or outputs are compared: a name in sandbox/equality.py (empty: ==)
    reference: str = ""  # a program whose answers are the expected values, until they are known (suites/truth.py)


@dataclass(frozen=True)
class Task:
    """A programming problem. ``tests`` is None where only labelled programs are known."""

    id: str
    prompt: str
    tests: Tests | None = None
    solution: str | None = None
    features: tuple[str, ...] = ()
    source: str = ""

    @property
    def entry_point(self) -> str:
        return self.tests.entry_point if self.tests else ""


@dataclass(frozen=True)
class Verdict:
    """What running a program said. ``protections`` names those that held while it ran."""

    outcome: Outcome
    error_type: str = ""  # the exception's class, or the signal's name, or UNDECIDED
    feedback: str = ""  # what a repairer is told: the failing test, expected and actual, or the error
    tests_passed: int = 0
    tests_total: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    protections: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASS

    @property
    def failed(self) -> bool:
        """True where the program itself is at fault, so that it may serve as y-."""
        return self.outcome in FAILURES

    @property
    def kind(self) -> str:
        """How the run ended, for tables: passes, wrong answer, the exception's class, or the outcome."""
        if self.passed:
            return "passes"
        if self.outcome is Outcome.WRONG:
            return "wrong answer"
        if self.outcome is Outcome.ERROR:
            return self.error_type or "error"
        return str(self.outcome.value)


@dataclass(frozen=True)
class Usage:
    """What one answer of a teacher cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    runs: int = 0  # programs run to find it (search teacher)
    seconds: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """One version of a program. ``message`` is what its author said with it."""

    index: int
    code: str
    verdict: Verdict
    message: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Trajectory:
    """Iterative debugging of one task: versions in the order they were written (paper, section 3.1)."""

    task: Task
    attempts: tuple[Attempt, ...]
    teacher: str = ""

    @property
    def final(self) -> Attempt | None:
        """The last version that passes. Chosen by verdict: recorded sessions go on, and regress, after a pass."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.verdict.passed), None)

    @property
    def failures(self) -> tuple[Attempt, ...]:
        """Failing versions before :attr:`final` (all, if there is none), each distinct code text once."""
        final = self.final
        seen: dict[str, Attempt] = {}
        for attempt in self.attempts if final is None else self.attempts[: self.attempts.index(final)]:
            if attempt.verdict.failed:
                seen.setdefault(attempt.code, attempt)
        return tuple(seen.values())

    @property
    def solved(self) -> bool:
        return self.final is not None


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a code text.

    ``start == end`` marks code that is missing at that place, also at the very end of the text. A weight of 0 records
    a difference that carries no penalty.
    """

    start: int
    end: int
    weight: float = 1.0
    reason: str = ""


@dataclass(frozen=True)
class Pair:
    """A focal preference: ``chosen`` and ``rejected`` are code texts, the spans index them.

    An *anchor* is a program that passed at once: ``rejected`` is None and only the NLL term sees it.
    """

    id: str
    prompt: str
    chosen: str
    rejected: str | None = None
    chosen_spans: tuple[Span, ...] = ()
    rejected_spans: tuple[Span, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """One judged answer to one benchmark item."""

    suite: str
    task_id: str
    sample: int
    attempt: Attempt
    features: tuple[str, ...] = ()
