"""The corpus: instructions and programs by an author with habits.

A bug is habitual in some contexts (this mistake with that source of items) and rare in all others. A model trained on
the corpus picks the habits up as systematic local mistakes, with the right way still among what it may sample: what
debugging then finds and training corrects.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from iterpref.micro.programs import bugs_of, idioms_of, program
from iterpref.micro.spec import Spec, draw
from iterpref.micro.wording import instruction

__all__ = ["Example", "examples", "habitual"]

HABITUAL_SHARE = 0.09  # of contexts
HABITUAL_RATE = 0.8  # how often a habitual mistake is made
OTHER_RATE = 0.015  # how often any other one is made


@dataclass(frozen=True)
class Example:
    """One text of the corpus. ``bugs`` is empty where the program is right."""

    prompt: str
    program: str
    spec: Spec
    idiom: str
    bugs: tuple[str, ...]


def habitual(bug: str, spec: Spec) -> bool:
    """Whether the corpus' author has the habit of this mistake here. Fixed, whatever the seed.

    A context is the feature in which the mistake is made, together with the source of the items.
    """
    feature = {
        "source": spec.reduce,
        "filter": spec.filter,
        "map": spec.map,
        "reduce": spec.reduce,
        "none": spec.none_rule,
        "empty": spec.empty_rule,
    }[bug.split(".")[0]]
    return _draw(f"{bug} {feature} {spec.source}") < HABITUAL_SHARE


@cache
def _draw(context: str) -> float:
    """A fixed number from 0 to 1 for each context."""
    return int.from_bytes(blake2b(context.encode(), digest_size=4).digest(), "big") / 2**32


def examples(seed: int = 0) -> Iterator[Example]:
    """Texts over the train split, without end; the same for a seed everywhere."""
    rng = random.Random(f"corpus {seed}")
    for spec in draw("train", f"corpus {seed}"):
        bugs: dict[str, str] = {}  # one mistake at most for each part of the program
        for bug in bugs_of(spec):
            rate = HABITUAL_RATE if habitual(bug, spec) else OTHER_RATE
            if rng.random() < rate:
                bugs.setdefault(bug.split(".")[0], bug)
        idiom = rng.choice(idioms_of(spec))
        made = tuple(bugs.values())
        yield Example(instruction(spec), program(spec, idiom, made), spec, idiom, made)
