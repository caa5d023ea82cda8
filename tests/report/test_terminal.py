"""A pair on the terminal can be read with and without colour."""

from __future__ import annotations

import io

from rich.console import Console

from iterpref.focus import diff_lines, focus_spans
from iterpref.report.terminal import render_pair
from iterpref.types import Pair, Span


def shown(rejected: str, chosen: str, **tokens: object) -> list[str]:
    rejected_spans, chosen_spans = focus_spans(diff_lines(rejected, chosen))
    return rendered(rejected, chosen, rejected_spans, chosen_spans, **tokens)


def rendered(
    rejected: str, chosen: str, rejected_spans: tuple[Span, ...], chosen_spans: tuple[Span, ...], **tokens: object
) -> list[str]:
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


def test_what_is_beside_the_point_is_told_apart_with_its_reason() -> None:
    rejected, chosen = "a\nb\nc\nd\n", "A\nB\nc\nd\ne\n"
    spans = (Span(0, 2, 0.0, "renamed"), Span(2, 4, 1.0, "changed"), Span(8, 8, 0.0, "irrelevant"))

    lines = rendered(rejected, chosen, spans, (Span(0, 2, 0.0, "renamed"), Span(2, 4)))

    assert [line for line in lines if line.startswith("= ")] == [
        "= a",
        "= only y+ has code here: irrelevant",
        "= A",
    ]
    assert "- b" in lines
    assert "+ B" in lines
    assert any("no penalty: 1 renamed, 1 irrelevant" in line for line in lines)


def test_with_tokens_the_irrelevant_lines_stay_marked() -> None:
    spans = (Span(0, 2, 0.0, "irrelevant"), Span(2, 4, 1.0, "changed"))

    lines = rendered("a\nb\n", "A\nB\n", spans, (), offsets=[(0, 2), (2, 4)], weights=[0.0, 1.0, 0.0])

    assert "= a" in lines
    assert "- b" in lines


def test_a_version_that_is_not_paired_differs_without_a_reason() -> None:
    lines = rendered("a\n", "A\n", (Span(0, 2, 0.0, "changed"),), ())

    assert "~ a" in lines
    assert not any("no penalty" in line for line in lines)
