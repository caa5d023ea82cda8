"""LiveCodeBench (Jain et al. 2024): problems of programming contests, by release and by the date of their contest.

Problems of AtCoder and Codeforces are scripts that read standard input, those of LeetCode a method that is called. Each
test has 6 seconds. As in the official harness a program finds the names of common modules imported, a line of output
counts as right where its text or its numbers are equal, and a returned tuple counts as a list.

Where a program is judged otherwise than there: it runs as a script of its own, not as the body of a function, so that
its ``global`` statements, standard input in bytes and a main block anywhere mean what they mean in Python; an exit
status other than 0 is an error; the 6 seconds are of CPU time.
"""

from __future__ import annotations

import ast
import datetime
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from iterpref.errors import InputError
from iterpref.suites.base import Item, Style, Suite
from iterpref.suites.files import Row
from iterpref.suites.livecodebench_tests import Stored, lines_of
from iterpref.syntax import parse
from iterpref.types import Case, Task, Tests

__all__ = ["REPOSITORY", "SECONDS", "files_of", "last_fence", "load", "parsed", "tags_of"]

REPOSITORY = "livecodebench/code_generation_lite"
LATEST = 6  # release_v6: test.jsonl to test6.jsonl
SECONDS = 6.0  # of CPU time, a test
CALLS_SECONDS = 120.0  # all calls of a method together
MEMORY_MB = 4096

SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests."
)
WITH_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
WITHOUT_STARTER = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the algorithm and writes output to STDOUT."
)

# In this order: a later module's name hides an earlier one's.
_STARS = (
    *("string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics"),
    *("itertools", "functools", "operator", "io", "sys", "json", "builtins", "typing"),
)
_NAMES = "".join(f"from {module} import *\n" for module in _STARS)
_NAMES += "".join(f"import {module}\n" for module in _STARS[:-2]) + "sys.setrecursionlimit(50000)\n"
_ENTRY = "call_solution"
# One instance for all calls.
_CALL = f"""
_solution = []
def {_ENTRY}(*arguments):
    if not _solution:
        _solution.append(Solution() if "Solution" in globals() else None)
    method = getattr(_solution[0], "{{name}}") if _solution[0] is not None else globals()["{{name}}"]
    return method(*arguments)
"""


def load(path: str = "", release: str = "", start: str = "", end: str = "", extraction: str = "official") -> Suite:
    """LiveCodeBench from a folder of test.jsonl, test2.jsonl ..., from one such file, or from the Hub.

    ``release``: release_v1 to release_v6 (all up to it; default release_v5), v2 (what release_v2 added) or v2_v4.
    ``start``, ``end``: only contests from and to these days (2024-08-01), both included. ``extraction``: ``official``
    (the last pair of fences) or ``parsed`` (the last fenced block that is Python).

    Raises:
        InputError: a file or field is missing or damaged; an option has another value.
    """
    if extraction not in ("official", "parsed"):
        raise InputError(f"livecodebench: extraction must be official or parsed, not {extraction!r}.")
    first, last = _day("start", start), _day("end", end)
    if path and os.path.isfile(path):
        if release:
            raise InputError(f"livecodebench: {path} is one file; leave release={release} out, or name its folder.")
        paths = [path]
    else:
        release = release or "release_v5"
        paths = _paths(path, release)
    digest = hashlib.sha256()
    items = [item for each in paths for item in _items(each, digest, lambda day: first <= day <= last)]
    if not items:
        window = [f"from {start} on"] * bool(start) + [f"up to {end}"] * bool(end)
        raise InputError(f"{', '.join(paths)}: there is no problem {' and '.join(window) or 'in it'}.")
    options = {"release": release, "start": start, "end": end, "extraction": extraction}
    return Suite(
        name="livecodebench",
        version=release,
        path=", ".join(paths),
        sha256=digest.hexdigest(),
        items=tuple(sorted(items, key=lambda item: item.task.id)),
        scores={"tests": "livecodebench"},
        program=_official if extraction == "official" else _parsed,
        stops=("###",),
        max_new_tokens=2000,
        options={name: value for name, value in options.items() if value},
    )


def files_of(release: str) -> list[str]:
    """The files of a release on the Hub.

    Raises:
        InputError: there is no such release.
    """
    match = re.fullmatch(r"release_(v\d+|latest)|v(\d+)(?:_v(\d+))?", release)
    if match and match[1]:
        first, last = 1, LATEST if match[1] == "latest" else int(match[1][1:])
    elif match:
        first, last = int(match[2]), int(match[3] or match[2])
    if not match or not 1 <= first <= last <= LATEST:
        raise InputError(
            f"livecodebench: release must be release_v1 to release_v{LATEST}, v2 or v2_v4, not {release!r}."
        )
    return [f"test{number if number > 1 else ''}.jsonl" for number in range(first, last + 1)]


