"""kill -9 at random moments of an evaluation: no answer is asked for twice, and the result is that of a calm run."""

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

from tests.teachers.server import completion, serve

pytest.importorskip("openai")
KILLS = 8
COUNT = 60


def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Wrong programs of several kinds, a matter of the question alone."""
    time.sleep(0.05)
    said = body["messages"][-1]["content"]
    programs = ["pass", "x = 1 / 0", "def f(:", "raise KeyError(3)"]
    return 200, completion(f"```python\n{programs[len(said) % 4]}\n```")


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "eval" / f"micro,count={COUNT}.json").read_text())
    for task in found["tasks"]:
        for sample in task["samples"]:
            del sample["cpu_seconds"]
    return found


@pytest.mark.slow
def test_an_evaluation_killed_again_and_again_equals_a_calm_one(tmp_path: Path) -> None:
    environment = {**os.environ, "OPENAI_API_KEY": "sk-test-key", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with serve(answer) as server:
        base = [sys.executable, "-m", "iterpref", "eval", "--benchmark", "micro", "--option", f"count={COUNT}"]
        base += ["--model", "m", "--base-url", server.url, "--workers", "1", "--run"]
        begun = time.monotonic()
        subprocess.run([*base, str(tmp_path / "calm")], check=True, env=environment, timeout=300, capture_output=True)
        length = time.monotonic() - begun
        asked = len(server.requests)
        assert asked == COUNT
        rng = random.Random(0)
        killed = 0
        for _ in range(KILLS):
            process = subprocess.Popen([*base, str(tmp_path / "killed")], env=environment, stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=rng.uniform(0.2, 0.9) * length)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
        done = subprocess.run([*base, str(tmp_path / "killed")], env=environment, timeout=300, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert killed
        # what was under way when it was killed is asked again: at most all that may be under way at once
        assert len(server.requests) - asked <= COUNT + killed * 32
        assert len(server.asked) == COUNT
    assert result(tmp_path / "killed") == result(tmp_path / "calm")
