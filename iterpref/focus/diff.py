"""What a differ says, and the spans that follow from it (paper, section 3.2: the critical difference).

A differ takes (rejected, chosen) and returns hunks: character ranges of the two texts that do not match, in order. What
lies between the hunks is common to both. D- is the hunks' ranges of the rejected text, D+ those of the chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from iterpref.types import Span

__all__ = ["Deletions", "Differ", "Hunk", "focus_spans"]

Deletions = Literal["drop", "keep", "junction"]


@dataclass(frozen=True)
class Hunk:
    """``rejected[rejected_start:rejected_end]`` stands where ``chosen[chosen_start:chosen_end]`` should."""

    rejected_start: int
    rejected_end: int
    chosen_start: int
    chosen_end: int

    @property
    def missing(self) -> bool:
        """True where the rejected text only lacks code."""
        return self.rejected_start == self.rejected_end


Differ = Callable[[str, str], list[Hunk]]


def focus_spans(hunks: Sequence[Hunk], deletions: Deletions = "junction") -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Spans (of rejected, of chosen) for a list of hunks.

    Code that is missing from the rejected text has no characters there. Such places are recorded with weight 0. Only
    when *every* hunk is of that kind would y- carry no penalty at all; then ``junction`` gives these places weight 1,
    which puts the penalty on the token at which y- went on without the missing code.
    """
    only_missing = all(hunk.missing for hunk in hunks)
    junction = 1.0 if only_missing and deletions == "junction" else 0.0
    rejected = tuple(
        Span(
            hunk.rejected_start,
            hunk.rejected_end,
            junction if hunk.missing else 1.0,
            "missing" if hunk.missing else "changed",
        )
        for hunk in hunks
    )
    chosen = tuple(
        Span(hunk.chosen_start, hunk.chosen_end, 1.0, "added" if hunk.missing else "changed")
        for hunk in hunks
        if hunk.chosen_start < hunk.chosen_end
    )
    return rejected, chosen
