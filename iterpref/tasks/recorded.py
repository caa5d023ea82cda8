"""Recorded debugging and labelled pairs, read into one form (formats: docs/data.md).

Three kinds of row are understood, told apart by their columns:

``attempts``
    a debugging session: ``prompt``, ``attempts`` (program texts, oldest first) and tests to run them again.
``chosen``, ``rejected``
    a labelled pair: ``prompt`` and two programs. With tests it is run again, without it is believed.
neither
    a task: ``prompt`` and tests.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iterpref.errors import InputError
from iterpref.syntax import parse
from iterpref.types import Attempt, Outcome, Task, Tests, Trajectory, Verdict

__all__ = ["read_recorded", "read_rows"]

_TESTS = TypeAdapter(Tests)


def read_recorded(source: str, split: str = "train", limit: int | None = None) -> Iterator[tuple[str, Trajectory]]:
    """Stream (id, trajectory) from a source. A task is a trajectory without attempts.

    The verdicts are the labels that the source gives, of which nothing is believed where tests can be run; an attempt
    without a label has outcome ``infra``. Ids follow from content, so a source may grow or be reordered between runs.

    Raises:
        InputError: no such source, a malformed line, or a row whose fields are missing or of the wrong type. The
            sentence names the line.
    """
    for number, (where, row) in enumerate(read_rows(source, split)):
        if limit is not None and number >= limit:
            return
        yield _parse(row, where)


def read_rows(source: str, split: str = "train") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield ("file, line N", row) from JSONL(.gz), JSON, Parquet, or a `datasets` name or folder."""
    path = Path(source)
    name = path.name.removesuffix(".gz")
    if path.is_file() and name.endswith((".jsonl", ".json")):
        yield from _read_json(path, lines=name.endswith(".jsonl"))
    elif path.is_file() and not name.endswith(".parquet"):
        raise InputError(
            f"{source}: files end in .jsonl, .jsonl.gz, .json, .json.gz or .parquet; rename or convert it."
        )
    elif path.exists() or (re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source) and not path.suffix):
        yield from _read_datasets(source, split)
    else:
        raise InputError(f"{source}: no such file; give a JSONL or Parquet file, or the name of a data set.")


