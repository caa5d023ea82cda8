"""Programs: idioms of one meaning, and mistakes that change it."""

from __future__ import annotations

import ast
from itertools import islice

from iterpref.micro.programs import IDIOMS, bugs_of, idioms_of, program
from iterpref.micro.spec import Spec, draw

_SPEC = Spec("numbers", "above", "square", "largest", ("3",), none_rule="zero", empty_rule="minus")


def test_the_loop_idiom_reads_as_a_person_would_write_it() -> None:
    assert program(_SPEC, "loop") == (
        "def largest_numbers(numbers):\n"
        "    if numbers is None:\n"
        "        return 0\n"
        "    best = None\n"
        "    for n in numbers:\n"
        "        if n > 3:\n"
        "            value = n * n\n"
        "            if best is None or value > best:\n"
        "                best = value\n"
        "    return -1 if best is None else best"
    )


def test_the_list_idiom_reads_as_a_person_would_write_it() -> None:
    assert program(_SPEC, "list") == (
        "def largest_numbers(numbers):\n"
        "    if numbers is None:\n"
        "        return 0\n"
        "    values = [n * n for n in numbers if n > 3]\n"
        "    if not values:\n"
        "        return -1\n"
        "    return max(values)"
    )


def test_a_bug_changes_one_line_of_the_program() -> None:
    right = program(_SPEC, "list").splitlines()
    wrong = program(_SPEC, "list", ["filter.boundary"]).splitlines()
    assert [(a, b) for a, b in zip(right, wrong, strict=True) if a != b] == [
        (
            "    values = [n * n for n in numbers if n > 3]",
            "    values = [n * n for n in numbers if n >= 3]",
        )
    ]


def test_bugs_in_different_places_can_be_made_together() -> None:
    wrong = program(_SPEC, "list", ["none.missing", "filter.flipped", "map.confused", "reduce.aggregate"])
    assert wrong == (
        "def largest_numbers(numbers):\n"
        "    values = [n * 2 for n in numbers if n < 3]\n"
        "    if not values:\n"
        "        return -1\n"
        "    return min(values)"
    )


def test_none_items_are_left_out_where_the_task_says_so() -> None:
    spec = Spec("words", "all", "length", "sum", none_rule="skip")
    assert program(spec, "inline") == (
        "def sum_words(words):\n    return sum([len(word) for word in words if word is not None])"
    )


def test_every_program_compiles_and_is_short() -> None:
    lengths = []
    for spec in islice(draw("train", "0"), 300):
        for idiom in idioms_of(spec):
            for bugs in ((), bugs_of(spec)[:1]):
                text = program(spec, idiom, bugs)
                ast.parse(text)
                lengths.append(text.count("\n") + 1)
    assert min(lengths) == 2
    assert max(lengths) <= 12


def test_most_tasks_can_be_written_in_several_idioms_and_every_idiom_occurs() -> None:
    found = [idioms_of(spec) for spec in islice(draw("train", "0"), 300)]
    assert {idiom for idioms in found for idiom in idioms} == set(IDIOMS)
    assert sum(len(idioms) >= 3 for idioms in found) > 0.7 * len(found)


def test_every_task_can_go_wrong() -> None:
    assert sum(bool(bugs_of(spec)) for spec in islice(draw("train", "0"), 300)) > 290
