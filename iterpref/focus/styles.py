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
y+ counts in K+, unless ``train.loss_type: symmetric`` makes the spans of y+ its weights: with ``target`` that is the
paper's symmetric masking (which collapses), with ``focused-dpo`` the method of that name. Widened and hybrid focus are
also loss types of the trainer, so that one run can compare them on the same pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from iterpref.lookup import lookup
from iterpref.types import Span

__all__ = ["STYLES", "Spans", "Style", "in_plain_half", "resolve_style", "widened"]

Spans = tuple[Span, ...]
Style = Callable[[str, str, Spans, Spans], tuple[Spans, Spans]]


def target(rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans) -> tuple[Spans, Spans]:
    """As they are."""
    return rejected_spans, chosen_spans


def augmented(
    rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans, lines: int = 1
) -> tuple[Spans, Spans]:
    """Penalised spans of y- grow to whole lines and by ``lines`` more on each side. What grows is ``context``."""
    grown = widened(rejected, (span for span in rejected_spans if span.weight), lines)
    context = (replace(span, reason="context") for span in grown)
    return (*context, *rejected_spans), chosen_spans


def widened(code: str, spans: Iterable[Span], lines: int) -> list[Span]:
    """Spans that weigh something, each grown to whole lines and by ``lines`` more on each side."""
    if not lines:
        return list(spans)
    grown = []
    for span in spans:
        if span.weight:
            start, end = code.rfind("\n", 0, span.start) + 1, span.end
            if code[end - 1 : end] != "\n":  # else it ends with its line; code that is missing there is between lines
                end = _next_line(code, end)
            for _ in range(lines):
                start = code.rfind("\n", 0, max(start - 1, 0)) + 1
                end = _next_line(code, end)
            span = replace(span, start=start, end=end)
        grown.append(span)
    return grown


def hybrid(rejected: str, chosen: str, rejected_spans: Spans, chosen_spans: Spans) -> tuple[Spans, Spans]:
    """Half of the pairs count as in plain DPO. The end token of y- stays out."""
    if not in_plain_half(rejected, chosen):
        return rejected_spans, chosen_spans
    return (Span(0, len(rejected), 1.0, "whole"), *rejected_spans), chosen_spans


def in_plain_half(rejected: str, chosen: str) -> bool:
    """Whether a pair is of the half that a hybrid counts as plain DPO."""
    digest = hashlib.sha256(f"{rejected}\x00{chosen}".encode("utf-8", "surrogatepass")).digest()
    return digest[0] % 2 == 0


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
