"""Honest programs, and statements that assert something of them: name -> (program, statements).

CPython passes them all, whichever kind of tests the statements are made: with asserts, ``check`` or unittest.
"""

from __future__ import annotations

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, tuple[str, str]] = {
    "dataclass eq order": (
        r"""
from dataclasses import dataclass, field
@dataclass(order=True)
class Item:
    price: float
    name: str = field(compare=False, default="x")
def f(n): return [Item(i, str(i)) for i in range(n)]
""",
        r"""
assert f(2) == [Item(0), Item(1)]
assert max(f(3)).price == 2
assert f(3)[0] < f(3)[1]
assert sorted(f(3), reverse=True)[0].name == "2"
""",
    ),
    "dataclass unnamed": (
        r"""
from dataclasses import dataclass, asdict, replace
@dataclass(frozen=True)
class Point:
    x: int
    y: int
def f(n): return Point(n, n + 1)
""",
        r"""
assert f(1) == f(1)
assert f(1) != f(2)
assert f(1).x == 1
assert len({f(1), f(1)}) == 1
assert repr(f(1)) == "Point(x=1, y=2)"
assert str(f(1)) == "Point(x=1, y=2)"
""",
    ),
    "dataclass asdict": (
        r"""
from dataclasses import dataclass
@dataclass
class Point:
    x: int
    y: int
def f(n): return Point(n, n + 1)
""",
        r"""
import dataclasses
assert dataclasses.asdict(f(1)) == {"x": 1, "y": 2}
assert dataclasses.replace(f(1), x=5).x == 5
""",
    ),
    "Enum": (
        r"""
from enum import Enum, auto
class Color(Enum):
    RED = auto()
    BLUE = auto()
def f(x): return Color.RED if x else Color.BLUE
""",
        r"""
assert f(1) is Color.RED
assert f(0) == Color.BLUE
assert f(1).name == "RED"
assert Color["RED"] is f(1)
assert Color(2) == f(0)
assert [c.name for c in Color] == ["RED", "BLUE"]
assert len(Color) == 2
assert isinstance(f(1), Color)
assert f(1) in Color
""",
    ),
    "Enum unnamed": (
        r"""
from enum import Enum
class Color(Enum):
    RED = "r"
    BLUE = "b"
def f(x): return Color.RED if x else Color.BLUE
""",
        r"""
assert f(1).value == "r"
assert f(1) is f(1)
assert f(1) != f(0)
assert {f(1): 3}[f(1)] == 3
""",
    ),
    "Flag": (
        r"""
from enum import Flag, IntFlag
class Perm(Flag):
    R = 1
    W = 2
class IPerm(IntFlag):
    R = 4
    W = 2
def f(): return Perm.R | Perm.W
def g(): return IPerm.R | IPerm.W
""",
        r"""
assert f() == Perm.R | Perm.W
assert Perm.R in f()
assert g() == 6
assert g() & IPerm.R
assert not (Perm.R & Perm.W)
""",
    ),
    "Counter ops": (
        r"""
from collections import Counter
def f(s): return Counter(s)
""",
        r"""
assert f("aab") + f("b") == {"a": 2, "b": 2}
assert f("aab")["z"] == 0
assert f("aab").total() == 3 if hasattr(f("a"), "total") else True
assert f("ab") - f("a") == f("b")
assert list(f("aab").elements()) == ["a", "a", "b"]
""",
    ),
    "NamedTuple class": (
        r"""
from typing import NamedTuple
class P(NamedTuple):
    x: int
    y: int = 0
    @property
    def norm(self): return abs(self.x) + abs(self.y)
def f(x): return P(x)
""",
        r"""
assert f(3) == (3, 0)
assert f(3) == P(3)
assert f(3)._replace(y=2) == P(3, 2)
assert f(-3).norm == 3
x, y = f(3)
assert (x, y) == (3, 0)
assert f(3)._asdict() == {"x": 3, "y": 0}
""",
    ),
    "generator protocol": (
        r"""
def f(n):
    total = 0
    while True:
        got = yield total
        if got is None: return
        total += got
def g(n):
    yield from range(n)
    return "end"
""",
        r"""
it = f(0)
assert next(it) == 0
assert it.send(3) == 3
assert it.send(4) == 7
it.close()
assert list(g(3)) == [0, 1, 2]
assert sum(x * x for x in g(4)) == 14
try:
    it2 = g(0); next(it2)
    done = None
except StopIteration as stop:
    done = stop.value
assert done == "end"
""",
    ),
    "generator type": (
        r"""
def f(n): return (i for i in range(n))
""",
        r"""
import types
assert isinstance(f(2), types.GeneratorType)
assert type(f(2)) == type((x for x in []))
assert type(f(2)).__name__ == "generator"
assert hasattr(f(2), "__next__")
assert iter(g := f(2)) is g
import inspect
assert inspect.isgenerator(f(1))
assert inspect.isgeneratorfunction(f) is False
""",
    ),
    "itertools objects": (
        r"""
import itertools
def f(n): return itertools.chain(range(n), [9])
def g(xs): return itertools.groupby(xs)
def h(xs): return zip(xs, map(str, xs))
""",
        r"""
assert list(f(2)) == [0, 1, 9]
assert [(k, list(v)) for k, v in g("aab")] == [("a", ["a", "a"]), ("b", ["b"])]
assert dict(h([1, 2])) == {1: "1", 2: "2"}
assert next(f(1)) == 0
""",
    ),
    "own iterator": (
        r"""
class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n <= 0: raise StopIteration
        self.n -= 1
        return self.n + 1
def f(n): return Countdown(n)
""",
        r"""
assert list(f(3)) == [3, 2, 1]
assert sum(f(3)) == 6
a, *b = f(3)
assert (a, b) == (3, [2, 1])
assert 2 in f(3)
assert max(f(5)) == 5
""",
    ),
    "async": (
        r"""
import asyncio
async def f(x):
    await asyncio.sleep(0)
    return x + 1
async def many(n): return await asyncio.gather(*[f(i) for i in range(n)])
async def agen(n):
    for i in range(n): yield i
""",
        r"""
import asyncio
assert asyncio.run(f(1)) == 2
assert asyncio.run(many(3)) == [1, 2, 3]
async def both(): return await asyncio.gather(f(1), f(2))
assert asyncio.run(both()) == [2, 3]
async def collect(): return [x async for x in agen(3)]
assert asyncio.run(collect()) == [0, 1, 2]
assert asyncio.iscoroutinefunction(f)
""",
    ),
    "async class": (
        r"""
import asyncio
class Queue:
    def __init__(self): self.items = []; self.lock = asyncio.Lock()
    async def put(self, x):
        async with self.lock: self.items.append(x)
    async def __aenter__(self): return self
    async def __aexit__(self, *a): self.items.append("closed")
""",
        r"""
import asyncio
async def go():
    q = Queue()
    async with q as same:
        await q.put(1)
        assert same is q
    return q.items
assert asyncio.run(go()) == [1, "closed"]
""",
    ),
    "context manager": (
        r"""
class Managed:
    log = []
    def __enter__(self): self.log.append("in"); return self
    def __exit__(self, kind, error, tb): self.log.append(kind.__name__ if kind else "out"); return False
    def value(self): return 5
""",
        r"""
with Managed() as m:
    assert m.value() == 5
assert m.log == ["in", "out"]
try:
    with m: raise KeyError("x")
except KeyError: pass
assert m.log[-1] == "KeyError"
""",
    ),
    "contextlib": (
        r"""
from contextlib import contextmanager, suppress
@contextmanager
def tag(name, out):
    out.append(f"<{name}>")
    yield name.upper()
    out.append(f"</{name}>")
def ignoring(): return suppress(ValueError)
""",
        r"""
out = []
with tag("b", out) as t:
    assert t == "B"
with ignoring():
    raise ValueError
assert len(out) == 2
assert out == ["<b>", "</b>"]
""",
    ),
    "descriptors": (
        r"""
class Positive:
    def __set_name__(self, owner, name): self.name = "_" + name
    def __get__(self, obj, owner=None): return self if obj is None else getattr(obj, self.name)
    def __set__(self, obj, value):
        if value <= 0: raise ValueError(f"{self.name[1:]} must be positive")
        setattr(obj, self.name, value)
class Box:
    width = Positive()
    def __init__(self, width): self.width = width
    @property
    def area(self): return self.width ** 2
    @staticmethod
    def unit(): return Box(1)
    @classmethod
    def of(cls, w): return cls(w)
""",
        r"""
b = Box(2)
assert b.area == 4
b.width = 3
assert b.area == 9
try:
    b.width = -1
    said = None
except ValueError as e:
    said = str(e)
assert said == "width must be positive"
assert Box.unit().width == 1
assert Box.of(7).area == 49
assert isinstance(Box.of(1), Box)
assert hasattr(b, "area") and not hasattr(b, "height")
""",
    ),
    "metaclass registry": (
        r"""
class Registry(type):
    known = {}
    def __new__(mcs, name, bases, ns):
        cls = super().__new__(mcs, name, bases, ns)
        mcs.known[name] = cls
        return cls
class Base(metaclass=Registry): pass
class Child(Base):
    def hi(self): return "hi"
""",
        r"""
assert set(Registry.known) == {"Base", "Child"}
assert Registry.known["Child"] is Child
assert Child().hi() == "hi"
assert issubclass(Child, Base)
assert type(Child) is Registry
assert type(Child()) is Child
assert Child.__name__ == "Child"
assert Child.__mro__[1] is Base
""",
    ),
    "singleton": (
        r"""
class Single:
    _one = None
    def __new__(cls):
        if cls._one is None: cls._one = super().__new__(cls)
        return cls._one
def get(): return Single()
CONFIG = {"a": 1}
def config(): return CONFIG
""",
        r"""
assert Single() is Single()
assert get() is Single()
assert config() is config()
config()["b"] = 2
assert config() is config()
""",
    ),
    "eq overloads": (
        r"""
class Version:
    def __init__(self, text): self.parts = tuple(int(p) for p in text.split("."))
    def __eq__(self, other):
        if isinstance(other, str): other = Version(other)
        return isinstance(other, Version) and self.parts == other.parts
    def __lt__(self, other): return self.parts < (Version(other) if isinstance(other, str) else other).parts
    def __hash__(self): return hash(self.parts)
def f(t): return Version(t)
""",
        r"""
assert Version("1.2") == "1.2"
assert Version("1.2") != "1.3"
assert Version("1.2") == Version("1.2")
assert f("1.2") < f("1.10")
assert {f("1.0"): 1}[f("1.0")] == 1
assert f("1.2") < "1.3"
""",
    ),
    "closures": (
        r"""
def counter():
    n = 0
    def inc(step=1):
        nonlocal n
        n += step
        return n
    inc.reset = lambda: None
    return inc
def compose(*fs):
    def run(x):
        for g in reversed(fs): x = g(x)
        return x
    return run
""",
        r"""
c = counter()
assert c() == 1
assert c(5) == 6
d = counter()
assert d() == 1
assert compose(lambda x: x + 1, lambda x: x * 2)(5) == 11
assert callable(c)
assert c.__name__ == "inc"
""",
    ),
    "functools": (
        r"""
import functools
calls = []
@functools.lru_cache(maxsize=None)
def fib(n):
    calls.append(n)
    return n if n < 2 else fib(n - 1) + fib(n - 2)
@functools.singledispatch
def show(x): return "any"
@show.register
def _(x: int): return "int"
@show.register(list)
def _(x): return "list"
double = functools.partial(lambda a, b: a * b, 2)
@functools.total_ordering
class N:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == o.v
    def __lt__(self, o): return self.v < o.v
""",
        r"""
assert fib(30) == 832040
assert fib.cache_info().misses == 31
fib.cache_clear()
assert fib.cache_info().currsize == 0
assert show(1) == "int" and show([]) == "list" and show("") == "any"
assert double(4) == 8
assert N(1) <= N(1) and N(2) > N(1)
""",
    ),
    "decorators with state": (
        r"""
import functools, time
def timed(fn):
    @functools.wraps(fn)
    def wrapper(*a, **k):
        wrapper.calls += 1
        return fn(*a, **k)
    wrapper.calls = 0
    return wrapper
def retry(times):
    def deco(fn):
        def run(*a):
            for i in range(times):
                try: return fn(*a)
                except ValueError: pass
            raise RuntimeError("gave up")
        return run
    return deco
@timed
def f(x): return x
""",
        r"""
assert f(1) == 1 and f(2) == 2
assert f.calls == 2
assert f.__name__ == "f"
n = []
@retry(3)
def flaky():
    n.append(1)
    if len(n) < 3: raise ValueError("x")
    return "ok"
assert flaky() == "ok"
assert len(n) == 3
@timed
def own(x): return x + 1
assert own(1) == 2
assert own.calls == 1
""",
    ),
    "decimal fractions": (
        r"""
from decimal import Decimal, getcontext, localcontext, ROUND_HALF_UP
from fractions import Fraction
def f(x): return Decimal(x).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
def g(a, b): return Fraction(a, b)
def h(): return Decimal("NaN"), Decimal("Infinity")
""",
        r"""
from decimal import Decimal
from fractions import Fraction
assert f("1.005") == Decimal("1.01")
assert str(f("2.5")) == "2.50"
assert g(2, 4) == Fraction(1, 2) and g(1, 3) + g(2, 3) == 1
assert h()[0].is_nan() and h()[1] > 10
assert isinstance(f("1"), Decimal)
assert f("1").as_tuple().exponent == -2
""",
    ),
    "datetime zoneinfo": (
        r"""
from datetime import datetime, timedelta, timezone, date, time
from zoneinfo import ZoneInfo
def f(h): return datetime(2024, 7, 1, h, tzinfo=ZoneInfo("Europe/Paris"))
def g(h): return datetime(2024, 1, 1, h, tzinfo=timezone(timedelta(hours=2), "X"))
def u(): return datetime(2024, 1, 1, tzinfo=timezone.utc)
def z(): return ZoneInfo("Asia/Tokyo")
""",
        r"""
from datetime import datetime, timezone, timedelta
from zoneinfo import ZoneInfo
assert f(12) == datetime(2024, 7, 1, 10, tzinfo=timezone.utc)
assert f(12).tzinfo == ZoneInfo("Europe/Paris")
assert f(12).tzinfo.key == "Europe/Paris"
assert f(12).tzname() == "CEST"
assert (f(12) + timedelta(days=180)).tzname() == "CET"
assert g(3).tzname() == "X" and g(3).utcoffset() == timedelta(hours=2)
assert u().tzinfo is timezone.utc
assert z() is ZoneInfo("Asia/Tokyo")
assert f(12).astimezone(timezone.utc).hour == 10
""",
    ),
    "regex": (
        r"""
import re
def f(s): return re.match(r"(?P<a>\w+)-(\d+)", s)
def g(): return re.compile("a+", re.I)
def h(s): return re.finditer("a", s)
""",
        r"""
import re
assert f("ab-12").group(2) == "12"
assert f("ab-12").groupdict() == {"a": "ab"}
assert f("ab-12").span() == (0, 5)
assert f("zz") is None
assert f("ab-12")["a"] == "ab"
assert isinstance(f("ab-12"), re.Match)
assert g().pattern == "a+" and g().fullmatch("AaA")
assert isinstance(g(), re.Pattern)
assert [m.start() for m in h("banana")] == [1, 3, 5]
""",
    ),
    "pathlib": (
        r"""
from pathlib import Path, PurePosixPath
def f(name): return Path("/tmp") / name
def write(path, text): Path(path).write_text(text); return Path(path).stat().st_size
""",
        r"""
from pathlib import Path
assert f("a.txt") == Path("/tmp/a.txt")
assert f("a.txt").suffix == ".txt" and f("a").name == "a"
assert str(f("a")) == "/tmp/a"
assert write("x.txt", "abc") == 3
assert Path("x.txt").read_text() == "abc"
assert open("x.txt").read() == "abc"
assert isinstance(f("a"), Path)
""",
    ),
    "io objects": (
        r"""
import io
def f(text): return io.StringIO(text)
def g(stream): return [line.strip() for line in stream]
def w(stream, text):
    stream.write(text)
def b(): return io.BytesIO(b"ab")
""",
        r"""
import io
assert f("a\nb").read() == "a\nb"
assert f("a\nb").readlines() == ["a\n", "b"]
assert g(io.StringIO("x\ny")) == ["x", "y"]
assert b().getvalue() == b"ab"
out = io.StringIO()
w(out, "hello")
assert out.getvalue() == "hello"
""",
    ),
    "subclassed exceptions": (
        r"""
class AppError(Exception):
    def __init__(self, code, message="bad"):
        super().__init__(f"{code}: {message}")
        self.code = code
class NotFound(AppError): pass
class Odd(ValueError):
    def __str__(self): return "odd!"
def f(x):
    if x == 1: raise NotFound(404, "gone")
    if x == 2: raise Odd(1)
    if x == 3:
        try: {}["k"]
        except KeyError as e: raise AppError(1) from e
    if x == 4: raise FileNotFoundError(2, "No such file", "name")
    if x == 5: raise SystemExit(3)
    if x == 6: import json; json.loads("{")
    if x == 7: return NotFound(5)
""",
        r"""
def caught(x):
    try: f(x)
    except BaseException as e: return e
assert isinstance(caught(1), AppError)
assert isinstance(caught(1), NotFound)
assert caught(1).code == 404
assert str(caught(1)) == "404: gone"
assert caught(1).args == ("404: gone",)
assert str(caught(2)) == "odd!" and isinstance(caught(2), ValueError)
assert isinstance(caught(3).__cause__, KeyError)
assert caught(4).errno == 2 and isinstance(caught(4), OSError)
assert caught(5).code == 3
assert type(caught(6)).__name__ == "JSONDecodeError"
assert isinstance(f(7), NotFound) and f(7).code == 5
assert issubclass(NotFound, AppError)
assert NotFound(9).code == 9
try:
    raise NotFound(8)
except AppError as e:
    found = e.code
assert found == 8
try:
    f(1)
except AppError as e:
    found = e.code
assert found == 404
""",
    ),
    "exception group or chain": (
        r"""
def f():
    try: 1 / 0
    except ZeroDivisionError as e:
        raise RuntimeError("wrapped") from e
def g():
    raise KeyError("k")
def h(): int("x")
""",
        r"""
try: f()
except RuntimeError as e: cause = e.__cause__
assert isinstance(cause, ZeroDivisionError)
try: g()
except KeyError as e: args = e.args
assert args == ("k",)
try: h()
except ValueError as e: said = str(e)
assert "invalid literal" in said
try: f()
except Exception as e: kind = type(e)
assert kind is RuntimeError
""",
    ),
    "global state": (
        r"""
counter = 0
items = []
def inc():
    global counter
    counter += 1
    return counter
def push(x): items.append(x)
def reset():
    global counter
    counter = 0
    items.clear()
""",
        r"""
reset()
inc(); inc()
assert counter == 2
push(1); push(2)
assert items == [1, 2]
reset()
assert counter == 0
assert items == []
assert inc() == 1
""",
    ),
    "random seeds": (
        r"""
import random
def f(n, seed):
    rng = random.Random(seed)
    return [rng.randint(1, 10) for _ in range(n)]
def g(n):
    random.seed(n)
    return random.random()
def shuffled(xs):
    ys = xs[:]
    random.shuffle(ys)
    return ys
""",
        r"""
assert f(5, 1) == f(5, 1)
assert g(3) == g(3)
assert sorted(shuffled([1, 2, 3])) == [1, 2, 3]
assert all(1 <= v <= 10 for v in f(20, 2))
assert f(3, 1) != f(3, 2)
""",
    ),
    "warnings": (
        r"""
import warnings
def f():
    warnings.warn("old", DeprecationWarning)
    return 1
""",
        r"""
import warnings
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    assert f() == 1
    assert len(w) == 1
    assert issubclass(w[0].category, DeprecationWarning)
assert f() == 1
""",
    ),
    "deep recursion": (
        r"""
import sys
sys.setrecursionlimit(5000)
def f(n): return 0 if n == 0 else 1 + f(n - 1)
def nest(n):
    out = []
    for _ in range(n): out = [out]
    return out
""",
        r"""
assert f(900) == 900
assert f(3000) == 3000
x, d = nest(200), 0
while x: x, d = x[0], d + 1
assert d == 200
try:
    f(10 ** 6)
    deep = False
except RecursionError:
    deep = True
assert deep
""",
    ),
    "slots weakref": (
        r"""
import weakref
class Node:
    __slots__ = ("value", "__weakref__")
    def __init__(self, value): self.value = value
class Cache:
    def __init__(self): self.data = weakref.WeakValueDictionary()
    def put(self, k, v): self.data[k] = v
    def get(self, k): return self.data.get(k)
    def size(self): return len(self.data)
""",
        r"""
n = Node(3)
assert n.value == 3
try:
    n.other = 1
    ok = True
except AttributeError:
    ok = False
assert not ok
c = Cache()
c.put("a", n)
assert c.get("a") is n
assert c.get("a").value == 3
assert c.size() == 1
""",
    ),
    "pickle copy": (
        r"""
import pickle, copy
class P:
    def __init__(self, x): self.x = x
    def __eq__(self, o): return isinstance(o, P) and self.x == o.x
def roundtrip(o): return pickle.loads(pickle.dumps(o))
def deep(o): return copy.deepcopy(o)
""",
        r"""
import copy
assert roundtrip([1, {"a": (2,)}]) == [1, {"a": (2,)}]
xs = [[1]]
ys = deep(xs)
ys[0].append(2)
assert xs == [[1]]
assert roundtrip(P(3)) == P(3)
p = P([1])
q = copy.deepcopy(p)
q.x.append(2)
assert p.x == [1]
assert copy.copy(p) == p
assert copy.copy(p) is not p
""",
    ),
    "big ints nan inf": (
        r"""
def f(n): return 2 ** n
def nan(): return float("nan")
NAN = float("nan")
def same(): return NAN
def inf(): return float("inf")
def lots(): return [NAN, 1.0]
""",
        r"""
import math
assert f(5000) == 1 << 5000
assert f(5000) % 7 == pow(2, 5000, 7)
assert nan() != nan()
assert math.isnan(nan())
assert inf() == float("inf") and -inf() == float("-inf")
assert lots() == lots()
assert same() is same()
assert [same()] == [same()]
assert [nan()] != [nan()]
""",
    ),
    "nan identity": (
        r"""
import math
def f(): return [math.nan, 1.0]
def g(x): return [x]
def h(x): return {"a": (x, [x])}
""",
        r"""
import math
assert f() == [math.nan, 1.0]
n = float("nan")
assert g(n) == [n]
assert h(n) == {"a": (n, [n])}
assert g(n)[0] is n
assert n in g(n)
""",
    ),
    "bytes memoryview": (
        r"""
def f(b): return memoryview(b)
def g(): return bytearray(b"ab")
def h(ba): ba.append(99)
def enc(s): return s.encode("utf-16-le")
""",
        r"""
assert f(b"abc")[1] == 98
assert bytes(f(b"abc")[1:]) == b"bc"
assert f(b"abc") == b"abc"
assert g() == b"ab"
x = bytearray(b"a")
h(x)
assert x == b"ac"
assert enc("a") == b"a\x00"
""",
    ),
    "mutates nested": (
        r"""
def f(d): d["a"].append(1)
def g(rows):
    for r in rows: r.sort()
def same(xs):
    xs.append(1)
    return xs
""",
        r"""
inner = []
f({"a": inner})
assert inner == [1]
row = [2, 1]
g([row])
assert row == [1, 2]
xs = []
assert same(xs) is xs
assert xs == [1]
""",
    ),
    "mutates special": (
        r"""
from collections import deque, OrderedDict, defaultdict, Counter
def f(d): d.append(1)
def g(d): d["k"] = 1
def h(c): c.update("aa")
""",
        r"""
from collections import deque, OrderedDict, defaultdict, Counter
d = deque()
f(d)
assert d == deque([1])
o = OrderedDict()
g(o)
assert o == {"k": 1}
c = Counter()
h(c)
assert c == {"a": 2}
""",
    ),
    "dict views": (
        r"""
def f(): return {"a": 1, "b": 2}.keys()
def g(): return {"a": 1}.items()
def h(): return {"a": 1}.values()
""",
        r"""
assert f() == {"a", "b"}
assert list(f()) == ["a", "b"]
assert g() == {("a", 1)}
assert list(h()) == [1] and 1 in h()
assert "a" in f() and len(f()) == 2
""",
    ),
    "types returned": (
        r"""
def f(x): return type(x)
def g(): return [int, str]
def h(): return ValueError
def e(): return ...
""",
        r"""
assert f(1) is int
assert f([]) == list
assert g() == [int, str]
assert h() is ValueError
assert e() is ...
assert issubclass(f(True), int)
""",
    ),
    "library classes": (
        r"""
import uuid, ipaddress, http, array, types, queue, threading, string
def u(): return uuid.UUID(int=5)
def ip(): return ipaddress.ip_address("10.0.0.1")
def st(): return http.HTTPStatus.OK
def arr(): return array.array("i", [1, 2])
def ns(): return types.SimpleNamespace(a=1)
def q():
    found = queue.Queue(); found.put(1); return found
def lock(): return threading.Lock()
def tpl(): return string.Template("$a")
""",
        r"""
import uuid, ipaddress, http, array, types
assert u() == uuid.UUID(int=5)
assert ip() == ipaddress.ip_address("10.0.0.1")
assert st() == 200 and st() == http.HTTPStatus.OK
assert st() is http.HTTPStatus.OK
assert arr() == array.array("i", [1, 2])
assert ns() == types.SimpleNamespace(a=1) and ns().a == 1
assert q().get() == 1
with lock():
    pass
assert tpl().substitute(a=3) == "3"
""",
    ),
    "threads": (
        r"""
import threading
from concurrent.futures import ThreadPoolExecutor
def f(n):
    out = []
    lock = threading.Lock()
    def work(i):
        with lock: out.append(i)
    ts = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    [t.start() for t in ts]; [t.join() for t in ts]
    return sorted(out)
def g(fn, xs):
    with ThreadPoolExecutor(2) as pool: return list(pool.map(fn, xs))
def fut():
    with ThreadPoolExecutor(1) as pool: return pool.submit(pow, 2, 3)
""",
        r"""
assert f(5) == [0, 1, 2, 3, 4]
assert g(str, [1, 2]) == ["1", "2"]
assert fut().result() == 8
""",
    ),
    "multiprocessing": (
        r"""
import multiprocessing
def work(q, x): q.put(x * 2)
def sq(x): return x * x
def f(x):
    q = multiprocessing.Queue()
    p = multiprocessing.Process(target=work, args=(q, x))
    p.start(); r = q.get(); p.join()
    return r
def g(xs):
    with multiprocessing.get_context("fork").Pool(2) as pool: return pool.map(sq, xs)
""",
        r"""
assert f(2) == 4
assert g([1, 2, 3]) == [1, 4, 9]
""",
    ),
    "subprocess": (
        r"""
import subprocess, sys, os
def f(): return subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout
def g(): return subprocess.run("exit 3", shell=True)
def h(): return os.popen("echo x").read()
""",
        r"""
assert f() == "hi\n"
assert g().returncode == 3
assert h() == "x\n"
""",
    ),
    "prints and logs": (
        r"""
import logging
log = logging.getLogger("app")
def f(x):
    print("working on", x)
    log.warning("careful %s", x)
    return x
""",
        r"""
print("start")
assert f(1) == 1
assert f("a") == "a"
""",
    ),
    "tempfile": (
        r"""
import tempfile, os, csv, json, sqlite3
def f():
    with tempfile.TemporaryDirectory() as d:
        p = os.path.join(d, "a")
        with open(p, "w") as fh: fh.write("1")
        return os.listdir(d)
def c(rows):
    with open("o.csv", "w", newline="") as fh: csv.writer(fh).writerows(rows)
    with open("o.csv") as fh: return list(csv.reader(fh))
def db():
    con = sqlite3.connect(":memory:")
    con.execute("create table t(a)"); con.execute("insert into t values(1)")
    return con
""",
        r"""
import os
assert f() == ["a"]
assert c([[1, 2]]) == [["1", "2"]]
assert os.path.exists("o.csv")
con = db()
assert con.execute("select * from t").fetchall() == [(1,)]
con.close()
""",
    ),
    "numpy arrays": (
        r"""
import numpy as np
def f(n): return np.arange(n).reshape(2, -1)
def g(): return np.array([1.0, np.nan])
def o(): return np.array([1, "a", None], dtype=object)
def s(): return np.float32(1.5)
def rec(): return np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
def inplace(a): a *= 2
def rng(): return np.random.default_rng(1)
""",
        r"""
import numpy as np
assert (f(4) == np.array([[0, 1], [2, 3]])).all()
assert f(4).shape == (2, 2) and f(4).T[1, 0] == 1
assert np.array_equal(f(4) + 1, np.arange(1, 5).reshape(2, 2))
assert np.isnan(g()[1])
np.testing.assert_array_equal(g(), [1.0, np.nan])
assert list(o()) == [1, "a", None]
assert s() == 1.5 and isinstance(s(), np.float32)
assert rec()["a"][0] == 1
a = np.ones(2)
inplace(a)
assert a.tolist() == [2, 2]
assert rng().integers(10) == rng().integers(10)
""",
    ),
    "numpy without import": (
        r"""
import numpy as np
def f(n): return np.arange(n)
def o(): return np.array(["a", None], dtype=object)
def g(xs): return float(np.mean(xs))
""",
        r"""
assert f(3).tolist() == [0, 1, 2]
assert f(3).sum() == 3
assert (f(3) == [0, 1, 2]).all()
assert o()[0] == "a"
assert g([1, 2]) == 1.5
assert len(f(3)) == 3
""",
    ),
    "pandas": (
        r"""
import pandas as pd
def f(): return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
def s(): return pd.Series([1, 2], name="n")
def t(): return pd.Timestamp("2024-01-01")
def clean(df):
    df["c"] = df["a"] * 2
    return df
""",
        r"""
import pandas as pd
assert list(f().columns) == ["a", "b"]
assert f().shape == (2, 2)
assert f()["a"].sum() == 3
assert f().equals(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
pd.testing.assert_frame_equal(f(), pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
assert s().name == "n" and (s() > 0).all()
assert t() == pd.Timestamp("2024-01-01") and t().year == 2024
df = pd.DataFrame({"a": [1]})
assert clean(df) is df
assert df["c"][0] == 2
assert isinstance(f(), pd.DataFrame)
""",
    ),
    "pandas without import": (
        r"""
import pandas as pd
def f(): return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
def g(rows): return pd.DataFrame(rows).groupby("k")["v"].sum()
""",
        r"""
assert list(f().columns) == ["a", "b"]
assert f()["a"].tolist() == [1, 2]
assert (f()["a"] > 0).all()
assert g([{"k": 1, "v": 2}, {"k": 1, "v": 3}])[1] == 5
assert f().iloc[0]["b"] == "x"
assert len(f()) == 2
""",
    ),
    "matplotlib": (
        r"""
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
def f():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [3, 4], label="l")
    ax.set_title("T"); ax.set_xlabel("x")
    return ax
""",
        r"""
ax = f()
assert ax.get_title() == "T"
assert ax.get_xlabel() == "x"
assert len(ax.lines) == 1
assert ax.lines[0].get_label() == "l"
assert list(ax.lines[0].get_xdata()) == [1, 2]
assert ax.get_legend() is None
""",
    ),
    "operators": (
        r"""
class Matrix:
    def __init__(self, rows): self.rows = rows
    def __matmul__(self, o):
        return Matrix([[sum(a * b for a, b in zip(r, c)) for c in zip(*o.rows)] for r in self.rows])
    def __eq__(self, o): return isinstance(o, Matrix) and self.rows == o.rows
    def __getitem__(self, ij): return self.rows[ij[0]][ij[1]]
    def __iadd__(self, o):
        self.rows = [[a + b for a, b in zip(x, y)] for x, y in zip(self.rows, o.rows)]
        return self
    def __rmul__(self, k): return Matrix([[k * a for a in r] for r in self.rows])
    def __neg__(self): return -1 * self
    def __len__(self): return len(self.rows)
    def __contains__(self, x): return any(x in r for r in self.rows)
    def __format__(self, spec): return f"M{spec}"
    def __bool__(self): return any(any(r) for r in self.rows)
    def __call__(self, i): return self.rows[i]
    def __reversed__(self): return reversed(self.rows)
def f(rows): return Matrix(rows)
""",
        r"""
m = Matrix([[1, 2], [3, 4]])
assert m @ m == Matrix([[7, 10], [15, 22]])
assert 2 * m == Matrix([[2, 4], [6, 8]])
assert (-m)[0, 0] == -1
n = m
m += Matrix([[1, 1], [1, 1]])
assert m[1, 1] == 5 and n is m
assert len(m) == 2 and 5 in m
assert f"{m:x}" == "Mx"
assert m(0) == [2, 3]
assert list(reversed(m)) == [[4, 5], [2, 3]]
assert not Matrix([[0]])
""",
    ),
    "operators unnamed": (
        r"""
class Vec:
    def __init__(self, *xs): self.xs = xs
    def __add__(self, o): return Vec(*[a + b for a, b in zip(self.xs, o.xs)])
    def __mul__(self, k): return Vec(*[a * k for a in self.xs])
    def __eq__(self, o): return self.xs == o.xs
    def __abs__(self): return sum(x * x for x in self.xs) ** 0.5
    def __iter__(self): return iter(self.xs)
def vec(*xs): return Vec(*xs)
""",
        r"""
assert vec(1, 2) + vec(3, 4) == vec(4, 6)
assert list(vec(1, 2) * 2) == [2, 4]
assert abs(vec(3, 4)) == 5
assert tuple(vec(1, 2)) == (1, 2)
""",
    ),
    "container classes": (
        r"""
class Stack:
    def __init__(self): self._items = []
    def push(self, x): self._items.append(x)
    def pop(self):
        if not self._items: raise IndexError("empty stack")
        return self._items.pop()
    def __len__(self): return len(self._items)
    @property
    def items(self): return self._items
class LRU(dict):
    def __init__(self, n): super().__init__(); self.n = n
    def __setitem__(self, k, v):
        if len(self) >= self.n: del self[next(iter(self))]
        super().__setitem__(k, v)
""",
        r"""
s = Stack()
s.push(1); s.push([2])
assert len(s) == 2
assert s.items == [1, [2]]
kept = s.items
s.push(3)
assert kept == [1, [2], 3]
assert s.pop() == 3 and s.pop() == [2]
try:
    s.pop(); s.pop()
    said = ""
except IndexError as e:
    said = str(e)
assert said == "empty stack"
c = LRU(2)
c["a"] = 1; c["b"] = 2; c["c"] = 3
assert list(c) == ["b", "c"]
assert c == {"b": 2, "c": 3}
assert "a" not in c and c.get("a") is None
""",
    ),
    "linked structures": (
        r"""
class Node:
    def __init__(self, val, left=None, right=None): self.val, self.left, self.right = val, left, right
def insert(root, v):
    if root is None: return Node(v)
    if v < root.val: root.left = insert(root.left, v)
    else: root.right = insert(root.right, v)
    return root
def inorder(root): return inorder(root.left) + [root.val] + inorder(root.right) if root else []
""",
        r"""
root = None
for v in [3, 1, 2]: root = insert(root, v)
assert inorder(root) == [1, 2, 3]
assert root.left.right.val == 2
assert root.right is None
assert insert(root, 9) is root
assert isinstance(root, Node)
""",
    ),
    "abc protocols": (
        r"""
from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable
class Shape(ABC):
    @abstractmethod
    def area(self): ...
class Sq(Shape):
    def __init__(self, s): self.s = s
    def area(self): return self.s ** 2
@runtime_checkable
class HasArea(Protocol):
    def area(self): ...
def total(shapes): return sum(s.area() for s in shapes)
""",
        r"""
assert total([Sq(1), Sq(2)]) == 5
assert isinstance(Sq(1), Shape)
assert isinstance(Sq(1), HasArea)
try:
    Shape()
    made = True
except TypeError:
    made = False
assert not made
""",
    ),
    "tests extend the program's class": (
        r"""
class Plugin:
    def run(self, x): return self.step(x) + 1
    def step(self, x): raise NotImplementedError
""",
        r"""
class Twice(Plugin):
    def step(self, x): return 2 * x
assert Twice().run(3) == 7
try:
    Plugin().run(1)
    ok = False
except NotImplementedError:
    ok = True
assert ok
""",
    ),
    "callbacks and events": (
        r"""
class Bus:
    def __init__(self): self.subs = {}
    def on(self, name, fn): self.subs.setdefault(name, []).append(fn)
    def emit(self, name, *a): return [fn(*a) for fn in self.subs.get(name, [])]
def apply(fn, *a):
    try: return fn(*a)
    except ValueError as e: return f"error: {e}"
""",
        r"""
seen = []
bus = Bus()
bus.on("x", seen.append)
bus.on("x", lambda v: v * 2)
assert bus.emit("x", 3) == [None, 6]
assert seen == [3]
def boom(): raise ValueError("no")
assert apply(boom) == "error: no"
class Own:
    def method(self, v): return v + 1
assert apply(Own().method, 1) == 2
""",
    ),
    "time and sleep": (
        r"""
import time
def f():
    start = time.perf_counter()
    time.sleep(0.02)
    return time.perf_counter() - start
""",
        r"""
import time
t = time.time()
assert 0.01 < f() < 5
assert time.time() >= t
""",
    ),
    "strings and unicode": (
        r"""
def f(s): return s[::-1]
def g(): return "\ud800"
class S(str): pass
def h(): return S("abc")
""",
        r"""
assert f("h\u00e9llo \U0001f600")[0] == "\U0001f600"
assert g() == "\ud800"
assert h() == "abc" and h() + "d" == "abcd" and h().upper() == "ABC"
assert isinstance(h(), str) and type(h()) is S
assert "b" in h() and h()[1] == "b" and f"{h():>5}" == "  abc"
""",
    ),
    "annotations inspect": (
        r"""
import typing
def f(a: int, b: str = "x", *args, **kw) -> bool:
    "doc of f"
    return True
class C:
    "doc of C"
    attr: int = 3
    def m(self): return 1
""",
        r"""
import inspect
assert f.__doc__ == "doc of f"
assert f.__annotations__["a"] is int
assert list(inspect.signature(f).parameters) == ["a", "b", "args", "kw"]
assert f.__defaults__ == ("x",)
assert C.__doc__ == "doc of C" and C.attr == 3
assert callable(f) and inspect.isfunction(f) and inspect.isclass(C)
assert "def f" in inspect.getsource(f) if False else True
assert [n for n in dir(C) if not n.startswith("_")] == ["attr", "m"]
assert vars(C())== {}
""",
    ),
    "patches json default": (
        r"""
import json, datetime
def default(self, o): return o.isoformat()
json.JSONEncoder.default = default
def f(d): return json.dumps({"d": d})
""",
        r"""
import datetime
assert f(datetime.date(2024, 1, 2)) == '{"d": "2024-01-02"}'
assert f(1) == '{"d": 1}'
""",
    ),
}
