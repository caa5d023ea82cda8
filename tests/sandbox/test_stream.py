"""Results come as they are found; items are read as they are needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from iterpref.sandbox.stream import stream


def test_every_item_has_its_result() -> None:
    found = dict(stream(lambda item: item * item, range(100), 3, ahead=6))
    assert found == {index: index * index for index in range(100)}


def test_nothing_to_do() -> None:
    assert list(stream(str, [], 2, ahead=4)) == []


def test_items_are_read_as_results_are_taken() -> None:
    read = []

    def items() -> Iterator[int]:
        for item in range(1_000):
            read.append(item)
            yield item

    for taken, _ in enumerate(stream(str, items(), 3, ahead=4)):
        assert len(read) <= taken + 4
    assert len(read) == 1_000


def test_the_first_to_end_is_the_first_to_come() -> None:
    second = threading.Event()

    def judge(item: int) -> int:
        if item == 0:
            assert second.wait(10)
        return item

    results = stream(judge, [0, 1], 2, ahead=2)
    assert next(results) == (1, 1)
    second.set()
    assert list(results) == [(0, 0)]


def test_a_judge_that_fails_is_heard_and_ends_the_rest() -> None:
    before = threading.active_count()
    results = stream(lambda item: 1 // item, [2, 1, 0, 3], 1, ahead=2)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert threading.active_count() == before


def test_items_that_fail_are_heard() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="gone"):
        list(stream(str, items(), 2, ahead=4))
    assert threading.active_count() == before


def test_threads_that_cannot_be_started_leave_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before, start, started = threading.active_count(), threading.Thread.start, []

    def refuse_the_third(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_the_third)
    with pytest.raises(RuntimeError, match="can't start"):
        list(stream(str, range(10), 3, ahead=4))
    assert threading.active_count() == before


def test_who_leaves_early_leaves_nothing_running() -> None:
    before, judged = threading.active_count(), []
    for _ in stream(judged.append, range(1_000), 2, ahead=4):
        break
    assert threading.active_count() == before
    assert len(judged) <= 4
