"""Log-probabilities of given tokens from the LM head, without its logits ever being whole.

The logits are by far the largest tensor of a step, and a plain log-softmax holds several of their size. Here the head is
computed in slices of the vocabulary, each finished while a cache holds it. Some slices are kept for backward, where
their gradient takes their place; the others are computed again. The head still runs inside the model's ``forward``,
called as the module it is, so whatever shards or gathers its weights sees what it expects.
"""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["head_logps", "kept_bytes", "scoring"]

# (elements of a slice, bytes of slices that a micro-batch keeps): a slice should fit a processor's cache, or fill a GPU
_SIZES = {"cpu": (2**20, 2**28)}
_SIZES_ELSEWHERE = (2**25, 2**30)


@contextmanager
def scoring(head: torch.nn.Linear, targets_RS: torch.Tensor) -> Iterator[None]:
    """Within it ``head``, given hidden states (R, S, D), returns ``log pi`` of ``targets_RS``, (R, S, 1), not logits."""
    before = head.__dict__.get("forward")

    def forward(hidden_RSD: torch.Tensor) -> torch.Tensor:
        return head_logps(hidden_RSD, head.weight, head.bias, targets_RS)[..., None]

    head.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        if before is None:
            del head.forward
        else:
            head.forward = before  # type: ignore[method-assign]


def head_logps(
    hidden_RSD: torch.Tensor, weight_VD: torch.Tensor, bias_V: torch.Tensor | None, targets_RS: torch.Tensor
) -> torch.Tensor:
    """``log softmax(hidden weight^T + bias)`` at the targets, (R, S), at least in float32."""
    device = hidden_RSD.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        hidden_RSD, weight_VD = hidden_RSD.to(dtype), weight_VD.to(dtype)
        bias_V = None if bias_V is None else bias_V.to(dtype)
    tensors = (hidden_RSD.flatten(0, 1), weight_VD, bias_V, targets_RS.flatten())
    logps: torch.Tensor = _HeadLogps.apply(*tensors, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    return logps.view_as(targets_RS)


def kept_bytes(device_type: str) -> int:
    """The most that a micro-batch keeps of its logits."""
    return _SIZES.get(device_type, _SIZES_ELSEWHERE)[1]


class _HeadLogps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: torch.Tensor,
        weight_VD: torch.Tensor,
        bias_V: torch.Tensor | None,
        targets_N: torch.Tensor,
        keep: bool,
    ) -> torch.Tensor:
        wide = torch.promote_types(hidden_ND.dtype, torch.float32)
        ctx.kept, room = {}, kept_bytes(targets_N.device.type) if keep else 0
        picked_N, norms = torch.zeros(len(targets_N), dtype=wide, device=targets_N.device), []
        for begin, end in _slices(hidden_ND, weight_VD):
            logits_NW = _logits(hidden_ND, weight_VD, bias_V, begin, end)
            inside_N, place_N1 = _places(targets_N, begin, end)
            picked_N = torch.where(inside_N, logits_NW.gather(1, place_N1)[:, 0].to(wide), picked_N)
            wide_NW = logits_NW.to(wide)  # the logits themselves where they are wide enough
            peak_N = wide_NW.amax(-1)
            norms.append(wide_NW.sub_(peak_N[:, None]).exp_().sum(-1).log_() + peak_N)
            size = logits_NW.numel() * logits_NW.element_size()
            if size <= room:
                room -= size
                ctx.kept[begin] = wide_NW.to(logits_NW.dtype), peak_N
        norms_N = torch.stack(norms).logsumexp(0)
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, targets_N, norms_N)
        return picked_N - norms_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden_ND, weight_VD, bias_V, targets_N, norms_N = ctx.saved_tensors
        for_hidden, for_weight, for_bias, *_ = ctx.needs_input_grad
        d_hidden_ND = torch.zeros_like(hidden_ND, dtype=norms_N.dtype) if for_hidden else None
        d_weight_VD = torch.empty_like(weight_VD) if for_weight else None
        d_bias_V = torch.empty_like(bias_V) if for_bias else None
        # what is kept goes first: it makes room for the rest
        for begin, end in sorted(_slices(hidden_ND, weight_VD), key=lambda part: part[0] not in ctx.kept):
            # d log pi(target) / d logits = 1[v = target] - pi_v
            if begin in ctx.kept:
                exp_NW, peak_N = ctx.kept.pop(begin)
                shares_NW = exp_NW.to(norms_N.dtype).mul_((-gradient_N * (peak_N - norms_N).exp())[:, None])
            else:
                logits_NW = _logits(hidden_ND, weight_VD, bias_V, begin, end).to(norms_N.dtype)
                shares_NW = logits_NW.sub_(norms_N[:, None]).exp_().mul_(-gradient_N[:, None])
            inside_N, place_N1 = _places(targets_N, begin, end)
            shares_NW.scatter_add_(1, place_N1, torch.where(inside_N, gradient_N, 0)[:, None])
            shares_NW = shares_NW.to(hidden_ND.dtype)
            if d_hidden_ND is not None:
                d_hidden_ND += shares_NW @ weight_VD[begin:end]
            if d_weight_VD is not None:
                torch.mm(shares_NW.T, hidden_ND, out=d_weight_VD[begin:end])
            if d_bias_V is not None:
                d_bias_V[begin:end] = shares_NW.sum(0)
        return None if d_hidden_ND is None else d_hidden_ND.to(hidden_ND.dtype), d_weight_VD, d_bias_V, None, None


def _slices(hidden_ND: torch.Tensor, weight_VD: torch.Tensor) -> list[tuple[int, int]]:
    """(begin, end) of parts of the vocabulary."""
    elements, _ = _SIZES.get(hidden_ND.device.type, _SIZES_ELSEWHERE)
    width = max(1024, elements // len(hidden_ND))
    return [(begin, min(begin + width, len(weight_VD))) for begin in range(0, len(weight_VD), width)]


def _logits(
    hidden_ND: torch.Tensor, weight_VD: torch.Tensor, bias_V: torch.Tensor | None, begin: int, end: int
) -> torch.Tensor:
    part_W = None if bias_V is None else bias_V[begin:end]
    return torch.nn.functional.linear(hidden_ND, weight_VD[begin:end], part_W)


def _places(targets_N: torch.Tensor, begin: int, end: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which targets lie in a slice, and where; (N,) and (N, 1)."""
    places_N = targets_N - begin
    return (places_N >= 0) & (places_N < end - begin), places_N.clamp(0, end - begin - 1)[:, None]
