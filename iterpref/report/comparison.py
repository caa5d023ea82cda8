"""Two evaluations compared: tables for a terminal, and one self-contained page.

Both show the document of :func:`iterpref.evaluate.compare.compare_results`. Programs are hostile input: the page has no
script, its security policy runs none, and all text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.text import Text

from iterpref.errors import InputError
from iterpref.report.page import environment, template
from iterpref.report.results import MAX_KINDS, change_text, estimate_text, first_of, table
from iterpref.report.svg import intervals
from iterpref.stats import Estimate
from iterpref.wording import counted

__all__ = ["comparison_page", "comparison_view", "write_comparison"]

MAX_FLIPS = 12  # of won and of lost tasks, on a terminal
_MAX_SHOWN = 200  # flips with their programs, on the page
_SIDES = ("first", "second")
_WIDTH = 110  # characters of what a failing test said, on a terminal
Comparison = Mapping[str, Any]


def comparison_view(found: Comparison) -> Group:
    """The comparison as tables."""
    first, second = found["models"]
    scores = found["scores"]
    parts: list[RenderableType] = [
        Text(f"{found['label']}, {counted(found['tasks'], 'task')}", style="bold"),
        Text(f"first   {first}\nsecond  {second}"),
        *(Text(f"note: {note}", style="dim") for note in found["notes"]),
        table(
            ("pass@1, %", "first", "", "second", ""),
            [(score["name"], *estimate_text(score["rates"][0]), *estimate_text(score["rates"][1])) for score in scores],
        ),
        table(
            ("second minus first", "points", "", "won", "lost", "McNemar p"),
            [(score["name"], *change_text(score["change"]), *_counts(score)) for score in scores],
        ),
        Text(f"95 % intervals; of differences: paired bootstrap over tasks; {_won_means(found)}", style="dim"),
        table(
            ("answers end with", *(f"{side}, of {of:,}" for side, of in zip(_SIDES, found["answers"], strict=True))),
            [(kind, *map(str, counts)) for kind, counts in _errors(found)],
        ),
        table(("failures", "first", "second"), _near_rows(found)),
    ]
    for tag, rows in found["tags"].items():
        most, rest = _most_frequent(rows)
        body = [
            (row["value"], str(row["count"]), *(f"{100 * rate['value']:.1f}" for rate in row["rates"])) for row in most
        ]
        if rest:
            body.append((f"and {len(rest)} more, on the page", "", "", ""))
        parts.append(table((f"{tag}, {scores[-1]['name']} pass@1", "tasks", "first, %", "second, %"), body))
    for won, name, how in ((True, "won", "first fails with"), (False, "lost", "second fails with")):
        tasks = [flip for flip in found["flips"] if flip["won"] is won]
        listed = [f"{flip['task_id']}  {_cut(flip['before' if won else 'after'])}" for flip in tasks]
        if listed:
            parts.append(Text("\n  ".join([f"{name}: {len(tasks)}, {how}", *first_of(listed, MAX_FLIPS, "task")])))
    return Group(*(part for item in parts for part in (item, Text(""))))


def write_comparison(path: Path, found: Sequence[Comparison]) -> None:
    """Write the comparisons as an HTML page, for a browser of any colour scheme.

    Raises:
        InputError: it cannot be written there.
    """
    text = comparison_page(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place (--page).") from None


def comparison_page(found: Sequence[Comparison]) -> str:
    """The text of the page."""
    return (
        environment()
        .get_template("compare.html")
        .render(
            comparisons=[_shown(each) for each in found],
            title=" and ".join(each["label"] for each in found),
            style=Markup(template("page.css")),
        )
    )


def _shown(found: Comparison) -> dict[str, Any]:
    rates = [
        (f"{score['name']}, {which}", Estimate(**rate))
        for score in found["scores"]
        for which, rate in zip(_SIDES, score["rates"], strict=True)
    ]
    changes = [(score["name"], Estimate(**score["change"])) for score in found["scores"]]
    flips = found["flips"]
    return {
        **found,
        "headline": _headline(found),
        "rates": intervals(rates, "pass@1, %"),
        "changes": intervals(changes, "second minus first, points", 0.0, "+"),
        "rows": [_score_row(score) for score in found["scores"]],
        "errors": [(kind, counts, _bar(counts, found)) for kind, counts in _errors(found)],
        "near_rows": _near_rows(found),
        "won_means": _won_means(found),
        "kinds_of_task": [(tag, *_most_frequent(rows)) for tag, rows in found["tags"].items()],
        "won": [_flip(flip) for flip in flips if flip["won"]][:_MAX_SHOWN],
        "lost": [_flip(flip) for flip in flips if not flip["won"]][:_MAX_SHOWN],
    }


def _score_row(score: Mapping[str, Any]) -> tuple[str, ...]:
    first, second = (estimate_text(rate) for rate in score["rates"])
    return (score["name"], *first, *second, *change_text(score["change"]), *_counts(score))


def _counts(score: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(len(score["won"])), str(len(score["lost"])), f"{score['p_value']:.3g}"


def _headline(found: Comparison) -> str:
    score = found["scores"][-1]
    (first, _), (second, _) = (estimate_text(rate) for rate in score["rates"])
    change, interval = (text.replace("-", "\u2212") for text in change_text(score["change"]))
    return (
        f"On {counted(found['tasks'], 'task')} {score['name']} goes from {first} % to {second} %: {change} points "
        f"{interval}, {counted(len(score['won']), 'task')} won and {len(score['lost'])} lost (McNemar's p "
        f"{score['p_value']:.2g})."
    )


def _won_means(found: Comparison) -> str:
    one = all(answers == found["tasks"] for answers in found["answers"])
    return f"won: {'solved' if one else 'at least one sample passes'} in the second only; lost: in the first only"


def _most_frequent(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The values of a tag that most tasks have, and the others; both in the order of ``rows``."""
    most = sorted(range(len(rows)), key=lambda place: -rows[place]["count"])[:MAX_KINDS]
    return [rows[place] for place in sorted(most)], [row for place, row in enumerate(rows) if place not in most]


