"""Evaluation as a whole: settings are kept apart, and all that can be wrong is told before anything is spent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iterpref import evaluating
from iterpref.config import SandboxConfig
from iterpref.errors import InputError
from iterpref.evaluate.compare import compare, load_results
from iterpref.evaluate.wanted import Wanted, read_options, weights_digest
from iterpref.evaluating import evaluate_benchmark, prepare
from iterpref.store import Run
from iterpref.suites import base
from iterpref.suites.base import Suite
from tests.evaluate.suites import Writer, suite
from tests.teachers.server import completion, serve


def load(path: str = "", count: str = "4") -> Suite:
    """A benchmark of one's own, by dotted path."""
    return suite(int(count))


OWN = f"{__name__}:load"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Takes the place of the model that would be loaded; right for even tasks."""
    found = Writer(lambda n, sample: f"    return {n if n % 2 == 0 else 'None'}\n")
    found.style = "complete"  # type: ignore[attr-defined]
    monkeypatch.setattr(evaluating, "LocalAnswers", lambda *_, **__: found)
    return found


def go(folder: Path, **wanted: Any) -> tuple[dict[str, Any], list[Path]]:
    prepared = prepare(Wanted(**{"benchmark": OWN, "model": "some/model", **wanted}))
    with Run(folder) as run:
        return evaluate_benchmark(run, prepared, SandboxConfig(workers=2))


def test_the_result_says_how_it_came_about(tmp_path: Path, writer: Writer) -> None:
    result, files = go(tmp_path / "run")
    assert result["scores"]["small+"]["pass@1"]["value"] == 0.5
    assert result["ground_truth"]["passed"] == {"small": 3, "small+": 3}
    assert result["ground_truth"]["kinds"].keys() == {"T/3"}
    assert result["sandbox"]["mode"] in ("full", "restricted")
    assert result["sandbox"]["protections"]
    told = ("model", "style", "temperature", "max_new_tokens", "prefill", "stops", "seed", "samples")
    assert [result[key] for key in told] == ["some/model", "complete", 0.0, 768, "", [], 0, 1]
    assert result["versions"]["iterpref"]
    assert json.loads(files[0].read_text()) == json.loads(json.dumps(result))
    assert json.loads(files[1].read_text())["results"]["small"]["pass@1,none"] == 0.5


def test_a_second_run_asks_nothing_and_more_samples_go_on(tmp_path: Path, writer: Writer) -> None:
    first, _ = go(tmp_path, temperature=0.8)
    second, _ = go(tmp_path, temperature=0.8)
    assert second["scores"] == first["scores"]
    assert len(writer.asked) == 4
    third, _ = go(tmp_path, temperature=0.8, samples=3)
    assert len(writer.asked) == 12
    assert third["scores"]["small"]["pass@3"]["value"] == 0.5
    fewer, _ = go(tmp_path, temperature=0.8, samples=2, limit=2)
    assert (len(writer.asked), fewer["benchmark"]["tasks"]) == (12, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"temperature": 0.5}, "temperature=0.0, now 0.5"),
        ({"model": "another/model"}, "model='some/model', now 'another/model'"),
        ({"style": "instruct"}, "style='complete', now 'instruct'"),
        ({"max_new_tokens": 9}, "max_new_tokens=768, now 9"),
        ({"seed": 1}, "seed=0, now 1"),
    ],
)
def test_answers_of_other_settings_are_not_mixed_in(
    tmp_path: Path, writer: Writer, change: dict[str, Any], sentence: str
) -> None:
    go(tmp_path)
    with pytest.raises(InputError, match=sentence):
        go(tmp_path, **change)
    assert len(writer.asked) == 4


def test_settings_under_which_nothing_was_answered_bind_nobody(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        go(tmp_path, base_url="http://127.0.0.1:9/v1", seed=1)
    result, _ = go(tmp_path)
    assert (result["complete"], result["style"], result["base_url"]) == (True, "complete", "")


def test_an_unfinished_evaluation_gives_no_score(tmp_path: Path, writer: Writer) -> None:
    writer.says = lambda n, sample: None if n == 1 else f"    return {n}\n"
    result, files = go(tmp_path)
    assert (result["complete"], result["scores"], result["unanswered"]) == (False, {}, 1)
    assert [path.name for path in files] == [f"{Wanted(OWN).label}.json"]
    writer.says = lambda n, sample: f"    return {n}\n"
    result, _ = go(tmp_path)
    assert result["scores"]["small"]["pass@1"]["value"] == 1.0


def test_ready_made_samples_are_judged_as_many_as_there_are(tmp_path: Path) -> None:
    rows = [{"task_id": f"T/{n}", "solution": f"def f(): return {n}"} for n in (0, 1, 2, 3, 1)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result, files = go(tmp_path / "run", model="", answers=str(tmp_path / "mine.jsonl"))
    assert result["scores"]["small+"]["pass@1"]["value"] == 1.0
    assert [len(task["samples"]) for task in result["tasks"]] == [1, 2, 1, 1]
    assert (result["model"], result["samples"]) == ("mine.jsonl", 2)
    assert f"{Wanted(OWN).label}.samples.jsonl" in [path.name for path in files]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[::-1]))
    with pytest.raises(InputError, match="was evaluated with answers="):
        go(tmp_path / "run", model="", answers=str(tmp_path / "mine.jsonl"))
    with pytest.raises(InputError, match="cannot be read"):
        prepare(Wanted(OWN, answers=str(tmp_path / "none.jsonl")))


def test_a_folder_of_samples_is_judged(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / "made" / f"T_{n}").mkdir(parents=True)
        (tmp_path / "made" / f"T_{n}" / "0.py").write_text(f"def f():\n    return {n}\n")
    result, _ = go(tmp_path / "run", model="", answers=str(tmp_path / "made"))
    assert result["scores"]["small+"]["pass@1"]["value"] == 1.0
    (tmp_path / "made" / "T_0" / "0.py").write_text("def f():\n    return 9\n")
    with pytest.raises(InputError, match="was evaluated with answers="):
        go(tmp_path / "run", model="", answers=str(tmp_path / "made"))


def test_a_server_is_asked_by_chat_and_nothing_is_paid_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        n = body["messages"][-1]["content"].split()[1].rstrip(".")
        return 200, completion(f"```python\ndef f():\n    return {n}\n```")

    with serve(answer) as server:
        result, _ = go(tmp_path, model="m", base_url=server.url)
        again, _ = go(tmp_path, model="m", base_url=server.url)
    assert len(server.requests) == 4
    assert result["scores"]["small+"]["pass@1"]["value"] == 1.0
    assert (result["style"], result["prefill"], result["stops"]) == ("instruct", "not sent", [])
    assert again["scores"] == result["scores"]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"benchmark": "humanevl"}, "no benchmark named 'humanevl'; did you mean"),
        ({"options": {"relase": "5"}}, "takes no option 'relase'; it takes count"),
        ({"model": ""}, "no model was named; set --model"),
        ({"model": "./nowhere"}, "no such model folder; set --model"),
        ({"style": "chat"}, "--style is 'chat'; choose auto, complete or instruct"),
        ({"samples": 0}, "--samples is 0"),
        ({"samples": 4}, "several greedy answers are all the same; set --temperature"),
        ({"temperature": -1.0}, "--temperature is -1.0"),
        ({"temperature": float("nan")}, "--temperature is nan"),
        ({"limit": 0}, "--limit is 0"),
        ({"max_new_tokens": 0}, "--max-new-tokens is 0"),
        ({"model": "", "base_url": "http://localhost:1/v1"}, "set --model to a name that the server knows"),
        ({"style": "complete", "base_url": "http://localhost:1/v1"}, "a server is asked by chat"),
        ({"base_url": "http://me:word@localhost/v1"}, "holds a secret"),
        ({"answers": "x.jsonl", "base_url": "http://localhost/v1"}, "leave --base-url out"),
        ({"answers": "x.jsonl", "samples": 5}, "leave --samples out"),
        ({"options": {"count": "0"}}, "holds no task"),
    ],
)
def test_bad_input_is_told_before_anything_is_spent(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        prepare(Wanted(**{"benchmark": OWN, "model": "some/model", **wanted}))


def test_options_are_key_and_value() -> None:
    assert read_options(["release=release_v5", "window=a=b"]) == {"release": "release_v5", "window": "a=b"}
    with pytest.raises(InputError, match="KEY=VALUE"):
        read_options(["release"])


def test_benchmarks_are_told_apart_in_a_run_folder() -> None:
    named = Wanted("bigcodebench", options={"subset": "hard", "split": "instruct"})
    assert named.label == "bigcodebench,split=instruct,subset=hard"
    assert Wanted("jsonl", path="data/mine.jsonl.gz").label == "jsonl-mine"
    assert "/" not in Wanted("my.module:load").label


def test_weights_trained_anew_into_the_same_folder_are_others(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 3_000_000)
    before = weights_digest(str(tmp_path))
    assert weights_digest(str(tmp_path)) == before
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 2_999_999 + b"\1")
    assert weights_digest(str(tmp_path)) != before
    assert weights_digest("org/model") == ""


def test_results_are_found_in_files_and_run_folders(tmp_path: Path, writer: Writer) -> None:
    go(tmp_path / "a")
    writer.says = lambda n, sample: f"    return {n}\n"
    _, (file, *_) = go(tmp_path / "b", model="better/model")
    (found,) = compare(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (found["scores"][0]["won"], found["scores"][0]["lost"]) == (["T/1", "T/3"], [])
    assert list(load_results(str(file))) == [file.stem]
    (renamed := tmp_path / "renamed.json").write_text(file.read_text())
    assert compare(str(tmp_path / "a" / "eval"), str(renamed))[0]["tasks"] == 4
    assert found["models"] == ["some/model", "better/model"]
    (same,) = compare(str(file), str(renamed))
    assert same["models"] == [f"better/model in {file}", f"better/model in {renamed}"]


def test_what_is_no_result_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `iterpref eval` first"):
        load_results(str(tmp_path))
    with pytest.raises(InputError, match="no such file or folder"):
        load_results(str(tmp_path / "nowhere"))
    for text in ('{"schema": 99}', '{"schema": 1, "tasks": []}', "[1]", "{"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match="not a result of `iterpref eval`"):
            load_results(str(tmp_path / "x.json"))
    (tmp_path / "eval" / "base").mkdir(parents=True)
    (tmp_path / "eval" / "base" / "small.json").write_text("{}")
    with pytest.raises(InputError, match=r"choose one of .*eval/base"):
        load_results(str(tmp_path))


def test_every_benchmark_has_a_name_of_its_own() -> None:
    assert len(set(base.SUITES.values())) == len(base.SUITES)


@pytest.mark.slow
def test_a_real_server_gives_the_score_of_the_model_that_is_loaded_here(
    tmp_path: Path, transformers_serve: tuple[str, Path]
) -> None:
    url, folder = transformers_serve
    how: dict[str, Any] = {"benchmark": "micro", "options": {"count": "12"}}
    here, _ = go(tmp_path / "here", model="micro:base", **how)
    there, _ = go(tmp_path / "there", model=str(folder), base_url=url, **how)
    assert here["scores"] == there["scores"]
    (found,) = compare(str(tmp_path / "here"), str(tmp_path / "there"))
    assert found["flips"] == []
    assert "style: 'complete', then 'instruct'" in found["notes"]
