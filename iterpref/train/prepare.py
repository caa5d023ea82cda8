"""What is known before any weight is loaded: tokenizer, model config, examples, and what was left out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import TrainingArguments

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.data import Encoder, Example
from iterpref.train.losses import Objective
from iterpref.train.models import check_tokenizer_fits, load_model_config, load_tokenizer
from iterpref.types import Pair

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """``examples`` are those that the run will reach, ``dropped`` counts the pairs left out by reason."""

    tokenizer: Any
    model_config: Any
    encoder: Encoder
    examples: list[Example]
    dropped: Counter[str]


def prepare(
    pairs: Sequence[Pair], config: TrainConfig, weights: Objective, arguments: TrainingArguments, seed: int
) -> Prepared:
    """Encode ``pairs``.

    Raises:
        InputError: no usable tokenizer, model config or pair, fewer pairs than processes, or a budget below one token.
    """
    if config.tokens_per_row is not None and config.tokens_per_row < 1:
        raise InputError(
            "train: `tokens_per_row` must be at least 1; leave it out to compute a micro-batch in one row."
        )
    tokenizer = load_tokenizer(config.model_name_or_path)
    model_config = load_model_config(config, tokenizer)
    if config.init_config:
        check_tokenizer_fits(tokenizer, model_config, (pair.chosen for pair in pairs[:100]))
    positions = getattr(model_config.get_text_config(), "max_position_embeddings", None) or config.max_length
    encoder = Encoder(tokenizer, weights, max_length=min(config.max_length, positions), use_anchors=config.use_anchors)
    examples, dropped = encoder.encode(pairs)
    if not examples:
        raise InputError(
            f"train: none of {len(pairs)} pairs can be trained on ({_reasons(dropped)}); check the pairs, "
            "`max_length` and `use_anchors`."
        )
    if len(examples) < arguments.world_size:
        raise InputError(
            f"train: {len(examples)} pairs cannot be shared by {arguments.world_size} processes; start fewer."
        )
    return Prepared(tokenizer, model_config, encoder, _reached(examples, arguments, seed), dropped)


def _reached(examples: list[Example], arguments: TrainingArguments, seed: int) -> list[Example]:
    """Some trajectories drawn at random, if ``max_steps`` ends within an epoch: the others need no reference."""
    count = (
        arguments.max_steps * arguments.train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    )
    if not 0 < count < len(examples):
        return examples
    groups: dict[Any, list[Example]] = {}
    for number, example in enumerate(examples):
        groups.setdefault(example.trajectory or number, []).append(example)
    some = random.Random(seed).sample(list(groups.values()), min(count, len(groups)))
    return [example for group in some for example in group][:count]


def _reasons(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "there are no pairs"
