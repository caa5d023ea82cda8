"""No attack on the verdict passes, whatever the kind of tests, as root and as an ordinary user."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import iterpref
from iterpref.sandbox import Sandbox
from iterpref.types import UNDECIDED, Outcome, Tests
from tests.sandbox.forgeries import FORGERIES, FORMS
from tests.sandbox.forgeries_apart import FORGERIES_APART

# What each of these gets, where its tests run beside it.
TAMPERING = (
    "05",
    "06",
    "08",
    "11",
    "15",
    "a gc",
    "b ",
    "e ",
    "h ",
    "o ",
    "q ",
    "r ",
    "s ",
    "t ",
    "y ",
    "z ",
    "ze",
)


# These get no label: an object of their own answers rightly where they are asked apart, and proves nothing.
SLY = ("v knows one answer",)


@pytest.mark.parametrize("name", FORGERIES)
def test_nothing_forged(box: Sandbox, name: str) -> None:
    for form in ("asserts", "loop", "unittest"):
        verdict = box.judge(FORGERIES[name], dataclasses.replace(FORMS[form], cpu_seconds=1.0))
        undecided = verdict.outcome is Outcome.UNSUPPORTED and name.startswith(SLY)
        assert verdict.failed or verdict.outcome is Outcome.TAMPER or undecided, (form, verdict)


@pytest.mark.parametrize("name", [name for name in FORGERIES if name.startswith(TAMPERING)])
def test_interference_is_told_from_failure(box: Sandbox, name: str) -> None:
    assert box.judge(FORGERIES[name], FORMS["unittest"]).outcome is Outcome.TAMPER


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
@pytest.mark.parametrize("mode", ["full", "restricted"])
@pytest.mark.parametrize("uid", [0, 65534])
def test_nothing_forged_in_any_form_as_root_and_as_an_ordinary_user(uid: int, mode: str) -> None:
    python = "/usr/bin/python3"
    if not os.path.exists(python):
        pytest.skip("no interpreter that every user can read")
    user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    source = Path(iterpref.__file__).parent.parent
    command = [*user, python, "-B", "-m", "tests.sandbox.forgeries", mode]
    done = subprocess.run(command, capture_output=True, text=True, cwd=source, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(FORGERIES) * len(FORMS) + len(FORGERIES_APART)
    assert {(row[0], row[1]) for row in rows} == {(str(uid), mode)}
    failures = ["wrong", "error", "timeout", "memory", "output", "tamper"]
    failures += ["unsupported"] * (mode == "restricted")  # it starts a process
    undecided = [row for row in rows if row[4] == "unsupported" and row[2].startswith((*SLY, *FORGERIES_APART))]
    assert [row for row in rows if row[4] not in failures and row not in undecided] == []


_PAIR = "for k in [1]:\n    assert f(lambda x: x + k, 1) == 2\n    assert f(lambda x: x * k, 5) == 5"
_NUMPY = (
    "import unittest\nimport numpy as np\nclass TestF(unittest.TestCase):\n"
    "    def test_one(self):\n        self.assertEqual(f(1), 2)\n"
    "    def test_two(self):\n        self.assertEqual(f(2), 3)\n"
)
_SLY = "class S:\n    def __eq__(self, other): return other < 1000\n"


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        (f"import inspect\n{_SLY}def f(g, x): return S()", Tests("asserts", _PAIR, entry_point="f")),
        (f"{_SLY}S.__module__ = 'numpy'\ndef f(x): return S()", Tests("unittest", _NUMPY, entry_point="f")),
    ],
    ids=["a function of the tests is looked into", "a class calls itself a library's"],
)
def test_no_label_where_the_program_keeps_its_tests_from_being_run_apart(
    box: Sandbox, program: str, tests: Tests
) -> None:
    verdict = box.judge(program, tests)
    assert (verdict.outcome, verdict.error_type) == (Outcome.UNSUPPORTED, UNDECIDED)
