from __future__ import annotations

import random
from functools import cache

import pytest
import torch

from iterpref.train import attention
from iterpref.train.attention import PackedTrees, back_end, flex_fault, tree_attention

# two trees: 0 -> (1 -> 2), (3), and 4 -> 5
ENDS, POSITIONS, CUTS = torch.tensor([4, 3, 3, 4, 6, 6]), torch.tensor([0, 1, 2, 1, 0, 1]), [0, 4, 6]


def test_a_processor_has_dense_masks() -> None:
    assert back_end(torch.device("cpu"), torch.float32) == "dense"


def test_dense_masks_by_hand() -> None:
    first, second = PackedTrees(ENDS, POSITIONS, CUTS, "dense").dense_masks(None)

    assert first.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]
    assert second.int().tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("window", [None, 2])
def test_flex_attention_is_given_the_same_masks(
    window: int | None, softcap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # its kernels need a GPU, its meaning does not
    monkeypatch.setattr(attention, "_compiled_flex", attention._flex_function)
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 6, 16, generator=draw)
    key, value = (torch.randn(1, 2, 6, 16, generator=draw) for _ in range(2))

    dense, flex = (
        tree_attention(
            torch.nn.Module(),
            query,
            key,
            value,
            None,
            scaling=0.3,
            sliding_window=window,
            softcap=softcap,
            tree=PackedTrees(ENDS, POSITIONS, CUTS, kind),
        )[0]
        for kind in ("dense", "flex")
    )

    assert dense.shape == (1, 6, 4, 16)
    assert torch.allclose(dense, flex, atol=1e-6)


@pytest.mark.slow
def test_flex_attention_is_compiled_for_no_length_in_particular(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced as on a GPU, computed by torch's own operations: rows of any length, with and without a window."""
    compiled = cache(lambda softcap: torch.compile(attention._flex_function(softcap), backend="aot_eager"))
    monkeypatch.setattr(attention, "_compiled_flex", compiled)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    draw, graphs = random.Random(0), []

    for length in (3, 300, 127, 640, 128, 129, 1000, 256, 2000, 31):
        ends, positions = random_tree(length, draw)
        query, key, value = (torch.randn(1, heads, length, 8) for heads in (4, 2, 2))
        for window in (None, 5):
            dense, flex = (
                tree_attention(
                    torch.nn.Module(), query, key, value, None, sliding_window=window,
                    tree=PackedTrees(ends, positions, [0, length], kind),
                )[0]
                for kind in ("dense", "flex")
            )  # fmt: skip
            assert torch.allclose(dense, flex, atol=1e-5)
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])

    assert graphs[0] == 2  # one without a window, one with
    assert graphs[-1] == 4  # once more when the length changes, never again; torch gives up after eight


def random_tree(length: int, draw: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
    """(ends, positions) of a tree in preorder that leaves its path now and then."""
    path, ends, positions = [0], [0] * length, [0] * length
    for node in range(1, length):
        kept = draw.randrange(len(path)) if draw.random() < 0.05 else len(path) - 1
        for left in path[kept + 1 :]:
            ends[left] = node
        path = path[: kept + 1]
        positions[node] = len(path)
        path.append(node)
    for left in path:
        ends[left] = length
    return torch.tensor(ends), torch.tensor(positions)


@pytest.fixture
def eager_flex(monkeypatch: pytest.MonkeyPatch) -> None:
    """FlexAttention as plain operations of torch, which have a backward on a processor too."""
    monkeypatch.setattr(attention, "_compiled_flex", attention._flex_function)
    monkeypatch.setattr("torch.nn.attention.flex_attention._validate_device", lambda *_: None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flex_attention_is_used_where_values_and_gradients_are_right(dtype: torch.dtype, eager_flex: None) -> None:
    assert flex_fault(torch.device("cpu"), dtype, (4, 2), 16) == ""


def test_flex_attention_is_not_used_where_gradients_are_wrong(
    eager_flex: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = attention._flex_function(None)
    wrong = lambda query, *rest, **options: right(query.detach() + 0 * query, *rest, **options)  # noqa: E731
    monkeypatch.setattr(attention, "_compiled_flex", lambda softcap: wrong)

    assert "gradients are off by 1 of their norm" in flex_fault(torch.device("cpu"), torch.float32, (4, 2), 16)


def test_flex_attention_is_not_used_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_compiled_flex", attention._flex_function)

    assert "does not support backward on CPU" in flex_fault(torch.device("cpu"), torch.float32, (4, 2), 16)


def test_dropout_is_not_lost_where_flex_attention_does_not_know_it() -> None:
    query, key, value = (torch.randn(1, 2, 6, 16) for _ in range(3))
    found = []
    for kind in ("dense", "flex"):
        torch.manual_seed(0)
        trees = PackedTrees(ENDS, POSITIONS, CUTS, kind)
        found.append(tree_attention(torch.nn.Module(), query, key, value, None, dropout=0.5, tree=trees)[0])

    assert torch.equal(*found)
    assert (found[0] == 0).any()


def test_the_first_path_of_every_tree_by_hand() -> None:
    assert PackedTrees(ENDS, POSITIONS, CUTS, "dense").trunks() == [3, 2]
    assert PackedTrees(ENDS[:4], POSITIONS[:4], [0, 4], "dense").trunks() == [3]


@pytest.mark.parametrize("window", [None, 1, 2, 3])
def test_the_dense_back_end_is_a_masked_softmax(window: int | None) -> None:
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 2, 6, 8, generator=draw, dtype=torch.float64) for _ in range(3))
    trees = PackedTrees(ENDS, POSITIONS, CUTS, "dense")
    mask = torch.block_diag(*trees.dense_masks(window)).bool()
    shares = (query @ key.transpose(-1, -2) * 0.3).masked_fill(~mask, -torch.inf).softmax(-1)

    found, _ = tree_attention(
        torch.nn.Module(), query, key, value, None, scaling=0.3, sliding_window=window, tree=trees
    )

    assert torch.allclose(found, (shares @ value).transpose(1, 2), rtol=0, atol=1e-12)


def test_masks_are_built_once_for_a_window() -> None:
    trees = PackedTrees(ENDS, POSITIONS, CUTS, "dense")

    assert trees.dense_masks(2)[0] is trees.dense_masks(2)[0]
    assert trees.dense_masks(2)[0] is not trees.dense_masks(None)[0]
