"""LiveCodeBench: releases and windows, the decoder of tests, prompts, extraction, judging, and its files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import pickle
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.suites.base import Item, load_suite
from iterpref.suites.livecodebench import files_of, last_fence, parsed
from iterpref.suites.livecodebench_tests import decode
from iterpref.types import Case, Outcome

STDIN = [{"input": "2\n3\n", "output": "5\n", "testtype": "stdin"}]
CALLS = [{"input": '[1, 2]\n"x"', "output": "[2, 1]", "testtype": "functional"}]


def pack(tests: Any) -> str:
    """As the data set packs private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "question_title": "Sum",
        "question_content": "Add two numbers.",
        "platform": "atcoder",
        "question_id": f"abc{number:03}_a",
        "contest_id": f"abc{number:03}",
        "contest_date": "2024-08-03T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(STDIN),
        "private_test_cases": pack([{"input": "1\n1\n", "output": "2\n", "testtype": "stdin"}]),
        "metadata": "{}",
        **fields,
    }


METHOD = {
    "question_id": "3000",
    "platform": "leetcode",
    "starter_code": "class Solution:\n    def turn(self, xs: List[int], s: str) -> List[int]:\n        ",
    "public_test_cases": json.dumps(CALLS),
    "private_test_cases": "[]",
    "metadata": json.dumps({"func_name": "turn"}),
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def one(tmp_path: Path, **fields: Any) -> Item:
    (item,) = load_suite("livecodebench", str(write(tmp_path / "test.jsonl", row(**fields)))).items
    return item


def test_a_release_is_read_from_its_files_in_the_order_of_ids(tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", row(9))
    write(tmp_path / "test2.jsonl", row(1, **METHOD), row(5))
    suite = load_suite("livecodebench", str(tmp_path), release="release_v2")
    assert [item.task.id for item in suite.items] == ["3000", "abc005_a", "abc009_a"]
    text = (tmp_path / "test.jsonl").read_bytes() + (tmp_path / "test2.jsonl").read_bytes()
    assert (suite.version, suite.sha256) == ("release_v2", hashlib.sha256(text).hexdigest())
    assert suite.options == {"release": "release_v2", "extraction": "official"}
    assert suite.items[0].tags == {"difficulty": ("easy",), "platform": ("leetcode",), "month": ("2024-08",)}


@pytest.mark.parametrize(
    ("release", "files"),
    [
        ("release_v1", ["test.jsonl"]),
        ("release_v3", ["test.jsonl", "test2.jsonl", "test3.jsonl"]),
        ("v5", ["test5.jsonl"]),
        ("v4_v6", ["test4.jsonl", "test5.jsonl", "test6.jsonl"]),
    ],
)
def test_the_files_of_a_release(release: str, files: list[str]) -> None:
    assert files_of(release) == files
    assert files_of("release_latest") == files_of("release_v6")


@pytest.mark.parametrize("release", ["v0", "release_v7", "v4_v2", "5", "release_v1_v2"])
def test_an_unknown_release_is_told(release: str) -> None:
    with pytest.raises(InputError, match="release must be release_v1 to release_v6"):
        files_of(release)


def test_a_window_includes_both_its_days(tmp_path: Path) -> None:
    days = ["2024-07-31", "2024-08-01", "2024-08-31", "2024-09-01"]
    path = write(tmp_path / "test.jsonl", *(row(n, contest_date=f"{day}T00:00:00") for n, day in enumerate(days)))
    suite = load_suite("livecodebench", str(path), start="2024-08-01", end="2024-08-31")
    assert [item.task.id for item in suite.items] == ["abc001_a", "abc002_a"]
    assert suite.options == {"start": "2024-08-01", "end": "2024-08-31", "extraction": "official"}
    with pytest.raises(InputError, match="there is no problem from 2025-01-01 on"):
        load_suite("livecodebench", str(path), start="2025-01-01")
    with pytest.raises(InputError, match="end must be a day such as 2024-08-01, not 'May'"):
        load_suite("livecodebench", str(path), end="May")


def test_missing_files_say_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"there is no file .*test2.jsonl; get it from the data set livecodebench/"):
        load_suite("livecodebench", str(write(tmp_path / "test.jsonl", row()).parent), release="release_v2")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"put test.jsonl to test5.jsonl of the data set livecodebench/code_gen"):
        load_suite("livecodebench")
    with pytest.raises(InputError, match="is one file; leave release=v2 out"):
        load_suite("livecodebench", str(tmp_path / "test.jsonl"), release="v2")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"difficulty": 3}, "line 2: the field 'difficulty' must be str, not int"),
        ({"contest_date": "soon"}, "line 2: the field 'contest_date' holds no day: 'soon'"),
        ({"metadata": "["}, "line 2: the field 'metadata' must be the text of a JSON object"),
        ({"metadata": '{"func_name": "a b"}'}, "line 2: 'func_name' must be a name, not 'a b'"),
        ({"private_test_cases": None}, "line 2: the field 'private_test_cases' must be str, not NoneType"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    path = write(tmp_path / "test.jsonl", row(), row(2, **fields))
    with pytest.raises(InputError, match=told):
        load_suite("livecodebench", str(path))


def test_a_cut_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", row(), row(2))
    path.write_text(path.read_text()[:-30])
    with pytest.raises(InputError, match="line 2: not JSON"):
        load_suite("livecodebench", str(path))


# tests of a problem


def test_public_tests_come_before_private_ones(tmp_path: Path) -> None:
    assert tuple(one(tmp_path).parts["tests"].cases) == (Case("2\n3\n", "5\n"), Case("1\n1\n", "2\n"))


def test_arguments_stand_one_a_line(tmp_path: Path) -> None:
    assert tuple(one(tmp_path, **METHOD).parts["tests"].cases) == (Case(([1, 2], "x"), [2, 1]),)


def test_a_compressed_file_holds_the_same_tests(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", row(1), row(2, **METHOD), row(3))
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    plain, packed = (load_suite("livecodebench", str(each)) for each in (path, tmp_path / "test.jsonl.gz"))
    assert [tuple(i.parts["tests"].cases) for i in plain.items] == [tuple(i.parts["tests"].cases) for i in packed.items]
    assert plain.sha256 == packed.sha256


@given(st.lists(st.fixed_dictionaries({"input": st.text(), "output": st.text()})))
def test_decoding_undoes_packing(tests: list[dict[str, str]]) -> None:
    assert decode(pack(tests)) == decode(json.dumps(tests)) == tests


class _Runs:
    def __init__(self, told: Path) -> None:
        self.told = told

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.told),)


