"""Programs that nobody wrote for these tests: benchmarks' solutions, and recorded debugging with its verdicts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Tests, Verdict

pytestmark = pytest.mark.slow


def rows(folder: Path, pattern: str) -> list[dict[str, Any]]:
    (path,) = folder.glob(pattern)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def judged(jobs: Iterable[tuple[str, Tests]]) -> list[Verdict]:
    with Sandbox() as box:
        return [verdict for _, verdict in sorted(box.map(jobs), key=lambda item: item[0])]


def test_humaneval_solutions_pass(data: Path) -> None:
    items = rows(data, "humaneval/*.jsonl*")
    verdicts = judged(
        (item["prompt"] + item["canonical_solution"], Tests("check", item["test"], entry_point=item["entry_point"]))
        for item in items
    )
    assert len(verdicts) == 164
    assert all(verdict.passed for verdict in verdicts)


def test_mbpp_solutions_pass(data: Path) -> None:
    """The set-up of an MBPP task uses the solution's classes, so it belongs before the tests, not the program."""
    items = rows(data, "mbpp/mbpp.jsonl")
    verdicts = judged(
        (
            item["code"],
            Tests("asserts", "\n".join([item["test_setup_code"], *item["test_list"], *item["challenge_test_list"]])),
        )
        for item in items
    )
    assert sum(verdict.passed for verdict in verdicts) >= 972
    assert len(verdicts) == 974


def test_recorded_debugging_gets_its_recorded_verdicts(data: Path) -> None:
    """The recording harnesses had imported typing before they ran a program."""
    attempts = [
        (item, code, recorded)
        for item in rows(data, "trajectories/llm_debugging.jsonl.gz")
        for code, recorded in zip(item["attempts"], item["verdicts"], strict=True)
    ]
    verdicts = judged(
        (code, Tests("check", item["test"], entry_point=item["entry_point"], setup="from typing import *"))
        for item, code, _ in attempts
    )
    agreed = [
        verdict.passed == (recorded == "pass") and (verdict.passed or verdict.failed)
        for verdict, (_, _, recorded) in zip(verdicts, attempts, strict=True)
    ]
    assert sum(agreed) / len(agreed) >= 0.99
