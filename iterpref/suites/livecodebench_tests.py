"""The tests of a LiveCodeBench problem: decoded when they are needed, as those of a release are gigabytes.

Private tests are JSON, or base64 of zlib of a pickled text that is JSON. The pickle is read by an unpickler that knows
no class and no function, so that a file cannot run anything.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import pickle
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, BinaryIO, overload

from iterpref.errors import InputError
from iterpref.suites.files import Row
from iterpref.types import Case

__all__ = ["Stored", "cases_of", "decode", "lines_of"]

_LARGEST = 1 << 30  # bytes of one problem's tests, unpacked
_KEPT = 4  # problems whose tests are held decoded


class Stored(Sequence[Case]):
    """The cases of one problem, read from its line of a file each time they are asked for (the last few are kept)."""

    def __init__(self, path: str, line: int, offset: int) -> None:
        self._place = (path, line, offset)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Case, ...]: ...
    def __getitem__(self, index: int | slice) -> Case | tuple[Case, ...]:
        return _read(*self._place)[index]

    def __len__(self) -> int:
        return len(_read(*self._place))

    def __iter__(self) -> Iterator[Case]:
        return iter(_read(*self._place))

    def __eq__(self, other: object) -> bool:
        return self._place == other._place if isinstance(other, Stored) else tuple(self) == other

    def __hash__(self) -> int:
        return hash(self._place)


def lines_of(path: str) -> Iterator[tuple[int, int, bytes]]:
    """(number from 1, offset, text) of each line that is not blank; the file may be compressed with gzip.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with _open(path) as file:
            offset = 0
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield number, offset, text
                offset += len(text)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); check the path.") from None


@lru_cache(_KEPT)
def _read(path: str, line: int, offset: int) -> tuple[Case, ...]:
    try:
        with _open(path) as file:
            file.seek(offset)
            data = json.loads(file.readline())
    except (OSError, ValueError):
        raise InputError(f"{path}: changed since it was read; put the file back and run again.") from None
    return cases_of(Row(path, line, data))


def _open(path: str) -> BinaryIO:
    file = open(path, "rb")  # noqa: SIM115 (the caller closes it)
    if file.peek(2)[:2] != b"\x1f\x8b":
        return file
    return io.BufferedReader(gzip.GzipFile(fileobj=file))


def cases_of(row: Row) -> tuple[Case, ...]:
    """Public tests, then private ones. ``args`` is the input text, or a call's arguments, one a line.

    Raises:
        InputError: a field is missing or damaged.
    """
    found: list[Case] = []
    for name in ("public_test_cases", "private_test_cases"):
        try:
            found += (_case(*each) for each in _pairs(decode(row.take(name))))
        except (ValueError, TypeError, KeyError) as error:
            raise row.fault(f"the tests in {name!r} cannot be read ({error})") from None
    if not found:
        raise row.fault("the problem has no test")
    return tuple(found)


def decode(text: str) -> Any:
    """What a field of tests holds.

    Raises:
        ValueError: it is damaged, or its pickle holds anything but plain data.
    """
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        packed = zlib.decompressobj()
        data = packed.decompress(base64.b64decode(text, validate=True), _LARGEST)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"neither JSON nor packed: {error}") from None
    if not packed.eof:
        raise ValueError(f"cut off, or larger than {_LARGEST >> 20} MiB unpacked")
    try:
        value = _Plain(io.BytesIO(data)).load()
    except Exception as error:  # a damaged pickle raises whatever its instructions stumble over
        raise ValueError(f"a damaged pickle: {error}") from None
    if isinstance(value, dict):  # some releases wrap the text once more
        value = value.get("input_output")
    if not isinstance(value, str):
        raise ValueError(f"a pickled text is expected, not {type(value).__name__}")
    return json.loads(value)


class _Plain(pickle.Unpickler):
    """Builds texts, numbers, lists and dicts; anything else would have to be named."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _pairs(tests: Any) -> Iterator[tuple[str, str, bool]]:
    """(input, output, whether they are a call's arguments and value)."""
    if isinstance(tests, dict):
        called = tests.get("fn_name") is not None
        for given, expected in zip(tests["inputs"], tests["outputs"], strict=True):
            yield given, expected, called
    else:
        for test in tests:
            if test["testtype"] not in ("stdin", "functional"):
                raise ValueError(f"testtype {test['testtype']!r} is neither stdin nor functional")
            yield test["input"], test["output"], test["testtype"] == "functional"


def _case(given: str, expected: str, called: bool) -> Case:
    if not called:
        return Case(given, expected)
    return Case(tuple(json.loads(line) for line in given.split("\n")), json.loads(expected))
