"""What is ordinary code, and what could reach the tests beside it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from iterpref.sandbox.doubt import doubts, relied_on


def names_of(tests: str) -> frozenset[str]:
    tree = ast.parse(tests)
    return relied_on(tree, list(ast.walk(tree)))


TESTS = names_of("for x in [1]:\n    assert abs(f(x)) == 2")

ORDINARY = [
    "def f(x):\n    return x + 1",
    "import math, collections\nfrom typing import *\ndef f(x):\n    return math.sqrt(collections.Counter(x)[1])",
    "class Node:\n    def __init__(self, v):\n        self.v = v\n        self.next = None\nn = Node(1)\nn.next = n",
    "def f(x):\n    '''Uses __eq__ in words.'''\n    return type(x) == int and type(x).__name__ == 'int'",
    "import sys\nsys.setrecursionlimit(10000)\nif __name__ == '__main__':\n    print('{} {}'.format(1, 2))",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int",
    "import heapq\ndef f(xs):\n    heapq.heapify(xs)\n    xs[0] = 1\n    return [x.strip() for x in input().split()]",
]

DOUBTFUL = [
    "import os",
    "from os import path",
    "import sys\nsys._getframe",
    "import sys\nsys.modules",
    "import random\nrandom._os",
    "import typing\ntyping.sys",
    "import math\nm = math",
    "import math\nmath.sqrt = len",
    "class A:\n    def __eq__(self, o):\n        return True",
    "class A:\n    __eq__ = None",
    "class A(metaclass=B):\n    pass",
    "class A(AssertionError):\n    pass",
    "A = type('A', (), {})",
    "t = type(1)",
    "type(1)('A', (), {})",
    "eval('1')",
    "e = eval",
    "open('x')",
    "getattr(f, 'x')",
    "f.__globals__",
    "f.__code__.co_consts",
    "(x for x in [1]).gi_frame",
    "'{0.__class__}'.format(1)",
    "text.format(1)",
    "__builtins__",
    "abs = len",
    "def f():\n    global abs\n    abs = len",
    "from operator import attrgetter",
    "from numpy import *",
    "import string\nstring.Formatter()",
    "import sys\ntype(sys.stdin.buffer.raw)(3)",
    "_sandbox_failed",
    "(lambda: 0)().x = 1",
    "def f(",
]


@pytest.mark.parametrize("program", ORDINARY)
def test_ordinary_code_is_not_doubted(program: str) -> None:
    assert doubts(program, TESTS) == ""


@pytest.mark.parametrize("program", DOUBTFUL)
def test_what_could_reach_the_tests_is_doubted(program: str) -> None:
    assert doubts(program, TESTS)


def test_names_of_the_tests_are_not_to_be_bound() -> None:
    tests = names_of("def same(a, b):\n    assert a == b\nfor x in [1]:\n    same(f(x), 2)")
    assert doubts("def same(a, b):\n    pass\ndef f(x):\n    return x", tests)
    assert not doubts("def f(x):\n    return x", tests)


def test_most_solutions_of_humaneval_are_ordinary(data: Path) -> None:
    import gzip
    import json

    with gzip.open(next((data / "humaneval").glob("*.gz")), "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    doubted = sum(bool(doubts(item["prompt"] + item["canonical_solution"], names_of(item["test"]))) for item in items)
    assert doubted <= 8
