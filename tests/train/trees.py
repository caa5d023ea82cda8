"""Random trajectories of token ids and tiny models of many families, for the tests of prefix trees."""

from __future__ import annotations

from types import MethodType
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from iterpref.train.data import Completion, Example
from iterpref.train.losses import Objective, log_ratio, pair_loss, total_loss

VOCABULARY = 97
OBJECTIVE = Objective(1.0, 0.7, 0.1, mask="focus")
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen2 with windows": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    "qwen3": {},
    "mistral": {"sliding_window": 5},
    "starcoder2": {"sliding_window": 5},
    "phi3": {"sliding_window": 5},
    "gemma2": {"sliding_window": 5, "query_pre_attn_scalar": 8},
    "gemma3_text": {
        "sliding_window": 5,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "olmo2": {},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24},
}


def tiny_model(family: str, *, stock_norms: bool = False, dtype: torch.dtype = torch.float64, **changes: Any) -> Any:
    """Random weights, large enough for attention to matter.

    transformers' norms round to float32, which shows in gradients at 1e-7; without ``stock_norms`` they do not.
    """
    torch.manual_seed(0)
    settings = {**SMALL, **FAMILIES.get(family, {}), **changes}
    kind = family.split()[0]
    options = {"gemma2": {"attn_implementation": "eager"}, "qwen3_moe": {"experts_implementation": "eager"}}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings), **options.get(kind, {})).to(dtype)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.1)
    for norm in [] if stock_norms else model.modules():
        if "RMSNorm" in type(norm).__name__:
            norm.forward = MethodType(_gemma_norm if "Gemma" in type(norm).__name__ else _norm, norm)
    return model.eval()


def _norm(self: Any, hidden: torch.Tensor) -> torch.Tensor:
    return hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.variance_epsilon) * self.weight


def _gemma_norm(self: Any, hidden: torch.Tensor) -> torch.Tensor:
    return hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.eps) * (1 + self.weight)


def completion(ids: list[int], weights: list[float]) -> Completion:
    reference = -np.array(ids, np.float64) / 30
    return Completion(np.array(ids, np.int32), np.array(weights, np.float32), reference)


@st.composite
def trajectories(draw: st.DrawFn) -> list[Example]:
    """The pairs of one trajectory: y+ and 1 to 5 edits of it (or of the version before), each with any focus.

    Token ids stand for text: an edit that changes one token is a branch in the middle of a word, one that removes
    tokens a deletion. Weights may lie on the part that is shared with y+.
    """
    tokens = st.integers(3, 8)  # few, so that branches meet by chance
    prompt = np.array(draw(st.lists(tokens, min_size=1, max_size=6)), np.int32)
    chosen = [*draw(st.lists(tokens, min_size=1, max_size=12)), 2]
    chosen_weights = draw(st.sampled_from([[1.0] * len(chosen), [0.0, 1.0] * len(chosen)]))[: len(chosen)]
    examples, before = [], chosen
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.sampled_from([chosen, before]))[:-1]
        at = draw(st.integers(0, len(start)))
        removed = draw(st.integers(0, 3))
        before = start[:at] + draw(st.lists(tokens, max_size=3)) + start[at + removed :] + [2]
        weights = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 0.5]), min_size=len(before), max_size=len(before)))
        examples.append(Example(prompt, completion(chosen, chosen_weights), completion(before, weights), False))
    return examples


def loss_of(logps: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of a batch of either collator, by the pure functions."""
    rows, contrasted = len(batch["contrasted"]), batch["contrasted"]
    k = log_ratio(logps, batch["reference"].double(), batch["weights"].double())
    losses = pair_loss(k[:rows][contrasted], k[rows:], OBJECTIVE.beta)
    scored = batch["completion_mask"][:rows]
    return total_loss(losses, -(logps[:rows] * scored).sum(), contrasted.sum(), scored.sum(), OBJECTIVE)
