"""From a batch to the log-probability of every scored token, shape (R, S): as padded rows, or as packed trees.

Both give the same numbers. Padded rows work for every model and are what the trees are tested against.
The LM head runs inside ``model.forward`` and on the positions that are scored only; its logits are never whole where
the model returns them as they leave it (:mod:`iterpref.train.head`).
"""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from iterpref.train.attention import NAME, PackedTrees, back_end, flex_fault
from iterpref.train.data import Collator, Completion
from iterpref.train.head import scoring
from iterpref.train.losses import token_logps
from iterpref.train.packing import TreeCollator

__all__ = ["attention_name", "batch_logps", "enable_trees", "why_not_trees"]

Batch = dict[str, torch.Tensor]
Rows = list[tuple[Any, Completion]]

LOGGER = logging.getLogger("iterpref.train")

_LAST = "iterpref_last"  # on a head after which nothing is done to its logits
_DENSE = "iterpref_dense"  # on a model whose device is not up to FlexAttention


def batch_logps(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """``log pi`` of the scored tokens of every row, (R, S), for a batch of either collator."""
    return tree_logps(model, batch) if "ends" in batch else padded_logps(model, batch)


def padded_logps(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """For a batch of :class:`~iterpref.train.data.Collator`: the last S tokens of every row."""
    ids_RT = batch["input_ids"]
    length, scored = ids_RT.shape[1], batch["completion_mask"].shape[1]
    # the positions that predict them: an index, so that no slice of the logits has to be copied back in backward
    kept_S = torch.arange(length - scored - 1, length - 1, device=ids_RT.device)
    inputs = {"input_ids": ids_RT, "attention_mask": batch["attention_mask"]}
    return _logps(model, kept_S, ids_RT[:, -scored:], **inputs)


def tree_logps(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """For a batch of :class:`~iterpref.train.packing.TreeCollator`; the model must have been given tree attention."""
    ids_1N, positions_1N = batch["input_ids"], batch["position_ids"]
    tree = PackedTrees(batch["ends"], positions_1N[0], batch["cuts"].tolist(), _back_end(model))
    targets_1E = batch["targets"][None]
    logps_1E = _logps(model, batch["kept"], targets_1E, input_ids=ids_1N, position_ids=positions_1N, tree=tree)
    return logps_1E[0][batch["index"]]


def _logps(model: Any, kept: torch.Tensor, targets_RS: torch.Tensor, **inputs: Any) -> torch.Tensor:
    """``log pi`` of the tokens that the positions ``kept`` of every row predict."""
    head = _unwrapped(model).get_output_embeddings()
    if getattr(head, _LAST, False):
        with scoring(head, targets_RS):
            logps: torch.Tensor = model(**inputs, logits_to_keep=kept, use_cache=False).logits
        return logps[..., 0]
    if "logits_to_keep" in _parameters(model):
        return token_logps(model(**inputs, logits_to_keep=kept, use_cache=False).logits, targets_RS)
    return token_logps(model(**inputs, use_cache=False).logits[:, kept], targets_RS)


def attention_name(model: Any) -> str:
    """What computes the attention of ``model``, for the log and for cache keys."""
    name = str(_unwrapped(model).config._attn_implementation)
    return f"{name}, {_back_end(model)}" if name == NAME else name


def _back_end(model: Any) -> str:
    parameter = next(model.parameters())
    return "dense" if getattr(_unwrapped(model), _DENSE, False) else back_end(parameter.device, parameter.dtype)


def enable_trees(model: Any) -> str:
    """Give ``model`` tree attention if it computes trees exactly; it then takes no other batches.

    Either way the log-probabilities are from now on taken at the LM head, if a trial says that nothing follows it.
    To be called under the autocast of training, if any: trials are made in that precision.

    Returns:
        "" if it does, else why it does not; the model is then as it was.
    """
    causal = _unwrapped(model)
    was_training = model.training
    model.eval()
    before = causal.config._attn_implementation
    try:
        _mark_head(model)
        if reason := why_not_trees(causal):
            return reason
        rows = _probe(causal.config.get_text_config().vocab_size)
        expected = _silently(padded_logps, model, Collator(0).rows(rows))
        _check_flex(model)
        causal.set_attn_implementation(NAME)
        found = _silently(tree_logps, model, TreeCollator().rows(rows))
    except (TypeError, ValueError, RuntimeError) as error:
        causal.set_attn_implementation(before)
        return " ".join(str(error).split()) or type(error).__name__
    finally:
        model.train(was_training)
    difference = (expected - found).abs().mean().item() if found.shape == expected.shape else np.inf
    if not difference <= (0.1 if _precision(model).itemsize < 4 else 1e-3):  # nor if it is no number
        causal.set_attn_implementation(before)
        return f"on a trial its log-probabilities differ by {difference:.2g} from those of separate sequences"
    return ""


def _check_flex(model: Any) -> None:
    """Have dense masks used from now on where FlexAttention is wanted and does not do what it should."""
    if _back_end(model) != "flex":
        return
    config = _unwrapped(model).config.get_text_config()
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    groups = (heads, getattr(config, "num_key_value_heads", None) or heads)
    if fault := flex_fault(next(model.parameters()).device, _precision(model), groups, size):
        setattr(_unwrapped(model), _DENSE, True)
        LOGGER.warning("dense masks instead of FlexAttention, which is faster on long rows: %s.", fault)


def _precision(model: Any) -> torch.dtype:
    """What the model computes in."""
    parameter = next(model.parameters())
    device = parameter.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else parameter.dtype


@torch.no_grad()
def _mark_head(model: Any) -> None:
    """Mark the LM head if the model returns its logits as they are, neither capped nor scaled."""
    head = _unwrapped(model).get_output_embeddings()
    if type(head) is not torch.nn.Linear or "logits_to_keep" not in _parameters(model):
        return
    seen: list[torch.Tensor] = []
    handle = head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    try:
        logits = model(input_ids=torch.arange(1, 9, device=head.weight.device)[None], use_cache=False).logits
    finally:
        handle.remove()
    setattr(head, _LAST, len(seen) == 1 and torch.equal(seen[0].to(logits.dtype), logits))


def why_not_trees(model: Any) -> str:
    """What about a model's architecture rules trees out, or ""."""
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    if strange := sorted(kinds - {"full_attention", "sliding_attention"}):
        return f"it has layers of {', '.join(strange)}, which read a row from left to right"
    if not getattr(model, "_supports_attention_backend", False):
        return "its attention cannot be exchanged"
    if not {"position_ids", "kwargs"} <= _parameters(model):
        return "it takes no positions"
    return ""


def _probe(vocabulary: int) -> Rows:
    """Four short completions of one prompt, nested and of equal length."""
    draw = np.random.default_rng(0)
    prompt, *tails = (draw.integers(1, vocabulary, size=12).astype(np.int32) for _ in range(5))
    shapes = [tails[0], np.r_[tails[0][:4], tails[1][4:]], np.r_[tails[0][:4], tails[1][4:8], tails[2][8:]], tails[3]]
    return [(prompt, Completion(ids.astype(np.int32), np.ones(12, np.float32))) for ids in shapes]


@torch.no_grad()
def _silently(compute: Callable[..., torch.Tensor], model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    device = next(model.parameters()).device
    return compute(model, {name: tensor.to(device) for name, tensor in batch.items()}).double()


def _unwrapped(model: Any) -> Any:
    """The causal language model inside wrappers for several devices and inside adapters."""
    while hasattr(model, "module"):
        model = model.module
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _parameters(model: Any) -> set[str]:
    return set(inspect.signature(_unwrapped(model).forward).parameters)
