"""What every differ keeps: hunks are an ordered partition, and applied to y- they give y+."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.errors import InputError
from iterpref.focus import DIFFERS, Hunk, apply_hunks, focus_spans, resolve_differ
from tests.focus.programs import texts

NAMES = sorted(DIFFERS)


def plain(text: str) -> str:
    """Without what differs ignore: how lines end."""
    return text.replace("\r\n", "\n").removesuffix("\r").removesuffix("\n")


@pytest.mark.parametrize("name", NAMES)
@given(texts, texts)
def test_hunks_applied_to_the_rejected_text_give_the_chosen_one(name: str, rejected: str, chosen: str) -> None:
    result, applied = apply_hunks(rejected, chosen, DIFFERS[name](rejected, chosen))
    assert plain(result) == plain(chosen)
    for hunk in applied:
        assert 0 <= hunk.chosen_start <= hunk.chosen_end <= len(result)


@pytest.mark.parametrize("name", NAMES)
@given(texts, texts)
def test_hunks_are_in_order_and_never_overlap(name: str, rejected: str, chosen: str) -> None:
    at = Hunk(0, 0, 0, 0)
    for hunk in DIFFERS[name](rejected, chosen):
        assert at.rejected_end <= hunk.rejected_start <= hunk.rejected_end <= len(rejected)
        assert at.chosen_end <= hunk.chosen_start <= hunk.chosen_end <= len(chosen)
        assert (hunk.rejected_start, hunk.chosen_start) != (hunk.rejected_end, hunk.chosen_end)
        at = hunk


@pytest.mark.parametrize("name", NAMES)
@given(st.one_of(texts, st.text()))
def test_identical_texts_have_no_hunks(name: str, text: str) -> None:
    assert DIFFERS[name](text, text) == []


@pytest.mark.parametrize("name", NAMES)
@given(st.text(alphabet="a \n\r\t\x0c\u2028ü😀", max_size=30), st.text(alphabet="a \n\r\t\x0c\u2028ü😀", max_size=30))
def test_any_text_is_taken(name: str, rejected: str, chosen: str) -> None:
    hunks = DIFFERS[name](rejected, chosen)
    rejected_spans, chosen_spans = focus_spans(hunks)
    assert all(0 <= span.start <= span.end <= len(rejected) for span in rejected_spans)
    assert all(0 <= span.start < span.end <= len(chosen) for span in chosen_spans)


@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_lines(name: str) -> None:
    old = [f"line_{n} = {n}" for n in range(10_000)]
    new = [line for n, line in enumerate(old) if n % 100] + ["end = 1"]
    rejected, chosen = "\n".join(old), "\n".join(new)
    hunks = DIFFERS[name](rejected, chosen)
    assert apply_hunks(rejected, chosen, hunks)[0] == chosen
    assert len(hunks) == (1 if name == "ends" else 101)


def test_a_differ_is_found_by_name_or_dotted_path() -> None:
    assert resolve_differ("tree") is DIFFERS["tree"]
    assert resolve_differ("iterpref.focus.lines:diff_lines") is DIFFERS["lines"]
    with pytest.raises(InputError, match="did you mean 'lines'"):
        resolve_differ("line")
