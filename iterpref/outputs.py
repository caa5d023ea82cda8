"""What a run leaves for people and other programs: exports, summary, page, one pair. All of it can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iterpref.config import Recipe
from iterpref.errors import InputError
from iterpref.models import load_tokenizer
from iterpref.records import Trained, mark, trajectories
from iterpref.report.costs import asked, costs
from iterpref.report.dataset_card import dataset_card
from iterpref.report.page import write_page
from iterpref.report.summary import summary
from iterpref.store import Run, encode
from iterpref.teachers.prices import Prices, load_prices
from iterpref.types import Attempt, Pair, Task, Trajectory, Verdict

__all__ = ["export", "export_trl", "find_pair", "summarise", "write_outputs", "write_report"]


def write_outputs(run: Run, recipe: Recipe) -> list[Path]:
    """Exports and summary, as every verb leaves them."""
    return [*export(run), run.write_text("summary.md", summarise(run, recipe))]


def find_pair(run: Run, wanted: str, round: int = 1) -> Pair:
    """A pair by its number (from 1, in the order of the run) or by its id.

    Raises:
        InputError: there is none.
    """
    count = 0
    for _, pair in run.items("pair", Pair, round):
        if pair.rejected is not None:
            count += 1
            if wanted in (str(count), pair.id):
                return pair
    raise InputError(f"{run.path}: there is no pair {wanted!r} in round {round}; it has pairs 1 to {count}.")


def export(run: Run) -> list[Path]:
    """Write pairs and attempts as Parquet and JSONL, with the columns that trainers expect, and a card."""
    import pyarrow as pa

    span = _span_type()
    attempt_schema = pa.schema(
        [
            ("round", pa.int32()),
            ("session", pa.string()),
            ("index", pa.int32()),
            ("code", pa.string()),
            ("message", pa.string()),
            ("mark", pa.string()),
        ]
        + [(name, pa.string()) for name in ("outcome", "error_type", "feedback")]
        + [(name, pa.int32()) for name in ("tests_passed", "tests_total")]
        + [(name, pa.float64()) for name in ("cpu_seconds", "wall_seconds")]
        + [("protections", pa.list_(pa.string()))]
    )
    pair_schema = pa.schema(
        [(name, pa.string()) for name in ("id", "prompt", "chosen", "rejected")]
        + [("chosen_spans", span), ("rejected_spans", span), ("provenance", pa.string()), ("round", pa.int32())]
    )
    written = []
    if any(run.count("pair", round) for round in run.rounds()):
        written.append(run.export_parquet("pairs", _pair_rows(run), pair_schema))
        written.append(_export_jsonl(run, "pairs", _pair_rows(run)))
    if any(run.count("attempt", round) for round in run.rounds()):
        written.append(run.export_parquet("attempts", _attempt_rows(run), attempt_schema))
        written.append(_export_jsonl(run, "sessions", _session_rows(run)))
        written.append(_export_jsonl(run, "tasks", _task_rows(run)))
    parquet = [path for path in written if path.suffix == ".parquet"]
    recipe = run.manifest().get("recipe", {})
    prices = _prices(recipe.get("chat", {}).get("prices", ""))
    written.append(run.write_text("export/README.md", dataset_card(run, recipe, prices, parquet)))
    return written


def export_trl(run: Run) -> list[Path]:
    """Write the pairs as JSON lines and as Parquet, with TRL's columns and our spans, of all rounds, without anchors.

    ``datasets.load_dataset("json" | "parquet", data_files=...)`` reads either; examples/trl_focus.py trains on it.
    """
    import pyarrow as pa

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8") as handle:
            for row in _trl_rows(run):
                handle.write(json.dumps(row) + "\n")

    columns = [(name, pa.string()) for name in ("prompt", "chosen", "rejected")]
    schema = pa.schema([*columns, ("chosen_spans", _span_type()), ("rejected_spans", _span_type())])
    return [run.write_file("export/trl.jsonl", write), run.export_parquet("trl", _trl_rows(run), schema)]


def _trl_rows(run: Run) -> Iterator[dict[str, Any]]:
    for row in _pair_rows(run):
        if row["rejected"] is not None:
            yield {name: row[name] for name in ("prompt", "chosen", "rejected", "chosen_spans", "rejected_spans")}


def _span_type() -> Any:
    import pyarrow as pa

    return pa.list_(
        pa.struct([("start", pa.int32()), ("end", pa.int32()), ("weight", pa.float32()), ("reason", pa.string())])
    )


def _export_jsonl(run: Run, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8") as handle:
            handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    return run.write_file(f"export/{name}.jsonl", write)


def _session_rows(run: Run) -> Iterator[dict[str, Any]]:
    """Sessions in the form that ``collect.source`` reads (docs/data.md)."""
    for round in run.rounds():
        for _, made in trajectories(run, round):
            if made.attempts and made.task.tests is not None:  # labelled pairs came without tests, and are in pairs
                yield {
                    **_task_row(made.task),
                    "attempts": [{"code": each.code, "message": each.message} for each in made.attempts],
                    "verdicts": [_label(each.verdict) for each in made.attempts],
                    "model": made.teacher,
                    "round": round,
                }


def _task_rows(run: Run) -> Iterator[dict[str, Any]]:
    """Each task once, in the form that ``collect.source`` reads: to be collected again, by other teachers."""
    told: set[str] = set()
    for round in run.rounds():
        for _, source in run.items("source", Trajectory, round):
            if source.task.tests is not None and source.task.id not in told:
                told.add(source.task.id)
                yield _task_row(source.task)


def _task_row(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "prompt": task.prompt,
        "tests": json.loads(encode(task.tests)),
        "entry_point": task.entry_point,
        "source": task.source,
        "features": list(task.features),
        "solution": task.solution,
    }


def _label(verdict: Verdict) -> str:
    return "pass" if verdict.passed else f"{verdict.error_type or verdict.outcome.value}|{verdict.feedback}"


def _attempt_rows(run: Run) -> Iterator[dict[str, Any]]:
    for round in run.rounds():
        for id, attempt in run.items("attempt", Attempt, round):
            row = asdict(attempt)
            verdict = row.pop("verdict")
            row.pop("usage")
            session = id.rpartition("/")[0]
            versions = run.below("attempt", f"{session}/", Attempt, round)
            yield {
                "round": round,
                "session": session,
                "mark": mark([each for each in versions if each.index < attempt.index], attempt),
                **row,
                **verdict,
                "outcome": verdict["outcome"].value,
            }


def _pair_rows(run: Run) -> Iterator[dict[str, Any]]:
    for round in run.rounds():
        for _, pair in run.items("pair", Pair, round):
            yield {**asdict(pair), "provenance": json.dumps(pair.provenance), "round": round}


def write_report(run: Run, tokenizer: str = "") -> Path:
    """``report.html``: one self-contained page. Without a tokenizer named, the run's own is used."""
    recipe = run.manifest().get("recipe", {})
    known = [*recipe.get("pairs", {}).get("tokenizers", ()), recipe.get("train", {}).get("model_name_or_path", "")]
    name = tokenizer or next(filter(None, known), "")
    return write_page(
        run,
        run.path / "report.html",
        tokenizer=load_tokenizer(name) if name else None,
        asked=asked(
            run, _prices(recipe.get("chat", {}).get("prices", "")), recipe.get("collect", {}).get("baseline", "")
        ),
    )


def _prices(own: str) -> Prices:
    """The user's price table may be gone by now; then its models have no price."""
    try:
        return load_prices(own)
    except InputError:
        return load_prices()


def summarise(run: Run, recipe: Recipe) -> str:
    """The run as Markdown."""
    tokenizers = {Path(name).name: load_tokenizer(name) for name in recipe.pairs.tokenizers}
    trained = {round: dict(run.items("trained", Trained, round)) for round in run.rounds()}
    return summary(run, tokenizers, trained) + "\n".join(
        costs(run, _prices(recipe.chat.prices), recipe.collect.baseline)
    )
