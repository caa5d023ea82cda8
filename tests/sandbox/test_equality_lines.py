"""The equalities of LiveCodeBench: printed lines, and a returned tuple for a list."""

from __future__ import annotations

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Outcome, Tests

LINES = [
    # printed, expected, whether it is the same
    ("YES\nNO\n", "YES\nNO", True),
    ("  YES  \r\n NO", "YES\nNO\n\n", True),
    ("\n\nYES", "YES", True),
    ("YES\n\nNO", "YES\nNO", False),
    ("yes", "YES", False),
    ("1.50 2", "1.5 2.0", True),
    ("1e3", "1000", True),
    ("50000000000000000", "50000000000000001", False),
    ("1 2", "1  2", True),
    ("a  b", "a b", False),
    ("1 2 3", "1 2", False),
    ("0.3333333", "0.33333333", False),
    ("sNaN", "1", False),
    ("1e999999999", "1", False),
]


@pytest.mark.parametrize(("printed", "expected", "same"), LINES)
def test_printed_lines(sandbox: Sandbox, printed: str, expected: str, same: bool) -> None:
    tests = Tests("stdio", cases=(Case("", expected),), equality="lines")
    outcome = sandbox.judge(f"print({printed!r}, end='')", tests).outcome
    assert outcome is (Outcome.PASS if same else Outcome.WRONG)


@pytest.mark.parametrize(("returned", "same"), [("(1, 2)", True), ("[1, 2]", True), ("[(1, 2)]", False), ("3", False)])
def test_a_returned_tuple_counts_as_a_list(sandbox: Sandbox, returned: str, same: bool) -> None:
    tests = Tests("calls", cases=(Case((), [1, 2]),), entry_point="f", equality="list")
    assert sandbox.judge(f"def f(): return {returned}", tests).passed is same
