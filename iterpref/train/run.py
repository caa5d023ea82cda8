"""The stage: pairs in, a trained model out, and a run that can be killed at any moment and started again."""

from __future__ import annotations

import atexit
import gc
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerState, set_seed
from transformers.utils import logging as transformers_logging

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.arguments import training_arguments
from iterpref.train.callbacks import Diverged, Divergence, DriftWarning, LogBeforeSave, MetricsFile, ProgressBar, finite
from iterpref.train.card import model_card
from iterpref.train.data import Collator, Example
from iterpref.train.files import complete_checkpoints, is_sealed, read_json, write_json
from iterpref.train.losses import Objective, objective
from iterpref.train.models import add_adapter, export, load_model
from iterpref.train.prepare import prepare
from iterpref.train.reference import ReferenceCache, weights_hash
from iterpref.train.trainer import FocalTrainer
from iterpref.types import Pair

__all__ = ["TrainResult", "train"]

_MODEL, _RUN, _RESULT = "model", "run.json", "result.json"


@dataclass(frozen=True)
class TrainResult:
    """What a training run left behind.

    Attributes:
        model_dir: the final model (adapters merged), tokenizer and model card.
        steps: optimiser steps taken.
        metrics: as last logged, each by its usual name.
        dropped: how many pairs were left out, by reason.
        num_pairs: pairs trained on; fewer than given, if ``max_steps`` ends before their first epoch.
        num_anchors: anchors that joined the NLL term.
    """

    model_dir: Path
    steps: int
    metrics: dict[str, float]
    dropped: dict[str, int]
    num_pairs: int
    num_anchors: int


def train(
    pairs: Iterable[Pair],
    config: TrainConfig,
    out_dir: Path,
    *,
    seed: int,
    on_log: Callable[[int, Mapping[str, float]], None] | None = None,
    eval_pairs: Iterable[Pair] = (),
    cache_dir: Path | None = None,
) -> TrainResult:
    """Train a model on focal preferences (paper, section 3.2).

    A run that was killed goes on from its last complete checkpoint, with the same batches, to the same weights. A run
    that is finished returns its result at once.

    Args:
        pairs: preferences and anchors; their order does not matter beyond the shuffle that ``seed`` fixes.
        out_dir: gets ``model/``, ``checkpoints/``, ``cache/``, ``metrics.jsonl``, ``run.json`` and ``result.json``.
        on_log: called with (step, metrics) for every logged step, on the main process.
        eval_pairs: held-out pairs; evaluated where ``training_arguments`` set an ``eval_strategy``.
        cache_dir: where reference log-probabilities are kept, for runs to share; default ``out_dir/cache``.

    Raises:
        InputError: no usable model, tokenizer, argument or pair, ``out_dir`` holds another run, or training diverges.
    """
    pairs, eval_pairs = list(pairs), list(eval_pairs)
    identity = _identity(config, seed, [*pairs, *eval_pairs])
    finished = _finished(out_dir, identity)
    if finished:
        return finished
    weights = objective(config)
    if not eval_pairs and str(config.training_arguments.get("eval_strategy", "no")) != "no":
        raise InputError("train: `training_arguments.eval_strategy` is set but there are no held-out pairs; remove it.")
    arguments = training_arguments(config, out_dir / "checkpoints", seed)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    prepared = prepare(pairs, config, weights, arguments, seed)
    tokenizer, model_config, encoder = prepared.tokenizer, prepared.model_config, prepared.encoder
    examples, dropped = prepared.examples, prepared.dropped
    held_out, _ = encoder.encode(eval_pairs)

    write_json(out_dir / _RUN, identity)
    set_seed(seed)
    model = load_model(config, model_config, bf16=arguments.bf16)
    dtype = None if config.init_config else model_config.dtype
    key = []
    if weights.needs_reference:
        tokens = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()
        precision = f"{model.dtype} bf16={arguments.bf16} fp16={arguments.fp16}"
        key = [weights_hash(model.state_dict().items()), tokens, precision]
    if config.use_peft:
        model = add_adapter(model, config)
        if arguments.gradient_checkpointing:
            model.enable_input_require_grads()

    progress = ProgressBar()
    summary = _Summary(config, weights, examples, dropped, seed)
    trainer = FocalTrainer(
        model=model,
        args=arguments,
        objective=weights,
        tokens_per_row=config.tokens_per_row,
        data_collator=Collator(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0),
        processing_class=tokenizer,
        train_dataset=examples,
        eval_dataset=held_out or None,
        on_checkpoint=lambda folder: summary.write_card(folder, trainer.state),
        callbacks=[
            LogBeforeSave(),
            Divergence(),
            MetricsFile(out_dir / "metrics.jsonl", on_log),
            DriftWarning(),
            progress,
        ],
    )
    trainer.remove_callback(PrinterCallback)
    if trainer.accelerator.num_processes > 1:
        atexit.register(_leave)  # not at the end of this: the next variant is trained by the same processes
    attention = trainer.use_trees()
    if trainer.is_world_process_zero():
        progress.note(f"attention: {attention}")
    if weights.needs_reference:
        cache = ReferenceCache(cache_dir or out_dir / "cache", [*key, attention])
        both = cache.fill(
            [*examples, *held_out],
            trainer.reference_logps,
            rank=arguments.process_index,
            world=arguments.world_size,
            wait=trainer.accelerator.wait_for_everyone,
        )
        if trainer.is_world_process_zero():
            progress.note(f"reference: {cache.sequences:,} sequences, {cache.computed:,} of them not in the cache")
        trainer.train_dataset, trainer.eval_dataset = both[: len(examples)], both[len(examples) :] or None
    try:
        _train_or_resume(trainer, out_dir / "checkpoints")
    except Diverged:  # its checkpoints lead nowhere else: other settings may take the folder
        if trainer.is_world_process_zero():
            shutil.rmtree(out_dir / "checkpoints", ignore_errors=True)
        raise
    finally:
        progress.stop()

    model_dir = out_dir / _MODEL
    result = summary.result(model_dir, trainer.state)
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        export(model, tokenizer, model_dir, end_token_id=encoder.renderer.end_token_id, dtype=dtype)
        summary.write_card(model_dir, trainer.state)
        write_json(out_dir / _RESULT, {**asdict(result), "model_dir": _MODEL})
    trainer.accelerator.wait_for_everyone()
    return result


