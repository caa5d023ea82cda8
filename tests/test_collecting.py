"""Collecting from an endpoint: what a run holds in the end, whatever happened on the way."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("openai")

from iterpref import outputs, pipeline
from iterpref.cli import main
from iterpref.config import ChatConfig, CollectConfig, Recipe
from iterpref.records import End, trajectories
from iterpref.store import Run
from iterpref.tasks.written import NewTests
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.ledger import Ledger
from iterpref.types import Trajectory
from tests.teachers.server import Faults, Server, completion, rows, serve, sometimes_right

Cli = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["iterpref", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return call


def recipe(folder: Path, name: str, url: str, count: int, **more: Any) -> Recipe:
    source = folder / f"tasks-{count}.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows(count)))
    chat = {"model": "m", "base_url": url, "deadline_seconds": 1.0, **more.pop("chat", {})}
    collect = {"source": str(source), "drafter": "chat", "repairer": "chat", **more}
    return Recipe(run=str(folder / name), collect=CollectConfig(**collect), chat=ChatConfig(**chat))


def collect(recipe: Recipe) -> None:
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)


def contents(folder: str | Path) -> dict[str, Any]:
    """What a run holds, times and the order of arrival aside."""
    with Run(folder, read_only=True) as run, Ledger(Path(folder), read_only=True) as ledger:
        return {
            "sources": dict(run.items("source", Trajectory)),
            "sessions": {
                id: [(a.index, a.code, a.message, a.verdict.outcome, a.verdict.feedback) for a in made.attempts]
                for id, made in trajectories(run)
            },
            "ends": dict(run.items("end", End)),
            "left": sorted(run.ids("left")),
            "answers": dict(ledger.answers()),
        }


def test_a_run_among_faults_equals_one_without(tmp_path: Path) -> None:
    with serve(sometimes_right) as server:
        collect(recipe(tmp_path, "calm", server.url, 24))
    with serve(sometimes_right, faults=Faults(rate=0.3)) as server:
        collect(recipe(tmp_path, "stormy", server.url, 24))
    calm, stormy = contents(tmp_path / "calm"), contents(tmp_path / "stormy")
    names = {id: json.loads(body).pop("model") for id, body in stormy.pop("answers").items()}
    assert names.keys() == calm.pop("answers").keys()
    assert "another" in names.values()
    assert stormy == calm
    assert len(calm["sessions"]) == 24
    assert {end.reason for end in calm["ends"].values()} >= {"solved", "unsolved"}


def test_sessions_go_on_independently_of_each_other(tmp_path: Path) -> None:
    """Task 0's draft is answered last; by then the others have been repaired to their ends."""
    order: list[int] = []
    held = threading.Event()

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        number = int(body["messages"][-1]["content"].split()[1])
        if number == 0:
            held.wait(timeout=28)
        order.append(number)
        return sometimes_right(body)

    with serve(answer) as server:
        made = recipe(tmp_path, "run", server.url, 6, chat={"deadline_seconds": 30.0})
        thread = threading.Thread(target=collect, args=(made,))
        thread.start()
        ended, deadline = 0, time.monotonic() + 25
        while ended < 5 and time.monotonic() < deadline:
            time.sleep(0.1)
            if (tmp_path / "run" / "manifest.json").exists():
                with Run(tmp_path / "run", read_only=True) as run:
                    ended = run.count("end")
        held.set()
        thread.join()
    first = order.index(0)
    assert set(order[first:]) == {0}
    assert any(order.count(number) > 1 for number in range(1, 6))


def test_sessions_are_brought_to_their_end_before_many_others_are_begun(tmp_path: Path) -> None:
    with serve(lambda body: (200, completion("```python\ndef f(x):\n    return None\n```"))) as server:
        collect(recipe(tmp_path, "run", server.url, 12, iterations=2, chat={"concurrency": 1}))
    order = [int(sent["messages"][-1]["content"].split()[1]) for sent in server.requests]
    assert len(order) == 12 * 3
    ended = [number for number in range(12) if order[:18].count(number) == 3]
    assert len(ended) >= 2  # 18 requests are enough for six; four are under way
    assert len(set(order[:18]) - set(ended)) <= 4


