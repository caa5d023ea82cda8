"""The keys that readers of lm-evaluation-harness results look for."""

from __future__ import annotations

import json

import pytest

from iterpref.evaluate.harness import harness_json

RESULT = {
    "scores": {
        "humaneval": {"pass@1": {"value": 0.5, "low": 0.4, "high": 0.6, "count": 4}, "interval": "Wilson"},
        "humaneval+": {"pass@1": {"value": 0.25, "low": 0.1, "high": 0.5, "count": 4}, "interval": "Wilson"},
    },
    "benchmark": {
        "version": "v0.1.10", "path": "HumanEvalPlus.jsonl", "sha256": "ab" * 32, "options": {}, "tasks_in_file": 164,
        "tasks": 4,
    },
    "model": "org/model", "base_url": "", "temperature": 0.0, "max_new_tokens": 768, "samples": 1, "stops": ["\ndef "],
    "seed": 0, "answers": "",
}  # fmt: skip


def test_it_reads_as_lm_eval_writes_it() -> None:
    found = json.loads(json.dumps(harness_json(RESULT, 1.5)))
    assert found["results"]["humaneval"]["pass@1,none"] == 0.5
    assert found["results"]["humaneval"]["pass@1_stderr,none"] == pytest.approx(0.2 / 3.919928)
    assert found["results"]["humaneval+"]["alias"] == "humaneval+"
    assert found["n-samples"]["humaneval+"] == {"original": 164, "effective": 4}
    assert found["versions"]["humaneval"] == "v0.1.10"
    assert found["n-shot"] == {"humaneval": 0, "humaneval+": 0}
    assert found["higher_is_better"]["humaneval"] == {"pass@1": True}
    assert found["configs"]["humaneval"]["generation_kwargs"]["until"] == ["\ndef "]
    assert found["config"]["limit"] == 4
    assert found["date"] == 1.5
    assert found["model_name_sanitized"] == "org__model"


def test_of_ready_made_answers_it_claims_no_settings() -> None:
    found = harness_json({**RESULT, "answers": "cd" * 32}, 1.5)
    assert found["config"]["model"] == "ready-made"
    assert found["config"]["gen_kwargs"] == {}
