"""The feature tree of the micro-world: what a small programming task can be made of.

A task is source x filter x map x reduce x two guard rules. Every feature says how it is put into words, how it is
written in Python, and which local mistakes people make with it (off by one, wrong comparison, wrong default, ...).
Aggregates are in :mod:`iterpref.micro.reduces`. The paper synthesises its tasks from a feature tree too, after EpiCoder
(arXiv 2501.04694); this one is small enough to be read.

Templates: ``{x}`` is the item, ``{v}`` a list of values, ``{k}`` and ``{j}`` the feature's own constants, ``{k1}`` is
k + 1, ``{d}`` the value of the rule for no values. Items of kind ``pair`` are always the two names ``a`` and ``b``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DEFAULTS", "FILTERS", "MAPS", "SOURCES", "Filter", "Map", "Source"]


@dataclass(frozen=True)
class Source:
    """Where the items come from. ``signed`` is False where no item is negative."""

    said: tuple[str, ...]
    kind: str  # of an item: int | str | char | pair | row
    params: str
    items: str  # the expression that is gone through
    item: str  # the loop variable
    signed: bool = True
    holes: bool = False  # items may be None
    always: bool = False  # there is always an item
    bugs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """Which items count. ``constants`` names how k (and j) are drawn; see :mod:`iterpref.micro.spec`."""

    said: tuple[str, ...]
    test: str
    constants: str = ""
    bugs: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False  # makes sense only where items can be negative


@dataclass(frozen=True)
class Map:
    """What is done to each item; ``gives`` is the kind of the result."""

    said: tuple[str, ...]
    value: str
    gives: str
    constants: str = ""
    bugs: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False


DEFAULTS: Mapping[str, str] = {"none": "None", "zero": "0", "minus": "-1", "blank": '""', "list": "[]"}
"""What a guard rule may return: name in a task's id -> Python expression."""

SOURCES: Mapping[str, Source] = {
    "numbers": Source(("the numbers", "all numbers in the list"), "int", "numbers", "numbers", "n", holes=True),
    "inner": Source(
        ("the numbers without the first and the last", "the numbers between the first and the last one"),
        "int",
        "numbers",
        "numbers[1:-1]",
        "n",
        bugs={"ends": "numbers[1:]"},
    ),
    "every_second": Source(
        ("every second number from the first on", "the numbers at even positions"),
        "int",
        "numbers",
        "numbers[::2]",
        "n",
        bugs={"ends": "numbers[1::2]"},
    ),
    "span": Source(
        ("the integers from low to high, both included", "the integers low up to and including high"),
        "int",
        "low, high",
        "range(low, high + 1)",
        "n",
        bugs={"ends": "range(low, high)"},
    ),
    "digits": Source(
        ("the digits of the number", "all digits of the number"),
        "int",
        "number",
        "map(int, str(number))",
        "d",
        signed=False,
        always=True,
    ),
    "scores": Source(
        ("the scores", "the values of the dictionary"), "int", "scores", "scores.values()", "score", holes=True
    ),
    "words": Source(("the words", "all strings in the list"), "str", "words", "words", "word", holes=True),
    "text": Source(("the words of the text", "all words in the text"), "str", "text", "text.split()", "word"),
    "names": Source(("the names", "the keys of the dictionary"), "str", "scores", "scores", "name"),
    "letters": Source(("the characters of the text", "all characters in the text"), "char", "text", "text", "c"),
    "pairs": Source(("the pairs", "all pairs (a, b)"), "pair", "pairs", "pairs", "a, b"),
    "neighbours": Source(
        ("the neighbouring pairs of numbers", "all pairs (a, b) of adjacent numbers"),
        "pair",
        "numbers",
        "zip(numbers, numbers[1:])",
        "a, b",
        bugs={"ends": "zip(numbers, numbers[2:])"},
    ),
    "rows": Source(("the rows", "all rows of the table"), "row", "rows", "rows", "row"),
}

_ALL = Filter(("",), "")

FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "int": {
        "all": _ALL,
        "even": Filter(("that are even", "divisible by two"), "{x} % 2 == 0", bugs={"flipped": "{x} % 2 == 1"}),
        "odd": Filter(("that are odd", "not divisible by two"), "{x} % 2 == 1", bugs={"flipped": "{x} % 2 == 0"}),
        "positive": Filter(
            ("that are positive", "greater than zero"), "{x} > 0", bugs={"boundary": "{x} >= 0"}, signed=True
        ),
        "negative": Filter(
            ("that are negative", "less than zero"), "{x} < 0", bugs={"boundary": "{x} <= 0"}, signed=True
        ),
        "above": Filter(
            ("above {k}", "greater than {k}", "over {k}"),
            "{x} > {k}",
            "number",
            {"boundary": "{x} >= {k}", "flipped": "{x} < {k}"},
        ),
        "at_least": Filter(
            ("that are at least {k}", "not less than {k}", "from {k} on"),
            "{x} >= {k}",
            "number",
            {"boundary": "{x} > {k}", "flipped": "{x} <= {k}"},
        ),
        "below": Filter(
            ("below {k}", "less than {k}", "under {k}"),
            "{x} < {k}",
            "number",
            {"boundary": "{x} <= {k}", "flipped": "{x} > {k}"},
        ),
        "at_most": Filter(
            ("that are at most {k}", "not greater than {k}", "up to {k}"),
            "{x} <= {k}",
            "number",
            {"boundary": "{x} < {k}", "flipped": "{x} >= {k}"},
        ),
        "multiple": Filter(
            ("that are multiples of {k}", "divisible by {k}"),
            "{x} % {k} == 0",
            "divisor",
            {"flipped": "{x} % {k} != 0"},
        ),
        "no_multiple": Filter(
            ("that are no multiples of {k}", "not divisible by {k}"),
            "{x} % {k} != 0",
            "divisor",
            {"flipped": "{x} % {k} == 0"},
        ),
        "between": Filter(
            ("from {j} to {k} inclusive", "between {j} and {k}, ends included"),
            "{j} <= {x} <= {k}",
            "bounds",
            {"boundary": "{j} <= {x} < {k}"},
        ),
        "not": Filter(("other than {k}", "that are not {k}"), "{x} != {k}", "number", {"flipped": "{x} == {k}"}),
    },
    "str": {
        "all": _ALL,
        "longer": Filter(
            ("longer than {k} letters", "with more than {k} letters"),
            "len({x}) > {k}",
            "length",
            {"boundary": "len({x}) >= {k}", "flipped": "len({x}) < {k}"},
        ),
        "long": Filter(
            ("with at least {k} letters", "of {k} letters or more"),
            "len({x}) >= {k}",
            "length",
            {"boundary": "len({x}) > {k}", "flipped": "len({x}) <= {k}"},
        ),
        "shorter": Filter(
            ("shorter than {k} letters", "with fewer than {k} letters"),
            "len({x}) < {k}",
            "length",
            {"boundary": "len({x}) <= {k}", "flipped": "len({x}) > {k}"},
        ),
        "exactly": Filter(
            ("of exactly {k} letters", "with just {k} letters"),
            "len({x}) == {k}",
            "length",
            {"boundary": "len({x}) >= {k}"},
        ),
        "starts": Filter(
            ("that start with {k}", "beginning with {k}"),
            '{x}.startswith("{k}")',
            "letter",
            {"flipped": '{x}.endswith("{k}")'},
        ),
        "ends": Filter(
            ("that end with {k}", "ending in {k}"),
            '{x}.endswith("{k}")',
            "letter",
            {"flipped": '{x}.startswith("{k}")'},
        ),
        "contains": Filter(
            ("that contain {k}", "with the letter {k} in them"),
            '"{k}" in {x}',
            "letter",
            {"flipped": '"{k}" not in {x}'},
        ),
        "lacks": Filter(
            ("that do not contain {k}", "without the letter {k}"),
            '"{k}" not in {x}',
            "letter",
            {"flipped": '"{k}" in {x}'},
        ),
    },
    "char": {
        "all": _ALL,
        "vowels": Filter(("that are vowels",), '{x} in "aeiou"', bugs={"flipped": '{x} not in "aeiou"'}),
        "no_vowels": Filter(("that are no vowels",), '{x} not in "aeiou"', bugs={"flipped": '{x} in "aeiou"'}),
        "alphabetic": Filter(("that are letters", "that are alphabetic"), "{x}.isalpha()"),
        "no_space": Filter(("that are no spaces", "other than spaces"), '{x} != " "', bugs={"flipped": '{x} == " "'}),
        "not": Filter(("other than {k}", "that are not {k}"), '{x} != "{k}"', "letter", {"flipped": '{x} == "{k}"'}),
        "after": Filter(
            ("that come after {k}", "later in the alphabet than {k}"),
            '{x} > "{k}"',
            "letter",
            {"boundary": '{x} >= "{k}"'},
        ),
    },
    "pair": {
        "all": _ALL,
        "rising": Filter(
            ("with a smaller than b", "where a is less than b"),
            "a < b",
            bugs={"boundary": "a <= b", "flipped": "a > b"},
        ),
        "falling": Filter(
            ("with a greater than b", "where b is less than a"),
            "a > b",
            bugs={"boundary": "a >= b", "flipped": "a < b"},
        ),
        "sum_above": Filter(
            ("whose sum is above {k}", "that add up to more than {k}"),
            "a + b > {k}",
            "number",
            {"boundary": "a + b >= {k}"},
        ),
        "apart": Filter(
            ("at least {k} apart", "that differ by {k} or more"),
            "abs(a - b) >= {k}",
            "divisor",
            {"boundary": "abs(a - b) > {k}"},
        ),
        "first_above": Filter(
            ("whose a is above {k}", "with a greater than {k}"),
            "a > {k}",
            "number",
            {"boundary": "a >= {k}", "flipped": "b > {k}"},
        ),
        "second_even": Filter(("whose b is even", "with an even b"), "b % 2 == 0", bugs={"flipped": "a % 2 == 0"}),
    },
    "row": {
        "all": _ALL,
        "longer": Filter(
            ("with more than {k} entries", "longer than {k}"),
            "len({x}) > {k}",
            "size",
            {"boundary": "len({x}) >= {k}", "flipped": "len({x}) < {k}"},
        ),
        "sum_above": Filter(
            ("whose sum is above {k}", "that add up to more than {k}"),
            "sum({x}) > {k}",
            "number",
            {"boundary": "sum({x}) >= {k}"},
        ),
        "has": Filter(
            ("that contain {k}", "with the entry {k} in them"), "{k} in {x}", "number", {"flipped": "{k} not in {x}"}
        ),
        "starts_above": Filter(
            ("whose first entry is above {k}", "with more than {k} as first entry"),
            "{x}[0] > {k}",
            "number",
            {"boundary": "{x}[0] >= {k}", "flipped": "{x}[-1] > {k}"},
        ),
    },
}

