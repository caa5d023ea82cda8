"""The paper's differ: an exact longest common subsequence over lines (section 3.2).

Lines are compared without their terminators, so a CRLF file or a missing last newline is no difference in itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate

from rapidfuzz.distance import LCSseq, Opcodes

from iterpref.focus.diff import Hunk

__all__ = ["bare_lines", "cut_lines", "diff_lines", "diff_sequences", "hunks_between", "opcodes"]


def diff_lines(rejected: str, chosen: str) -> list[Hunk]:
    """Hunks of whole lines, each with its terminator."""
    return hunks_between(cut_lines(rejected), cut_lines(chosen), bare_lines(rejected), bare_lines(chosen))


def diff_sequences(rejected: Sequence[str], chosen: Sequence[str]) -> list[Hunk]:
    """Hunks between two texts cut into pieces; equal pieces match."""
    return hunks_between(rejected, chosen, rejected, chosen)


def hunks_between(
    rejected: Sequence[str], chosen: Sequence[str], rejected_keys: Sequence[Hashable], chosen_keys: Sequence[Hashable]
) -> list[Hunk]:
    """Hunks between two texts cut into pieces; pieces match where their keys are equal."""
    at_rejected = [0, *accumulate(map(len, rejected))]
    at_chosen = [0, *accumulate(map(len, chosen))]
    hunks: list[Hunk] = []
    for step in opcodes(rejected_keys, chosen_keys):
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


def opcodes(rejected: Sequence[Hashable], chosen: Sequence[Hashable]) -> Opcodes:
    """rapidfuzz's steps from one sequence to the other along a longest common subsequence."""
    numbers: dict[Hashable, int] = {}
    # rapidfuzz compares hashes; small integers are their own hash, so the result is exact
    codes_rejected = [numbers.setdefault(item, len(numbers)) for item in rejected]
    codes_chosen = [numbers.setdefault(item, len(numbers)) for item in chosen]
    return LCSseq.opcodes(codes_rejected, codes_chosen)


def cut_lines(text: str) -> list[str]:
    """Lines with their terminators; joined, they are ``text`` again."""
    # str.splitlines would also cut at form feeds and U+2028, which Python source does not
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def bare_lines(text: str) -> list[str]:
    """As :func:`cut_lines`, without the terminators."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines
