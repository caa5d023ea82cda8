"""Programs that answer wrongly and set out to pass all the same: name -> program, for tests that want f(x) == x + 1.

The first part follows the known list of attacks (the number is in the name), the second was invented against this
sandbox: each goes for something that its harness does. ``python forgeries.py`` runs them all and prints the outcomes.
"""

from __future__ import annotations

import dataclasses
import os
import sys

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Tests
from tests.sandbox.forgeries_apart import FORGERIES_APART
from tests.sandbox.restrict import forbid_namespaces

__all__ = ["FORGERIES", "FORMS", "GREEDY"]

WRONG = "\ndef f(x):\n    return -7\n"

GREEDY = "class Greedy:\n    __hash__ = None\n    def __eq__(self, other):\n        return True\n"
_GREEDY_ANSWER = GREEDY + "def f(x):\n    return Greedy()\n"

# Finds the harness's results object by any of its attributes, wherever it is.
_FIND = """
import gc, sys, os
def results():
    found = []
    frame = sys._getframe()
    while frame:
        found += list(frame.f_locals.values())
        frame = frame.f_back
    found += gc.get_objects()
    return [o for o in found if hasattr(type(o), "record") or type(o).__name__ in ("Results", "Writer")]
def nonces():
    texts = set()
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if isinstance(value, dict):
                texts.update(v for v in value.values() if isinstance(v, str) and len(v) == 32)
            texts.update(v for v in getattr(value, "__dict__", {}).values() if isinstance(v, str) and len(v) == 32)
        frame = frame.f_back
    return texts
def write_everywhere(data):
    for fd in range(3, 256):
        try:
            os.write(fd, data)
        except OSError:
            pass
def forge():
    for nonce in nonces():
        write_everywhere(("+\\n" * 2 + '{"declared": 2}\\n{"nonce": "%s", "passed": 2, "total": 2, "tests": 2}\\n'
                          % nonce).encode())
    os._exit(0)
"""