def _errors(found: Comparison) -> list[tuple[str, list[int]]]:
    rows = [(kind, list(counts)) for kind, counts in found["errors"]]
    rest = rows[MAX_KINDS:]
    if len(rest) > 1:
        totals = [sum(counts[side] for _, counts in rest) for side in (0, 1)]
        return [*rows[:MAX_KINDS], (f"{len(rest)} other kinds", totals)]
    return rows


def _bar(counts: Sequence[int], found: Comparison) -> list[float]:
    """Shares of all answers, the largest but the passes' being 100 %, for the bars."""
    rows = [row for kind, row in _errors(found) if kind != "passes"]
    shares = [[count / of for count, of in zip(row, found["answers"], strict=True)] for row in (*rows, counts)]
    largest = max((share for row in shares[:-1] for share in row), default=1.0)
    return [round(100 * share / largest, 1) for share in shares[-1]]


def _near_rows(found: Comparison) -> list[tuple[str, ...]]:
    near, failing = zip(*found["near"], strict=True)
    return [
        ("failing answers", *map(str, failing)),
        ("of them one place away from a known pass", *map(str, near)),
    ]


def _flip(flip: Mapping[str, Any]) -> dict[str, Any]:
    sides = (("first", "first_marks"), ("second", "second_marks"))
    programs = [_segments(flip[text], flip[marks]) for text, marks in sides]
    return {**flip, "programs": programs}


def _segments(text: str, marks: Sequence[Sequence[int]]) -> list[tuple[str, bool]]:
    """The text in pieces, each marked or not."""
    pieces, at = [], 0
    for start, end in marks:
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    pieces.append((text[at:], False))
    return [piece for piece in pieces if piece[0]]


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