def last_fence(text: str) -> str:
    """What lies between the last two lines with a fence; empty where there are fewer. The official extraction."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if "```" in line]
    return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) > 1 else ""


def parsed(text: str) -> str:
    """The last stretch between fences, or after the last, that is Python; else :func:`last_fence`."""
    stretches = re.split(r"^[^\n]*```[^\n]*$", text, flags=re.MULTILINE)
    for stretch in reversed(stretches[1:] or stretches):
        try:
            tree = parse(stretch.strip("\n"))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body):
            return stretch.strip("\n")
    return last_fence(text)


def tags_of(row: Row) -> dict[str, tuple[str, ...]]:
    """By what results are broken down: difficulty, platform, and the contest's month (2024-08)."""
    names = {"difficulty": "difficulty", "platform": "platform", "month": "contest_date"}
    return {tag: (str(row.take(name))[: 7 if tag == "month" else None],) for tag, name in names.items()}


def _official(item: Item, text: str, style: Style) -> str:
    return text.strip() if style == "complete" else last_fence(text)


def _parsed(item: Item, text: str, style: Style) -> str:
    return parsed(text)


def _day(name: str, text: str) -> datetime.date:
    if not text:
        return datetime.date.min if name == "start" else datetime.date.max
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"livecodebench: {name} must be a day such as 2024-08-01, not {text!r}.") from None


def _paths(folder: str, release: str) -> list[str]:
    names = files_of(release)
    if folder:
        paths = [os.path.join(folder, name) for name in names]
        missing = [path for path in paths if not os.path.isfile(path)]
        if missing:
            raise InputError(f"livecodebench: there is no file {missing[0]}; get it from the data set {REPOSITORY}.")
        return paths
    from huggingface_hub import hf_hub_download

    try:
        return [hf_hub_download(REPOSITORY, name, repo_type="dataset") for name in names]
    except Exception:  # the library raises its own, httpx', requests' and OSError, by version and by cause
        raise InputError(
            f"livecodebench: no file found; put {names[0]} to {names[-1]} of the data set {REPOSITORY} into a folder "
            "and name it as the path."
        ) from None


def _items(path: str, digest: Any, wanted: Callable[[datetime.date], bool]) -> Iterator[Item]:
    for number, offset, text in lines_of(path):
        digest.update(text)
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error}); check that the file is complete.") from None
        if not isinstance(data, dict):
            raise InputError(f"{path}, line {number}: an object is expected, not {type(data).__name__}.")
        row = Row(path, number, data)
        day = row.take("contest_date")[:10]
        try:
            inside = wanted(datetime.date.fromisoformat(day))
        except ValueError:
            raise row.fault(f"the field 'contest_date' holds no day: {day!r}") from None
        if inside:
            yield _item(row, cast("tuple[Case, ...]", Stored(path, number, offset)))


def _item(row: Row, cases: tuple[Case, ...]) -> Item:
    try:
        name = json.loads(row.take("metadata", str, "{}")).get("func_name")
    except (ValueError, AttributeError):
        raise row.fault("the field 'metadata' must be the text of a JSON object") from None
    for field in ("public_test_cases", "private_test_cases"):
        row.take(field)
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise row.fault(f"'func_name' must be a name, not {name!r}")
    if name is None:
        tests = Tests("stdio", cases=cases, setup=_NAMES, equality="lines", cpu_seconds=SECONDS, memory_mb=MEMORY_MB)
    else:
        tests = Tests(
            "calls",
            cases=cases,
            entry_point=_ENTRY,
            setup=_NAMES + _CALL.format(name=name),
            equality="list",
            cpu_seconds=CALLS_SECONDS,
            call_seconds=SECONDS,
            memory_mb=MEMORY_MB,
        )
    question, starter = row.take("question_content"), row.take("starter_code", str, "")
    code = starter or "# YOUR CODE HERE"
    prompt = f"### Question\n{question}\n\n"
    if starter:
        prompt += f"### Starter Code\n{starter}\n\n"
    return Item(
        Task(row.take("question_id"), prompt + "### Answer\n\n", tests, source="livecodebench"),
        {"tests": tests},
        instruction=f"{SYSTEM}\n\n### Question:\n{question}\n\n"
        f"### Format: {WITH_STARTER if starter else WITHOUT_STARTER}\n```python\n{code}\n```\n\n"
        "### Answer: (use the provided format with backticks)\n\n",
        tags=tags_of(row),
    )