MAPS: Mapping[str, Mapping[str, Map]] = {
    "int": {
        "same": Map(("{items}",), "{x}", "int"),
        "square": Map(
            ("the squares of {items}", "the second powers of {items}"), "{x} * {x}", "int", bugs={"confused": "{x} * 2"}
        ),
        "times": Map(
            ("{k} times each of {items}", "the products of {k} and each of {items}"),
            "{x} * {k}",
            "int",
            "divisor",
            {"confused": "{x} + {k}"},
        ),
        "plus": Map(
            ("the results of adding {k} to each of {items}", "the sums of {k} and each of {items}"),
            "{x} + {k}",
            "int",
            "divisor",
            {"confused": "{x} * {k}"},
        ),
        "minus": Map(
            ("the results of taking {k} from each of {items}", "the differences when {k} is subtracted from {items}"),
            "{x} - {k}",
            "int",
            "divisor",
            {"confused": "{k} - {x}"},
        ),
        "size": Map(
            ("the absolute values of {items}", "the unsigned values of {items}"),
            "abs({x})",
            "int",
            bugs={"confused": "-{x}"},
            signed=True,
        ),
        "remainder": Map(
            ("the remainders modulo {k} of {items}", "the remainders on division by {k} of {items}"),
            "{x} % {k}",
            "int",
            "divisor",
            {"confused": "{x} // {k}"},
        ),
        "half": Map(
            ("the rounded-down halves of {items}", "the halves, rounded down, of {items}"),
            "{x} // 2",
            "int",
            bugs={"confused": "{x} / 2"},
        ),
        "affine": Map(
            (
                "the results of adding {j} to, then multiplying by {k}, each of {items}",
                "{k} times the sum of {j} and each of {items}",
            ),
            "({x} + {j}) * {k}",
            "int",
            "two",
            {"order": "{x} + {j} * {k}"},
        ),
    },
    "str": {
        "same": Map(("{items}",), "{x}", "str"),
        "length": Map(("the lengths of {items}", "the letter counts of {items}"), "len({x})", "int"),
        "upper": Map(
            ("the upper-case forms of {items}", "the capital forms of {items}"),
            "{x}.upper()",
            "str",
            bugs={"confused": "{x}.title()"},
        ),
        "reversed": Map(
            ("the reversals of {items}", "the backward spellings of {items}"),
            "{x}[::-1]",
            "str",
            bugs={"confused": "{x}[-1:]"},
        ),
        "first": Map(
            ("the first letters of {items}", "the initials of {items}"), "{x}[0]", "str", bugs={"confused": "{x}[-1]"}
        ),
        "last": Map(
            ("the last letters of {items}", "the final letters of {items}"),
            "{x}[-1]",
            "str",
            bugs={"confused": "{x}[0]"},
        ),
        "prefix": Map(
            ("the first {k} letters of {items}", "the beginnings, {k} letters long, of {items}"),
            "{x}[:{k}]",
            "str",
            "cut",
            {"ends": "{x}[:{k1}]"},
        ),
        "occurrences": Map(
            ("the counts of {k} in {items}", "the occurrences of {k} in {items}"),
            '{x}.count("{k}")',
            "int",
            "letter",
            {"confused": '{x}.find("{k}")'},
        ),
    },
    "char": {
        "same": Map(("{items}",), "{x}", "str"),
        "upper": Map(
            ("the upper-case forms of {items}", "the capital forms of {items}"),
            "{x}.upper()",
            "str",
            bugs={"confused": "{x}.lower()"},
        ),
        "twice": Map(
            ("the doubled forms of {items}", "the repetitions (each twice) of {items}"),
            "{x} * 2",
            "str",
            bugs={"ends": "{x} * 3"},
        ),
    },
    "pair": {
        "same": Map(("{items}",), "(a, b)", "pair"),
        "first": Map(("the a of {items}", "the first parts of {items}"), "a", "int", bugs={"confused": "b"}),
        "second": Map(("the b of {items}", "the second parts of {items}"), "b", "int", bugs={"confused": "a"}),
        "sum": Map(("the sums of {items}", "the sums a plus b of {items}"), "a + b", "int", bugs={"confused": "a * b"}),
        "product": Map(
            ("the products of {items}", "the products a times b of {items}"), "a * b", "int", bugs={"confused": "a + b"}
        ),
        "difference": Map(
            ("the differences a minus b of {items}", "the results of taking b from a in {items}"),
            "a - b",
            "int",
            bugs={"order": "b - a"},
        ),
        "distance": Map(
            ("the distances in {items}", "the gaps between a and b in {items}"),
            "abs(a - b)",
            "int",
            bugs={"confused": "a - b"},
        ),
        "larger": Map(
            ("the larger parts of {items}", "the maximum of each of {items}"),
            "max(a, b)",
            "int",
            bugs={"confused": "min(a, b)"},
        ),
    },
    "row": {
        "same": Map(("{items}",), "{x}", "row"),
        "sum": Map(("the sums of {items}", "the totals of {items}"), "sum({x})", "int", bugs={"confused": "len({x})"}),
        "length": Map(("the lengths of {items}", "the sizes of {items}"), "len({x})", "int"),
        "largest": Map(
            ("the largest entries of {items}", "the maxima of {items}"),
            "max({x})",
            "int",
            bugs={"confused": "min({x})"},
        ),
        "first": Map(
            ("the first entries of {items}", "the leading entries of {items}"),
            "{x}[0]",
            "int",
            bugs={"confused": "{x}[-1]"},
        ),
        "last": Map(
            ("the last entries of {items}", "the final entries of {items}"),
            "{x}[-1]",
            "int",
            bugs={"confused": "{x}[0]"},
        ),
        "spread": Map(
            ("the spreads of {items}", "the largest minus the smallest entries of {items}"),
            "max({x}) - min({x})",
            "int",
            bugs={"order": "min({x}) - max({x})"},
        ),
    },
}