def test_a_pickle_that_names_a_function_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    attack = base64.b64encode(zlib.compress(pickle.dumps(_Runs(tmp_path / "ran")))).decode()
    with pytest.raises(ValueError, match=r"it names posix\.mkdir"):
        decode(attack)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "instructions",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL, REDUCE
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"(ios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1: a registered class
        b"Pos\n.",  # PERSID
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93)\x81.",  # NEWOBJ
        b"\x80\x04]\x94h\x00.",  # no text, though harmless
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",  # an enormous bytearray
        b"",
    ],
)
def test_other_pickles_than_texts_are_refused(instructions: bytes) -> None:
    with pytest.raises(ValueError, match="pickle"):
        decode(base64.b64encode(zlib.compress(instructions)).decode())


def test_tests_that_unpack_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iterpref.suites.livecodebench_tests._LARGEST", 1 << 16)
    with pytest.raises(ValueError, match="cut off, or larger than"):
        decode(base64.b64encode(zlib.compress(bytes(1 << 20))).decode())


@pytest.mark.parametrize("text", ["", "not packed", pack(STDIN)[:-20], base64.b64encode(b"no zlib").decode()])
def test_damaged_tests_are_told_with_their_field(tmp_path: Path, text: str) -> None:
    item = one(tmp_path, private_test_cases=text)
    with pytest.raises(InputError, match=r"line 1: the tests in 'private_test_cases' cannot be read"):
        len(item.parts["tests"].cases)


