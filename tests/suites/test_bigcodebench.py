"""BigCodeBench: both schemas, subsets, prompts, calibration and libraries."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.suites.base import Item, Suite, load_suite
from iterpref.suites.bigcodebench import HARD, calibrated, plain
from iterpref.types import Outcome

HEAD = "import math\ndef task_func(x):\n"
DOC = '    """Round up."""\n'
TEST = """import unittest
class TestCases(unittest.TestCase):
    def test_up(self):
        self.assertEqual(task_func(1.5), 2)
    def test_down(self):
        self.assertEqual(task_func(-1.5), -1)
"""


def row(number: int = 13, **fields: Any) -> dict[str, Any]:
    return {
        "task_id": f"BigCodeBench/{number}",
        "complete_prompt": HEAD + DOC,
        "instruct_prompt": f"Round up.\nYou should write self-contained code starting with:\n```\n{HEAD}```",
        "canonical_solution": "    return math.ceil(x)",
        "code_prompt": HEAD,
        "test": TEST,
        "entry_point": "task_func",
        "libs": "['math']",
        **fields,
    }


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return str(path)


def suite_of(tmp_path: Path, *rows: dict[str, Any], **options: str) -> Suite:
    return load_suite("bigcodebench", write(tmp_path / "BigCodeBench-v0.1.4.jsonl", *rows), **options)


@pytest.fixture
def item(tmp_path: Path) -> Item:
    return suite_of(tmp_path, row()).items[0]


def test_a_file_is_read(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, row(13), row(14))
    assert (suite.version, suite.max_new_tokens) == ("v0.1.4", 1280)
    assert suite.options == {"subset": "full", "split": "complete"}  # 14 is not Hard
    assert suite.scores == {"tests": "bigcodebench-complete"}
    first = suite.items[0]
    assert (first.task.id, first.task.prompt, first.tags) == ("BigCodeBench/13", HEAD + DOC, {"libs": ("math",)})
    assert first.task.tests is first.parts["tests"]


def test_the_hard_subset_is_chosen_or_noticed(tmp_path: Path) -> None:
    assert len(HARD) == 148
    suite = suite_of(tmp_path, row(13), row(14), subset="hard", split="instruct")
    assert ([item.task.id for item in suite.items], suite.scores) == (
        ["BigCodeBench/13"],
        {"tests": "bigcodebench-hard-instruct"},
    )
    assert suite_of(tmp_path, row(13)).options["subset"] == "hard"
    with pytest.raises(InputError, match="none of its tasks belongs to BigCodeBench-Hard"):
        suite_of(tmp_path, row(14), subset="hard")
    with pytest.raises(InputError, match="1 tasks are not all of BigCodeBench; leave subset=full out"):
        suite_of(tmp_path, row(13), subset="full")


def test_the_override_variable_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGCODEBENCH_OVERRIDE_PATH", write(tmp_path / "own.jsonl", row()))
    suite = load_suite("bigcodebench", subset="hard")
    assert (suite.path, suite.version) == (str(tmp_path / "own.jsonl"), "")


def test_without_a_file_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIGCODEBENCH_OVERRIDE_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"name the data set bigcode/bigcodebench-hard .* or in BIGCODEBENCH_"):
        load_suite("bigcodebench", subset="hard")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"test": 3}, "line 2: the field 'test' must be str, not int"),
        ({"libs": "math, os"}, "line 2: the field 'libs' must be a list of names, or the text of one"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        suite_of(tmp_path, row(), row(14, **fields))


def test_a_missing_field_is_told_by_its_present_name(tmp_path: Path) -> None:
    bare = {key: value for key, value in row().items() if key != "code_prompt"}
    with pytest.raises(InputError, match="line 1: the field 'code_prompt' is missing"):
        suite_of(tmp_path, bare)


def test_unknown_options_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="subset must be full or hard, not 'easy'"):
        suite_of(tmp_path, row(), subset="easy")
    with pytest.raises(InputError, match="split must be complete or instruct, not 'chat'"):
        suite_of(tmp_path, row(), split="chat")


# prompts and answers


def test_an_instruct_model_is_asked_in_the_official_words(tmp_path: Path) -> None:
    wanted = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
    complete, instruct = (suite_of(tmp_path, row(), split=split).items[0] for split in ("complete", "instruct"))
    assert complete.instruction == f"{wanted}\n```\n{(HEAD + DOC).strip()}\n```\n"
    assert instruct.instruction == f"{wanted}\n{row()['instruct_prompt']}\n"
    assert complete.prefill == (
        "Below is a Python script with a self-contained function that solves the problem and passes corresponding "
        "tests:\n```python\n"
    )


def test_the_program_of_an_answer(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, row())
    item = suite.items[0]
    whole = suite.program(item, "    return math.ceil(x)\nprint(task_func(1))\n", "complete")
    assert whole == HEAD + DOC + "    return math.ceil(x)\n"
    fenced = "Sure:\n```python\ndef task_func(x):\n    return -int(-x // 1)\n```\nDone."
    assert suite.program(item, fenced, "instruct") == "def task_func(x):\n    return -int(-x // 1)\n"


def test_a_base_model_cannot_be_asked_in_prose(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, row(), split="instruct")
    with pytest.raises(InputError, match="use split=complete with a base model"):
        suite.program(suite.items[0], "    return 1\n", "complete")


# judging


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        (HEAD + "    return math.ceil(x)", Outcome.PASS),
        ("def task_func(x):\n    return math.ceil(x)", Outcome.PASS),  # the import is the head's
        ("def task_func(x):\n    assert sys.path and os.sep and environ\n    return math.ceil(x)", Outcome.PASS),
        ("def task_func(x):\n    return int(x) + 1", Outcome.WRONG),
        ("def other(x):\n    return math.ceil(x)", Outcome.WRONG),  # the empty function stands
        ("def task_func(x:", Outcome.ERROR),
    ],
)
def test_programs_are_judged_after_calibration(sandbox: Sandbox, item: Item, program: str, outcome: Outcome) -> None:
    assert sandbox.judge(program, item.parts["tests"]).outcome is outcome


def test_the_reference_passes(sandbox: Sandbox, item: Item) -> None:
    assert sandbox.judge(item.task.solution or "", item.parts["tests"]).passed


def test_a_task_whose_library_is_absent_cannot_be_judged(sandbox: Sandbox, tmp_path: Path) -> None:
    head = "import no_such_library\n" + HEAD
    item = suite_of(tmp_path, row(code_prompt=head, complete_prompt=head)).items[0]
    verdict = sandbox.judge("def task_func(x):\n    return 2", item.parts["tests"])
    assert verdict.outcome is Outcome.INVALID
    assert "No module named 'no_such_library'" in verdict.feedback


def test_calibration_is_the_official_text(item: Item) -> None:
    program = "def task_func(x):\n    return 2"
    assert calibrated(item, program) == f"{HEAD}\n    pass\n{program}"
    assert plain(item, calibrated(item, program)) == plain(item, program) == program


# real data


@pytest.fixture(scope="module")
def hard(data: Path) -> Suite:
    return load_suite("bigcodebench", str(data / "bigcodebench/bigcodebench_hard.json.gz"))


def test_the_hard_file_is_an_object_by_task(hard: Suite) -> None:
    assert {item.task.id for item in hard.items} == HARD
    assert hard.options == {"subset": "hard", "split": "complete"}
    assert sum("pandas" in item.tags["libs"] for item in hard.items) == 61


def test_the_older_schema_holds_the_same_tasks(hard: Suite, data: Path) -> None:
    path = str(data / "bigcodebench/BigCodeBench-v0.1.0.jsonl.gz")
    full = load_suite("bigcodebench", path)
    assert (len(full.items), full.version, full.options["subset"]) == (1140, "v0.1.0", "full")
    older = {item.task.id: item for item in load_suite("bigcodebench", path, subset="hard").items}
    for item in hard.items:
        assert older[item.task.id].parts == item.parts
        assert older[item.task.id].instruction == item.instruction


def test_recorded_samples_were_calibrated_in_the_same_way(hard: Suite, data: Path) -> None:
    folder = data / "samples_qwen2.5-coder-1.5b/bigcodebench_hard"
    with gzip.open(folder / "completion-sanitized-calibrated_hard_eval_results.json.gz", "rt") as file:
        judged = {id: sample["solution"] for id, (sample,) in json.load(file)["eval"].items()}
    with gzip.open(folder / "completion-sanitized-calibrated.jsonl.gz", "rt") as file:
        samples = {each["task_id"]: each["solution"] for each in map(json.loads, file)}
    for item in hard.items:
        assert calibrated(item, samples[item.task.id]) == judged[item.task.id]


def test_extraction_keeps_recorded_programs(hard: Suite, data: Path) -> None:
    """Programs that the official sanitizer left are left as they are, but for blank lines and what is not needed."""
    with gzip.open(
        data / "samples_qwen2.5-coder-1.5b/bigcodebench_hard/completion-sanitized-calibrated.jsonl.gz", "rt"
    ) as file:
        samples = {each["task_id"]: each["solution"] for each in map(json.loads, file)}
    for item in hard.items:
        program = hard.program(item, samples[item.task.id], "instruct")
        kept = [line for line in program.split("\n") if line.strip()]
        assert set(kept) <= set(samples[item.task.id].split("\n"))
        assert "def task_func(" in program
