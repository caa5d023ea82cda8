"""Plain Python values to JSON and back, exactly.

Test cases hold Python values (tuples, sets, infinities, large integers) that JSON alone would change. Every value of a
built-in plain type survives the round trip with its type; anything else is refused. The sandbox uses the same encoding
to carry returned values out of the child process, so nothing in here may import more than the standard library.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

__all__ = ["NotPlain", "Plain", "from_json", "scattered", "to_json"]

# json.dumps writes integers in decimal, which Python limits to 4,300 digits.
_LARGEST_JSON_INT = 10**1000
# Lists of these alone are their own encoding; and decoded data without these is.
_AS_THEY_ARE, _INTEGERS, _NESTED = frozenset({str, bool, type(None)}), {int}, frozenset({list, dict})
# More keys than this with one hash are no accident: looking each up among the others takes time by the square.
_SAME_HASH = 100


class NotPlain(TypeError):
    """The value, or something inside it, is not of a plain built-in type."""


def _refuse(value: Any) -> Any:
    raise NotPlain(f"a value of type {type(value).__name__} is not plain data")


def _unknown(tag: str, _body: Any) -> Any:
    raise ValueError(f"unknown tag {tag!r} in encoded test data")


def to_json(value: Any, other: Callable[[Any], Any] = _refuse, nan: Callable[[float], Any] | None = None) -> Any:
    """Encode ``value`` as JSON-ready data. Types are compared exactly: a subclass of ``int`` is not plain.

    ``other`` encodes what is not plain, as an object with one key that starts with ``$``; ``nan`` so encodes NaN, where
    it matters which NaN it is.

    Raises:
        NotPlain: a value inside is of another type.
        RecursionError: the value is nested too deeply, or contains itself.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_LARGEST_JSON_INT < value < _LARGEST_JSON_INT else {"$int": hex(value)}
    if kind is float:
        if math.isfinite(value):
            return value
        return {"$float": repr(value)} if nan is None or value == value else nan(value)
    if kind is list:
        kinds = set(map(type, value))
        if kinds <= _AS_THEY_ARE or (
            kinds == _INTEGERS and -_LARGEST_JSON_INT < min(value) <= max(value) < _LARGEST_JSON_INT
        ):
            return value[:]
        return [to_json(item, other, nan) for item in value]
    if kind is tuple:
        return {"$tuple": [to_json(item, other, nan) for item in value]}
    if kind is dict:
        if not value or all(type(key) is str and not key.startswith("$") for key in value):
            return {key: to_json(item, other, nan) for key, item in value.items()}
        return {"$dict": [[to_json(key, other, nan), to_json(item, other, nan)] for key, item in value.items()]}
    if kind is set or kind is frozenset:
        return {f"${kind.__name__}": [to_json(item, other, nan) for item in value]}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if kind is complex:
        return {"$complex": [to_json(value.real), to_json(value.imag)]}
    return other(value)


def from_json(data: Any, other: Callable[[str, Any], Any] = _unknown) -> Any:
    """Decode what :func:`to_json` made. Ordinary JSON comes back unchanged. ``other`` decodes further tags.

    Raises:
        ValueError: an object with an unknown ``$`` tag, or a set or dict whose keys were chosen to collide.
    """
    if isinstance(data, list):
        if _NESTED.isdisjoint(map(type, data)):
            return data[:]
        return [from_json(item, other) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        (tag, body), *_ = data.items()
        if tag.startswith("$"):
            return _decode(tag, body, other)
    return {key: from_json(item, other) for key, item in data.items()}


def _decode(tag: str, body: Any, other: Callable[[str, Any], Any]) -> Any:
    if tag == "$tuple":
        return tuple(from_json(item, other) for item in body)
    if tag == "$dict":
        keys = scattered([from_json(key, other) for key, _ in body])
        return dict(zip(keys, [from_json(item, other) for _, item in body], strict=True))
    if tag == "$set":
        return set(scattered([from_json(item, other) for item in body]))
    if tag == "$frozenset":
        return frozenset(scattered([from_json(item, other) for item in body]))
    if tag == "$bytes":
        return base64.b64decode(body)
    if tag == "$complex":
        return complex(from_json(body[0]), from_json(body[1]))
    if tag == "$int":
        return int(body, 16)
    if tag == "$float":
        return float(body)
    return other(tag, body)


def scattered(keys: list[Any]) -> list[Any]:
    """``keys`` as they are, if a set of them is made in linear time.

    Raises:
        ValueError: many different keys have one hash.
    """
    if len(keys) > _SAME_HASH:
        crowded = {value for value, count in Counter(map(hash, keys)).items() if count > _SAME_HASH}
        distinct: dict[int, list[Any]] = {value: [] for value in crowded}
        for key in keys if crowded else ():
            found = distinct.get(hash(key))
            if found is not None and key not in found:
                found.append(key)
                if len(found) > _SAME_HASH:
                    raise ValueError("the keys of a set or dict were chosen to have the same hash")
    return keys


class _Codec:
    """Tells pydantic to pass a field through :func:`to_json` and :func:`from_json`."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> Any:
        from pydantic_core import core_schema  # here: the sandbox's child process must not load pydantic

        return core_schema.no_info_plain_validator_function(
            from_json, serialization=core_schema.plain_serializer_function_ser_schema(to_json)
        )


Plain = Annotated[Any, _Codec()]
"""A field that holds any plain value and is stored by this module's encoding."""
