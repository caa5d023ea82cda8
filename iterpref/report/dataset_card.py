"""``export/README.md``: the data-set card of a run, which ``datasets.load_dataset("RUN/export")`` reads too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from iterpref.records import End
from iterpref.report.costs import costs
from iterpref.report.summary import summary
from iterpref.report.tables import counts
from iterpref.store import Run
from iterpref.teachers.prices import Prices
from iterpref.types import Trajectory

__all__ = ["dataset_card"]


def dataset_card(run: Run, recipe: Mapping[str, Any], prices: Prices, parquet: Sequence[Path]) -> str:
    """Markdown with the YAML head that the ``datasets`` library reads.

    Args:
        recipe: as the run's manifest holds it.
        parquet: the Parquet files beside the card; the first one is the default.
    """
    # ``datasets`` finds what it has cached by the folder's name and this head: without the content in it, it would take
    # the export of another run, or an older one of this run, for this one
    configs = [
        {"config_name": path.stem, "data_files": path.name, "description": f"sha256 {_digest(path)}"}
        for path in parquet
    ]
    if configs:
        configs[0]["default"] = True  # type: ignore[assignment]
    head = {
        "license": "other",
        "language": ["en"],
        "tags": ["code", "preference", "dpo", "iterative-debugging"],
        "configs": configs,
    }
    collect, chat = recipe.get("collect", {}), recipe.get("chat", {})
    sources: Counter[str] = Counter()
    teachers: Counter[str] = Counter()
    for round in run.rounds():
        sources.update(each.task.source for _, each in run.items("source", Trajectory, round))
        teachers.update(end.teacher for _, end in run.items("end", End, round))
    made = [("tasks from", _source(str(collect.get("source", "")))), ("written by", counts(teachers, 8))]
    if chat.get("model"):
        made.append(("language model", str(chat["model"])))
    if set(sources) - {""}:
        made.append(("task sources", counts(sources, 8)))
    lines = ["---", yaml.safe_dump(head, sort_keys=False).strip(), "---", ""]
    lines += [f"# {run.path.name}", "", "Debugging of programs, as focal preference pairs (IterPref / Target-DPO).", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in made), ""]
    lines += [
        "## Licence",
        "",
        "None has been chosen. Before this is given to others, look at the licence of the tasks' source and the terms "
        "under which the language model's answers may be used to train another one; choose one for the whole, and put "
        "it in the place of `license: other` above.",
        "",
    ]
    body = summary(run, {}, {}).split("\n", 2)[2]
    return "\n".join(lines) + "\n" + body + "\n".join(costs(run, prices, str(collect.get("baseline", ""))))


def _source(name: str) -> str:
    """Where the tasks are from, without the folders of somebody's machine."""
    kind, colon, path = name.rpartition(":")
    return f"{kind}{colon}{Path(path).name}" if Path(path).is_file() else name


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while part := handle.read(2**20):
            digest.update(part)
    return digest.hexdigest()
