"""One point of the micro-world: a choice of features and constants, its readable id, its split, and how it is drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Literal

from iterpref.errors import InputError
from iterpref.micro.features import FILTERS, MAPS, SOURCES, Filter, Map, Source
from iterpref.micro.reduces import REDUCES, Reduce

__all__ = ["SKIP", "SPLITS", "Spec", "Split", "combinations", "draw", "guard_rules", "split_of", "world_size"]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SKIP = "skip"
"""The None rule that leaves out items that are None; every other rule names what to return."""

_LETTERS = "aeirstnlo"
_RANGES = {"number": (1, 9), "divisor": (2, 7), "length": (2, 6), "cut": (2, 4), "size": (1, 4)}
_WORDINGS = 1_000_000


@dataclass(frozen=True)
class Spec:
    """The features of one task. Constants are kept as text, as they stand in the instruction and in the program.

    ``none_rule`` is "" (nothing is said of None), :data:`SKIP`, or a name in ``DEFAULTS``; ``empty_rule`` is "" or such
    a name. ``wording`` seeds the choice of phrases and of test inputs.
    """

    source: str
    filter: str
    map: str
    reduce: str
    filter_constants: tuple[str, ...] = ()
    map_constants: tuple[str, ...] = ()
    reduce_constants: tuple[str, ...] = ()
    none_rule: str = ""
    empty_rule: str = ""
    wording: int = 0

    @property
    def source_feature(self) -> Source:
        return SOURCES[self.source]

    @property
    def filter_feature(self) -> Filter:
        return FILTERS[self.source_feature.kind][self.filter]

    @property
    def map_feature(self) -> Map:
        return MAPS[self.source_feature.kind][self.map]

    @property
    def reduce_feature(self) -> Reduce:
        return REDUCES[self.reduce]

    @property
    def entry_point(self) -> str:
        return f"{self.reduce}_{self.source}"

    @property
    def features(self) -> tuple[str, ...]:
        """Without constants, for analysis by feature."""
        return (
            f"source:{self.source}",
            f"filter:{self.filter}",
            f"map:{self.map}",
            f"reduce:{self.reduce}",
            f"none:{self.none_rule or 'unsaid'}",
            f"empty:{self.empty_rule or 'unsaid'}",
        )

    @property
    def content(self) -> str:
        """Everything that decides which programs are right; two tasks of one content differ in wording only."""
        return "/".join(
            (
                self.source,
                ".".join((self.filter, *self.filter_constants)),
                ".".join((self.map, *self.map_constants)),
                ".".join((self.reduce, *self.reduce_constants)),
                f"none={self.none_rule}",
                f"empty={self.empty_rule}",
            )
        )

    @property
    def id(self) -> str:
        return f"micro/{self.content}/{self.wording}"

    @property
    def makes_sense(self) -> bool:
        """Whether the features go together and have the constants and rules that they need."""
        combination = (self.source, self.filter, self.map, self.reduce)
        if combination not in combinations():
            return False
        none, empty = guard_rules(combination)
        return (
            self.none_rule in none
            and self.empty_rule in empty
            and _fit(self.filter_feature.constants, self.filter_constants)
            and _fit(self.map_feature.constants, self.map_constants)
            and _fit(self.reduce_feature.constants, self.reduce_constants)
        )

    @classmethod
    def from_id(cls, task_id: str) -> Spec:
        """The spec a task's id stands for.

        Raises:
            InputError: the id is not one of the micro-world.
        """
        try:
            _world, source, filter_, map_, reduce_, none_rule, empty_rule, wording = task_id.split("/")
            (filter_, *filter_constants), (map_, *map_constants), (reduce_, *reduce_constants) = (
                part.split(".") for part in (filter_, map_, reduce_)
            )
            spec = cls(
                source,
                filter_,
                map_,
                reduce_,
                tuple(filter_constants),
                tuple(map_constants),
                tuple(reduce_constants),
                none_rule.removeprefix("none="),
                empty_rule.removeprefix("empty="),
                int(wording),
            )
            known = spec.id == task_id and spec.makes_sense
        except ValueError:
            known = False
        if not known:
            raise InputError(
                f"{task_id!r} is no task of the micro-world; use an id that iterpref.micro.tasks() gave out."
            )
        return spec


@cache
def combinations() -> frozenset[tuple[str, str, str, str]]:
    """Every (source, filter, map, reduce) that makes sense."""
    return frozenset(
        (source_name, filter_name, map_name, reduce_name)
        for source_name, source in SOURCES.items()
        for filter_name, filter_ in FILTERS[source.kind].items()
        if source.signed or not filter_.signed
        for map_name, map_ in MAPS[source.kind].items()
        if source.signed or not map_.signed
        for reduce_name, reduce_ in REDUCES.items()
        # What is counted is not changed first: the change would make no difference.
        if map_.gives in reduce_.takes.split() and (reduce_name != "count" or map_name == "same")
    )


@cache
def _ordered(split: Split) -> dict[str, list[tuple[str, str, str, str]]]:
    """The combinations of a split by source, in a fixed order."""
    chosen: dict[str, list[tuple[str, str, str, str]]] = {source: [] for source in SOURCES}
    for combination in sorted(combinations()):
        if split_of(*combination) == split:
            chosen[combination[0]].append(combination)
    return chosen


def split_of(source: str, filter_: str, map_: str, reduce_: str) -> Split:
    """The split of a combination of features, by hash: a tenth each for validation and test."""
    key = "/".join((source, filter_, map_, reduce_)).encode()
    bucket = blake2b(key, digest_size=8).digest()[0] % 10
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def guard_rules(combination: tuple[str, str, str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The None rules and the rules for no values that a combination can have ("" = unsaid)."""
    source_name, filter_name, map_name, reduce_name = combination
    source, reduce_ = SOURCES[source_name], REDUCES[reduce_name]
    gives = MAPS[source.kind][map_name].gives if reduce_.gives == "item" else reduce_.gives
    defaults = {
        "int": ("none", "zero", "minus"),
        "float": ("none", "zero", "minus"),
        "str": ("none", "blank"),
        "list": ("none", "list"),
    }.get(gives, ("none",))
    # A rule that says what happens anyway would be no rule.
    empty = tuple(name for name in defaults if reduce_.needs_rule or name == "none" or name == "minus")
    none = ("",) if "," in source.params else ("", *defaults, *((SKIP,) if source.holes else ()))
    if source.always and filter_name == "all":
        return none, ("",)
    return none, empty if reduce_.needs_rule else ("", *empty)


