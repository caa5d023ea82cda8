"""Log-probabilities of given tokens from the LM head, without its logits ever being whole.

The logits are by far the largest tensor of a step, and a plain log-softmax holds several of their size. Here the head
is computed in slices of the vocabulary, each finished while a cache holds it. Some slices are kept for backward, where
their gradient takes their place; the others are computed again. The head still runs inside the model's ``forward``,
called as the module it is, so whatever shards or gathers its weights sees what it expects.

N: scored positions, D: hidden size, V: vocabulary, W: width of a slice of it.
"""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["head_logps", "kept_bytes", "scoring"]

# (logits of a slice, bytes of slices that a micro-batch keeps): a slice should fit a processor's cache, or fill a GPU
_SIZES = {"cpu": (2**20, 2**28)}
_SIZES_ELSEWHERE = (2**25, 2**30)


@contextmanager
def scoring(head: torch.nn.Linear, targets_RS: torch.Tensor) -> Iterator[None]:
    """Within it ``head``, given hidden states (R, S, D), returns ``log pi`` of the targets, (R, S, 1), not logits."""
    before = head.__dict__.get("forward")

    def forward(hidden_RSD: torch.Tensor) -> torch.Tensor:
        logps_RS = head_logps(hidden_RSD, head.weight, head.bias, targets_RS)
        return logps_RS[..., None].clone()  # no view: FSDP2 hangs its hooks on what a module returns

    head.forward = forward  # type: ignore[method-assign, assignment]
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
    return _sizes(device_type)[1]


class _HeadLogps(torch.autograd.Function):
    """Keeps ``exp(logits - peak)`` of the first slices, in one buffer, and the peaks of their rows."""

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
        slices = _slices(hidden_ND, weight_VD)
        size = len(hidden_ND) * slices[0][1]
        room = kept_bytes(hidden_ND.device.type) if keep else 0
        kept = min(len(slices), room // (size * hidden_ND.element_size()))
        ctx.kept, ctx.peaks, other = hidden_ND.new_empty(kept, size), [], hidden_ND.new_empty(size)
        picked_N, norms = torch.zeros(len(targets_N), dtype=wide, device=targets_N.device), []
        for number, (begin, end) in enumerate(slices):
            place = ctx.kept[number] if number < kept else other
            logits_NW = _logits(hidden_ND, weight_VD, bias_V, begin, end, place)
            inside_N, place_N1 = _places(targets_N, begin, end)
            picked_N = torch.where(inside_N, logits_NW.gather(1, place_N1)[:, 0].to(wide), picked_N)
            exp_NW = logits_NW.to(wide)  # the logits themselves where they are wide enough
            peak_N = exp_NW.amax(-1)
            norms.append(exp_NW.sub_(peak_N[:, None]).exp_().sum(-1).log_() + peak_N)
            if number < kept:
                logits_NW.copy_(exp_NW)
                ctx.peaks.append(peak_N)
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
        slices = _slices(hidden_ND, weight_VD)
        other = hidden_ND.new_empty(len(hidden_ND) * slices[0][1])
        for number, (begin, end) in enumerate(slices):
            # d log pi(target) / d logits = 1[v = target] - pi_v
            if number < len(ctx.peaks):
                exp_NW = _shaped(ctx.kept[number], hidden_ND, begin, end).to(norms_N.dtype)
                shares_NW = exp_NW.mul_((-gradient_N * (ctx.peaks[number] - norms_N).exp())[:, None])
            else:
                logits_NW = _logits(hidden_ND, weight_VD, bias_V, begin, end, other).to(norms_N.dtype)
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
        ctx.kept, ctx.peaks = None, []  # used up; another backward computes it again
        return None if d_hidden_ND is None else d_hidden_ND.to(hidden_ND.dtype), d_weight_VD, d_bias_V, None, None


def _sizes(device_type: str) -> tuple[int, int]:
    return _SIZES.get(device_type, _SIZES_ELSEWHERE)


def _slices(hidden_ND: torch.Tensor, weight_VD: torch.Tensor) -> list[tuple[int, int]]:
    """(begin, end) of parts of the vocabulary; the first is the widest."""
    width = min(len(weight_VD), max(1024, _sizes(hidden_ND.device.type)[0] // max(1, len(hidden_ND))))
    return [(begin, min(begin + width, len(weight_VD))) for begin in range(0, len(weight_VD), width)]


def _logits(
    hidden_ND: torch.Tensor,
    weight_VD: torch.Tensor,
    bias_V: torch.Tensor | None,
    begin: int,
    end: int,
    place: torch.Tensor,
) -> torch.Tensor:
    """Of one slice of the vocabulary, (N, W), written to the beginning of ``place``."""
    logits_NW = _shaped(place, hidden_ND, begin, end)
    torch.mm(hidden_ND, weight_VD[begin:end].T, out=logits_NW)
    return logits_NW if bias_V is None else logits_NW.add_(bias_V[begin:end])


def _shaped(place: torch.Tensor, hidden_ND: torch.Tensor, begin: int, end: int) -> torch.Tensor:
    return place[: len(hidden_ND) * (end - begin)].view(len(hidden_ND), end - begin)


def _places(targets_N: torch.Tensor, begin: int, end: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which targets lie in a slice, (N,), and where in it, (N, 1)."""
    places_N = targets_N - begin
    return (places_N >= 0) & (places_N < end - begin), places_N.clamp(0, end - begin - 1)[:, None]
