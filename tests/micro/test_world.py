"""The micro-world as tasks."""

from __future__ import annotations

import pytest

from iterpref import micro
from iterpref.errors import InputError
from iterpref.micro.spec import Spec


def test_a_seed_gives_the_same_tasks_and_fewer_are_a_prefix_of_more() -> None:
    few, more = micro.tasks("test", 20, seed=5), micro.tasks("test", 40, seed=5)
    assert more[:20] == few
    assert micro.tasks("test", 20, seed=6) != few


def test_splits_share_no_combination_of_features() -> None:
    seen = [
        {(spec.source, spec.filter, spec.map, spec.reduce) for spec in map(Spec.from_id, ids)}
        for ids in ([task.id for task in micro.tasks(split, 300)] for split in micro.SPLITS)
    ]
    assert not (seen[0] & seen[1]) | (seen[0] & seen[2]) | (seen[1] & seen[2])


def test_no_two_tasks_ask_for_the_same_thing() -> None:
    tasks = micro.tasks("train", 600)
    assert len({Spec.from_id(task.id).content for task in tasks}) == len({task.id for task in tasks}) == 600


def test_a_task_has_all_its_parts() -> None:
    (task,) = micro.tasks("validation", 1)
    assert task.prompt.startswith(f"# {task.entry_point}(")
    assert not task.prompt.endswith("\n")
    assert task.solution is not None
    assert task.solution.startswith(f"def {task.entry_point}(")
    assert task.tests is not None
    assert (task.tests.kind, task.source, len(task.features)) == ("calls", "micro", 6)


def test_a_constant_never_passes() -> None:
    for task in micro.tasks("train", 300):
        assert task.tests is not None
        assert len({repr(case.expected) for case in task.tests.cases}) > 1


def test_hidden_tests_are_found_by_id_and_by_spec() -> None:
    (task,) = micro.tasks("test", 1)
    hidden = micro.hidden_tests(task.id)
    assert hidden == micro.hidden_tests(Spec.from_id(task.id))
    assert task.tests is not None
    assert len(hidden.cases) > len(task.tests.cases)


def test_the_splits_make_up_the_world() -> None:
    size = micro.describe()
    assert sum(size[f"{split} combinations"] for split in micro.SPLITS) == size["combinations"]


def test_unknown_split_and_negative_count_are_refused() -> None:
    with pytest.raises(InputError, match="no split 'dev'"):
        micro.tasks("dev", 1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="count of micro-world tasks is -1"):
        micro.tasks("test", -1)
    assert micro.tasks("test", 0) == []
