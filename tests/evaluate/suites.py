"""A benchmark small enough to count by hand, and who answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from iterpref.suites.base import Item, Style, Suite
from iterpref.teachers.base import Reply, Request
from iterpref.types import Outcome, Task, Tests, Verdict


def item(n: int) -> Item:
    """Return n; ``plus`` asks for an integer besides."""
    base = Tests("asserts", code=f"assert f() == {n}", entry_point="f")
    plus = Tests("asserts", code="assert type(f()) is int", entry_point="f")
    solution = (
        f"def f():\n    return {n}\n" if n != 3 else "def f():\n    return 0\n"
    )  # as real ones have it: one is bad
    task = Task(f"T/{n}", f"def f():\n    # returns {n}\n", base, solution)
    return Item(
        task,
        {"base": base, "plus": plus},
        f"Return {n}.",
        "Here:\n```python\n",
        {"parity": ("odd" if n % 2 else "even",)},
    )


def program(item: Item, text: str, style: Style) -> str:
    return item.task.prompt + text if style == "complete" else text.partition("```python\n")[2].partition("```")[0]


def suite(count: int) -> Suite:
    items = tuple(item(n) for n in range(count))
    return Suite("small", "v1", "small.jsonl", "00ff" * 16, items, {"base": "small", "plus": "small+"}, program)


class Writer:
    """Answers by ``says(n, sample)``, where it says anything; remembers what it was asked."""

    name = "writer"

    def __init__(self, says: Callable[[int, int], str | None]) -> None:
        self.says = says
        self.asked: list[tuple[str, int]] = []
        self.prompts: list[str] = []

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, request in enumerate(requests):
            self.asked.append((request.task.id, request.sample))
            self.prompts.append(request.task.prompt)
            yield index, Reply(self.says(int(request.task.id[2:]), request.sample))


def judge(program: str, tests: Tests) -> Verdict:
    """As the sandbox would for these programs, without one."""
    space: dict[str, object] = {}
    try:
        exec(program, space)
        exec(tests.code, space)
    except AssertionError:
        return Verdict(Outcome.WRONG, "AssertionError", "no")
    except Exception as error:
        return Verdict(Outcome.ERROR, type(error).__name__, str(error))
    return Verdict(Outcome.PASS)