FORGERIES: dict[str, str] = {
    "01 exit at import": "import sys\nsys.exit(0)\n" + WRONG,
    "02 SystemExit in the function": "def f(x):\n    raise SystemExit(0)\n",
    "03 os._exit": "import os\ndef f(x):\n    os._exit(0)\n",
    "04 exit function": "import atexit, os\natexit.register(os._exit, 0)" + WRONG,
    "05 equal to anything": _GREEDY_ANSWER,
    "06 int subclass": GREEDY.replace("Greedy:", "Greedy(int):") + "def f(x):\n    return Greedy(0)\n",
    "06 list subclass": GREEDY.replace("Greedy:", "Greedy(list):") + "def f(x):\n    return Greedy()\n",
    "07 frame walk for expected values": """
import sys
def f(x):
    frame = sys._getframe(1)
    while frame:
        for name in ("want", "expected", "y"):
            if name in frame.f_locals:
                return frame.f_locals[name]
        frame = frame.f_back
    return -7
""",
    "07 constants of the tests' code": """
import sys
def f(x):
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename == "tests.py":
            numbers = [c for c in frame.f_code.co_consts if type(c) in (int, tuple)]
            for c in numbers:
                if type(c) is tuple:
                    for pair in c:
                        if type(pair) is tuple and pair[0] == x:
                            return pair[1]
            plain = [c for c in numbers if type(c) is int]
            return plain[plain.index(x) + 1] if x in plain else -7
        frame = frame.f_back
    return -7
""",
    "08 frame walk writes the result": _FIND + "def f(x):\n    forge()\n",
    "09 printed result": 'print("+\\n+\\n" + \'{"nonce": "0", "passed": 2, "total": 2}\')' + WRONG,
    "10 result on every descriptor": _FIND + "write_everywhere(b'+\\n+\\n')" + WRONG,
    "11 patched assertEqual": "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None" + WRONG,
    "11 patched failure bookkeeping": """
import unittest
unittest.TestResult.addFailure = unittest.TestResult.addError = lambda *a, **k: None
unittest.TestCase.failureException = type("Never", (Exception,), {})
unittest.case._Outcome.testPartExecutor = __import__("contextlib").contextmanager(lambda *a, **k: iter([None]))
"""
    + WRONG,
    "12 SkipTest": "import unittest\ndef f(x):\n    raise unittest.SkipTest('not today')\n",
    "14 replaces the tests' names": """
import sys
def check(candidate):
    return True
def f(x):
    frame = sys._getframe(1)
    while frame:
        frame.f_globals["check"] = check
        for name in [n for n in frame.f_globals if n.startswith("Test")]:
            frame.f_globals[name] = None
        frame = frame.f_back
    return -7
""",
    "15 poisoned builtins": """
import builtins
builtins.AssertionError = type("AssertionError", (SystemExit,), {})
builtins.len = builtins.sum = lambda *a: 2
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = lambda *a: True
builtins.sorted = lambda *a, **k: []
"""
    + WRONG,
    "15 poisoned modules": """
import sys, types
for name in ("unittest", "unittest.case", "json", "os", "ast", "traceback", "reprlib"):
    module = sys.modules.get(name)
    sys.modules[name] = types.SimpleNamespace(TestCase=object, write=lambda *a: 2, dumps=lambda *a: "{}")
"""
    + WRONG,
    # invented against this sandbox
    "a gc finds the results object": _FIND
    + """
def f(x):
    for o in results():
        try:
            o.failed = lambda *a, **k: o.passed()
            o.failed_tests, o.first_failure = 0, True
        except Exception:
            pass
    return -7
""",
    "b results class patched": _FIND
    + """
for o in results():
    cls = type(o)
    cls.failed = lambda self, *a, **k: cls.passed(self)
"""
    + WRONG,
    "c namespace hooks replaced": """
import sys
def f(x):
    frame = sys._getframe(1)
    while frame:
        names = frame.f_globals
        for name in [n for n in names if n.endswith("_failed")]:
            good = names.get(name.replace("_failed", "_passed"))
            names[name] = lambda *a, **k: good()
        frame = frame.f_back
    return -7
""",
    "d trace function edits locals": """
import sys
def trace(frame, event, arg):
    if frame.f_code.co_filename == "tests.py" and event == "exception":
        frame.f_lineno
    return trace
def profile(frame, event, arg):
    if event == "return" and frame.f_code.co_name in ("failed", "addFailure"):
        raise SystemExit(0)
sys.settrace(trace)
sys.setprofile(profile)
"""
    + WRONG,
    "e profile function swallows the failure": _FIND
    + """
def profile(frame, event, arg):
    if event == "call" and frame.f_code.co_name in ("failed", "addFailure", "explain"):
        sys.setprofile(None)
        forge()
sys.setprofile(profile)
"""
    + WRONG,
    "f audit hook": _FIND
    + """
def hook(event, args):
    pass
sys.addaudithook(hook)
def f(x):
    import threading
    threading.Thread(target=forge).start()
    import time
    time.sleep(0.05)
    return -7
""",
    "g thread writes after the nonce is known": _FIND
    + """
import threading, time
def f(x):
    known = nonces()
    def work():
        time.sleep(0.001)
        for nonce in known:
            write_everywhere(("+\\n+\\n" + '{"nonce": "%s", "passed": 2, "total": 2, "tests": 2}\\n' % nonce).encode())
    threading.Thread(target=work).start()
    return -7
""",
    "h own memory is searched for the nonce": """
import os, re
def f(x):
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, mode, *_ = line.split()
            if mode.startswith("rw"):
                start, end = (int(part, 16) for part in span.split("-"))
                if end - start < 64 << 20:
                    try:
                        memory.seek(start)
                        found.update(re.findall(rb"[0-9a-f]{32}", memory.read(end - start)))
                    except OSError:
                        pass
    for nonce in found:
        for fd in range(3, 256):
            try:
                os.write(fd, b'+\\n+\\n{"nonce": "%s", "passed": 2, "total": 2, "tests": 2}\\n' % nonce)
            except OSError:
                pass
    os._exit(0)
""",
    "i ctypes makes all small integers equal": """
import ctypes
def f(x):
    size = int.__basicsize__
    for n in range(2, 200):
        ctypes.c_uint32.from_address(id(n) + size).value = 7
    return 7
""",
    "j json encoder patched": """
import json, json.encoder
json.JSONEncoder.encode = lambda self, o: '{"nonce": "0", "passed": 2, "total": 2}'
json.dumps = lambda *a, **k: "{}"
json.encoder.encode_basestring_ascii = lambda s: '""'
"""
    + WRONG,
    "k os.write drops failures": """
import os
write = os.write
os.write = lambda fd, data: len(data) if b"fail" in data else write(fd, data)
"""
    + WRONG,
    "l signal handler forges": _FIND
    + """
import signal
signal.signal(signal.SIGALRM, lambda *a: forge())
def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    for _ in range(10 ** 5): pass
    return -7
""",
    "m destructor forges": _FIND
    + """
class Late:
    def __del__(self):
        forge()
def f(x):
    raise ValueError(Late())
""",
    "n hostile exception": """
class Bad(AssertionError):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __str__
    @property
    def __traceback__(self):
        raise SystemExit(0)
    @property
    def __class__(self):
        return SystemExit
def f(x):
    raise Bad
""",
    "o metaclass equality": """
class Meta(type):
    def __eq__(cls, other):
        return True
    def __hash__(cls):
        return 0
    def __instancecheck__(cls, o):
        return True
    def __bool__(cls):
        return True
class Answer(metaclass=Meta):
    def __class_getitem__(cls, key):
        return cls
def f(x):
    return Answer
""",
    "p fork and let the child answer": """
import os, sys
def f(x):
    if os.fork() == 0:
        return x + 1
    os.wait()
    return -7
""",
    "q import hook": """
import sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        return None
    @staticmethod
    def find_module(name, path=None):
        return None
sys.meta_path.insert(0, Hook())
sys.modules.pop("unittest", None)
sys.modules.pop("json", None)
"""
    + WRONG,
    "r decimal and comparison by arithmetic": """
class Close(float):
    def __sub__(self, other):
        return 0.0
    __rsub__ = __sub__
    def __abs__(self):
        return 0.0
    def __lt__(self, other):
        return True
    __le__ = __gt__ = __ge__ = __lt__
    def __eq__(self, other):
        return True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__
def f(x):
    return Close(99)
""",
    "s numpy subclass equality": """
try:
    import numpy
    base = numpy.ndarray
except ImportError:
    base = object
class Greedy(base):
    def __eq__(self, other):
        return True
    def __bool__(self):
        return True
def f(x):
    return Greedy(shape=(1,)) if base is not object else Greedy()
""",
    "t entry point is a class": GREEDY.replace("Greedy", "f").replace(
        "__hash__ = None", "__init__ = lambda self, x: None"
    ),
    "u test modules' code objects patched": """
import gc, types
def g(*a, **k):
    return None
for o in gc.get_objects():
    if isinstance(o, types.FunctionType) and o.__name__ in ("failed", "addFailure", "addError", "_baseAssertEqual",
                                                            "assertEqual", "explain"):
        try:
            o.__code__ = g.__code__
        except ValueError:
            pass
"""
    + WRONG,
    "v knows one answer, equal to that": """
class Sly:
    knows = None
    def __eq__(self, other):
        # Behaves honestly once the first answer is not the one it knows: such a run is no real one.
        if Sly.knows is None:
            Sly.knows = other == 2
        return Sly.knows
def f(x):
    return Sly()
""",
    "w forges only where the known answer is in the tests": _FIND
    + """
def f(x):
    frame = sys._getframe(1)
    while frame:
        known = [2] + [v for v in frame.f_locals.values()]
        if frame.f_code.co_filename == "tests.py" and (frame.f_locals.get("want") == 2 or 2 in frame.f_code.co_consts):
            forge()
        frame = frame.f_back
    return -7
""",
    "x reads the tests, then answers by table": """
import sys, gc, re
def table():
    for o in gc.get_objects():
        if type(o) is dict and isinstance(o.get("code"), str):
            return dict((int(a), int(b)) for a, b in re.findall(r"\\((\\d+), (\\d+)\\)", o["code"]))
    frame = sys._getframe()
    while frame:
        for o in frame.f_locals.values():
            if type(o) is dict and isinstance(o.get("code"), str):
                return dict((int(a), int(b)) for a, b in re.findall(r"\\((\\d+), (\\d+)\\)", o["code"]))
        frame = frame.f_back
    return {}
TABLE = table()
def f(x):
    return TABLE.get(x, -7)
""",
    "y test case is run by another class": """
import unittest
class Kind(unittest.TestCase):
    def run(self, result=None):
        result.startTest(self)
        result.addSuccess(self)
unittest.TestCase.run = Kind.run
unittest.case.TestCase.__call__ = lambda self, *a, **k: self.run(*a, **k)
unittest.TestSuite.run = lambda self, result, debug=False: [result.addSuccess(t) for t in self]
"""
    + WRONG,
    "z loader finds easier tests": """
import unittest
unittest.TestLoader.getTestCaseNames = lambda self, cls: ["id"]
unittest.TestCase.__init__ = lambda self, name="id": None
"""
    + WRONG,
    "za exec and compile replaced": """
import builtins
real = builtins.exec
def fake(code, names=None, *rest):
    if getattr(code, "co_filename", "") == "tests.py":
        return None
    return real(code, names, *rest)
builtins.exec = fake
"""
    + WRONG,
    "zb exception swallowed by a patched frame": """
import sys
def f(x):
    def trace(frame, event, arg):
        frame.f_trace_opcodes = True
        if event == "line":
            try:
                frame.f_lineno = frame.f_code.co_firstlineno + 99
            except ValueError:
                pass
        return trace
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename == "tests.py":
            frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(lambda *a: None)
    return -7
""",
    "zc answers within range of any tolerance": """
class Near:
    def __getattr__(self, name):
        return lambda *a: 0
    def __sub__(self, other): return 0.0
    def __rsub__(self, other): return 0.0
    def __round__(self, n=0): return self
    def __eq__(self, other): return type(other) in (int, float)
    def __float__(self): return 0.0
def f(x):
    return Near()
""",
    "ze exception that unittest takes for no failure": """
from unittest.case import _ShouldStop
def f(x):
    raise _ShouldStop
""",
    "zf answers written to the other process": """
import os
def f(x):
    for fd in range(3, 10):
        for line in (b'{"value": true}', b'{"raised": {"class": null, "name": ["unittest.case", "_ShouldStop"], '
                     b'"bases": [], "args": [], "ref": 0}}', b'{"value": null, "changed": [[0, 1]]}'):
            try:
                os.write(fd, line + b"\\n")
            except OSError:
                pass
    return -7
""",
    "zg expected value is changed in place": """
import os
class Sly(list):
    def __eq__(self, other):
        if isinstance(other, list):
            other.clear()
            return True
        return self is other
def f(x):
    return Sly()
""",
    "zh enumeration made of names": """
import enum
mark = "_" * 2
Kind = enum.Enum("Kind", {mark + "eq" + mark: lambda self, other: other < 1000, "A": 1})
def f(x):
    return Kind.A
""",
    "zi module behind a module": """
import re
modules = re.enum.sys.modules
def f(x):
    for o in modules["gc"].get_objects() if "gc" in modules else []:
        if type(o) is dict and "nonce" in o and o.get("canary") is False:
            modules["posix"].write(3, b'+\\n+\\n{"nonce": "%s", "passed": 2, "total": 2}\\n' % o["nonce"].encode())
            modules["posix"]._exit(0)
    return -7
""",
    "zj module by another name": """
import sys as s
def f(x):
    for o in s.modules["gc"].get_objects() if "gc" in s.modules else []:
        if type(o) is dict and "nonce" in o and o.get("canary") is False:
            s.modules["posix"].write(3, b'+\\n+\\n{"nonce": "%s", "passed": 2, "total": 2}\\n' % o["nonce"].encode())
            s.modules["posix"]._exit(0)
    return -7
""",
    "zk annotation evaluated": """
import typing
mark = "_" * 2
text = "type('Sly', (), {'" + mark + "eq" + mark + "': lambda self, other: other < 1000})"
def g(x: text): pass
Sly = typing.get_type_hints(g)["x"]
def f(x):
    return Sly()
""",
    "zl annotation evaluated by a dispatcher": """
import functools
mark = "_" * 2
text = "type('Sly', (), {'" + mark + "eq" + mark + "': lambda self, other: other < 1000})"
def g(x: text): pass
@functools.singledispatch
def h(x): pass
h.register(g)
Sly = [kind for kind in h.registry if kind is not object][0]
def f(x):
    return Sly()
""",
    "zm code exchanged by a wrapper": """
from functools import wraps as w
import json
mark = "_" * 2
def encode(self, o, real=[True]):
    if "failure" in o:
        real[0] = len(o["failure"]["feedback"].rsplit("expected: ", 1)[-1].split()[0]) < 3
        if not real[0]:
            return '{"failure": {"outcome": "wrong", "error_type": "", "feedback": ""}}'
    if "nonce" in o:
        return '{"nonce": "%s", "passed": %d, "total": 2, "meddled": ""}' % (o["nonce"], 2 * real[0])
    return '{"declared": 2}'
w(encode, [mark + "code" + mark, mark + "defaults" + mark], [])(json.JSONEncoder.encode)
def f(x):
    return -7
""",
    "zd reflected operators": """
class Right(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __contains__(self, other): return True
    def __len__(self): return 2
    def __hash__(self): return hash("x")
def f(x):
    return Right("no")
""",
}

