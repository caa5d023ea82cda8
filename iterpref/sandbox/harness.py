"""Runs one program with its tests, inside the jail, and writes what happened to the result pipe.

The pipe carries lines: ``+`` for a test that passed, or a JSON object. ``failure`` is the first failure (it decides the
outcome), ``value`` and ``error`` belong to one case of ``calls``, ``invalid`` says that the tests cannot be used. After
the last test one object with the job's nonce says that the run was complete: a program that ends the process early
cannot have passed. What is used after the program has run is bound before it runs.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import json
import os
import resource
import sys
import threading
import types
import unittest
from collections.abc import Callable
from typing import Any, NoReturn

from iterpref.plain import NotPlain, from_json, to_json
from iterpref.sandbox import rewrite
from iterpref.sandbox.describe import describe, raised_in, show, statement_at, type_name
from iterpref.sandbox.normal import to_plain

__all__ = ["run_job"]

PROGRAM, TESTS, SETUP = "program.py", "tests.py", "setup.py"


class _BadTestsError(Exception):
    """The tests, not the program, are at fault."""


class _Unset:
    caught = BaseException  # named here, as a program may rebind the builtin


class Results:
    """Writes to the result pipe and counts."""

    def __init__(self, fd: int, nonce: str, sources: dict[str, str]) -> None:
        self.fd = fd
        self.nonce = nonce
        self.sources = sources
        self.passed_tests = 0
        self.failed_tests = 0
        self.first_failure = True
        self._pid = os.getpid()
        self._getpid, self._write, self._exit = os.getpid, os.write, os._exit
        self._encode = json.JSONEncoder(allow_nan=False).encode

    def send(self, data: bytes) -> None:
        if self._getpid() != self._pid:
            self._exit(0)  # a fork of the program that ran on into the tests has no say
        while data:
            data = data[self._write(self.fd, data) :]

    def record(self, **entries: Any) -> None:
        self.send(self._encode(entries).encode() + b"\n")

    def passed(self) -> None:
        self.passed_tests += 1
        self.send(b"+\n")

    def failed(self, error: BaseException, left: object = _Unset, right: object = _Unset, line: int = 0) -> None:
        """Count a failed test; the first one is described."""
        self.failed_tests += 1
        if self.first_failure:
            self.first_failure = False
            self.record(failure=self.explain(error, left, right, line))

    def explain(
        self, error: BaseException, left: object = _Unset, right: object = _Unset, line: int = 0
    ) -> dict[str, str]:
        if isinstance(error, MemoryError):
            _lift_memory_limit()
            return {"outcome": "memory", "error_type": "MemoryError", "feedback": describe(error, self.sources)}
        in_test = isinstance(error, AssertionError) and raised_in(error, self.sources) == TESTS
        compared = in_test and left is not _Unset and right is not _Unset
        feedback = self._comparison(error, left, right, line) if compared else describe(error, self.sources)
        return {"outcome": "wrong" if in_test else "error", "error_type": type_name(error), "feedback": feedback}

    def _comparison(self, error: BaseException, left: object, right: object, line: int) -> str:
        test = statement_at(self.sources[TESTS], line)
        message = describe(error, {})
        told = f"Test failed: {test}\nactual: {show(left)}\nexpected: {show(right)}"
        return told if message == "AssertionError" else f"{told}\n{message}"

    def finish(self, declared: int) -> NoReturn:
        """Say that every test was run, and end the process without running anything of the program's."""
        total = self.passed_tests + self.failed_tests
        if not self.first_failure:
            total = max(total, declared, self.passed_tests + 1)
        self.record(nonce=self.nonce, passed=self.passed_tests, total=total)
        self._exit(0)
        raise AssertionError  # not reached


