"""What a repairer is told: exceptions and values as short, stable text.

Runs beside the untrusted program: whatever its objects do when they are shown, a bounded text comes out, without
memory addresses and without the harness's own frames.
"""

from __future__ import annotations

import ast
import re
import reprlib
import traceback
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType

__all__ = ["FEEDBACK_CHARACTERS", "clip", "describe", "raised_in", "show", "statement_at", "type_name"]

FEEDBACK_CHARACTERS = 2000
_FRAMES = 6  # of the program, the innermost ones
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_shortener = reprlib.Repr()
_shortener.maxlevel = 6
_shortener.maxlist = _shortener.maxtuple = _shortener.maxset = _shortener.maxfrozenset = _shortener.maxdeque = 40
_shortener.maxarray = _shortener.maxdict = 40
_shortener.maxstring = _shortener.maxother = _shortener.maxlong = 400


def clip(text: str, limit: int = FEEDBACK_CHARACTERS) -> str:
    """``text`` without its middle, at most about ``limit`` characters."""
    if len(text) <= limit:
        return text
    return f"{text[: limit * 2 // 3]} ... {text[-(limit // 3) :]}"


def show(value: object) -> str:
    """A bounded ``repr`` that never raises."""
    try:
        return clip(_ADDRESS.sub("", _shortener.repr(value)), 600)
    except BaseException:
        return f"<{type_name(value)}>"


def type_name(value: object) -> str:
    """The name of the value's class, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(value)))[:100]


def describe(error: BaseException, sources: Mapping[str, str]) -> str:
    """Type, message and the lines of ``sources`` (file name -> text) that an exception came through."""
    if isinstance(error, SyntaxError):
        try:
            lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
        except BaseException:
            return type_name(error)
        return clip("\n".join(clip(line, 300) for line in lines))
    try:
        message = clip(_ADDRESS.sub("", BaseException.__str__(error) if _plain(error) else str(error)), 1000)
    except BaseException:
        message = "<message cannot be shown>"
    frames = [
        f'  File "{name}", line {line}, in {function}\n    {_line(sources[name], line)}'
        for name, line, function in _frames(error.__traceback__)
        if name in sources
    ]
    if len(frames) > _FRAMES:
        frames = [frames[0], "  ...", *frames[1 - _FRAMES :]]
    head = ["Traceback (most recent call last):", *frames] if frames else []
    return clip("\n".join([*head, f"{type_name(error)}: {message}" if message else type_name(error)]))


def raised_in(error: BaseException, sources: Mapping[str, str]) -> str:
    """Which file of ``sources`` raised, itself or through a library."""
    names = [name for name, _, _ in _frames(error.__traceback__) if name in sources]
    return names[-1] if names else ""


def statement_at(source: str, line: int) -> str:
    """The whole assert statement that starts at ``line``, made one line where it was written over several."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.lineno == line:
            return clip(" ".join((ast.get_source_segment(source, node) or "").split()), 600)
    return _line(source, line)


def _plain(error: BaseException) -> bool:
    return type(error).__str__ is BaseException.__str__


def _frames(link: TracebackType | None) -> Iterable[tuple[str, int, str]]:
    """File, line and function of the outermost frames and of the innermost: a deep recursion has millions."""
    first: list[TracebackType] = []
    last: deque[TracebackType] = deque(maxlen=50)
    while link is not None:
        (first if len(first) < 50 else last).append(link)
        link = link.tb_next
    for found in (*first, *last):
        code = found.tb_frame.f_code
        yield code.co_filename, found.tb_lineno, code.co_name


def _line(source: str, number: int) -> str:
    lines = source.splitlines()
    return clip(lines[number - 1].strip(), 300) if 0 < number <= len(lines) else ""
