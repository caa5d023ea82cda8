"""Prefix trees against separate sequences: the same loss and the same gradients, in every family that can."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model

from iterpref.train import forward
from iterpref.train.attention import NAME, PackedTrees, tree_attention
from iterpref.train.data import Collator, Encoder, Example
from iterpref.train.forward import attention_name, batch_logps, enable_trees
from iterpref.train.packing import TreeCollator
from iterpref.types import Pair, Span
from tests.train.conftest import make_tokenizer
from tests.train.trees import FAMILIES, OBJECTIVE, VOCABULARY, completion, loss_of, tiny_model, trajectories

# Of loss and gradients. gemma2 is compared in float32: its softmax takes no float64 mask. qwen3_moe routes in float32.
TOLERANCE = {"gemma2": (1e-5, 1e-5), "qwen3_moe": (1e-6, 1e-6)}
EXACT = (1e-12, 1e-11)


def loss_and_gradients(model: Any, batch: dict[str, torch.Tensor]) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    loss = loss_of(batch_logps(model, batch), batch)
    loss.backward()
    return loss.item(), torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def differences(padded: Any, tree: Any, examples: list[Example]) -> tuple[float, float]:
    """Absolute of the loss, and relative of the gradients."""
    loss, gradients = loss_and_gradients(padded, Collator(0)(examples))
    tree_loss, tree_gradients = loss_and_gradients(tree, TreeCollator()(examples))
    assert gradients.norm() > 1e-3
    tree_gradients, gradients = tree_gradients.double(), gradients.double()
    return abs(tree_loss - loss), ((tree_gradients - gradients).norm() / gradients.norm()).item()


def with_trees(model: Any) -> Any:
    copied = copy.deepcopy(model)
    assert enable_trees(copied) == ""
    return copied


@cache
def both(family: str) -> tuple[Any, Any]:
    padded = tiny_model(family, dtype=torch.float32 if family == "gemma2" else torch.float64)
    return padded, with_trees(padded)


def fixed_examples(versions: int = 4) -> list[Example]:
    """Two trajectories of tokens drawn at random, each version an edit of y+."""
    draw = random.Random(0)
    found = []
    for _ in range(2):
        prompt = np.array([draw.randint(3, 90) for _ in range(10)], np.int32)
        chosen = [draw.randint(3, 90) for _ in range(20)] + [2]
        for _ in range(versions):
            at = draw.randint(0, 19)
            ids = chosen[:at] + [draw.randint(3, 90) for _ in range(3)] + chosen[at + 2 :]
            weights = [float(at <= place < at + 3) for place in range(len(ids))]
            found.append(Example(prompt, completion(chosen, [1.0] * 21), completion(ids, weights), anchor=False))
    return found


several = st.lists(trajectories(), min_size=1, max_size=3).map(lambda found: [one for group in found for one in group])


@pytest.mark.parametrize("family", FAMILIES)
@given(examples=several)
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_trees_are_exact_in_every_family(family: str, examples: list[Example]) -> None:
    of_loss, of_gradients = differences(*both(family), examples)

    tolerance = TOLERANCE.get(family, EXACT)
    assert of_loss <= tolerance[0]
    assert of_gradients <= tolerance[1]


@given(examples=several)
@settings(max_examples=100, deadline=None)
@pytest.mark.slow
def test_trees_are_exact_on_many_random_trajectories(examples: list[Example]) -> None:
    assert max(differences(*both("qwen2 with windows"), examples)) <= 1e-11


@pytest.mark.parametrize(
    ("family", "rounding"),
    # gemma3 has six norms a layer, three times llama's; starcoder2's norms do not round
    [
        ("llama", 1e-7),
        ("qwen2 with windows", 1e-7),
        ("qwen3", 1e-7),
        ("mistral", 1e-7),
        ("phi3", 1e-7),
        ("olmo2", 1e-7),
        ("gemma3_text", 2e-7),
    ],
)
def test_with_stock_norms_only_their_float32_shows(family: str, rounding: float) -> None:
    padded, examples = tiny_model(family, stock_norms=True), fixed_examples()
    _, exact = loss_and_gradients(tiny_model(family), Collator(0)(examples))  # norms in float64
    _, rounded = loss_and_gradients(padded, Collator(0)(examples))
    own = ((rounded - exact).norm() / exact.norm()).item()

    of_loss, of_gradients = differences(padded, with_trees(padded), examples)

    assert of_loss <= 1e-12
    assert of_gradients <= rounding
    assert of_gradients < own / 2  # the separate sequences are further from the truth than trees are from them


@cache
def with_adapters(checkpointing: bool) -> tuple[Any, Any]:
    torch.manual_seed(1)
    settings = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    padded = get_peft_model(tiny_model("qwen2 with windows"), settings).double()
    if checkpointing:
        padded.enable_input_require_grads()
        padded.gradient_checkpointing_enable({"use_reentrant": False})
    return padded.train(), with_trees(padded).train()


@pytest.mark.parametrize("checkpointing", [False, True])
@given(examples=several)
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_trees_are_exact_with_adapters_and_with_gradient_checkpointing(
    checkpointing: bool, examples: list[Example]
) -> None:
    padded, tree = with_adapters(checkpointing)

    assert max(differences(padded, tree, examples)) <= 1e-11
    assert all("lora" in name for name, weight in tree.named_parameters() if weight.grad is not None)


def test_text_that_branches_inside_a_word_branches_at_the_token_that_differs() -> None:
    tokenizer = make_tokenizer()
    chosen, rejected = "def f(x):\n    return total\n", "def f(x):\n    return totem + 1\n"
    at = rejected.index("    return")
    pair = Pair("p", "Add 1.", chosen, rejected, rejected_spans=(Span(at, len(rejected), 1.0, "changed"),))
    (example,), _ = Encoder(tokenizer, OBJECTIVE, max_length=200, use_anchors=False).encode([pair])
    assert example.rejected
    ids = [example.chosen.ids.tolist(), example.rejected.ids.tolist()]
    shared = next(place for place, (one, other) in enumerate(zip(*ids, strict=False)) if one != other)
    assert tokenizer.decode(ids[0][:shared]).endswith("return tot")
    examples = [
        replace(
            example,
            chosen=replace(example.chosen, reference=example.chosen.ids / -40),
            rejected=replace(example.rejected, reference=example.rejected.ids / -40),
        )
    ]

    padded = tiny_model("qwen2", vocab_size=len(tokenizer))

    assert max(differences(padded, with_trees(padded), examples)) <= 1e-11
    # prompt, y+, and y- from the token that differs on; the last token that is scored is not computed, of neither
    last = int(example.rejected.weights.nonzero()[0][-1])
    nodes = len(example.prompt_ids) + len(ids[0]) - 1 + last - shared
    assert len(TreeCollator()(examples)["ends"]) == nodes


def test_the_head_runs_where_a_token_is_scored_and_nowhere_else() -> None:
    _, tree = both("qwen2")
    batch = TreeCollator()(fixed_examples())
    seen: list[int] = []
    hook = tree.lm_head.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    try:
        batch_logps(tree, batch)
    finally:
        hook.remove()

    # y+ once for each trajectory, and three tokens for each of its versions, some of which are y+'s own
    assert seen == [len(batch["kept"])]
    assert 2 * 21 < seen[0] <= 2 * (21 + 4 * 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_logits_are_whole_where_nothing_follows_the_head(family: str) -> None:
    _, tree = both(family)
    batch = TreeCollator()(fixed_examples())
    widths: list[int] = []
    hook = tree.lm_head.register_forward_hook(lambda module, inputs, output: widths.append(output.shape[-1]))
    try:
        batch_logps(tree, batch)
    finally:
        hook.remove()

    assert widths == [VOCABULARY if family == "gemma2" else 1]  # gemma2 caps its logits


def test_scaled_logits_are_not_taken_at_the_head() -> None:
    model = tiny_model("granite", logits_scaling=3.0)

    assert max(differences(model, with_trees(model), fixed_examples())) <= 1e-11


@pytest.mark.slow
def test_weights_sharded_over_processes_give_the_same_gradients() -> None:
    script = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*script, "-m", "tests.train.sharded"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same") == 2


@pytest.mark.parametrize("family", ["qwen3_next", "mamba", "bloom"])
def test_what_cannot_be_exact_keeps_padded_sequences(family: str) -> None:
    layers = {"layer_types": ["linear_attention", "full_attention"], "num_experts": 2, "num_experts_per_tok": 1}
    model = tiny_model(family, stock_norms=True, dtype=torch.float32, **layers if family == "qwen3_next" else {})
    batch = Collator(0)(fixed_examples())
    before = batch_logps(model, batch)

    reason = enable_trees(model)

    assert reason
    assert ("linear_attention" in reason) == (family != "bloom")
    assert torch.equal(batch_logps(model, batch), before)


def test_a_device_that_is_not_up_to_flex_attention_gets_dense_masks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forward, "back_end", lambda device, dtype: "flex")  # and it has no backward on a processor
    padded = tiny_model("llama", dtype=torch.float32)

    tree = with_trees(padded)

    assert attention_name(tree) == "iterpref_tree, dense"
    assert "dense masks instead of FlexAttention" in caplog.text
    assert max(differences(padded, tree, fixed_examples())) <= 1e-5


def test_a_model_that_computes_trees_wrongly_is_found_out() -> None:
    model = tiny_model("llama")
    forward = model.model.rotary_emb.forward
    model.model.rotary_emb.forward = lambda hidden, position_ids: forward(
        hidden, torch.arange(hidden.shape[1])[None]
    )  # a model that takes no notice of positions

    assert "differ by" in enable_trees(model)
    assert model.config._attn_implementation == "sdpa"


# -- the silent traps of handing packed rows to transformers: none of them can be stepped into -----------------------


def test_positions_that_restart_are_not_read_as_packed_documents() -> None:
    padded, tree = both("llama")
    batch = TreeCollator()(fixed_examples())
    inputs = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"]}
    trees = PackedTrees(batch["ends"], batch["position_ids"][0], batch["cuts"].tolist(), "dense")

    as_documents = padded(**inputs, use_cache=False).logits  # what transformers makes of them without a mask
    as_trees = tree(**inputs, use_cache=False, tree=trees).logits

    mask = torch.zeros(1, 1, len(batch["ends"]), len(batch["ends"]), dtype=torch.float64)
    for begin, end, seen in zip(batch["cuts"][:-1], batch["cuts"][1:], trees.dense_masks(None), strict=True):
        mask[0, 0, begin:end, begin:end] = seen
    additive = (1 - mask) * torch.finfo(torch.float64).min
    expected = padded(**inputs, attention_mask=additive, use_cache=False).logits
    assert torch.allclose(as_trees, expected, rtol=0, atol=1e-12)
    assert (as_documents - expected).abs().max() > 0.1


def test_a_boolean_mask_hides_and_is_not_added_to_the_scores() -> None:
    """transformers' eager attention adds what it is given: True and False would be 1 and 0, and nothing hidden."""
    ends, positions = torch.tensor([4, 3, 3, 4]), torch.tensor([0, 1, 2, 1])
    tree = PackedTrees(ends, positions, [0, 4], "dense")
    (mask,) = tree.dense_masks(None)
    assert mask.dtype == torch.bool
    query, key, value = (torch.randn(1, 2, 4, 8, dtype=torch.float64) for _ in range(3))
    scores = 3.0 * torch.tanh(query @ key.transpose(-1, -2) / 3.0)
    hidden, added = ((change(scores).softmax(-1) @ value).transpose(1, 2) for change in (
        lambda scores: scores.masked_fill(~mask, -torch.inf), lambda scores: scores + mask,
    ))  # fmt: skip

    found, _ = tree_attention(torch.nn.Module(), query, key, value, None, scaling=1.0, softcap=3.0, tree=tree)

    assert torch.allclose(found, hidden, rtol=0, atol=1e-12)
    assert not torch.allclose(found, added, atol=1e-2)


