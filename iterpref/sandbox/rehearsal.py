"""Runs a small program of our own through the harness a few times, in the fork server, before the first real one.

Python specialises code, fills its caches of attributes and sets up pages at first use. What the server has done before
it forks, no program has to do again: it costs a tenth less.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
from typing import Any, NoReturn

from iterpref.sandbox.harness import run_job
from iterpref.sandbox.integrity import Integrity

__all__ = ["rehearse"]

_TIMES = 10  # Python specialises a function at about its eighth call

_PROGRAM = '''
from typing import List


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


def f(numbers: List[int], factor: int = 3) -> List[int]:
    """The sums of neighbours, without repeats."""
    seen = {}
    for index, (left, right) in enumerate(zip(numbers, numbers[1:])):
        total = left + right
        if total <= factor or index > 100:
            continue
        try:
            seen[total] += Point(left, right).x
        except KeyError:
            seen[total] = len(f"{total}")
    while factor > 0:
        factor -= 1
    return sorted([key for key in seen if key % 2 == 0], key=lambda key: -key)
'''
_INPUTS = ([1, 2, 3, 5], [4, 6, 0], [7, 7])
_EXPECTED = ([8], [10, 6], [14])
_ASSERTS = "".join(f"assert f({given}) == {wanted}\n" for given, wanted in zip(_INPUTS, _EXPECTED, strict=True))
_SUITE = "import unittest\n\nclass TestF(unittest.TestCase):\n" + "".join(
    f"    def test_{number}(self):\n        self.assertEqual(f({given}), {wanted})\n"
    for number, (given, wanted) in enumerate(zip(_INPUTS, (*_EXPECTED[:-1], []), strict=True))  # the last one fails
)
_JOB = {"program": _PROGRAM, "setup": "", "files": {}, "entry_point": "f", "nonce": "", "canary": False}
_JOB |= {"code": "", "compiled": b""}
_CALLS = {"calls": [["f", [given], {}] for given in _INPUTS], "call_seconds": 0}
_CALLS |= {"digests": False, "exact": True}
_JOBS: tuple[dict[str, Any], ...] = (
    {**_JOB, "kind": "calls", **_CALLS, "imports": ""},
    {**_JOB, "kind": "asserts", "code": _ASSERTS},
    {**_JOB, "kind": "unittest", "code": _SUITE},
)


class _Done(BaseException):
    """Takes the place of the end of the process."""


def rehearse() -> None:
    """Leaves nothing behind but warm caches."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for job in _JOBS * _TIMES:
            with contextlib.suppress(_Done):
                run_job(marshal.loads(marshal.dumps(job)), nowhere, Integrity(), exit=_end)
    finally:
        os.close(nowhere)
        sys.modules.pop("program", None)


def _end(status: int) -> NoReturn:
    raise _Done
