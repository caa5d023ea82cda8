from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, TrainingArguments

from iterpref.train.data import Collator
from iterpref.train.forward import batch_logps
from iterpref.train.losses import log_ratio, pair_loss, token_logps, total_loss
from iterpref.train.trainer import FocalTrainer
from tests.train.conftest import make_tokenizer
from tests.train.one_step import OBJECTIVE, make_examples, make_model, one_step

METRICS = [
    "loss",
    "rewards/chosen",
    "rewards/rejected",
    "rewards/accuracies",
    "rewards/margins",
    "logps/chosen",
    "logps/rejected",
    "logps/chosen_drift",
    "nll_loss",
    "num_tokens",
    "focus_share",
    "packing_ratio",
]


def make_trainer(folder: Path, **options: object) -> FocalTrainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        report_to="none",
        remove_unused_columns=False,
        use_cpu=True,
        disable_tqdm=True,
        **options,
    )
    examples = make_examples(make_tokenizer())
    trainer = FocalTrainer(
        model=make_model(torch.float64),
        args=arguments,
        objective=OBJECTIVE,
        data_collator=Collator(0),
        train_dataset=examples,
        eval_dataset=examples,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def largest_difference(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """Largest difference of a gradient or a logged metric, relative to its norm."""
    assert found.keys() == expected.keys()
    return max(
        (
            (found[name].double() - expected[name].double()).norm() / expected[name].double().norm().clamp(min=1e-3)
        ).item()
        for name in expected
    )


@pytest.mark.parametrize(
    ("dtype", "trees", "tolerance"),
    [(torch.float32, False, 1e-5), (torch.float64, False, 1e-10), (torch.float64, True, 1e-7)],
)
def test_the_step_does_not_depend_on_how_the_batch_is_cut_up(dtype: torch.dtype, trees: bool, tolerance: float) -> None:
    whole = one_step(8, 1, dtype)
    assert whole["lm_head.weight"].norm() > 0.1
    assert set(METRICS) < set(whole)
    loss, _ = whole.pop("loss"), whole.pop("packing_ratio")

    for batch, accumulation in [(4, 2), (2, 4), (1, 8)]:
        cut_up = one_step(batch, accumulation, dtype, trees=trees)
        del cut_up["packing_ratio"]  # padding and sharing do depend on it
        assert cut_up.pop("loss") == pytest.approx(loss.item(), rel=1e-6)  # the Trainer sums it in float32
        assert largest_difference(cut_up, whole) < tolerance


@pytest.mark.parametrize("trees", [False, True])
def test_the_step_does_not_depend_on_the_rows_it_is_computed_in(trees: bool) -> None:
    whole = one_step(8, 1, torch.float64, trees=trees)
    rows = one_step(8, 1, torch.float64, trees=trees, tokens_per_row=120)

    assert rows.pop("loss") == pytest.approx(whole.pop("loss").item(), rel=1e-6)
    assert whole.pop("packing_ratio") != rows.pop("packing_ratio") or trees
    assert largest_difference(rows, whole) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("how", ["padded", "trees", "trees rows"])
def test_two_processes_take_the_same_step_as_one(tmp_path: Path, how: str) -> None:
    script = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for batch, accumulation in [(4, 1), (2, 2)]:
        path = tmp_path / f"{batch}.pt"
        subprocess.run(
            [*script, "-m", "tests.train.one_step", str(path), str(batch), str(accumulation), *how.split()],
            check=True,
            capture_output=True,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        result, expected = torch.load(path), one_step(8, 1, torch.float64)
        assert result.pop("loss") == pytest.approx(expected.pop("loss").item(), rel=1e-6)
        del result["packing_ratio"], expected["packing_ratio"]
        assert largest_difference(result, expected) < (1e-10 if how == "padded" else 1e-7)


def test_the_loss_is_that_of_the_pure_functions_on_full_logits(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    examples = make_examples(make_tokenizer())
    batch = Collator(0)(examples)

    pair_losses, nll, tokens = [], torch.zeros((), dtype=torch.float64), 0
    for example in examples:
        k = []
        for completion in [example.chosen, *([example.rejected] if example.rejected else [])]:
            ids = torch.tensor(np.concatenate([example.prompt_ids, completion.ids])).long()
            logits = trainer.model(input_ids=ids[None]).logits
            logps = token_logps(logits[:, :-1], ids[None, 1:])[:, -len(completion.ids) :]
            reference, weights = torch.tensor(completion.reference), torch.tensor(completion.weights)
            k.append(log_ratio(logps, reference[None], weights[None]))
            if completion is example.chosen:
                nll, tokens = nll - logps.sum(), tokens + len(completion.ids)
        if example.rejected:
            pair_losses.append(pair_loss(k[0], k[1], OBJECTIVE.beta))
    expected = total_loss(torch.cat(pair_losses), nll, torch.tensor(6), torch.tensor(tokens), OBJECTIVE)

    assert trainer.compute_loss(trainer.model, batch).item() == pytest.approx(expected.item(), rel=1e-6)


def test_evaluation_is_that_of_all_data_as_one_batch(tmp_path: Path) -> None:
    one = make_trainer(tmp_path, per_device_eval_batch_size=8).evaluate()
    many = make_trainer(tmp_path, per_device_eval_batch_size=3).evaluate()

    for name in METRICS:
        if name not in ("num_tokens", "packing_ratio"):
            assert many[f"eval_{name}"] == pytest.approx(one[f"eval_{name}"], rel=1e-9), name


def test_metrics_by_hand(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, per_device_eval_batch_size=3)
    metrics = trainer.evaluate()
    batch = Collator(0)(make_examples(make_tokenizer()))
    with torch.no_grad():
        logps = batch_logps(trainer.model, batch)
    scored, rows = batch["completion_mask"], len(batch["contrasted"])
    sums = (logps * scored).sum(-1)
    focus_sums = (logps * (batch["weights"] != 0)).sum(-1)
    ratios = ((logps - batch["reference"]) * batch["weights"]).sum(-1)
    pairs = ~batch["anchor"]
    assert pairs.sum() == 6

    assert metrics["eval_logps/chosen"] == pytest.approx(sums[:rows][pairs].mean().item())
    assert metrics["eval_logps/rejected"] == pytest.approx(focus_sums[rows:].mean().item())
    assert metrics["eval_rewards/chosen"] == pytest.approx(0.1 * ratios[:rows][pairs].mean().item())
    assert metrics["eval_rewards/rejected"] == pytest.approx(0.1 * ratios[rows:].mean().item())
    assert metrics["eval_rewards/accuracies"] == (ratios[:rows][pairs] > ratios[rows:]).double().mean().item()
    assert metrics["eval_nll_loss"] == pytest.approx(-sums[:rows].sum().item() / scored[:rows].sum().item())
    assert metrics["eval_focus_share"] == (batch["weights"][rows:] > 0).sum().item() / scored[rows:].sum().item()


def test_the_reference_is_the_model_itself_before_training(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, per_device_eval_batch_size=3)
    rows = [(example.prompt_ids, example.chosen) for example in make_examples(make_tokenizer())]

    values = trainer.reference_logps(rows)

    for (prompt_ids, completion), found in zip(rows, values, strict=True):
        ids = torch.tensor(np.concatenate([prompt_ids, completion.ids])).long()[None]
        with torch.no_grad():
            logps = token_logps(trainer.model(input_ids=ids).logits[:, :-1], ids[:, 1:])[0]
        assert found == pytest.approx(logps[-len(completion.ids) :].numpy(), rel=1e-5)
    assert trainer.model.training


def test_the_reference_of_an_adapted_model_is_the_model_without_its_adapters(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    rows = [(example.prompt_ids, example.chosen) for example in make_examples(make_tokenizer())]
    expected = trainer.reference_logps(rows)
    settings = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    trainer.model = get_peft_model(trainer.model, settings)
    with torch.no_grad():
        adapted = batch_logps(trainer.model, Collator(0).rows(rows))[0, : len(rows[0][1].ids)]

    found = trainer.reference_logps(rows)

    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
    assert not np.allclose(found[0], adapted.numpy(), atol=1e-2)  # the adapters do something
