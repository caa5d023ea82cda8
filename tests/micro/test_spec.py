"""The space of tasks: its size, its splits, its ids."""

from __future__ import annotations

from itertools import islice

import pytest

from iterpref.errors import InputError
from iterpref.micro.features import DEFAULTS
from iterpref.micro.spec import SKIP, SPLITS, Spec, Split, combinations, draw, guard_rules, split_of, world_size


def test_the_world_holds_tens_of_thousands_of_tasks() -> None:
    assert world_size()["combinations"] == len(combinations()) > 15_000
    assert world_size()["tasks before constants"] > 50_000


@pytest.mark.parametrize("split", SPLITS)
def test_drawn_specs_belong_to_their_split(split: Split) -> None:
    for spec in islice(draw(split, "0"), 300):
        assert split_of(spec.source, spec.filter, spec.map, spec.reduce) == split


def test_validation_and_test_hold_about_a_tenth_of_the_combinations_each() -> None:
    splits = [split_of(*combination) for combination in combinations()]
    for name in ("validation", "test"):
        assert 0.08 < splits.count(name) / len(splits) < 0.12


def test_an_id_says_everything() -> None:
    for spec in islice(draw("train", "0"), 300):
        assert Spec.from_id(spec.id) == spec


@pytest.mark.parametrize(
    "task_id",
    [
        "HumanEval/1",
        "micro/numbers/above.3/square/sum/none=/empty=",
        "micro/numbers/above/square/sum/none=/empty=/1",  # a constant is missing
        "micro/numbers/above.x/square/sum/none=/empty=/1",  # a constant of the wrong kind
        "micro/numbers/above.3/sing/sum/none=/empty=/1",
        "micro/numbers/above.3/square/sum/none=/empty=/one",
        "micro/numbers/above.3/square/sum/none=blank/empty=/1",
        "micro/numbers/above.3/square/largest/none=/empty=/1",  # the maximum of nothing is left unsaid
    ],
)
def test_an_unknown_id_is_refused(task_id: str) -> None:
    with pytest.raises(InputError, match="no task of the micro-world"):
        Spec.from_id(task_id)


def test_guard_rules_suit_what_is_returned() -> None:
    none, empty = guard_rules(("numbers", "above", "square", "largest"))
    assert none == ("", "none", "zero", "minus", SKIP)
    assert empty == ("none", "zero", "minus")  # something must be said
    none, empty = guard_rules(("pairs", "rising", "sum", "collect"))
    assert none == ("", "none", "list")
    assert empty == ("", "none")  # [] comes of itself


def test_every_rule_that_is_drawn_is_possible() -> None:
    for spec in islice(draw("train", "1"), 500):
        none, empty = guard_rules((spec.source, spec.filter, spec.map, spec.reduce))
        assert spec.none_rule in none
        assert spec.empty_rule in empty
        assert {spec.none_rule, spec.empty_rule} <= {"", SKIP, *DEFAULTS}
