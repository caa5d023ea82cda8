"""The released algorithm, written anew, says what its source says; and long pairs are long."""

from __future__ import annotations

from typing import Any

import pytest

from iterpref import micro
from iterpref.focus import diff_lines, focus_spans, token_weights


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return pytest.importorskip("transformers").AutoTokenizer.from_pretrained(micro.base_path())


REJECTED = "def f(x):\n    y = x\n    return y - 1\n"
CHOSEN = "def f(x):\n    y = x\n    return y + 1\n"


def test_the_released_masks_hold_the_line_that_differs_without_the_token_that_opens_it(tokenizer: Any) -> None:
    from focus import released_masks

    encoded = tokenizer(REJECTED, return_offsets_mapping=True)
    spans, _ = focus_spans(diff_lines(REJECTED, CHOSEN))
    weights = token_weights(REJECTED, encoded["offset_mapping"], spans)
    released, _ = released_masks(encoded["input_ids"], tokenizer.encode(CHOSEN), tokenizer)

    texts = [REJECTED[start:end] for start, end in encoded["offset_mapping"]]
    ours = [text for text, weight in zip(texts, weights, strict=False) if weight]
    theirs = [text for text, on in zip(texts, released, strict=True) if on]
    # a prefix that ends at a line ends with "\n" alone, which takes the place of the merged newline and indentation
    assert theirs == ours[1:]
    assert ours[0].startswith("\n  ")


def test_equal_texts_have_empty_masks(tokenizer: Any) -> None:
    from focus import released_masks

    ids = tokenizer.encode(CHOSEN)
    assert [any(mask) for mask in released_masks(ids, ids, tokenizer)] == [False, False]


def test_long_pairs_differ_only_where_the_short_ones_do() -> None:
    from focus import CHARACTERS, long_pairs

    for rejected, chosen in long_pairs([(REJECTED, CHOSEN)], 5):
        assert len(rejected) >= CHARACTERS
        (hunk,) = diff_lines(rejected, chosen)
        assert rejected[hunk.rejected_start : hunk.rejected_end] == "    return y - 1\n"
