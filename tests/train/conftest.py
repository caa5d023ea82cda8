"""A tokenizer, a model and pairs small enough to train in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from iterpref.config import TrainConfig
from iterpref.types import Pair, Span

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INIT_CONFIG = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def make_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """Byte-level BPE with few merges; ``options`` as for ``PreTrainedTokenizerFast``."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>", "<|im_start|>", "<|im_end|>", "<|begin|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(["def f(x):\n    return x + 1\n" * 4], trainer)
    special = {"eos_token": "<|end|>", "extra_special_tokens": ["<|im_start|>", "<|im_end|>"]}
    return PreTrainedTokenizerFast(tokenizer_object=core, **{**special, **options})


def make_pairs(count: int = 8) -> list[Pair]:
    """Functions that add a constant, and their wrong versions."""
    pairs = []
    for number in range(count):
        head = f"def f{number}(x):\n"
        chosen = head + "    y = x\n" * (number % 3) + f"    return x + {number}\n"
        rejected = head + "    y = x\n" * (number % 3) + f"    return x - {number}\n"
        span = Span(rejected.index("    return"), len(rejected), 1.0, "changed")
        pairs.append(Pair(f"p{number}", f"Add {number}.", chosen, rejected, rejected_spans=(span,)))
    return pairs


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="session")
def tokenizer_dir(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def config(tokenizer_dir: Path) -> TrainConfig:
    return TrainConfig(
        model_name_or_path=str(tokenizer_dir),
        init_config=INIT_CONFIG,
        max_steps=4,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        training_arguments={"use_cpu": True},
    )