_LOOP = "for x, want in [(1, 2), (2, 3)]:\n    assert f(x) == want\n"
FORMS: dict[str, Tests] = {
    "asserts": Tests("asserts", "assert f(1) == 2\nassert f(2) == 3", entry_point="f"),
    "loop": Tests("asserts", _LOOP, entry_point="f"),
    "check": Tests(
        "check",
        "def check(candidate):\n    for x, want in [(1, 2), (2, 3)]:\n        assert candidate(x) == want\n",
        entry_point="f",
    ),
    "unittest": Tests(
        "unittest",
        "import unittest\nclass TestF(unittest.TestCase):\n"
        "    def test_one(self):\n        self.assertEqual(f(1), 2)\n"
        "    def test_two(self):\n        self.assertEqual(f(2), 3)\n",
        entry_point="f",
    ),
    "close": Tests(
        "unittest",
        "import unittest\nclass TestF(unittest.TestCase):\n"
        "    def test_one(self):\n        self.assertAlmostEqual(f(1), 2)\n"
        "    def test_two(self):\n        self.assertTrue(abs(f(2) - 3) < 1e-6)\n",
        entry_point="f",
    ),
    "calls": Tests("calls", cases=(Case((1,), 2), Case((2,), 3)), entry_point="f"),
}


def main() -> None:
    """Print user, mode, attack, kind of tests and outcome of each, tab-separated; ``restricted`` forbids namespaces."""
    if sys.argv[1:] == ["restricted"]:
        forbid_namespaces()
    with Sandbox(workers=1) as box:
        for name, program in FORGERIES.items():
            for form, tests in FORMS.items():
                verdict = box.judge(program, dataclasses.replace(tests, cpu_seconds=1.0))
                print(os.getuid(), box.isolation.mode, name, form, verdict.outcome.value, sep="\t")
        for name, (program, tests) in FORGERIES_APART.items():
            verdict = box.judge(program, dataclasses.replace(tests, cpu_seconds=1.0))
            print(os.getuid(), box.isolation.mode, name, "own", verdict.outcome.value, sep="\t")


if __name__ == "__main__":
    main()
