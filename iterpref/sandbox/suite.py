"""Runs the code of assert, ``check`` and unittest tests over the names of a program."""

from __future__ import annotations

import ast
import difflib
import marshal
import unittest
from collections.abc import Callable, Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import CodeType, SimpleNamespace
from typing import Any

from iterpref.sandbox import canary, rewrite
from iterpref.sandbox.decoy import Fallen, tools
from iterpref.sandbox.describe import describe
from iterpref.sandbox.loading import compile_code
from iterpref.sandbox.results import TESTS, BadTestsError, Results, Unset

__all__ = ["run_asserts", "run_unittest"]

_ASYNCHRONOUS = CO_COROUTINE | CO_ASYNC_GENERATOR
_LONGEST_DIFFERENCE = 200  # lines of two values together; the time for it grows with more than their square
_Load = Callable[[dict[str, Any], Results], "dict[str, Any] | None"]


def _parse(code: str) -> ast.Module:
    try:
        return ast.parse(code, TESTS)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTestsError(f"the tests do not compile: {describe(error, {})}") from error


def run_asserts(job: dict[str, Any], results: Results, load: _Load) -> None:
    """Run test code whose asserts are counted one by one."""
    check = "check" if job["kind"] == "check" else ""
    tree = _parse(job["code"])
    if check and not any(isinstance(node, ast.FunctionDef) and node.name == check for node in tree.body):
        raise BadTestsError("the tests define no function check(candidate)")
    called = any(rewrite.called(node) == check for node in tree.body)
    fallen = Fallen()
    if job["canary"]:
        canary.alter_asserts(tree)
    declared = rewrite.instrument(tree, check)
    if not declared:
        raise BadTestsError("the tests contain no assert")
    code = compile_code(tree, TESTS)
    results.record(declared=declared)
    namespace = load(job, results)
    if namespace is None:
        results.finish(declared)
    hooks = {rewrite.FAILED: results.failed, rewrite.PASSED: results.passed, rewrite.UNSET: Unset}
    if job["canary"]:
        hooks |= {**_canary_hooks(results, fallen), **tools(fallen)}
    namespace.update(hooks)
    results.integrity.watch(namespace, hooks)
    try:
        exec(code, namespace)
        if check and not called:
            results.integrity.watch(namespace, [check])
            namespace[check](namespace[job["entry_point"]])
    except BaseException as error:
        results.failed(error)
    if fallen.held:
        results.passed()
    if job["canary"] and not fallen.ever_asked:
        raise BadTestsError("no assert of the tests can be altered")
    if results.first_failure and not results.passed_tests:
        raise BadTestsError("no assert of the tests was run")
    results.finish(declared)


def _canary_hooks(results: Results, fallen: Fallen) -> dict[str, Callable[..., None]]:
    """What follows a test of the canary: one that did not fail, but asked nothing, does not count for the program."""

    def passed() -> None:
        if fallen.take():
            results.passed()
        else:
            results.failed(AssertionError("nothing was asked"))

    def failed(*told: Any) -> None:
        fallen.take()
        results.failed(*told)

    return {rewrite.PASSED: passed, rewrite.FAILED: failed}


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


def _declared(code: CodeType) -> dict[str, int]:
    """Classes of the tests, and how many test methods each has: from compiled code, as a syntax tree costs more."""
    return {
        part.co_name: sum(
            method.co_name.startswith("test") and not method.co_flags & _ASYNCHRONOUS for method in _parts(part)
        )
        for part in _parts(code)
        if part.co_names[:3] == ("__name__", "__module__", "__qualname__")  # how the body of a class begins
    }


def _parts(code: CodeType) -> list[CodeType]:
    return [part for part in code.co_consts if isinstance(part, CodeType)]


# A program may have rebound them.
_CASE, _OBJECT, _callable, _getattr, _sorted, _vars = unittest.TestCase, object, callable, getattr, sorted, vars


def _test_names(case: type) -> list[str]:
    """As unittest finds them, without a look at the hundred attributes of each case that are its own."""
    kinds = [kind for kind in case.__mro__ if kind is not _CASE and kind is not _OBJECT]
    names = {name for kind in kinds for name in _vars(kind) if name.startswith("test")}
    return _sorted([name for name in names if _callable(_getattr(case, name))])


def run_unittest(job: dict[str, Any], results: Results, load: _Load) -> None:
    """Run every test method of the test code's own classes."""
    fallen = Fallen() if job["canary"] else None
    tests: ast.Module | str = job["code"]
    if job["canary"]:
        tests = _parse(job["code"])
        canary.alter_methods(tests)
    try:
        code = marshal.loads(job["compiled"]) if job["compiled"] else compile_code(tests, TESTS)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTestsError(f"the tests do not compile: {describe(error, {})}") from error
    methods = _declared(code)
    if not methods:
        raise BadTestsError("the tests declare no TestCase class")
    declared = sum(methods.values())
    base, make_suite, outcome = unittest.TestCase, unittest.TestSuite, _CountingResult(results)
    _shorten_differences(0 if job["canary"] else _LONGEST_DIFFERENCE)
    results.record(declared=declared)
    namespace = load(job, results)
    if namespace is None:
        results.finish(declared)
    if fallen:
        namespace.update(tools(fallen))
    try:
        exec(code, namespace)
    except BaseException as error:
        results.failed(error)
        results.finish(declared)
    classes = [name for name in methods if name in namespace]
    results.integrity.watch(namespace, classes)
    cases = [namespace[name] for name in classes]
    found = [case(name) for case in cases if issubclass(case, base) for name in _test_names(case)]
    if fallen:
        for test in found:
            setattr(test, test._testMethodName, fallen.ending(getattr(test, test._testMethodName)))
    if not found:
        raise BadTestsError("the tests declare no test method")
    try:
        make_suite(found).run(outcome)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end unittest
        results.failed(error)
    results.passed_tests = len(outcome.good)
    results.failed_tests = len(found) - len(outcome.good)
    results.finish(len(found))


def _shorten_differences(lines: int) -> None:
    """Let unittest compare two unequal values line by line only where they have few lines: else it takes minutes."""

    def compare(first: list[str], second: list[str]) -> Iterator[str]:
        return difflib.ndiff(first, second) if len(first) + len(second) <= lines else iter(())

    unittest.case.difflib = SimpleNamespace(ndiff=compare)  # type: ignore[attr-defined]
