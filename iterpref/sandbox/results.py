"""What the harness writes to the result pipe, and what it counts.

The pipe carries lines: ``+`` for a test that passed, or a JSON object. ``failure`` is the first failure (it decides the
outcome); ``value`` (``packed`` where it is large), ``odd`` and ``error`` belong to one call; ``invalid`` says that the
tests cannot be used, ``unsupported`` that they cannot be run this way. After the last test one object with the job's
nonce says that the run was complete: a program that ends the process early cannot have passed. What is used after the
program has run is bound before it runs.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from iterpref.sandbox.describe import describe, raised_in, show, statement_at, type_name
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.normal import LARGEST_VALUE, PACKED_FROM

__all__ = ["PROGRAM", "SETUP", "TESTS", "UNCLEAR", "BadTestsError", "Results", "Unset"]

PROGRAM, TESTS, SETUP = "program.py", "tests.py", "setup.py"
_encode_text = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
UNCLEAR = "the tests fail where they run in another process, which may be no fault of the program's: "


class BadTestsError(Exception):
    """The tests, not the program, are at fault."""


class Unset:
    """Stands for a side of an equation that was not computed."""

    caught = BaseException  # named here, as a program may rebind the builtin


class Results:
    """Writes to the result pipe and counts; ``exit`` ends the process."""

    def __init__(
        self,
        fd: int,
        nonce: str,
        sources: dict[str, str],
        integrity: Integrity,
        exit: Callable[[int], NoReturn] = os._exit,
    ) -> None:
        self.fd = fd
        self.nonce = nonce
        self.sources = sources
        self.passed_tests = 0
        self.failed_tests = 0
        self.first_failure = True
        self.integrity = integrity
        # Why a failure may be no fault of the program's: by the tests' doing, or by its own.
        self.uncertain = ""
        self.why_unclear: Callable[[], str] = str
        self.begin()
        self._getpid, self._write, self.exit = os.getpid, os.write, exit
        self._encode_text = _encode_text

    def begin(self) -> None:
        """Speak for this process, and for no fork of it."""
        self._pid = os.getpid()

    def send(self, data: bytes) -> None:
        if self._getpid() != self._pid:
            self.exit(0)  # a fork of the program that ran on into the tests has no say
        while data:
            data = data[self._write(self.fd, data) :]

    def record(self, **entries: Any) -> None:
        self.send(self._encode(entries) + b"\n")

    def returned(self, value: Any, **about: Any) -> None:
        """Hand out one value; ValueError where it is too large."""
        line = self._encode({"value": value, **about})
        if len(line) > LARGEST_VALUE:
            raise ValueError("too large a value")
        if len(line) > PACKED_FROM:
            line = self._encode({"packed": base64.b64encode(zlib.compress(line, 1)).decode()})
        self.send(line + b"\n")

    def _encode(self, entries: dict[str, Any]) -> bytes:
        """As JSON. Two lone surrogates stay two: escaped, they would be read as one character."""
        return self._encode_text(entries).encode("utf-8", "surrogatepass")

    def passed(self) -> None:
        self.passed_tests += 1
        self.send(b"+\n")

    def failed(self, error: BaseException, left: object = Unset, right: object = Unset, line: int = 0) -> None:
        """Count a failed test; the first one is described."""
        self.failed_tests += 1
        if self.first_failure:
            self.first_failure = False
            self.record(failure=self.explain(error, left, right, line))

    def explain(
        self, error: BaseException, left: object = Unset, right: object = Unset, line: int = 0
    ) -> dict[str, str]:
        """Outcome, type and feedback of a test that raised ``error``."""
        if isinstance(error, MemoryError):
            _lift_memory_limit()
            return {"outcome": "memory", "error_type": "MemoryError", "feedback": describe(error, self.sources)}
        in_test = isinstance(error, AssertionError) and raised_in(error, self.sources) == TESTS
        compared = in_test and left is not Unset and right is not Unset
        feedback = self._comparison(error, left, right, line) if compared else describe(error, self.sources)
        return {"outcome": "wrong" if in_test else "error", "error_type": type_name(error), "feedback": feedback}

    def _comparison(self, error: BaseException, left: object, right: object, line: int) -> str:
        test = statement_at(self.sources[TESTS], line)
        message = describe(error, {})
        told = f"Test failed: {test}\nactual: {show(left)}\nexpected: {show(right)}"
        return told if message == "AssertionError" else f"{told}\n{message}"

    def broken_off(self, error: BaseException) -> None:
        """Say what is known when the harness could not go on."""
        if self.integrity.broken():
            self.send(b'{"meddled": "builtins"}\n')
        elif isinstance(error, MemoryError):
            self.failed(error)
        self.exit(1)

    def finish(self, declared: int) -> NoReturn:
        """Say that every test was run, and end the process without running anything of the program's."""
        total = self.passed_tests + self.failed_tests
        if not self.first_failure:
            total = max(total, declared, self.passed_tests + 1)
        if not self.first_failure:
            if self.uncertain:
                self.record(unsupported=self.uncertain)
            elif unclear := self.why_unclear():
                self.record(unsupported=UNCLEAR + unclear)
        integrity = self.integrity
        meddled = integrity.broken() if self.first_failure else integrity.broken_by(self.sources[PROGRAM])
        self.record(nonce=self.nonce, passed=self.passed_tests, total=total, meddled=meddled[:100])
        self.exit(0)


def _lift_memory_limit() -> None:
    """A program that filled its memory still has its last words."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
