"""Attention over prefix trees: a token attends to its ancestors and itself, by whatever the device does best.

One function, :func:`tree_attention`, is registered with transformers under :data:`NAME`, so that every model that
leaves its attention to transformers' interface can use it. The tree reaches it as the keyword argument ``tree`` of the
model's ``forward``, which such models hand down. No mask is handed to the model: transformers would read the positions,
which restart at every branch, as documents packed into a row.

Back ends: ``dense``, torch's scaled dot product tree by tree: causal along a tree's first path, with a boolean mask on
the branches behind it (any device; quadratic memory a tree, no work across trees); ``flex``, FlexAttention with a block
mask (CUDA from compute capability 8.0 on). Sliding windows are measured in positions, not in places of the packed row.
Soft-capped scores need ``flex`` or, on the dense back end, the scores written out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import torch
from torch.nn.functional import dropout as drop
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

__all__ = ["NAME", "PackedTrees", "back_end", "flex_fault", "tree_attention"]

NAME = "iterpref_tree"
_BLOCK = 128  # of a FlexAttention mask


def back_end(device: torch.device, dtype: torch.dtype) -> str:
    """``flex`` where its compiled kernels exist, else ``dense``."""
    if device.type != "cuda" or dtype == torch.float64 or torch.cuda.get_device_capability(device) < (8, 0):
        return "dense"
    from torch.utils._triton import has_triton

    return "flex" if has_triton() else "dense"


def flex_fault(device: torch.device, dtype: torch.dtype, heads: tuple[int, int], size: int) -> str:
    """Why FlexAttention is not to be used: "" if on a trial its values and gradients are those of dense masks.

    It is compiled by a chain of tools that may not all be there, and compiled gradients have been wrong before
    (pytorch issue 158212).

    Args:
        heads: of queries, and of keys and values.
        size: of a head.
    """
    # a path of 250 nodes, and two branches of 60 that leave it after 150
    depths = torch.cat([torch.arange(begin, end) for begin, end in ((0, 250), (150, 210), (150, 210))]).to(device)
    ends = torch.tensor([370] * 150 + [250] * 100 + [310] * 60 + [370] * 60, device=device)
    draw = torch.Generator().manual_seed(0)
    shapes = [(1, count, len(ends), size) for count in (heads[0], heads[1], heads[1])]
    tensors = [torch.randn(shape, generator=draw).to(device, dtype).requires_grad_() for shape in shapes]
    found = {}
    try:
        with torch.enable_grad():
            for kind in ("dense", "flex"):
                tree = PackedTrees(ends, depths, [0, len(ends)], kind)
                query, key, value = tensors
                output, _ = tree_attention(torch.nn.Module(), query, key, value, None, tree=tree)
                gradients = torch.autograd.grad(output.float().square().sum(), tensors)
                found[kind] = [tensor.float() for tensor in (output, *gradients)]
    except Exception as error:  # a compiler may fail in any way
        return " ".join(str(error).split())[:200] or type(error).__name__
    pairs = zip(found["flex"], found["dense"], strict=True)
    off = max(((one - other).norm() / other.norm()).item() for one, other in pairs)
    return "" if off <= 0.05 else f"its values or gradients are off by {off:.2g} of their norm"


@dataclass(eq=False)
class PackedTrees:
    """Which node of a packed row attends to which; masks are built once for all layers that share a window.

    Args:
        ends: one past the last node below every node, (N,).
        positions: depth of every node, (N,).
        cuts: where each tree begins, and N.
        back_end: ``dense`` or ``flex``.
    """

    ends: torch.Tensor
    positions: torch.Tensor
    cuts: list[int]
    back_end: str
    _masks: dict[int | None, Any] = field(default_factory=dict)
    _trunks: list[int] = field(default_factory=list)

    def trunks(self) -> list[int]:
        """For every tree the length of its first path from the root, which is a sequence like any other."""
        if not self._trunks:
            follows = self.positions[1:] == self.positions[:-1] + 1
            breaks = [*((~follows).nonzero()[:, 0] + 1).tolist(), len(self.positions)]
            self._trunks = [breaks[bisect_right(breaks, begin)] - begin for begin in self.cuts[:-1]]
        return self._trunks

    def dense_masks(self, window: int | None) -> list[torch.Tensor]:
        """For every tree a boolean mask (length, length), True where the row's node attends to the column's."""
        if window not in self._masks:
            spans = zip(self.cuts[:-1], self.cuts[1:], strict=True)
            self._masks[window] = [self._dense_mask(begin, end, window) for begin, end in spans]
        return list(self._masks[window])

    def _dense_mask(self, begin: int, end: int, window: int | None) -> torch.Tensor:
        places = torch.arange(begin, end, device=self.ends.device)
        mask = (places[None] <= places[:, None]) & (places[:, None] < self.ends[None, begin:end])
        if window is not None:
            positions = self.positions[begin:end]
            mask &= positions[:, None] - positions[None] < window
        return mask

    def block_mask(self, window: int | None) -> Any:
        """The same over the whole row, as FlexAttention wants it.

        The row is filled up to whole blocks, at least two: kernels are then compiled for no length in particular, and
        none for short rows. A node that fills up attends to itself alone.
        """
        if window not in self._masks:
            from torch.nn.attention.flex_attention import create_block_mask

            count = max(2 * _BLOCK, -(-len(self.ends) // _BLOCK) * _BLOCK)
            spare = torch.arange(len(self.ends), count, device=self.ends.device)
            ends, positions = torch.cat([self.ends, spare + 1]), torch.cat([self.positions, spare])

            def attends(batch: Any, head: Any, query: Any, key: Any) -> Any:
                seen = (key <= query) & (query < ends[key])
                return seen if window is None else seen & (positions[query] - positions[key] < window)

            self._masks[window] = create_block_mask(
                attends, None, None, count, count, device=ends.device, BLOCK_SIZE=_BLOCK
            )
        return self._masks[window]


def tree_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    tree: PackedTrees | None = None,
    **unused: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one layer over a packed row of trees; the signature is transformers'.

    Args:
        query: (1, heads, N, head size); ``key`` and ``value`` may have fewer heads.

    Returns:
        (1, N, heads, head size), and None for the attention weights.

    Raises:
        ValueError: no tree arrived, or the layer does something this function does not know.
    """
    if tree is None or query.shape[0] != 1 or query.shape[2] != len(tree.ends):
        raise ValueError("tree attention takes one packed row and its tree.")
    if attention_mask is not None or unused.get("s_aux") is not None or unused.get("position_bias") is not None:
        raise ValueError("tree attention knows neither masks, biases nor attention sinks of a model's own.")
    if tree.back_end == "flex" and not dropout:  # which FlexAttention does not know
        output = _flex(query, key, value, tree.block_mask(sliding_window), scaling, softcap)
        return output.transpose(1, 2).contiguous(), None
    groups = query.shape[1] // key.shape[1]
    key, value = (kv.repeat_interleave(groups, dim=1) if groups > 1 else kv for kv in (key, value))
    sizes = [end - begin for begin, end in zip(tree.cuts[:-1], tree.cuts[1:], strict=True)]
    parts = zip(*(torch.split(tensor, sizes, dim=2) for tensor in (query, key, value)), strict=True)
    outputs = []
    for (q, k, v), trunk, mask in zip(parts, tree.trunks(), tree.dense_masks(sliding_window), strict=True):
        if softcap is not None:
            outputs.append(_written_out(q, k, v, mask, dropout, scaling, softcap))
        else:
            causal = 0 if sliding_window is not None and sliding_window < trunk else trunk
            outputs += _in_two_parts(q, k, v, mask, causal, dropout, scaling)
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


