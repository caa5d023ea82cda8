"""y+ in other words: the text that was brought nearer to y-, and the way back from it to y+ as it was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from iterpref.focus.diff import Hunk

__all__ = ["Aligned", "Edit"]


@dataclass(frozen=True)
class Edit:
    """``start`` to ``end`` of a text stands where ``old_start`` to ``old_end`` of y+ stood, and why."""

    start: int
    end: int
    old_start: int
    old_end: int
    reason: str = "renamed"


@dataclass(frozen=True)
class Aligned:
    """``text`` is y+ with other names, perhaps in other forms: ``edits``, in order."""

    text: str
    edits: tuple[Edit, ...] = ()

    def original(self, place: int, end: bool = False) -> int:
        """The character of y+ that stands at ``place`` of ``text``; inside an edit, where that starts (or ends)."""
        index = bisect_right(self.edits, place, key=lambda edit: edit.start) - 1
        if index < 0:
            return place
        edit = self.edits[index]
        if place >= edit.end:
            return edit.old_end + place - edit.end
        return edit.old_end if end and place > edit.start else edit.old_start

    def hunks(self, hunks: Sequence[Hunk]) -> list[Hunk]:
        """Hunks between y- and ``text`` as hunks between y- and y+.

        Of several hunks in one edit the first that counts, or the first, gets what stands there in y+.
        """
        found = list(hunks)
        taken: list[tuple[int, int]] = []
        for index in sorted(range(len(found)), key=lambda index: not found[index].counts):
            start = self.original(found[index].chosen_start)
            end = max(start, self.original(found[index].chosen_end, end=True))
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                start = end
            taken.append((start, end))
            found[index] = replace(found[index], chosen_start=start, chosen_end=end)
        return found

    def beside(self, rejected: str, hunks: Sequence[Hunk]) -> list[Hunk]:
        """A hunk between y- and y+ for each edit, or part of one, in what ``hunks`` (y- to ``text``) leave common."""
        found: list[Hunk] = []
        edges = sorted([Hunk(0, 0, 0, 0), *hunks], key=lambda hunk: hunk.chosen_start)
        for edit in self.edits:
            index = bisect_right(edges, edit.start, key=lambda hunk: hunk.chosen_start) - 1
            while index < len(edges) and edges[index].chosen_start < max(edit.end, edit.start + 1):
                before = edges[index]
                index += 1
                start = max(edit.start, before.chosen_end)
                end = min(edit.end, edges[index].chosen_start) if index < len(edges) else edit.end
                place = before.rejected_end + start - before.chosen_end  # as far from the hunk before as in `text`
                if start < end and rejected.startswith(self.text[start:end], place):
                    old_start = edit.old_start if (start, end) == (edit.start, edit.end) else edit.old_end
                    found.append(Hunk(place, place + end - start, old_start, edit.old_end, edit.reason))
        return found

    def rewritten(self, text: str, changes: Sequence[Hunk]) -> Aligned:
        """The same for ``text``, an equivalent of the text here; ``changes`` lead from it to the text here."""
        edits = [
            Edit(
                change.rejected_start,
                change.rejected_end,
                self.original(change.chosen_start),
                self.original(change.chosen_end, end=True),
                "irrelevant",
            )
            for change in changes
        ]
        for edit in self.edits:
            index = bisect_right(changes, edit.start, key=lambda change: change.chosen_start) - 1
            before = changes[index] if index >= 0 else Hunk(0, 0, 0, 0)
            if edit.start >= before.chosen_end:
                shift = before.rejected_end - before.chosen_end
                edits.append(replace(edit, start=edit.start + shift, end=edit.end + shift))
        return Aligned(text, tuple(sorted(edits, key=lambda edit: (edit.start, edit.end))))
