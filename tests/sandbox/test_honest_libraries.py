"""Honest programs that return objects of libraries: their tests cannot run apart, which is no interference."""

from __future__ import annotations

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Outcome, Tests

PROGRAM = """
from datetime import datetime
import pandas as pd

def task_func(start):
    return pd.DataFrame({"day": pd.date_range(start, periods=3), "goals": [1, 2, 5]})
"""
USES = """
import unittest
from datetime import datetime
class TestCases(unittest.TestCase):
    def test_day(self):
        self.assertEqual(task_func(datetime(2024, 1, 1))["day"].iloc[0], datetime(2024, 1, 1))
    def test_goals(self):
        self.assertTrue((task_func(datetime(2024, 1, 1))["goals"] <= 5).all())
"""


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        ("import pandas as pd", USES),
        ("", "import pandas as pd\n" + USES),
        ("from pandas import Series, DataFrame", USES),
    ],
)
def test_objects_of_an_imported_library_are_no_interference(sandbox: Sandbox, setup: str, code: str) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    tests = Tests("unittest", code, entry_point="task_func", setup=setup, memory_mb=4096)
    assert sandbox.judge(PROGRAM, tests).outcome is Outcome.PASS
    assert sandbox.judge(PROGRAM.replace("5]", "6]"), tests).outcome is Outcome.WRONG


def test_a_library_object_that_equals_anything_is_told_apart(sandbox: Sandbox) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    program = """
import pandas as pd
class Frame(pd.DataFrame):
    __module__ = "pandas"
    def __getitem__(self, name): return self
    iloc = property(lambda self: self)
    def __eq__(self, other): return True
    def __le__(self, other): return self
    def all(self): return self
    def __bool__(self): return True
def task_func(start):
    return Frame()
"""
    tests = Tests("unittest", USES, entry_point="task_func", setup="import pandas as pd", memory_mb=4096)
    assert sandbox.judge(program, tests).outcome is Outcome.TAMPER


def test_tests_that_configure_a_library_need_the_programs_process(sandbox: Sandbox) -> None:
    program = "import decimal\nimport os\ndef digits(): return len(str(decimal.Decimal(1) / 3)) - 2 + 0 * len(os.sep)\n"
    code = """
import decimal
import unittest
def configure(): decimal.getcontext().prec = 5
configure()
class TestCases(unittest.TestCase):
    def test_digits(self): self.assertEqual(digits(), 5)
"""
    assert sandbox.judge(program, Tests("unittest", code, entry_point="digits")).outcome is Outcome.PASS


ROWS = """
import os
import pandas as pd
def frame(row): return pd.DataFrame([row for _ in range(3 + 0 * len(os.sep))])
"""


@pytest.mark.parametrize(
    "check",
    [
        "all(set(row) == set('ab') for row in frame(['b', 'a']).itertuples(index=False))",
        "(pd.DataFrame([['a', 'b']] * 3) != frame(['b', 'a'])).any(axis=1).any()",
    ],
)
def test_rows_of_a_frame_are_no_interference(sandbox: Sandbox, check: str) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    code = (
        f"import unittest\nclass TestCases(unittest.TestCase):\n    def test(self):\n        self.assertTrue({check})\n"
    )
    tests = Tests("unittest", code, entry_point="frame", setup="import pandas as pd", memory_mb=4096)
    assert sandbox.judge(ROWS, tests).outcome is Outcome.PASS


def test_time_zones_of_pytz(sandbox: Sandbox) -> None:
    """They are rebuilt in the tests' process, with the offset of their place in the year."""
    pytest.importorskip("pytz", reason="pytz is not installed")
    program = """
import os
import pickle
def again(moment):
    with open("moment", "wb") as file:
        pickle.dump(moment, file)
    with open("moment", "rb") as file:
        return pickle.load(file)
"""
    code = """
import unittest
from datetime import datetime
import pytz
class TestCases(unittest.TestCase):
    def test_moments(self):
        for zone in (pytz.UTC, pytz.timezone("Asia/Tokyo"), pytz.timezone("US/Eastern"), pytz.FixedOffset(90)):
            for month in (1, 7):
                moment = zone.localize(datetime(2024, month, 1))
                self.assertEqual(again(moment), moment)
                self.assertEqual(again(moment).tzinfo, moment.tzinfo)
                self.assertEqual(again(moment).tzname(), moment.tzname())
        self.assertIs(again(pytz.UTC.localize(datetime(2024, 1, 1))).tzinfo, pytz.UTC)
"""
    tests = Tests("unittest", code, entry_point="again", setup="import pytz")
    assert sandbox.judge(program, tests).outcome is Outcome.PASS
