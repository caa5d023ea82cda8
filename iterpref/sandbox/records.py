"""What a run wrote of itself: records, which a hostile program may have forged."""

from __future__ import annotations

import json
from typing import Any

from iterpref.sandbox.nesting import MOST_LEVELS, MOST_PARTS, deeper_than, parts_of
from iterpref.sandbox.normal import LARGEST_VALUE

__all__ = ["ANSWERS", "read_records"]

ANSWERS = frozenset({"value", "packed", "digest", "error", "odd"})
"""One of these is in what a call returned."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_records(result: bytes) -> tuple[list[dict[str, Any]], int]:
    """Records and number of passed tests. A line cut off by the end of the process is left out.

    Raises:
        ValueError: no harness wrote this.
        RecursionError, MemoryError: it is more, or more deeply nested, than can be read here.
    """
    if parts_of(result) + result.count(b"\n") > MOST_PARTS:
        raise ValueError("too many parts")
    if deeper_than(MOST_LEVELS, result):
        raise RecursionError("too many levels")
    lines = result.split(b"\n")[:-1]
    told = [line for line in lines if line != b"+"]
    if len(result) > LARGEST_VALUE and any(len(line) > LARGEST_VALUE for line in told):
        raise ValueError("too long a line")
    records = _DECODER.decode(f"[{b','.join(told).decode('utf-8', 'surrogatepass')}]")
    if not all(isinstance(record, dict) and _well_formed(record) for record in records):
        raise ValueError("not a record")
    return records, len(lines) - len(told)


_RECORDS = ANSWERS | {"invalid", "declared", "unsupported", "meddled"}


def _well_formed(record: dict[str, Any]) -> bool:
    if len(record) == 1 and "value" in record:
        return True  # most are of this kind
    if type(record.get("meddled", "")) is not str or type(record.get("digest", "")) is not str:
        return False
    if any(type(record.get(key, 0)) is not int for key in ("declared", "passed", "total")):
        return False
    if "nonce" in record:
        return record.keys() >= {"passed", "total"}
    if "failure" in record or "error" in record:
        body = record.get("failure", record.get("error"))
        outcomes = ("wrong", "error", "memory")
        return (
            isinstance(body, dict)
            and body.get("outcome") in outcomes
            and all(isinstance(body.get(key), str) for key in ("error_type", "feedback"))
        )
    return not record.keys().isdisjoint(_RECORDS)
