"""Result files of bigcodebench: written as it writes them, read back, and read as it recorded them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.suites.base import Suite, load_suite
from iterpref.suites.bigcodebench_official import read_eval_results, write_eval_results, write_pass_at_k
from iterpref.suites.official import write_samples
from iterpref.types import Outcome, Verdict
from tests.suites.test_bigcodebench import HEAD, row, write


@dataclass(frozen=True)
class Judged:
    task_id: str
    sample: int
    program: str
    verdicts: Mapping[str, Verdict]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return load_suite("bigcodebench", write(tmp_path / "tasks.jsonl", row(13), row(15)))


def judged(task: int, sample: int, outcome: Outcome, feedback: str = "") -> Judged:
    return Judged(f"BigCodeBench/{task}", sample, f"x = {sample}", {"tests": Verdict(outcome, feedback=feedback)})


RESULTS = [
    judged(15, 0, Outcome.TIMEOUT, "too slow"),
    judged(13, 1, Outcome.ERROR, "NameError: y"),
    judged(13, 0, Outcome.PASS),
    judged(13, 2, Outcome.TAMPER),
]


def test_results_are_written_in_the_official_form(tmp_path: Path, suite: Suite) -> None:
    path = write_eval_results(tmp_path / "s_eval_results.json", suite, RESULTS)
    written = json.loads(path.read_text())
    assert set(written) == {"date", "eval"}
    assert list(written["eval"]) == ["BigCodeBench/13", "BigCodeBench/15"]
    first, second, third = written["eval"]["BigCodeBench/13"]
    solution = f"{HEAD}\n    pass\nx = 0"
    assert first == {"task_id": "BigCodeBench/13", "solution": solution, "status": "pass", "details": {}}
    assert (second["status"], second["details"]) == ("fail", {"ALL": "NameError: y"})
    assert (third["status"], third["details"]) == ("fail", {"ALL": "tamper"})
    assert written["eval"]["BigCodeBench/15"][0]["status"] == "timeout"


def test_what_was_written_is_read(tmp_path: Path, suite: Suite) -> None:
    path = write_eval_results(tmp_path / "s_eval_results.json", suite, RESULTS)
    assert list(read_eval_results(path, suite)) == [
        ("BigCodeBench/13", 0, "x = 0", {"tests": "pass"}),
        ("BigCodeBench/13", 1, "x = 1", {"tests": "fail"}),
        ("BigCodeBench/13", 2, "x = 2", {"tests": "fail"}),
        ("BigCodeBench/15", 0, "x = 0", {"tests": "timeout"}),
    ]


def test_scores_are_written_in_the_official_form(tmp_path: Path, suite: Suite) -> None:
    truth = {"BigCodeBench/13": True, "BigCodeBench/15": False}
    path = write_pass_at_k(tmp_path / "s_pass_at_k.json", suite, {"pass@1": 0.25}, "mine", truth)
    assert json.loads(path.read_text()) == {
        "pass@1": 0.25,
        "model": "mine",
        "split": "complete",
        "subset": "hard",
        "calibrated": True,
        "gt_pass_rate": 0.5,
        "failed_tasks": ["BigCodeBench/15"],
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"date": ""}, "the field 'eval' is missing"),
        ({"eval": {"BigCodeBench/99": []}}, "the benchmark has no task 'BigCodeBench/99'"),
        ({"eval": {"BigCodeBench/13": [{"status": "pass"}]}}, "the result 0 of BigCodeBench/13 lacks 'solution'"),
        (
            {"eval": {"BigCodeBench/13": [{"solution": "", "status": "good"}]}},
            "the status of BigCodeBench/13 must be pass, fail or timeout, not 'good'",
        ),
    ],
)
def test_another_form_is_told(tmp_path: Path, suite: Suite, content: object, told: str) -> None:
    path = tmp_path / "s_eval_results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=told):
        list(read_eval_results(path, suite))


def test_the_recorded_results_are_read(data: Path) -> None:
    suite = load_suite("bigcodebench", str(data / "bigcodebench/bigcodebench_hard.json.gz"))
    folder = data / "samples_qwen2.5-coder-1.5b/bigcodebench_hard"
    results = list(read_eval_results(folder / "completion-sanitized-calibrated_hard_eval_results.json.gz", suite))
    assert Counter(parts["tests"] for *_, parts in results) == {"pass": 14, "fail": 128, "timeout": 6}
    assert not any("\n    pass\n" in program[:400] for _, _, program, _ in results)


def test_bigcodebench_itself_counts_our_results(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("bigcodebench.evaluate", reason="bigcodebench 0.2.5 is not installed")
    suite = load_suite("bigcodebench", str(data / "bigcodebench/bigcodebench_hard.json.gz"))
    with gzip.open(data / "bigcodebench/bigcodebench_hard.json.gz", "rt") as file:
        tasks = write(tmp_path / "hard.jsonl", *json.load(file).values())
    outcomes = [Outcome.PASS, Outcome.WRONG, Outcome.TIMEOUT, Outcome.ERROR]
    judged = [
        Judged(item.task.id, 0, f"x = {number}", {"tests": Verdict(outcomes[number % 4])})
        for number, item in enumerate(suite.items)
    ]
    write_samples(tmp_path / "s.jsonl", [(each.task_id, each.sample, each.program, True) for each in judged])
    write_eval_results(tmp_path / "s_eval_results.json", suite, judged)
    arguments = ["--execution", "local", "--split", "complete", "--subset", "hard", "--no_gt", "--samples"]
    subprocess.run(
        [sys.executable, "-m", "bigcodebench.evaluate", *arguments, str(tmp_path / "s.jsonl")],
        env={**os.environ, "BIGCODEBENCH_OVERRIDE_PATH": tasks},
        input="n\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert json.loads((tmp_path / "s_pass_at_k.json").read_text())["pass@1"] == pytest.approx(37 / 148)
