from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from iterpref.train.data import Encoder, Example, Floats
from iterpref.train.losses import Objective
from iterpref.train.reference import ReferenceCache, Row, weights_hash
from tests.train.conftest import make_pairs, make_tokenizer


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    encoder = Encoder(make_tokenizer(), Objective(1.0, 1.0, 0.1, "focus"), max_length=200, use_anchors=False)
    return encoder.encode([*make_pairs(4), make_pairs(1)[0]])[0]


class Counting:
    """Stands for a model: a token's value is its id; counts the sequences it is asked for."""

    def __init__(self) -> None:
        self.sequences = 0

    def __call__(self, rows: Sequence[Row]) -> list[Floats]:
        self.sequences += len(rows)
        return [completion.ids.astype(np.float32) for _, completion in rows]


def fill(
    cache: ReferenceCache, examples: list[Example], compute: Callable[[Sequence[Row]], list[Floats]]
) -> list[Example]:
    return cache.fill(examples, compute, wait=lambda: None)


def test_every_distinct_sequence_is_computed_once(tmp_path: Path, examples: list[Example]) -> None:
    compute = Counting()
    filled = fill(ReferenceCache(tmp_path, ["model"]), examples, compute)

    assert compute.sequences == 8  # the fifth pair is the first again
    for example in filled:
        assert example.rejected
        for completion in (example.chosen, example.rejected):
            assert completion.reference is not None
            assert completion.reference.tolist() == completion.ids.tolist()


def test_a_second_run_computes_nothing(tmp_path: Path, examples: list[Example]) -> None:
    fill(ReferenceCache(tmp_path, ["model"]), examples, Counting())

    again = Counting()
    filled = fill(ReferenceCache(tmp_path, ["model"]), examples, again)

    assert again.sequences == 0
    assert filled[0].chosen.reference is not None


def test_new_pairs_alone_are_computed(tmp_path: Path, examples: list[Example]) -> None:
    fill(ReferenceCache(tmp_path, ["model"]), examples[:2], Counting())

    more = Counting()
    fill(ReferenceCache(tmp_path, ["model"]), examples, more)

    assert more.sequences == 4


def test_another_model_does_not_see_these_values(tmp_path: Path, examples: list[Example]) -> None:
    fill(ReferenceCache(tmp_path, ["model", "float32"]), examples, Counting())

    other = Counting()
    fill(ReferenceCache(tmp_path, ["model", "bfloat16"]), examples, other)

    assert other.sequences == 8


def test_a_file_that_a_kill_left_unfinished_is_not_read(tmp_path: Path, examples: list[Example]) -> None:
    fill(ReferenceCache(tmp_path, ["model"]), examples, Counting())
    (path,) = tmp_path.rglob("*.safetensors")
    path.rename(path.with_name(f".{path.name}.123"))

    again = Counting()
    fill(ReferenceCache(tmp_path, ["model"]), examples, again)

    assert again.sequences == 8


def test_processes_share_the_work(tmp_path: Path, examples: list[Example]) -> None:
    first, second = Counting(), Counting()

    def first_process() -> None:  # starts when the second one has saved its share and waits
        waiting = ReferenceCache(tmp_path, ["model"])
        waiting.fill(examples, first, rank=0, world=2, wait=lambda: None)

    late = ReferenceCache(tmp_path, ["model"])
    filled = late.fill(examples, second, rank=1, world=2, wait=first_process)

    assert (first.sequences, second.sequences) == (4, 4)
    assert all(example.chosen.reference is not None for example in filled)


def test_the_hash_sees_values_names_types_and_shapes() -> None:
    base = [("a", torch.zeros(2, 3)), ("b", torch.ones(1))]
    variants = [
        base,
        [("a", torch.zeros(3, 2)), base[1]],
        [("a", torch.zeros(2, 3).half()), base[1]],
        [("c", base[0][1]), base[1]],
        [base[0], ("b", torch.full((1,), 1.0 + 1e-6))],
    ]

    assert len({weights_hash(variant) for variant in variants}) == len(variants)
    assert weights_hash(reversed(base)) == weights_hash(base)
