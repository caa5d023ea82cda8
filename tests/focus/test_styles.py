"""The weights that each baseline gives to the same pair."""

from __future__ import annotations

import pytest

from iterpref.errors import InputError
from iterpref.focus import STYLES, focus_spans, resolve_style, token_weights
from iterpref.focus.lines import diff_lines

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
