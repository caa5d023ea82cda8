"""Tokenizers and models: loading them with errors a person can mend, adapters, and export."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.files import sync_folder

__all__ = ["add_adapter", "check_tokenizer_fits", "export", "load_model", "load_model_config", "load_tokenizer"]


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model folder or name.

    Raises:
        InputError: there is none, or it cannot tell where in the text a token lies.
    """
    if not name:
        raise InputError("train: `model_name_or_path` is empty; give a model folder or the name of a model.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and more for the same cause
        raise InputError(
            f"{name}: no tokenizer could be loaded from there ({_short(error)}); give a folder that holds "
            "tokenizer.json, or the name of a model."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(
            f"{name}: its tokenizer gives no offsets, which focus needs; use one that has a tokenizer.json."
        )
    return tokenizer


def load_model_config(config: TrainConfig, tokenizer: Any) -> Any:
    """The transformers config of the model to train; ``init_config`` gets the tokenizer's vocabulary and end tokens.

    Raises:
        InputError: none can be loaded, ``init_config`` is not one, or the vocabulary is too small for the tokenizer.
    """
    name = config.model_name_or_path
    if config.init_config:
        special = {key: getattr(tokenizer, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
        fields = {"vocab_size": len(tokenizer), **special, **config.init_config}
        try:
            model_config = AutoConfig.for_model(**fields)
        except Exception as error:  # any of the configs' own checks
            raise InputError(
                f"train: `init_config` is not the config of a model ({_short(error)}); it needs "
                "`model_type` (such as qwen2) and that type's sizes."
            ) from error
    else:
        try:
            model_config = AutoConfig.from_pretrained(name)
        except Exception as error:
            raise InputError(
                f"{name}: no model could be loaded from there ({_short(error)}); give a folder that holds "
                "config.json and weights, or set `init_config` to start from random weights."
            ) from error
    text_config = model_config.get_text_config()
    if text_config.vocab_size < len(tokenizer):
        raise InputError(
            f"{name}: the tokenizer has {len(tokenizer):,} tokens but the model only "
            f"{text_config.vocab_size:,}; use the tokenizer that belongs to the model."
        )
    return model_config


def check_tokenizer_fits(tokenizer: Any, model_config: Any, texts: Iterable[str]) -> None:
    """Make sure that the tokenizer, saved beside such a model, is read back as what it is.

    For some model types transformers replaces a tokenizer's own rules by those of the type's usual tokenizer. Whoever
    loaded the trained model would then encode otherwise than it was trained.

    Raises:
        InputError: one of ``texts`` would be encoded differently.
    """
    with tempfile.TemporaryDirectory() as folder:
        model_config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        again = AutoTokenizer.from_pretrained(folder)
    if any(again(text).input_ids != tokenizer(text).input_ids for text in texts):
        kind = model_config.model_type
        raise InputError(
            f"train: beside a {kind} model transformers reads this tokenizer as {type(again).__name__}, which encodes "
            f"otherwise; set another `model_type` in `init_config` (such as llama), or take a tokenizer of {kind}."
        )


def load_model(config: TrainConfig, model_config: Any, *, bf16: bool) -> Any:
    """The start model: float32 weights (computed in bfloat16 on devices that can), or bfloat16 under LoRA there.

    Raises:
        InputError: the weights cannot be loaded.
    """
    if config.init_config:
        return AutoModelForCausalLM.from_config(model_config, dtype=torch.float32)
    dtype = torch.bfloat16 if bf16 and config.use_peft else torch.float32
    try:
        return AutoModelForCausalLM.from_pretrained(config.model_name_or_path, dtype=dtype)
    except Exception as error:
        raise InputError(
            f"{config.model_name_or_path}: no weights of a causal language model could be loaded from "
            f"there ({_short(error)}); give a folder that holds them."
        ) from error


def add_adapter(model: Any, config: TrainConfig) -> Any:
    """``model`` with LoRA adapters on all its linear layers but the head."""
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=config.lora_r, lora_alpha=config.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's use of names that transformers is about to drop
        return get_peft_model(model, settings)


def export(model: Any, tokenizer: Any, folder: Path, *, end_token_id: int, dtype: torch.dtype | None) -> None:
    """Write a model folder that ``from_pretrained`` and vLLM load: adapters merged, in the start model's precision.

    ``folder`` is complete or not there. The model is used up.
    """
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    if dtype is not None:
        model = model.to(dtype)
    model.config.use_cache = True  # switched off for training
    known = model.generation_config.eos_token_id
    ends = known if isinstance(known, list) else [] if known is None else [known]
    model.generation_config.eos_token_id = [*ends, *([] if end_token_id in ends else [end_token_id])]
    temporary = folder.with_name(f".{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    sync_folder(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def _short(error: Exception) -> str:
    """The first sentence of another library's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
