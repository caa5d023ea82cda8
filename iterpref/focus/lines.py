"""The paper's differ: an exact longest common subsequence over lines (section 3.2).

Lines are compared without their terminators, so a CRLF file or a missing last newline is no difference in itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate

from rapidfuzz.distance import LCSseq

from iterpref.focus.diff import Hunk

__all__ = ["diff_lines", "diff_sequences"]


def diff_lines(rejected: str, chosen: str) -> list[Hunk]:
    """Hunks of whole lines, each with its terminator."""
    return diff_sequences(_lines(rejected), _lines(chosen), _line_key)


def diff_sequences(rejected: Sequence[str], chosen: Sequence[str], key: object = None) -> list[Hunk]:
    """Hunks between two texts cut into pieces; pieces match where ``key`` (default: the piece itself) is equal."""
    numbers: dict[Hashable, int] = {}
    make = key if callable(key) else str
    # rapidfuzz compares hashes; small integers are their own hash, so the result is exact
    codes_rejected = [numbers.setdefault(make(piece), len(numbers)) for piece in rejected]
    codes_chosen = [numbers.setdefault(make(piece), len(numbers)) for piece in chosen]
    at_rejected = [0, *accumulate(map(len, rejected))]
    at_chosen = [0, *accumulate(map(len, chosen))]
    hunks: list[Hunk] = []
    for step in LCSseq.opcodes(codes_rejected, codes_chosen):
        if step.tag == "equal":
            continue
        hunk = Hunk(
            at_rejected[step.src_start], at_rejected[step.src_end], at_chosen[step.dest_start], at_chosen[step.dest_end]
        )
        # rapidfuzz reports a replacement as a deletion beside an insertion: join what touches
        if hunks and (hunks[-1].rejected_end, hunks[-1].chosen_end) == (hunk.rejected_start, hunk.chosen_start):
            hunk = Hunk(hunks[-1].rejected_start, hunk.rejected_end, hunks[-1].chosen_start, hunk.chosen_end)
            hunks.pop()
        hunks.append(hunk)
    return hunks


def _lines(text: str) -> list[str]:
    # str.splitlines would also cut at form feeds and U+2028, which Python source does not
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _line_key(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
