"""kill -9 at random moments of a whole run: nothing lost, doubled or half-written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from iterpref.records import Trained, trajectories
from iterpref.store import Drop, Run
from iterpref.types import Pair

KILLS = 10
RECIPE = """\
run: {run}
seed: 5
collect:
  source: {logs}
pairs:
  focus: verified
train:
  model_name_or_path: micro:base
  loss_type: target-rpo
  learning_rate: 1.0e-4
  max_steps: 24
  per_device_train_batch_size: 4
  max_length: 256
  training_arguments: {{save_steps: 4, logging_steps: 2}}
"""


def sessions(count: int) -> list[dict[str, Any]]:
    """Debugging of ``return x + n``: one to three wrong versions, and some that pass at once."""
    rng = random.Random(0)
    rows = []
    for n in range(count):
        right = f"def f(x):\n    y = x + {n}\n    return y\n"
        wrong = [right.replace(f"+ {n}", f"- {n + 1}"), right.replace("return y", f"return y + {n + 1}"), "def f(x:\n"]
        attempts = [*rng.sample(wrong, rng.randrange(4)), right]
        tests = [f"assert f(0) == {n}", f"assert f(2) == {n + 2}"]
        rows.append({"task_id": f"t{n}", "prompt": f"Add {n} to x.", "attempts": attempts, "tests": tests})
    return rows


def command(tmp_path: Path, name: str) -> list[str]:
    logs = tmp_path / "logs.jsonl"
    if not logs.exists():
        logs.write_text("".join(json.dumps(row) + "\n" for row in sessions(150)))
    recipe = tmp_path / f"{name}.yaml"
    recipe.write_text(RECIPE.format(run=tmp_path / name, logs=logs))
    return [sys.executable, "-m", "iterpref", "run", str(recipe)]


def contents(folder: Path) -> dict[str, Any]:
    """What a run holds, times aside."""
    with Run(folder, read_only=True) as run:
        sessions = {
            id: [(each.code, each.verdict.outcome.value, each.verdict.tests_passed) for each in made.attempts]
            for id, made in trajectories(run)
        }
        trained = dict(run.items("trained", Trained))
        losses = {
            id: {key: value for key, value in row.items() if key in ("loss", "rewards/margins", "nll_loss", "step")}
            for id, row in run.items("metric", dict)
            if "loss" in row
        }
        return {
            "sessions": sessions,
            "attempts": len(run.ids("attempt")),
            "pairs": dict(run.items("pair", Pair)),
            "drops": dict(run.items("drop", Drop)),
            "losses": losses,
            "trained": {name: (each.steps, each.pairs, each.anchors, each.dropped) for name, each in trained.items()},
        }


@pytest.mark.slow
def test_a_run_killed_again_and_again_equals_an_undisturbed_one(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    begun = time.monotonic()
    subprocess.run(command(tmp_path, "calm"), check=True, env=environment, timeout=900, capture_output=True)
    length = time.monotonic() - begun
    rng = random.Random(1)
    finished = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command(tmp_path, "killed"), env=environment, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=rng.uniform(0.05, 0.7) * length)
            finished += 1
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert finished < KILLS, "no kill took place"
    done = subprocess.run(command(tmp_path, "killed"), env=environment, timeout=900, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calm, killed = contents(tmp_path / "calm"), contents(tmp_path / "killed")
    assert killed["losses"].keys() == calm["losses"].keys()
    for step, row in calm["losses"].items():
        assert killed["losses"][step] == pytest.approx(row, rel=1e-4, abs=1e-6), step
    for part in calm.keys() - {"losses"}:
        assert killed[part] == calm[part], part
    model = "models/round-1/target-rpo/model/model.safetensors"
    assert (tmp_path / "killed" / model).stat().st_size == (tmp_path / "calm" / model).stat().st_size
