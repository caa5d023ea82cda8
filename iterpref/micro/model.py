"""The micro-world's model: a small Llama trained on the corpus from nothing, with its own tokenizer.

The only file of this room that uses torch, and it imports it inside its functions. What is written is an ordinary
transformers model folder: ``AutoTokenizer`` and ``AutoModelForCausalLM`` load it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iterpref.micro.corpus import examples

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["base_path", "pretrain"]

EXAMPLES = 64_000
BATCH = 64  # texts a step
LEARNING_RATE = 4e-3
WARMUP = 0.05  # share of the steps
WEIGHT_DECAY = 0.05
WIDTH, LAYERS, HEADS, INNER = 128, 4, 4, 352
VOCABULARY = 1000
CONTEXT = 512
_TOKENIZER_EXAMPLES = 8_000
_SORTED_TOGETHER = 32  # batches sorted by length at a time, so that little is padded
_END, _PAD = "<|end|>", "<|pad|>"


def base_path() -> Path:
    """The folder of the model that is shipped with the package."""
    return Path(__file__).with_name("base")


def pretrain(
    out_dir: Path,
    *,
    seed: int = 0,
    count: int = EXAMPLES,
    progress: Callable[[int, int, float], None] | None = None,
) -> float:
    """Make tokenizer and model from nothing and write them to ``out_dir``; a few minutes on two cores.

    A text is ``prompt + "\\n" + program`` and the end token; only the program and the end token are scored.
    ``progress`` is called after each step with (steps done, steps in all, loss in nats a token). The same seed,
    versions and thread count give the same model.

    Returns:
        The mean loss over the last twentieth of the steps.
    """
    import torch

    torch.manual_seed(seed)
    tokenizer = _train_tokenizer(seed)
    model = _new_model(tokenizer)
    model.train()
    steps = count // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY)
    losses: list[float] = []
    for step, (ids, scored) in enumerate(islice(_batches(tokenizer, seed), steps)):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min((step + 1) / (WARMUP * steps), 1 - step / steps)
        # Padding is on the right, so causal attention needs no mask.
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[scored[:, 1:]])
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:][scored[:, 1:]])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if progress:
            progress(step + 1, steps, losses[-1])
    out_dir.mkdir(parents=True, exist_ok=True)
    model.bfloat16().save_pretrained(out_dir)
    tokenizer.save_pretrained(out_dir)
    last = losses[-max(1, steps // 20) :]
    return sum(last) / len(last)


def _train_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the corpus."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[_END, _PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (f"{example.prompt}\n{example.program}" for example in islice(examples(seed), _TOKENIZER_EXAMPLES))
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        eos_token=_END,
        pad_token=_PAD,
        padding_side="left",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def _new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def _batches(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Token ids and whether each is scored, both of shape (BATCH, length), without end."""
    import torch

    rng = random.Random(f"batches {seed}")
    stream = examples(seed)
    end: Any = tokenizer.eos_token_id
    while True:
        chunk = list(islice(stream, BATCH * _SORTED_TOGETHER))
        prompts = tokenizer([f"{example.prompt}\n" for example in chunk])["input_ids"]
        programs = tokenizer([example.program for example in chunk])["input_ids"]
        rows = sorted(zip(prompts, programs, strict=True), key=lambda row: len(row[0]) + len(row[1]))
        starts = list(range(0, len(rows), BATCH))
        rng.shuffle(starts)
        for start in starts:
            batch = rows[start : start + BATCH]
            length = max(len(prompt) + len(program) for prompt, program in batch) + 1
            ids = torch.full((BATCH, length), end)
            scored = torch.zeros((BATCH, length), dtype=torch.bool)
            for i, (prompt, program) in enumerate(batch):
                middle, stop = len(prompt), len(prompt) + len(program)
                ids[i, :stop] = torch.tensor(prompt + program)
                scored[i, middle : stop + 1] = True
            yield ids, scored
