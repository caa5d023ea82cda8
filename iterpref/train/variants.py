"""Which characters of a pair a loss counts, as spans: the variants of the paper's ablations are masks, not trainers.

None stands for the whole text. Target-DPO: (all of y+, D-). Symmetric: (D+, D-). Diff-Augmentation: (all, D- widened by
some lines on each side). Hybrid: half of the pairs (all, all), the others (all, D-).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from iterpref.train.losses import Objective
from iterpref.types import Pair, Span

__all__ = ["chosen_spans", "rejected_spans", "widened"]

Spans = Sequence[Span] | None


def chosen_spans(pair: Pair, objective: Objective) -> Spans:
    """What of y+ K+ counts."""
    return pair.chosen_spans if objective.mask == "symmetric" and pair.rejected is not None else None


def rejected_spans(pair: Pair, objective: Objective) -> Spans:
    """What of y- K- counts."""
    if objective.mask == "all" or (objective.mask == "hybrid" and _in_plain_half(pair)):
        return None
    assert pair.rejected is not None
    return widened(pair.rejected, pair.rejected_spans, objective.lines)


def widened(code: str, spans: Iterable[Span], lines: int) -> list[Span]:
    """Spans that weigh something, each grown by ``lines`` whole lines on each side (paper, Diff-Augmentation)."""
    if not lines:
        return list(spans)
    grown = []
    for span in spans:
        if span.weight:
            start, end = code.rfind("\n", 0, span.start) + 1, span.end
            if code[end - 1 : end] != "\n":  # else it ends with its line; code that is missing there is between lines
                end = _line_end(code, end)
            for _ in range(lines):
                start = code.rfind("\n", 0, max(start - 1, 0)) + 1
                end = _line_end(code, end)
            span = replace(span, start=start, end=end)
        grown.append(span)
    return grown


def _line_end(code: str, place: int) -> int:
    """One past the line that ``place`` is in."""
    found = code.find("\n", place)
    return len(code) if found < 0 else found + 1


def _in_plain_half(pair: Pair) -> bool:
    return hashlib.sha256(pair.id.encode()).digest()[0] < 128
