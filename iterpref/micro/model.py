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
LEARNING_RATE = 4e-3  # of embeddings and norms, by Adam
MATRIX_RATE = 0.02  # of the layers' matrices, by Muon
MOMENTUM = 0.95
WARMUP = 0.05  # share of the steps
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
    matrices = [weights for weights in model.model.layers.parameters() if weights.ndim == 2]
    others = [weights for weights in model.parameters() if weights.ndim != 2] + [model.lm_head.weight]
    momenta = [torch.zeros_like(weights) for weights in matrices]
    adam = torch.optim.Adam(others, betas=(0.9, 0.95))
    losses: list[float] = []
    for step, (ids, scored) in enumerate(islice(_batches(tokenizer, seed), steps)):
        pace = min((step + 1) / (WARMUP * steps), 1 - step / steps)
        adam.param_groups[0]["lr"] = LEARNING_RATE * pace
        # Padding is on the right, so causal attention needs no mask.
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[scored[:, 1:]])
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:][scored[:, 1:]])
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        _muon_step(matrices, momenta, MATRIX_RATE * pace)
        losses.append(loss.item())
        if progress:
            progress(step + 1, steps, losses[-1])
    out_dir.mkdir(parents=True, exist_ok=True)
    model.bfloat16().save_pretrained(out_dir)
    tokenizer.save_pretrained(out_dir)
    last = losses[-max(1, steps // 20) :]
    return sum(last) / len(last)


def _muon_step(matrices: list[torch.Tensor], momenta: list[torch.Tensor], rate: float) -> None:
    """Move each matrix along its momentum with all singular values made about equal (Muon, Jordan et al. 2024).

    It learns to copy constants from the instruction with far fewer texts than Adam. Matrices of a shape go together.
    """
    import torch

    with torch.no_grad():
        groups: dict[torch.Size, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        for weights, momentum in zip(matrices, momenta, strict=True):
            if weights.grad is not None:
                momentum.lerp_(weights.grad, 1 - MOMENTUM)
                step = weights.grad.lerp(momentum, MOMENTUM)  # Nesterov
                groups.setdefault(weights.shape, []).append((weights, step))
        for (rows, columns), members in groups.items():
            steps = torch.stack([step for _, step in members])
            tall = rows > columns
            steps = steps.mT if tall else steps
            steps = steps / (steps.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):  # Newton-Schulz
                gram = steps @ steps.mT
                steps = 3.4445 * steps + (-4.775 * gram + 2.0315 * gram @ gram) @ steps
            scale = rate * max(1.0, rows / columns) ** 0.5
            for (weights, _), step in zip(members, steps.mT if tall else steps, strict=True):
                weights.sub_(step, alpha=scale)


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
    return PreTrainedTokenizerFast(
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
