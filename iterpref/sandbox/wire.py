"""Values of the standard library and numpy arrays as JSON-ready data: copies that a test can use like the original.

Extends ``iterpref.plain`` for the case in which tests run in another process than the program. Copies are rebuilt from
plain parts, never unpickled: the other end is hostile.
"""

from __future__ import annotations

import array
import base64
import collections
import datetime
import decimal
import fractions
import importlib
import io
import math
import re
import sys
import types
from collections.abc import Callable
from typing import Any

__all__ = ["NaNs", "copy_of", "from_copy"]

_DTYPE = re.compile(r"[<>|=]?([biufc][0-9]{1,2}|[US][0-9]{1,6}|[mM]8(\[[a-z]{1,2}\])?)")
_TIMES: dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}
_PATHS = frozenset({"PurePosixPath", "PosixPath"})  # by name, as every fork would have to copy their module
_FILES: dict[str, Any] = {"StringIO": io.StringIO, "BytesIO": io.BytesIO}
_VIEWS: dict[str, Any] = {"dict_keys": dict.keys, "dict_values": dict.values, "dict_items": dict.items}
# Whose classes are handed over by name.
_MODULES = frozenset({"array", "builtins", "collections", "datetime", "decimal", "fractions", "numpy", "pathlib", "re"})
_SINGLES = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}


