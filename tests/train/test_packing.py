from __future__ import annotations

import numpy as np

from iterpref.train.packing import TreeCollator
from tests.train.test_data import example_of


def test_a_batch_by_hand() -> None:
    # two versions of one trajectory, then an anchor with another prompt; weights are 1, 2, 3 ...
    first, second = example_of([1, 2], [3, 4, 5], [3, 6]), example_of([1, 2], [3, 4, 5], [7])
    first.rejected.weights[0] = 0  # type: ignore[union-attr]
    batch = TreeCollator()([first, second, example_of([1], [8, 9], None)])

    assert {name: tensor.tolist() for name, tensor in batch.items()} == {
        "input_ids": [[1, 2, 3, 4, 1, 8]],
        "position_ids": [[0, 1, 2, 3, 0, 1]],
        "ends": [4, 4, 4, 4, 6, 6],
        "cuts": [0, 4, 6],
        "kept": [1, 1, 2, 2, 3, 4, 5],
        "targets": [3, 7, 4, 6, 5, 8, 9],
        "index": [[0, 2, 4], [0, 2, 4], [5, 6, 0], [3, 0, 0], [1, 0, 0]],
        "completion_mask": [[True] * 3, [True] * 3, [True, True, False], [True, False, False], [True, False, False]],
        "weights": [[1, 2, 3], [1, 2, 3], [1, 2, 0], [2, 0, 0], [1, 0, 0]],
        "reference": [[-1, -2, -3], [-1, -2, -3], [-1, -2, 0], [-2, 0, 0], [-1, 0, 0]],
        "lengths": [3, 3, 2, 2, 1],
        "tokens": [5 + 5 + 3 + 4 + 3, 6],
        "contrasted": [True, True, False],
        "anchor": [False, False, True],
    }


def test_the_reference_scores_every_token() -> None:
    example = example_of([1, 2], [3, 4], [3, 6, 7])
    assert example.rejected
    batch = TreeCollator().rows([(example.prompt_ids, example.chosen), (example.prompt_ids, example.rejected)])

    assert batch["completion_mask"].sum(-1).tolist() == [2, 3]
    assert batch["input_ids"].tolist() == [[1, 2, 3, 6]]


def test_a_y_minus_without_a_penalised_token_is_an_empty_row() -> None:
    example = example_of([1, 2], [3, 4], [3, 6])
    assert example.rejected
    example.rejected.weights[:] = np.zeros(2)

    batch = TreeCollator()([example])

    assert batch["completion_mask"].tolist() == [[True, True], [False, False]]
    assert batch["input_ids"].tolist() == [[1, 2, 3]]
