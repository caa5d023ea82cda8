"""One optimiser step on a fixed global batch of 8, cut up as asked. Also a script, for several processes.

python -m torch.distributed.run --nproc-per-node 2 -m tests.train.one_step RESULT 4 1 [trees] [rows]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainingArguments

from iterpref.train.data import Collator, Encoder, Example
from iterpref.train.losses import Objective
from iterpref.train.packing import TreeCollator
from iterpref.train.trainer import FocalTrainer
from tests.train.conftest import INIT_CONFIG, make_pairs, make_tokenizer

OBJECTIVE = Objective(1.0, 0.7, 0.1, mask="focus")


def make_examples(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    """Six pairs and two anchors with made-up reference values, so that K+ and K- are not 0."""
    pairs = make_pairs(8)
    pairs[2] = replace(pairs[2], rejected=None, rejected_spans=())
    pairs[3] = replace(pairs[3], rejected=None, rejected_spans=())
    examples, _ = Encoder(tokenizer, OBJECTIVE, max_length=200, use_anchors=True).encode(pairs)
    return [
        replace(
            example,
            trajectory=f"t{number // 2}",
            chosen=replace(example.chosen, reference=-example.chosen.ids / 40),
            rejected=example.rejected and replace(example.rejected, reference=-example.rejected.ids / 50),
        )
        for number, example in enumerate(examples)
    ]


def make_model(dtype: torch.dtype) -> torch.nn.Module:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(**{**INIT_CONFIG, "model_type": "qwen2", "vocab_size": 300})
    )
    return model.to(dtype)


def one_step(
    batch: int, accumulation: int, dtype: torch.dtype, *, trees: bool = False, tokens_per_row: int | None = None
) -> dict[str, torch.Tensor]:
    """Gradients (by a step of plain gradient descent with rate 1), and the logged metrics."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            max_steps=1,
            learning_rate=1.0,
            lr_scheduler_type="constant",
            optim="sgd",
            max_grad_norm=0.0,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        )
        model = make_model(dtype)
        start = {name: value.clone() for name, value in model.state_dict().items()}
        trainer = FocalTrainer(
            model=model,
            args=arguments,
            objective=OBJECTIVE,
            tokens_per_row=tokens_per_row,
            data_collator=Collator(0),
            train_dataset=make_examples(make_tokenizer()),
        )
        trainer.remove_callback(PrinterCallback)
        if trees:
            trainer.use_trees()
            assert isinstance(trainer.data_collator, TreeCollator)
        trainer.train()
    gradients = {name: start[name] - value for name, value in model.state_dict().items()}
    return {**gradients, **{name: torch.tensor(float(value)) for name, value in trainer.state.log_history[0].items()}}


if __name__ == "__main__":
    torch.set_num_threads(1)
    path, batch, accumulation = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    tokens_per_row = 120 if "rows" in sys.argv else None
    result = one_step(batch, accumulation, torch.float64, trees="trees" in sys.argv, tokens_per_row=tokens_per_row)
    if int(torch.distributed.get_rank()) == 0:
        torch.save(result, path)
