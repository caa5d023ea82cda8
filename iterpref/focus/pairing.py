"""A finer differ for running: the lines inside a hunk, taken apart where they can be told apart.

Edits on neighbouring lines are one hunk of the line differ, although each may be a matter of its own. Here every line
is paired with the line that took its place, if one is similar enough, and each pair is a hunk. Lines that were only
removed, and lines that were only added, are hunks of their own. Where lines were replaced by others that resemble none
of them, they stay together: apart, the new line could pass beside the wrong one, which would then look harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rapidfuzz import fuzz

from iterpref.focus.diff import Hunk
from iterpref.focus.lines import cut_lines, diff_lines

__all__ = ["diff_paired_lines"]

_REMARK = re.compile(r"#[^'\"]*$")  # says nothing about which line took whose place
_SIMILAR = 50.0  # per cent of characters in common, of both lines together
_LARGEST = 10_000  # pairs of lines that are compared; larger hunks are rewrites, in which no line has a partner


def diff_paired_lines(rejected: str, chosen: str) -> list[Hunk]:
    """Hunks of :func:`diff_lines`, taken apart. Neighbouring hunks may touch; together they are the same ranges."""
    hunks: list[Hunk] = []
    for hunk in diff_lines(rejected, chosen):
        old = cut_lines(rejected[hunk.rejected_start : hunk.rejected_end])
        new = cut_lines(chosen[hunk.chosen_start : hunk.chosen_end])
        hunks += (part.shifted(hunk.rejected_start, hunk.chosen_start) for part in _parts(old, new))
    return hunks


def _parts(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    at_old, at_new = [0, *accumulate(map(len, old))], [0, *accumulate(map(len, new))]

    def hunk(i: int, i_end: int, j: int, j_end: int) -> Hunk:
        return Hunk(at_old[i], at_old[i_end], at_new[j], at_new[j_end])

    i = j = 0
    for next_i, next_j in [*_partners(old, new), (len(old), len(new))]:
        if i == next_i or j == next_j:  # only removed, or only added
            yield from (hunk(line, line + 1, j, j) for line in range(i, next_i))
            yield from (hunk(i, i, line, line + 1) for line in range(j, next_j))
        elif next_i - i == next_j - j:  # as many as before: line by line
            yield from (hunk(i + n, i + n + 1, j + n, j + n + 1) for n in range(next_i - i))
        else:
            yield hunk(i, next_i, j, next_j)
        if next_i < len(old):
            yield hunk(next_i, next_i + 1, next_j, next_j + 1)
        i, j = next_i + 1, next_j + 1


def _partners(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of similar lines, in order, that are most similar in sum."""
    if not old or not new or len(old) * len(new) > _LARGEST:
        return []
    bare_old, bare_new = (
        [_REMARK.sub("", line).strip() for line in old],
        [_REMARK.sub("", line).strip() for line in new],
    )
    likeness = [[fuzz.ratio(a, b, score_cutoff=_SIMILAR) for b in bare_new] for a in bare_old]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + likeness[i][j])
    pairs = []
    i = j = 0
    while i < len(old) and j < len(new):
        if likeness[i][j] and best[i][j] == best[i + 1][j + 1] + likeness[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
