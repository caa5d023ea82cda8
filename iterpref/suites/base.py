"""What a benchmark is: its items, how a model is asked, how an answer becomes a program, and what judges it.

One file a benchmark; this one holds what they share. A benchmark's file has one function, ``load(path, ...) -> Suite``,
and :func:`load_suite` finds it by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from iterpref.errors import InputError
from iterpref.lookup import lookup
from iterpref.types import Task, Tests

__all__ = ["SUITES", "Item", "Style", "Suite", "load_suite"]

Style = Literal["complete", "instruct"]
"""``complete``: a base model goes on with the prompt. ``instruct``: an instruct model answers it."""

# Short name -> ``module:load``. A loader takes (path: str = "", **options: str) and returns a Suite.
SUITES: dict[str, str] = {
    "humaneval": "iterpref.suites.humaneval:load",
    "humaneval+": "iterpref.suites.evalplus:load_humaneval",
    "mbpp": "iterpref.suites.mbpp:load",
    "mbpp+": "iterpref.suites.evalplus:load_mbpp",
    "bigcodebench": "iterpref.suites.bigcodebench:load",
    "livecodebench": "iterpref.suites.livecodebench:load",
    "micro": "iterpref.micro.suite:load",
    "jsonl": "iterpref.suites.jsonl:load",
}


@dataclass(frozen=True)
class Item:
    """One problem of a benchmark.

    ``task.id`` is the official id, ``task.tests`` the first of ``parts``. ``parts`` are what decides, by name and in
    order: an answer passes a part if it passes it and every part before it (EvalPlus: ``base``, then ``plus``).
    """

    task: Task
    parts: Mapping[str, Tests]
    instruction: str = ""  # what an instruct model is asked, in the official wording
    prefill: str = ""  # how an instruct model's answer is begun for it, in the official harness
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # breakdowns: difficulty, platform, libs, month
    seconds: float = 0.0  # CPU time of the reference solution, where it is known: what takes long is judged first


@dataclass(frozen=True)
class Suite:
    """A benchmark as it was read. ``scores`` names what each part counts for: base -> humaneval, plus -> humaneval+."""

    name: str
    version: str  # v0.1.10, release_v5 ..., empty where the file does not say
    path: str  # where it was read from
    sha256: str  # of the file's text, uncompressed
    items: tuple[Item, ...]
    scores: Mapping[str, str]
    program: Callable[[Item, str, Style], str]  # the program in an answer, as the official harness takes it
    stops: tuple[str, ...] = ()  # where a base model's completion ends
    answer_stops: tuple[str, ...] = ()  # where an instruct model's answer ends
    max_new_tokens: int = 768  # the official limit
    options: Mapping[str, str] = field(default_factory=dict)  # what was selected: subset, release, window


def load_suite(name: str, path: str = "", /, **options: str) -> Suite:
    """The benchmark ``name``, or one of your own by ``my.module:load``.

    ``path`` is a file; without one it is looked for where the official harness looks.

    Raises:
        InputError: there is no such benchmark or option, or its file is missing (one sentence says where to get it).
    """
    load: Callable[..., Any] = lookup("benchmark", name, SUITES)
    if "path" in options:
        raise InputError(f"the path of {name}'s file is no option; give it as --path.")
    try:
        suite = load(path, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        taken = ", ".join(list(inspect.signature(load).parameters)[1:]) or "none"
        raise InputError(f"the benchmark {name} takes no option {str(error).split()[-1]}; it takes {taken}.") from None
    if not isinstance(suite, Suite):
        raise InputError(f"{name} returned {type(suite).__name__}, not a Suite.")
    return suite
