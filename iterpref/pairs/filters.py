"""The paper's rule filters, in its order (section 3.1): a pair is kept, or dropped with one reason.

A filter looks at a :class:`Candidate` and returns a reason, or None to keep it.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from iterpref.config import PairsConfig
from iterpref.focus import Hunk

__all__ = ["Candidate", "Filter", "filters"]


@dataclass(frozen=True)
class Candidate:
    """A pair before it is one."""

    chosen: str
    rejected: str
    hunks: Sequence[Hunk]

    @property
    def focus_lines(self) -> list[str]:
        """The lines of D-, without those that are blank."""
        lines = [
            line for hunk in self.hunks for line in self.rejected[hunk.rejected_start : hunk.rejected_end].split("\n")
        ]
        return [line for line in lines if line.strip()]


Filter = Callable[[Candidate], str | None]


def filters(config: PairsConfig, count_tokens: Callable[[str], int] | None) -> list[Filter]:
    """The filters a configuration asks for. Without ``count_tokens`` length is not judged."""

    def too_many_lines(pair: Candidate) -> str | None:
        return f"D- has over {config.max_lines} lines" if len(pair.focus_lines) > config.max_lines else None

    def too_many_tokens(pair: Candidate) -> str | None:
        assert count_tokens is not None
        longest = max(count_tokens(pair.chosen), count_tokens(pair.rejected))
        return f"y+ or y- has over {config.max_tokens} tokens" if longest > config.max_tokens else None

    def only_missing(pair: Candidate) -> str | None:
        return "y- only lacks code" if all(hunk.missing for hunk in pair.hunks) else None

    chain: list[Filter] = [identical, only_comments, too_many_lines]
    if count_tokens is not None:
        chain.append(too_many_tokens)
    chain.append(same_ast)
    if config.deletions == "drop":
        chain.append(only_missing)
    return chain


def identical(pair: Candidate) -> str | None:
    return None if pair.hunks else "y- equals y+"


def only_comments(pair: Candidate) -> str | None:
    """D- is there, but holds only comments and blank lines."""
    if any(not hunk.missing for hunk in pair.hunks) and all(line.lstrip().startswith("#") for line in pair.focus_lines):
        return "D- is only comments"
    return None


def same_ast(pair: Candidate) -> str | None:
    chosen, rejected = _tree(pair.chosen), _tree(pair.rejected)
    return "y- and y+ have the same AST" if chosen is not None and chosen == rejected else None


def _tree(code: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the program are none of our concern
            return ast.dump(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
