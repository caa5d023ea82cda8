"""The logged numbers: sums over micro-batches and processes, divided once (docs/training.md explains each)."""

# ruff: noqa: N803, N806 - tensors carry their shape in their name
from __future__ import annotations

from typing import Any

import torch

from iterpref.train.losses import Objective

__all__ = ["Meter"]

_SUMS = (
    "pairs",
    "pair_loss",
    "k_chosen",
    "k_rejected",
    "correct",
    "chosen",  # rows of y+, anchors left out
    "chosen_logp",
    "drift_tokens",
    "drift",
    "rejected_logp",
    "rejected_tokens",
    "focus_tokens",
    "nll",
    "nll_tokens",
    "tokens",  # of all prompts and completions, each taken by itself
    "computed",  # positions that went through the model
)


class Meter:
    """Collects the sums of :data:`_SUMS` until they are drained."""

    def __init__(self) -> None:
        self._total: torch.Tensor | None = None

    def add(
        self,
        logps_RS: torch.Tensor,
        k_chosen_P: torch.Tensor,
        k_rejected_P: torch.Tensor,
        losses_P: torch.Tensor,
        batch: dict[str, torch.Tensor],
    ) -> None:
        """Add one micro-batch."""
        rows = len(batch["contrasted"])
        scored_RS = batch["completion_mask"].clone()
        scored_RS[rows:] &= batch["weights"][rows:] != 0  # a tree holds no other tokens of y-
        logp_R = (logps_RS * scored_RS).sum(-1)
        drift_R = ((logps_RS - batch["reference"]) * scored_RS).sum(-1)
        tokens_R = scored_RS.sum(-1)
        own, contrasted = ~batch["anchor"], batch["contrasted"]
        values = {
            "pairs": contrasted.sum(),
            "pair_loss": losses_P.sum(),
            "k_chosen": k_chosen_P.sum(),
            "k_rejected": k_rejected_P.sum(),
            "correct": (k_chosen_P > k_rejected_P).sum(),
            "chosen": own.sum(),
            "chosen_logp": logp_R[:rows][own].sum(),
            "drift": drift_R[:rows][contrasted].sum(),
            "drift_tokens": tokens_R[:rows][contrasted].sum(),
            "rejected_logp": logp_R[rows:].sum(),
            "rejected_tokens": batch["lengths"][rows:].sum(),
            "focus_tokens": tokens_R[rows:].sum(),
            "nll": -logp_R[:rows].sum(),
            "nll_tokens": tokens_R[:rows].sum(),
            "tokens": batch["tokens"][0],
            "computed": batch["tokens"][1],
        }
        added = torch.stack([values[name].to(logps_RS.dtype) for name in _SUMS])
        self._total = added if self._total is None else self._total + added

    def drain(self, accelerator: Any, objective: Objective) -> dict[str, float]:
        """The metrics of everything added since the last call, over all processes; empty if nothing was."""
        if self._total is None:
            return {}
        total = dict(zip(_SUMS, accelerator.reduce(self._total, "sum").tolist(), strict=True))
        self._total = None
        metrics = {
            "nll_loss": total["nll"] / max(total["nll_tokens"], 1),
            "packing_ratio": total["tokens"] / total["computed"],
        }
        pair_loss = 0.0
        if total["chosen"]:
            metrics["logps/chosen"] = total["chosen_logp"] / total["chosen"]
        if pairs := total["pairs"]:
            pair_loss = total["pair_loss"] / pairs
            metrics["rewards/chosen"] = objective.beta * total["k_chosen"] / pairs
            metrics["rewards/rejected"] = objective.beta * total["k_rejected"] / pairs
            metrics["rewards/margins"] = metrics["rewards/chosen"] - metrics["rewards/rejected"]
            metrics["rewards/accuracies"] = total["correct"] / pairs
            metrics["logps/rejected"] = total["rejected_logp"] / pairs
            if objective.needs_reference:
                metrics["logps/chosen_drift"] = total["drift"] / total["drift_tokens"]
            metrics["focus_share"] = total["focus_tokens"] / total["rejected_tokens"]
        metrics["loss"] = objective.contrast * pair_loss + objective.alpha * metrics["nll_loss"]
        return metrics
