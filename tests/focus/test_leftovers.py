"""Lines that the repair makes idle are wrong; lines that are beside the point are not."""

from __future__ import annotations

from iterpref.focus import Hunk, Verified, diff_lines, verified_focus
from iterpref.focus.leftovers import idle_lines


def split(rejected: str, chosen: str, needed: set[str]) -> tuple[list[Hunk], list[Hunk]]:
    """Hunks whose new or old text is named, and the others."""
    hunks = diff_lines(rejected, chosen)

    def named(hunk: Hunk) -> bool:
        both = {rejected[hunk.rejected_start : hunk.rejected_end], chosen[hunk.chosen_start : hunk.chosen_end]}
        return bool(needed & both)

    return [hunk for hunk in hunks if named(hunk)], [hunk for hunk in hunks if not named(hunk)]


def test_the_old_copy_of_a_line_that_was_at_the_wrong_place() -> None:
    rejected = "a = 1\n    total = []\nb = 2\nc = 3\n"
    chosen = "a = 1\nb = 2\nc = 3\ntotal = []\n"
    needed, others = split(rejected, chosen, {"total = []\n"})
    assert idle_lines(rejected, chosen, needed, others) == others
    assert len(others) == 1


def test_another_line_that_is_removed_is_none() -> None:
    rejected = "a = 1\nprint(a)\nb = 2\n"
    chosen = "a = 1\nb = 2\ntotal = []\n"
    needed, others = split(rejected, chosen, {"total = []\n"})
    assert idle_lines(rejected, chosen, needed, others) == []


def test_each_line_that_is_put_in_claims_one_removed_line() -> None:
    rejected = "x = 1\nx = 1\nb = 2\n"
    chosen = "b = 2\nx = 1\n"
    needed = [Hunk(18, 18, 6, 12)]
    others = [Hunk(0, 6, 0, 0), Hunk(6, 12, 0, 0)]
    assert idle_lines(rejected, chosen, needed, others) == [others[0]]


def test_an_assignment_that_only_the_replaced_line_used() -> None:
    rejected, chosen = "answer = x + x\nreturn answer\n", "return x + y\n"
    removed, replaced = Hunk(0, 15, 0, 0), Hunk(15, 29, 0, 13)
    assert idle_lines(rejected, chosen, [replaced], [removed]) == [removed]
    used = rejected + "log(answer)\n"
    assert idle_lines(used, chosen + "log(answer)\n", [replaced], [removed]) == []


def test_running_alone_would_call_the_misplaced_line_harmless() -> None:
    guard, loop = "    if not xs:\n        return 0\n", "    for x in xs:\n        total += x\n    return total\n"
    rejected = f"def f(xs):\n{guard}        total = 0\n{loop}"
    chosen = f"def f(xs):\n{guard}    total = 0\n{loop}"
    moved = f"def f(xs):\n    total = 0\n{guard}{loop}"

    def passes(program: str) -> bool:
        space: dict[str, object] = {}
        exec(program, space)
        try:
            return space["f"]([1, 2]) == 3 and space["f"]([]) == 0  # type: ignore[operator]
        except UnboundLocalError:
            return False

    for right in (chosen, moved):
        found = verified_focus(rejected, right, passes)
        assert isinstance(found, Verified)
        wrong = [rejected[hunk.rejected_start : hunk.rejected_end] for hunk in found.hunks if hunk.counts]
        assert "        total = 0\n" in wrong