def test_a_problem_without_tests_is_told(tmp_path: Path) -> None:
    item = one(tmp_path, private_test_cases="[]", public_test_cases="[]")
    with pytest.raises(InputError, match="line 1: the problem has no test"):
        len(item.parts["tests"].cases)


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", row(1), row(2))
    item = load_suite("livecodebench", str(path)).items[1]
    write(path, row(1, question_content="longer" * 100), row(2))
    with pytest.raises(InputError, match="changed since it was read"):
        len(item.parts["tests"].cases)


# prompts and answers


def test_the_prompts_are_the_official_ones(tmp_path: Path) -> None:
    item = one(tmp_path)
    assert item.instruction.endswith(
        "\n\n### Question:\nAdd two numbers.\n\n### Format: Read the inputs from stdin solve the problem and write the "
        "answer to stdout (do not directly test on the sample inputs). Enclose your code within delimiters as follows. "
        "Ensure that when the python program runs, it reads the inputs, runs the algorithm and writes output to "
        "STDOUT.\n```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    starter = str(METHOD["starter_code"])
    item = one(tmp_path, **METHOD)
    assert f"enclose your code within delimiters.\n```python\n{starter}\n```\n\n### Answer" in item.instruction
    assert item.task.prompt == f"### Question\nAdd two numbers.\n\n### Starter Code\n{starter}\n\n### Answer\n\n"


def test_the_last_pair_of_fences_holds_the_program() -> None:
    assert last_fence("```\na\n```\ntext\n```python\nb\nc\n```\nbye") == "b\nc"
    assert last_fence("a = 1") == last_fence("```python\na = 1") == ""


@pytest.mark.parametrize(
    "answer",
    [
        "```python\nprint(1)\n```",
        "```python\n```python\nprint(1)\n```\n```",
        "So:\n```python\nprint(1)\n```\nIts output:\n```\n1 2\n```\n",
        "Think.\n```python\nprint(1)\n",
        "print(1)",
    ],
)
def test_parsing_finds_the_program_where_fences_mislead(answer: str) -> None:
    assert parsed(answer) == "print(1)"


def test_extraction_is_chosen_by_an_option(tmp_path: Path) -> None:
    path = str(write(tmp_path / "test.jsonl", row()))
    found = {}
    for extraction in ("official", "parsed"):
        suite = load_suite("livecodebench", path, extraction=extraction)
        found[extraction] = suite.program(suite.items[0], "```python\nprint(1)\n```\n```\n1 2\n```", "instruct")
    assert found == {"official": "1 2", "parsed": "print(1)"}
    with pytest.raises(InputError, match="extraction must be official or parsed, not 'mine'"):
        load_suite("livecodebench", path, extraction="mine")


# judging


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("print(int(input()) + int(input()))", Outcome.PASS),
        ("import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))", Outcome.PASS),
        ("a, b = (int(x) for x in stdin)\nprint(f'  {a + b}.0')", Outcome.PASS),  # names are imported, numbers compared
        ("if __name__ == '__main__':\n    print(reduce(add, map(int, sys.stdin)))\n    sys.exit()", Outcome.PASS),
        ("total = 0\ndef f():\n    global total\n    total += int(input())\nf(); f()\nprint(total)", Outcome.PASS),
        ("print(5)", Outcome.WRONG),
        ("print(int(input()) + int(input()) + x)", Outcome.ERROR),
    ],
)
def test_scripts_are_judged(sandbox: Sandbox, tmp_path: Path, program: str, outcome: Outcome) -> None:
    assert sandbox.judge(program, one(tmp_path).parts["tests"]).outcome is outcome


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("class Solution:\n    def turn(self, xs: List[int], s): return xs[::-1]", Outcome.PASS),
        ("class Solution:\n    def turn(self, xs, s): return tuple(xs[::-1])", Outcome.PASS),
        ("def turn(xs, s): return xs[::-1]", Outcome.PASS),
        ("class Solution:\n    def turn(self, xs, s): return xs", Outcome.WRONG),
        ("class Solution:\n    def turn(self, xs): return xs", Outcome.ERROR),
        ("def other(xs, s): return xs[::-1]", Outcome.ERROR),
    ],
)
def test_methods_are_judged(sandbox: Sandbox, tmp_path: Path, program: str, outcome: Outcome) -> None:
    assert sandbox.judge(program, one(tmp_path, **METHOD).parts["tests"]).outcome is outcome


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, METHOD], ids=["script", "method"])
def test_a_test_has_six_seconds(sandbox: Sandbox, tmp_path: Path, fields: dict[str, Any]) -> None:
    program = "while True: pass" if not fields else "class Solution:\n    def turn(self, xs, s):\n        while 1: pass"
    verdict = sandbox.judge(program, one(tmp_path, **fields).parts["tests"])
    assert verdict.outcome is Outcome.TIMEOUT
    assert "6 s of CPU time" in verdict.feedback


