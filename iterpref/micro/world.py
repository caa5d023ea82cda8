"""The micro-world as tasks: what the other rooms use."""

from __future__ import annotations

from collections.abc import Iterator

from iterpref.errors import InputError
from iterpref.micro.cases import hidden_cases, visible_cases
from iterpref.micro.programs import IDIOMS, program
from iterpref.micro.spec import SPLITS, Spec, Split, combinations, draw, split_of, world_size
from iterpref.micro.wording import instruction
from iterpref.types import Task, Tests

__all__ = ["describe", "hidden_tests", "tasks"]


def tasks(split: Split, count: int, seed: int = 0) -> list[Task]:
    """``count`` tasks of a split, no two of which ask for the same thing. Fewer tasks are a prefix of more.

    A task's prompt is an instruction in comment lines; its answer is the whole function, after one newline.

    Raises:
        InputError: an unknown split, or a negative count.
    """
    if split not in SPLITS:
        raise InputError(f"the micro-world has no split {split!r}; choose one of {', '.join(SPLITS)}.")
    if count < 0:
        raise InputError(f"the count of micro-world tasks is {count}; give a number from 0 up.")
    found: list[Task] = []
    for task in _tasks(split, seed) if count else ():
        found.append(task)
        if len(found) == count:
            break
    return found


def hidden_tests(task: str | Spec) -> Tests:
    """More tests of the same task, by its id or spec, which no repairer has seen.

    Raises:
        InputError: the id is not one of the micro-world.
    """
    return hidden_cases(Spec.from_id(task) if isinstance(task, str) else task)


def describe() -> dict[str, int]:
    """The size of the world: feature combinations (also by split), distinct tasks, idioms."""
    splits = [split_of(*combination) for combination in combinations()]
    return {**world_size(), **{f"{name} combinations": splits.count(name) for name in SPLITS}, "idioms": len(IDIOMS)}


def _tasks(split: Split, seed: int) -> Iterator[Task]:
    seen: set[str] = set()
    for spec in draw(split, f"tasks {seed}"):
        if spec.content in seen:
            continue
        seen.add(spec.content)
        tests = visible_cases(spec)
        if len({repr(case.expected) for case in tests.cases}) < 2:
            continue  # one constant would pass
        yield Task(
            id=spec.id,
            prompt=instruction(spec),
            tests=tests,
            solution=program(spec),
            features=spec.features,
            source="micro",
        )