def copy_of(value: Any, encode: Callable[[Any], Any]) -> Any:
    """One-key object for a value of a known class (exactly that class); None for any other."""
    kind = type(value)
    if kind is decimal.Decimal:
        return {"$Decimal": str(value)}
    if kind is fractions.Fraction:
        return {"$Fraction": [value.numerator, value.denominator]}
    if kind is datetime.date:
        return {"$date": value.isoformat()}
    if kind in (datetime.datetime, datetime.time):
        zone = _zone_of(value.tzinfo)
        local = value.isoformat() if zone is None else value.replace(tzinfo=None).isoformat()
        return {f"${kind.__name__}": [local, value.fold, zone]}
    if isinstance(value, datetime.tzinfo):
        zone = _zone_of(value)
        return None if zone is None else {"$zone": zone}
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
    if kind.__name__ in _PATHS and kind.__module__.partition(".")[0] == "pathlib":
        return {f"${kind.__name__}": str(value)}
    if kind.__name__ in _VIEWS and kind.__module__ == "builtins":
        return {f"${kind.__name__}": encode(list(value))}
    if kind is array.array:
        return {"$array.array": [value.typecode, encode(value.tolist())]}
    if kind is memoryview and value.format == "B" and value.c_contiguous:
        return {"$memoryview": base64.b64encode(value).decode()}
    if kind in _FILES.values() and not value.closed:
        return {f"${kind.__name__}": [encode(value.getvalue()), value.tell()]}
    if kind is slice:
        return {"$slice": encode([value.start, value.stop, value.step])}
    if kind is re.Pattern:
        return {"$Pattern": [encode(value.pattern), value.flags]}
    if kind is types.SimpleNamespace:
        return {"$SimpleNamespace": encode(vars(value))}
    if value is Ellipsis or value is NotImplemented:
        return {"$single": repr(value)}
    if isinstance(value, type) and _named_class(value.__module__, value.__name__) is value:
        return {"$class": [value.__module__, value.__name__]}
    if issubclass(kind, tuple) and _is_namedtuple(kind):
        return {"$namedtuple": [kind.__name__, list(vars(kind)["_fields"]), encode(list(tuple.__iter__(value)))]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
        whole = numpy.asarray(value)
        if _DTYPE.fullmatch(whole.dtype.str):
            data = base64.b64encode(whole.tobytes()).decode()
            return {"$array": [whole.dtype.str, list(whole.shape), data, kind is numpy.ndarray]}
        if kind is numpy.ndarray and value.dtype == object:
            return {"$objects": [list(value.shape), encode(list(value.flat))]}
    return None


def _zone_of(zone: Any) -> Any:
    """A time zone as plain parts; None for one of an unknown class, and for none."""
    kind = type(zone)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is datetime.timezone:
        arguments = zone.__getinitargs__()
        seconds = arguments[0].total_seconds()
        return ["timezone", seconds, *arguments[1:]]
    if name == "zoneinfo.ZoneInfo":
        return ["zoneinfo", zone.key]
    if kind.__module__.partition(".")[0] == "pytz":
        return ["pytz", *zone.__reduce__()[1]]
    return None


def _zone(name: str, *parts: Any) -> datetime.tzinfo:
    if name == "timezone":
        return datetime.timezone(datetime.timedelta(seconds=parts[0]), *parts[1:])
    if name == "zoneinfo":
        import zoneinfo

        return zoneinfo.ZoneInfo(str(parts[0]))
    if name != "pytz":
        raise ValueError("unknown kind of time zone")
    import pytz  # type: ignore[import-untyped]

    if not parts:
        return pytz.UTC  # type: ignore[no-any-return]
    make = pytz.FixedOffset if type(parts[0]) is int else pytz._p
    return make(*parts)  # type: ignore[no-any-return]


def _named_class(module: str, name: str) -> type | None:
    found = getattr(sys.modules.get(module), name, None) if module in _MODULES else None
    return found if type(found) is type else None


# What a class made by ``collections.namedtuple`` or ``typing.NamedTuple`` has besides its fields.
_NAMED = frozenset(vars(collections.namedtuple("N", "a"))) - {"a"}
_NAMED |= {"__annotations__", "__annotate__", "__annotate_func__", "__orig_bases__", "__static_attributes__"}
_NAMED |= {"__firstlineno__", "__annotations_cache__"}


def _is_namedtuple(kind: type) -> bool:
    """Whether ``namedtuple`` made the class: it adds nothing to a tuple but names."""
    fields = getattr(kind, "_fields", None)
    return kind.__bases__ == (tuple,) and isinstance(fields, tuple) and vars(kind).keys() <= {*_NAMED, *fields}


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
    if name == "date":
        return datetime.date.fromisoformat(body)
    if name in _TIMES:
        local, fold, zone = body
        found = _TIMES[name].fromisoformat(local).replace(fold=fold)
        return found if zone is None else found.replace(tzinfo=_zone(*zone))
    if name == "zone":
        return _zone(*body)
    if name in _PATHS:
        import pathlib

        return getattr(pathlib, name)(body)
    if name in _VIEWS:
        items = decode(body)
        if name != "dict_items":
            items = list(zip(items if name == "dict_keys" else range(len(items)), items, strict=True))
        return _VIEWS[name](dict(items))
    if name == "array.array":
        return array.array(body[0], decode(body[1]))
    if name == "memoryview":
        return memoryview(base64.b64decode(body))
    if name in _FILES:
        file = _FILES[name](decode(body[0]))
        file.seek(body[1])
        return file
    if name == "slice":
        return slice(*decode(body))
    if name == "Pattern":
        return re.compile(decode(body[0]), body[1])
    if name == "SimpleNamespace":
        return types.SimpleNamespace(**decode(body))
    if name == "single":
        return _SINGLES[body]
    if name == "class":
        if body[0] in _MODULES:
            importlib.import_module(body[0])  # the other end has it, this one perhaps not yet
        if (known := _named_class(*body)) is None:
            raise ValueError("unknown class")
        return known
    if name == "objects":
        import numpy

        filled = numpy.empty(len(body[1]), dtype=object)
        for index, item in enumerate(decode(body[1])):
            filled[index] = item
        return filled.reshape(body[0])
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
        copied = numpy.frombuffer(base64.b64decode(data), dtype=kind).reshape(shape).copy()
        return copied if whole else copied[()]
    raise ValueError(f"unknown tag {tag!r}")


class NaNs:
    """Which NaN a NaN is. It equals nothing, but a list that holds it equals one that holds the same object."""

    def __init__(self, side: str) -> None:
        self._side = side
        self._known: dict[str, float] = {"math": math.nan}
        self._names: dict[int, str] = {id(math.nan): "math"}

    def encode(self, value: float) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and value is numpy.nan:
            return {"$nan": "numpy"}
        name = self._names.setdefault(id(value), f"{self._side}{len(self._names)}")
        self._known[name] = value  # which keeps its id from being used again
        return {"$nan": name}

    def decode(self, name: str) -> float:
        if name == "numpy":
            import numpy

            return numpy.nan
        if name not in self._known:
            self._known[name] = float("nan")
            self._names[id(self._known[name])] = name
        return self._known[name]
