from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.arguments import training_arguments


def arguments(tmp_path: Path, **given: Any) -> Any:
    return training_arguments(TrainConfig(training_arguments={"use_cpu": True, **given}), tmp_path, seed=3)


def test_the_papers_schedule_and_no_reporting_are_the_defaults(tmp_path: Path) -> None:
    found = arguments(tmp_path)

    assert (found.lr_scheduler_type, found.warmup_steps, found.learning_rate) == ("cosine", 0.03, 1e-5)
    assert found.report_to == []
    assert (found.seed, found.data_seed) == (3, 3)
    assert found.output_dir == str(tmp_path)
    assert not found.bf16


def test_other_arguments_pass_through(tmp_path: Path) -> None:
    found = arguments(tmp_path, weight_decay=0.1, save_steps=7)

    assert (found.weight_decay, found.save_steps) == (0.1, 7)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("wieght_decay", "did you mean `weight_decay`"),
        ("zzz", "unknown key"),
        ("learning_rate", "`train.learning_rate`"),
        ("push_to_hub", "cannot be set"),
        ("train_sampling_strategy", "cannot be set"),
        ("seed", "cannot be set"),
    ],
)
def test_a_key_that_cannot_be_set_is_named(tmp_path: Path, key: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        arguments(tmp_path, **{key: 1})

    assert key in str(caught.value)


def test_a_value_that_transformers_refuses_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="transformers refuses"):
        arguments(tmp_path, lr_scheduler_type="zigzag")


ABSENT = next(name for name in ("wandb", "trackio", "swanlab", "dvclive") if importlib.util.find_spec(name) is None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"report_to": "tensorbord"}, "tensorbord is not supported"),
        ({"report_to": [ABSENT]}, f"requires {ABSENT} to be installed"),
        ({"optim": "adamw_bnb_8bit"}, "install `bitsandbytes`"),
    ],
)
def test_what_is_not_installed_is_told_before_anything_is_trained(
    tmp_path: Path, given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        training_arguments(TrainConfig(training_arguments=given), tmp_path, 0)
