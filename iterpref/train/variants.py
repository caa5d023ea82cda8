"""Which characters of a pair a loss counts, as spans: the variants of the paper's ablations are masks, not trainers.

None stands for the whole text. Target-DPO: (all of y+, D-). Symmetric: (D+, D-). Diff-Augmentation: (all, D- widened by
some lines on each side). Hybrid: half of the pairs (all, all), the others (all, D-).
"""

from __future__ import annotations

from collections.abc import Sequence

from iterpref.focus.styles import in_plain_half, widened
from iterpref.train.losses import Objective
from iterpref.types import Pair, Span

__all__ = ["chosen_spans", "rejected_spans"]

Spans = Sequence[Span] | None


def chosen_spans(pair: Pair, objective: Objective) -> Spans:
    """What of y+ K+ counts."""
    return pair.chosen_spans if objective.mask == "symmetric" and pair.rejected is not None else None


def rejected_spans(pair: Pair, objective: Objective) -> Spans:
    """What of y- K- counts."""
    if objective.mask == "all" or (objective.mask == "hybrid" and in_plain_half(pair.rejected or "", pair.chosen)):
        return None
    assert pair.rejected is not None
    return widened(pair.rejected, pair.rejected_spans, objective.lines)
