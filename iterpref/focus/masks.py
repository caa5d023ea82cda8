"""The one function from spans of characters to weights of tokens (paper, section 3.2: the mask of D-).

Works from a tokenizer's offsets alone. Nothing is decoded and no text is encoded a second time, so the tokens that are
weighted are the tokens that are trained on, whatever the tokenizer.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from iterpref.types import Span

__all__ = ["token_weights"]

_NEWLINES = "\r\n"
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t"


def token_weights(text: str, offsets: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[float]:
    """Weight of every token of ``text``, then that of the end token that follows it.

    *Tokens of a line.* Real tokenizers merge a newline with the indentation after it, and several newlines. So a token
    belongs to the line of its first character that is no newline, and a token of newlines alone to the line it ends.
    Its *reach* is what it covers of that line; it is in a span if its reach overlaps the span. Spans of whole lines
    (with their terminators) thus get exactly the tokens of these lines, and finer spans the tokens they touch.

    *Missing code* (``start == end``) counts where y- went on without it: from the first token with text after that
    place to the first one of these that holds more than blanks, or the end token. Indentation alone would not do: y+
    mostly has the same indentation there, so that its penalty in K- would cancel its reward in K+.

    Args:
        text: the completion, without its end token.
        offsets: start and end character of every token, in order. Tokens that are parts of one character share its
            offsets. Empty offsets (a tokenizer that trims blanks) stand for the character at that place.
        spans: characters of ``text`` with their weights; where several meet, the largest weight counts.

    Returns:
        ``len(offsets) + 1`` weights. Time is linear in the tokens and in what the spans cover.
    """
    starts: list[int] = []
    ends: list[int] = []  # of the reaches
    for start, end in offsets:
        anchor, stop = _reach(text, start, max(end, start + 1))
        starts.append(anchor)
        ends.append(stop)
    weights = [0.0] * (len(offsets) + 1)
    for span in spans:
        if span.start < span.end:
            tokens = range(bisect_right(ends, span.start), bisect_left(starts, span.end))
        else:
            tokens = _junction(text, offsets, span.start)
        for token in tokens:
            weights[token] = max(weights[token], span.weight)
    return weights


def _reach(text: str, start: int, end: int) -> tuple[int, int]:
    """What the token ``text[start:end]`` covers of the line it belongs to."""
    anchor = start
    while anchor < end and text[anchor : anchor + 1] in _NEWLINES and anchor < len(text):
        anchor += 1
    if anchor == end:
        anchor = start
    line_end = _END_OF_LINE.search(text, anchor, end)
    return anchor, line_end.end() if line_end else end


def _junction(text: str, offsets: Sequence[tuple[int, int]], place: int) -> range:
    """The tokens by which the text goes on at ``place``: blanks, if any, and the first token that holds more."""
    first = bisect_right(offsets, place, key=lambda offset: offset[1])
    last = first
    while last < len(offsets) and not text[max(place, offsets[last][0]) : offsets[last][1]].strip(_BLANKS):
        last += 1
    return range(first, last + 1)