def _leave() -> None:
    """Leave the other processes while Python lives: a process whose gloo thread releases a tensor later is aborted."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        gc.collect()  # the models that still hold the group


def _identity(config: TrainConfig, seed: int, pairs: Sequence[Pair]) -> dict[str, Any]:
    """What makes a run this run, as it is written to ``run.json``."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(repr((pair.prompt, pair.chosen, pair.rejected, pair.rejected_spans)).encode())
    identity = {**asdict(config), "seed": seed, "pairs": digest.hexdigest()}
    return dict(json.loads(json.dumps(identity, default=str)))  # as it will be read back


def _finished(out_dir: Path, identity: Mapping[str, Any]) -> TrainResult | None:
    """The result, if ``out_dir`` holds this very run and it is finished.

    Raises:
        InputError: another run lives there.
    """
    found, result = read_json(out_dir / _RUN), read_json(out_dir / _RESULT)
    begun = result or any(map(is_sealed, (out_dir / "checkpoints").glob("checkpoint-*")))
    if found is None or not begun:  # of a run without a checkpoint there is nothing to lose
        return None
    differing = sorted(key for key in {*identity, *found} if identity.get(key) != found.get(key))
    if differing:
        raise InputError(
            f"{out_dir}: holds a training run with another {', '.join(differing)}; remove the folder or choose another."
        )
    return TrainResult(**{**result, "model_dir": out_dir / result["model_dir"]}) if result else None


def _train_or_resume(trainer: FocalTrainer, folder: Path) -> None:
    """Train from the last complete checkpoint on; a checkpoint of the last step is only loaded."""
    if trainer.is_world_process_zero():
        complete_checkpoints(folder)  # removes incomplete ones, before any process looks
    trainer.accelerator.wait_for_everyone()
    checkpoints = complete_checkpoints(folder)
    if checkpoints:
        state = TrainerState.load_from_json(str(checkpoints[-1] / "trainer_state.json"))
        if state.global_step >= state.max_steps:
            trainer.load_checkpoint(checkpoints[-1], state)
            return
    trainer.train(resume_from_checkpoint=str(checkpoints[-1]) if checkpoints else None)


class _Summary:
    """What the model card and the result say of a run."""

    def __init__(
        self,
        config: TrainConfig,
        weights: Objective,
        examples: Sequence[Example],
        dropped: Counter[str],
        seed: int,
    ) -> None:
        self._config, self._objective, self._seed = config, weights, seed
        self._dropped = dict(dropped)
        contrasted = [example.rejected for example in examples if example.rejected is not None]
        anchors = sum(example.anchor for example in examples)
        self._counts = {
            "pairs": len(examples) - anchors,
            "anchors": anchors,
            "tokens of y+ and anchors": sum(len(example.chosen.ids) for example in examples),
            "tokens of y-": sum(len(rejected.ids) for rejected in contrasted),
            "of these penalised": sum(int((rejected.weights > 0).sum()) for rejected in contrasted),
            "pairs without a penalised token": sum(not rejected.weights.any() for rejected in contrasted),
        }

    def result(self, model_dir: Path, state: TrainerState) -> TrainResult:
        return TrainResult(
            model_dir, state.global_step, _last(state), self._dropped, self._counts["pairs"], self._counts["anchors"]
        )

    def write_card(self, folder: Path, state: TrainerState) -> None:
        text = model_card(
            self._config,
            self._objective,
            self._counts,
            self._dropped,
            seed=self._seed,
            step=state.global_step,
            metrics=_last(state),
        )
        (folder / "README.md").write_text(text, encoding="utf-8")


def _last(state: TrainerState) -> dict[str, float]:
    """The last value of every metric, without the Trainer's closing summary."""
    entries = [entry for entry in state.log_history if "train_runtime" not in entry]
    last = {key: value for entry in entries for key, value in finite(entry).items() if key != "step"}
    return dict(sorted(last.items()))
