"""Honest programs are judged as Python would judge them, whatever they return, beside their tests and apart from them.

Every test judges a program twice: as it is, and with an import that gives reason to doubt it, so that its tests run in
another process.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iterpref.sandbox import Sandbox
from iterpref.types import Outcome, Tests

DOUBTED = "import os\n"
SUITE = "import unittest\n{imports}\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n        {body}\n"

RETURNED: dict[str, tuple[str, str]] = {
    "bool": (
        """
def f(x):
    return x > 1
""",
        """
for x in [2]:
    assert f(x) is True and f(x) == 1
""",
    ),
    "IntEnum": (
        """
import enum
class Color(enum.IntEnum):
    RED = 1
def f(x):
    return Color.RED
""",
        """
for x in [2]:
    assert f(x) == 1
    assert f(x) + 1 == 2
    assert f(x) is Color.RED
    assert f(x).name == 'RED'
""",
    ),
    "Counter": (
        """
from collections import Counter
def f(x):
    return Counter('aab')
""",
        """
for x in [2]:
    assert f(x) == {'a': 2, 'b': 1}
    assert f(x).most_common(1) == [('a', 2)]
""",
    ),
    "namedtuple": (
        """
from collections import namedtuple
Point = namedtuple('Point', 'x y')
def f(x):
    return Point(1, x)
""",
        """
for x in [2]:
    assert f(x) == (1, 2)
    assert f(x).y == 2
    assert f(x) == Point(1, 2)
""",
    ),
    "dataclass": (
        """
from dataclasses import dataclass
@dataclass
class Point:
    x: int
def f(x):
    return Point(x)
""",
        """
for x in [2]:
    assert f(x) == Point(2)
    assert f(x) != Point(3)
    assert f(x).x == 2
    assert isinstance(f(x), Point)
""",
    ),
    "int subclass": (
        """
class Meters(int):
    pass
def f(x):
    return Meters(x)
""",
        """
for x in [2]:
    assert f(x) == 2
    assert f(x) * 2 == 4
    assert isinstance(f(x), int)
""",
    ),
    "str subclass": (
        """
class Text(str):
    def __eq__(self, other):
        return str(self).lower() == str(other).lower()
    __hash__ = str.__hash__
def f(x):
    return Text('Ab')
""",
        """
for x in [2]:
    assert f(x) == 'Ab'
    assert len(f(x)) == 2
    assert f(x).upper() == 'AB'
""",
    ),
    "class with operators": (
        """
class Vector:
    def __init__(self, *parts):
        self.parts = parts
    def __eq__(self, other):
        return self.parts == getattr(other, 'parts', None)
    def __add__(self, other):
        return Vector(*[a + b for a, b in zip(self.parts, other.parts)])
    def __mul__(self, k):
        return Vector(*[a * k for a in self.parts])
    def __bool__(self):
        return any(self.parts)
    def __lt__(self, other):
        return self.parts < other.parts
""",
        """
for k in [2]:
    assert Vector(1, 2) + Vector(3, 4) == Vector(4, 6)
    assert Vector(1, 2) * k == Vector(2, 4)
    assert not Vector(0, 0)
    assert Vector(1, 2) < Vector(2, 0)
    assert sorted([Vector(2), Vector(1)])[0].parts == (1,)
""",
    ),
    "class equal to plain values": (
        """
class Money:
    def __init__(self, n):
        self.n = n
    def __eq__(self, other):
        return self.n == (other.n if isinstance(other, Money) else other)
""",
        """
for n in [5]:
    assert Money(n) == 5
    assert Money(n) != 6
    assert Money(5) in [Money(4), Money(5)]
""",
    ),
    "ndarray": (
        """
import numpy as np
def f(x):
    return np.arange(x) * 1.5
""",
        """
for x in [3]:
    assert (f(x) == np.array([0, 1.5, 3])).all()
    assert f(x).sum() == 4.5
    np.testing.assert_allclose(f(x), [0, 1.5, 3])
""",
    ),
    "numpy scalar": (
        """
import numpy as np
def f(x):
    return np.int64(x)
""",
        """
for x in [3]:
    assert f(x) == 3
""",
    ),
    "generator": (
        """
def f(x):
    for i in range(x):
        yield i
""",
        """
for x in [3]:
    assert list(f(x)) == [0, 1, 2]
    assert sum(f(x)) == 3
""",
    ),
    "infinite generator": (
        """
import itertools
def f(x):
    return itertools.count(x)
""",
        """
for x in [3]:
    numbers = f(x)
    assert next(numbers) == 3
    assert next(numbers) == 4
""",
    ),
    "function": (
        """
def f(x):
    return lambda y: x + y
""",
        """
for x in [3]:
    assert f(x)(4) == 7
    assert callable(f(x))
""",
    ),
    "takes a function": (
        """
def f(g, xs):
    return [g(x) for x in xs]
""",
        """
for k in [3]:
    assert f(lambda x: x * k, [1, 2]) == [3, 6]
    assert f(str, [1]) == ['1']
""",
    ),
    "changes its argument": (
        """
def f(xs):
    xs.sort()
    xs.append(9)
""",
        """
for xs in [[3, 1]]:
    f(xs)
    assert xs == [1, 3, 9]
""",
    ),
    "exception": (
        """
class TooSmall(ValueError):
    pass
def f(x):
    raise TooSmall('less', x)
""",
        """
