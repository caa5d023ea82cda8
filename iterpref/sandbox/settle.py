"""From one run to a verdict that can be relied on: which further runs a pass needs.

1. Asserts that reduce to calls are judged by the values returned (``reduce``); nothing else is needed. If a value is of
   no plain type, the tests run beside the program as below, where it is compared as Python does.
2. Tests that ran beside the program are believed if they fail. If they pass, the *canary* is run: the same program with
   altered tests, all of which must fail (``canary``).
3. A pass is *disputed* if the canary passed, if fewer tests were run than the text declares, or if the program uses
   what could reach its tests (``doubt``). Its tests are then run in another process (``apart``), and that decides: a
   program that passes only where it shares its tests' process has interfered with them, which is TAMPER.
4. Tests that cannot be run from another process (they patch the program's modules, say) leave it at the canary. Where
   the program itself may have brought that about there is no verdict: UNSUPPORTED. Neither is there one where the tests
   fail in another process and that need not be the program's fault (it hands out objects that stay with it, say, or the
   limits are met), or where the canary comes to no end and nothing else decides. TAMPER accuses, and needs proof.
5. Where the tests cannot be read here, so that nothing can be found out about a pass, there is none: INVALID.
"""

# ruff: noqa: SIM905
from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from iterpref.sandbox.describe import clip
from iterpref.sandbox.doubt import doubts, relied_on
from iterpref.sandbox.jobs import Job, other_job
from iterpref.sandbox.names import parse
from iterpref.sandbox.results import UNCLEAR
from iterpref.sandbox.verdict import REPLACED
from iterpref.types import UNDECIDED, Outcome, Verdict

__all__ = ["settle"]

# What tests use to reach into the program's process.
_INSIDE = frozenset(
    "mock patch Mock MagicMock redirect_stdout redirect_stderr stdout stderr stdin argv environ seed getsource "
    "assertLogs assertWarns catch_warnings plt pyplot chdir modules monkeypatch configure "
    "setUpPyfakefs".split()
)

_TOO_DEEP = "RecursionError"  # calls from another process may be a few deeper

# By these a program can have its tests not run apart from it.
_EVADING = re.compile(r"\binspect\b|__module__")


@dataclass(frozen=True)
class _Tests:
    """What the text of tests says, whatever the program."""

    names: frozenset[str]  # of the program's, on which they rely
    reach_inside: bool
    methods: int


@lru_cache(256)  # many programs are judged by the same tests
def _read(code: str) -> _Tests:
    """Raises as ``parse`` does; that is not remembered, as it may depend on how deep the caller stands."""
    tree = parse(code)
    nodes = list(ast.walk(tree))
    return _Tests(relied_on(tree, nodes), _reach_inside(nodes), _methods(tree))


def settle(job: Job, run: Callable[[Job], Verdict]) -> Verdict:
    """The verdict on ``job``, by as many runs as it takes."""
    verdict = run(job)
    if job.way == "reduced" and verdict.outcome is Outcome.UNSUPPORTED:
        job = other_job(job, "beside")
        verdict = run(job)
    replaced = verdict.feedback if verdict.feedback.startswith(REPLACED) else ""
    if job.way != "beside" or not (verdict.passed or replaced or verdict.outcome is Outcome.INVALID):
        return verdict
    if verdict.passed:
        verdict = dataclasses.replace(verdict, feedback="")
    try:
        tests = _read(job.tests.code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # Perhaps Python compiles what it makes no tree of here: then nothing more can be found out about a pass.
        told = f"the tests cannot be read: {clip(str(error))}"
        invalid = dataclasses.replace(verdict, outcome=Outcome.INVALID, feedback=told, tests_passed=0)
        return invalid if verdict.passed else verdict
    reason = replaced or doubts(job.program, tests.names)
    if verdict.passed and not reason and job.tests.kind == "unittest" and verdict.tests_total < tests.methods:
        reason = "fewer tests were run than are declared"
    decided = _apart(job, tests, verdict, run) if reason else None
    if decided and decided.outcome is not Outcome.UNSUPPORTED:
        return decided
    if not verdict.passed:
        return verdict
    canary = run(other_job(job, "canary"))
    if canary.outcome is Outcome.INFRA:
        return canary
    if canary.passed and canary.tests_total == verdict.tests_total:
        return _undecided(decided, decided.feedback) if decided else verdict
    decided = decided if reason else _apart(job, tests, verdict, run)
    if decided and decided.outcome is not Outcome.UNSUPPORTED:
        return decided
    if canary.outcome is Outcome.TAMPER:
        return _tampered(verdict, "it also passes tests that must fail")
    return _undecided(decided or verdict, decided.feedback if decided else "its altered tests do not come to an end")


def _apart(job: Job, tests: _Tests, verdict: Verdict, run: Callable[[Job], Verdict]) -> Verdict | None:
    """The verdict of tests in another process; None where they cannot be run there by no doing of the program."""
    if tests.reach_inside:
        return None
    apart = run(other_job(job, "apart"))
    if apart.outcome is Outcome.UNSUPPORTED:
        return apart if apart.feedback.startswith(UNCLEAR) or _EVADING.search(job.program) else None
    if apart.passed:
        return verdict if verdict.passed else apart
    if apart.outcome in (Outcome.WRONG, Outcome.ERROR) and apart.error_type != _TOO_DEEP:
        again = run(job) if verdict.passed else verdict
        # Chance decides whether it passes, and a failure is believed.
        return again if again.failed else _tampered(apart, "it fails where they run in another process")
    if verdict.passed and apart.failed:
        return _undecided(apart, f"{UNCLEAR}{apart.feedback}")
    return apart


def _undecided(verdict: Verdict, why: str) -> Verdict:
    return dataclasses.replace(verdict, outcome=Outcome.UNSUPPORTED, error_type=UNDECIDED, feedback=why, tests_passed=0)


def _tampered(verdict: Verdict, why: str) -> Verdict:
    feedback = f"the program passes its tests only by interfering with them: {why}"
    return dataclasses.replace(verdict, outcome=Outcome.TAMPER, error_type="", feedback=feedback, tests_passed=0)


def _reach_inside(nodes: list[ast.AST]) -> bool:
    for node in nodes:
        name = getattr(node, "id", None) or getattr(node, "attr", None)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            return True
        if name in _INSIDE or (isinstance(node, ast.alias) and not _INSIDE.isdisjoint(node.name.split("."))):
            return True
    return False


def _methods(tests: ast.Module) -> int:
    """Number of test methods of unittest classes, as the text has them."""
    return sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        for part in tests.body
        if isinstance(part, ast.ClassDef)
        for node in part.body
    )
