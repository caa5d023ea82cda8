"""The token rule on texts cut by hand, and against a brute force over characters."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.focus.masks import token_weights
from iterpref.types import Span


def cut(*tokens: str) -> tuple[str, list[tuple[int, int]]]:
    """A text and the offsets of the tokens that it is made of."""
    text, offsets = "", []
    for token in tokens:
        offsets.append((len(text), len(text) + len(token)))
        text += token
    return text, offsets


def test_a_merged_newline_and_indentation_belongs_to_the_line_it_opens() -> None:
    text, offsets = cut("if x", ":", "\n    ", "y", "\n", "z")
    line = Span(text.index("    y"), text.index("z"))

    assert token_weights(text, offsets, [line]) == [0, 0, 1, 1, 1, 0, 0]


def test_several_newlines_belong_to_the_line_they_end() -> None:
    text, offsets = cut("a", "\n\n\n", "b")

    assert token_weights(text, offsets, [Span(0, 2)]) == [1, 1, 0, 0]
    assert token_weights(text, offsets, [Span(4, 5)]) == [0, 0, 1, 0]


def test_a_token_that_runs_into_blank_lines_stays_on_its_own() -> None:
    text, offsets = cut("f(", "):\n\n", "b")
    blank_line = Span(5, 6)

    assert token_weights(text, offsets, [blank_line]) == [0, 0, 0, 0]


def test_a_finer_span_takes_the_tokens_it_touches() -> None:
    text, offsets = cut("foo", "bar", " +", " 1")

    assert token_weights(text, offsets, [Span(2, 4)]) == [1, 1, 0, 0, 0]


def test_parts_of_one_character_share_its_weight() -> None:
    assert token_weights("aüb", [(0, 1), (1, 2), (1, 2), (2, 3)], [Span(1, 2)]) == [0, 1, 1, 0, 0]


def test_missing_code_counts_where_the_text_goes_on() -> None:
    text, offsets = cut("a", "\n", "    ", "c", " = 1")
    place = text.index("    c")

    assert token_weights(text, offsets, [Span(place, place)]) == [0, 0, 1, 1, 0, 0]


def test_missing_code_before_a_blank_line_counts_on_the_newlines_that_went_on() -> None:
    text, offsets = cut("a", "\n\n", "c")

    assert token_weights(text, offsets, [Span(2, 2)]) == [0, 1, 0, 0]


@pytest.mark.parametrize("tokens", [("a",), ("a", "\n"), ("a", "\n", "  ")])
def test_missing_code_at_the_very_end_counts_on_the_end_token(tokens: tuple[str, ...]) -> None:
    text, offsets = cut(*tokens)

    weights = token_weights(text, offsets, [Span(len(text), len(text))])

    assert weights == [0] * len(tokens) + [1]


def test_the_largest_weight_counts_and_weight_zero_gives_nothing() -> None:
    text, offsets = cut("a", "b", "c")
    spans = [Span(0, 2, 0.25), Span(1, 3, 0.5), Span(0, 3, 0.0)]

    assert token_weights(text, offsets, spans) == [0.25, 0.5, 0.5, 0]


def test_no_tokens_leave_the_end_token() -> None:
    assert token_weights("", [], [Span(0, 0)]) == [1]
    assert token_weights("", [], []) == [0]


def brute_force(text: str, spans: list[Span]) -> list[float]:
    """With one token a character: the characters of a span, or from the place to the first that is no blank."""
    weights = [0.0] * (len(text) + 1)
    for span in spans:
        places = list(range(span.start, span.end))
        if not places:
            stop = re.compile(r"[^ \t]|\Z").search(text, span.start)
            assert stop
            places = list(range(span.start, stop.start() + 1))
        for place in places:
            weights[place] = max(weights[place], span.weight)
    return weights


@st.composite
def texts_and_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(alphabet="ab \t\n\rü", max_size=20))
    places = st.integers(0, len(text))
    ranges = draw(st.lists(st.tuples(places, places, st.sampled_from([0.0, 0.5, 1.0])), max_size=4))
    return text, [Span(min(a, b), max(a, b), weight) for a, b, weight in ranges]


@given(texts_and_spans())
def test_with_a_token_for_every_character_the_weights_are_those_of_the_characters(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    offsets = [(place, place + 1) for place in range(len(text))]

    assert token_weights(text, offsets, spans) == brute_force(text, spans)
