from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train import train
from iterpref.train import trainer as trainer_module
from iterpref.train.trainer import FocalTrainer
from tests.train.conftest import CHATML, make_pairs, make_tokenizer


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_pairs_become_a_model(config: TrainConfig, tmp_path: Path) -> None:
    heard: list[int] = []
    pairs = [*make_pairs(8), replace(make_pairs(1)[0], id="long", chosen="x = 1\n" * 2000)]
    result = train(pairs, replace(config, max_steps=12), tmp_path, seed=0, on_log=lambda step, _: heard.append(step))

    assert (result.steps, result.num_pairs, result.num_anchors) == (12, 8, 0)
    assert result.dropped == {"chosen too long": 1}
    assert heard == list(range(1, 13)) == [entry["step"] for entry in metrics(tmp_path)]
    first, last = metrics(tmp_path)[0], metrics(tmp_path)[-1]
    assert all(math.isfinite(value) for entry in metrics(tmp_path) for value in entry.values())
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)  # the start model is the reference
    assert last["rewards/margins"] > 0.5
    assert last["nll_loss"] < first["nll_loss"] - 0.5
    assert result.metrics["loss"] == last["loss"]
    model = AutoModelForCausalLM.from_pretrained(result.model_dir)
    tokenizer = AutoTokenizer.from_pretrained(result.model_dir)
    assert model(**tokenizer("def", return_tensors="pt")).logits.isfinite().all()
    card = (result.model_dir / "README.md").read_text()
    assert "| pairs | 8 |" in card
    assert "| left out: chosen too long | 1 |" in card
    assert (tmp_path / "checkpoints" / "checkpoint-12" / "README.md").exists()


