"""The line differ: partition, common, longest."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from iterpref.focus import DIFFERS, Hunk, focus_spans
from iterpref.focus.lexemes import lexemes
from iterpref.focus.lines import diff_lines

texts = st.lists(st.sampled_from(["a", "b", "  c", "", "é\x0c", "\td"]), max_size=8).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "\n".join(lines) + "\n", "\r\n".join(lines)])
)


def plain(text: str) -> str:
    """Without what the line differ ignores: terminators."""
    return text.replace("\r\n", "\n").removesuffix("\n")


def between(text: str, cuts: Sequence[tuple[int, int]]) -> str:
    at, kept = 0, []
    for start, end in cuts:
        assert at <= start <= end <= len(text)
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


def longest(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def sides(hunks: Sequence[Hunk]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return [(h.rejected_start, h.rejected_end) for h in hunks], [(h.chosen_start, h.chosen_end) for h in hunks]


@given(texts, texts)
def test_what_lies_between_the_hunks_is_common(rejected: str, chosen: str) -> None:
    left, right = sides(diff_lines(rejected, chosen))
    assert plain(between(rejected, left)) == plain(between(chosen, right))


@given(texts, texts)
def test_no_longer_common_subsequence_exists(rejected: str, chosen: str) -> None:
    def lines(text: str) -> list[str]:
        pieces = text.split("\n")
        return [piece.removesuffix("\r") for piece in (pieces if pieces[-1] else pieces[:-1])]

    left, _ = sides(diff_lines(rejected, chosen))
    kept = between(rejected, left)
    assert len(lines(kept)) == longest(lines(rejected), lines(chosen))


@given(texts)
def test_identical_texts_have_no_hunks(text: str) -> None:
    assert diff_lines(text, text) == []


@given(texts, texts)
def test_lexemes_rebuild_both_texts_exactly_within_changed_lines(rejected: str, chosen: str) -> None:
    left, right = sides(DIFFERS["lexemes"](rejected, chosen))
    assert plain(between(rejected, left)) == plain(between(chosen, right))


@given(st.text())
def test_lexemes_joined_are_the_text(text: str) -> None:
    assert "".join(lexemes(text)) == text


def test_a_changed_line_is_one_hunk_with_its_terminator() -> None:
    assert diff_lines("a\nb\nc\n", "a\nB\nc\n") == [Hunk(2, 4, 2, 4)]


def test_missing_code_is_a_place_also_at_the_very_end() -> None:
    assert diff_lines("a\nc", "a\nb\nc") == [Hunk(2, 2, 2, 4)]
    assert diff_lines("a\n", "a\nb") == [Hunk(2, 2, 2, 3)]


def test_line_ends_alone_are_no_difference() -> None:
    assert diff_lines("a\r\nb", "a\nb\n") == []


def test_lexemes_find_the_operator() -> None:
    assert DIFFERS["lexemes"]("if a < b:\n", "if a <= b:\n") == [Hunk(5, 6, 5, 7)]


def test_ten_thousand_lines() -> None:
    old = [f"line {n}" for n in range(10_000)]
    new = [line for n, line in enumerate(old) if n % 100] + ["end"]
    assert len(diff_lines("\n".join(old), "\n".join(new))) == 101


def test_a_pure_deletion_is_penalised_only_by_the_junction_policy() -> None:
    hunks = diff_lines("a\nc\n", "a\nb\nc\n")
    assert [span.weight for span in focus_spans(hunks, "junction")[0]] == [1.0]
    assert [span.weight for span in focus_spans(hunks, "keep")[0]] == [0.0]


def test_missing_code_beside_changed_code_carries_no_weight() -> None:
    rejected, chosen = focus_spans(diff_lines("a\nx\nc\nd\n", "a\ny\nc\nb\nd\n"))
    assert [(span.reason, span.weight) for span in rejected] == [("changed", 1.0), ("missing", 0.0)]
    assert [span.reason for span in chosen] == ["changed", "added"]
