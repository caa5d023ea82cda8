"""Lines inside a hunk, taken apart."""

from __future__ import annotations

from hypothesis import given

from iterpref.focus.diff import apply_hunks
from iterpref.focus.lines import diff_lines
from iterpref.focus.pairing import diff_paired_lines
from tests.focus.programs import texts


def told(rejected: str, chosen: str) -> list[tuple[str, str]]:
    return [
        (rejected[hunk.rejected_start : hunk.rejected_end], chosen[hunk.chosen_start : hunk.chosen_end])
        for hunk in diff_paired_lines(rejected, chosen)
    ]


def test_neighbouring_edits_become_hunks_of_their_own() -> None:
    assert told("total = 0\nfor x in xs:\n", "total = 1\nfor x in ys:\n") == [
        ("total = 0\n", "total = 1\n"),
        ("for x in xs:\n", "for x in ys:\n"),
    ]


def test_a_line_that_was_added_beside_a_changed_one_is_apart() -> None:
    assert told("total = 0\n", "# the sum so far\ntotal = 1\n") == [
        ("", "# the sum so far\n"),
        ("total = 0\n", "total = 1\n"),
    ]


def test_removed_lines_are_apart() -> None:
    assert told("a = 1\nprint(a)\nb = 2\n", "") == [("a = 1\n", ""), ("print(a)\n", ""), ("b = 2\n", "")]


def test_lines_replaced_by_others_that_do_not_resemble_them_stay_together() -> None:
    assert told("return sum(xs) / 2\n", "while x:\n    x -= 1\n") == [
        ("return sum(xs) / 2\n", "while x:\n    x -= 1\n"),
    ]


@given(texts, texts)
def test_the_parts_are_exactly_the_hunks_of_lines(rejected: str, chosen: str) -> None:
    whole, parts = diff_lines(rejected, chosen), diff_paired_lines(rejected, chosen)
    by_parts, at_once = (apply_hunks(rejected, chosen, hunks)[0] for hunks in (parts, whole))
    assert by_parts.removesuffix("\n") == at_once.removesuffix("\n")
    for start, end, both in (("rejected_start", "rejected_end", 0), ("chosen_start", "chosen_end", 1)):
        covered = [place for hunk in parts for place in range(getattr(hunk, start), getattr(hunk, end))]
        expected = [place for hunk in whole for place in range(getattr(hunk, start), getattr(hunk, end))]
        assert covered == expected, both
