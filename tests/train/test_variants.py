from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.train.data import Encoder
from iterpref.train.losses import Objective
from iterpref.train.variants import chosen_spans, rejected_spans, widened
from iterpref.types import Pair, Span
from tests.train.conftest import make_pairs, make_tokenizer

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


def test_every_mask_counts_what_it_says() -> None:
    plus, minus = (Span(0, 1),), (Span(2, 3),)
    pairs = [Pair(f"p{number}", "q", "x = 1", "x = 2", plus, minus) for number in range(1000)]

    def counted(mask: Any, pair: Pair = pairs[0]) -> tuple[object, object]:
        weights = Objective(1.0, 0.0, 0.1, mask)
        return chosen_spans(pair, weights), rejected_spans(pair, weights)

    assert counted("all") == (None, None)
    assert counted("focus") == (None, list(minus))
    assert counted("symmetric") == (plus, list(minus))
    plain = sum(counted("hybrid", pair) == (None, None) for pair in pairs)
    assert 440 < plain < 560
    assert all(counted("hybrid", pair) in ((None, None), (None, list(minus))) for pair in pairs)


def test_symmetric_weighs_the_changed_tokens_of_both() -> None:
    tokenizer = make_tokenizer()
    pair = make_pairs(2)[1]
    span = Span(pair.chosen.index("    return"), len(pair.chosen), 1.0, "changed")
    pair = replace(pair, chosen_spans=(span,))
    encoder = Encoder(tokenizer, Objective(1.0, 0.0, 0.1, "symmetric"), max_length=200, use_anchors=False)

    (example,), _ = encoder.encode([pair])

    assert tokenizer.decode(example.chosen.ids[example.chosen.weights > 0]) == "\n    return x + 1\n"
    assert example.rejected
    assert tokenizer.decode(example.rejected.ids[example.rejected.weights > 0]) == "\n    return x - 1\n"
