"""The pool of ingredients: forms, shares, and how forms become text again."""

from __future__ import annotations

import random

from iterpref.teachers.ingredients import Fragment, Ingredients, PromptValues, canonical, fill, parts
from iterpref.teachers.source import Source
from iterpref.types import Task

EVEN = "def f(numbers):\n    return [n * 2 for n in numbers if n % 2 == 0]\n"
ABOVE = """def g(values, other):
    kept = []
    for v in values:
        if v > 7:
            kept.append(v)
    return kept
"""


def task(id: str, prompt: str) -> Task:
    return Task(id, prompt)


def test_values_of_a_prompt_are_numbers_quoted_words_and_single_letters_each_once() -> None:
    values = PromptValues.of("Keep 12 items over 3.5 that don't end in 'ing' or x; 12 and 1 at most, \"no\" more.")
    assert values.numbers == ("12",)
    assert values.strings == ("ing", "x", "no")


def test_a_form_replaces_parameters_locals_and_the_prompts_values() -> None:
    line = Source(ABOVE).lines[2]
    form, names = canonical('if v > 7 and v != "a" and other.v(1, v):', line, PromptValues(("7",), ("a",)))
    assert form == 'if $0 > $n and $0 != "$s" and $P1.v(1, $0):'
    assert names == ("v",)


def test_loop_and_comprehension_share_their_parts() -> None:
    in_loop = {(part.sort, ABOVE[part.start : part.end]) for part in parts(Source(ABOVE))}
    short = "def g(values, other):\n    return [v for v in values if v > 7]\n"
    assert in_loop == {(part.sort, short[part.start : part.end]) for part in parts(Source(short))}
    assert in_loop == {("filter", "v > 7"), ("iter", "values"), ("element", "v")}


def test_a_fragment_takes_over_names_and_values_of_the_place_it_goes_to() -> None:
    line = Source(ABOVE).lines[1]
    texts = list(fill(Fragment("$0 > $n", ("n",), 1.0), line, ("values", "v"), ["v"], PromptValues(("4", "9"), ())))
    assert texts == ["v > 4", "v > 9"]
    assert list(fill(Fragment("$0 > $n", ("n",), 1.0), line, ("v",), ["v"], PromptValues((), ()))) == []


def test_a_form_explained_by_a_word_is_suggested_where_the_word_is() -> None:
    pool = Ingredients()
    for number in range(12):
        even = number % 2 == 0
        prompt = f"give the {'even' if even else 'large'} ones, case {number + 100}"
        pool.add(task(str(number), prompt), EVEN if even else EVEN.replace("n % 2 == 0", "n > 50"))
    suggestions = pool.suggest(task("new", "sum of the even ones"))
    assert suggestions.support["filter", "$0 % 2 == 0"] > 0.5
    assert suggestions.support["filter", "$0 > 50"] < 0.2
    assert suggestions.fragments["filter"][0].form == "$0 % 2 == 0"


def test_the_order_of_arrival_and_repetition_do_not_matter() -> None:
    items = [(task(str(n), f"task {n} of words"), EVEN.replace("2", str(n))) for n in range(8)]
    first, second = Ingredients(), Ingredients()
    for each in items:
        first.add(*each)
    random.Random(1).shuffle(items)
    for each in items * 2:
        second.add(*each)
    asked = task("new", "task of words")
    assert first.suggest(asked) == second.suggest(asked)
    assert len(first) == len(second) == 8


def test_an_empty_pool_suggests_nothing() -> None:
    suggestions = Ingredients().suggest(task("new", "anything"))
    assert suggestions.support == {}
    assert suggestions.fragments == {}
