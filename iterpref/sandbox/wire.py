"""Values of the standard library and numpy arrays as JSON-ready data: copies that a test can use like the original.

Extends ``iterpref.plain`` for the case in which tests run in another process than the program. Copies are rebuilt from
plain parts, never unpickled: the other end is hostile.
"""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import fractions
import re
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["copy_of", "from_copy"]

_DTYPE = re.compile(r"[<>|=]?([biufc][0-9]{1,2}|[US][0-9]{1,6}|[mM]8(\[[a-z]{1,2}\])?)")
_TIMES: dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}


def copy_of(value: Any, encode: Callable[[Any], Any]) -> Any:
    """One-key object for a value of a known class (exactly that class); None for any other."""
    kind = type(value)
    if kind is decimal.Decimal:
        return {"$Decimal": str(value)}
    if kind is fractions.Fraction:
        return {"$Fraction": [value.numerator, value.denominator]}
    if kind in _TIMES.values():
        return {f"${kind.__name__}": value.isoformat()}
    if kind is datetime.timedelta:
        return {"$timedelta": [value.days, value.seconds, value.microseconds]}
    if kind is range:
        return {"$range": [value.start, value.stop, value.step]}
    if kind is bytearray:
        return {"$bytearray": base64.b64encode(value).decode()}
    if kind is collections.deque:
        return {"$deque": [encode(list(value)), value.maxlen]}
    if kind in (collections.Counter, collections.OrderedDict, collections.defaultdict):
        return {f"${kind.__name__}": encode(dict(value))}
    if issubclass(kind, tuple) and _is_namedtuple(kind):
        return {"$namedtuple": [kind.__name__, list(vars(kind)["_fields"]), encode(list(tuple.__iter__(value)))]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
        array = numpy.asarray(value)
        if _DTYPE.fullmatch(array.dtype.str):
            data = base64.b64encode(array.tobytes()).decode()
            return {"$array": [array.dtype.str, list(array.shape), data, kind is numpy.ndarray]}
    return None


def _is_namedtuple(kind: type) -> bool:
    """Whether ``collections.namedtuple`` made the class: it adds nothing to a tuple but names."""
    fields = getattr(kind, "_fields", None)
    return kind.__bases__ == (tuple,) and isinstance(fields, tuple) and "__eq__" not in kind.__dict__


def from_copy(tag: str, body: Any, decode: Callable[[Any], Any]) -> Any:
    """The value again.

    Raises:
        ValueError: the tag is not known.
    """
    name = tag[1:]
    if name == "Decimal":
        return decimal.Decimal(body)
    if name == "Fraction":
        return fractions.Fraction(*body)
    if name in _TIMES:
        return _TIMES[name].fromisoformat(body)
    if name == "timedelta":
        return datetime.timedelta(*body)
    if name == "range":
        return range(*body)
    if name == "bytearray":
        return bytearray(base64.b64decode(body))
    if name == "deque":
        return collections.deque(decode(body[0]), body[1])
    if name == "Counter":
        return collections.Counter(decode(body))
    if name == "OrderedDict":
        return collections.OrderedDict(decode(body))
    if name == "defaultdict":
        return collections.defaultdict(None, decode(body))
    if name == "namedtuple":
        kind, fields, values = body
        return collections.namedtuple(kind, fields, rename=True)(*decode(values))  # as pandas makes them
    if name == "array":
        import numpy

        kind, shape, data, whole = body
        if not _DTYPE.fullmatch(kind):
            raise ValueError("unknown type of array")
        array = numpy.frombuffer(base64.b64decode(data), dtype=kind).reshape(shape).copy()
        return array if whole else array[()]
    raise ValueError(f"unknown tag {tag!r}")
