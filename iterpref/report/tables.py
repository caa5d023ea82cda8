"""Small tables for a person to read, on the page and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Table", "cell", "counts", "markdown", "money"]


@dataclass(frozen=True)
class Table:
    """One table with what is to be said about it; any part may be empty."""

    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
    title: str = ""


def markdown(tables: Iterable[Table]) -> list[str]:
    """Lines, with an empty one after each part."""
    lines: list[str] = []
    for table in tables:
        lines += [f"### {table.title}", ""] if table.title else []
        lines += [table.note, ""] if table.note else []
        lines += _table(table.head, table.rows) if table.rows else []
    return lines


def cell(text: str) -> str:
    """Text that cannot break a table."""
    return " ".join(text.split()).replace("|", "\\|")[:160]


def counts(found: Counter[str], most: int | None = None) -> str:
    """``name 3, other 1``, the most frequent first."""
    return ", ".join(f"{name or 'unnamed'} {number:,}" for name, number in found.most_common(most))


def money(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:,.2f}" if usd >= 1 else f"{usd:.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(each) for each in row) + " |" for row in rows]
    return [*lines, ""]