def _in_two_parts(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    causal: int,
    dropout: float,
    scaling: float | None,
) -> Iterator[torch.Tensor]:
    """The first ``causal`` nodes of a tree, where half of the scores need not be computed, and the others."""
    attend = partial(scaled_dot_product_attention, dropout_p=dropout, scale=scaling)
    if causal:
        first = (tensor[:, :, :causal] for tensor in (query, key, value))
        yield attend(*first, is_causal=True)
    if causal < query.shape[2]:
        yield attend(query[:, :, causal:], key, value, attn_mask=mask[causal:])


def _written_out(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    dropout: float,
    scaling: float | None,
    softcap: float,
) -> torch.Tensor:
    scores = query @ key.transpose(-1, -2) * (scaling if scaling is not None else query.shape[-1] ** -0.5)
    scores = (softcap * torch.tanh(scores / softcap)).masked_fill(~mask, torch.finfo(scores.dtype).min)
    wide = torch.float32 if scores.dtype.itemsize < 4 else scores.dtype
    shares = scores.softmax(dim=-1, dtype=wide).to(query.dtype)
    return drop(shares, dropout) @ value


def _flex(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    block_mask: Any,
    scaling: float | None,
    softcap: float | None,
) -> torch.Tensor:
    query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast some models normalise them in float32
    options = {"block_mask": block_mask, "scale": scaling, "enable_gqa": query.shape[1] != key.shape[1]}
    count = query.shape[2]
    filled = (pad(tensor, (0, 0, 0, block_mask.shape[-2] - count)) for tensor in (query, key, value))
    output: torch.Tensor = _compiled_flex(softcap)(*filled, **options)
    return output[:, :, :count]


@cache
def _compiled_flex(softcap: float | None) -> Any:
    return torch.compile(_flex_function(softcap))


def _flex_function(softcap: float | None) -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    cap = 1.0 if softcap is None else softcap

    def capped(score: Any, batch: Any, head: Any, query: Any, key: Any) -> Any:
        return torch.tanh(score / cap) * cap

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any) -> Any:
        return flex_attention(query, key, value, score_mod=None if softcap is None else capped, **options)

    return attend


AttentionInterface.register(NAME, tree_attention)
