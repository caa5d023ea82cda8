"""The stages, run again: what is finished is not prepared a second time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from iterpref import pipeline, sources
from iterpref.config import CollectConfig, EvaluateConfig, Recipe, TrainConfig
from iterpref.errors import InputError
from iterpref.report.scores import results_of
from iterpref.stats import pass_rate
from iterpref.store import Run
from iterpref.teachers.base import Reply, Request, Settings


class Author:
    """Writes a program that defines nothing."""

    name = "author"

    @classmethod
    def from_settings(cls, settings: Settings) -> Author:
        return cls()

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, _ in enumerate(requests):
            yield index, Reply("pass\n")


def _recipe(folder: Path, limit: int) -> Recipe:
    collect = CollectConfig(
        source="micro:train", limit=limit, drafter=f"{__name__}:Author", repairer="search", iterations=1
    )
    return Recipe(run=str(folder), collect=collect)


def test_a_finished_collection_makes_its_tasks_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = _recipe(tmp_path, limit=2)
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        monkeypatch.setattr(sources, "load_tasks", lambda *_: pytest.fail("made again"))
        pipeline.collect_stage(run, recipe)
        assert run.count("end") == 2


def test_a_higher_limit_goes_on_from_a_finished_collection(tmp_path: Path) -> None:
    for limit in (2, 3):
        recipe = _recipe(tmp_path, limit)
        with pipeline.open_run(recipe) as run:
            pipeline.collect_stage(run, recipe)
            assert run.count("end") == limit


def test_a_benchmark_may_be_what_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = EvaluateConfig(test="micro", test_limit=3, options={"count": "5", "seed": "2"})
    recipe = Recipe(run=str(tmp_path / "run"), evaluate=config)
    with pipeline.open_run(recipe) as run:
        passed = pipeline.evaluate_stage(run, recipe, "micro:base", "base", "test")
        assert pipeline.evaluate_stage(run, recipe, "micro:base", "base", "test") == passed
        (found,) = results_of(run)
    assert len(passed) == 3
    assert (found.variant, found.split, found.rate) == ("base", "test", pass_rate(passed))
    written = json.loads((tmp_path / "run" / "eval" / "base" / "micro,count=5,seed=2.json").read_text())
    assert written["scores"]["micro+"]["pass@1"]["value"] == pass_rate(passed).value


def test_a_benchmark_that_is_not_there_is_told_before_anything_is_done(tmp_path: Path) -> None:
    train = TrainConfig(model_name_or_path="micro:base")
    for evaluate in (EvaluateConfig(test="humaneval+:none.jsonl"), EvaluateConfig(validation="jsonl:none.jsonl")):
        recipe = replace(_recipe(tmp_path, limit=2), train=train, evaluate=evaluate)
        with pipeline.open_run(recipe) as run:
            with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
                pipeline.run_recipe(run, recipe)
            assert run.count("source") == 0


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    rows = [
        {
            "prompt": f"Add {n}.",
            "chosen": f"def f(x):\n    return x + {n}\n",
            "rejected": f"def f(x):\n    return x - {n}\n",
        }
        for n in range(16)
    ]
    source = tmp_path / "pairs.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    losses = []
    for processes in (1, 2):
        config = {
            "model_name_or_path": "micro:base",
            "max_steps": 4,
            "per_device_train_batch_size": 8 // processes,
            "training_arguments": {"use_cpu": True},
        }
        recipe = {"run": str(tmp_path / str(processes)), "collect": {"source": str(source)}, "train": config}
        path = tmp_path / f"{processes}.yaml"
        path.write_text(json.dumps(recipe))
        for verb in ("collect", "pairs"):
            subprocess.run([sys.executable, "-m", "iterpref", verb, str(path)], check=True, capture_output=True)
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        done = subprocess.run(
            [sys.executable, *launch, "-m", "iterpref", "train", str(path)],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("summary.md") == 1
        metrics = tmp_path / str(processes) / "models" / "round-1" / "target-rpo" / "metrics.jsonl"
        losses.append([json.loads(line)["loss"] for line in metrics.read_text().splitlines()])
        with Run(tmp_path / str(processes), read_only=True) as run:
            assert run.count("trained") == 1
    assert len(losses[0]) == 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