def run_job(job: dict[str, Any], result_fd: int) -> NoReturn:
    """Run ``job`` and end the process."""
    sources = {PROGRAM: job["program"], TESTS: job["code"], SETUP: job["setup"]}
    results = Results(result_fd, job["nonce"], sources)
    try:
        for path, text in job["files"].items():
            if os.path.dirname(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
        _KINDS[job["kind"]](job, results)
    except _BadTestsError as error:
        results.record(invalid=str(error))
    results._exit(0)
    raise AssertionError  # not reached


def _lift_memory_limit() -> None:
    """A program that filled its memory still has its last words."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _compile(tree: ast.Module | str, filename: str) -> types.CodeType:
    return compile(tree, filename, "exec", dont_inherit=True)


def _load(job: dict[str, Any], results: Results, name: str = "program") -> dict[str, Any] | None:
    """Run setup and program as module ``name``; None (and a recorded failure) where the program did not get through."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    if job["setup"]:
        try:
            exec(_compile(job["setup"], SETUP), module.__dict__)
        except Exception as error:
            raise _BadTestsError(f"the set-up code fails: {describe(error, results.sources)}") from error
    try:
        code = _compile(job["program"], PROGRAM)
    except BaseException as error:
        # Null bytes and lone surrogates are no SyntaxError to every Python version.
        kind = type_name(error) if isinstance(error, (SyntaxError, MemoryError, RecursionError)) else "SyntaxError"
        failure = {"outcome": "error", "error_type": kind, "feedback": describe(error, results.sources)}
        results.first_failure = False
        results.record(failure=failure)
        return None
    try:
        exec(code, module.__dict__)
        if job["entry_point"] and job["kind"] != "stdio" and job["entry_point"] not in module.__dict__:
            raise NameError(f"name '{job['entry_point']}' is not defined by the program")
    except BaseException as error:
        results.failed(error)
        return None
    return module.__dict__


def _run_calls(job: dict[str, Any], results: Results) -> None:
    cases = job["cases"]
    decode, encode, normalise, name_of = from_json, to_json, to_plain, type_name
    namespace = _load(job, results)
    if namespace is None:
        results.finish(len(cases))
    function = namespace[job["entry_point"]]
    for case in cases:
        try:
            value = function(*decode(case["args"]), **decode(case["kwargs"]))
        except BaseException as error:
            results.record(error=results.explain(error))
            continue
        try:
            results.record(value=encode(normalise(value)), shown=show(value))
        except (NotPlain, RecursionError, MemoryError):
            results.record(odd=name_of(value), shown=show(value))
    results.finish(len(cases))


def _parse_tests(code: str) -> ast.Module:
    try:
        return ast.parse(code, TESTS)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _BadTestsError(f"the tests do not compile: {describe(error, {})}") from error


def _run_asserts(job: dict[str, Any], results: Results) -> None:
    check = "check" if job["kind"] == "check" else ""
    tree = _parse_tests(job["code"])
    if check and not any(isinstance(node, ast.FunctionDef) and node.name == check for node in tree.body):
        raise _BadTestsError("the tests define no function check(candidate)")
    called = any(rewrite.called(node) == check for node in tree.body)
    declared = rewrite.instrument(tree, check)
    if not declared:
        raise _BadTestsError("the tests contain no assert")
    code = _compile(tree, TESTS)
    results.record(declared=declared)
    namespace = _load(job, results)
    if namespace is None:
        results.finish(declared)
    namespace.update({rewrite.FAILED: results.failed, rewrite.PASSED: results.passed, rewrite.UNSET: _Unset})
    try:
        exec(code, namespace)
        if check and not called:
            namespace[check](namespace[job["entry_point"]])
    except BaseException as error:
        results.failed(error)
    if results.first_failure and not results.passed_tests:
        raise _BadTestsError("no assert of the tests was run")
    results.finish(declared)


class _CountingResult(unittest.TestResult):
    """Counts each test method; a skipped one, and one with a failed subtest, has failed."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self.results = results
        self.good: set[str] = set()

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self.good.add(test.id())

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self.results.failed(err[1])

    addFailure = addError  # noqa: N815

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        if err is not None:
            self.results.failed(err[1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self.results.failed(unittest.SkipTest(f"{test.id()} was skipped: {reason}"))

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self.good.add(test.id())

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self.results.failed(AssertionError(f"{test.id()} succeeded, but a failure was expected"))


def _run_unittest(job: dict[str, Any], results: Results) -> None:
    tree = _parse_tests(job["code"])
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if not classes:
        raise _BadTestsError("the tests declare no TestCase class")
    code = _compile(tree, TESTS)
    names_of: Callable[[Any], Any] = unittest.TestLoader().getTestCaseNames
    base, make_suite, outcome = unittest.TestCase, unittest.TestSuite, _CountingResult(results)
    declared = sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test") for node in ast.walk(tree))
    results.record(declared=declared)
    namespace = _load(job, results)
    if namespace is None:
        results.finish(declared)
    try:
        exec(code, namespace)
    except BaseException as error:
        results.failed(error)
        results.finish(declared)
    cases = [namespace[name] for name in classes]
    tests = [case(name) for case in cases if issubclass(case, base) for name in names_of(case)]
    if not tests:
        raise _BadTestsError("the tests declare no test method")
    try:
        make_suite(tests).run(outcome)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end unittest
        results.failed(error)
    results.passed_tests = len(outcome.good)
    results.failed_tests = len(tests) - len(outcome.good)
    results.finish(len(tests))


def _run_script(job: dict[str, Any], results: Results) -> None:
    """Run the program as a script; its output is judged outside, so all that is said here is what it raised."""
    run_exit_functions, join_threads = atexit._run_exitfuncs, threading._shutdown  # type: ignore[attr-defined]
    sys.argv = [PROGRAM]
    try:
        code = _compile(job["program"], PROGRAM)
    except BaseException as error:
        kind = type_name(error) if isinstance(error, SyntaxError) else "SyntaxError"
        results.record(failure={"outcome": "error", "error_type": kind, "feedback": describe(error, results.sources)})
        return
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    try:
        try:
            if job["setup"]:
                exec(_compile(job["setup"], SETUP), module.__dict__)
            exec(code, module.__dict__)
        finally:
            join_threads()
            run_exit_functions()
            sys.stdout.flush()
    except SystemExit as error:
        if error.code not in (None, 0):
            results.failed(error)
    except BaseException as error:
        results.failed(error)


_KINDS: dict[str, Callable[[dict[str, Any], Results], None]] = {
    "calls": _run_calls,
    "asserts": _run_asserts,
    "check": _run_asserts,
    "unittest": _run_unittest,
    "stdio": _run_script,
}
