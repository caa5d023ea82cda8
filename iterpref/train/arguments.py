"""``transformers.TrainingArguments`` from a :class:`~iterpref.config.TrainConfig`."""

from __future__ import annotations

import difflib
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainingArguments
from transformers.integrations import get_reporting_integration_callbacks

from iterpref.config import TrainConfig
from iterpref.errors import InputError

__all__ = ["training_arguments"]

# Fields of TrainConfig that are TrainingArguments too.
_SHARED = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
)
# What the stage decides itself, and why.
_FIXED: dict[str, Any] = {
    "remove_unused_columns": False,  # examples are not columns
    "save_only_model": False,  # a run that is killed could not go on
    "push_to_hub": False,  # nothing leaves this machine
    "label_names": [],
    "train_sampling_strategy": "random",  # order.py keeps trajectories together and evens out the work
    "dataloader_drop_last": False,  # no pair is lost
}
_OWN = {*_SHARED, *_FIXED, "output_dir", "seed", "data_seed"}


def training_arguments(config: TrainConfig, folder: Path, seed: int) -> TrainingArguments:
    """The arguments, with checkpoints in ``folder`` and everything in ``config.training_arguments`` passed through.

    Defaults that differ from transformers': cosine schedule with 3 % warm-up (paper, section 4.1), a checkpoint every
    tenth of the run of which two are kept, every step logged, no reporting integration, bfloat16 where the device can.

    Raises:
        InputError: an unknown key, one that is set elsewhere, or a value that transformers refuses.
    """
    given = dict(config.training_arguments)
    known = sorted(item.name for item in fields(TrainingArguments) if item.init)
    for key in given:
        if key in _OWN:
            place = f"set `train.{key}` instead" if key in _SHARED else "it is decided by the stage; remove it"
            raise InputError(f"train: `training_arguments.{key}` cannot be set here; {place}.")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            remedy = f"did you mean `{near[0]}`?" if near else "see transformers.TrainingArguments."
            raise InputError(f"train: unknown key `training_arguments.{key}`; {remedy}")
    defaults = {
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": 0.1,
        "save_total_limit": 2,
        "report_to": "none",
        "bf16": _has_bf16() and not given.get("fp16") and not given.get("use_cpu"),
        "dataloader_pin_memory": torch.cuda.is_available(),
        "per_device_eval_batch_size": config.per_device_train_batch_size,
        "disable_tqdm": True,
        "log_level": "error",
        "ddp_find_unused_parameters": False,
    }
    shared = {key: getattr(config, key) for key in _SHARED}
    try:
        arguments = TrainingArguments(
            output_dir=str(folder), seed=seed, data_seed=seed, **_FIXED, **shared, **{**defaults, **given}
        )
        # the Trainer would make these later, when time was spent: a tracker or an optimizer may not be installed
        for callback in get_reporting_integration_callbacks(arguments.report_to):
            callback()
        Trainer.get_optimizer_cls_and_kwargs(arguments)
        return arguments
    except (TypeError, ValueError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"train: transformers refuses `training_arguments` ({reason}).") from error


def _has_bf16() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
