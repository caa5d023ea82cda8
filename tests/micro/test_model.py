"""The shipped model, and that it can be rebuilt."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from itertools import islice
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from iterpref import micro

torch = pytest.importorskip("torch", reason="the micro-world's model needs torch")
pytest.importorskip("transformers", reason="the micro-world's model needs transformers")

SEED_SPREAD = 0.022
"""Standard deviation of greedy pass@1 over six seeds of pretraining, on the same 1,000 tasks (docs/micro-world.md)."""


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def _answers(folder: Path, prompts: list[str]) -> list[str]:
    """Greedy answers, in the order of the prompts."""
    tokenizer, model = _load(folder)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    for start in range(0, len(order), 128):
        some = order[start : start + 128]
        inputs = tokenizer([prompts[i] + "\n" for i in some], return_tensors="pt", padding=True)
        with torch.inference_mode():
            ids = model.generate(**inputs, max_new_tokens=160, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        for i, text in zip(some, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
            answers[i] = text
    return answers


def _passes(text: str, task: Any) -> bool:
    """A judge for answers of this small model, which knows nothing but this world's programs."""
    namespace: dict[str, Any] = {}
    try:
        exec(text, namespace)
        function: Callable[..., Any] = namespace[task.entry_point]
        return all(
            abs(function(*deepcopy(case.args)) - case.expected) <= task.tests.tolerance
            if isinstance(case.expected, float)
            else function(*deepcopy(case.args)) == case.expected
            for case in task.tests.cases
        )
    except Exception:
        return False


def _pass_rate(folder: Path, count: int) -> float:
    tasks = micro.tasks("test", count)
    answers = _answers(folder, [task.prompt for task in tasks])
    return sum(map(_passes, answers, tasks)) / count


def test_the_shipped_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in micro.base_path().iterdir()) <= 5_000_000


def test_the_shipped_model_is_an_ordinary_model_folder() -> None:
    tokenizer, model = _load(micro.base_path())
    assert tokenizer.is_fast
    assert tokenizer.bos_token is None
    assert tokenizer.padding_side == "left"
    assert model.generation_config.eos_token_id == model.config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == model.config.pad_token_id == tokenizer.pad_token_id
    assert model.generation_config.bos_token_id is None
    assert 300_000 < sum(weights.numel() for weights in model.parameters()) < 1_300_000


def test_the_tokenizer_gives_back_every_text_and_no_more() -> None:
    tokenizer, _ = _load(micro.base_path())
    texts = [f"{example.prompt}\n{example.program}" for example in islice(micro.examples(9), 100)]
    for text in [*texts, "naïve\tλ \U0001f600\r\n"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == text


def test_prompt_and_program_are_the_same_tokens_apart_and_together() -> None:
    tokenizer, _ = _load(micro.base_path())
    for example in islice(micro.examples(9), 100):
        prompt, program = f"{example.prompt}\n", example.program
        apart = tokenizer(prompt)["input_ids"] + tokenizer(program)["input_ids"]
        assert tokenizer(prompt + program)["input_ids"] == apart


def test_the_shipped_model_writes_programs_of_which_some_pass() -> None:
    tasks = micro.tasks("test", 64)
    answers = _answers(micro.base_path(), [task.prompt for task in tasks])
    assert all(answer.startswith(f"def {task.entry_point}(") for answer, task in zip(answers, tasks, strict=True))
    assert 0.35 < sum(map(_passes, answers, tasks)) / len(tasks) < 0.85


def test_pretraining_reports_progress_and_writes_a_model_folder(tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    last = micro.pretrain(tmp_path, count=128, progress=lambda *step: seen.append(step))
    assert [step[:2] for step in seen] == [(1, 2), (2, 2)]
    assert last == seen[-1][2]
    tokenizer, model = _load(tmp_path)
    assert model.config.vocab_size == len(tokenizer)


@pytest.mark.slow
def test_a_seed_gives_the_same_model_to_the_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        micro.pretrain(tmp_path / name, seed=3, count=192)
    for file in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.slow
def test_the_model_can_be_rebuilt_from_nothing(tmp_path: Path) -> None:
    """pass@1 of the rebuilt model lies within three standard errors of the shipped one's (tasks and seed together)."""
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    micro.pretrain(tmp_path, seed=0)
    count = 1000
    shipped, rebuilt = (_pass_rate(folder, count) for folder in (micro.base_path(), tmp_path))
    error = sqrt(2 * SEED_SPREAD**2 + (shipped * (1 - shipped) + rebuilt * (1 - rebuilt)) / count)
    assert abs(shipped - rebuilt) < 3 * error
