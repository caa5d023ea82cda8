"""The spine on input that nobody here made: 767 recorded LLM debugging sessions, end to end."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iterpref.records import Trained
from iterpref.report.numbers import agreement, funnel
from iterpref.store import Run
from iterpref.types import Pair

RECIPE = Path(__file__).parent.parent / "examples" / "real_trajectories.yaml"


@pytest.mark.slow
def test_recorded_debugging_becomes_focal_pairs_and_a_trained_model(data: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ITERPREF_TEST_DATA": str(data), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "iterpref", "run", str(RECIPE), f"run={tmp_path / 'run'}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    with Run(tmp_path / "run", read_only=True) as run:
        found = funnel(run)
        assert (found.sources, found.sessions, found.attempts) == (767, 767, 1640)
        labels = agreement(run)
        assert labels.share >= 0.99
        assert len(labels.disagreements) == labels.labelled - labels.agreed
        assert all(reason for *_, reason in labels.disagreements)
        # every version is y+, in a pair, an anchor, or dropped with its reason
        finals = found.solved - found.anchors
        assert finals + found.pairs + found.anchors + found.dropped.total() == found.attempts
        for _, pair in run.items("pair", Pair):
            texts = ((pair.chosen, pair.chosen_spans), (pair.rejected or "", pair.rejected_spans))
            assert all(0 <= span.start <= span.end <= len(text) for text, spans in texts for span in spans)
        trained = run.get("trained", "target-rpo", Trained)
        assert trained is not None
        assert trained.steps == 36
        history = [row for row in run.below("metric", "target-rpo/", dict) if "loss" in row]
    assert all(math.isfinite(row["loss"]) for row in history)
    margins = [row["rewards/margins"] for row in history]
    assert margins[-1] > margins[0]
    summary = (tmp_path / "run" / "summary.md").read_text()
    assert all(f"| {name} |" in summary for name in ("qwen2", "deepseek-coder", "starcoder", "llama-spm"))
