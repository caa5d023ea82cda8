"""The weights that each baseline gives to the same pair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.errors import InputError
from iterpref.focus import STYLES, focus_spans, resolve_style, token_weights
from iterpref.focus.lines import diff_lines
from iterpref.focus.styles import widened
from iterpref.types import Span

REJECTED = "a\nb\nx\nc\nd\n"
CHOSEN = "a\nb\ny\nc\nd\n"


def weights(style: str, rejected: str = REJECTED, chosen: str = CHOSEN) -> tuple[list[float], list[float]]:
    """Of each character, in y- and y+; the end token last."""
    spans = resolve_style(style)(rejected, chosen, *focus_spans(diff_lines(rejected, chosen)))
    offsets = [[(place, place + 1) for place in range(len(text))] for text in (rejected, chosen)]
    return token_weights(rejected, offsets[0], spans[0]), token_weights(chosen, offsets[1], spans[1])


@pytest.mark.parametrize(
    ("style", "lines"),
    [("target", "00100"), ("augmented-1", "01110"), ("augmented-2", "11111"), ("focused-dpo", "11211")],
)
def test_weights_of_the_lines_of_y_minus(style: str, lines: str) -> None:
    expected = [float(weight) for weight in lines for _ in "x\n"]
    assert weights(style)[0] == [*expected, 0.0]


def test_focused_dpo_weighs_y_plus_alike() -> None:
    assert weights("focused-dpo")[1] == [1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 0]


def test_hybrid_is_plain_for_about_half_of_the_pairs() -> None:
    plain = sum(weights("hybrid", f"a\n{n}\n", f"a\n{n}0\n")[0][0] == 1 for n in range(200))
    assert 70 <= plain <= 130
    assert weights("hybrid") == weights("hybrid")


def test_widening_stops_at_the_ends_of_the_text() -> None:
    assert weights("augmented-2", "x", "y")[0] == [1, 0]
    assert weights("augmented-1", "x\na", "y\na")[0] == [1, 1, 1, 0]


def test_a_place_where_code_is_missing_widens_to_the_lines_around_it() -> None:
    assert weights("augmented-1", "a\nb\nc\nd\n", "a\nb\nX\nc\nd\n")[0] == [0, 0, 1, 1, 1, 1, 0, 0, 0]


def test_unknown_styles_are_named() -> None:
    assert resolve_style("iterpref.focus.styles:hybrid") is STYLES["hybrid"]
    with pytest.raises(InputError, match="did you mean 'hybrid'"):
        resolve_style("hibrid")


CODE = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5"


def cut(spans: list[Span]) -> list[str]:
    return [CODE[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    ("span", "one", "two"),
    [
        (Span(12, 18), "b = 2\nc = 3\nd = 4\n", CODE),  # the line of c
        (Span(16, 17), "b = 2\nc = 3\nd = 4\n", CODE),  # a token in it
        (Span(0, 6), "a = 1\nb = 2\n", "a = 1\nb = 2\nc = 3\n"),
        (Span(24, 29), "d = 4\ne = 5", "c = 3\nd = 4\ne = 5"),
        (Span(12, 12), "b = 2\nc = 3\n", "a = 1\nb = 2\nc = 3\nd = 4\n"),  # code that is missing before c
        (Span(29, 29), "d = 4\ne = 5", "c = 3\nd = 4\ne = 5"),
    ],
)
def test_focus_grows_by_whole_lines(span: Span, one: str, two: str) -> None:
    assert cut(widened(CODE, [span], 1)) == [one]
    assert cut(widened(CODE, [span], 2)) == [two]


def test_what_weighs_nothing_does_not_grow() -> None:
    spans = [Span(12, 12, 0.0)]

    assert widened(CODE, spans, 2) == spans


@given(st.text("ab\n", max_size=30).flatmap(lambda code: st.tuples(st.just(code), *[st.integers(0, len(code))] * 2)))
def test_more_lines_never_cover_less(case: tuple[str, int, int]) -> None:
    code, *ends = case
    before = Span(min(ends), max(ends))
    for lines in range(1, 5):
        (span,) = widened(code, [Span(min(ends), max(ends))], lines)
        assert 0 <= span.start <= before.start <= before.end <= span.end <= len(code)
        before = span
