"""Common prefix and suffix, by hand and against a brute force."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iterpref.focus.diff import Hunk
from iterpref.focus.ends import diff_ends
from iterpref.focus.lines import bare_lines


def test_everything_between_the_first_and_the_last_difference_is_one_hunk() -> None:
    assert diff_ends("a\nb\nc\nd\ne\n", "a\nB\nc\nD\ne\n") == [Hunk(2, 8, 2, 8)]


def test_a_repeated_line_is_counted_once() -> None:
    assert diff_ends("a\na\n", "a\na\na\n") == [Hunk(4, 4, 4, 6)]


@given(st.lists(st.sampled_from("ab"), max_size=6), st.lists(st.sampled_from("ab"), max_size=6))
def test_no_shorter_middle_exists(old: list[str], new: list[str]) -> None:
    hunks = diff_ends("\n".join(old), "\n".join(new))
    if old == new:
        assert hunks == []
        return
    left = min(
        (len(old) - first - last, len(new) - first - last)
        for first in range(min(len(old), len(new)) + 1)
        for last in range(min(len(old), len(new)) - first + 1)
        if old[:first] == new[:first] and old[len(old) - last :] == new[len(new) - last :]
    )
    (hunk,) = hunks
    texts = (
        "\n".join(old)[hunk.rejected_start : hunk.rejected_end],
        "\n".join(new)[hunk.chosen_start : hunk.chosen_end],
    )
    assert tuple(len(bare_lines(text)) for text in texts) == left
