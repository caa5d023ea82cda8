"""Wrong lines that look harmless once the program is repaired, since the repair made them idle.

A line at the wrong place is repaired by the same line at the right place; the old copy is then overwritten, or never
reached, and the tests pass with it. The same happens to an assignment whose value only replaced lines used. Neither is
beside the point: these lines are what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from iterpref.focus.diff import Hunk

__all__ = ["idle_lines"]

_SIMILAR = 70.0  # per cent of characters in common, of both lines together
_ASSIGNED = re.compile(r"\s*([^\W\d]\w*)\s*(?::[^=\n]+)?=(?!=)")


def idle_lines(rejected: str, chosen: str, needed: Sequence[Hunk], others: Sequence[Hunk]) -> list[Hunk]:
    """Those of ``others`` that only take away what ``needed`` puts elsewhere, or what nothing would use any more."""
    removals = [hunk for hunk in others if not hunk.missing and hunk.chosen_start == hunk.chosen_end]
    moved = list(_moved(rejected, chosen, needed, removals))
    return [*moved, *(hunk for hunk in removals if hunk not in moved and _unused(rejected, chosen, needed, hunk))]


def _moved(rejected: str, chosen: str, needed: Sequence[Hunk], removals: Sequence[Hunk]) -> Iterator[Hunk]:
    """For each line that is put in, the removed line that is most like it."""
    left = list(removals)
    for hunk in needed:
        text = chosen[hunk.chosen_start : hunk.chosen_end].strip()
        likeness = [fuzz.ratio(_text(rejected, other), text, score_cutoff=_SIMILAR) for other in left]
        if hunk.missing and any(likeness):
            yield left.pop(likeness.index(max(likeness)))


def _unused(rejected: str, chosen: str, needed: Sequence[Hunk], removal: Hunk) -> bool:
    """The removed line assigns a name that y- uses only where it is replaced, by lines that do not use it."""
    name = _ASSIGNED.match(rejected, removal.rejected_start, removal.rejected_end)
    if name is None:
        return False
    word = re.compile(rf"\b{re.escape(name[1])}\b")
    replaced = sum(len(word.findall(_text(rejected, hunk))) for hunk in needed)
    elsewhere = len(word.findall(rejected)) - len(word.findall(_text(rejected, removal))) - replaced
    used = any(word.search(chosen, hunk.chosen_start, hunk.chosen_end) for hunk in needed)
    return replaced > 0 and not elsewhere and not used


def _text(rejected: str, hunk: Hunk) -> str:
    return rejected[hunk.rejected_start : hunk.rejected_end].strip()
