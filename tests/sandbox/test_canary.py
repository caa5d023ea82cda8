"""Altered tests fail where the real ones pass, whatever they assert."""

from __future__ import annotations

import ast
import unittest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.sandbox import Sandbox
from iterpref.sandbox.canary import alter_asserts, alter_methods
from iterpref.sandbox.decoy import Fallen, decoy, tools
from iterpref.sandbox.jobs import Job, make_jobs, other_job
from iterpref.sandbox.settle import settle
from iterpref.types import Tests, Verdict

ASSERTS = [
    "assert f(1) == 2",
    "assert 2 == f(1)",
    "assert f(1) != 3",
    "assert f(1) > 1",
    "assert 2 <= f(1)",
    "assert f(1) in [1, 2]",
    "assert 1 in [f(0)]",
    "assert f(1) not in [1]",
    "assert f(1) is not None",
    "assert not f(-1)",
    "assert f(1)",
    "assert f(1) == 2 and f(2) == 3",
    "assert 1 < f(1) < 3",
    "assert isinstance(f(1), int)",
    "assert all(f(x) == x + 1 for x in range(3))",
    "assert abs(f(0.5) - 1.5) < 1e-6",
    "assert True",
    "for x in [1]:\n    assert f(x) == 2",
]


def f(x: Any) -> Any:
    return x + 1


@pytest.mark.parametrize("code", ASSERTS)
def test_altered_assert_falls(code: str) -> None:
    exec(code, {"f": f})
    tree = ast.parse(code)
    alter_asserts(tree)
    with pytest.raises(Exception):  # noqa: B017, PT011
        exec(compile(tree, "tests.py", "exec"), {"f": f, **tools(Fallen())})


METHODS = [
    "self.assertEqual(f(1), 2)",
    "self.assertEqual(2, f(1))",
    "self.assertNotEqual(f(1), 1)",
    "self.assertTrue(f(1))",
    "self.assertFalse(f(-1))",
    "self.assertIs(f(1) == 2, True)",
    "self.assertIsNone(None)",
    "self.assertIn(f(1), [1, 2])",
    "self.assertNotIn(f(1), [1])",
    "self.assertIsInstance(f(1), int)",
    "self.assertAlmostEqual(f(0.5), 1.5)",
    "self.assertGreater(f(1), 1)",
    "self.assertCountEqual([f(1), 1], [1, 2])",
    "self.assertRegex('ab', 'a')",
    "self.assertRaises(TypeError, f, 'x')",
    "with self.assertRaises(TypeError):\n    f('x')",
    "with self.subTest():\n    self.assertEqual(f(1), 2)",
    "assert f(1) == 2",
    "f(1)",
]


def run_suite(body: str, more: Any, tree: ast.Module | None = None) -> unittest.TestResult:
    """Run the method ``body``, or the altered one in ``tree``."""
    fallen = Fallen()
    names: dict[str, Any] = {"f": f, **tools(fallen), **more}
    exec(compile(tree or suite(body), "tests.py", "exec"), names)
    result = unittest.TestResult()
    test = names["TestIt"]("test_it")
    if tree:
        test.test_it = fallen.ending(test.test_it)
    test.run(result)
    return result


def suite(body: str) -> ast.Module:
    lines = body.replace("\n", "\n        ")
    return ast.parse(f"import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n        {lines}\n")


@pytest.mark.parametrize("body", METHODS)
def test_altered_method_fails(body: str) -> None:
    assert run_suite(body, {}).wasSuccessful()
    tree = suite(body)
    alter_methods(tree)
    assert not run_suite(body, {}, tree).wasSuccessful()


@pytest.mark.parametrize("body", [body for body in METHODS if body.startswith("self.assert")])
def test_method_that_passes_anything_is_found(body: str) -> None:
    """With assertions that never fail, as after a patch of unittest, the altered method does not fail either."""
    never = {name: lambda *_: None for name in dir(unittest.TestCase) if name.startswith("assert")}
    tree = suite(body.replace("TestCase", "Blind"))
    alter_methods(tree)
    tree.body[1].bases = [ast.Name("Blind", ast.Load())]  # type: ignore[attr-defined]
    ast.fix_missing_locations(tree)
    assert run_suite(body, {"Blind": type("Blind", (unittest.TestCase,), never)}, tree).wasSuccessful()


values = st.none() | st.booleans() | st.integers() | st.floats(-1e6, 1e6) | st.text() | st.lists(st.integers())
values |= st.dictionaries(st.text(), st.integers()) | st.frozensets(st.integers(0, 5)) | st.tuples(st.integers())


@given(values)
def test_decoy_is_another_value_of_the_same_type(value: object) -> None:
    assert decoy(value) != value
    assert value is None or type(decoy(value)) is type(value)


LONG = {
    "loop": ("asserts", "for x in range(50):\n    assert f(x) == x + 1"),
    "loop in check": ("check", "def check(candidate):\n    for x in range(50):\n        assert candidate(x) == x + 1"),
    "helper that may return": (
        "asserts",
        "def check_one(x):\n    if x > 1: return\n    assert f(x) == x + 1\nfor x in range(3): check_one(x)",
    ),
    "large values": ("unittest", suite("self.assertEqual([f(x) for x in range(9999)], list(range(1, 10000)))")),
    "infinity": ("asserts", "for x in [1e400, 1e300]:\n    assert f(x) == x"),
    "numpy": ("asserts", "import numpy as np\nnp.testing.assert_allclose(f(np.zeros(2)), 1)\nassert f(1) == 2"),
    "return": ("unittest", suite("self.assertEqual(f(1), 2)\nreturn")),
    "tests made at run time": (
        "unittest",
        "import unittest\nclass TestIt(unittest.TestCase): pass\ndef made(x):\n"
        "    return lambda self: self.assertEqual(f(x), x + 1)\n"
        "for x in range(3): setattr(TestIt, f'test_{x}', made(x))",
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_canary_of_an_honest_program_falls(box: Sandbox, name: str) -> None:
    kind, code = LONG[name]
    if name == "numpy":
        pytest.importorskip("numpy")
    tests = Tests(kind, code if isinstance(code, str) else ast.unparse(code), entry_point="f")
    (job,) = make_jobs("def f(x):\n    return x + 1\n", tests)
    seen = []

    def run(one: Job) -> Verdict:
        seen.append(one.way)
        return box._judge_job(one, "numpy" if name == "numpy" else "plain")

    assert settle(other_job(job, "beside"), run).passed
    assert seen == ["beside", "canary"]
