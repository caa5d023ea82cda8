"""Tasks written by a teacher: from the features to a run folder, against a server on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from iterpref.config import TasksConfig
from iterpref.errors import InputError
from iterpref.sandbox import Sandbox
from iterpref.store import Drop, Run
from iterpref.tasks import synthesise
from iterpref.tasks.features import load_tree
from iterpref.tasks.synthesis import TEMPLATES, task_prompt
from iterpref.teachers import client as client_module
from iterpref.teachers.client import Client
from iterpref.teachers.ledger import Ledger
from iterpref.teachers.prompts import load_templates
from iterpref.types import Trajectory
from tests.tasks.test_written import answer
from tests.teachers.server import ERROR, Server, completion, key_of, serve

TREE = {name: {"reading": 3, "sorting": {"stable": 2, "partial": 1}} for name in ("workflow", "algorithm", "logging")}
CONTEST = (
    "<instruction>Double it.</instruction>\n<file>solution.py</file>\n```python\nprint(2 * int(input()))\n```\n"
    '<file>tests.json</file>\n```json\n[{"input": "2", "output": "4"}]\n```\n'
    '{"file_names": ["solution.py", "tests.json"], "packages": []}'
)
FAULTY = answer(listing="{}")  # lacks the list of files
STUBBED = answer("from solution import clip\nassert True")


def write(folder: Path, server: Server, sandbox: Sandbox, count: int, **more: Any) -> int:
    (folder / "tree.json").write_text(json.dumps(TREE))
    config = more.pop("config", TasksConfig())
    with Run(folder / "run") as run, Ledger(folder / "run") as ledger:
        client = Client("m", server.url, ledger=ledger)
        return synthesise(
            run, client, sandbox.judge, config, tree=str(folder / "tree.json"), count=count, seed=1, **more
        )


def author(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """By the hash of the request: fit, or unreadable at first, or always, or with tests that test nothing."""
    prompt = body["messages"][0]["content"]
    if "tree of features" in prompt:
        return 200, completion('```json\n{"workflow": {"waiting": {}}, "unheard of": {"x": {}}}\n```')
    fit = CONTEST if "programming-contest" in prompt else answer()
    if len(body["messages"]) == 3:
        return 200, completion(fit if body["seed"] % 2 else FAULTY)
    return 200, completion({0: FAULTY, 1: STUBBED}.get(int(key_of(body)[:8], 16) % 4, fit))


def test_tasks_are_written_in_turn_in_three_forms(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(lambda body: author({**body, "messages": [*body["messages"][:1], {}, {}], "seed": 1})) as server:
        assert write(tmp_path, server, sandbox, 6) == 0
    with Run(tmp_path / "run", read_only=True) as run:
        sources = dict(run.items("source", Trajectory))
    assert sorted(sources) == [
        "contest-000002",
        "contest-000005",
        "function-000001",
        "function-000004",
        "scenario-000000",
        "scenario-000003",
    ]
    contest, function = sources["contest-000002"], sources["function-000001"]
    assert (contest.task.tests.kind, function.task.tests.kind) == ("stdio", "asserts")  # type: ignore[union-attr]
    assert function.attempts[0].code == function.task.solution
    assert function.task.features[0].startswith("algorithm > ")  # its own category comes first
    assert function.teacher == "chat"
    assert all("- algorithm > " in sent["messages"][0]["content"] for sent in server.requests)


def test_an_unreadable_answer_is_sent_back_once_and_then_dropped_with_its_reason(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    with serve(author) as server:
        assert write(tmp_path, server, sandbox, 40) == 0
    with Run(tmp_path / "run", read_only=True) as run:
        made, left = set(run.ids("source")), dict(run.items("left", Drop))
    reasons = {drop.reason for drop in left.values()}
    assert reasons == {"no list of files and packages", "tests pass on a stub"}
    assert len(made) + len(left) == 40
    again = [sent for sent in server.requests if len(sent["messages"]) == 3]
    assert len(again) == sum("list of files" in drop.reason for drop in left.values()) + sum(
        sent["seed"] % 2 for sent in again
    )
    assert any("it must end in a json block" in sent["messages"][2]["content"] for sent in again)
    assert all(sent["messages"][1]["role"] == "assistant" for sent in again)
    assert {sent["messages"][1]["content"] for sent in again} <= {FAULTY, STUBBED}


def test_what_is_there_is_not_written_again(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(author) as server:
        write(tmp_path, server, sandbox, 8)
        asked = dict(server.asked)
        write(tmp_path, server, sandbox, 8)
        assert server.asked == asked
        write(tmp_path, server, sandbox, 12)
    assert {key: server.asked[key] for key in asked} == asked
    assert sum(len(sent["messages"]) == 1 for sent in server.requests) == 12


def test_the_tree_is_made_richer_first(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(author) as server:
        write(tmp_path, server, sandbox, 40, config=TasksConfig(evolve=2))
    prompts = [sent["messages"][0]["content"] for sent in server.requests]
    assert sum("tree of features" in prompt for prompt in prompts) == 2
    assert any("- workflow > waiting" in prompt for prompt in prompts)
    assert not any("unheard of" in prompt for prompt in prompts)


def test_no_task_is_written_of_a_tree_that_is_not_rich_yet(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 0.05)

    def stumbling(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return author(body) if body["seed"] % 2 else (500, ERROR)

    with serve(stumbling) as server:
        assert write(tmp_path, server, sandbox, 4, config=TasksConfig(evolve=2)) == 4
    assert all("tree of features" in sent["messages"][0]["content"] for sent in server.requests)
    with serve(author) as server:
        assert write(tmp_path, server, sandbox, 4, config=TasksConfig(evolve=2)) == 0
    assert sum("tree of features" in sent["messages"][0]["content"] for sent in server.requests) == 1


def test_a_task_that_somebody_else_drafts_comes_without_versions(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(author) as server:
        write(tmp_path, server, sandbox, 6, drafted=True)
    with Run(tmp_path / "run", read_only=True) as run:
        sources = dict(run.items("source", Trajectory))
    assert sources
    assert all(not each.attempts and each.task.solution for each in sources.values())


def test_every_form_says_its_features_and_how_to_answer(tmp_path: Path) -> None:
    (tmp_path / "tree.json").write_text(json.dumps(TREE))
    tree = load_tree(str(tmp_path / "tree.json"))
    for form in ("scenario", "function", "contest"):
        prompt = task_prompt(tree, TasksConfig(forms=(form,)))  # type: ignore[arg-type]
        assert "- workflow > " in prompt
        assert ("tests.json" in prompt) == (form == "contest")
        assert prompt.count("<instruction>") == 1


def test_a_template_of_ones_own_with_an_undefined_name_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "contest.jinja").write_text("{{ feature }}")
    with pytest.raises(InputError, match=r"contest\.jinja: the template uses 'feature', which is not defined"):
        load_templates("iterpref.tasks.prompts", TEMPLATES, str(tmp_path))