def test_a_sliding_window_is_measured_in_positions() -> None:
    trees = PackedTrees(torch.tensor([5, 2, 5, 4, 5]), torch.tensor([0, 1, 1, 2, 2]), [0, 5], "dense")

    # 0 -> (1), 0 -> 2 -> (3), 2 -> (4): node 4 is two positions from node 0, but four places
    assert trees.dense_masks(None)[0][4].tolist() == [True, False, True, False, True]
    assert trees.dense_masks(3)[0][4].tolist() == [True, False, True, False, True]
    assert trees.dense_masks(2)[0][4].tolist() == [False, False, True, False, True]


def test_a_batch_without_its_tree_is_refused() -> None:
    _, tree = both("llama")

    with pytest.raises(ValueError, match="one packed row and its tree"):
        batch_logps(tree, Collator(0)(fixed_examples()))


@pytest.mark.parametrize("extra", [{"attention_mask": torch.zeros(1, 1, 3, 3)}, {"s_aux": torch.zeros(4)}])
def test_what_tree_attention_does_not_know_is_refused(extra: dict[str, torch.Tensor]) -> None:
    query = torch.zeros(1, 4, 3, 8)
    trees = PackedTrees(torch.tensor([3, 3, 3]), torch.arange(3), [0, 3], "dense")

    with pytest.raises(ValueError, match="knows neither"):
        tree_attention(torch.nn.Module(), query, query, query, **{"attention_mask": None, **extra}, tree=trees)


def test_the_attention_is_not_saved_with_the_model(tmp_path: Any) -> None:
    _, tree = both("llama")
    tree.save_pretrained(tmp_path)

    assert NAME not in (tmp_path / "config.json").read_text()