def test_an_iteration_without_a_program_costs_one_and_leaves_a_gap(tmp_path: Path) -> None:
    with serve(sometimes_right) as server:
        collect(recipe(tmp_path, "run", server.url, 30))
    with Run(tmp_path / "run", read_only=True) as run:
        made = dict(trajectories(run))
        ends = dict(run.items("end", End))
    gaps = [id for id, each in made.items() if each.attempts and each.attempts[-1].index >= len(each.attempts)]
    assert gaps
    assert max(attempt.index for each in made.values() for attempt in each.attempts) == 5
    assert all(
        ends[id].reason == ("solved" if each.solved else "unsolved") for id, each in made.items() if each.attempts
    )


def test_sampling_draws_independent_versions_and_pairs_any_failure_with_a_pass(tmp_path: Path) -> None:
    with serve(sometimes_right) as server:
        made = recipe(tmp_path, "run", server.url, 20, repairer="resample", iterations=4)
        with pipeline.open_run(made) as run:
            pipeline.collect_stage(run, made)
            pipeline.pairs_stage(run, made)
            text = outputs.summarise(run, made)
            found = dict(trajectories(run))
            pairs = run.count("pair")
    assert all("does not pass its tests" not in sent["messages"][-1]["content"] for sent in server.requests)
    assert len(server.requests) == 20 * 5
    by_hand = sum(len(each.failures) for each in found.values() if each.solved)
    assert by_hand > 20
    assert pairs >= by_hand * 0.9  # the rest is filtered: the same tree, or the same pair
    assert "| versions are | sampled | debugged | sampled |" in text
    assert "| tries | sessions that pass | paper |" in text
    repeats = sum(len(codes) - len(set(codes)) for codes in ([a.code for a in t.attempts] for t in found.values()))
    assert f"repeat an earlier one of their task word for word: {repeats} of " in text


def test_tests_beside_a_repair_are_run_and_recorded_but_the_frozen_ones_decide(tmp_path: Path) -> None:
    wrong = "```python\ndef f(x):\n    return x\n```\n```python\nfrom m import f\nassert f(1) == 1\n```"

    with serve(lambda body: (200, completion(wrong))) as server:
        made = recipe(tmp_path, "run", server.url, 3, iterations=1)
        with pipeline.open_run(made) as run:
            pipeline.collect_stage(run, made)
            seen = dict(run.items("new tests", NewTests))
            ends = [end.reason for _, end in run.items("end", End)]
            text = outputs.summarise(run, made)
    # f(x) = x + 0 is right for the first task, which ends at once; the others are repaired once
    assert ends.count("solved") == 1
    assert seen["t00001/001"] == NewTests("from m import f\nassert f(1) == 1", "", "pass")
    assert "Repairs that came with tests of their own: 5." in text
    assert "| fit; with the repair they say: pass | 5 |" in text


class Student:
    """Drafts in batches, and is never right."""

    name = "student"

    def __init__(self) -> None:
        self.batches: list[int] = []

    @classmethod
    def from_settings(cls, settings: Settings) -> Student:
        return cls()

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        STUDENT.batches.append(len(requests))
        for index, _ in enumerate(requests):
            yield index, Reply("def f(x):\n    return None\n")


STUDENT = Student()


def test_a_student_drafts_in_one_batch_and_the_endpoint_repairs(tmp_path: Path) -> None:
    with serve(sometimes_right) as server:
        made = recipe(tmp_path, "run", server.url, 12, drafter=f"{__name__}:Student")
        collect(made)
    assert STUDENT.batches == [12]
    first: dict[str, str] = {}
    for sent in server.requests:
        first.setdefault(sent["messages"][-1]["content"].splitlines()[0], sent["messages"][-1]["content"])
    assert len(first) == 12
    assert all("return None" in asked for asked in first.values())
    with Run(tmp_path / "run", read_only=True) as run:
        made_of = [each for _, each in trajectories(run)]
    assert {each.teacher for each in made_of} == {"student+chat"}
    assert {each.attempts[0].code for each in made_of} == {"def f(x):\n    return None\n"}
    assert sum(each.solved for each in made_of) >= 6


def test_repeats_and_regressions_are_kept_and_marked(tmp_path: Path) -> None:
    with serve(sometimes_right) as server:
        made = recipe(tmp_path, "run", server.url, 30)
        with pipeline.open_run(made) as run:
            pipeline.collect_stage(run, made)
            text = outputs.summarise(run, made)
            outputs.export(run)
    rows = pq.read_table(tmp_path / "run" / "export" / "attempts.parquet").to_pylist()
    marked = Counter(row["mark"] for row in rows)
    assert marked["repeat"] > 0
    assert marked["regression"] > 0
    assert f"repeat {marked['repeat']}" in text
    assert f"regression {marked['regression']}" in text
    sessions: dict[str, list[str]] = {}
    for row in rows:
        before = sessions.setdefault(row["session"], [])
        assert (row["mark"] == "repeat") == (row["code"] in before)
        before.append(row["code"])


