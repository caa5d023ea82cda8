"""The command line: what each verb leaves behind, and one sentence with exit code 2 for bad input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from iterpref.cli import app, main
from iterpref.store import Run
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.types import Pair

RIGHT, WRONG = "def f(x):\n    return x + 1\n", "def f(x):\n    return x\n"
SESSION = {
    "task_id": "t",
    "prompt": "Add one.",
    "entry_point": "f",
    "tests": ["assert f(1) == 2"],
    "attempts": [WRONG, RIGHT],
    "verdicts": ["fail", "pass"],
}
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["iterpref", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


def recipe(tmp_path: Path, *rows: object, more: str = "") -> str:
    (tmp_path / "logs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.yaml").write_text("run: run\ncollect:\n  source: logs.jsonl\n" + more)
    return "r.yaml"


def test_collect_and_pairs_leave_exports_and_a_summary(cli: Cli, tmp_path: Path) -> None:
    import datasets

    name = recipe(tmp_path, SESSION, {**SESSION, "attempts": [RIGHT, WRONG], "verdicts": ["pass", "fail"]})
    assert cli("collect", name)[0] == 0
    code, out, _ = cli("pairs", name)
    assert code == 0
    assert "wrote run/summary.md" in out
    pairs = datasets.load_dataset("parquet", data_files="run/export/pairs.parquet", split="train", cache_dir="cache")
    assert [(row["chosen"], row["rejected"]) for row in pairs] == [(RIGHT, WRONG), (RIGHT, None)]
    assert pairs[0]["rejected_spans"] == [{"start": 10, "end": len(WRONG), "weight": 1.0, "reason": "changed"}]
    summary = (tmp_path / "run" / "summary.md").read_text()
    assert "4 of 4 agree with running the program again (100.00%)" in summary
    assert "| regression: fails after the version that passes | 1 |" in summary
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["recipe"]["collect"]["source"] == "logs.jsonl"
    assert manifest["versions"]["iterpref"]


def test_pairs_are_exported_for_other_trainers(cli: Cli, tmp_path: Path) -> None:
    import datasets

    name = recipe(tmp_path, SESSION, {**SESSION, "attempts": [RIGHT], "verdicts": ["pass"]})
    cli("collect", name)
    code, out, _ = cli("pairs", name, "--export", "trl")
    assert code == 0
    assert "wrote run/export/trl.jsonl" in out
    row = {
        "prompt": "Add one.",
        "chosen": RIGHT,
        "rejected": WRONG,
        "chosen_spans": [{"start": 10, "end": len(RIGHT), "weight": 1.0, "reason": "changed"}],
        "rejected_spans": [{"start": 10, "end": len(WRONG), "weight": 1.0, "reason": "changed"}],
    }
    for kind, file in (("json", "trl.jsonl"), ("parquet", "trl.parquet")):
        loaded = datasets.load_dataset(kind, data_files=f"run/export/{file}", split="train", cache_dir="cache")
        assert loaded.to_list() == [row]  # the anchor has no y-, which trainers do not take
    assert cli("pairs", name, "--export", "csv")[0] == 2


def test_a_proven_focus_is_kept_and_costs_nothing_again(cli: Cli, tmp_path: Path) -> None:
    noisy = "def f(x):\n    str(x)\n    return x\n"
    name = recipe(tmp_path, {**SESSION, "attempts": [noisy, RIGHT]})
    cli("collect", name)
    assert cli("pairs", name, "pairs.focus=verified")[0] == 0
    with Run(tmp_path / "run", read_only=True) as run:
        (pair,) = [pair for _, pair in run.items("pair", Pair)]
        known = run.ids("ran", 0)
    assert [noisy[span.start : span.end] for span in pair.rejected_spans if span.weight] == ["    return x\n"]
    assert known
    assert cli("pairs", name, "pairs.focus=verified", "pairs.preferred=minimal", "pairs.max_lines=7")[0] == 0
    with Run(tmp_path / "run", read_only=True) as run:
        assert run.ids("ran", 0) == known
        assert [pair.chosen for _, pair in run.items("pair", Pair)] == [noisy.replace("return x", "return x + 1")]


class Strict:
    """A teacher that calls every other difference cosmetic, and says nothing to the others."""

    name = "strict"

    @classmethod
    def from_settings(cls, settings: Settings) -> Strict:
        return cls()

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for number, request in reversed(list(enumerate(requests))):
            assert "return x + 1" in request.task.prompt
            yield number, Reply(None if number % 2 else "verdict = 'cosmetic'")


def test_a_teacher_may_judge_whether_a_difference_is_cosmetic(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, {**SESSION, "attempts": [WRONG, WRONG.replace("x\n", "-x\n"), RIGHT], "verdicts": []})
    cli("collect", name)
    code, *told = cli("pairs", name, f"pairs.judge={__name__}:Strict", "collect.model=some-model")
    assert code == 0
    assert "gave no verdict on 1 of 1 pairs that are kept" in "".join(told)
    with Run(tmp_path / "run", read_only=True) as run:
        (pair,) = [pair for _, pair in run.items("pair", Pair)]
        assert run.drops("pairs") == {"the language model calls the difference cosmetic": 1}
    assert pair.provenance["judge"] == "no answer"


def test_show_marks_what_is_penalised(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, SESSION)
    cli("collect", name)
    cli("pairs", name)
    code, out, _ = cli("show", "run")
    assert code == 0
    assert "return x + 1" in out
    assert "the failing version" in out
    code, _, err = cli("show", "run", "7")
    assert (code, "there is no pair '7' in round 1; it has pairs 1 to 1" in err) == (2, True)


def test_labelled_pairs_without_tests_are_taken_as_labelled(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, {"prompt": "Add one.", "chosen": RIGHT, "rejected": WRONG})
    assert cli("collect", name)[0] == 0
    assert cli("pairs", name)[0] == 0
    assert "| pairs | 1 |" in (tmp_path / "run" / "summary.md").read_text()


def test_a_second_run_does_nothing_again(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, SESSION)
    cli("collect", name)
    before = (tmp_path / "run" / "export" / "attempts.parquet").read_bytes()
    assert cli("collect", name)[0] == 0
    assert (tmp_path / "run" / "export" / "attempts.parquet").read_bytes() == before  # times of the runs included


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("collect", "nowhere.yaml"), "nowhere.yaml: no such recipe file"),
        (("collect", "r.yaml", "colect.limit=1"), "unknown key `colect`; did you mean `collect`?"),
        (("collect", "r.yaml", "collect.limit=many"), "`collect.limit` is 'many'"),
        (("collect", "r.yaml", "collect.source=none.jsonl"), "none.jsonl: no such file"),
        (("collect", "r.yaml", "collect.source="), "the recipe names no data"),
        (("collect", "r.yaml", "collect.drafter=loca"), "no teacher named 'loca'; did you mean 'local'?"),
        (("pairs", "r.yaml", "run=empty"), "empty holds no trajectories yet; run `iterpref collect` first"),
        (("train", "r.yaml", "run=empty"), "empty holds no pairs yet; run `iterpref pairs` first"),
        (("train", "r.yaml", "run=empty", "--only", "ours"), "no variant 'ours' in the recipe; it has target-rpo."),
        (("pairs", "r.yaml", "run=empty", "pairs.focus=proven"), "`pairs.focus` is 'proven'"),
        (("show", "nothing"), "nothing: there is no run here"),
        (("run", "r.yaml", "rounds=2"), "collect.drafter must be local"),
    ],
)
def test_bad_input_is_one_sentence(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    recipe(tmp_path, SESSION)
    code, _, err = cli(*arguments)
    assert code == 2
    assert sentence in err
    assert err.strip().count("\n") == 0


@pytest.mark.parametrize("arguments", [("nosuch",), ("run",), ("show", "x", "1", "--nosuch")])
def test_wrong_usage_is_told_by_exit_code_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    code, _, err = cli(*arguments)
    assert code == 2
    assert "Traceback" not in err
    assert "nosuch" in err or "RECIPE" in err.upper()


def test_a_model_folder_without_a_tokenizer_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    name = recipe(tmp_path, SESSION)
    cli("collect", name)
    cli("pairs", name)
    code, _, err = cli("train", name, "train.model_name_or_path=./empty")
    assert code == 2
    assert "./empty: no tokenizer could be loaded from there" in err


def test_nothing_left_says_why(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, {**SESSION, "attempts": [WRONG, WRONG + "#"], "verdicts": []})
    cli("collect", name)
    code, _, err = cli("pairs", name)
    assert code == 2
    assert "no pair is left of 1 trajectories: no version of the task passes (2)" in err


def test_attempts_of_another_recipe_are_not_mixed_in(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, SESSION)
    cli("collect", name)
    code, _, err = cli("collect", name, "collect.iterations=9")
    assert code == 2
    assert "collected with collect.iterations=5" in err


def test_a_malformed_line_stops_before_anything_is_run(cli: Cli, tmp_path: Path) -> None:
    name = recipe(tmp_path, SESSION)
    with (tmp_path / "logs.jsonl").open("a") as handle:
        handle.write('{"prompt": \n')
    code, _, err = cli("collect", name)
    assert code == 2
    assert "logs.jsonl, line 2: not valid JSON" in err


@pytest.fixture
def small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_model_is_scored_on_a_benchmark_and_compared(cli: Cli, tmp_path: Path, small_cache: None) -> None:
    pytest.importorskip("torch")
    how = ("--benchmark", "micro", "--model", "micro:base", "--limit", "6", "--option", "count=8")
    code, out, _ = cli("eval", *how, "--run", "greedy")
    assert code == 0
    assert "the first 6 of 8 tasks" in out
    assert "6/6" in out  # the benchmark's own solutions
    assert "wrote greedy/eval/micro,count=8.json" in out
    assert cli("eval", *how, "--run", "greedy")[:2] == (code, out)
    code, out, _ = cli("eval", *how, "--run", "sampled", "--temperature", "0.8", "--samples", "2")
    assert code == 0
    assert "pass@2" in out
    code, out, _ = cli("compare", "greedy", "sampled", "--page", "pages/c.html")
    assert code == 0
    assert "second minus first" in out
    assert "samples: 1, then 2" in out
    assert "wrote pages/c.html" in out
    assert "micro+" in (tmp_path / "pages" / "c.html").read_text()


def test_an_unfinished_evaluation_ends_with_code_1(
    cli: Cli, small_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("iterpref.evaluate.benchmark.undecided", lambda _: "the machine is on fire")
    code, out, _ = cli("eval", "--benchmark", "micro", "--model", "micro:base", "--option", "count=1", "--run", "r")
    assert code == 1
    assert "unfinished: 0 questions without an answer, 1 answer without a verdict" in " ".join(out.split())
    assert "1 time: the machine is on fire" in out
    assert "pass@1" not in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("eval", "--benchmark", "micrq", "--model", "micro:base"),
            "no benchmark named 'micrq'; did you mean 'micro'?",
        ),
        (("eval", "--benchmark", "micro"), "no model was named; set --model"),
        (("eval", "--benchmark", "micro", "--model", "m", "--option", "count"), "write it as KEY=VALUE"),
        (("eval", "--benchmark", "micro", "--model", "m", "--option", "release=5"), "takes no option 'release'"),
        (("eval", "--benchmark", "micro", "--model", "m", "--style", "chat"), "choose auto, complete or instruct"),
        (("eval", "--benchmark", "micro", "--model", "m", "--samples", "5"), "set --temperature"),
        (
            ("eval", "--benchmark", "micro", "--model", "micro:base", "--max-new-tokens", "500", "--option", "count=1"),
            "lower --max-new-tokens, or take a model with a longer context.",
        ),
        (
            ("eval", "--benchmark", "micro", "--model", "m", "--base-url", "http://localhost:9/v1"),
            "or correct --base-url",
        ),
        (("compare", "nowhere", "nowhere"), "nowhere: there is no such file or folder"),
    ],
)
def test_a_bad_evaluation_is_one_sentence(
    cli: Cli, small_cache: None, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, err = cli(*arguments)
    assert code == 2
    told = [line for line in err.strip().split("\n") if ": asking " not in line and ": 0/1" not in line]
    assert len(told) == 1
    assert sentence in told[0]


def test_doctor_names_isolation_extras_and_device(cli: Cli) -> None:
    code, out, _ = cli("doctor")
    assert code == 0
    assert all(word in out for word in ("sandbox:", "extra train:", "extra chat:", "device:"))


def test_every_verb_has_help_and_stands_in_the_readme(cli: Cli) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    for command in app.registered_commands:
        assert command.callback is not None
        assert (command.callback.__doc__ or "").strip()
        assert f"iterpref {command.callback.__name__}" in readme


def test_a_benchmark_of_ones_own_is_found_in_the_working_directory(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a console script has it, whose search path holds the script's folder and not this one."""
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "ownbench.py").write_text("def load(path=''):\n    return 3\n")
    code, _, told = cli("eval", "--benchmark", "ownbench:load", "--model", "micro:base")
    assert (code, told) == (2, "iterpref: ownbench:load returned int, not a Suite.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--benchmark", "jsonl", "--model", "micro:base"), "iterpref: jsonl: name the file of tasks with --path.\n"),
        (
            ("--benchmark", "micro", "--model", "micro:base", "--run", "/proc/none"),
            "iterpref: /proc/none: the run folder cannot be made (No such file or directory); choose another --run.\n",
        ),
    ],
)
def test_what_is_wrong_is_said_in_options_of_the_command(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    assert cli("eval", *arguments)[::2] == (2, told)


def test_ctrl_c_says_how_to_go_on(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    name = recipe(tmp_path, SESSION)
    monkeypatch.setattr("iterpref.pipeline.collect_stage", interrupted)
    code, _, err = cli("collect", name)
    assert code == 130
    assert err == "\nstopped; run the same command again to go on where it was\n"


def test_a_verb_whose_extra_is_not_installed_names_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, told = cli("micro", "pretrain", "model")
    assert code == 2
    assert told == "iterpref: this needs the package torch; pip install 'iterpref[train]'\n"