for x in [3]:
    try:
        f(x)
        caught = None
    except TooSmall as error:
        caught = error.args
    assert caught == ('less', 3)
""",
    ),
    "Decimal and Fraction": (
        """
from decimal import Decimal
from fractions import Fraction
def f(x):
    return Decimal('1.5'), Fraction(1, x)
""",
        """
for x in [3]:
    assert f(x) == (1.5, Fraction(1, 3))
    assert isinstance(f(x)[0], Decimal)
""",
    ),
    "nested objects": (
        """
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next
def f(node):
    back = None
    while node:
        node.next, back, node = back, node, node.next
    return back
""",
        """
for k in [3]:
    turned = f(Node(1, Node(2, Node(k))))
    assert turned.value == 3
    assert turned.next.next.value == 1
    assert turned.next.next.next is None
""",
    ),
    "NaN": (
        """
def f(x):
    return float('nan')
""",
        """
for x in [1]:
    assert f(x) != f(x)
""",
    ),
    "helper called check": (
        """
def check(x):
    return x + 1
def f(x):
    return check(x)
""",
        """
for x in [1]:
    assert f(x) == 2
""",
    ),
    "named as a builtin": (
        """
def sum(a, b):
    return a + b
""",
        """
for a in [1]:
    assert sum(a, 2) == 3
""",
    ),
    "patches a builtin": (
        """
import builtins
builtins.len = builtins.len.__call__
def f(x):
    return len([x])
""",
        """
for x in [1]:
    assert f(x) == 1
""",
    ),
}


@pytest.mark.parametrize("name", RETURNED)
def test_pass_beside_and_apart(box: Sandbox, name: str) -> None:
    program, code = RETURNED[name]
    if "numpy" in program:
        pytest.importorskip("numpy")
    for start in ("", DOUBTED):
        verdict = box.judge(start + program, Tests("asserts", code))
        assert verdict.passed, (start, verdict)


def test_own_test_case_and_check(box: Sandbox) -> None:
    program = (
        "import unittest\nclass TestIt(unittest.TestCase):\n"
        "    def test_own(self):\n        self.assertEqual(f(1), 2)\n"
        "def check(candidate):\n    assert candidate(1) == 2\ndef f(x):\n    return x + 1\n"
        "if __name__ == '__main__':\n    unittest.main()\n"
    )
    suite = SUITE.format(imports="", body="self.assertEqual(f(2), 3)")
    assert box.judge(program, Tests("unittest", suite, entry_point="f")).passed
    code = "def check(candidate):\n    for x in (1, 2):\n        assert candidate(x) == x + 1\n"
    assert box.judge(program, Tests("check", code, entry_point="f")).passed


@pytest.mark.parametrize(
    "body",
    [
        "self.assertEqual(f(1), 2)",
        "self.assertEqual(2, f(1))",
        "self.assertAlmostEqual(f(0.5), 1.5)",
        "self.assertTrue(f(1) > 1)",
        "self.assertListEqual([f(1)], [2])",
        "self.assertIn(f(1), [1, 2])",
        "self.assertIsInstance(f(1), int)",
        "self.assertIsNotNone(f(1))",
        "self.assertGreater(f(1), 1)",
        "self.assertRaises(TypeError, f, 'x')",
        "with self.assertRaises(TypeError):\n            f('x')",
        "with self.assertRaisesRegex(TypeError, 'str'):\n            f('x')",
        "for x in (1, 2):\n            with self.subTest(x=x):\n                self.assertEqual(f(x), x + 1)",
        "f(1)",
        "self.assertNotEqual(f(1), 1)",
        "assert f(1) == 2",
    ],
)
def test_every_assertion_of_unittest_has_a_canary(box: Sandbox, body: str) -> None:
    """A pass needs a canary that falls, so none of these would pass if theirs did not."""
    tests = Tests("unittest", SUITE.format(imports="", body=body), entry_point="f")
    for start in ("", DOUBTED):
        assert box.judge(start + "def f(x):\n    return x + 1\n", tests).passed


def test_patched_module_stays_with_the_canary(box: Sandbox) -> None:
    """A test that patches the program's modules cannot run in another process."""
    program = "import os\ndef f():\n    return os.getcwd()\n"
    body = "with mock.patch('os.getcwd', return_value='/here'):\n            self.assertEqual(f(), '/here')"
    suite = SUITE.format(imports="from unittest import mock", body=body)
    assert box.judge(program, Tests("unittest", suite, entry_point="f")).passed


def test_wrong_object_is_wrong_and_no_tamper(box: Sandbox) -> None:
    program = "import os\nfrom collections import Counter\ndef f(x):\n    return Counter('aa')\n"
    tests = Tests("asserts", "for x in [1]:\n    assert f(x) == {'a': 1}", entry_point="f")
    assert box.judge(program, tests).outcome is Outcome.WRONG


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=25)
@given(
    value=plain, form=st.sampled_from(["assert f() == {}", "for _ in [0]:\n    assert f() == {}"]), doubt=st.booleans()
)
def test_a_correct_program_passes_whatever_it_returns(box: Sandbox, value: object, form: str, doubt: bool) -> None:
    program = f"{DOUBTED * doubt}def f():\n    inf = float('inf')\n    return {value!r}\n"
    tests = Tests("asserts", form.format(repr(value).replace("inf", "1e999")), entry_point="f")
    if "inf" not in repr(value):
        assert box.judge(program, tests).passed
