"""Honest programs are never accused, and judged as CPython judges them wherever that can be told."""

from __future__ import annotations

import textwrap

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Outcome, Tests
from tests.sandbox.honest_programs import PROGRAMS
from tests.sandbox.honest_suites import SUITES

DOUBTED = "import os\n"  # whose tests run in another process
# Their tests cannot be told apart from the program, where it gives reason to doubt it: it keeps and changes what it was
# handed or hands out, its objects take part in arithmetic with the tests' numbers, or a library looks into them.
UNDECIDED = ("dataclass asdict", "contextlib", "pandas without import", "operators unnamed", "container classes")
LIBRARIES = ("numpy", "pandas", "matplotlib")


def forms(statements: str) -> dict[str, Tests]:
    method = "import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n"
    return {
        "asserts": Tests("asserts", "for _once in [0]:\n" + textwrap.indent(statements, "    ")),
        "straight": Tests("asserts", statements),
        "check": Tests("check", "def check(candidate):\n" + textwrap.indent(statements, "    "), entry_point="_name"),
        "unittest": Tests("unittest", method + textwrap.indent(statements, " " * 8)),
    }


def judged(box: Sandbox, name: str, program: str, tests: Tests) -> None:
    for library in LIBRARIES:
        if f"import {library}" in program:
            pytest.importorskip(library)
    for start in ("_name = None\n", "_name = None\n" + DOUBTED):
        verdict = box.judge(start + program, tests)
        accepted = [Outcome.PASS] + [Outcome.UNSUPPORTED] * name.startswith(UNDECIDED)
        assert verdict.outcome in accepted, (start, verdict)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_passes_in_a_loop_and_in_a_method(box: Sandbox, name: str) -> None:
    program, statements = PROGRAMS[name]
    for form in ("asserts", "unittest"):
        judged(box, name, program, forms(statements)[form])


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_program_passes_in_every_form(box: Sandbox, name: str) -> None:
    program, statements = PROGRAMS[name]
    for form in ("straight", "check"):
        judged(box, name, program, forms(statements)[form])


@pytest.mark.parametrize("name", SUITES)
def test_suite_passes(box: Sandbox, name: str) -> None:
    program, suite = SUITES[name]
    judged(box, name, program, Tests("unittest", suite))


@pytest.mark.parametrize(
    ("program", "statement"),
    [
        ("def f(x): return x\n", "assert f(1) == 2"),
        ("class P:\n    def __init__(self, x): self.x = x\ndef f(x): return P(x)\n", "assert f(1).x == 2"),
        ("def f(x): raise LookupError(x)\n", "assert f(1) == 2"),
        (
            "import json\njson.JSONEncoder.default = lambda self, value: str(value)\n"
            "def f(x): return json.dumps({1: {x}})\n",
            "assert f(1) == '{}'",
        ),
    ],
    ids=["value", "object", "exception", "library with a default of its own"],
)
def test_wrong_programs_are_wrong_and_no_tamper(box: Sandbox, program: str, statement: str) -> None:
    for tests in forms(statement).values():
        for start in ("_name = None\n", "_name = None\n" + DOUBTED):
            assert box.judge(start + program, tests).failed