# real problems, answers and grades


@pytest.fixture(scope="module")
def recorded(data: Path) -> dict[str, dict[str, Any]]:
    """o1-mini on release_v5: its answers, the programs taken from them, and their grades."""
    with gzip.open(data / "livecodebench/o1-mini_release_v5_eval_all.json.gz", "rt") as file:
        return {each["question_id"]: each for each in json.load(file)}


@pytest.fixture
def real(data: Path, recorded: dict[str, dict[str, Any]], tmp_path: Path) -> tuple[Item, ...]:
    """Three problems with their tests in the encoding of the data set."""
    ids = {"codeforces/1873_A": "1873_A", "leetcode/2727": "2727", "atcoder/abc301_a": "abc301_a"}
    rows = []
    for line in (data / "livecodebench/three_problems_with_tests.jsonl").read_text().splitlines():
        problem = json.loads(line)
        id = ids[json.loads(problem["labels"])["task_id"]]
        known = {key: recorded[id][key] for key in row() if key in recorded[id]}
        metadata = json.dumps({"func_name": "countSeniors"} if id == "2727" else {})
        rows.append({**known, "public_test_cases": "[]", "private_test_cases": problem["test"], "metadata": metadata})
    return load_suite("livecodebench", str(write(tmp_path / "test.jsonl", *rows))).items


def test_recorded_answers_pass_the_real_tests(
    sandbox: Sandbox, real: tuple[Item, ...], recorded: dict[str, dict[str, Any]]
) -> None:
    for item, tests in zip(real, (5, 14, 15), strict=True):
        assert recorded[item.task.id]["graded_list"] == [True]
        verdict = sandbox.judge(recorded[item.task.id]["code_list"][0], item.parts["tests"])
        assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, tests, tests)


def test_spoilt_answers_fail_the_real_tests(
    sandbox: Sandbox, real: tuple[Item, ...], recorded: dict[str, dict[str, Any]]
) -> None:
    spoils = (("<= 2", "<= 3"), ("> 60", ">= 60"), ("'A'", "'B'"))
    assert [item.task.id for item in real] == ["1873_A", "2727", "abc301_a"]
    for item, (old, new) in zip(real, spoils, strict=True):
        code = recorded[item.task.id]["code_list"][0]
        spoilt = code.replace(old, new) if old in code else code.replace('"NO"', '"YES"').replace('"A"', '"B"')
        assert spoilt != code
        assert sandbox.judge(spoilt, item.parts["tests"]).outcome is Outcome.WRONG, item.task.id


def test_extraction_takes_the_recorded_programs(recorded: dict[str, dict[str, Any]]) -> None:
    assert len(recorded) == 880
    for each in recorded.values():
        assert [last_fence(answer) for answer in each["output_list"]] == each["code_list"]


def test_parsing_differs_only_where_the_fences_are_broken(recorded: dict[str, dict[str, Any]]) -> None:
    differ = {
        id: each["code_list"][0]
        for id, each in recorded.items()
        if parsed(each["output_list"][0]).strip("\n") != each["code_list"][0].strip("\n")
    }
    assert differ == {"3637": "", "abc384_g": ""}  # a fence within a fence, of which the official rule takes nothing


def test_the_real_tests_hold_what_the_dump_says(real: tuple[Item, ...]) -> None:
    counts = defaultdict(int, {item.task.id: len(cases_of_item(item)) for item in real})
    assert counts == {"1873_A": 5, "2727": 14, "abc301_a": 15}
    assert cases_of_item(real[0])[1] == Case("1\nabc\n", "YES\n")


def cases_of_item(item: Item) -> tuple[Case, ...]:
    return tuple(item.parts["tests"].cases)
