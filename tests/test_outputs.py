"""What a run exports: the `datasets` library reads it, and so does the next run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iterpref import outputs, pipeline
from iterpref.config import CollectConfig, Recipe
from iterpref.records import trajectories
from iterpref.tasks import read_recorded

ROWS = [
    {
        "task_id": f"t{n}",
        "prompt": f"Add {n} to x, \u00fcber all.",
        "tests": [f"assert f(0) == {n}"],
        "attempts": [f"def f(x):\n    return x - {n}\n", "def f(x)\n", f"def f(x):\n    return x + {n}\n"],
        "model": "somebody",
        "source": "here",
    }
    for n in range(1, 4)
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    source = folder / "logs.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    recipe = Recipe(run=str(folder / "run"), collect=CollectConfig(source=str(source)))
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        pipeline.pairs_stage(run, recipe)
        outputs.export(run)
    return folder / "run" / "export"


def test_datasets_reads_parquet_jsonl_and_the_folder_by_its_card(exported: Path, tmp_path: Path) -> None:
    import datasets

    cache = str(tmp_path)
    parquet = datasets.load_dataset(
        "parquet", data_files=str(exported / "pairs.parquet"), split="train", cache_dir=cache
    )
    lines = datasets.load_dataset("json", data_files=str(exported / "pairs.jsonl"), split="train", cache_dir=cache)
    folder = datasets.load_dataset(str(exported), split="train", cache_dir=cache)
    assert len(parquet) == 6
    assert parquet.to_list() == folder.to_list()
    assert [row["rejected_spans"] for row in lines] == [row["rejected_spans"] for row in parquet]
    assert [row["chosen"] for row in lines] == [row["chosen"] for row in parquet]
    attempts = datasets.load_dataset(str(exported), "attempts", split="train", cache_dir=cache)
    assert len(attempts) == 9


def test_datasets_does_not_take_one_runs_export_for_anothers(tmp_path: Path) -> None:
    """It caches by the name of the folder, which is the same for all runs, and by what the card says."""
    import datasets

    found = []
    for count in (1, 3, 2):  # the last one in the folder of the first, as a run that has gone on
        source = tmp_path / f"{count}.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:count]))
        name = "other" if count == 3 else "run"
        recipe = Recipe(run=str(tmp_path / name), collect=CollectConfig(source=str(tmp_path / f"{count}.jsonl")))
        if count == 2:
            shutil.rmtree(tmp_path / name)
        with pipeline.open_run(recipe) as run:
            pipeline.collect_stage(run, recipe)
            pipeline.pairs_stage(run, recipe)
            outputs.export(run)
        folder = str(tmp_path / name / "export")
        found.append(len(datasets.load_dataset(folder, split="train", cache_dir=str(tmp_path / "cache"))))

    assert found == [2, 6, 4]


def test_exported_sessions_are_a_source_again(exported: Path, tmp_path: Path) -> None:
    again = Recipe(run=str(tmp_path / "again"), collect=CollectConfig(source=str(exported / "sessions.jsonl")))
    with pipeline.open_run(again) as run:
        pipeline.collect_stage(run, again)
        made = [each for _, each in trajectories(run)]
    assert [[a.code for a in each.attempts] for each in made] == [row["attempts"] for row in ROWS]
    labels = [
        label.verdict for _, source in read_recorded(str(exported / "sessions.jsonl")) for label in source.attempts
    ]
    assert [label.passed for label in labels] == [False, False, True] * 3


def test_the_card_has_funnel_sources_and_a_word_on_the_licence(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    assert card.startswith("---\nlicense: other\n")
    assert "| task sources | here 3 |" in card
    assert "| pairs | 6 |" in card
    assert "## Licence" in card
