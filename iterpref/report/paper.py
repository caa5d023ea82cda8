"""What the paper reports of debugging and of sampling (section 3.1), to stand beside one's own figures."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CALLS_PER_PAIR", "CALLS_PER_SOLVED", "PASSING"]

CALLS_PER_PAIR = ("10.4", "100 x tests")  # debugging, sampling
CALLS_PER_SOLVED = ("7", "")
# Tasks that pass after so many versions: five repairs are six versions; five samples are five.
PASSING: tuple[Mapping[int, str], Mapping[int, str]] = ({1: "36.7%", 6: "67.5%"}, {5: "51.9%"})
