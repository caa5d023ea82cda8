"""A finished evaluation as the files that the official harnesses write and read.

<stem>.samples.jsonl                 programs: EvalPlus, bigcodebench, human-eval
<stem>.samples.jsonl_results.jsonl   verdicts: human-eval
<stem>.samples_eval_results.json     verdicts: EvalPlus, bigcodebench
<stem>.samples_pass_at_k.json        scores: bigcodebench
<stem>.custom.json                   programs: LiveCodeBench's custom evaluator
<stem>.custom_eval_all.json          graded problems: LiveCodeBench
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iterpref.evaluate.benchmark import Answer, Judged
from iterpref.evaluate.truth import Truth
from iterpref.suites import bigcodebench_official, livecodebench_official, official
from iterpref.suites.base import Item, Suite

__all__ = ["SUFFIXES", "write_official"]

SUFFIXES = (
    *(".samples.jsonl", ".samples.jsonl_results.jsonl", ".samples_eval_results.json", ".samples_pass_at_k.json"),
    *(".custom.json", ".custom_eval_all.json"),
)
_EVALPLUS = ("humaneval+", "mbpp+")


def write_official(
    stem: Path,
    suite: Suite,
    items: Sequence[Item],
    judged: Sequence[Judged],
    answers: Mapping[tuple[str, int], Answer],
    scores: Mapping[str, Any],
    model: str,
    truth: Truth,
) -> list[Path]:
    """Write what the benchmark's own harness has files for, and the samples in any case; returns the paths."""

    def path(suffix: str) -> Path:
        return stem.with_name(stem.name + suffix)

    if suite.name == "livecodebench":
        texts = {key: answer.text for key, answer in answers.items() if answer.program is None}
        written = [livecodebench_official.write_eval_all(path(".custom_eval_all.json"), suite, judged, texts)]
        if len(items) == len(suite.items):  # it takes nothing less
            programs: dict[str, list[str]] = {}
            for each in judged:
                programs.setdefault(each.task_id, []).append(each.program)
            written.append(livecodebench_official.write_custom(path(".custom.json"), suite, programs))
        return written
    # human-eval puts the prompt before what it is given, so a whole program defines its function once more
    whole = suite.name != "humaneval"
    samples = [(each.task_id, each.sample, each.program, whole) for each in judged]
    written = [official.write_samples(path(".samples.jsonl"), samples)]
    if not whole:
        completions = {(each.task_id, each.sample): each.program for each in judged}
        written.append(official.write_results(path(".samples.jsonl_results.jsonl"), judged, completions))
    results = path(".samples_eval_results.json")
    if suite.name in _EVALPLUS:
        written.append(official.write_eval_results(results, suite, judged))
    if suite.name == "bigcodebench":
        written.append(bigcodebench_official.write_eval_results(results, suite, judged))
        own = {item.task.id: item.task.id not in truth.kinds for item in items if item.task.solution is not None}
        (found,) = scores.values()
        passes = {key: value["value"] for key, value in found.items() if key.startswith("pass@")}
        written.append(
            bigcodebench_official.write_pass_at_k(path(".samples_pass_at_k.json"), suite, passes, model, own)
        )
    return written