def test_a_finished_run_returns_at_once(config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = train(make_pairs(), config, tmp_path, seed=0)

    monkeypatch.setattr("iterpref.train.run.prepare", lambda *rest: pytest.fail("it trains again"))
    assert train(make_pairs(), config, tmp_path, seed=0) == result


def test_a_folder_of_another_run_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    train(make_pairs(), config, tmp_path, seed=0)

    with pytest.raises(InputError, match=r"another beta, seed; remove"):
        train(make_pairs(), replace(config, beta=0.5), tmp_path, seed=1)
    with pytest.raises(InputError, match="another pairs;"):
        train(make_pairs(3), config, tmp_path, seed=0)


def test_a_run_that_diverges_leaves_no_model_and_may_be_started_anew(config: TrainConfig, tmp_path: Path) -> None:
    steep = replace(config, learning_rate=1e30)
    with pytest.raises(InputError, match="so training has diverged; lower `learning_rate`"):
        train(make_pairs(), steep, tmp_path / "run", seed=0)
    assert not (tmp_path / "run" / "model").exists()
    assert all(b"NaN" not in path.read_bytes() for path in (tmp_path / "run").glob("*.json*"))

    assert train(make_pairs(), config, tmp_path / "run", seed=0).steps == 4


def test_input_that_is_refused_does_not_claim_the_folder(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        train(make_pairs(), replace(config, model_name_or_path=str(tmp_path)), tmp_path / "run", seed=0)

    assert train(make_pairs(), config, tmp_path / "run", seed=0).steps == 4


def test_a_sweep_over_the_loss_shares_the_reference(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    passes: list[bool] = []  # of the model, in training and in the reference: with a gradient, or without
    compute = trainer_module.batch_logps

    def counting(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        passes.append(torch.is_grad_enabled())
        return compute(model, batch)

    monkeypatch.setattr(trainer_module, "batch_logps", counting)
    train(make_pairs(), config, tmp_path / "a", seed=0, cache_dir=tmp_path / "cache")
    assert False in passes
    assert "reference: 16 sequences, 16 of them not in the cache" in capfd.readouterr().err

    passes.clear()
    sweep = replace(config, loss_type="dpo", beta=0.3, learning_rate=1e-3)
    result = train(make_pairs(), sweep, tmp_path / "b", seed=0, cache_dir=tmp_path / "cache")

    assert passes == [True] * config.max_steps
    assert "reference: 16 sequences, 0 of them not in the cache" in capfd.readouterr().err
    assert result.metrics["focus_share"] == 1.0


def test_every_number_that_is_logged_is_explained(config: TrainConfig, tmp_path: Path) -> None:
    held_out = {"use_cpu": True, "eval_strategy": "steps", "eval_steps": 4}
    train(make_pairs(), replace(config, training_arguments=held_out), tmp_path, seed=0, eval_pairs=make_pairs(4))

    table = (Path(__file__).parents[2] / "docs" / "training.md").read_text().partition("## Logged numbers")[2]
    explained = {
        name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall("`(.*?)`", row)
    }
    logged = {name.removeprefix("eval_") for entry in metrics(tmp_path) for name in entry} - {"step"}
    assert len(logged) > 15
    assert logged <= explained


@pytest.mark.slow
def test_another_start_model_or_attention_computes_its_own_reference(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    compute = FocalTrainer.reference_logps

    def counting(self: FocalTrainer, rows: Any) -> Any:
        computed.append(len(rows))
        return compute(self, rows)

    monkeypatch.setattr(FocalTrainer, "reference_logps", counting)
    short = replace(config, max_steps=1, per_device_train_batch_size=8)

    def run(name: str, config: TrainConfig, seed: int) -> int:
        computed.clear()
        train(make_pairs(), config, tmp_path / name, seed=seed, cache_dir=tmp_path / "cache")
        return sum(computed)

    assert run("first", short, 0) == 16
    assert run("again", replace(short, beta=0.2), 0) == 0
    assert run("other weights", short, 1) == 16
    monkeypatch.setattr(FocalTrainer, "use_trees", lambda self: "sdpa")
    assert run("padded", short, 0) == 16


def test_metrics_reach_tensorboard(config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "events"))
    reporting = replace(config, training_arguments={**config.training_arguments, "report_to": "tensorboard"})
    train(make_pairs(), reporting, tmp_path / "run", seed=0)

    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    margins = events.Scalars("train/rewards/margins")
    assert [event.step for event in margins] == [1, 2, 3, 4]
    logged = [entry["rewards/margins"] for entry in metrics(tmp_path / "run")]
    assert [event.value for event in margins] == pytest.approx(logged)


def test_the_reference_reads_only_what_max_steps_will_reach(config: TrainConfig, tmp_path: Path) -> None:
    result = train(make_pairs(40), replace(config, max_steps=2), tmp_path, seed=0)

    shards = [load_file(path) for path in (tmp_path / "cache").rglob("*.safetensors")]
    assert result.num_pairs == 8
    assert sum(len(shard["names"]) for shard in shards) == 16


def test_a_sweep_over_masks_and_terms_shares_the_reference_too(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(config, max_steps=1, per_device_train_batch_size=8)
    train(make_pairs(), short, tmp_path / "first", seed=0, cache_dir=tmp_path / "cache")
    monkeypatch.setattr(FocalTrainer, "reference_logps", lambda self, rows: pytest.fail("computed again"))

    for loss_type in ("rpo", "target-dpo", "symmetric", "hybrid", "diff-aug", "ipo", "simpo"):
        sweep = replace(short, loss_type=loss_type, rpo_alpha=0.5)
        result = train(make_pairs(), sweep, tmp_path / loss_type, seed=0, cache_dir=tmp_path / "cache")
        assert math.isfinite(result.metrics["loss"])
        assert ("logps/chosen_drift" in result.metrics) == (loss_type != "simpo")


def test_versions_of_one_trajectory_share_their_tokens(
    config: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = [
        replace(pair, rejected=pair.rejected.replace(" - ", sign), provenance={"trajectory": pair.id})
        for pair in make_pairs(4)
        for sign in (" * ", " - ", " / ")
    ]
    result = train(versions, replace(config, max_steps=-1, num_train_epochs=1), tmp_path, seed=0)

    assert result.num_pairs == 12
    assert result.metrics["packing_ratio"] > 3
    assert "attention: iterpref_tree, dense" in capsys.readouterr().err


def test_a_model_that_cannot_compute_trees_is_trained_on_padded_sequences(
    config: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    linear = {
        **config.init_config,
        "model_type": "qwen3_next",
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 8,
        "shared_expert_intermediate_size": 8,
    }
    with caplog.at_level("WARNING", "iterpref.train"):
        result = train(make_pairs(), replace(config, init_config=linear, max_steps=1), tmp_path, seed=0)

    assert [record.getMessage() for record in caplog.records] == [
        "padded sequences instead of prefix trees, which are faster: "
        "it has layers of linear_attention, which read a row from left to right."
    ]
    assert result.metrics["packing_ratio"] <= 1


def test_sft_needs_no_reference(config: TrainConfig, tmp_path: Path) -> None:
    result = train(make_pairs(), replace(config, loss_type="sft"), tmp_path, seed=0)

    assert not (tmp_path / "cache").exists()
    assert result.num_pairs == 8
    assert result.metrics["loss"] == pytest.approx(result.metrics["nll_loss"])
    assert "rewards/chosen" not in result.metrics


def test_anchors_join_when_asked(config: TrainConfig, tmp_path: Path) -> None:
    pairs = [*make_pairs(4), replace(make_pairs(5)[4], rejected=None, rejected_spans=())]

    without = train(pairs, config, tmp_path / "without", seed=0)
    joined = train(pairs, replace(config, use_anchors=True), tmp_path / "with", seed=0)

    assert (without.num_pairs, without.num_anchors, without.dropped) == (4, 0, {"anchor not used": 1})
    assert (joined.num_pairs, joined.num_anchors, joined.dropped) == (4, 1, {})


def test_lora_trains_adapters_against_the_base_model(config: TrainConfig, tmp_path: Path) -> None:
    result = train(make_pairs(), replace(config, use_peft=True, max_steps=8), tmp_path, seed=0)

    assert metrics(tmp_path)[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert result.metrics["rewards/margins"] > 0.1
    adapter = load_file(tmp_path / "checkpoints" / "checkpoint-8" / "adapter_model.safetensors")
    assert all("lora_" in name for name in adapter)
    merged = AutoModelForCausalLM.from_pretrained(result.model_dir)
    assert not any("lora" in name for name in merged.state_dict())


def test_the_seed_decides_the_weights(config: TrainConfig, tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> torch.Tensor:
        model_dir = train(make_pairs(), config, tmp_path / name, seed=seed).model_dir
        return load_file(model_dir / "model.safetensors")["lm_head.weight"]

    assert torch.equal(weights("a", 0), weights("b", 0))
    assert not torch.equal(weights("a", 0), weights("c", 1))


def test_held_out_pairs_are_evaluated(config: TrainConfig, tmp_path: Path) -> None:
    arguments = {**config.training_arguments, "eval_strategy": "steps", "eval_steps": 2}
    evaluated = replace(config, training_arguments=arguments)
    result = train(make_pairs(6), evaluated, tmp_path, seed=0, eval_pairs=make_pairs(9)[6:])

    assert [entry["step"] for entry in metrics(tmp_path) if "eval_loss" in entry] == [2, 4]
    for name in ("eval_loss", "eval_rewards/margins", "eval_nll_loss"):
        assert math.isfinite(result.metrics[name])

    with pytest.raises(InputError, match="no held-out pairs"):
        train(make_pairs(6), evaluated, tmp_path / "none", seed=0)


def test_an_instruct_model_learns_to_end_its_turn(config: TrainConfig, tmp_path: Path) -> None:
    make_tokenizer(chat_template=CHATML).save_pretrained(tmp_path / "chat")
    chat = replace(config, model_name_or_path=str(tmp_path / "chat"))

    model_dir = train(make_pairs(), chat, tmp_path / "run", seed=0).model_dir

    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in model.generation_config.eos_token_id


def test_nothing_to_train_on_says_why(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of 8 pairs.*8 chosen too long"):
        train(make_pairs(), replace(config, max_length=5), tmp_path / "a", seed=0)
    with pytest.raises(InputError, match="there are no pairs"):
        train([], config, tmp_path / "b", seed=0)


def test_examples_longer_than_the_models_positions_are_left_out(config: TrainConfig, tmp_path: Path) -> None:
    short = replace(config, init_config={**config.init_config, "max_position_embeddings": 32})

    result = train(make_pairs(), short, tmp_path, seed=0)

    assert result.num_pairs + sum(result.dropped.values()) == 8
    assert set(result.dropped) <= {"chosen too long", "rejected too long"}
    assert result.dropped
