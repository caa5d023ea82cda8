"""A benchmark of EvalPlus' form, from its file to verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import answers
from iterpref.suites.base import Item, Suite, load_suite
from iterpref.suites.evalplus import load_humaneval, load_mbpp
from iterpref.suites.mbpp_inputs import arguments_of
from iterpref.suites.truth import Answers, Run, established
from iterpref.types import Outcome, Tests


def task(id: str, name: str, body: str, base: Any, plus: Any = (), **fields: Any) -> dict[str, Any]:
    return {
        "task_id": id,
        "prompt": f'\ndef {name}(x):\n    """Do it."""\n',
        "entry_point": name,
        "canonical_solution": f"    {body}\n",
        "base_input": base,
        "plus_input": list(plus),
        "atol": 0,
        **fields,
    }


def written(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "Tasks-v0.3.0.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def complete(suite: Suite, box: Sandbox, folder: Path) -> Item:
    (item,) = established(suite, partial(answers, box), folder).items
    return item


def test_parts_hold_inputs_and_wait_for_the_reference(tmp_path: Path) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return 2 * x", [[1]], [[2], [3]], atol=1e-4)))
    (item,) = suite.items
    assert suite.version == "v0.3.0"
    assert suite.scores == {"base": "humaneval", "plus": "humaneval+"}
    assert [case.args for case in item.parts["plus"].cases] == [(2,), (3,)]
    assert item.task.tests is item.parts["base"]
    assert item.parts["base"].tolerance == 1e-4
    assert (
        item.parts["base"].reference
        == item.task.solution
        == task("", "f", "return 2 * x", [])["prompt"] + ("    return 2 * x\n")
    )


def test_prompts_are_the_official_ones(tmp_path: Path) -> None:
    (item,) = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return x", [[1]]))).items
    assert item.task.prompt == 'def f(x):\n    """Do it."""\n'
    assert item.instruction == (
        "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n"
        '```\ndef f(x):\n    """Do it."""\n```\n'
    )
    assert item.prefill == (
        "Below is a Python script with a self-contained function that solves the problem and passes corresponding "
        "tests:\n```python\n"
    )


def test_what_the_reference_returns_is_expected(sandbox: Sandbox, tmp_path: Path) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return (x, 0.5)", [[1]], [[2]])))
    item = complete(suite, sandbox, tmp_path)
    assert [case.expected for case in item.parts["plus"].cases] == [(2, 0.5)]
    assert item.task.tests == item.parts["base"]
    assert item.parts["base"].reference == ""
    assert item.parts["base"].call_seconds == 1.0
    assert item.parts["base"].cpu_seconds == 2.0
    assert sandbox.judge("def f(x):\n    return x, 0.5", item.parts["plus"]).passed
    assert sandbox.judge("def f(x):\n    return x, 1.5", item.parts["plus"]).outcome is Outcome.WRONG


@pytest.mark.parametrize(("body", "tolerance"), [("return 0.5", 1e-6), ("return [0.5, 1.0]", 1e-6), ("return 1", 0.0)])
def test_floats_have_a_tolerance_of_their_own(sandbox: Sandbox, tmp_path: Path, body: str, tolerance: float) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", body, [[1]])))
    assert complete(suite, sandbox, tmp_path).parts["base"].tolerance == tolerance


def test_an_inputs_own_changes_do_not_reach_the_expected_values(sandbox: Sandbox, tmp_path: Path) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "x.append(1); return x", [[[0]]])))
    (case,) = complete(suite, sandbox, tmp_path).parts["base"].cases
    assert (case.args, case.expected) == (([0],), [0, 1])


def counting(runs: list[int], seconds: float = 0.0) -> Run:
    """Answers as ``return x`` would; remembers how many programs it was asked to run."""

    def run(jobs: Sequence[tuple[str, Tests]]) -> Iterator[tuple[int, Answers]]:
        runs.append(len(jobs))
        for number, (_, tests) in enumerate(jobs):
            yield number, [(case.args[0], seconds) for case in tests.cases]

    return run


def test_the_reference_is_run_once(tmp_path: Path) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return x", [[1]], [[2]])))
    runs: list[int] = []
    run = counting(runs, 0.5)
    first, second = established(suite, run, tmp_path / "a"), established(suite, run, tmp_path / "a")
    assert first == second
    assert runs == [2]
    assert first.items[0].parts["base"].call_seconds == 2.0  # four times the reference's time
    assert first.items[0].seconds == 1.0  # of both parts
    assert established(first, run, tmp_path / "a") is first
    (file,) = (tmp_path / "a").iterdir()
    file.write_bytes(file.read_bytes()[:-5])  # cut off: what stands before it is still known
    assert established(suite, run, tmp_path / "a") == first
    assert established(suite, run, tmp_path / "a") == first
    assert runs == [2, 1]


def test_what_references_returned_before_a_fault_is_not_asked_again(tmp_path: Path) -> None:
    rows = [task(f"HumanEval/{number}", "f", "return x", [[number]]) for number in range(4)]
    suite = load_humaneval(written(tmp_path, *rows))

    def killed(jobs: Sequence[tuple[str, Tests]]) -> Iterator[tuple[int, Answers]]:
        yield 2, [(2, 0.0)]
        yield 0, [(0, 0.0)]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        established(suite, killed, tmp_path / "a")
    runs: list[int] = []
    found = established(suite, counting(runs), tmp_path / "a")
    assert runs == [2]
    assert [item.parts["base"].cases[0].expected for item in found.items] == [0, 1, 2, 3]


def test_without_a_cache_folder_the_reference_is_run_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return x", [[1]], [[2]])))
    runs: list[int] = []
    for _ in range(2):
        (item,) = established(suite, counting(runs), tmp_path / "file" / "cache").items
        assert [case.expected for case in item.parts["plus"].cases] == [2]
    assert runs == [2, 2]


def test_an_answer_that_cannot_be_kept_leaves_its_input_out(tmp_path: Path) -> None:
    suite = load_humaneval(written(tmp_path, task("HumanEval/0", "f", "return x", [[1], [2]], [[3]])))
    found = established(suite, lambda jobs: enumerate([[None, (2, 0.0)], [(3, 0.0)]]), tmp_path)
    assert [case.args for case in found.items[0].parts["base"].cases] == [(2,)]
    assert found.options["inputs_left_out"] == "HumanEval/0#base: 1"


def test_a_task_without_further_inputs_has_one_part(tmp_path: Path) -> None:
    row = task("Mbpp/2", "f", "return x", [[[1]]], plus_input={})
    assert list(load_mbpp(written(tmp_path, row)).items[0].parts) == ["base"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("find_zero", "def find_zero(x):\n    return 2.0"),  # the reference finds the other root
        ("similar_elements", "def similar_elements(x):\n    return {2, 1}"),
        ("are_equivalent", "def are_equivalent(x):\n    return 'whatever'"),
        ("sum_div", "def sum_div(x):\n    return 0"),
        ("check_str", "def check_str(x):\n    return 'Valid'"),
    ],
)
def test_special_tasks_accept_what_is_right_as_well(sandbox: Sandbox, tmp_path: Path, name: str, answer: str) -> None:
    if name == "find_zero":
        load, row = load_humaneval, task("HumanEval/32", name, "return 1.0", [[[2, -3, 1]]], atol=1e-4)
    elif name == "check_str":
        load, row = load_mbpp, task("Mbpp/454", name, "import re; return re.search('a', x)", [["a"]])
    else:
        load, row = load_mbpp, task("Mbpp/900", name, "return [1, 2]", [[[2, -3, 1]]])
    item = complete(load(written(tmp_path, row)), sandbox, tmp_path)
    assert sandbox.judge(answer, item.parts["base"]).passed
    assert sandbox.judge(item.task.solution or "", item.parts["base"]).passed
    assert not sandbox.judge(f"def {name}(x):\n    return 1 / 0", item.parts["base"]).passed


@pytest.mark.parametrize(
    ("number", "values", "arguments"),
    [
        (2, [[3, 4], [5]], ((3, 4), (5,))),
        (63, [[[1, 2], [3]]], ([(1, 2), (3,)],)),
        (75, [[[1, 2]], 3], ([(1, 2)], 3)),
        (106, [[1], [2]], ([1], (2,))),
        (115, [[[1, 1], [], {}]], ([{1}, {}, {}],)),
        (124, ["1", "2j"], (1.0, 2j)),
        (250, [[1], 2], ((1,), 2)),
        (252, ["1j"], (1j,)),
        (259, [[[1], [2]], [[3]]], (((1,), (2,)), ((3,),))),
        (278, [[1, [2]]], ((1, (2,)),)),
        (307, [[1], 2, 3], ((1,), 2, 3)),
        (580, [[1, [2, [3]]]], ((1, (2, (3,))),)),
        (722, [{"a": [1, 2]}, 3], ({"a": (1, 2)}, 3)),
        (3, [[1], "a"], ([1], "a")),
    ],
)
def test_mbpp_inputs_have_the_types_of_their_function(number: int, values: list[Any], arguments: Any) -> None:
    assert arguments_of(number, values) == arguments


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_input": 3}, "line 1: the field 'base_input' must be list or dict, not int"),
        ({"base_input": [3]}, "line 1: the field 'base_input' must be a list of argument lists"),
        ({"base_input": []}, "line 1: the field 'base_input' is empty"),
        ({"base_input": [[5]]}, "line 1: the field 'base_input' does not hold the arguments of this task"),
        ({"task_id": "Mbpp/x"}, "line 1: the field 'task_id' must end in MBPP's number, not 'x'"),
        ({"atol": "0"}, "line 1: the field 'atol' must be int or float, not str"),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = written(tmp_path, {**task("Mbpp/2", "f", "return x", [[[1]]]), **change})
    with pytest.raises(InputError, match=told):
        load_mbpp(path)


def test_tasks_of_the_other_benchmark_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"these are tasks of mbpp\+;"):
        load_humaneval(written(tmp_path, task("Mbpp/2", "f", "return x", [[1]])))
    with pytest.raises(InputError, match=r"these are tasks of humaneval\+;"):
        load_mbpp(written(tmp_path, task("HumanEval/2", "f", "return x", [[1]])))


def test_the_hubs_form_is_refused_with_its_fields(tmp_path: Path) -> None:
    path = written(tmp_path, {"task_id": "Mbpp/2", "code": "", "prompt": "", "test": ""})
    with pytest.raises(
        InputError, match=r"the field 'entry_point' is missing \(there are: code, prompt, task_id, test\)"
    ):
        load_suite("mbpp+", path)
