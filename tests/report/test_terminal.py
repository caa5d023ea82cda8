"""A pair on the terminal can be read with and without colour."""

from __future__ import annotations

import io

from rich.console import Console

from iterpref.focus import diff_lines, focus_spans
from iterpref.report.terminal import render_pair
from iterpref.types import Pair


def shown(rejected: str, chosen: str, **tokens: object) -> list[str]:
    rejected_spans, chosen_spans = focus_spans(diff_lines(rejected, chosen))
    pair = Pair("id", "prompt", chosen, rejected, chosen_spans, rejected_spans, {"task_id": "t"})
    console = Console(file=io.StringIO(), width=60)
    console.print(render_pair(pair, **tokens))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return [line.strip("│ ").rstrip() for line in console.file.getvalue().splitlines()]


def test_changed_lines_carry_signs() -> None:
    lines = shown("a\nb\nc\n", "a\nB\nc\n")
    assert "- b" in lines
    assert "+ B" in lines
    assert "a" in lines


def test_missing_code_is_named_where_it_is_missing() -> None:
    lines = shown("a\nc\n", "a\nb\nc\n")
    assert lines.index("> missing here, penalised") == lines.index("a") + 1


def test_missing_code_beside_a_change_is_not_penalised() -> None:
    lines = shown("a\nx\nc\nd\n", "a\ny\nc\nb\nd\n")
    assert lines.index("> missing here") == lines.index("c") + 1


def test_tokens_are_marked_whole() -> None:
    lines = shown("a\nb\n", "a\nB\n", offsets=[(0, 1), (1, 2), (2, 4)], weights=[0.0, 0.0, 1.0, 1.0])
    assert "- b" in lines
    assert any("end of program" in line for line in lines)
