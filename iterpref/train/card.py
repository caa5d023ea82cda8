"""The model card that lies beside every checkpoint and the final model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from iterpref.config import TrainConfig
from iterpref.train.losses import Objective

__all__ = ["model_card"]

_PACKAGES = ("iterpref", "torch", "transformers", "accelerate", "peft")


def model_card(
    config: TrainConfig,
    objective: Objective,
    counts: Mapping[str, int],
    dropped: Mapping[str, int],
    *,
    seed: int,
    step: int,
    metrics: Mapping[str, float],
) -> str:
    """Markdown with the front matter that model hubs read.

    Args:
        counts: pairs, anchors and tokens that are trained on.
        dropped: what was left out, by reason.
        step: optimiser steps taken.
        metrics: as last logged.
    """
    start = config.model_name_or_path
    front = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["iterpref", config.loss_type, "preference-learning", "code"],
        **({} if config.init_config else {"base_model": start}),
    }
    origin = f"random weights, with the tokenizer of `{start}`" if config.init_config else f"`{start}`"
    terms = []
    if objective.contrast:
        beta = f"{objective.beta:g}"
        term = {
            "sigmoid": f"-log sigmoid({beta} (K+ - K-))",
            "ipo": f"(K+ - K- - 1 / (2 x {beta}))^2",
            "simpo": f"-log sigmoid({beta} (K+ - K-) - {objective.margin:g})",
        }[objective.term]
        wider = f", widened by {objective.lines} lines on each side" if objective.lines else ""
        counted = {
            "all": "K- counts all tokens of y-",
            "focus": f"K- counts the tokens of D- only (the lines that debugging changed{wider})",
            "symmetric": "K+ counts the tokens of D+ only, K- those of D-",
            "hybrid": "K- counts all tokens of y- in half of the pairs, those of D- in the others",
        }[objective.mask]
        terms.append(f"{objective.contrast:g} x mean over pairs of `{term}`, where {counted}")
    if objective.alpha:
        terms.append(
            f"{objective.alpha:g} x mean NLL of the tokens of y+" + (" and anchors" if config.use_anchors else "")
        )
    settings = {key: value for key, value in asdict(config).items() if key != "training_arguments"}
    settings |= {**config.training_arguments, "seed": seed}
    return "\n".join(
        [
            "---",
            *(f"{key}: {json.dumps(value)}" for key, value in front.items()),
            "---",
            "",
            f"# {config.loss_type}, step {step}",
            "",
            f"Trained from {origin} with focal preferences "
            "([arXiv 2503.02783](https://arxiv.org/abs/2503.02783)), by iterpref.",
            "",
            "Loss: " + ", plus ".join(terms) + ".",
            "",
            *_table("Data", {**counts, **{f"left out: {reason}": number for reason, number in dropped.items()}}),
            *_table("Settings", settings),
            *_table("Metrics as last logged", {key: f"{value:.6g}" for key, value in metrics.items()}),
            *_table("Versions", {name: version(name) for name in _PACKAGES}),
        ]
    )


def _table(title: str, rows: Mapping[str, Any]) -> list[str]:
    return [f"## {title}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items()), ""]
