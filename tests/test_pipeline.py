"""The stages, run again: what is finished is not prepared a second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from iterpref import pipeline, sources
from iterpref.config import CollectConfig, Recipe
from iterpref.teachers.base import Reply, Request, Settings


class Author:
    """Writes a program that defines nothing."""

    name = "author"

    @classmethod
    def from_settings(cls, settings: Settings) -> Author:
        return cls()

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, _ in enumerate(requests):
            yield index, Reply("pass\n")


def _recipe(folder: Path, limit: int) -> Recipe:
    collect = CollectConfig(
        source="micro:train", limit=limit, drafter=f"{__name__}:Author", repairer="search", iterations=1
    )
    return Recipe(run=str(folder), collect=collect)


def test_a_finished_collection_makes_its_tasks_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = _recipe(tmp_path, limit=2)
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        monkeypatch.setattr(sources, "load_tasks", lambda *_: pytest.fail("made again"))
        pipeline.collect_stage(run, recipe)
        assert run.count("end") == 2


def test_a_higher_limit_goes_on_from_a_finished_collection(tmp_path: Path) -> None:
    for limit in (2, 3):
        recipe = _recipe(tmp_path, limit)
        with pipeline.open_run(recipe) as run:
            pipeline.collect_stage(run, recipe)
            assert run.count("end") == limit