def test_the_summary_says_what_was_asked_and_what_it_cost(tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text("m: {input: 100, output: 1000}\n")
    with serve(sometimes_right) as server:
        made = recipe(tmp_path, "run", server.url, 12, chat={"prices": str(own)})
        with pipeline.open_run(made) as run:
            pipeline.collect_stage(run, made)
            pipeline.pairs_stage(run, made)
            text = outputs.summarise(run, made)
            pairs = sum(pair["rejected"] is not None for _, pair in run.items("pair", dict))
            page = outputs.write_report(run).read_text()
    asked = len(server.requests)
    assert f"| all |  | {asked} | {11 * asked} | {7 * asked} | {(11 * 100 + 7 * 1000) / 1e6 * asked:.4f} |" in text
    assert f"| calls per pair | {asked / pairs:.1f} | 10.4 | 100 x tests |" in text
    assert "| 0 | " in text
    assert f'<th scope="row">calls per pair</th><td>{asked / pairs:.1f}</td><td>10.4</td>' in page


def test_debugging_and_sampling_of_the_same_tasks_stand_side_by_side(tmp_path: Path, cli: Cli) -> None:
    """Tasks as one run exports them are sampled by another; summary, card and page of the first show both."""
    with serve(sometimes_right, faults=Faults(rate=0.2, kinds=("429", "500", "reset", "empty"))) as server:
        recipe(tmp_path, "run", server.url, 6)
        (tmp_path / "r.yaml").write_text(
            "run: debugged\ncollect: {source: tasks-6.jsonl, drafter: chat, repairer: chat, iterations: 3}\n"
            f"chat: {{model: m, base_url: '{server.url}'}}\n"
        )
        assert cli("pairs", "r.yaml")[0] == 2  # nothing is there yet
        assert cli("collect", "r.yaml")[0] == 0
        assert cli("pairs", "r.yaml")[0] == 0
        debugged = len(server.asked)
        change = ["run=sampled", "collect.source=debugged/export/tasks.jsonl", "collect.repairer=resample"]
        assert cli("collect", "r.yaml", *change)[0] == 0
        assert cli("pairs", "r.yaml", *change)[0] == 0
        assert cli("pairs", "r.yaml", "collect.baseline=sampled")[0] == 0
        assert cli("report", "debugged")[0] == 0
    with Run("debugged", read_only=True) as run, Run("sampled", read_only=True) as other:
        assert dict(run.items("source", Trajectory)) == dict(other.items("source", Trajectory))
        pairs = [sum(pair["rejected"] is not None for _, pair in each.items("pair", dict)) for each in (run, other)]
    table = f"| calls for drafts and repairs | {debugged} | 24 |  |  |"
    rate = f"| calls per pair | {debugged / pairs[0]:.1f} | {24 / pairs[1]:.1f} | 10.4 | 100 x tests |"
    for file in ("debugged/summary.md", "debugged/export/README.md"):
        text = Path(file).read_text()
        assert "### debugging (debugged) beside sampling (sampled)" in text
        assert table in text
        assert rate in text
    page = Path("debugged/report.html").read_text()
    assert "<h3>debugging (debugged) beside sampling (sampled)</h3>" in page
    assert f'<th scope="row">calls per pair</th><td>{debugged / pairs[0]:.1f}</td><td>{24 / pairs[1]:.1f}</td>' in page


def test_from_features_to_pairs_by_the_recipe_of_the_paper(tmp_path: Path, cli: Cli) -> None:
    """Half of the solutions are wrong and are repaired; then the ledger alone gives the same run again."""
    from tests.tasks.test_written import SOLUTION, answer

    broken = SOLUTION.replace("min(x, LIMIT)", "max(x, LIMIT)")

    def author(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "does not pass its tests" in body["messages"][0]["content"]:
            return 200, completion(f"```python\n{SOLUTION}```")
        number = body["seed"]
        return 200, completion(
            answer(solution=broken if number % 2 else SOLUTION, instruction=f"Clip, number {number}.")
        )

    (tmp_path / "tree.json").write_text('{"workflow": {"reading": 3, "sorting": 1}, "logging": {"levels": 2}}')
    change = [
        "collect.source=features:tree.json",
        "collect.limit=8",
        "tasks.forms=[function, scenario]",
        "chat.model=m",
    ]
    change += ["chat.budget_usd=null", "pairs.deletions=junction"]
    with serve(author) as server:
        code, told = cli("collect", "codeflow", *change, f"chat.base_url={server.url}", "run=first")
        assert code == 0, told
        assert cli("pairs", "codeflow", *change, f"chat.base_url={server.url}", "run=first")[0] == 0
        assert set(server.asked.values()) == {1}
        assert len(server.requests) == 8 + 4
        Path("second").mkdir()
        shutil.copy("first/calls.db", "second/calls.db")  # what was paid for goes along with its file
        assert cli("collect", "codeflow", *change, f"chat.base_url={server.url}", "run=second")[0] == 0
        assert len(server.requests) == 8 + 4
    first, second = contents("first"), contents("second")
    assert first == second
    assert len(first["sources"]) == 8
    assert sorted(len(attempts) for attempts in first["sessions"].values()) == [1] * 4 + [2] * 4
    summary = Path("first/summary.md").read_text()
    assert "| pairs | 4 |" in summary
    assert "| task | m | 8 |" in summary
    assert "| calls per pair | 3.0 | 10.4 |" in summary
    assert "| 0 | 50.0% | 36.7% |" in summary
    assert "| language model | m |" in Path("first/export/README.md").read_text()


def test_what_the_judge_of_pairs_is_asked_has_a_line_of_its_own(tmp_path: Path, cli: Cli) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "cosmetic" in body["messages"][0]["content"]:
            return 200, completion('```python\nverdict = "functional"\n```')
        return sometimes_right(body)

    with serve(answer) as server:
        recipe(tmp_path, "run", server.url, 12)
        (tmp_path / "r.yaml").write_text(
            f"run: run\ncollect: {{source: tasks-12.jsonl, drafter: chat, repairer: chat}}\n"
            f"chat: {{model: m, base_url: '{server.url}'}}\npairs: {{judge: chat}}\n"
        )
        assert "The judge of pairs (pairs.judge) is asked later" in cli("collect", "r.yaml", "--estimate")[1]
        assert cli("collect", "r.yaml")[0] == 0
        collected = len(server.asked)
        assert cli("pairs", "r.yaml")[0] == 0
    judged = len(server.asked) - collected
    assert judged > 0
    assert f"| judge of pairs | m | {judged} |" in (tmp_path / "run" / "summary.md").read_text()
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        assert sum(each.answers for each in ledger.spent() if each.purpose in ("draft", "repair")) == collected


def test_an_estimate_sends_nothing_and_stores_nothing(tmp_path: Path, cli: Cli) -> None:
    with serve(sometimes_right) as server:
        recipe(tmp_path, "run", server.url, 10)
        (tmp_path / "r.yaml").write_text(
            f"run: run\ncollect: {{source: tasks-10.jsonl, drafter: chat, repairer: chat, max_new_tokens: 100}}\n"
            f"chat: {{model: gpt-4o, base_url: '{server.url}'}}\n"
        )
        code, told = cli("collect", "r.yaml", "--estimate")
    assert code == 0
    assert server.asked == {}
    assert not (tmp_path / "run").exists()
    assert "| at most | 60 |" in told  # ten drafts, fifty repairs
    assert "| expected | 34 |" in told  # 10 + 10 * (0.633 + 0.541 + 0.462 + 0.394 + 0.337)
    assert "unknown" not in told
    code, told = cli("collect", "r.yaml", "chat.request={max_tokens: null, max_completion_tokens: 500}", "--estimate")
    assert code == 0
    assert "| 30,000 |" in told  # what a request says itself is its limit


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("chat.model=", "given no model"),
        ("chat.base_url=https://api.example.org/v1", "there is no key for https://api.example.org/v1"),
        ("chat.base_url=http://127.0.0.1:9/v1", "cannot be reached"),
        ("chat.base_url=https://me:word@example.org/v1", "holds a secret"),
        ("chat.base_url=http://[::1/v1", "chat.base_url is no address"),
        ("chat.base_url=http://127.0.0.1:port/v1", "chat.base_url is no address"),
        ("chat.model=large", "does not know the model 'large'"),
        ("chat.prompts=templates", "draft.jinja: the template uses 'promt', which is not defined"),
        ("chat.prompts=nowhere", "no such folder of templates"),
        ("chat.prices=nowhere.yaml", "price table cannot be read"),
        ("chat.budget_usd=1", "needs a price for 'm'"),
        ("collect.source=features:tree.json", "'workflow > loading' is \"often\"; it must be a count or an object"),
        ("collect.source=features:nowhere.json", "feature tree cannot be read"),
        ("collect.source=nowhere.jsonl", "no such file"),
        ("collect.repairer=serch", "there is no teacher named 'serch'; did you mean 'search'?"),
        ("collect.drafter=nowhere:Student", "the teacher 'nowhere:Student' cannot be imported"),
        ("collect.drafter=local", "no model was named; set collect.model"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_asked(
    tmp_path: Path, cli: Cli, change: str, sentence: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "draft.jinja").write_text("{{ promt }}")
    (tmp_path / "tree.json").write_text('{"workflow": {"loading": "often"}}')
    with serve(sometimes_right) as server:
        recipe(tmp_path, "run", server.url, 3)
        (tmp_path / "r.yaml").write_text(
            f"run: run\ncollect: {{source: tasks-3.jsonl, drafter: chat, repairer: chat}}\n"
            f"chat: {{model: m, base_url: '{server.url}'}}\n"
        )
        code, told = cli("collect", "r.yaml", change)
        if "budget" in change:
            assert cli("collect", "r.yaml", change, "--estimate") == (code, told)
        assert server.asked == {}
    assert code == 2
    assert sentence in " ".join(told.split())
    assert told.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("", "no model was named; set train.model_name_or_path to a folder or a name"),
        ("./nowhere", "./nowhere: there is no such model folder; set train.model_name_or_path"),
        ("{folder}", "there is no model in that folder; set train.model_name_or_path"),
    ],
)
def test_a_model_that_cannot_be_trained_is_told_before_anything_is_asked(
    tmp_path: Path, cli: Cli, model: str, sentence: str
) -> None:
    with serve(sometimes_right) as server:
        recipe(tmp_path, "run", server.url, 3)
        (tmp_path / "r.yaml").write_text(
            f"run: run\ncollect: {{source: tasks-3.jsonl, drafter: chat, repairer: chat}}\n"
            f"chat: {{model: m, base_url: '{server.url}'}}\n"
        )
        code, told = cli("run", "r.yaml", f"train.model_name_or_path={model.format(folder=tmp_path)}")
        assert server.asked == {}
    assert code == 2
    assert sentence in told


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("repair.jinja", "{{ code.text }}", "repair.jinja: the template cannot be filled in"),
        ("mend.jinja", "{{ falt }}", "mend.jinja: the template uses 'falt'"),
        ("format.jinja", "{% if form == 'contest' %}{{ from }}{% endif %}", "format.jinja: the template uses 'from'"),
        ("format.jinja", "{% if form == 'contest' %}{{ form.x.y }}{% endif %}", "has no attribute 'x'"),
        ("scenario.jinja", "{{ features | join }}", "scenario.jinja: the template leaves out 'format'"),
        ("repiar.jinja", "{{ code }}", "repiar.jinja: there is no template of that name; did you mean repair.jinja?"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--estimate",)])
def test_all_templates_are_looked_at_before_tasks_are_written(
    tmp_path: Path, cli: Cli, file: str, text: str, sentence: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "tree.json").write_text('{"workflow": {"loading": 3}}')
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / file).write_text(text)
    change = ["collect.source=features:tree.json", "collect.limit=3", "chat.model=m", "chat.budget_usd=null", "run=run"]
    with serve(sometimes_right) as server:
        code, told = cli(
            "collect", "codeflow", *change, f"chat.base_url={server.url}", f"chat.prompts={tmp_path}/own", *more
        )
        assert server.asked == {}
    assert code == 2
    assert sentence in told


def test_wrong_names_are_told_by_the_estimate_too(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "tree.json").write_text('{"workflow": {"loading": 3}}')
    source = ["collect.source=features:tree.json", "collect.limit=3", "chat.model=m", "run=run"]
    code, told = cli("collect", "codeflow", *source, "collect.drafter=local", "collect.model=./none", "--estimate")
    assert code == 2
    assert "./none: there is no such model folder; set collect.model" in told
    code, told = cli("collect", "codeflow", *source, "collect.repairer=serch", "--estimate")
    assert code == 2
    assert "did you mean 'search'?" in told


def test_a_budget_stops_cleanly_and_more_of_it_goes_on(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "prices.yaml").write_text("m: {input: 0, output: 1000}\n")
    with serve(sometimes_right) as server:
        recipe(tmp_path, "run", server.url, 8)
        (tmp_path / "r.yaml").write_text(
            "run: run\ncollect: {source: tasks-8.jsonl, drafter: chat, repairer: chat, max_new_tokens: 20}\n"
            f"chat: {{model: m, base_url: '{server.url}', prices: prices.yaml}}\n"
        )
        code, told = cli("collect", "r.yaml", "chat.budget_usd=0.09")
        assert code == 0
        assert "raise chat.budget_usd and run the same command to go on" in " ".join(told.split())
        assert 0 < sum(server.asked.values()) <= 12  # an answer costs 0.007
        assert cli("collect", "r.yaml", "chat.budget_usd=10")[0] == 0
        assert set(server.asked.values()) == {1}
    with Run(tmp_path / "run", read_only=True) as run:
        assert run.count("end") == 8


def test_nothing_is_trained_on_what_a_budget_cut_short(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "prices.yaml").write_text("m: {input: 0, output: 1000}\n")
    with serve(sometimes_right) as server:
        recipe(tmp_path, "run", server.url, 8)
        (tmp_path / "r.yaml").write_text(
            "run: run\ncollect: {source: tasks-8.jsonl, drafter: chat, repairer: chat, max_new_tokens: 20}\n"
            f"chat: {{model: m, base_url: '{server.url}', prices: prices.yaml, budget_usd: 0.09}}\n"
            "train: {model_name_or_path: micro:base}\n"
        )
        code, told = cli("run", "r.yaml")
    assert code == 0
    assert "raise chat.budget_usd and run the same command to go on" in " ".join(told.split())
    with Run(tmp_path / "run", read_only=True) as run:
        assert run.count("attempt")
        assert run.count("pair") == run.count("trained") == 0


def test_no_secret_is_in_the_run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with serve(sometimes_right) as server:
        collect(recipe(tmp_path, "run", server.url, 3))
    assert server.keys == {"Bearer sk-very-secret"}
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert all(b"sk-very-secret" not in path.read_bytes() for path in files)


# -- what takes longer -----------------------------------------------------------------------------------------------


def command(folder: Path, name: str, url: str, count: int, concurrency: int) -> list[str]:
    recipe(folder, name, url, count)
    path = folder / f"{name}.yaml"
    path.write_text(
        f"run: {folder / name}\n"
        f"collect: {{source: {folder}/tasks-{count}.jsonl, drafter: chat, repairer: chat}}\n"
        f"chat: {{model: m, base_url: '{url}', deadline_seconds: 4.0, concurrency: {concurrency}}}\n"
    )
    return [sys.executable, "-m", "iterpref", "collect", str(path)]


def committed(folder: Path) -> set[str]:
    if not (folder / "calls.db").exists():
        return set()
    with Ledger(folder, read_only=True) as ledger:
        return {key for key, _ in ledger.answers()}


@pytest.mark.slow
def test_two_thousand_tasks_at_concurrency_128_with_a_tenth_of_faults_end_complete(tmp_path: Path) -> None:
    with serve(sometimes_right, faults=Faults(rate=0.1, hang_seconds=5.0), keep=False) as server:
        done = subprocess.run(
            command(tmp_path, "run", server.url, 2000, 128), capture_output=True, text=True, timeout=900
        )
    assert done.returncode == 0, done.stderr
    assert "left open" not in done.stderr
    with Run(tmp_path / "run", read_only=True) as run, Ledger(tmp_path / "run", read_only=True) as ledger:
        assert run.count("end") == 2000
        answers = sum(each.answers for each in ledger.spent())
        assert answers == len(server.asked)  # every question has one answer
        assert sum(ledger.faults().values()) >= server.faults["500"] + server.faults["hang"] > 0
        assert ledger.lost() == 0
        given_up = ledger.faults()["no answer in time"]  # the server is still at these when others have begun
    assert server.most_at_once <= 128 + given_up


@pytest.mark.slow
def test_a_collector_killed_twenty_times_equals_an_undisturbed_one(tmp_path: Path) -> None:
    count, concurrency, kills = 250, 16, 20

    def slower(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(0.05)
        return sometimes_right(body)

    with serve(slower, faults=Faults(rate=0.1, kinds=("429", "500", "reset", "malformed", "empty"))) as server:
        subprocess.run(command(tmp_path, "calm", server.url, count, concurrency), check=True, timeout=600)
        requests = sum(server.asked.values())
    rng = random.Random(7)
    killed = 0
    with serve(slower, faults=Faults(rate=0.1, kinds=("429", "500", "reset", "malformed", "empty"))) as server:
        told = command(tmp_path, "killed", server.url, count, concurrency)
        while killed < kills:
            before = committed(tmp_path / "killed")
            asked = dict(server.asked)
            process = subprocess.Popen(told, stderr=subprocess.DEVNULL)
            # moments are counted in requests: how fast the machine is at the time does not matter
            goal = sum(asked.values()) + rng.randrange(int(1.4 * requests / kills))
            while process.poll() is None and sum(server.asked.copy().values()) <= goal:
                time.sleep(0.005)
            time.sleep(rng.uniform(0.0, 0.2))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            _nothing_again(server, before, asked)
        asked, before = dict(server.asked), committed(tmp_path / "killed")
        done = subprocess.run(told, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        _nothing_again(server, before, asked)
    assert killed == kills, "the run ended before all kills; it was too short"
    calm, again = contents(tmp_path / "calm"), contents(tmp_path / "killed")
    for part in calm:
        assert again[part] == calm[part], part
    with Ledger(tmp_path / "killed", read_only=True) as ledger:
        lost, given_up = ledger.lost(), ledger.faults()["no answer in time"]
    faults = sum(count for kind, count in server.faults.items() if kind)
    repeated = sum(server.asked.values()) - len(server.asked) - faults
    assert 0 <= repeated <= lost + given_up
    assert lost <= kills * concurrency


def _nothing_again(server: Server, before: set[str], asked: dict[str, int]) -> None:
    """Of the questions answered before, none was asked again. Bodies are known to the server, keys to the ledger."""
    from iterpref.teachers.ledger import request_key
    from tests.teachers.server import key_of

    for body in list(server.requests):
        # with one sample a task, the sample index is the iteration's part of the seed
        if request_key(body, body["seed"]) in before:
            assert server.asked[key_of(body)] == asked[key_of(body)]


@pytest.mark.slow
def test_a_second_process_on_a_run_folder_is_refused(tmp_path: Path) -> None:
    def slow(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(0.3)
        return sometimes_right(body)

    with serve(slow) as server:
        told = command(tmp_path, "run", server.url, 50, 4)
        first = subprocess.Popen(told, stderr=subprocess.PIPE)
        try:
            while not server.asked:
                time.sleep(0.05)
                assert first.poll() is None
            second = subprocess.run(told, capture_output=True, text=True, timeout=60)
        finally:
            first.kill()
            first.wait()
    assert second.returncode == 2
    assert "is in use by another iterpref process" in second.stderr


@pytest.mark.slow
def test_a_dead_server_is_told_within_a_minute_and_the_run_resumes(tmp_path: Path) -> None:
    with serve(sometimes_right) as probe:
        port = int(probe.url.split(":")[2].split("/")[0])

    def slow(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(0.05)
        return sometimes_right(body)

    url = f"http://127.0.0.1:{port}/v1"
    told = command(tmp_path, "run", url, 200, 8)
    with serve(slow, port=port) as server:
        process = subprocess.Popen(told, stderr=subprocess.PIPE, text=True)
        while sum(server.asked.values()) < 60:
            time.sleep(0.05)
        server.kill()
        died = time.monotonic()
        _, stderr = process.communicate(timeout=90)
    assert time.monotonic() - died < 60
    assert process.returncode == 2
    last = stderr.strip().splitlines()[-1]
    assert last.startswith(f"iterpref: {url} has stopped answering; everything it answered is kept")
    before = committed(tmp_path / "run")
    assert before
    with serve(sometimes_right, port=port) as server:
        subprocess.run(told, check=True, timeout=300, capture_output=True)
        assert len(committed(tmp_path / "run")) == len(before) + len(server.asked)
    with Run(tmp_path / "run", read_only=True) as run:
        assert run.count("end") == 200
