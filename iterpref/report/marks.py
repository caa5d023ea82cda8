"""What a marked place of a program is called, on the page and on the terminal.

A difference that carries no penalty is either known to be beside the point (proven by running, or said by the differ),
and then called irrelevant with its reason, or merely recorded, as in a version that is not paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from iterpref.types import Span

__all__ = ["IRRELEVANT", "is_irrelevant", "unpenalised"]

IRRELEVANT = {
    "irrelevant": "irrelevant: the tests pass without this change",
    "renamed": "irrelevant: only renamed",
    "moved": "irrelevant: only moved",
    "formatting": "irrelevant: only formatting",
}
"""Reason of a span without weight (iterpref/focus/diff.py) to what a reader is told."""


def is_irrelevant(span: Span) -> bool:
    return not span.weight and span.reason in IRRELEVANT


def unpenalised(spans: Iterable[Span]) -> str:
    """How many places are irrelevant for which reason, in words; empty where none is."""
    reasons = Counter(span.reason for span in spans if is_irrelevant(span))
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
