"""A short text that stands for a large value: equal values have equal digests, whatever the types of their numbers.

A few inputs of HumanEval+ and MBPP+ ask for results of megabytes, one for gigabytes. Such a result stays in the
program's process; what comes out is its digest, which is compared with that of the reference's result. The program
cannot know what to forge: no expected value, and no digest of one, ever enters its process. Numbers of one hash are
not told apart, but for -1 and -2: integers that differ by a multiple of 2**61 - 1, infinity and 314159.
"""

from __future__ import annotations

from typing import Any

from iterpref.plain import NotPlain

__all__ = ["LARGE", "digest_of", "is_digest", "marker", "weight"]

LARGE = 1 << 17  # elements or characters
_NUMBERS = frozenset({int, float, bool, complex})
_MARK = "digest of a large value"


def marker(digest: str) -> tuple[str, str]:
    """Stands for a value of which only the digest is known."""
    return (_MARK, digest)


def is_digest(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and value[0] == _MARK and type(value[1]) is str


def weight(value: Any) -> int:
    """How large a value is, roughly: elements and characters, two levels deep."""
    kind = type(value)
    if kind is int:
        return value.bit_length() >> 2 if value else 0
    if kind is str or kind is bytes:
        return len(value)
    if kind is not list and kind is not tuple:
        return 0
    if set(map(type, value)) <= _NUMBERS:
        return len(value)
    return len(value) + sum(len(item) for item in value if type(item) in (str, list, tuple))


def digest_of(value: Any) -> str:
    """The digest of a plain value, or of what a :func:`marker` stands for.

    Raises:
        NotPlain: something inside is of another type.
    """
    if is_digest(value):
        return str(value[1])
    kind = type(value)
    if kind in _NUMBERS:
        return f"n{_hash((value,))}"
    if value is None:
        return "0"
    if kind is str:
        return f"s{_sha(value.encode('utf-8', 'surrogatepass'))}"
    if kind is bytes:
        return f"b{_sha(value)}"
    if kind is list or kind is tuple:
        start = f"{kind.__name__[0]}{len(value)}:"
        kinds = set(map(type, value))
        if kinds <= _NUMBERS:
            return f"{start}n{_hash(tuple(value))}"
        if kinds == {str}:
            lengths = hash(tuple(map(len, value)))
            return f"{start}s{lengths}:{_sha(''.join(value).encode('utf-8', 'surrogatepass'))}"
        return start + _sha("".join(map(digest_of, value)).encode())
    if kind is dict:
        return "d" + _sha("".join(sorted(digest_of(key) + digest_of(item) for key, item in value.items())).encode())
    if kind is set or kind is frozenset:
        return "u" + _sha("".join(sorted(map(digest_of, value))).encode())
    raise NotPlain(f"a value of type {kind.__name__} is not plain data")


def _hash(numbers: tuple[Any, ...]) -> str:
    """Numbers that are equal have one hash, the same in every process; but -1 has that of -2."""
    told = hash(numbers)
    return f"{told}:{hash(tuple(i for i, x in enumerate(numbers) if x == -1))}" if -1 in numbers else str(told)


def _sha(data: bytes) -> str:
    import hashlib  # here: large values are rare, and every program would have to copy OpenSSL's tables

    return hashlib.sha256(data).hexdigest()
