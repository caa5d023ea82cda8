"""Small tables as Markdown."""

from __future__ import annotations

from collections import Counter

import pytest

from iterpref.report.tables import Table, cell, counts, markdown, money


def test_every_part_of_a_table_may_be_left_out() -> None:
    assert markdown([Table(("a", "b"), (("1", "2"),), "A note.", "A title")]) == [
        "### A title",
        "",
        "A note.",
        "",
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |",
        "",
    ]
    assert markdown([Table(note="Only this."), Table()]) == ["Only this.", ""]


def test_text_cannot_break_a_table() -> None:
    assert cell("a | b\nc") == "a \\| b c"
    assert len(cell("x" * 1000)) == 160


def test_counts_name_the_most_frequent_first() -> None:
    assert counts(Counter({"a": 1, "": 1200, "b": 3})) == "unnamed 1,200, b 3, a 1"
    assert counts(Counter({"a": 1, "b": 3}), 1) == "b 3"


@pytest.mark.parametrize(("usd", "told"), [(None, "unknown"), (0.00012, "0.0001"), (1234.5, "1,234.50")])
def test_money_is_told_to_the_cent_or_finer(usd: float | None, told: str) -> None:
    assert money(usd) == told
