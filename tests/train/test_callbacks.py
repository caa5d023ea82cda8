from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from iterpref.errors import InputError
from iterpref.train.callbacks import Divergence, DriftWarning, LogBeforeSave, MetricsFile, ProgressBar


@pytest.fixture
def arguments(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")


def say(callback: Any, arguments: TrainingArguments, state: TrainerState, **entry: float) -> None:
    state.global_step = int(entry["step"])
    state.log_history.append(entry)
    callback.on_log(arguments, state, TrainerControl())


def test_falling_log_p_of_the_preferred_program_is_said_once(
    arguments: TrainingArguments, caplog: pytest.LogCaptureFixture
) -> None:
    callback, state = DriftWarning(), TrainerState()
    with caplog.at_level(logging.WARNING, "iterpref.train"):
        for step in range(9):
            say(callback, arguments, state, step=step, **{"logps/chosen_drift": -0.5})
        assert not caplog.records
        for step in range(9, 30):
            say(callback, arguments, state, step=step, **{"logps/chosen_drift": -0.5})

    (record,) = caplog.records
    assert "log p(y+) is falling (0.500 nats a token" in record.getMessage()


def test_rising_or_absent_log_p_is_not_warned_of(
    arguments: TrainingArguments, caplog: pytest.LogCaptureFixture
) -> None:
    callback, state = DriftWarning(), TrainerState()
    with caplog.at_level(logging.WARNING, "iterpref.train"):
        for step in range(20):
            say(callback, arguments, state, step=step, **{"logps/chosen_drift": 0.1})
            say(callback, arguments, state, step=step, loss=1.0)

    assert not caplog.records


def test_a_resumed_run_cuts_the_metrics_back_to_its_checkpoint(arguments: TrainingArguments, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 3}\n{"step": 2, "loss": 2}\n{"st')
    heard: list[tuple[int, dict[str, float]]] = []
    callback = MetricsFile(path, lambda step, metrics: heard.append((step, dict(metrics))))
    state = TrainerState(log_history=[{"step": 1, "loss": 3}])

    callback.on_train_begin(arguments, state, TrainerControl())
    say(callback, arguments, state, step=2, loss=1.5)
    say(callback, arguments, state, step=2, train_runtime=9.0)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 3}, {"step": 2, "loss": 1.5}]
    assert heard == [(2, {"loss": 1.5})]


def test_what_is_no_number_is_written_nowhere(arguments: TrainingArguments, tmp_path: Path) -> None:
    heard: list[dict[str, float]] = []
    callback = MetricsFile(tmp_path / "metrics.jsonl", lambda step, metrics: heard.append(dict(metrics)))
    state = TrainerState(log_history=[{"step": 1, "loss": 3.0, "grad_norm": float("nan")}])

    callback.on_train_begin(arguments, state, TrainerControl())
    say(callback, arguments, state, step=2, loss=2.0, grad_norm=float("inf"))

    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]
    assert heard == [{"loss": 2.0}]


@pytest.mark.parametrize(("name", "value"), [("loss", float("nan")), ("grad_norm", float("inf"))])
def test_a_run_that_diverges_ends_with_a_sentence(arguments: TrainingArguments, name: str, value: float) -> None:
    say(Divergence(), arguments, TrainerState(), step=1, loss=2.0, grad_norm=1.0)
    with pytest.raises(InputError, match=rf"`{name}` is {value} at step 2, so training has diverged"):
        say(Divergence(), arguments, TrainerState(), **{"step": 2, "loss": 2.0, name: value})


def test_a_gradient_that_overflows_in_float16_is_no_divergence(tmp_path: Path) -> None:
    half = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    half.fp16 = True  # refused on a processor
    say(Divergence(), half, TrainerState(), step=2, loss=2.0, grad_norm=float("inf"))


def test_a_checkpoint_is_logged_first(arguments: TrainingArguments) -> None:
    control = TrainerControl(should_save=True)

    LogBeforeSave().on_step_end(arguments, TrainerState(), control)

    assert control.should_log


def test_progress_is_plain_lines_where_there_is_no_terminal(
    arguments: TrainingArguments, capsys: pytest.CaptureFixture[str]
) -> None:
    callback, state = ProgressBar(), TrainerState(max_steps=20)
    callback.on_train_begin(arguments, state, TrainerControl())
    for step in range(1, 21):
        say(callback, arguments, state, step=step, loss=2.0)
    callback.stop()

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "train: step 2/20  loss 2.000"


def test_progress_is_a_bar_with_the_time_left_on_a_terminal(
    arguments: TrainingArguments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    callback, state = ProgressBar(), TrainerState(max_steps=20)
    callback.on_train_begin(arguments, state, TrainerControl())
    for step in range(1, 21):
        say(callback, arguments, state, step=step, loss=2.0)
        callback.on_step_end(arguments, state, TrainerControl())
    callback.stop()

    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "20/20" in shown
    assert re.search(r"\d:\d\d:\d\d", shown)  # the time left
    assert "loss 2.000" in shown
