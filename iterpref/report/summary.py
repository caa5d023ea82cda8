"""``summary.md``: the run in one Markdown page, for a terminal, a pull request or a data-set card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iterpref.report.numbers import agreement, focus_of, funnel, solved_by_version
from iterpref.store import Run
from iterpref.types import Pair

__all__ = ["summary"]


def summary(run: Run, tokenizers: Mapping[str, Any], trained: Mapping[int, Mapping[str, Any]]) -> str:
    """Markdown text. ``tokenizers`` by display name; ``trained`` by round and variant, as the run folder holds them."""
    parts = [f"# {run.path.name}", ""]
    for round in run.rounds():
        if len(run.rounds()) > 1:
            parts += [f"# Round {round}", ""]
        parts += _data(run, round) + _pairs(run, round, tokenizers) + _training(run, trained.get(round, {}), round)
    return "\n".join(parts) + "\n"


def _data(run: Run, round: int) -> list[str]:
    found = funnel(run, round)
    lines = ["## From sessions to pairs", ""]
    lines += _table(
        ("", "count"),
        [
            ("tasks or recorded sessions", found.sources),
            ("sessions complete", found.sessions),
            ("programs run", found.attempts),
            ("sessions with a passing version", found.solved),
            ("pairs", found.pairs),
            ("anchors (passed with no failure before)", found.anchors),
        ],
    )
    lines += ["Verdicts: " + ", ".join(f"{name} {count}" for name, count in found.outcomes.most_common()) + ".", ""]
    labels = agreement(run, round)
    if labels.labelled:
        lines += [
            f"Recorded labels: {labels.agreed} of {labels.labelled} agree with running the program again "
            f"({labels.share:.2%}).",
            "",
        ]
        if labels.disagreements:
            rows = [(_cell(a), _cell(b), _cell(c), _cell(d)) for a, b, c, d in labels.disagreements]
            lines += _table(("attempt", "recorded", "run again", "reason"), rows)
    versions = solved_by_version(run, round)
    if versions:
        lines += ["Sessions that pass after so many versions:", ""]
        lines += _table(("versions", "pass", "share"), [(n, k, f"{k / total:.1%}") for n, k, total in versions])
    return lines


def _pairs(run: Run, round: int, tokenizers: Mapping[str, Any]) -> list[str]:
    if not run.count("pair", round):
        return []
    dropped = funnel(run, round).dropped
    lines = ["## What was left out", ""]
    lines += _table(("reason", "versions"), dropped.most_common()) if dropped else ["Nothing.", ""]
    if tokenizers:
        lines += ["## Tokens that carry the penalty", ""]
        rows = []
        for name, tokenizer in tokenizers.items():
            focus = focus_of((pair for _, pair in run.items("pair", Pair, round)), tokenizer)
            rows.append(
                (name, focus.pairs, focus.tokens, focus.penalised, f"{focus.share:.1%}", focus.empty, focus.whole)
            )
        lines += _table(
            ("tokenizer", "pairs", "tokens of y-", "penalised", "share", "pairs with none", "pairs with all"), rows
        )
    return lines


def _training(run: Run, trained: Mapping[str, Any], round: int) -> list[str]:
    if not trained:
        return []
    lines = ["## Training", ""]
    for name, one in trained.items():
        lines += [
            f"**{name}**: {one.steps} steps on {one.pairs} pairs and {one.anchors} anchors; model in `{one.model}`."
        ]
        if one.dropped:
            lines += ["Left out: " + ", ".join(f"{reason} {count}" for reason, count in one.dropped.items()) + "."]
        history = run.below("metric", f"{name}/", dict, round)
        keys = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "nll_loss")
        logged = [row for row in history if "loss" in row]
        if logged:
            ends = [logged[0], logged[len(logged) // 2], logged[-1]]
            rows = [(row.get("step", ""), *(_number(row.get(key)) for key in keys)) for row in ends]
            lines += ["", *_table(("step", *keys), rows)]
    return lines


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


def _cell(text: str, width: int = 160) -> str:
    """Text that cannot break a table."""
    flat = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]
