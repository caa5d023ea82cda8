from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from iterpref.config import Recipe, TrainConfig
from iterpref.errors import InputError
from iterpref.pipeline import open_run, train_stage
from iterpref.train import train
from iterpref.train.plan import plan
from iterpref.types import Pair
from tests.train.conftest import make_pairs


@pytest.fixture
def pairs() -> list[Pair]:
    """Three versions of one trajectory, four other pairs, and two that are left out."""
    first, *others = make_pairs(7)
    versions = [replace(first, rejected=first.rejected.replace("x - 0", f"x * {number}")) for number in range(3)]
    together = [replace(pair, provenance={"trajectory": "t"}) for pair in versions]
    anchor = replace(others[0], rejected=None, rejected_spans=())
    return [*together, *others[:4], anchor, replace(others[5], chosen=" ")]


def test_the_plan_is_what_the_run_becomes(config: TrainConfig, pairs: list[Pair], tmp_path: Path) -> None:
    config = replace(config, max_steps=-1, num_train_epochs=2, per_device_train_batch_size=7)
    found = plan(pairs, config, seed=0)
    result = train(pairs, config, tmp_path, seed=0)

    assert found["pairs"] == "7 and 0 anchors, of 5 trajectories"
    assert found["left out"] == "1 anchor not used, 1 chosen empty"
    assert found["steps"].startswith(f"{result.steps:,}, 1 an epoch, 7.0 examples each")
    assert f"packing ratio {result.metrics['packing_ratio']:.2f}" in found["computed"]
    assert "prefix trees" in found["computed"]
    assert found["tokens an epoch"].startswith(f"{result.metrics['num_tokens'] / 2:,.0f} in prompts and completions")
    assert found["reference"] == f"{result.metrics['num_tokens'] / 2:,.0f} tokens once, unless they are in the cache"
    assert found["penalised"] == f"{result.metrics['focus_share']:.1%} of the tokens of y-"


def test_parameters_are_counted_without_weights(config: TrainConfig, pairs: list[Pair], tmp_path: Path) -> None:
    train(pairs, config, tmp_path, seed=0)
    weights = torch.load(tmp_path / "checkpoints" / "checkpoint-4" / "optimizer.pt", weights_only=True)["state"]
    trained = sum(state["exp_avg"].numel() for state in weights.values())

    assert plan(pairs, config, seed=0)["parameters"] == f"{trained:,}, trained {trained:,}"
    every, adapters = re.findall(r"[\d,]+\d", plan(pairs, replace(config, use_peft=True), seed=0)["parameters"])
    assert int(every.replace(",", "")) == trained + int(adapters.replace(",", ""))


def parts_of_memory(config: TrainConfig, pairs: list[Pair], **changes: Any) -> list[float]:
    """In GiB: all of it, weights and optimiser, activations, logits. A model of 24 layers of 1024 in float32."""
    large = {**config.init_config, "hidden_size": 1024, "num_attention_heads": 4, "num_hidden_layers": 24}
    config = replace(config, init_config=large, per_device_train_batch_size=8, **changes)
    found = plan(pairs, config, seed=0)
    parts = [float(part) for part in re.findall(r"\d+\.\d+", found["memory"])]
    assert parts[0] == pytest.approx(sum(parts[1:]), abs=0.02)
    return parts


def test_memory_by_hand(config: TrainConfig, pairs: list[Pair]) -> None:
    found = plan(pairs, replace(config, per_device_train_batch_size=8), seed=0)
    tokens = int(found["computed"].split()[0].replace(",", ""))  # in one row
    checkpointing = {"use_cpu": True, "gradient_checkpointing": True}

    # a layer: queries and output 2 x 1024 x 1024, keys and values as many halves; 3 x 1024 x 64 in the MLP; two norms
    weights = 24 * (3 * 1024**2 + 3 * 1024 * 64 + 2 * 1024) + 2 * 300 * 1024 + 1024
    kept = tokens * 1024 * 34 * 2  # of one layer
    assert parts_of_memory(config, pairs)[1:3] == [
        pytest.approx(16 * weights / 2**30, abs=0.006),
        pytest.approx(24 * kept / 2**30, abs=0.006),
    ]
    entered = tokens * 1024 * 24 * 2 * 2
    again = parts_of_memory(config, pairs, training_arguments=checkpointing)
    assert again[2] == pytest.approx((entered + kept) / 2**30, abs=0.006)


def test_rows_of_fewer_tokens_need_less_memory(config: TrainConfig, pairs: list[Pair]) -> None:
    assert parts_of_memory(config, pairs, tokens_per_row=100)[2] < parts_of_memory(config, pairs)[2]


def test_a_model_without_trees_is_planned_with_padding(config: TrainConfig, pairs: list[Pair]) -> None:
    linear = {
        **config.init_config,
        "model_type": "qwen3_next",
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 2,
        "moe_intermediate_size": 8,
        "shared_expert_intermediate_size": 8,
    }
    found = plan(pairs, replace(config, init_config=linear), seed=0)

    assert "padded sequences: it has layers of linear_attention" in found["computed"]


def test_nothing_to_train_on_is_said_at_once(config: TrainConfig) -> None:
    with pytest.raises(InputError, match="none of 0 pairs"):
        plan([], config, seed=0)


def test_a_budget_without_a_token_is_refused(config: TrainConfig, pairs: list[Pair]) -> None:
    with pytest.raises(InputError, match="tokens_per_row"):
        plan(pairs, replace(config, tokens_per_row=0), seed=0)


def test_the_verb_prints_the_plan_and_trains_nothing(
    config: TrainConfig, pairs: list[Pair], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe(run=str(tmp_path / "run"), train=config, variants={"a": {}, "b": {"loss_type": "sft"}})
    with open_run(recipe) as run:
        for pair in pairs[3:7]:
            run.put("pair", pair.id, pair, 1)
        assert train_stage(run, recipe, dry_run=True) == {}

    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert "a would train:" in text
    assert "b would train:" in text
    assert "packing ratio" in text
    assert not (tmp_path / "run" / "models").exists()
