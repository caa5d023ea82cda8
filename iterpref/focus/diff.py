"""What a differ says, and the spans that follow from it (paper, section 3.2: the critical difference).

A differ takes (rejected, chosen) and returns hunks: character ranges of the two texts that do not match, in order. What
lies between the hunks is common to both. D- is the hunks' ranges of the rejected text, D+ those of the chosen one.

A hunk whose reason is not ``changed`` is a difference that is known to be beside the point, and becomes spans of weight
0: ``renamed``, ``moved`` and ``formatting`` (said by the tree differ), ``irrelevant`` (proven by running).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from iterpref.types import Span

__all__ = ["Deletions", "Differ", "Hunk", "apply_hunks", "focus_spans", "whole_line"]

Deletions = Literal["drop", "keep", "junction"]


@dataclass(frozen=True)
class Hunk:
    """``rejected[rejected_start:rejected_end]`` stands where ``chosen[chosen_start:chosen_end]`` should."""

    rejected_start: int
    rejected_end: int
    chosen_start: int
    chosen_end: int
    reason: str = "changed"

    @property
    def missing(self) -> bool:
        """True where the rejected text only lacks code."""
        return self.rejected_start == self.rejected_end

    @property
    def counts(self) -> bool:
        """True where nothing says that the difference is beside the point."""
        return self.reason == "changed"

    def shifted(self, rejected: int, chosen: int) -> Hunk:
        """The hunk of the whole texts, where this one is of texts cut out at these characters."""
        return Hunk(
            self.rejected_start + rejected,
            self.rejected_end + rejected,
            self.chosen_start + chosen,
            self.chosen_end + chosen,
            self.reason,
        )


Differ = Callable[[str, str], list[Hunk]]


def focus_spans(hunks: Sequence[Hunk], deletions: Deletions = "junction") -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Spans (of rejected, of chosen) for a list of hunks.

    Code that is missing from the rejected text has no characters there. Such places are recorded with weight 0. Only
    when *every* hunk that counts is of that kind would y- carry no penalty at all; then ``junction`` gives these places
    weight 1, which puts the penalty on the token at which y- went on without the missing code.

    The losses, with r_t = log pi(y-_t) / pi_ref(y-_t) and K+ over all of y+: ``keep`` has K- = 0, so
    ``-log sigmoid(beta K+)``, which is likelihood of y+ alone; ``junction`` has K- = sum of r_t over the tokens J of
    the junctions, so ``-log sigmoid(beta (K+ - sum_J r_t))``: what y- said where the missing code belongs.
    """
    only_missing = all(hunk.missing for hunk in hunks if hunk.counts)
    junction = 1.0 if only_missing and deletions == "junction" else 0.0
    rejected = []
    chosen = []
    for hunk in hunks:
        weight = 0.0 if not hunk.counts else junction if hunk.missing else 1.0
        reason = "missing" if hunk.missing and hunk.counts else hunk.reason
        rejected.append(Span(hunk.rejected_start, hunk.rejected_end, weight, reason))
        if hunk.chosen_start < hunk.chosen_end:
            reason = "added" if hunk.missing and hunk.counts else hunk.reason
            chosen.append(Span(hunk.chosen_start, hunk.chosen_end, float(hunk.counts), reason))
    return tuple(rejected), tuple(chosen)


def apply_hunks(rejected: str, chosen: str, hunks: Iterable[Hunk]) -> tuple[str, list[Hunk]]:
    """``rejected`` after some of the hunks that lead to ``chosen``, and these hunks as differences to the result.

    An unterminated last line gets its newline where text is put after it, so that no two lines become one.
    """
    pieces: list[str] = []
    applied: list[Hunk] = []
    length = at = 0

    def put(piece: str) -> None:
        nonlocal length
        pieces.append(piece)
        length += len(piece)

    for hunk in hunks:
        put(rejected[at : hunk.rejected_start])
        new = chosen[hunk.chosen_start : hunk.chosen_end]
        at = hunk.rejected_end
        cut = whole_line(chosen, hunk.chosen_start) and whole_line(rejected, hunk.rejected_start)
        if new and cut and any(pieces) and not _ends_line(pieces):
            put("\n")
        applied.append(Hunk(hunk.rejected_start, at, length, length + len(new), hunk.reason))
        put(new)
        if new and cut and hunk.chosen_end == len(chosen) and at < len(rejected) and not new.endswith("\n"):
            put("\n")
    put(rejected[at:])
    return "".join(pieces), applied


def whole_line(text: str, place: int) -> bool:
    """Whether a line starts at ``place``, or the text ends there."""
    return place == 0 or place == len(text) or text[place - 1] == "\n"


def _ends_line(pieces: Sequence[str]) -> bool:
    last = next(piece for piece in reversed(pieces) if piece)
    return last.endswith("\n")
