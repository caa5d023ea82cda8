"""What is sent to a process."""

from __future__ import annotations

import subprocess
import sys

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
    for program in ("def f(): return 1", "def f(): return 2"):
        print(box.judge(program, Tests("unittest", code, entry_point="f")).outcome.value)
'''


def test_asserts_hold_and_warnings_are_kept_from_a_caller_that_runs_without_asserts() -> None:
    done = subprocess.run([sys.executable, "-O", "-c", CALLER], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["pass", "wrong"]
    assert done.stderr == ""
