"""How deeply what a program wrote is nested is found before it is read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.sandbox import Sandbox
from iterpref.sandbox.nesting import deeper_than, parts_of
from iterpref.types import UNDECIDED, Outcome, Tests

VALUES = st.recursive(
    st.one_of(st.none(), st.text("[]{}\"\\'a", max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text('[]{}"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def levels(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.integers(5, 30))
def test_what_is_deeper_is_found(value: Any, most: int) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    if levels(value) > most:
        assert deeper_than(most, text)
    if levels(value) <= most - 4:
        assert not deeper_than(most, text)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 2_001 + b'"' + b'\\"' * (8 << 20),
        b"[" * 2_001 + b'"' + b"x" * (16 << 20),
        b"[" * 2_001 + b"]" * (16 << 20),
        b"[" * 2_001 + b'"' * (16 << 20),
        b"[" * 2_001 + b'"[",' * (4 << 20),
        b"[]" * (8 << 20),
        b"[[],[]]," * (2 << 20),
        b"[" * 2_001 + b"\\" * (16 << 20),
    ],
    ids=lambda text: repr(text[1_999:2_010]),
)
def test_no_text_takes_long(text: bytes) -> None:
    before = time.process_time()
    tracemalloc.start()
    deeper_than(2_000, text)
    parts_of(text * 2)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - before < 10  # 16 MiB take some tenths of a second; the square of them hours
    assert most < 20 * len(text)


def test_brackets_in_texts_are_none() -> None:
    assert deeper_than(50, b'["]]]",' * 60 + b"1" + b"]" * 60)
    assert not deeper_than(50, b"[" + b'"[",' * 200 + b"1]")
    assert not deeper_than(50, b"[" + b"[1]," * 200 + b"1]")


CALLER = """
import sys
sys.path.insert(0, sys.argv[1])
from iterpref.sandbox import Sandbox
from iterpref.types import Tests
sys.setrecursionlimit(10**6)
program = '''import os
line = b'{"value": ' + b"[" * 400_000 + b"]" * 400_000 + b"}\\\\n"
def f(x):
    for fd in range(3, 60):
        try: os.write(fd, line)
        except OSError: pass
    return x
'''
packed = '''import base64, os, zlib
text = '{"value":["\\\\"",' + "[" * 100_000 + "]" * 100_000 + ',"\\\\""]}'
line = b'{"packed": "' + base64.b64encode(zlib.compress(text.encode("utf-16-le"))) + b'"}\\n'
def f(x):
    for fd in range(3, 60):
        try: os.write(fd, line)
        except OSError: pass
    os._exit(0)
'''
deep = "[" * 3_000 + "]" * 3_000
with Sandbox(workers=1) as box:
    print(box.judge(program, Tests("asserts", "assert f(1) == 1")).outcome.value)
    print(box.judge(packed, Tests("asserts", "assert f(1) == 1")).outcome.value)
    print(box.judge("def f(x): return 1", Tests("asserts", f"assert f({deep}) == 1")).outcome.value)
"""


def test_no_program_ends_a_caller_that_has_raised_its_limit() -> None:
    source = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", CALLER, source], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["unsupported", "error", "invalid"]), done.stderr


@pytest.mark.parametrize("levels", [700, 900, 1_500, 5_000])
def test_who_returns_what_is_deeply_nested_is_not_accused(box: Sandbox, levels: int) -> None:
    program = (
        "import sys\nsys.setrecursionlimit(100_000)\ndef f(n):\n    value = []\n"
        "    for _ in range(n):\n        value = [value]\n    return value\n"
    )
    right = box.judge(program, Tests("asserts", f"assert f({levels}) != 0"))
    assert right.passed or right.error_type == UNDECIDED
    wrong = box.judge(program, Tests("asserts", f"assert f({levels}) == 0"))
    assert wrong.outcome in (Outcome.WRONG, Outcome.ERROR) or wrong.error_type == UNDECIDED


@pytest.mark.parametrize("levels", [60, 250, 600])
def test_deep_tests_end_no_map(box: Sandbox, levels: int) -> None:
    deep = "[" * levels + "]" * levels
    jobs = [("def f(x): return x", Tests("asserts", f"assert f({text}) == {text}")) for text in ("1", deep, "2")]
    outcomes = {index: verdict.outcome for index, verdict in box.map(jobs)}
    python_reads_it = levels < 200
    assert outcomes == {0: Outcome.PASS, 1: Outcome.PASS if python_reads_it else Outcome.INVALID, 2: Outcome.PASS}