def _read_json(path: Path, lines: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    opener: Any = gzip.open if path.name.endswith(".gz") else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as handle:
            if not lines:
                for number, row in enumerate(json.load(handle), 1):
                    yield f"{path}, item {number}", _mapping(row, f"{path}, item {number}")
                return
            for number, line in enumerate(handle, 1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield where, _mapping(json.loads(line), where)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {number if lines else error.lineno}: not valid JSON ({error.msg}); mend or remove the line."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}, after line {number}: not UTF-8 text; convert the file to UTF-8.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            f"{path}, after line {number}: the gzip data is damaged or cut off; fetch the file again."
        ) from None


def _mapping(row: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{where}: a row is a JSON object with named fields, not {json.dumps(row)[:40]}.")
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: a text holds half a character (such as \\ud800); mend or remove the row.") from None
    return row


def _read_datasets(source: str, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import datasets

    path = Path(source)
    try:
        if path.is_file():
            rows = datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=True)
        else:
            rows = datasets.load_dataset(source, split=split, streaming=True)
        for number, row in enumerate(rows, 1):
            yield f"{source}, row {number}", row
    except (InputError, KeyboardInterrupt):
        raise
    except Exception as error:  # the library raises many kinds; each means the source cannot be read
        first = str(error).strip().split("\n")[0][:200]
        raise InputError(
            f"{source}: `datasets` cannot load it ({type(error).__name__}: {first}); check name, split and access."
        ) from None


def _parse(row: Mapping[str, Any], where: str) -> tuple[str, Trajectory]:
    prompt = _text(row, "text" if "text" in row and "prompt" not in row else "prompt", where)  # `text`: MBPP
    tests = _tests(row, where)
    if tests is not None and not tests.setup:
        tests = replace(tests, setup=_imports(prompt, tests.entry_point))
    versions: list[str] = []
    messages: list[str] = []
    labels: list[str] = []
    if "attempts" in row:
        versions, messages = _attempts(row["attempts"], where)
        labels = [str(label) for label in row.get("verdicts") or []]
        if labels and len(labels) != len(versions):
            raise InputError(
                f"{where}: `verdicts` has {len(labels)} entries for {len(versions)} attempts; give one each."
            )
        if tests is None:
            raise InputError(f"{where}: attempts can only be judged by tests; add a `tests` field.")
    elif "chosen" in row or "rejected" in row:
        versions = [_completion(row, "rejected", where), _completion(row, "chosen", where)]
        labels = ["fail", "pass"]
    elif tests is None:
        raise InputError(
            f"{where}: a task needs `tests`, a session `attempts`, a pair `chosen` and `rejected`; add them."
        )
    task_id = str(row.get("task_id") or row.get("id") or "")
    digest = hashlib.sha256(json.dumps([prompt, versions, str(row.get("model"))]).encode()).hexdigest()[:10]
    task = Task(
        id=task_id or digest,
        prompt=prompt,
        tests=tests,
        solution=_solution(row, prompt),
        features=tuple(map(str, row.get("features") or ())),
        source=str(row.get("source") or ""),
    )
    author = str(row.get("model") or row.get("teacher") or "")
    verdicts = [_verdict(label) for label in labels] or [Verdict(Outcome.INFRA, feedback="not judged")] * len(versions)
    messages = messages or [""] * len(versions)
    attempts = tuple(
        Attempt(index, code, verdict, message)
        for index, (code, verdict, message) in enumerate(zip(versions, verdicts, messages, strict=True))
    )
    id = f"{task_id}@{digest}" if task_id and versions else task.id
    return id, Trajectory(task, attempts, author)


def _verdict(label: str) -> Verdict:
    """``pass``, ``fail``, or ``<exception class>|<message>``."""
    kind, _, message = label.partition("|")
    if kind.lower() in ("pass", "passed", "true"):
        return Verdict(Outcome.PASS)
    if kind.lower() in ("fail", "failed", "false", "assertionerror"):
        return Verdict(Outcome.WRONG, feedback=message)
    return Verdict(Outcome.TIMEOUT if "timeout" in kind.lower() else Outcome.ERROR, kind, message)


def _imports(prompt: str, entry_point: str) -> str:
    """What a prompt in the form of code to be completed imports: programs written for it may count on that."""
    head, definition, _ = prompt.partition(f"def {entry_point}(")
    if not entry_point or not definition:
        return ""
    lines = [line for line in head.split("\n") if line.startswith(("import ", "from "))]
    try:
        parse("\n".join(lines))
    except SyntaxError:  # a sentence that begins with "from" is no code
        return ""
    return "\n".join(lines)


def _solution(row: Mapping[str, Any], prompt: str) -> str | None:
    """A program that is known to be right: whole (``solution``, ``code``), or what follows the prompt (HumanEval)."""
    whole = next((row[key] for key in ("solution", "code") if isinstance(row.get(key), str)), None)
    rest = row.get("canonical_solution")
    return whole if whole is not None else prompt + rest if isinstance(rest, str) else None


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if isinstance(value, list):  # a message list: what the user asked
        asked = [
            str(item.get("content")) for item in value if isinstance(item, dict) and item.get("role") != "assistant"
        ]
        value = "\n\n".join(asked) if asked else None
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if key not in row else f"is {json.dumps(value, default=str)[:40]}"
        raise InputError(f"{where}: `{key}` {found}; it must be text.")
    return value


def _completion(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1].get("content")
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if key not in row else f"is {json.dumps(value, default=str)[:40]}"
        raise InputError(f"{where}: `{key}` {found}; it must be program text, or a message list that ends in it.")
    fence = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", value, re.DOTALL)
    return fence[1] if fence else value


def _attempts(value: Any, where: str) -> tuple[list[str], list[str]]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: `attempts` must be a list of program texts, oldest first, with at least one.")
    codes, messages = [], []
    for number, attempt in enumerate(value):
        code = attempt.get("code") if isinstance(attempt, dict) else attempt
        if not isinstance(code, str):
            raise InputError(f"{where}: `attempts[{number}]` must be text, or an object with text in `code`.")
        codes.append(code)
        messages.append(str(attempt.get("message") or "") if isinstance(attempt, dict) else "")
    return codes, messages


def _tests(row: Mapping[str, Any], where: str) -> Tests | None:
    """Tests as an object in the form of :class:`~iterpref.types.Tests`, a list of asserts, or program text."""
    value = row.get("tests", row.get("test", row.get("test_list")))
    if value is None or value == "" or value == []:
        return None
    entry_point = str(row.get("entry_point") or "")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        setup = "\n".join([str(row.get("test_setup_code") or ""), *map(str, row.get("test_imports") or ())]).strip()
        return Tests("asserts", code="\n".join(value), entry_point=entry_point, setup=setup)
    if isinstance(value, str):
        if re.search(r"^def check\(", value, re.MULTILINE):
            if not entry_point:
                raise InputError(
                    f"{where}: tests of the form check(candidate) need `entry_point`, the function's name."
                )
            return Tests("check", code=value, entry_point=entry_point)
        if "TestCase" in value:
            return Tests("unittest", code=value, entry_point=entry_point)
        return Tests("asserts", code=value, entry_point=entry_point)
    if isinstance(value, dict):
        try:
            return _TESTS.validate_python({"entry_point": entry_point, **value})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(f"{where}: `tests.{key}` is {first['input']!r}: {first['msg'].lower()}.") from None
    raise InputError(f"{where}: `tests` must be text, a list of asserts, or an object with `kind`.")