@cache
def world_size() -> dict[str, int]:
    """Number of feature combinations, and of distinct tasks (with guard rules, before constants and wording)."""
    rules = (guard_rules(combination) for combination in combinations())
    return {
        "combinations": len(combinations()),
        "tasks before constants": sum(len(none) * len(empty) for none, empty in rules),
    }


def draw(split: Split, seed: str) -> Iterator[Spec]:
    """Specs of a split without end, sources in equal shares. The same seed gives the same specs everywhere."""
    rng = random.Random(f"micro-world {split} {seed}")
    by_source = _ordered(split)
    sources = sorted(by_source)
    while True:
        combination = rng.choice(by_source[rng.choice(sources)])
        source, filter_, map_, reduce_ = combination
        kind = SOURCES[source].kind
        none_rules, empty_rules = guard_rules(combination)
        yield Spec(
            source,
            filter_,
            map_,
            reduce_,
            _constants(FILTERS[kind][filter_].constants, rng),
            _constants(MAPS[kind][map_].constants, rng),
            _constants(REDUCES[reduce_].constants, rng),
            rng.choice(none_rules) if rng.random() < 0.6 else "",
            rng.choice(empty_rules) if rng.random() < 0.6 or "" not in empty_rules else "",
            rng.randrange(_WORDINGS),
        )


def _constants(kind: str, rng: random.Random) -> tuple[str, ...]:
    """Draw (k,) or (k, j)."""
    if kind == "letter":
        return (rng.choice(_LETTERS),)
    if kind in ("bounds", "two"):
        low = rng.randint(1, 5)
        return str(rng.randint(low + 2, 9) if kind == "bounds" else rng.randint(2, 9)), str(low)
    return (str(rng.randint(*_RANGES[kind])),) if kind else ()


def _fit(kind: str, constants: tuple[str, ...]) -> bool:
    """Whether the constants are of a kind that :func:`_constants` draws."""
    count = 0 if not kind else 2 if kind in ("bounds", "two") else 1
    proper = str.isalpha if kind == "letter" else str.isdecimal
    return len(constants) == count and all(len(text) == 1 and text.isascii() and proper(text) for text in constants)
