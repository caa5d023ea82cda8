"""Baselines for research: other weights on the same pair. The loss stays one; a style is what it counts in y-.

============  =================================================================================================
style         tokens of y- in K-
============  =================================================================================================
target        D- (paper, section 3.2)
augmented-1   D- and a line before and after each part of it (paper: Diff-Augmentation)
augmented-2   the same with two lines
hybrid        D-, or all of y- for half of the pairs, drawn by their texts (paper: hybrid)
focused-dpo   all of y-, D- twice (arXiv 2502.11475: weight 2 between common prefix and suffix, so differ ``ends``)
============  =================================================================================================

A style takes the texts and spans (rejected, chosen, spans of rejected, spans of chosen) and returns both spans. All of
y+ counts in K+, unless ``train.weigh_chosen`` makes the spans of y+ its weights: with ``target`` that is the paper's
symmetric masking (which collapses), with ``focused-dpo`` the method of that name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from iterpref.lookup import lookup
from iterpref.types import Span

__all__ = ["STYLES", "Spans", "Style", "resolve_style"]

Spans = tuple[Span, ...]
Style = Callable[[str, str, Spans, Spans], tuple[Spans, Spans]]


def target(rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans) -> tuple[Spans, Spans]:
    """As they are."""
    return rejected_spans, chosen_spans


def augmented(
    rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans, lines: int = 1
) -> tuple[Spans, Spans]:
    """Penalised spans of y- grow to whole lines and by ``lines`` more on each side. What grows is ``context``."""
    context = []
    for span in rejected_spans:
        if span.weight:
            start = rejected.rfind("\n", 0, span.start) + 1
            end = span.end if rejected[: span.end].endswith("\n") else _next_line(rejected, span.end)
            for _ in range(lines):
                start = rejected.rfind("\n", 0, max(0, start - 1)) + 1
                end = _next_line(rejected, end)
            context.append(Span(start, end, span.weight, "context"))
    return (*context, *rejected_spans), chosen_spans


def hybrid(rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans) -> tuple[Spans, Spans]:
    """Half of the pairs count as in plain DPO. The end token of y- stays out."""
    digest = hashlib.sha256(f"{rejected}\x00{chosen}".encode("utf-8", "surrogatepass")).digest()
    if digest[0] % 2:
        return rejected_spans, chosen_spans
    return (Span(0, len(rejected), 1.0, "whole"), *rejected_spans), chosen_spans


def focused_dpo(rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans) -> tuple[Spans, Spans]:
    """Weight 1 everywhere, twice that in the spans."""

    def weighted(text: str, spans: Spans) -> Spans:
        double = (Span(span.start, span.end, 2 * span.weight, span.reason) for span in spans)
        return (Span(0, len(text), 1.0, "whole"), *double)

    return weighted(rejected, rejected_spans), weighted(chosen, chosen_spans)


STYLES: dict[str, Style] = {
    "target": target,
    "augmented-1": augmented,
    "augmented-2": partial(augmented, lines=2),
    "hybrid": hybrid,
    "focused-dpo": focused_dpo,
}


def resolve_style(name: str) -> Style:
    """A style by short name, else by dotted path.

    Raises:
        InputError: there is none of that name.
    """
    if name in STYLES:
        return STYLES[name]
    style: Style = lookup("focus style", name, dict.fromkeys(STYLES, ""))
    return style


def _next_line(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end + 1
