"""Syntax trees from several threads at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from iterpref.syntax import parse


class Garbage:
    """In a cycle, so that the collector ends it, by a program of its own in which threads may take turns."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(200):
            pass


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_collections_of_garbage_meanwhile_are_no_fault_of_the_program(hasty: None) -> None:
    """``ast.parse`` alone fails here for one program in ten under CPython 3.11."""
    program = "\n".join(f"def f{n}(x):\n    return [x + {n} for _ in range(x)]" for n in range(200))
    ended: list[object] = []

    def work() -> None:
        try:
            for _ in range(40):
                [Garbage() for _ in range(20)]
                assert len(parse(program).body) == 200
            ended.append("well")
        except BaseException as error:
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["well"] * 3


def test_a_program_without_a_tree_raises_as_ever() -> None:
    with pytest.raises(SyntaxError):
        parse("def f(:")
