"""``transformers.Trainer`` with the focal preference loss.

What is overridden: how many pairs and tokens the global batch holds (``get_batch_samples``), the loss, evaluation, what
is logged, and that a checkpoint is sealed once it is whole. Everything else is the Trainer's: accelerate, optimisers,
schedules, mixed precision, reporting.
"""

# ruff: noqa: N806 - tensors carry their shape in their name
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel, Trainer, TrainerState
from transformers.trainer_utils import EvalLoopOutput, rotate_checkpoints

from iterpref.train.data import Collator, Completion, Example, Floats, Ints
from iterpref.train.files import seal
from iterpref.train.forward import attention_name, batch_logps, enable_trees
from iterpref.train.losses import Objective, pair_terms, total_loss
from iterpref.train.meter import Meter
from iterpref.train.order import global_batches
from iterpref.train.packing import TreeCollator

__all__ = ["FocalTrainer"]

LOGGER = logging.getLogger("iterpref.train")


class FocalTrainer(Trainer):
    """Trains on batches of :class:`~iterpref.train.data.Collator`, or of trees once :meth:`use_trees` says so.

    Args:
        objective: the weights of the loss.
        tokens_per_row: see :class:`~iterpref.train.order.GlobalBatches`.
        on_checkpoint: called with a checkpoint's folder before it is sealed (to add the model card).
        options: as for ``transformers.Trainer``.
    """

    loss_is_scaled_for_ga = True  # our loss is a share of the global batch's already
    model: PreTrainedModel
    data_collator: Collator | TreeCollator
    objective: Objective

    def __init__(
        self,
        *,
        objective: Objective,
        tokens_per_row: int | None = None,
        on_checkpoint: Callable[[Path], None] = lambda folder: None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.objective = objective
        self._tokens_per_row = tokens_per_row
        self._on_checkpoint = on_checkpoint
        self._train_meter, self._eval_meter = Meter(), Meter()

    def use_trees(self) -> str:
        """From now on compute prefix trees, if this model can; a warning says why it cannot.

        Returns:
            the name of the attention, for the log and for the key of what is cached.
        """
        with self.accelerator.autocast():
            reason = enable_trees(self.model)
        if reason:
            LOGGER.warning("padded sequences instead of prefix trees, which are faster: %s.", reason)
        else:
            self.data_collator = TreeCollator()
        return attention_name(self.model)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Micro-batches of :class:`~iterpref.train.order.GlobalBatches`: ``rows``, a list of batches."""
        examples, args = cast(list[Example], self.train_dataset), self.args
        loader = DataLoader(
            _Rows(examples),
            batch_sampler=global_batches(examples, self.data_collator, args, self._tokens_per_row),
            collate_fn=partial(_in_rows, self.data_collator),
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers,
            prefetch_factor=args.dataloader_prefetch_factor,
        )
        # not accelerator.prepare, which would deal the batches out to the processes again
        return prepare_data_loader(  # type: ignore[no-any-return]
            loader, args.device, num_processes=1, process_index=0, put_on_device=True
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, torch.Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, torch.Tensor]], torch.Tensor]:
        """The micro-batches of one step on this process, and (pairs, NLL tokens) of the step on all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(3, dtype=torch.long, device=device)
        for row in (row for batch in batches for row in batch["rows"]):
            counts += torch.stack([*_counts(row), row["tokens"][0]]).to(device)
        pairs, scored, tokens = self.accelerator.reduce(counts, "sum")
        self.state.num_input_tokens_seen += int(tokens)
        return batches, torch.stack([pairs, scored])

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Forward and backward, row by row; gradients are exchanged after the last one."""
        *others, last = inputs["rows"]
        loss = torch.zeros((), device=self.args.device)
        for row in others:
            with self.accelerator.no_sync(model):
                loss += super().training_step(model, row, num_items_in_batch)
        loss += super().training_step(model, last, num_items_in_batch)
        return loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return sum(super(FocalTrainer, self).floating_point_ops(row) for row in inputs["rows"])

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """This row's share of the loss, times the number of processes, whose gradients DDP averages.

        ``num_items_in_batch`` is what :meth:`get_batch_samples` counted; without it the batch is taken as the whole.
        """
        pairs, tokens = _counts(inputs) if num_items_in_batch is None else num_items_in_batch
        logps_RS = batch_logps(model, inputs)
        chosen = len(inputs["contrasted"])
        contrasted = inputs["contrasted"]
        weights_RS = inputs["weights"].to(logps_RS.dtype)
        k_chosen_P, k_rejected_P, losses_P = pair_terms(
            logps_RS, inputs["reference"], weights_RS, contrasted, self.objective
        )
        scored_BS = inputs["completion_mask"][:chosen]
        nll = -(logps_RS[:chosen] * scored_BS).sum()
        meter = self._train_meter if model.training else self._eval_meter
        meter.add(logps_RS.detach(), k_chosen_P.detach(), k_rejected_P.detach(), losses_P.detach(), inputs)
        loss = total_loss(losses_P, nll, pairs, tokens, self.objective)
        return loss * self.accelerator.num_processes if model.training else loss

    @torch.no_grad()
    def reference_logps(self, rows: Sequence[tuple[Ints, Completion]]) -> list[Floats]:
        """``log pi_ref`` of every completion token under the model as it is now, its adapters off."""
        model = self.model
        adapters_off = getattr(model, "disable_adapter", None)
        was_training = model.training
        model.eval()
        values: list[Floats] = []
        size = 2 * self.args.per_device_eval_batch_size  # rows of pairs
        if isinstance(self.data_collator, Collator) and self.args.device.type == "cpu":
            size = 1  # a processor gains nothing from padded rows
        with self.accelerator.autocast(), adapters_off() if adapters_off else torch.no_grad():
            for begin in range(0, len(rows), size):
                part = rows[begin : begin + size]
                batch = self._prepare_inputs(self.data_collator.rows(part))
                logps_RS = batch_logps(model, batch).cpu().numpy()
                masks_RS = batch["completion_mask"].cpu().numpy()
                values += [logps_S[mask_S] for logps_S, mask_S in zip(logps_RS, masks_RS, strict=True)]
        model.train(was_training)
        return values

    def prediction_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[torch.Tensor, None, None]:
        """The loss of one evaluation batch; the metrics are gathered on the way."""
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As the Trainer's, but the loss is that of all evaluation data as one batch, and our metrics come with it."""
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        metrics = self._eval_meter.drain(self.accelerator, self.objective)
        named = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return output._replace(metrics={**(output.metrics or {}), **named})

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add our metrics, over all micro-batches since they were last logged, to a training step's."""
        if "loss" in logs:
            metrics = self._train_meter.drain(self.accelerator, self.objective)
            # the Trainer's own figure is the mean of the steps' losses: the one that is minimised
            logs |= {**metrics, "loss": logs["loss"], "num_tokens": float(self.state.num_input_tokens_seen)}
        super().log(logs, start_time)

    def load_checkpoint(self, folder: Path, state: TrainerState) -> None:
        """Take weights and state from a checkpoint of the last step, after which nothing is left to train."""
        self._load_from_checkpoint(str(folder))
        self.state = state

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        limit, self.args.save_total_limit = self.args.save_total_limit, None  # older ones go once this one is sealed
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            run_folder = str(self.args.output_dir)
            folder = Path(run_folder) / f"checkpoint-{self.state.global_step}"
            self._on_checkpoint(folder)
            seal(folder)
            rotate_checkpoints(run_folder, limit, self.state.best_model_checkpoint)


class _Rows(Dataset[list[Example]]):
    """Rows of examples by their numbers."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __getitem__(self, numbers: list[int]) -> list[Example]:
        return [self._examples[number] for number in numbers]

    def __len__(self) -> int:
        return len(self._examples)


def _in_rows(collate: Callable[[list[Example]], dict[str, torch.Tensor]], rows: list[list[Example]]) -> dict[str, Any]:
    return {"rows": [collate(row) for row in rows]}


def _counts(batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(pairs, tokens of y+ and anchors) of one batch."""
    return batch["contrasted"].sum(), batch["completion_mask"][: len(batch["contrasted"])].sum()
