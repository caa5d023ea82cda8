"""The feature tree's last branch: what is made of the values, as an expression over a list and as a loop.

Templates are those of :mod:`iterpref.micro.features`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["REDUCES", "Loop", "Reduce"]


@dataclass(frozen=True)
class Loop:
    """The streaming form of an aggregate: before the loop, for each value ``{x}``, and after it."""

    before: str
    each: str
    after: str


@dataclass(frozen=True)
class Reduce:
    """What is made of the values. ``finish`` ends in a return; ``loop`` is the form without a list, where there is one.

    ``needs_rule``: nothing sensible can be returned for no values, so a task always says what to return.
    A bug replaces ``finish`` and, where there is one, ``loop``.
    """

    said: tuple[str, ...]
    takes: str  # kinds of values, space separated
    gives: str  # int | float | bool | str | list | dict | item
    finish: str
    loop: Loop | None = None
    constants: str = ""
    needs_rule: bool = False
    bugs: Mapping[str, tuple[str, Loop | None]] = field(default_factory=dict)


def _best(sign: str) -> Loop:
    return Loop(
        "best = None",
        f"if best is None or {{x}} {sign} best:\n    best = {{x}}",
        "return {d} if best is None else best",
    )


def _counter(start: int) -> Loop:
    return Loop(f"count = {start}", "count += 1", "return count")


def _total(start: int) -> Loop:
    return Loop(f"total = {start}", "total += {x}", "return total")


_FIRST = Loop("", "return {x}", "return {d}")
_LAST = Loop("result = {d}", "result = {x}", "return result")
_PRODUCT = "result = {start}\nfor value in {{v}}:\n    result *= value\nreturn result"
_RUNNING = "total = 0\nsums = []\nfor value in {v}:\n    total += value\n    sums.append(total)\nreturn sums"
_RUNNING_LATE = "total = 0\nsums = []\nfor value in {v}:\n    sums.append(total)\n    total += value\nreturn sums"
_TALLY = "counts = {{}}\nfor value in {v}:\n    counts[value] = counts.get(value, %d) + 1\nreturn counts"

REDUCES: Mapping[str, Reduce] = {
    "sum": Reduce(
        ("the sum of {them}", "the total of {them}"),
        "int",
        "int",
        "return sum({v})",
        _total(0),
        bugs={"start": ("return sum({v}, 1)", _total(1))},
    ),
    "product": Reduce(
        ("the product of {them}", "the result of multiplying {them}"),
        "int",
        "int",
        _PRODUCT.format(start=1),
        needs_rule=True,
        bugs={"start": (_PRODUCT.format(start=0), None)},
    ),
    "count": Reduce(
        ("the number of {them}", "the count of {them}"),
        "int str pair row",
        "int",
        "return len({v})",
        _counter(0),
        bugs={"start": ("return len({v}) - 1", _counter(1))},
    ),
    "largest": Reduce(
        ("the largest of {them}", "the maximum of {them}"),
        "int",
        "item",
        "return max({v})",
        _best(">"),
        needs_rule=True,
        bugs={"aggregate": ("return min({v})", _best("<"))},
    ),
    "smallest": Reduce(
        ("the smallest of {them}", "the minimum of {them}"),
        "int",
        "item",
        "return min({v})",
        _best("<"),
        needs_rule=True,
        bugs={"aggregate": ("return max({v})", _best(">"))},
    ),
    "mean": Reduce(
        ("the mean of {them}", "the average of {them}"),
        "int",
        "float",
        "return sum({v}) / len({v})",
        needs_rule=True,
        bugs={"division": ("return sum({v}) // len({v})", None)},
    ),
    "spread": Reduce(
        ("the largest minus the smallest of {them}", "the difference of maximum and minimum of {them}"),
        "int",
        "int",
        "return max({v}) - min({v})",
        needs_rule=True,
        bugs={"order": ("return min({v}) - max({v})", None)},
    ),
    "alternate": Reduce(
        ("the alternating sum (plus, minus, plus, ...) of {them}", "the sum with alternating signs of {them}"),
        "int",
        "int",
        "return sum({v}[::2]) - sum({v}[1::2])",
        bugs={"order": ("return sum({v}[1::2]) - sum({v}[::2])", None)},
    ),
    "collect": Reduce(("a list of {them}", "the list of {them}"), "int str", "list", "return {v}"),
    "ascending": Reduce(
        ("the sorted list of {them}", "the ascending list of {them}"),
        "int str",
        "list",
        "return sorted({v})",
        bugs={"aggregate": ("return sorted({v}, reverse=True)", None)},
    ),
    "descending": Reduce(
        ("the descending list of {them}", "the reverse-sorted list of {them}"),
        "int str",
        "list",
        "return sorted({v}, reverse=True)",
        bugs={"aggregate": ("return sorted({v})", None)},
    ),
    "kinds": Reduce(
        ("the number of different values among {them}", "the count of distinct values of {them}"),
        "int str",
        "int",
        "return len(set({v}))",
        bugs={"aggregate": ("return len({v})", None)},
    ),
    "distinct": Reduce(
        ("the sorted distinct values of {them}", "the sorted list, without duplicates, of {them}"),
        "int str",
        "list",
        "return sorted(set({v}))",
        bugs={"aggregate": ("return sorted({v})", None)},
    ),
    "first": Reduce(
        ("the first of {them}", "the earliest of {them}"),
        "int str",
        "item",
        "return {v}[0]",
        _FIRST,
        needs_rule=True,
        bugs={"aggregate": ("return {v}[-1]", _LAST)},
    ),
    "last": Reduce(
        ("the last of {them}", "the final one of {them}"),
        "int str",
        "item",
        "return {v}[-1]",
        _LAST,
        needs_rule=True,
        bugs={"aggregate": ("return {v}[0]", _FIRST)},
    ),
    "head": Reduce(
        ("at most the first {k} of {them}", "the leading {k} of {them}"),
        "int str",
        "list",
        "return {v}[:{k}]",
        constants="cut",
        bugs={"ends": ("return {v}[:{k1}]", None)},
    ),
    "tail": Reduce(
        ("all but the first {k} of {them}", "the rest after the first {k} of {them}"),
        "int str",
        "list",
        "return {v}[{k}:]",
        constants="cut",
        bugs={"ends": ("return {v}[{k1}:]", None)},
    ),
    "top": Reduce(
        ("the {k} largest, in descending order, of {them}", "the top {k}, largest first, of {them}"),
        "int",
        "list",
        "return sorted({v}, reverse=True)[:{k}]",
        constants="cut",
        bugs={
            "aggregate": ("return sorted({v})[:{k}]", None),
            "ends": ("return sorted({v}, reverse=True)[:{k1}]", None),
        },
    ),
    "running": Reduce(
        ("the running totals of {them}", "the cumulative sums of {them}"),
        "int",
        "list",
        _RUNNING,
        bugs={"order": (_RUNNING_LATE, None)},
    ),
    "any_above": Reduce(
        ("whether any of {them} is above {k}", "whether at least one of {them} exceeds {k}"),
        "int",
        "bool",
        "return any(value > {k} for value in {v})",
        Loop("", "if {x} > {k}:\n    return True", "return False"),
        constants="number",
        bugs={
            "boundary": (
                "return any(value >= {k} for value in {v})",
                Loop("", "if {x} >= {k}:\n    return True", "return False"),
            )
        },
    ),
    "all_below": Reduce(
        ("whether all of {them} are below {k}", "whether each of {them} is less than {k}"),
        "int",
        "bool",
        "return all(value < {k} for value in {v})",
        Loop("", "if {x} >= {k}:\n    return False", "return True"),
        constants="number",
        bugs={
            "boundary": (
                "return all(value <= {k} for value in {v})",
                Loop("", "if {x} > {k}:\n    return False", "return True"),
            )
        },
    ),
    "joined": Reduce(
        ("the dash-joined string of {them}", "one string, joined by dashes, of {them}"),
        "str",
        "str",
        'return "-".join({v})',
        bugs={"confused": ('return "".join({v})', None)},
    ),
    "longest": Reduce(
        ("the longest (first if equal) of {them}", "the earliest of the longest of {them}"),
        "str",
        "item",
        "return max({v}, key=len)",
        needs_rule=True,
        bugs={"aggregate": ("return max({v})", None)},
    ),
    "shortest": Reduce(
        ("the shortest (first if equal) of {them}", "the earliest of the shortest of {them}"),
        "str",
        "item",
        "return min({v}, key=len)",
        needs_rule=True,
        bugs={"aggregate": ("return min({v})", None)},
    ),
    "by_length": Reduce(
        ("the list, ordered by length, of {them}", "the short-to-long list of {them}"),
        "str",
        "list",
        "return sorted({v}, key=len)",
        bugs={"aggregate": ("return sorted({v})", None)},
    ),
    "tally": Reduce(
        ("a dictionary of the counts of {them}", "a dictionary of how often each occurs among {them}"),
        "str",
        "dict",
        _TALLY % 0,
        bugs={"start": (_TALLY % 1, None)},
    ),
}
