"""The one function from spans of characters to weights of tokens (paper, section 3.2: the mask of D-).

Works from a tokenizer's offsets alone. Nothing is decoded and no text is encoded a second time, so the tokens that are
weighted are the tokens that are trained on, whatever the tokenizer.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter

from iterpref.types import Span

__all__ = ["token_weights"]

_NEWLINES = "\r\n"
_RUN_OF_NEWLINES = re.compile(r"[\r\n]*")
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t"
_START, _END = itemgetter(0), itemgetter(1)


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
        ``len(offsets) + 1`` weights. Beyond making this list, time goes with what the spans cover.
    """
    weights = [0.0] * (len(offsets) + 1)
    reached = 0  # from here on no span has been
    for span in spans:
        if not span.weight:
            continue
        first, last = (
            _covered(text, offsets, span.start, span.end)
            if span.start < span.end
            else _junction(text, offsets, span.start)
        )
        if first >= reached:
            weights[first:last] = [span.weight] * (last - first)
        else:
            weights[first:last] = [max(weight, span.weight) for weight in weights[first:last]]
        reached = max(reached, last)
    return weights


def _end_of(offset: tuple[int, int]) -> int:
    """Where a token ends; one without characters stands for the character at its place."""
    start, end = offset
    return end if end > start else start + 1


def _covered(text: str, offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The tokens (first, one after the last) whose reach overlaps ``text[start:end]``."""
    first = bisect_right(offsets, start, key=_end_of)
    last = bisect_left(offsets, end, first, key=_START)
    # Only at the edges may a token overlap the span with characters that are no part of its reach.
    while first < last and offsets[first][0] < start and _reach_end(text, *offsets[first]) <= start:
        first += 1
    while first < last and _anchor(text, *offsets[last - 1]) >= end:
        last -= 1
    return first, last


def _anchor(text: str, start: int, end: int) -> int:
    """The first character of a token that is no newline, which tells its line; its start where all are."""
    if end - start < 2 or text[start] not in _NEWLINES:
        return start
    run = _RUN_OF_NEWLINES.match(text, start, end)
    return run.end() if run and run.end() < end else start


def _reach_end(text: str, start: int, end: int) -> int:
    """Where that line, or the token, ends."""
    line_end = _END_OF_LINE.search(text, _anchor(text, start, end), max(end, start + 1))
    return line_end.end() if line_end else max(end, start + 1)


def _junction(text: str, offsets: Sequence[tuple[int, int]], place: int) -> tuple[int, int]:
    """The tokens by which the text goes on at ``place``: blanks, if any, and the first token that holds more."""
    first = bisect_right(offsets, place, key=_END)
    last = first
    while last < len(offsets) and not text[max(place, offsets[last][0]) : offsets[last][1]].strip(_BLANKS):
        last += 1
    return first, last + 1
