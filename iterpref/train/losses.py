"""One pairwise loss, two masks (paper, section 3.2). Pure functions of tensors; dimensions are in the names.

P: pairs, R: rows (one completion each), S: scored positions of a row, V: vocabulary.
"""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

from iterpref.config import TrainConfig
from iterpref.errors import InputError

__all__ = ["Objective", "log_ratio", "objective", "pair_loss", "token_logps", "total_loss"]


@dataclass(frozen=True)
class Objective:
    """``contrast * mean pair term + alpha * NLL``; ``focused``: K- counts the tokens of D- only, else all of y-."""

    contrast: float
    alpha: float
    beta: float
    focused: bool


def objective(config: TrainConfig) -> Objective:
    """The weights that a ``loss_type`` stands for.

    ========== ======== ===== =======
    loss_type  contrast alpha mask K-
    ========== ======== ===== =======
    sft        0        1     (none)
    dpo        1        0     all
    rpo        1        1     all
    target-dpo 1        0     D-
    target-rpo 1        1     D-
    ========== ======== ===== =======

    Raises:
        InputError: a weight is negative, or nothing is left to train on.
    """
    sft, rpo = config.loss_type == "sft", config.loss_type.endswith("rpo")
    contrast = config.contrast_weight if config.contrast_weight is not None else float(not sft)
    alpha = config.rpo_alpha if config.rpo_alpha is not None else float(sft or rpo)
    if contrast < 0 or alpha < 0 or config.beta <= 0:
        raise InputError("train: `contrast_weight` and `rpo_alpha` must not be negative, and `beta` must be above 0.")
    if contrast == alpha == 0:
        raise InputError(
            "train: `contrast_weight` and `rpo_alpha` are both 0, so nothing is trained; raise one of them."
        )
    return Objective(contrast, alpha, config.beta, focused=config.loss_type.startswith("target"))


def token_logps(logits_RSV: torch.Tensor, targets_RS: torch.Tensor) -> torch.Tensor:
    """``log pi(y_t | x, y_<t)`` of every target, at least in float32. Uses up the logits: backward overwrites them."""
    logps: torch.Tensor = _TokenLogps.apply(logits_RSV.flatten(0, 1), targets_RS.flatten())  # type: ignore[no-untyped-call]
    return logps.view_as(targets_RS)


class _TokenLogps(torch.autograd.Function):
    """Log-softmax at one target a row, in the memory of the logits alone.

    They are by far the largest tensor of a step. cross_entropy holds three of their size; here their gradient,
    ``g (1[v = target] - pi_v)``, takes their place.
    """

    ROWS = 16  # that fit a processor's cache while they are worked on

    @staticmethod
    def forward(ctx: Any, logits_NV: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
        wide = logits_NV.dtype if logits_NV.dtype == torch.float64 else torch.float32
        rows = _TokenLogps._rows(logits_NV)
        norms_N = torch.cat([part.to(wide).logsumexp(-1) for part in torch.split(logits_NV, rows)])
        ctx.save_for_backward(logits_NV, targets_N, norms_N)
        return logits_NV.gather(1, targets_N[:, None])[:, 0].to(wide) - norms_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: torch.Tensor) -> tuple[torch.Tensor, None]:
        logits_NV, targets_N, norms_N = ctx.saved_tensors
        rows = _TokenLogps._rows(logits_NV)
        parts = (torch.split(tensor, rows) for tensor in (logits_NV, targets_N[:, None], norms_N, gradient_N))
        for logits, targets, norms, gradient in zip(*parts, strict=True):
            shares = logits.to(norms.dtype)  # the logits themselves where they are wide enough
            shares.sub_(norms[:, None]).exp_().mul_(-gradient[:, None]).scatter_add_(1, targets, gradient[:, None])
            if shares is not logits:
                logits.copy_(shares)
        return logits_NV, None

    @staticmethod
    def _rows(logits_NV: torch.Tensor) -> int:
        return _TokenLogps.ROWS if logits_NV.device.type == "cpu" else 1024


def log_ratio(policy_RS: torch.Tensor, reference_RS: torch.Tensor, weights_RS: torch.Tensor) -> torch.Tensor:
    """``K = sum_t w_t (log pi_t - log pi_ref,t)``, shape (R,): K+ for rows of y+, K- for rows of y-."""
    return ((policy_RS - reference_RS) * weights_RS).sum(-1)


def pair_loss(k_chosen_P: torch.Tensor, k_rejected_P: torch.Tensor, beta: float) -> torch.Tensor:
    """``-log sigmoid(beta (K+ - K-))`` for each pair: DPO's equation 7 with weighted sums, shape (P,)."""
    return -logsigmoid(beta * (k_chosen_P - k_rejected_P))


def total_loss(
    pair_losses_P: torch.Tensor,
    nll_sum: torch.Tensor,
    pairs: torch.Tensor,
    tokens: torch.Tensor,
    weights: Objective,
) -> torch.Tensor:
    """This micro-batch's share of the loss of a global batch.

    ``contrast / pairs * sum of pair losses + alpha / tokens * sum of NLL``, where ``pairs`` and ``tokens`` (of y+ and
    anchors) count the whole global batch. The shares of all micro-batches and processes sum to the loss, however the
    batch was cut up.
    """
    contrast = weights.contrast * pair_losses_P.sum() / pairs.clamp(min=1)
    return contrast + weights.alpha * nll_sum / tokens.clamp(min=1)
