"""One pairwise loss, two masks (paper, section 3.2), and two other pair terms. Pure functions of tensors.

Dimensions are in the names of tensors.

P: pairs, R: rows (one completion each), S: scored positions of a row, V: vocabulary.
"""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

from iterpref.config import TrainConfig
from iterpref.errors import InputError

__all__ = [
    "Objective",
    "ipo_loss",
    "log_ratio",
    "objective",
    "pair_loss",
    "pair_terms",
    "simpo_loss",
    "token_logps",
    "total_loss",
]


Mask = Literal["all", "focus", "symmetric", "hybrid"]
Term = Literal["sigmoid", "ipo", "simpo"]


@dataclass(frozen=True)
class Objective:
    """``contrast * mean pair term + alpha * NLL``.

    Attributes:
        beta: strength of the pair term.
        mask: what K+ and K- count, see :mod:`iterpref.train.variants`.
        lines: by which D- is widened on each side.
        term: the function of K+ and K-, see :func:`pair_terms`.
        margin: SimPO's gamma.
    """

    contrast: float
    alpha: float
    beta: float
    mask: Mask
    lines: int = 0
    term: Term = "sigmoid"
    margin: float = 0.0

    @property
    def needs_reference(self) -> bool:
        return self.contrast > 0 and self.term != "simpo"


def objective(config: TrainConfig) -> Objective:
    """The weights that a ``loss_type`` stands for.

    ========== ======== ===== ======== ======== =====================================
    loss_type  contrast alpha K+       K-       pair term
    ========== ======== ===== ======== ======== =====================================
    sft        0        1
    dpo        1        0     all      all      -log sigmoid
    rpo        1        1     all      all      -log sigmoid
    target-dpo 1        0     all      D-       -log sigmoid
    target-rpo 1        1     all      D-       -log sigmoid
    symmetric  1        0     D+       D-       -log sigmoid
    hybrid     1        0     all      all, D-  -log sigmoid; half of the pairs each
    diff-aug   1        0     all      wider D- -log sigmoid; ``focus_lines`` on each side
    ipo        1        0     all      all      squared, of means over tokens
    simpo      1        0     all      all      -log sigmoid, of means, without reference
    ========== ======== ===== ======== ======== =====================================

    Raises:
        InputError: a weight is negative, or nothing is left to train on.
    """
    kind = config.loss_type
    contrast = config.contrast_weight if config.contrast_weight is not None else float(kind != "sft")
    alpha = config.rpo_alpha if config.rpo_alpha is not None else float(kind == "sft" or kind.endswith("rpo"))
    if contrast < 0 or alpha < 0 or config.beta <= 0 or config.focus_lines < 0:
        raise InputError(
            "train: `contrast_weight`, `rpo_alpha` and `focus_lines` must not be negative, and `beta` must be above 0."
        )
    if contrast == alpha == 0:
        raise InputError(
            "train: `contrast_weight` and `rpo_alpha` are both 0, so nothing is trained; raise one of them."
        )
    mask: Mask = "focus" if kind.startswith(("target", "diff")) else "all"
    return Objective(
        contrast,
        alpha,
        config.beta,
        mask=kind if kind in ("symmetric", "hybrid") else mask,
        lines=config.focus_lines if kind == "diff-aug" else 0,
        term=kind if kind in ("ipo", "simpo") else "sigmoid",
        margin=config.simpo_gamma if kind == "simpo" else 0.0,
    )


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


def ipo_loss(k_chosen_P: torch.Tensor, k_rejected_P: torch.Tensor, beta: float) -> torch.Tensor:
    """``(K+ - K- - 1 / (2 beta))^2`` for each pair, of means over tokens: IPO's equation 17 (arXiv 2310.12036)."""
    return (k_chosen_P - k_rejected_P - 1 / (2 * beta)) ** 2


def simpo_loss(k_chosen_P: torch.Tensor, k_rejected_P: torch.Tensor, beta: float, margin: float) -> torch.Tensor:
    """``-log sigmoid(beta (K+ - K-) - gamma)`` for each pair, of mean log-probabilities: SimPO's equation 6
    (arXiv 2405.14734)."""
    return -logsigmoid(beta * (k_chosen_P - k_rejected_P) - margin)


def pair_terms(
    logps_RS: torch.Tensor,
    reference_RS: torch.Tensor,
    weights_RS: torch.Tensor,
    contrasted_B: torch.Tensor,
    objective: Objective,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(K+, K-, pair loss), each (P,), of rows that are every y+, then every y- of those that are ``contrasted``.

    IPO and SimPO take means over the counted tokens instead of sums, SimPO without the reference.
    """
    k_R = log_ratio(logps_RS, torch.zeros_like(reference_RS) if objective.term == "simpo" else reference_RS, weights_RS)
    if objective.term != "sigmoid":
        k_R = k_R / weights_RS.sum(-1).clamp(min=1)
    rows = len(contrasted_B)
    k_chosen_P, k_rejected_P = k_R[:rows][contrasted_B], k_R[rows:]
    if objective.term == "ipo":
        return k_chosen_P, k_rejected_P, ipo_loss(k_chosen_P, k_rejected_P, objective.beta)
    if objective.term == "simpo":
        return k_chosen_P, k_rejected_P, simpo_loss(k_chosen_P, k_rejected_P, objective.beta, objective.margin)
    return k_chosen_P, k_rejected_P, pair_loss(k_chosen_P, k_rejected_P, objective.beta)


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
