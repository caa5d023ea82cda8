"""Where tasks come from, by the name in a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iterpref import pipeline
from iterpref.config import CollectConfig, Recipe
from iterpref.errors import InputError
from iterpref.records import trajectories
from iterpref.sources import count_sources, load_tasks
from iterpref.suites.base import Item, Style, Suite
from iterpref.types import Task, Tests


def load(path: str = "") -> Suite:
    """A benchmark of three items."""
    if path and not Path(path).is_file():
        raise InputError(f"adding: there is no file {path}.")
    numbers = map(int, Path(path).read_text().split()) if path else range(3)
    items = []
    for n in numbers:
        tests = Tests("asserts", code=f"assert f(1) == {1 + n}", entry_point="f")
        items.append(
            Item(Task(f"Adding/{n}", f"Add {n} to x.", tests, f"def f(x):\n    return x + {n}\n"), {"base": tests})
        )
    return Suite("adding", "", path, "", tuple(items), {"base": "adding"}, _program)


def _program(item: Item, answer: str, style: Style) -> str:
    return answer


HERE = f"suite:{__name__}:load"


def test_tasks_of_a_benchmark(tmp_path: Path) -> None:
    found = dict(load_tasks(HERE, None, "train", 0))
    assert list(found) == ["Adding/0", "Adding/1", "Adding/2"]
    assert {each.task.source for each in found.values()} == {f"{__name__}:load"}
    assert found["Adding/1"].task.tests == Tests("asserts", code="assert f(1) == 2", entry_point="f")
    assert len(list(load_tasks(HERE, 2, "train", 0))) == 2
    (tmp_path / "numbers.txt").write_text("7")
    assert list(dict(load_tasks(f"{HERE}:{tmp_path}/numbers.txt", None, "train", 0))) == ["Adding/7"]


def test_what_is_wrong_with_a_benchmark_is_one_sentence() -> None:
    with pytest.raises(InputError, match="there is no benchmark named 'mbbp'; did you mean 'mbpp'"):
        list(load_tasks("suite:mbbp", None, "train", 0))
    with pytest.raises(InputError, match=r"adding: there is no file nowhere\.txt"):
        list(load_tasks(f"{HERE}:nowhere.txt", None, "train", 0))


@pytest.mark.parametrize("same", [True, False])
def test_two_tasks_of_one_name_are_told_and_one_that_stands_twice_is_taken_once(tmp_path: Path, same: bool) -> None:
    rows = [
        {"task_id": "a", "prompt": "Add 1.", "tests": ["assert f(1) == 2"]},
        {"task_id": "a", "prompt": "Add 1." if same else "Add 2.", "tests": ["assert f(1) == 2"]},
    ]
    (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    collect = CollectConfig(source=str(tmp_path / "tasks.jsonl"), drafter="search", repairer="search")
    if same:
        assert count_sources(Recipe(run="", collect=collect), 1) == 1
        return
    with pytest.raises(InputError, match=r"tasks\.jsonl: two tasks are named 'a'; give each an id of its own"):
        count_sources(Recipe(run="", collect=collect), 1)


def test_a_benchmark_is_debugged_like_any_tasks(tmp_path: Path) -> None:
    from tests.test_pipeline import Author

    collect = CollectConfig(source=HERE, drafter=f"{Author.__module__}:Author", repairer="search", iterations=1)
    recipe = Recipe(run=str(tmp_path / "run"), collect=collect)
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        made = dict(trajectories(run))
    assert list(made) == ["Adding/0", "Adding/1", "Adding/2"]
    assert all(each.attempts[0].code == "pass\n" for each in made.values())
