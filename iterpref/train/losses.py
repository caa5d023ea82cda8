"""One pairwise loss, two masks (paper, section 3.2). Pure functions of tensors; dimensions are in the names.

P: pairs, R: rows (one completion each), S: scored positions of a row, V: vocabulary.
"""

# ruff: noqa: N803 - tensors carry their shape in their name
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, logsigmoid

from iterpref.config import TrainConfig
from iterpref.errors import InputError

__all__ = ["Objective", "log_ratio", "objective", "pair_loss", "token_logps", "total_loss"]


@dataclass(frozen=True)
class Objective:
    """``contrast * mean pair term + alpha * NLL``; ``focused``: K- counts the tokens of D- only, else all of y-.

    ``weigh_chosen``: K+ counts the spans of y+ with their weights, else all of y+. The NLL is always over all of it.
    """

    contrast: float
    alpha: float
    beta: float
    focused: bool
    weigh_chosen: bool = False


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
    return Objective(
        contrast, alpha, config.beta, focused=config.loss_type.startswith("target"), weigh_chosen=config.weigh_chosen
    )


def token_logps(logits_RSV: torch.Tensor, targets_RS: torch.Tensor) -> torch.Tensor:
    """``log pi(y_t | x, y_<t)`` of every target, at least in float32."""
    wide = logits_RSV if logits_RSV.dtype == torch.float64 else logits_RSV.float()
    # one fused pass over the vocabulary each way; gather and logsumexp would take several
    return -cross_entropy(wide.flatten(0, 1), targets_RS.flatten(), reduction="none").view_as(targets_RS)


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
