"""What a run leaves for people and other programs: exports, summary, page, one pair. All of it can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iterpref.config import Recipe
from iterpref.errors import InputError
from iterpref.models import load_tokenizer
from iterpref.records import Trained, mark
from iterpref.report.costs import costs
from iterpref.report.page import write_page
from iterpref.report.summary import summary
from iterpref.store import Run
from iterpref.teachers.prices import load_prices
from iterpref.types import Attempt, Pair

__all__ = ["export", "find_pair", "summarise", "write_outputs", "write_report"]


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
    """Write attempts and pairs as Parquet, with the columns that trainers expect (docs/data.md)."""
    import pyarrow as pa

    span = pa.list_(
        pa.struct([("start", pa.int32()), ("end", pa.int32()), ("weight", pa.float32()), ("reason", pa.string())])
    )
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
    if any(run.count("attempt", round) for round in run.rounds()):
        written.append(run.export_parquet("attempts", _attempt_rows(run), attempt_schema))
    if any(run.count("pair", round) for round in run.rounds()):
        written.append(run.export_parquet("pairs", _pair_rows(run), pair_schema))
    return written


def _attempt_rows(run: Run) -> Iterator[dict[str, Any]]:
    for round in run.rounds():
        for id, attempt in run.items("attempt", Attempt, round):
            row = asdict(attempt)
            verdict = row.pop("verdict")
            row.pop("usage")
            session = id.rpartition("/")[0]
            earlier = run.below("attempt", f"{session}/", Attempt, round)[: attempt.index]
            yield {
                "round": round,
                "session": session,
                "mark": mark([each for each in earlier if each.index < attempt.index], attempt),
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
    return write_page(run, run.path / "report.html", tokenizer=load_tokenizer(name) if name else None)


def summarise(run: Run, recipe: Recipe) -> str:
    """The run as Markdown."""
    tokenizers = {Path(name).name: load_tokenizer(name) for name in recipe.pairs.tokenizers}
    trained = {round: dict(run.items("trained", Trained, round)) for round in run.rounds()}
    return summary(run, tokenizers, trained) + "\n".join(costs(run, load_prices(recipe.chat.prices)))
