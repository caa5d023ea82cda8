"""TRL's DPOTrainer as oracle: the same loss and gradients on one micro-batch, plain and focused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from iterpref.train.data import Collator, Encoder, Example
from iterpref.train.losses import Objective
from iterpref.train.reference import ReferenceCache
from iterpref.train.trainer import FocalTrainer
from tests.train.conftest import make_pairs, make_tokenizer
from tests.train.one_step import make_model

COMMON: dict[str, Any] = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "per_device_eval_batch_size": 8}


def models() -> tuple[Any, Any]:
    """A policy and a reference that differs from it."""
    policy = make_model(torch.float32)
    reference = copy.deepcopy(policy)
    with torch.no_grad():
        for weight in reference.parameters():
            weight += 0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    return policy, reference


def gradients(model: torch.nn.Module, loss: torch.Tensor) -> torch.Tensor:
    loss.backward()  # type: ignore[no-untyped-call]
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def encode(objective: Objective) -> list[Example]:
    encoder = Encoder(make_tokenizer(), objective, max_length=200, use_anchors=False)
    examples, dropped = encoder.encode(make_pairs(6))
    assert not dropped
    return examples


def ours(objective: Objective, folder: Path, *, trees: bool) -> tuple[float, torch.Tensor]:
    policy, reference = models()
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir=str(folder), remove_unused_columns=False, **COMMON)
    options: dict[str, Any] = {"args": arguments, "objective": objective, "data_collator": Collator(0)}
    cache = ReferenceCache(folder, ["oracle"])
    referee, trainer = FocalTrainer(model=reference, **options), FocalTrainer(model=policy, **options)
    if trees:
        assert referee.use_trees() == trainer.use_trees() == "iterpref_tree, dense"
    examples = cache.fill(encode(objective), referee.reference_logps, wait=lambda: None)
    loss = trainer.compute_loss(policy, trainer.data_collator(examples))
    return loss.item(), gradients(policy, loss)


def theirs(objective: Objective, folder: Path) -> tuple[float, torch.Tensor]:
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    tokenizer = make_tokenizer(pad_token="<|im_start|>")
    policy, reference = models()
    pairs = make_pairs(6)
    texts = {
        "prompt": [pair.prompt + "\n" for pair in pairs],
        "chosen": [pair.chosen for pair in pairs],
        "rejected": [pair.rejected for pair in pairs],
    }
    arguments = DPOConfig(
        output_dir=str(folder),
        beta=objective.beta,
        loss_type=[objective.term, "sft"] if objective.alpha else [objective.term],
        loss_weights=[1.0, objective.alpha] if objective.alpha else [1.0],
        max_length=None,
        bf16=False,
        gradient_checkpointing=False,
        **COMMON,
    )
    trainer = DPOTrainer(
        model=policy,
        ref_model=reference,
        args=arguments,
        train_dataset=Dataset.from_dict(texts),
        processing_class=tokenizer,
    )
    rows = list(trainer.train_dataset)
    examples = encode(objective)
    for row, example in zip(rows, examples, strict=True):
        assert example.rejected
        assert row["prompt_ids"] == example.prompt_ids.tolist()
        assert row["chosen_ids"] == example.chosen.ids.tolist()
        assert row["rejected_ids"] == example.rejected.ids.tolist()
    batch = DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id)(rows)
    if objective.mask == "focus":
        for mask, example in zip(batch["completion_mask"][len(rows) :], examples, strict=True):
            assert example.rejected
            begin, end = len(example.prompt_ids), len(example.prompt_ids) + len(example.rejected.ids)
            mask[begin:end] = torch.from_numpy(example.rejected.weights > 0)
    policy.train()
    loss = trainer.compute_loss(policy, batch)
    return loss.item(), gradients(policy, loss)


@pytest.mark.parametrize("trees", [False, True], ids=["padded", "trees"])
@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(Objective(1.0, 0.0, 0.1, mask="all"), id="dpo"),
        pytest.param(Objective(1.0, 0.0, 0.1, mask="focus"), id="target-dpo"),
        pytest.param(Objective(1.0, 0.0, 0.1, mask="focus", term="ipo"), id="ipo"),
        pytest.param(Objective(1.0, 1.0, 0.1, mask="focus"), id="target-rpo"),
    ],
)
def test_loss_and_gradients_are_those_of_trl(objective: Objective, trees: bool, tmp_path: Path) -> None:
    loss, gradient = ours(objective, tmp_path / "ours", trees=trees)
    their_loss, their_gradient = theirs(objective, tmp_path / "theirs")

    assert loss == pytest.approx(their_loss, rel=1e-5)
    assert loss != pytest.approx(0.6931, abs=1e-3)  # the reference does differ
    assert ((gradient - their_gradient).norm() / their_gradient.norm()).item() < 1e-5
