"""Scores do not depend on how many programs are judged at once: real samples at 1, 2 and 8 workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from iterpref.config import SandboxConfig
from iterpref.evaluate.wanted import Wanted
from iterpref.evaluating import evaluate_benchmark, prepare
from iterpref.store import Run

# Published with the samples, and the official verdicts on them.
PUBLISHED = {"humaneval": 43.9, "humaneval+": 36.6}


@pytest.mark.slow
def test_scores_are_the_published_ones_at_any_load(data: Path, tmp_path: Path) -> None:
    samples = data / "samples_qwen2.5-coder-1.5b" / "humaneval" / "generated.jsonl.gz"
    prepared = prepare(
        Wanted("humaneval+", path=str(data / "humanevalplus" / "HumanEvalPlus.jsonl.gz"), answers=str(samples))
    )
    passed = {}
    for workers in (1, 2, 8):
        with Run(tmp_path / str(workers)) as run:
            result, _ = evaluate_benchmark(run, prepared, SandboxConfig(workers=workers))
        scores = {name: round(100 * found["pass@1"]["value"], 1) for name, found in result["scores"].items()}
        assert scores == PUBLISHED
        passed[workers] = {task["task_id"]: task["samples"][0]["passed"] for task in result["tasks"]}
    assert passed[1] == passed[2] == passed[8]
