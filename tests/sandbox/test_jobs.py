"""What is sent to a process."""

from __future__ import annotations

import marshal
import subprocess
import sys

from iterpref.sandbox import Sandbox
from iterpref.sandbox.jobs import make_jobs
from iterpref.types import Outcome, Tests

CALLER = '''
from iterpref.sandbox import Sandbox
from iterpref.types import Tests
code = """
import unittest
class TestF(unittest.TestCase):
    def test_f(self):
        "\\\\d"
        assert f() == 1
"""
with Sandbox(workers=1) as box:
    for program in ("def f(): return 2", "def f(): return 1", "def f(): return 3"):
        print(box.judge(program, Tests("unittest", code, entry_point="f")).outcome.value)
'''


def test_asserts_hold_and_warnings_are_kept_from_a_caller_that_runs_without_asserts() -> None:
    done = subprocess.run([sys.executable, "-O", "-c", CALLER], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["wrong", "pass", "wrong"]
    assert done.stderr == ""


def test_a_long_suite_is_compiled_within_nobodys_limits(box: Sandbox) -> None:
    methods = "".join(f"    def x_{n}(self):\n        self.assertEqual(f({n}), 0)\n" for n in range(12_000))
    methods += "    def test_f(self):\n        self.assertEqual(f(0), 0)\n"
    code = f"import unittest\nclass TestLong(unittest.TestCase):\n{methods}"
    tests = Tests("unittest", code, entry_point="f", memory_mb=64)
    assert marshal.loads(make_jobs("def f(x): return x", tests)[0].payload)["compiled"]
    tests = Tests("unittest", code.replace("TestLong", "TestOther"), entry_point="f", memory_mb=64)
    assert [box.judge("def f(x): return 1", tests).outcome for _ in range(2)] == [Outcome.WRONG] * 2


def test_a_suite_is_compiled_here_from_its_second_program_on_and_decides_the_same(box: Sandbox) -> None:
    methods = "".join(f"    def test_{n}(self):\n        self.assertEqual(f({n}), 0)\n" for n in range(3))
    tests = Tests("unittest", f"import unittest\nclass TestSecond(unittest.TestCase):\n{methods}", entry_point="f")
    compiled = [marshal.loads(make_jobs("def f(x): return x", tests)[0].payload)["compiled"] for _ in range(3)]
    assert [bool(code) for code in compiled] == [False, True, True]
    other = Tests("unittest", tests.code.replace("TestSecond", "TestOther"), entry_point="f")
    verdicts = [box.judge("def f(x): return x", other) for _ in range(3)]
    assert verdicts[0].outcome is Outcome.WRONG
    assert "TestOther" not in verdicts[0].feedback  # else the next line says nothing of feedback
    assert len({(verdict.outcome, verdict.tests_passed, verdict.feedback) for verdict in verdicts}) == 1
