"""Finds and reads the file of a benchmark: at a path, or where the official harness has it, or on the Hub.

Formats: JSON lines, a JSON list, one JSON object over many lines, either compressed with gzip, and Parquet. Whatever is
wrong is told with file, line and field; a missing file gives the one sentence that says where to get it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iterpref.errors import InputError

__all__ = ["File", "Hub", "Place", "Row", "read", "read_file", "version_of"]

_TIMEOUT = 60.0  # seconds without an answer from a server
_GZIP = b"\x1f\x8b"
_TRUE = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True)
class Hub:
    """A data set on the Hugging Face Hub with the benchmark's own fields."""

    repository: str
    split: str
    config: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a benchmark is found, in this order: ``variable``, ``cache``, ``url``, ``hub``. ``get`` tells a person."""

    name: str
    get: str  # "put X at Y": completes "HumanEval+: no file found; ..."
    variable: str = ""  # the official harness's override, an environment variable
    cache: str = ""  # the official harness's own copy, below the user's cache folder
    url: str = ""  # what the official harness downloads; kept at ``cache``
    hub: Hub | None = None


@dataclass(frozen=True)
class Row:
    """One task of a file; ``line`` counts from 1."""

    path: str
    line: int
    data: dict[str, Any]

    def take(self, name: str, kind: type | tuple[type, ...] = str, default: Any = ...) -> Any:
        """The field ``name``, of type ``kind``.

        Raises:
            InputError: it is missing and has no default, or it is of another type.
        """
        value = self.data.get(name, default)
        if value is ...:
            known = ", ".join(sorted(self.data)) or "none"
            raise self.fault(f"the field {name!r} is missing (there are: {known})")
        if not isinstance(value, kind) and value is not default:
            kinds = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join(each.__name__ for each in kinds)
            raise self.fault(f"the field {name!r} must be {wanted}, not {type(value).__name__}")
        return value

    def fault(self, what: str) -> InputError:
        """An error about this row; ``what`` is a clause without a full stop."""
        return InputError(f"{self.path}, line {self.line}: {what}.")


@dataclass(frozen=True)
class File:
    """A benchmark's file as it was read. ``sha256`` is of its text, uncompressed (of its bytes, for Parquet)."""

    path: str
    sha256: str
    rows: tuple[Row, ...]


def read(place: Place, path: str = "") -> File:
    """The file at ``path``, or without one the first that ``place`` leads to.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    if path:
        return read_file(path)
    variable = os.environ.get(place.variable, "") if place.variable else ""
    if variable:
        if not Path(variable).is_file():
            raise InputError(f"{place.name}: {place.variable} names {variable}, which is no file; mend or unset it.")
        return read_file(variable)
    if place.cache:
        cached = _cache() / place.cache
        if cached.is_file():
            return read_file(cached)
        if place.url and not _offline() and _download(place.url, cached):
            return read_file(cached)
    if place.hub and (found := _from_hub(place.hub)):
        return found
    raise InputError(f"{place.name}: no file found; {place.get}.")


def read_file(path: str | Path) -> File:
    """One file of tasks or samples.

    Raises:
        InputError: it is missing, damaged, empty, or no list of JSON objects.
    """
    try:
        data = Path(path).expanduser().read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); check the path.") from None
    rows = _parquet(path, data) if data.startswith(b"PAR1") else list(_json(path, data))
    if not rows:
        raise InputError(f"{path}: there is no task in it; check that it is the right file.")
    return File(str(path), hashlib.sha256(data).hexdigest(), tuple(Row(str(path), line, each) for line, each in rows))


def version_of(file: File, known: dict[str, str]) -> str:
    """The release: by checksum where it is ``known``, else as the file's name has it, else empty."""
    named = re.search(r"v\d+(?:\.\d+)+", Path(file.path).name)
    return known.get(file.sha256, named[0] if named else "")


def _json(path: str | Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); check that it is the right file.") from None
    if text.lstrip().startswith("["):
        values = list(enumerate(_parsed(path, 1, text), 1))
    elif text.startswith("{\n"):  # one object over many lines, as result files are written
        values = [(1, _parsed(path, 1, text))]
    else:
        # Not splitlines: a JSON string may hold U+2028 as it is.
        lines = enumerate(text.split("\n"), 1)
        values = [(line, _parsed(path, line, part)) for line, part in lines if part.strip()]
    for line, value in values:
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {line}: an object is expected, not {type(value).__name__}.")
        yield line, value


def _parsed(path: str | Path, line: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}, line {line}: not JSON ({error}); check that the file is complete.") from None


def _parquet(path: str | Path, data: bytes) -> list[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); check that it is complete.") from None
    return list(enumerate(table.to_pylist(), 1))


def _from_hub(hub: Hub) -> File | None:
    """The rows of a data set, from the Hub or from its local cache; None where neither can be had."""
    import datasets

    try:
        table = datasets.load_dataset(hub.repository, hub.config, split=hub.split)
    except Exception:  # the library raises its own, requests', httpx' and OSError, by version and by cause
        return None
    rows = [dict(each) for each in table]
    text = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    path = f"hf://datasets/{hub.repository}"
    return File(
        path,
        hashlib.sha256(text.encode()).hexdigest(),
        tuple(Row(path, line, row) for line, row in enumerate(rows, 1)),
    )


def _download(url: str, target: Path) -> bool:
    """Fetch and unpack ``url``; whether ``target`` is there, complete."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            data = answer.read()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
            part.write(data)
        os.replace(part.name, target)
    except (OSError, EOFError):  # no network, no such release, a broken transfer, no place to keep it
        return False
    return True


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
