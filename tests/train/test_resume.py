"""A run that is stopped at any moment and started again ends as if it had not been."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from iterpref.config import TrainConfig
from iterpref.train import train
from tests.train.conftest import INIT_CONFIG, make_pairs

SCRIPT = """
import atexit, json, os, signal, sys
from pathlib import Path
import torch
from iterpref.config import TrainConfig
from iterpref.train import run, train, trainer
from tests.train.conftest import make_pairs

torch.set_num_threads(1)
config, out_dir, moment = TrainConfig(**json.loads(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
pids = out_dir.with_name(out_dir.name + ".pids")  # of all processes of the run
pids.mkdir(exist_ok=True)
(pids / str(os.getpid())).touch()

def die(*args, **kwargs):
    for pid in sorted((int(path.name) for path in pids.iterdir()), key=lambda pid: pid == os.getpid()):
        os.kill(pid, signal.SIGKILL)

if moment == "unsealed":  # a checkpoint is written but not marked as complete
    seal, seen = trainer.seal, []
    trainer.seal = lambda folder: die() if seen else (seen.append(folder), seal(folder))
if moment == "export":  # training is done, the model is not written
    run.export = die
@atexit.register  # called after what train() registers
def say_whether_left():
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    print("left" if not any("gloo" in name for name in names) else names)

train(make_pairs(10), config, out_dir, seed=0,
      on_log=lambda step, metrics: die() if moment == f"step {step}" else None)
"""


class Stopped(Exception):
    """Stands for a kill inside one process."""


@pytest.fixture
def long_config(config: TrainConfig) -> TrainConfig:
    """Twelve steps of ten pairs: epochs of three steps, checkpoints inside and between them, dropout that is drawn."""
    return replace(
        config,
        init_config={**INIT_CONFIG, "attention_dropout": 0.2},
        max_steps=12,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        training_arguments={"use_cpu": True, "save_steps": 4, "logging_steps": 3},
    )


def assert_same_run(found: Path, expected: Path) -> None:
    assert (found / "metrics.jsonl").read_text() == (expected / "metrics.jsonl").read_text()
    assert (found / "result.json").read_text() == (expected / "result.json").read_text()
    ours, theirs = (load_file(folder / "model" / "model.safetensors") for folder in (found, expected))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("change", [{}, {"use_peft": True}, {"loss_type": "sft"}], ids=["full", "lora", "sft"])
def test_a_stopped_run_goes_on_to_the_same_end(
    long_config: TrainConfig, tmp_path: Path, change: dict[str, object]
) -> None:
    config = replace(long_config, **change)  # type: ignore[arg-type]
    train(make_pairs(10), config, tmp_path / "undisturbed", seed=0)

    def stop(step: int, metrics: Mapping[str, float]) -> None:
        if step == 9:
            raise Stopped

    heard: list[int] = []
    with pytest.raises(Stopped):
        train(make_pairs(10), config, tmp_path / "stopped", seed=0, on_log=stop)
    train(make_pairs(10), config, tmp_path / "stopped", seed=0, on_log=lambda step, _: heard.append(step))

    assert heard == [9, 12]  # from the checkpoint of step 8 on
    assert_same_run(tmp_path / "stopped", tmp_path / "undisturbed")
    logged = [json.loads(line)["step"] for line in (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()]
    assert logged == [3, 4, 6, 8, 9, 12]


def start(config: TrainConfig, folder: Path, moment: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", SCRIPT, json.dumps(asdict(config)), str(folder), moment]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step 3", "step 9", "unsealed", "export"])
def test_sigkill_at_a_chosen_moment_changes_nothing(long_config: TrainConfig, tmp_path: Path, moment: str) -> None:
    train(make_pairs(10), long_config, tmp_path / "undisturbed", seed=0)

    killed = start(long_config, tmp_path / "killed", moment)
    _, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, errors.decode()
    if moment == "unsealed":
        assert (tmp_path / "killed" / "checkpoints" / "checkpoint-8" / "optimizer.pt").exists()
    train(make_pairs(10), long_config, tmp_path / "killed", seed=0)

    assert_same_run(tmp_path / "killed", tmp_path / "undisturbed")


@pytest.mark.slow
def test_sigkill_at_random_moments_changes_nothing(long_config: TrainConfig, tmp_path: Path) -> None:
    train(make_pairs(10), long_config, tmp_path / "undisturbed", seed=0)
    folder = tmp_path / "killed"
    draw = random.Random(0)

    kills = 0
    while kills < 5 and not (folder / "result.json").exists():
        process = start(long_config, folder, "never")
        while not (folder / "run.json").exists() and process.poll() is None:
            time.sleep(0.05)  # until it has begun
        time.sleep(draw.uniform(0.0, 6.0) if kills else draw.uniform(0.0, 1.0))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        kills += 1
    train(make_pairs(10), long_config, folder, seed=0)

    assert_same_run(folder, tmp_path / "undisturbed")


def two_processes(config: TrainConfig, folder: Path, moment: str) -> subprocess.CompletedProcess[str]:
    """A run of two, over gloo."""
    script = folder.with_name("run.py")
    script.write_text(SCRIPT)
    shutil.rmtree(folder.with_name(folder.name + ".pids"), ignore_errors=True)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launch, str(script), json.dumps(asdict(config)), str(folder), moment],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step 9", "unsealed"])
def test_two_processes_killed_at_once_go_on_to_the_same_end(
    long_config: TrainConfig, tmp_path: Path, moment: str
) -> None:
    config = replace(
        long_config,
        gradient_accumulation_steps=1,
        tokens_per_row=100,
        training_arguments={"use_cpu": True, "save_steps": 4, "logging_steps": 1},
    )
    undisturbed = two_processes(config, tmp_path / "undisturbed", "never")
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert undisturbed.stdout.count("left") == 2, undisturbed.stdout  # no thread of gloo's lives on

    killed = two_processes(config, tmp_path / "killed", moment)
    assert killed.returncode != 0
    assert "Signal 9 (SIGKILL)" in killed.stderr
    assert not (tmp_path / "killed" / "result.json").exists()
    again = two_processes(config, tmp_path / "killed", "never")
    assert again.returncode == 0, again.stderr

    assert_same_run(tmp_path / "killed", tmp_path / "undisturbed")
    # steps 1 to 12, each with the tokens, the loss and the gradient of its batches
    assert len((tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()) == 12
