"""What a training run would be, before anything is spent on it (``iterpref train --dry-run``)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, TrainingArguments

from iterpref.config import TrainConfig
from iterpref.train.arguments import training_arguments
from iterpref.train.data import Collator
from iterpref.train.forward import why_not_trees
from iterpref.train.head import kept_bytes
from iterpref.train.losses import objective
from iterpref.train.models import add_adapter
from iterpref.train.order import global_batches
from iterpref.train.packing import TreeCollator
from iterpref.train.prepare import prepare
from iterpref.types import Pair

__all__ = ["plan"]

# Bytes that a layer keeps for backward, for every token and hidden unit, in 16-bit precision and without the attention
# scores, which are never written out: Korthikanti et al. 2022 (arXiv 2205.05198), equation 1.
_KEPT_BYTES = 34


def plan(pairs: Iterable[Pair], config: TrainConfig, *, seed: int) -> dict[str, str]:
    """Names and values to print. Loads the tokenizer and the model's config, no weights; computes nothing.

    Raises:
        InputError: as :func:`iterpref.train.run.train`.
    """
    pairs, weights = list(pairs), objective(config)
    arguments = training_arguments(config, Path("unused"), seed)
    prepared = prepare(pairs, config, weights, arguments, seed)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(prepared.model_config)
        reason = why_not_trees(model)
        if config.use_peft:
            model = add_adapter(model, config)
    collate: Any = Collator(0) if reason else TreeCollator()
    batches = list(global_batches(prepared.examples, collate, arguments, config.tokens_per_row))
    rows = [collate([prepared.examples[number] for number in row]) for batch in batches for row in batch]
    per_epoch = -(-len(batches) // arguments.gradient_accumulation_steps)
    steps = arguments.max_steps if arguments.max_steps > 0 else int(per_epoch * arguments.num_train_epochs)
    apart, computed = (sum(int(row["tokens"][which]) for row in rows) for which in (0, 1))
    scored = sum(int(row["completion_mask"].sum()) for row in rows)
    examples = prepared.examples
    rejected = [example.rejected for example in examples if example.rejected is not None]
    penalised = sum(int((one.weights != 0).sum()) for one in rejected)
    found = {
        "parameters": f"{_count(model):,}, trained {_count(model, trained=True):,}",
        "pairs": f"{len(rejected):,} and {sum(example.anchor for example in examples):,} anchors, "
        f"of {len({example.trajectory or number for number, example in enumerate(examples)}):,} trajectories",
        "left out": ", ".join(f"{count:,} {why}" for why, count in sorted(prepared.dropped.items())) or "none",
        "tokens an epoch": f"{apart:,} in prompts and completions, {scored:,} of them scored",
        "penalised": f"{penalised / max(1, sum(len(one.ids) for one in rejected)):.1%} of the tokens of y-",
        "computed": f"{computed:,} tokens ({f'padded sequences: {reason}' if reason else 'prefix trees'}), "
        f"packing ratio {apart / computed:.2f}",
        "steps": f"{steps:,}, {per_epoch:,} an epoch, {len(examples) / per_epoch:.1f} examples each",
        "memory": _memory(model, rows, arguments),
    }
    if weights.needs_reference:
        found["reference"] = f"{apart:,} tokens once, unless they are in the cache"
    return found


def _memory(model: Any, rows: list[dict[str, torch.Tensor]], arguments: TrainingArguments) -> str:
    """An estimate for one process with Adam: parts in GiB."""
    config = model.config.get_text_config()
    trained, every = _count(model, trained=True), _count(model)
    half = arguments.bf16 or arguments.fp16
    frozen_bytes = 2 if half else 4
    states = 16 * trained + frozen_bytes * (every - trained)  # weight, gradient and two moments in float32
    tokens = max(int(row["tokens"][1]) for row in rows)
    layers = config.num_hidden_layers
    # under checkpointing what enters each layer is kept, and one layer at a time is computed again
    kept = 2 * layers + _KEPT_BYTES if arguments.gradient_checkpointing else _KEPT_BYTES * layers
    activations = tokens * config.hidden_size * kept * (1 if half else 2)
    scored = max(len(row["kept"]) if "kept" in row else row["completion_mask"].numel() for row in rows)
    logits = min(scored * config.vocab_size * (2 if half else 4), kept_bytes(arguments.device.type))
    parts = {"weights and optimiser": states, "activations": activations, "logits": logits}
    listed = ", ".join(f"{name} {size / 2**30:.2f}" for name, size in parts.items())
    return f"about {sum(parts.values()) / 2**30:.2f} GiB a process ({listed}), without sharding"


def _count(model: torch.nn.Module, *, trained: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trained)
