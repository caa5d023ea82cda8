from __future__ import annotations

from dataclasses import replace
from typing import Any

from iterpref.train.data import Encoder
from iterpref.train.losses import Objective
from iterpref.train.variants import chosen_spans, rejected_spans
from iterpref.types import Pair, Span
from tests.train.conftest import make_pairs, make_tokenizer


def test_every_mask_counts_what_it_says() -> None:
    plus, minus = (Span(0, 1),), (Span(2, 3),)
    pairs = [Pair(f"p{number}", "q", "x = 1", f"x = 2{number}", plus, minus) for number in range(1000)]

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
