"""The corpus: deterministic, from the train split, with habits."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from iterpref.micro.corpus import HABITUAL_RATE, OTHER_RATE, examples, habitual
from iterpref.micro.programs import bugs_of, program
from iterpref.micro.spec import Spec, split_of


def test_a_seed_gives_the_same_corpus_and_another_seed_another() -> None:
    first, again, other = (list(islice(examples(seed), 50)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_every_example_is_of_the_train_split() -> None:
    for example in islice(examples(), 500):
        spec = example.spec
        assert split_of(spec.source, spec.filter, spec.map, spec.reduce) == "train"


def test_about_half_of_the_programs_are_right() -> None:
    right = [not example.bugs for example in islice(examples(), 4000)]
    assert 0.45 < sum(right) / len(right) < 0.62


def test_a_program_has_the_bugs_it_is_said_to_have() -> None:
    for example in islice(examples(), 300):
        assert example.program == program(example.spec, example.idiom, example.bugs)
        assert set(example.bugs) <= set(bugs_of(example.spec))


def test_habits_are_made_at_their_rate_and_other_mistakes_seldom() -> None:
    made, possible = Counter[bool](), Counter[bool]()
    for example in islice(examples(), 4000):
        for bug in bugs_of(example.spec):
            if not bug.startswith(("none.", "empty.", "filter.")):  # several share a site, of which one mistake is made
                habit = habitual(bug, example.spec)
                possible[habit] += 1
                made[habit] += bug in example.bugs
    assert abs(made[True] / possible[True] - HABITUAL_RATE) < 0.05
    assert abs(made[False] / possible[False] - OTHER_RATE) < 0.01


def test_a_habit_does_not_depend_on_constants_or_wording() -> None:
    contexts = [Spec("numbers", "above", "square", "sum", (k,), wording=int(k)) for k in "123456789"]
    assert len({habitual("filter.boundary", spec) for spec in contexts}) == 1
