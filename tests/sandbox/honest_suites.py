"""Honest programs and whole suites of unittest: name -> (program, suite). CPython passes them all."""

from __future__ import annotations

__all__ = ["SUITES"]

SUITES: dict[str, tuple[str, str]] = {
    "fixtures": (
        r"""
class Acc:
    def __init__(self, b=0): self.b = b
    def dep(self, x):
        if x <= 0: raise ValueError('positive')
        self.b += x
        return self.b
""",
        r"""
import unittest, tempfile, os, shutil
class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.dir = tempfile.mkdtemp()
    @classmethod
    def tearDownClass(cls): shutil.rmtree(cls.dir)
    def setUp(self): self.a = Acc(10); self.addCleanup(lambda: None)
    def tearDown(self): self.a = None
    def assertBalance(self, n): self.assertEqual(self.a.b, n)
class TestA(Base):
    def test_dep(self):
        self.a.dep(5)
        self.assertBalance(15)
    def test_fresh(self): self.assertBalance(10)
    def test_raises(self):
        with self.assertRaises(ValueError) as cm: self.a.dep(-1)
        self.assertEqual(str(cm.exception), "positive")
        self.assertRaises(ValueError, self.a.dep, 0)
        with self.assertRaisesRegex(ValueError, "^pos"): self.a.dep(-2)
    def test_sub(self):
        for x in (1, 2):
            with self.subTest(x=x):
                self.assertEqual(Acc().dep(x), x)
    def test_file(self):
        with open(os.path.join(self.dir, "x"), "w") as f: f.write("1")
        self.assertTrue(os.path.exists(os.path.join(self.dir, "x")))
""",
    ),
    "mock": (
        r"""
import os, time
def f(p): return os.path.getsize(p) * 2
def now(): return time.time()
class Api:
    def get(self, u): raise OSError
    def name(self, u): return self.get(u)['name']
""",
        r"""
import unittest
from unittest.mock import patch, MagicMock, call
class T(unittest.TestCase):
    @patch("os.path.getsize", return_value=21)
    def test_a(self, m):
        self.assertEqual(f("x"), 42)
        m.assert_called_once_with("x")
    def test_b(self):
        with patch("time.time") as t:
            t.return_value = 5
            self.assertEqual(now(), 5)
    def test_c(self):
        a = Api()
        a.get = MagicMock(return_value={"name": "n"})
        self.assertEqual(a.name("u"), "n")
        self.assertEqual(a.get.call_args_list, [call("u")])
""",
    ),
    "stdout capture": (
        r"""
def hello(n): print('hello', n)
""",
        r"""
import io, unittest
from contextlib import redirect_stdout
class T(unittest.TestCase):
    def test_a(self):
        out = io.StringIO()
        with redirect_stdout(out): hello("bob")
        self.assertEqual(out.getvalue(), "hello bob\n")
    def test_b(self):
        with redirect_stdout(io.StringIO()) as out: hello(1)
        self.assertIn("1", out.getvalue())
""",
    ),
    "logs and warns": (
        r"""
import logging, warnings
def f():
    logging.getLogger('a').warning('low %d', 3)
    return 1
def g(): warnings.warn('w', UserWarning); return 2
""",
        r"""
import unittest
class T(unittest.TestCase):
    def test_a(self):
        with self.assertLogs('a', 'WARNING') as cm: self.assertEqual(f(), 1)
        self.assertIn('low 3', cm.output[0])
    def test_b(self):
        with self.assertWarns(UserWarning): self.assertEqual(g(), 2)
""",
    ),
    "async case": (
        r"""
import asyncio
async def f(x): await asyncio.sleep(0); return x + 1
class C:
    async def __aenter__(self): return self
    async def __aexit__(self, *a): return False
    async def get(self): return 5
""",
        r"""
import unittest
class T(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.x = 1
    async def test_a(self): self.assertEqual(await f(self.x), 2)
    async def test_b(self):
        async with C() as c:
            self.assertEqual(await c.get(), 5)
    def test_c(self): self.assertTrue(callable(f))
""",
    ),
    "dynamic tests": (
        r"""
def f(x): return x * 2
""",
        r"""
import unittest
class T(unittest.TestCase): pass
def make(x):
    def test(self): self.assertEqual(f(x), x + x)
    return test
for i in range(3): setattr(T, f"test_{i}", make(i))
class U(unittest.TestCase):
    def test_u(self): self.assertEqual(f(1), 2)
""",
    ),
    "early returns and inherited": (
        r"""
def f(x): return x * 2
""",
        r"""
import unittest
class Mixin:
    def check(self, x):
        if x < 0: return
        self.assertEqual(f(x), x * 2)
    def test_in(self):
        for x in (-1, 0, 1): self.check(x)
        return
class T(Mixin, unittest.TestCase):
    def test_b(self):
        self.assertEqual(f(1), 2)
        if f(1) == 2: return
        self.fail("no")
""",
    ),
    "long tests": (
        r"""
def f(n):
    return list(range(n))
""",
        r"""
import unittest
class T(unittest.TestCase):
    def test_a(self):
        for x in range(200000):
            self.assertTrue(x >= 0)
        xs = f(30000)
        self.assertEqual(xs, list(range(30000)))
        self.assertNotEqual(xs, f(3))
    def test_b(self):
        d = {str(i): [i] * 3 for i in f(5000)}
        self.assertEqual(d, {str(i): [i] * 3 for i in range(5000)})
        self.assertEqual("\n".join(map(str, f(3000))), "\n".join(map(str, range(3000))))
""",
    ),
    "long objects": (
        r"""
class P:
    def __init__(self, x): self.x = x
    def get(self): return self.x
def f(n): return [P(i) for i in range(n)]
import os
""",
        r"""
import unittest
class T(unittest.TestCase):
    def test_a(self):
        for i, p in enumerate(f(5000)):
            self.assertEqual(p.get(), i)
""",
    ),
    "expected failure and skip": (
        r"""
def f(x): return x
""",
        r"""
import unittest
class T(unittest.TestCase):
    @unittest.expectedFailure
    def test_a(self): self.assertEqual(f(1), 2)
    def test_b(self): self.assertEqual(f(1), 1)
""",
    ),
    "module state": (
        r"""
cache = {}
def get(k):
    if k not in cache: cache[k] = len(cache)
    return cache[k]
""",
        r"""
import unittest
class T(unittest.TestCase):
    def setUp(self): cache.clear()
    def test_a(self):
        self.assertEqual(get("a"), 0); self.assertEqual(get("b"), 1)
        self.assertEqual(cache, {"a": 0, "b": 1})
    def test_b(self):
        self.assertEqual(get("b"), 0)
        self.assertIn("b", cache)
""",
    ),
    "seeded by tests": (
        r"""
import random
def f(): return random.randint(1, 100)
""",
        r"""
import unittest, random
class T(unittest.TestCase):
    def setUp(self): random.seed(3)
    def test_a(self):
        a = f(); random.seed(3)
        self.assertEqual(f(), a)
""",
    ),
    "test class extends program's": (
        r"""
import unittest
class Common(unittest.TestCase):
    def same(self, a, b): self.assertEqual(a, b)
def f(x): return x
""",
        r"""
import unittest
class T(Common):
    def test_a(self): self.same(f(1), 1)
""",
    ),
    "environment": (
        r"""
import os
def f(): return os.environ.get('MODE', 'none')
""",
        r"""
import unittest, os
class T(unittest.TestCase):
    def test_a(self):
        os.environ['MODE'] = 'x'
        self.assertEqual(f(), 'x')
        del os.environ['MODE']
        self.assertEqual(f(), 'none')
""",
    ),
    "almost": (
        r"""
import math
def f(x): return math.sin(x)
def big(): return 1e20
def inf(): return math.inf
""",
        r"""
import unittest, math
class T(unittest.TestCase):
    def test_a(self):
        self.assertAlmostEqual(f(0.5), 0.479425538, places=6)
        self.assertAlmostEqual(big(), 1e20, delta=1e10)
        self.assertEqual(big(), 1e20)
    def test_b(self): self.assertEqual(inf(), float("inf"))
    def test_c(self): self.assertTrue(math.isclose(f(1), 0.8414709848))
""",
    ),
    "type of a generator": (
        r"""
import random
def f(n, seed=None):
    random.seed(seed)
    return ((i, random.random()) for i in range(n))
""",
        r"""
import unittest
class T(unittest.TestCase):
    def test_a(self):
        self.assertIsInstance(f(2), type((x for x in range(1))))
        self.assertEqual(sum(1 for _ in f(0)), 0)
        self.assertEqual(list(f(3, 1)), list(f(3, 1)))
        self.assertEqual(next(f(1, 5))[0], 0)
""",
    ),
    "random numbers": (
        r"""
import random, os
def roll(): return random.randint(1, 6)
""",
        r"""
import unittest
class T(unittest.TestCase):
    def test_a(self):
        for _ in range(50): self.assertIn(roll(), range(1, 7))
""",
    ),
}
