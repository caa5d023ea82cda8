"""What follows a run: the metrics file, the caller's callback, a warning, an end to nonsense, and a progress bar."""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from iterpref.errors import InputError
from iterpref.train.files import write_atomically

__all__ = ["Diverged", "Divergence", "DriftWarning", "LogBeforeSave", "MetricsFile", "ProgressBar", "finite"]

LOGGER = logging.getLogger("iterpref.train")
OnLog = Callable[[int, Mapping[str, float]], None]

_SHOWN = ("loss", "rewards/margins", "rewards/accuracies", "nll_loss", "eval_loss")


class LogBeforeSave(TrainerCallback):
    """Log whenever a checkpoint is due, so that a resumed run averages its metrics over the same steps."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        control.should_log |= control.should_save
        return control


class Diverged(InputError):
    """Training has left the numbers."""


class Divergence(TrainerCallback):
    """Ends a run whose loss or gradient is no number any more, before anything is made of it."""

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        entry = state.log_history[-1]
        # in float16 a gradient may overflow: the step is then left out and the scale lowered
        for name in ("loss",) if args.fp16 else ("loss", "grad_norm"):
            if not math.isfinite(entry.get(name, 0.0)):
                raise Diverged(
                    f"train: `{name}` is {entry[name]} at step {state.global_step}, so training has diverged; lower "
                    "`learning_rate` and start anew."
                )


class MetricsFile(TrainerCallback):
    """``metrics.jsonl``, a line for every logged step, and the caller's ``on_log``. What is no number is left out.

    A resumed run first cuts the file back to its checkpoint. ``on_log`` may hear a step again that was logged between
    the checkpoint and a kill, with the same values: key them by step.
    """

    def __init__(self, path: Path, on_log: OnLog | None) -> None:
        self._path = path
        self._on_log = on_log

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero:
            text = "".join(_line(entry) for entry in state.log_history)
            write_atomically(self._path, lambda place: _write(place, text))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        entry = finite(state.log_history[-1])
        if not state.is_world_process_zero or "train_runtime" in entry:  # the Trainer's closing summary
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))
        if self._on_log:
            self._on_log(int(entry["step"]), {key: value for key, value in entry.items() if key != "step"})


class DriftWarning(TrainerCallback):
    """Says once, plainly, when the preferred programs are becoming less likely than they were at the start.

    Plain DPO does that often: its loss falls as long as y- falls faster than y+.
    """

    THRESHOLD = -0.02  # nats a token of y+, mean of the last logged values
    WINDOW = 10

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=self.WINDOW)
        self._said = False

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        drift = state.log_history[-1].get("logps/chosen_drift")
        if drift is None or not state.is_world_process_zero:
            return
        self._recent.append(drift)
        mean = sum(self._recent) / len(self._recent)
        if not self._said and len(self._recent) == self.WINDOW and mean < self.THRESHOLD:
            self._said = True
            LOGGER.warning(
                "step %d: log p(y+) is falling (%.3f nats a token below the start model over %d logged steps): "
                "the preferred programs become less likely; raise rpo_alpha, or lower the learning rate.",
                state.global_step,
                -mean,
                self.WINDOW,
            )


class ProgressBar(TrainerCallback):
    """A bar with time left on a terminal, a line every tenth of the run elsewhere; both on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero and self._console.is_terminal:
            self._bar = Progress(
                TextColumn("train"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=self._console,
            )
            self._bar.add_task("", total=state.max_steps, completed=state.global_step)
            self._bar.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        entry = state.log_history[-1]
        metrics = "  ".join(f"{key} {entry[key]:.3f}" for key in _SHOWN if key in entry)
        if self._bar and metrics:
            self._bar.update(self._bar.task_ids[0], description=metrics)
        elif metrics and state.is_world_process_zero and state.global_step % max(1, state.max_steps // 10) == 0:
            line = f"train: step {state.global_step}/{state.max_steps}  {metrics}"
            self._console.print(line, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """One line that is no metric."""
        self._console.print(f"train: {text}", highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Give the terminal back, however training ended."""
        if self._bar:
            self._bar.stop()


def finite(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What of a logged entry is no infinity and no NaN, which JSON cannot hold."""
    return {key: value for key, value in entry.items() if not isinstance(value, float) or math.isfinite(value)}


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(finite(entry), sort_keys=True) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
